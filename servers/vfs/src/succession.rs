//! The server of a file system has ended, and its successor takes its place in the tree.
//!
//! Paths lead to the successor from then on. What was open is of the one that has ended: its leases end, since nobody would ever hear of what is written by them, and whoever asks for any of it is told `Ended`.
//! What was still to be stored is lost, and who asks for it to last is told so.

use alloc::rc::{Rc, Weak};
use alloc::string::String;
use alloc::vec::Vec;

use anax_files::path::below;
use anax_files::volume::VolumeClient;
use anax_files::{Failure, Kind};
use anax_proto::Gift;

use crate::host::Host;
use crate::line::Line;
use crate::mounts::Own;
use crate::node::Vnode;
use crate::peers::{Ask, Entry, Said};
use crate::state::Vfs;

impl<H: Host + 'static> Vfs<H> {
    /// On thread 0: mounts the successor of what is mounted at a plain path. Its port is this server's from now on.
    ///
    /// # Errors
    /// `NotFound`: nothing is mounted there any more. `Busy`: it is about to go. What the successor answers.
    pub(crate) async fn succeed(self: &Rc<Self>, path: &str, port: Gift) -> Result<(), Failure> {
        let old =
            self.mounts.borrow().iter().map(|mount| mount.entry.clone()).find(|entry| entry.path == path);
        let Some(old) = old else {
            self.close(port.handle);
            return Err(Failure::NotFound);
        };
        let (thread, number) = (old.thread, self.volume_number());
        let Said::Attached(traits) = self.ask_thread(thread, Ask::Attach(number, port.handle)).await? else {
            return Err(Failure::Damaged);
        };
        let places =
            if thread == self.host.own() { self.furnish(number, path).await } else { Ok(Vec::new()) };
        let places = match places {
            Ok(places) => places,
            Err(failure) => {
                self.ask_thread(thread, Ask::Abandon(number)).await?;
                return Err(failure);
            }
        };
        let (old, entry) = (old.number, Entry { number, traits, ..old });
        // Its own thread says whether it is still there. Others only know whose it is, which stays as it was.
        if let Err(failure) = self.ask_thread(thread, Ask::Replace(old, entry.clone())).await {
            self.ask_thread(thread, Ask::Abandon(number)).await?;
            return Err(failure);
        }
        for other in (0..self.host.threads()).filter(|other| *other != thread) {
            self.ask_thread(other, Ask::Replace(old, entry.clone())).await?;
        }
        // Only now they can be forgotten, by a file system that is known.
        drop(places);
        Ok(())
    }

    /// Makes directories in one that has no place in the tree yet, for what is mounted below the path at which it will be.
    async fn furnish(self: &Rc<Self>, number: u32, path: &str) -> Result<Vec<Rc<Vnode<H>>>, Failure> {
        let own = self.arriving.borrow().iter().find(|own| own.volume.number == number).cloned();
        let Some(Own { volume, root }) = own else { return Err(Failure::NotFound) };
        let mut made = Vec::new();
        if volume.traits.get().is_read_only {
            return Ok(made);
        }
        let inner: Vec<String> = self.mounts.borrow().iter().map(|mount| mount.entry.path.clone()).collect();
        for rest in
            inner.iter().filter_map(|inner| below(inner, path)).map(|rest| rest.trim_start_matches('/'))
        {
            let mut here = root.clone();
            for name in rest.split('/').filter(|name| !name.is_empty()) {
                let mut slot = volume.slot(&self.ops).await;
                let (text, target) = (slot.put(name.as_bytes())?, slot.put(&[])?);
                let now = self.host.seconds();
                let create = |client: &mut VolumeClient<Line>| {
                    client.create(here.node, text, Kind::Directory, target, now)
                };
                let attributes = match self.ask(&volume, create).await {
                    Err(Failure::Exists) => {
                        self.ask(&volume, |client| client.lookup(here.node, text)).await?
                    }
                    created => created?,
                };
                here = self.know(&volume, attributes, 1)?;
                made.push(here.clone());
            }
        }
        Ok(made)
    }

    /// Knows of a mount in another one's place.
    ///
    /// # Errors
    /// As [`succeed`](Self::succeed), if it is this thread's.
    pub(crate) fn replace(&self, old: u32, entry: Entry) -> Result<(), Failure> {
        let is_own = entry.thread == self.host.own();
        let ended = {
            let mut mounts = self.mounts.borrow_mut();
            let Some(mount) = mounts.iter_mut().find(|mount| mount.entry.number == old) else {
                return if is_own { Err(Failure::NotFound) } else { Ok(()) };
            };
            if is_own && mount.is_changing {
                return Err(Failure::Busy);
            }
            let own = self.arrived(entry.number);
            mount.entry = entry;
            core::mem::replace(&mut mount.own, own)
        };
        if let Some(ended) = ended {
            self.let_go(&ended);
        }
        Ok(())
    }

    /// Nobody finds it any more, and nobody has leases of it.
    fn let_go(&self, Own { volume, .. }: &Own<H>) {
        volume.has_ended.set(true);
        self.names.borrow_mut().clear_volume(volume.number);
        let nodes: Vec<_> = volume.nodes.borrow().values().filter_map(Weak::upgrade).collect();
        for vnode in nodes {
            // Whoever asks for it to last asks the file system, too, and finds nobody.
            self.clean(&vnode);
            vnode.dirty_since.set(None);
            if cfg!(not(bite = "vfs-leases-of-the-dead")) {
                vnode.pages.borrow_mut().end_all(&mut self.ended.borrow_mut());
            }
            vnode.signal.notify(&self.ops);
        }
        // Nobody is to be waited for who would store them.
        self.dirty.borrow_mut().retain(|vnode| vnode.volume.number != volume.number);
        self.close(volume.port);
        self.cleaned.notify(&self.ops);
    }
}
