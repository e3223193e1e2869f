//! Handles: the only names a program has for anything outside itself.

use core::fmt;

/// An index into the program's handle table, with the generation that the slot had when the handle was made, so that a slot
/// that was given up and used again is never mistaken for what was there before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct Handle(u64);

impl Handle {
    /// The handle for slot `index` in its `generation`th use.
    #[must_use]
    pub const fn new(index: u32, generation: u32) -> Self {
        Self((generation as u64) << 32 | index as u64)
    }

    /// From a register or a message word; any value is a handle, if perhaps a bad one.
    #[must_use]
    pub const fn from_word(word: u64) -> Self {
        Self(word)
    }

    /// For a register or a message word.
    #[must_use]
    pub const fn to_word(self) -> u64 {
        self.0
    }

    /// The slot.
    #[must_use]
    pub const fn index(self) -> u32 {
        self.0 as u32
    }

    /// The slot's use.
    #[must_use]
    pub const fn generation(self) -> u32 {
        (self.0 >> 32) as u32
    }
}

impl fmt::Display for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.index(), self.generation())
    }
}

/// What a handle allows. Passing on or narrowing can only take rights away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(transparent)]
pub struct Rights(pub u16);

impl Rights {
    /// None.
    pub const NONE: Self = Self(0);
    /// Send messages to the port; for kernel objects, the commands that say so.
    pub const SEND: Self = Self(1);
    /// Receive the port's messages.
    pub const RECEIVE: Self = Self(1 << 1);
    /// Map the region for reading.
    pub const READ: Self = Self(1 << 2);
    /// Map the region for writing.
    pub const WRITE: Self = Self(1 << 3);
    /// Map the region for execution.
    pub const EXECUTE: Self = Self(1 << 4);
    /// Pass the handle on.
    pub const GRANT: Self = Self(1 << 5);
    /// Change or end the object, revoke handles to it.
    pub const CONTROL: Self = Self(1 << 6);
    /// All of them.
    pub const ALL: Self = Self((1 << 7) - 1);

    /// Whether all of `other`'s rights are among these.
    #[must_use]
    pub const fn allows(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// The rights that are in both.
    #[must_use]
    pub const fn narrowed(self, to: Self) -> Self {
        Self(self.0 & to.0)
    }

    /// Both together.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}
