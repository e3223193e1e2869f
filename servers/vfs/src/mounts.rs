//! What is mounted where.

use alloc::rc::Rc;
use alloc::string::String;
use alloc::vec::Vec;

use anax_abi::Rights;
use anax_files::volume::ARENA;
use anax_files::{Failure, Kind, Usage};
use anax_proto::Gift;

use crate::host::Host;
use crate::state::{Mount, Vfs};
use crate::volume::Volume;
use crate::walk::Last;

impl<H: Host + 'static> Vfs<H> {
    /// Mounts a file system at a plain path. Its port is this server's from now on.
    ///
    /// # Errors
    /// `NotFound`, `NotADirectory`, `Busy`, `TooMany`, what the file system answers.
    pub(crate) async fn mount(
        self: &Rc<Self>,
        path: String,
        source: String,
        port: Gift,
    ) -> Result<(), Failure> {
        let outcome = self.mount_port(path, source, port).await;
        if outcome.is_err() {
            self.close(port.handle);
        }
        outcome
    }

    async fn mount_port(&self, path: String, source: String, port: Gift) -> Result<(), Failure> {
        let is_taken = |path: &str| self.mounts.borrow().iter().any(|mount| mount.path == path);
        if self.mounts.borrow().len() >= self.limits.mounts {
            return Err(Failure::TooMany);
        }
        if is_taken(&path) {
            return Err(Failure::Busy);
        }
        if !self.mounts.borrow().is_empty() {
            let directory = self.walk(&path, Last::Follow).await?;
            if directory.attributes.get().kind != Kind::Directory {
                return Err(Failure::NotADirectory);
            }
        } else if path != "/" {
            return Err(Failure::NotFound);
        }
        let (arena, handle) = self.host.make_mapped(ARENA)?;
        let volume = Rc::new(Volume::new(self.volume_number(), port.handle, arena));
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
        let mut mounts = self.mounts.borrow_mut();
        // Others may have been mounted meanwhile.
        if mounts.iter().any(|mount| mount.path == path) {
            return Err(Failure::Busy);
        }
        if mounts.len() >= self.limits.mounts {
            return Err(Failure::TooMany);
        }
        // The longest path first: whoever looks for the mount of a path takes the first that fits.
        let place = mounts.partition_point(|mount| mount.path.len() >= path.len());
        mounts.insert(place, Mount { path, source, volume, root });
        Ok(())
    }

    /// Takes a file system from the tree.
    pub(crate) async fn unmount(self: &Rc<Self>, path: &str) -> Result<(), Failure> {
        let mount = self.mounts.borrow().iter().find(|mount| mount.path == path).cloned();
        let mount = mount.ok_or(Failure::NotFound)?;
        let number = mount.volume.number;
        if path == "/" || self.is_busy(path, number) {
            return Err(Failure::Busy);
        }
        self.store_all(Some(number)).await;
        let stored = mount.volume.failed.take().map_or(Ok(()), Err);
        let synced = self.ask(&mount.volume, |client| client.sync()).await.and(stored);
        // One that has died has nothing that could be lost by leaving it.
        if !matches!(synced, Ok(()) | Err(Failure::Way(_))) {
            return synced;
        }
        if self.is_busy(path, number) {
            return Err(Failure::Busy);
        }
        self.mounts.borrow_mut().retain(|mount| mount.volume.number != number);
        self.names.borrow_mut().clear_volume(number);
        self.close(mount.volume.port);
        Ok(())
    }

    /// Whether something of a file system is open, or mounted in it.
    fn is_busy(self: &Rc<Self>, path: &str, number: u32) -> bool {
        let mounts = self.mounts.borrow();
        let has_inner = mounts
            .iter()
            .any(|mount| mount.path != path && anax_files::path::below(&mount.path, path).is_some());
        let sessions: Vec<_> = self.sessions.borrow().values().cloned().collect();
        self.see_closed_by_others(sessions.iter().cloned());
        let is_open = sessions.iter().any(|session| {
            let mut files = session.all().into_iter().filter_map(|file| session.file(file).ok());
            files.any(|file| file.vnode.volume.number == number)
        });
        has_inner || is_open
    }

    /// A mount as a program reads it; nothing if there are fewer.
    pub(crate) fn mounted(&self, number: u64) -> Vec<u8> {
        let mounts = self.mounts.borrow();
        let place = usize::try_from(number).unwrap_or(usize::MAX);
        // Those that were mounted first have the shortest paths.
        let Some(mount) = mounts.iter().rev().nth(place) else { return Vec::new() };
        let traits = mount.volume.traits.get();
        let mut bytes = Vec::new();
        for text in [&mount.path, traits.kind(), &mount.source] {
            let text = &text.as_bytes()[..text.len().min(255)];
            bytes.push(text.len() as u8);
            bytes.extend_from_slice(text);
        }
        bytes.push(traits.is_read_only.into());
        bytes
    }

    pub(crate) async fn usage(&self, path: &str) -> Result<Usage, Failure> {
        let node = self.walk(path, Last::Follow).await?;
        self.ask(&node.volume, |client| client.usage()).await
    }
}
