//! What changes names.

use alloc::rc::Rc;
use alloc::vec::Vec;
use core::sync::atomic::{Ordering, fence};

use anax_files::{Failure, Kind};

use crate::host::Host;
use crate::mounts::Mount;
use crate::names::{Found, Key};
use crate::node::Vnode;
use crate::session::Watcher;
use crate::state::Vfs;
use crate::walk::Last;

impl<H: Host + 'static> Vfs<H> {
    /// Makes something new.
    pub(crate) async fn make(
        self: &Rc<Self>,
        path: &str,
        kind: Kind,
        target: &str,
    ) -> Result<Rc<Vnode<H>>, Failure> {
        let (directory, name) = match self.parent(path).await {
            // The root and mounts are there.
            Err(Failure::Busy) => return Err(Failure::Exists),
            parent => parent?,
        };
        let volume = &directory.volume;
        if volume.traits.get().is_read_only {
            return Err(Failure::ReadOnly);
        }
        let key = self.key(&directory, name);
        let mut slot = volume.slot(&self.ops).await;
        let text = slot.put(name.as_bytes())?;
        let target = slot.put(target.as_bytes())?;
        let now = self.host.seconds();
        let made = self.ask(volume, |client| client.create(directory.node, text, kind, target, now)).await;
        let node = made.and_then(|made| self.know(volume, made, 1));
        match node {
            Ok(node) => {
                self.names_changed(&directory, key, Found::Node(node.clone()));
                Ok(node)
            }
            Err(failure) => {
                self.name_unsure(&directory, key);
                Err(failure)
            }
        }
    }

    /// A name in a directory means that from now on.
    fn names_changed(&self, directory: &Rc<Vnode<H>>, key: Key<'_>, to: Found<H>) {
        self.changed_names(directory);
        self.names.borrow_mut().put(directory, directory.changes.get(), key, to);
    }

    /// A name in a directory may mean something else from now on.
    fn name_unsure(&self, directory: &Rc<Vnode<H>>, key: Key<'_>) {
        self.changed_names(directory);
        self.names.borrow_mut().remove(directory, key);
    }

    fn changed_names(&self, directory: &Vnode<H>) {
        if directory.volume.traits.get().folds_case {
            // Other spellings of it may be remembered, too: nobody knows which.
            directory.names_changed();
        } else {
            directory.name_changed();
        }
        let seconds = self.host.seconds();
        if seconds != 0 {
            directory.set_modified(seconds);
        }
    }

    pub(crate) async fn remove(self: &Rc<Self>, path: &str, kind: Kind) -> Result<(), Failure> {
        let (directory, name) = self.parent(path).await?;
        let _turn = directory.volume.turn(&self.ops).await;
        let key = self.key(&directory, name);
        let node = self.child(&directory, key).await?;
        self.can_change(&directory)?;
        let mut slot = directory.volume.slot(&self.ops).await;
        let text = slot.put(name.as_bytes())?;
        // What nobody else refers to here, not even by another name, need not be forgotten by a message of its own.
        self.names.borrow_mut().remove(&directory, key);
        let count = if Rc::strong_count(&node) == 1 { node.answers.take() } else { 0 };
        let volume = &directory.volume;
        let removed =
            self.ask(volume, |client| client.remove(directory.node, text, kind, node.node, count)).await;
        if let Err(failure) = removed {
            node.answers.set(node.answers.get() + count);
            return Err(failure);
        }
        self.names_changed(&directory, key, Found::Nothing);
        self.lost_name(&node);
        Ok(())
    }

    /// Whether anything can be changed there.
    pub(crate) fn can_change(&self, directory: &Vnode<H>) -> Result<(), Failure> {
        if directory.volume.traits.get().is_read_only { Err(Failure::ReadOnly) } else { Ok(()) }
    }

    /// It has a name less.
    fn lost_name(self: &Rc<Self>, node: &Rc<Vnode<H>>) {
        if node.volume.traits.get().folds_case {
            // By other spellings of the name it would be kept for nobody.
            self.names.borrow_mut().forget_node(node);
        }
        let links = node.attributes.get().links.saturating_sub(1);
        node.set_links(if node.attributes.get().kind == Kind::Directory { 0 } else { links });
        if node.is_unlinked() {
            node.names_changed();
            // Who has closed it has not said so yet; who closes it from now on does.
            fence(Ordering::SeqCst);
            let sessions: Vec<_> = node.watchers.borrow().iter().filter_map(Watcher::session).collect();
            self.see_closed_by_others(sessions);
            self.closed(node);
        }
    }

    pub(crate) async fn rename(self: &Rc<Self>, from: &str, to: &str) -> Result<(), Failure> {
        let (old, old_name) = self.parent(from).await?;
        let (new, new_name) = self.parent(to).await?;
        if old.volume.number != new.volume.number {
            return Err(Failure::OtherFileSystem);
        }
        self.can_change(&old)?;
        // What is mounted below a directory stays where it is.
        let is_inside = |mount: &Mount<H>| anax_files::path::below(&mount.entry.path, from).is_some();
        if self.mounts.borrow().iter().any(is_inside) {
            return Err(Failure::Busy);
        }
        let _turn = old.volume.turn(&self.ops).await;
        let (old_key, new_key) = (self.key(&old, old_name), self.key(&new, new_name));
        let node = self.child(&old, old_key).await?;
        let replaced = match self.child(&new, new_key).await {
            Ok(node) => Some(node),
            Err(Failure::NotFound) => None,
            Err(failure) => return Err(failure),
        };
        let mut slot = old.volume.slot(&self.ops).await;
        let (old_text, new_text) = (slot.put(old_name.as_bytes())?, slot.put(new_name.as_bytes())?);
        let renamed = self.ask(&old.volume, |client| client.rename(old.node, old_text, new.node, new_text));
        renamed.await?;
        self.name_unsure(&old, old_key);
        self.name_unsure(&new, new_key);
        match replaced {
            // Of two names of one file both stay.
            Some(replaced) if Rc::ptr_eq(&replaced, &node) => {}
            replaced => {
                let found = Found::Node(node);
                self.names.borrow_mut().put(&new, new.changes.get(), new_key, found);
                if let Some(replaced) = replaced {
                    self.lost_name(&replaced);
                }
            }
        }
        Ok(())
    }

    pub(crate) async fn link(self: &Rc<Self>, file: &str, path: &str) -> Result<(), Failure> {
        let node = self.walk(file, Last::Itself).await?;
        let (directory, name) = match self.parent(path).await {
            Err(Failure::Busy) => return Err(Failure::Exists),
            parent => parent?,
        };
        if node.volume.number != directory.volume.number {
            return Err(Failure::OtherFileSystem);
        }
        self.can_change(&directory)?;
        let mut slot = directory.volume.slot(&self.ops).await;
        let text = slot.put(name.as_bytes())?;
        self.ask(&directory.volume, |client| client.link(node.node, directory.node, text)).await?;
        node.set_links(node.attributes.get().links + 1);
        self.name_unsure(&directory, self.key(&directory, name));
        Ok(())
    }
}
