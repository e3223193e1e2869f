//! What is mounted where, and by which thread.
//!
//! A mount is one thread's for as long as it is there. All threads have the table; thread 0 changes it. While that is under way the mount's own thread lets those wait who come to it: when the first of them
//! is let in, all threads know of the mount, and when the last of those goes away who have come too late, none does. So nobody who has seen the new tree finds the old one elsewhere.

use alloc::rc::Rc;
use alloc::string::String;
use alloc::vec::Vec;

use anax_abi::{Handle, Rights};
use anax_files::files::Walk;
use anax_files::volume::{ARENA, Traits};
use anax_files::{Failure, Kind, Usage};
use anax_proto::Gift;

use crate::host::Host;
use crate::node::Vnode;
use crate::peers::{Ask, Entry, Said};
use crate::state::Vfs;
use crate::volume::Volume;
use crate::walk::Last;

/// How often a path may lead from one thread to another: more often than symbolic links are followed.
const HOPS: u32 = 16;

/// A file system of this thread's.
pub(crate) struct Own<H: Host> {
    pub(crate) volume: Rc<Volume<H>>,
    pub(crate) root: Rc<Vnode<H>>,
}

impl<H: Host> Clone for Own<H> {
    fn clone(&self) -> Self {
        Self { volume: self.volume.clone(), root: self.root.clone() }
    }
}

/// A file system's place in the tree.
pub(crate) struct Mount<H: Host> {
    pub(crate) entry: Entry,
    /// Nothing if it is another thread's.
    pub(crate) own: Option<Own<H>>,
    /// It comes or goes: whoever comes to it waits.
    pub(crate) is_changing: bool,
}

/// Who chooses the thread of a mount.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// It is one that every machine has: thread 0's.
    First,
    /// The one that has fewest of the others.
    Any,
}

impl<H: Host + 'static> Vfs<H> {
    /// Mounts a file system at a plain path. Its port is this server's from now on.
    ///
    /// # Errors
    /// `NotFound`, `NotADirectory`, `Busy`, `TooMany`, what the file system answers; `Elsewhere` if this is not thread 0.
    pub(crate) async fn mount(
        self: &Rc<Self>,
        path: String,
        source: String,
        port: Gift,
        place: Place,
    ) -> Result<(), Failure> {
        if let Err(failure) = self.can_mount(&path).await {
            self.close(port.handle);
            return Err(failure);
        }
        let thread = match place {
            Place::First => 0,
            Place::Any => self.least_loaded(),
        };
        let number = self.volume_number();
        let Said::Attached(traits) = self.ask_thread(thread, Ask::Attach(number, port.handle)).await? else {
            return Err(Failure::Damaged);
        };
        // Others may have been mounted meanwhile.
        if let Err(failure) = self.has_place(&path) {
            self.ask_thread(thread, Ask::Abandon(number)).await?;
            return Err(failure);
        }
        if place == Place::First {
            self.first_mounts.set(self.first_mounts.get() + 1);
        }
        let entry = Entry { number, thread, path, source, traits };
        // From here on nothing can fail.
        self.enter(entry.clone(), true);
        if thread != 0 {
            self.ask_thread(thread, Ask::Enter(entry.clone(), true)).await?;
            self.open_mount(number);
        }
        let threads = if cfg!(bite = "vfs-mounts-untold") { 0 } else { self.host.threads() };
        for other in (1..threads).filter(|other| *other != thread) {
            self.ask_thread(other, Ask::Enter(entry.clone(), false)).await?;
        }
        self.ask_thread(thread, Ask::Open(number)).await.map(drop)
    }

    /// Whether something can be mounted there.
    async fn can_mount(self: &Rc<Self>, path: &str) -> Result<(), Failure> {
        if self.host.own() != 0 {
            return Err(Failure::Elsewhere { thread: 0, mount: 1 });
        }
        self.has_place(path)?;
        if self.mounts.borrow().is_empty() {
            return if path == "/" { Ok(()) } else { Err(Failure::NotFound) };
        }
        let (mut thread, mut path) = (0, String::from(path));
        for _ in 0..HOPS {
            let Said::Leads(to) = self.ask_thread(thread, Ask::Resolve(path, Walk::Follow)).await? else {
                break;
            };
            if let Some(kind) = to.kind {
                return if kind == Kind::Directory { Ok(()) } else { Err(Failure::NotADirectory) };
            }
            (thread, path) = (to.thread, to.path);
        }
        Err(Failure::Loop)
    }

    /// Whether nothing is mounted there, and one more may be.
    fn has_place(&self, path: &str) -> Result<(), Failure> {
        let mounts = self.mounts.borrow();
        if mounts.len() >= self.limits.mounts {
            return Err(Failure::TooMany);
        }
        if mounts.iter().any(|mount| mount.entry.path == path) {
            return Err(Failure::Busy);
        }
        Ok(())
    }

    /// The thread with fewest mounts, without those that every machine has; rather another one than 0, which has these.
    fn least_loaded(&self) -> u16 {
        let mounts = self.mounts.borrow();
        let load = |thread: u16| {
            let count = mounts.iter().filter(|mount| mount.entry.thread == thread).count();
            if thread == 0 { count.saturating_sub(self.first_mounts.get()) } else { count }
        };
        (1..self.host.threads()).chain([0]).min_by_key(|thread| load(*thread)).unwrap_or(0)
    }

    /// Begins with a file system, which has no place in the tree yet.
    pub(crate) async fn begin_with(&self, number: u32, port: Handle) -> Result<Traits, Failure> {
        let begun = self.begin_with_port(number, port).await;
        if begun.is_err() {
            self.close(port);
        }
        begun
    }

    async fn begin_with_port(&self, number: u32, port: Handle) -> Result<Traits, Failure> {
        let (arena, handle) = self.host.make_mapped(ARENA)?;
        let volume = Rc::new(Volume::new(number, port, arena));
        let rights = Rights::SEND.with(Rights::READ).with(Rights::WRITE);
        let attached = self.ask(&volume, |client| client.attach(Gift::copy(handle, rights))).await;
        self.close(handle);
        let (root, traits) = attached?;
        volume.traits.set(traits);
        let attributes = self.ask(&volume, |client| client.attributes(root)).await?;
        if attributes.node != root || attributes.kind != Kind::Directory {
            return Err(Failure::Damaged);
        }
        let usage = self.ask(&volume, |client| client.usage()).await.unwrap_or_default();
        volume.free_bytes.set(usage.free_bytes);
        let root = self.know(&volume, attributes, 0)?;
        self.arriving.borrow_mut().push(Own { volume, root });
        Ok(traits)
    }

    /// Gives up one that has no place in the tree.
    pub(crate) fn abandon(&self, number: u32) {
        if let Some(own) = self.arrived(number) {
            self.close(own.volume.port);
        }
    }

    pub(crate) fn arrived(&self, number: u32) -> Option<Own<H>> {
        let mut arriving = self.arriving.borrow_mut();
        let place = arriving.iter().position(|own| own.volume.number == number)?;
        Some(arriving.swap_remove(place))
    }

    /// It has a place in the tree.
    pub(crate) fn enter(&self, entry: Entry, is_changing: bool) {
        let own = self.arrived(entry.number);
        let mut mounts = self.mounts.borrow_mut();
        // The longest path first: whoever looks for the mount of a path takes the first that fits.
        let place = mounts.partition_point(|mount| mount.entry.path.len() >= entry.path.len());
        mounts.insert(place, Mount { entry, own, is_changing });
    }

    /// Whoever has come to it goes on.
    pub(crate) fn open_mount(&self, number: u32) {
        let mut mounts = self.mounts.borrow_mut();
        if let Some(mount) = mounts.iter_mut().find(|mount| mount.entry.number == number) {
            mount.is_changing = false;
        }
        self.moved.notify(&self.ops);
    }

    /// Takes a file system from the tree.
    pub(crate) async fn unmount(self: &Rc<Self>, path: &str) -> Result<(), Failure> {
        if self.host.own() != 0 {
            return Err(Failure::Elsewhere { thread: 0, mount: 1 });
        }
        let (number, thread) = {
            let mounts = self.mounts.borrow();
            let mount = mounts.iter().find(|mount| mount.entry.path == path).ok_or(Failure::NotFound)?;
            (mount.entry.number, mount.entry.thread)
        };
        if path == "/" || self.has_inner(path) {
            return Err(Failure::Busy);
        }
        self.ask_thread(thread, Ask::Leave(number)).await?;
        if self.has_inner(path) {
            self.ask_thread(thread, Ask::Open(number)).await?;
            return Err(Failure::Busy);
        }
        // Its own thread is the last: those who wait there find all others without it.
        let threads = (0..self.host.threads()).filter(|other| *other != thread);
        for other in threads.chain([thread]) {
            self.ask_thread(other, Ask::Remove(number)).await?;
        }
        Ok(())
    }

    /// The file system of that number, if somebody may come to it.
    fn own_mount(&self, number: u32) -> Result<Own<H>, Failure> {
        let mounts = self.mounts.borrow();
        let mount = mounts.iter().find(|mount| mount.entry.number == number).ok_or(Failure::NotFound)?;
        if mount.is_changing { Err(Failure::Busy) } else { mount.own.clone().ok_or(Failure::NotFound) }
    }

    /// Stores all of a file system of this thread's; then nobody comes to it any more.
    pub(crate) async fn leave(self: &Rc<Self>, number: u32) -> Result<(), Failure> {
        let volume = self.own_mount(number)?.volume;
        if self.is_open(number) {
            return Err(Failure::Busy);
        }
        self.store_all(Some(number)).await;
        let stored = volume.failed.take().map_or(Ok(()), Err);
        let synced = self.ask(&volume, |client| client.sync()).await.and(stored);
        // One that has died has nothing that could be lost by leaving it.
        if !matches!(synced, Ok(()) | Err(Failure::Way(_))) {
            return synced;
        }
        // Another one may have been faster.
        self.own_mount(number)?;
        if self.is_open(number) {
            return Err(Failure::Busy);
        }
        let mut mounts = self.mounts.borrow_mut();
        if let Some(mount) = mounts.iter_mut().find(|mount| mount.entry.number == number) {
            mount.is_changing = true;
        }
        Ok(())
    }

    /// It has no place in the tree any more.
    pub(crate) fn remove_mount(self: &Rc<Self>, number: u32) {
        let mut mounts = self.mounts.borrow_mut();
        let place = mounts.iter().position(|mount| mount.entry.number == number);
        let removed = place.map(|place| mounts.remove(place));
        drop(mounts);
        if let Some(Mount { entry, own: Some(own), .. }) = removed {
            self.names.borrow_mut().clear_volume(number);
            self.dismiss(own.volume, entry.is_of_a_program());
        }
        self.moved.notify(&self.ops);
    }

    /// Has no use for a file system any more. The server of one that a program has mounted is told, and may end.
    fn dismiss(self: &Rc<Self>, volume: Rc<Volume<H>>, is_told: bool) {
        let vfs = self.clone();
        self.ops.spawn(async move {
            if is_told && cfg!(not(bite = "vfs-leaves-servers-behind")) {
                // One that has died needs no telling.
                let _gone = vfs.ask(&volume, |client| client.detach()).await;
            }
            vfs.close(volume.port);
        });
    }

    /// Whether something is mounted below it.
    fn has_inner(&self, path: &str) -> bool {
        let mounts = self.mounts.borrow();
        let is_inner = |other: &str| other != path && anax_files::path::below(other, path).is_some();
        mounts.iter().any(|mount| is_inner(&mount.entry.path))
    }

    /// Whether something of a file system is open: by its own thread, as all that is.
    fn is_open(self: &Rc<Self>, number: u32) -> bool {
        let sessions: Vec<_> = self.sessions.borrow().values().cloned().collect();
        self.see_closed_by_others(sessions.iter().cloned());
        sessions.iter().any(|session| {
            let mut files = session.all().into_iter().filter_map(|file| session.file(file).ok());
            files.any(|file| file.vnode.volume.number == number)
        })
    }

    /// The file systems of this thread.
    pub(crate) fn volumes(&self) -> Vec<Rc<Volume<H>>> {
        let mounts = self.mounts.borrow();
        mounts.iter().filter_map(|mount| mount.own.as_ref().map(|own| own.volume.clone())).collect()
    }

    /// A mount as a program reads it; nothing if there are fewer.
    pub(crate) fn mounted(&self, number: u64) -> Vec<u8> {
        let mounts = self.mounts.borrow();
        let place = usize::try_from(number).unwrap_or(usize::MAX);
        // Those that were mounted first have the shortest paths.
        let Some(mount) = mounts.iter().rev().nth(place) else { return Vec::new() };
        let Entry { path, source, traits, thread, .. } = &mount.entry;
        let mut bytes = Vec::new();
        for text in [path, traits.kind(), source] {
            let text = &text.as_bytes()[..text.len().min(255)];
            bytes.push(text.len() as u8);
            bytes.extend_from_slice(text);
        }
        bytes.push(traits.is_read_only.into());
        bytes.extend_from_slice(&thread.to_le_bytes());
        bytes
    }

    pub(crate) async fn usage(&self, path: &str) -> Result<Usage, Failure> {
        let node = self.walk(path, Last::Follow).await?;
        self.ask(&node.volume, |client| client.usage()).await
    }
}
