//! The server of a file system has ended, and its successor takes its place in the tree.
//!
//! Paths lead to the successor from then on. What was open is of the one that has ended: its leases end, since nobody would ever hear of what is written by them, and whoever asks for any of it is told `Ended`.
//! What was still to be stored is lost, and who asks for it to last is told so.

use alloc::rc::{Rc, Weak};
use alloc::vec::Vec;

use anax_abi::Error;
use anax_files::Failure;
use anax_proto::Gift;

use crate::host::Host;
use crate::mounts::Own;
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
        let (old, entry) = (old.number, Entry { number, traits, ..old });
        // Its own thread says whether it is still there. Others only know whose it is, which stays as it was.
        if let Err(failure) = self.ask_thread(thread, Ask::Replace(old, entry.clone())).await {
            self.ask_thread(thread, Ask::Abandon(number)).await?;
            return Err(failure);
        }
        for other in (0..self.host.threads()).filter(|other| *other != thread) {
            self.ask_thread(other, Ask::Replace(old, entry.clone())).await?;
        }
        Ok(())
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
            let was_changed = vnode.is_changed.get();
            self.clean(&vnode);
            if was_changed {
                vnode.failed.set(Some(Failure::Way(Error::PeerDied)));
            }
            if cfg!(not(bite = "vfs-leases-of-the-dead")) {
                vnode.pages.borrow_mut().end_all(&mut self.ended.borrow_mut());
            }
            vnode.signal.notify(&self.ops);
        }
        self.close(volume.port);
        self.cleaned.notify(&self.ops);
    }
}
