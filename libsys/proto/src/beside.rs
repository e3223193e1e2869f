//! What goes beside the words: handles, both ways, and by what an answer can be given later.

use anax_abi::{Handle, MAX_HANDLES, Rights};

/// A handle that travels: an argument or a result like any other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gift {
    /// The handle: the sender's on the way in, the receiver's own when it has arrived.
    pub handle: Handle,
    /// The rights that arrive, at most.
    pub rights: Rights,
    /// Whether the sender loses it.
    pub is_given: bool,
}

impl Gift {
    /// A handle that the sender keeps.
    #[must_use]
    pub const fn copy(handle: Handle, rights: Rights) -> Self {
        Self { handle, rights, is_given: false }
    }

    /// A handle that the sender loses, with all its rights. Not for idempotent methods: it can't be given twice.
    #[must_use]
    pub const fn given(handle: Handle) -> Self {
        Self { handle, rights: Rights::ALL, is_given: true }
    }
}

/// Up to [`MAX_HANDLES`] handles, in order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Gifts {
    list: [Option<Gift>; MAX_HANDLES],
    count: u8,
}

impl Gifts {
    /// None.
    pub const NONE: Self = Self { list: [None; MAX_HANDLES], count: 0 };

    /// How many.
    #[inline(always)]
    #[must_use]
    pub const fn count(&self) -> usize {
        self.count as usize
    }

    /// One more; one too many is lost, which no method compiles that has it.
    #[inline(always)]
    pub fn push(&mut self, gift: Gift) {
        let place = self.count();
        if let Some(place) = self.list.get_mut(place) {
            *place = Some(gift);
            self.count += 1;
        }
    }

    /// All of them, which are gone from here.
    #[inline(always)]
    #[must_use]
    pub fn take(&mut self) -> Self {
        core::mem::take(self)
    }

    /// The one at a place.
    #[inline(always)]
    #[must_use]
    pub fn get(&self, place: usize) -> Option<Gift> {
        self.list.get(place).copied().flatten()
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = Gift> + '_ {
        self.list.iter().flatten().copied()
    }
}

/// What goes beside a request's words, and beside its answer's.
#[derive(Clone, Copy, Debug, Default)]
pub struct Beside {
    /// Handles that go with the request. Those that a server's method has taken are gone from here; whoever carries the messages closes the others.
    pub sent: Gifts,
    /// Handles that come back with the answer.
    pub back: Gifts,
    /// How many come back if it goes well: no more and no less.
    pub room: usize,
    /// By this a server can answer later; 0 where it can't.
    pub ticket: u64,
}

impl Beside {
    /// A client's: these go, and so many come back.
    #[inline(always)]
    #[must_use]
    pub const fn new(sent: Gifts, room: usize) -> Self {
        Self { sent, back: Gifts::NONE, room, ticket: 0 }
    }
}
