//! Files are opened.

use alloc::rc::Rc;

use anax_files::files::{How, Opened};
use anax_files::{Failure, Kind};

use crate::host::Host;
use crate::node::Vnode;
use crate::session::Session;
use crate::state::Vfs;
use crate::walk::Last;

impl<H: Host + 'static> Vfs<H> {
    /// Opens what has a path, if nobody has to be asked: not what is to be made, or emptied.
    pub(crate) fn open_known(
        self: &Rc<Self>,
        session: &Rc<Session<H>>,
        path: &str,
        how: How,
    ) -> Option<Result<Opened, Failure>> {
        match self.walk_known(path, Last::Follow)? {
            Err(Failure::NotFound) if how.create => None,
            Err(failure) => Some(Err(failure)),
            Ok(node) if node.volume.traits.get().is_volatile => None,
            Ok(node) => Some(self.open_node(session, node, how)),
        }
    }

    pub(crate) async fn open(
        self: &Rc<Self>,
        session: &Rc<Session<H>>,
        path: &str,
        how: How,
    ) -> Result<Opened, Failure> {
        let last = if how.no_follow { Last::Itself } else { Last::Follow };
        let found = if how.create_new { Err(Failure::NotFound) } else { self.walk(path, last).await };
        let node = match found {
            Ok(node) => node,
            Err(Failure::NotFound) if how.create || how.create_new => {
                match self.make(path, Kind::File, "").await {
                    // Another one was faster, or the link at the end leads nowhere.
                    Err(Failure::Exists) if !how.create_new => self.walk(path, last).await?,
                    made => made?,
                }
            }
            Err(failure) => return Err(failure),
        };
        if how.no_follow && node.attributes.get().kind == Kind::Link {
            return Err(Failure::Loop);
        }
        if node.volume.traits.get().is_volatile {
            self.refresh(&node).await?;
        }
        let opened = self.open_node(session, node.clone(), how)?;
        if how.truncate && node.attributes.get().kind == Kind::File && node.size() > 0 {
            if let Err(failure) = alloc::boxed::Box::pin(self.set_size(&node, 0)).await {
                let _closed = session.close(opened.file);
                return Err(failure);
            }
            return Ok(Opened { first: None, ..opened });
        }
        Ok(opened)
    }

    /// Asks anew what is known of a node of a file system that changes by itself.
    pub(crate) async fn refresh(&self, node: &Rc<Vnode<H>>) -> Result<(), Failure> {
        let attributes = self.ask(&node.volume, |client| client.attributes(node.node)).await?;
        self.know(&node.volume, attributes, 0).map(drop)
    }

    fn open_node(
        self: &Rc<Self>,
        session: &Rc<Session<H>>,
        node: Rc<Vnode<H>>,
        how: How,
    ) -> Result<Opened, Failure> {
        let attributes = node.attributes.get();
        let is_directory = attributes.kind == Kind::Directory;
        if how.directory && !is_directory {
            return Err(Failure::NotADirectory);
        }
        if is_directory && how.write {
            return Err(Failure::IsADirectory);
        }
        if how.write && (attributes.is_read_only || node.volume.traits.get().is_read_only) {
            return Err(Failure::ReadOnly);
        }
        let kind = attributes.kind;
        let file = session.open(node.clone(), how)?;
        let first = if kind == Kind::File && node.size() > 0 {
            self.lease_known(session, file, &node, 0)
        } else {
            None
        };
        Ok(Opened { file, kind, first })
    }
}
