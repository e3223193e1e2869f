//! A file system that is mounted: its port, and the arena in which names travel there.

use alloc::rc::{Rc, Weak};
use alloc::vec::Vec;
use core::cell::{Cell, RefCell};

use anax_abi::{Error, Handle};
use anax_files::volume::{ARENA, Traits};
use anax_files::{Failure, Node, Nodes, Text};

use crate::host::{Host, Memory};
use crate::node::Vnode;
use crate::ops::{Ops, Signal};

/// Bytes that a request has in the arena.
const SLOT: u32 = 4096;
/// How many can be under way.
const SLOTS: u32 = (ARENA / SLOT as u64) as u32;

/// Requests with memory beside them that can be under way: a server has 16 slots for handles that come (`anax_service::SLOTS`), and there are others who ask with some.
const LENT: u32 = 12;

/// A mounted file system.
pub(crate) struct Volume<H: Host> {
    pub(crate) number: u32,
    pub(crate) port: Handle,
    pub(crate) traits: Cell<Traits>,
    /// Another one has its place, and its port is closed: whoever asks it finds nobody.
    pub(crate) has_ended: Cell<bool>,
    arena: H::Memory,
    used: RefCell<u32>,
    room: Signal,
    lent: Cell<u32>,
    given_back: Signal,
    /// Bytes that files can still take, as it said last; and what was promised of them since.
    pub(crate) free_bytes: Cell<u64>,
    pub(crate) promised: Cell<u64>,
    /// Bytes that are still to be stored.
    pub(crate) dirty_bytes: Cell<u64>,
    /// What storing failed with, to be told once to whoever asks for all of it to last.
    pub(crate) failed: Cell<Option<Failure>>,
    /// Nodes that it can forget, so many answers of each, and whether somebody tells it.
    pub(crate) forgotten: RefCell<Vec<(Node, u64)>>,
    pub(crate) is_forgetting: Cell<bool>,
    /// Those of its nodes that somebody here refers to.
    pub(crate) nodes: RefCell<Nodes<Weak<Vnode<H>>>>,
    is_changing: Cell<bool>,
    turns: Signal,
}

impl<H: Host> Volume<H> {
    pub(crate) fn new(number: u32, port: Handle, arena: H::Memory) -> Self {
        let traits = Traits {
            kind: [0; 8],
            is_read_only: true,
            folds_case: false,
            is_volatile: true,
            has_memory: false,
        };
        Self {
            number,
            port,
            traits: Cell::new(traits),
            has_ended: Cell::new(false),
            arena,
            used: RefCell::new(0),
            room: Signal::default(),
            lent: Cell::new(0),
            given_back: Signal::default(),
            free_bytes: Cell::new(0),
            promised: Cell::new(0),
            dirty_bytes: Cell::new(0),
            failed: Cell::new(None),
            forgotten: RefCell::default(),
            is_forgetting: Cell::new(false),
            nodes: RefCell::default(),
            is_changing: Cell::new(false),
            turns: Signal::default(),
        }
    }

    /// # Errors
    /// `Way(PeerDied)`: it has ended, and another one has its place.
    pub(crate) const fn is_there(&self) -> Result<(), Failure> {
        if self.has_ended.get() { Err(Failure::Way(Error::PeerDied)) } else { Ok(()) }
    }

    /// So many bytes less are to be stored.
    pub(crate) fn cleaned(&self, bytes: u64) {
        self.dirty_bytes.set(self.dirty_bytes.get().saturating_sub(bytes));
    }

    /// A turn at taking names from what has them, one after the other: who finds that a name is a file's has to be right when it is gone.
    pub(crate) async fn turn(self: &Rc<Self>, ops: &Rc<Ops>) -> Turn<H> {
        while self.is_changing.get() && cfg!(not(bite = "vfs-names-out-of-turn")) {
            self.turns.wait(ops).await;
        }
        self.is_changing.set(true);
        Turn { volume: self.clone(), ops: ops.clone() }
    }

    /// The right to send memory along with a request, when few others have it.
    pub(crate) async fn lend(self: &Rc<Self>, ops: &Rc<Ops>) -> Lent<H> {
        while self.lent.get() >= LENT && cfg!(not(bite = "vfs-lends-without-end")) {
            self.given_back.wait(ops).await;
        }
        self.lent.set(self.lent.get() + 1);
        Lent { volume: self.clone(), ops: ops.clone() }
    }

    /// A place in the arena, when there is one.
    pub(crate) async fn slot(self: &Rc<Self>, ops: &Rc<Ops>) -> Slot<H> {
        loop {
            let free = self.used.borrow().trailing_ones();
            if free < SLOTS {
                *self.used.borrow_mut() |= 1 << free;
                return Slot { volume: self.clone(), ops: ops.clone(), number: free, filled: 0 };
            }
            self.room.wait(ops).await;
        }
    }
}

/// Nobody else takes names from anything in the volume.
pub(crate) struct Turn<H: Host> {
    volume: Rc<Volume<H>>,
    ops: Rc<Ops>,
}

impl<H: Host> Drop for Turn<H> {
    fn drop(&mut self) {
        self.volume.is_changing.set(false);
        self.volume.turns.notify(&self.ops);
    }
}

/// A request with memory beside it is under way.
pub(crate) struct Lent<H: Host> {
    volume: Rc<Volume<H>>,
    ops: Rc<Ops>,
}

impl<H: Host> Drop for Lent<H> {
    fn drop(&mut self) {
        self.volume.lent.set(self.volume.lent.get() - 1);
        self.volume.given_back.notify(&self.ops);
    }
}

/// A place in the arena, for one request.
pub(crate) struct Slot<H: Host> {
    volume: Rc<Volume<H>>,
    ops: Rc<Ops>,
    number: u32,
    filled: u32,
}

impl<H: Host> Slot<H> {
    /// Puts bytes there.
    ///
    /// # Errors
    /// `TooLong`.
    pub(crate) fn put(&mut self, bytes: &[u8]) -> Result<Text, Failure> {
        let length = u32::try_from(bytes.len()).unwrap_or(SLOT);
        if length > SLOT - self.filled {
            return Err(Failure::TooLong);
        }
        let offset = self.number * SLOT + self.filled;
        let copied = self.volume.arena.bytes().copy_in(offset as usize, bytes);
        copied.map_err(|_| Failure::BadArgument)?;
        self.filled += length;
        Ok(Text::new(offset, length))
    }

    /// Room for an answer of so many bytes, if there are that many.
    pub(crate) fn room(&self, most: u64) -> Text {
        let left = SLOT - self.filled;
        let length = u32::try_from(most).unwrap_or(left).min(left);
        Text::new(self.number * SLOT + self.filled, length)
    }

    /// What was answered there.
    ///
    /// # Errors
    /// `Damaged`: more than there was room for.
    pub(crate) fn take(&self, text: Text, length: u64) -> Result<alloc::vec::Vec<u8>, Failure> {
        let length = usize::try_from(length).ok().filter(|length| *length <= text.length as usize);
        let mut bytes = alloc::vec![0; length.ok_or(Failure::Damaged)?];
        let copied = self.volume.arena.bytes().copy_out(text.offset as usize, &mut bytes);
        copied.map_err(|_| Failure::Damaged)?;
        Ok(bytes)
    }
}

impl<H: Host> Drop for Slot<H> {
    fn drop(&mut self) {
        *self.volume.used.borrow_mut() &= !(1 << self.number);
        self.volume.room.notify(&self.ops);
    }
}
