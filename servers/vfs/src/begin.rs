//! How the tree begins: what every machine has in it.

use alloc::rc::Rc;
use alloc::string::String;
use alloc::vec::Vec;

use anax_files::{Failure, Kind};
use anax_proto::Gift;

use crate::host::Host;
use crate::mounts::Place;
use crate::state::Vfs;

/// A step.
#[derive(Clone, Debug)]
pub enum Step {
    /// Mounts the file system at that port, as thread 0's.
    Mount(String, Gift),
    /// The same as if a program did: any thread's, and of something, which is called like the path here.
    MountAnywhere(String, Gift),
    /// Mounts the file system at that port in the place of one whose server has ended.
    Succeed(String, Gift),
    /// Makes a directory, unless there is something of that name.
    Directory(String),
    /// Makes a symbolic link with that name to that path, unless there is something of that name.
    Link(String, String),
}

impl<H: Host + 'static> Vfs<H> {
    /// On thread 0: begins to do these steps, one after the other. `done` is told how each of them went. Until all are done, programs wait with what they ask: whoever comes first sees the whole tree.
    pub fn begin(
        self: &Rc<Self>,
        steps: Vec<Step>,
        mut done: impl FnMut(&Step, Result<(), Failure>) + 'static,
    ) {
        let vfs = self.clone();
        self.building.set(self.building.get() + 1);
        self.ops.spawn(async move {
            for step in steps {
                let outcome = match &step {
                    Step::Mount(path, port) => {
                        vfs.mount(path.clone(), String::new(), *port, Place::First).await
                    }
                    Step::MountAnywhere(path, port) => {
                        vfs.mount(path.clone(), path.clone(), *port, Place::Any).await
                    }
                    Step::Succeed(path, port) => vfs.succeed(path, *port).await,
                    Step::Directory(path) => vfs.make_unless_there(path, Kind::Directory, "").await,
                    Step::Link(path, target) => vfs.make_unless_there(path, Kind::Link, target).await,
                };
                done(&step, outcome);
            }
            vfs.building.set(vfs.building.get() - 1);
            vfs.built.notify(&vfs.ops);
        });
    }

    async fn make_unless_there(self: &Rc<Self>, path: &str, kind: Kind, target: &str) -> Result<(), Failure> {
        match self.make(path, kind, target).await {
            Ok(_) | Err(Failure::Exists) => Ok(()),
            Err(failure) => Err(failure),
        }
    }

    /// Whether the tree is not all there yet.
    pub(crate) fn is_building(&self) -> bool {
        self.building.get() > 0
    }

    /// Waits until it is.
    pub(crate) async fn wait_for_tree(&self) {
        while self.is_building() {
            self.built.wait(&self.ops).await;
        }
    }
}
