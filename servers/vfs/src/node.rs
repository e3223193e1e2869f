//! What the server knows of a file, directory or link: there is one of these for each node of a file system that anything here refers to.

use alloc::rc::Rc;
use alloc::vec::Vec;
use core::cell::{Cell, RefCell};

use anax_abi::Handle;
use anax_files::files::TOLD;
use anax_files::{Attributes, Failure, Node};
use smallvec::SmallVec;

use crate::host::Host;
use crate::ops::Signal;
use crate::pages::Pages;
use crate::session::Watcher;
use crate::volume::Volume;

/// What nobody refers to any more, and its file system is still to be told.
#[derive(Debug, Default)]
pub(crate) struct Ended {
    /// Volume, node, and how often that was answered.
    pub(crate) nodes: Vec<(u32, Node, u64)>,
    /// Regions of this server's, and how many bytes they have.
    pub(crate) regions: Vec<(Handle, u64)>,
    /// Regions of file systems, by handles of this server's.
    pub(crate) lent: Vec<Handle>,
    /// Directories in which names are remembered.
    pub(crate) directories: Vec<u64>,
}

impl Ended {
    /// Whether there is nothing to be told.
    pub(crate) const fn is_empty(&self) -> bool {
        self.nodes.is_empty()
            && self.regions.is_empty()
            && self.lent.is_empty()
            && self.directories.is_empty()
    }
}

/// A node.
pub(crate) struct Vnode<H: Host> {
    /// A number that is never used again.
    pub(crate) number: u64,
    pub(crate) volume: Rc<Volume<H>>,
    pub(crate) node: Node,
    /// What is known: of a file its size is what programs see, and not what its file system has stored.
    pub(crate) attributes: Cell<Attributes>,
    /// How often the file system has answered it.
    pub(crate) answers: Cell<u64>,
    /// Names that are remembered are good for one generation of a directory.
    pub(crate) generation: Cell<u64>,
    /// Names in it are remembered, or were.
    pub(crate) has_names: Cell<bool>,
    /// Changes of its names.
    pub(crate) changes: Cell<u64>,
    /// How many have it open.
    pub(crate) opens: Cell<u32>,
    /// Who is told of its size. Most are opened by one program at a time, which then takes no memory of its own.
    pub(crate) watchers: RefCell<SmallVec<[Watcher<H>; 1]>>,
    /// Where its bytes lie.
    pub(crate) pages: RefCell<Pages<H>>,
    /// Bytes that its file system has.
    pub(crate) stored: Cell<u64>,
    /// Its size, or time, is still to be told.
    pub(crate) is_changed: Cell<bool>,
    /// Since when something is still to be stored: nanoseconds, or nothing is.
    pub(crate) dirty_since: Cell<Option<u64>>,
    /// Somebody changes what is stored: others wait.
    pub(crate) is_storing: Cell<bool>,
    /// It is being made shorter: what is written meanwhile is written again.
    pub(crate) is_cutting: Cell<bool>,
    /// What storing failed with, to be told once.
    pub(crate) failed: Cell<Option<Failure>>,
    /// Something of it has changed that somebody may wait for.
    pub(crate) signal: Signal,
    ended: Rc<RefCell<Ended>>,
}

impl<H: Host> Vnode<H> {
    pub(crate) fn new(
        number: u64,
        volume: Rc<Volume<H>>,
        attributes: Attributes,
        ended: Rc<RefCell<Ended>>,
    ) -> Self {
        Self {
            number,
            volume,
            node: attributes.node,
            attributes: Cell::new(attributes),
            answers: Cell::new(0),
            generation: Cell::new(0),
            has_names: Cell::new(false),
            changes: Cell::new(0),
            opens: Cell::new(0),
            watchers: RefCell::default(),
            pages: RefCell::default(),
            stored: Cell::new(attributes.size),
            is_changed: Cell::new(false),
            dirty_since: Cell::new(None),
            is_storing: Cell::new(false),
            is_cutting: Cell::new(false),
            failed: Cell::new(None),
            signal: Signal::default(),
            ended,
        }
    }

    pub(crate) const fn size(&self) -> u64 {
        self.attributes.get().size
    }

    /// It has another size from now on, as all who have it open see.
    pub(crate) fn set_size(&self, size: u64) {
        self.attributes.set(Attributes { size, ..self.attributes.get() });
        if cfg!(not(bite = "vfs-size-untold")) {
            self.tell();
        }
    }

    /// Its size, as those read it who have it open: and whether they have to tell when they close it, since memory waits for that.
    pub(crate) const fn size_word(&self) -> u64 {
        if self.is_unlinked() { self.size() | TOLD } else { self.size() }
    }

    fn tell(&self) {
        self.watchers.borrow().iter().for_each(|watcher| watcher.tell(self.size_word()));
    }

    pub(crate) fn set_modified(&self, modified: u64) {
        self.attributes.set(Attributes { modified, ..self.attributes.get() });
    }

    pub(crate) fn set_links(&self, links: u32) {
        let before = self.attributes.replace(Attributes { links, ..self.attributes.get() });
        if (before.links == 0) != (links == 0) {
            self.tell();
        }
    }

    /// Whether nobody will ever find it again.
    pub(crate) const fn is_unlinked(&self) -> bool {
        self.attributes.get().links == 0
    }

    /// One of its names has changed: what was asked before and is answered later is not to be believed.
    pub(crate) fn name_changed(&self) {
        self.changes.set(self.changes.get() + 1);
    }

    /// All of them may have.
    pub(crate) fn names_changed(&self) {
        self.name_changed();
        self.generation.set(self.generation.get() + 1);
    }
}

impl<H: Host> Drop for Vnode<H> {
    fn drop(&mut self) {
        if cfg!(not(bite = "vfs-knows-for-ever")) {
            self.volume.nodes.borrow_mut().remove(&self.node);
        }
        let mut ended = self.ended.borrow_mut();
        self.pages.get_mut().end_all(&mut ended);
        if self.has_names.get() {
            ended.directories.push(self.number);
        }
        if self.answers.get() > 0 {
            let count = if cfg!(bite = "vfs-forgets-once") { 1 } else { self.answers.get() };
            ended.nodes.push((self.volume.number, self.node, count));
        }
    }
}
