//! What is known of nodes, and what is in directories and devices.

use alloc::rc::Rc;

use anax_files::files::OpenFile;
use anax_files::{Attributes, Failure, Kind, Text};

use crate::host::Host;
use crate::session::Session;
use crate::state::Vfs;
use crate::walk::Last;

impl<H: Host + 'static> Vfs<H> {
    /// What is known of a path, if nobody has to be asked.
    pub(crate) fn stat_known(&self, path: &str, last: Last) -> Option<Result<Attributes, Failure>> {
        match self.walk_known(path, last)? {
            Err(failure) => Some(Err(failure)),
            Ok(node) => {
                let attributes = node.attributes.get();
                let is_certain = matches!(attributes.kind, Kind::File | Kind::Link);
                (is_certain && !node.volume.traits.get().is_volatile).then_some(Ok(attributes))
            }
        }
    }

    pub(crate) async fn stat(&self, path: &str, last: Last) -> Result<Attributes, Failure> {
        let node = self.walk(path, last).await?;
        if node.volume.traits.get().is_volatile || node.attributes.get().kind == Kind::Directory {
            self.refresh(&node).await?;
        }
        Ok(node.attributes.get())
    }

    pub(crate) async fn set_time(self: &Rc<Self>, path: &str, seconds: u64) -> Result<(), Failure> {
        let node = self.walk(path, Last::Follow).await?;
        self.can_change(&node)?;
        self.store(&node).await;
        self.ask(&node.volume, |client| client.set_modified(node.node, seconds)).await?;
        node.set_modified(seconds);
        Ok(())
    }

    pub(crate) async fn list(
        &self,
        session: &Rc<Session<H>>,
        file: OpenFile,
        from: u64,
        room: Text,
    ) -> Result<u64, Failure> {
        let file = session.file(file)?;
        let node = &file.vnode;
        if node.attributes.get().kind != Kind::Directory {
            return Err(Failure::NotADirectory);
        }
        let slot = node.volume.slot(&self.ops).await;
        let place = slot.room(room.length.into());
        let length = self.ask(&node.volume, |client| client.list(node.node, from, place)).await?;
        session.write(room, &slot.take(place, length)?)
    }

    pub(crate) async fn read_device(
        &self,
        session: &Rc<Session<H>>,
        file: OpenFile,
        offset: u64,
        room: Text,
    ) -> Result<u64, Failure> {
        let file = session.file(file)?;
        let node = &file.vnode;
        match node.attributes.get().kind {
            Kind::Device if !file.how.read => return Err(Failure::NotPermitted),
            Kind::Device => {}
            Kind::Directory => return Err(Failure::IsADirectory),
            _ => return Err(Failure::Unsupported),
        }
        let slot = node.volume.slot(&self.ops).await;
        let place = slot.room(room.length.into());
        let length = self.ask(&node.volume, |client| client.read(node.node, offset, place)).await?;
        session.write(room, &slot.take(place, length)?)
    }

    pub(crate) async fn write_device(
        &self,
        session: &Rc<Session<H>>,
        file: OpenFile,
        offset: u64,
        bytes: Text,
    ) -> Result<(), Failure> {
        let file = session.file(file)?;
        let node = &file.vnode;
        match node.attributes.get().kind {
            Kind::Device if !file.how.write => return Err(Failure::NotPermitted),
            Kind::Device => {}
            Kind::Directory => return Err(Failure::IsADirectory),
            _ => return Err(Failure::Unsupported),
        }
        let text = session.bytes(bytes, 4096)?;
        let mut slot = node.volume.slot(&self.ops).await;
        let place = slot.put(&text)?;
        self.ask(&node.volume, |client| client.write(node.node, offset, place)).await
    }
}
