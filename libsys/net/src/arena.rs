//! The memory that a session shares with the server, and the rings of its sockets in there.

use alloc::boxed::Box;
use alloc::rc::Rc;
use core::cell::RefCell;
use core::fmt;

use anax::Mapping;
use anax_ring::SharedBytes;
use anax_socket::ring::Ring;
use anax_socket::{Failure, Rings};

use crate::pages::Pages;

const PAGE: usize = 4096;

/// Memory that others may change. A test brings some of its own.
pub trait Memory {
    /// All of it.
    fn bytes(&self) -> SharedBytes<'_>;
}

impl Memory for Mapping {
    fn bytes(&self) -> SharedBytes<'_> {
        self.bytes()
    }
}

/// How large a socket's rings are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sizes {
    /// Bytes for what comes: a power of two, 4 KiB to 16 MiB.
    pub receive: u32,
    /// Bytes for what goes, likewise.
    pub send: u32,
}

impl Sizes {
    /// As small as they can be, for many sockets that say little.
    pub const SMALL: Self = Self::each(4096);

    /// Both of that size.
    #[must_use]
    pub const fn each(bytes: u32) -> Self {
        Self { receive: bytes, send: bytes }
    }

    fn rings(self, page: u32) -> Option<Rings> {
        let log = |bytes: u32| bytes.is_power_of_two().then(|| bytes.ilog2() as u8);
        Rings::new(page, log(self.receive)?, log(self.send)?)
    }
}

/// 64 KiB each.
impl Default for Sizes {
    fn default() -> Self {
        Self::each(65_536)
    }
}

/// The memory, and which pages of it are in use.
pub(crate) struct Arena {
    memory: Box<dyn Memory>,
    pages: RefCell<Pages>,
}

impl Arena {
    pub(crate) fn new(memory: Box<dyn Memory>) -> Rc<Self> {
        let pages = u32::try_from(memory.bytes().len() / PAGE).unwrap_or(u32::MAX);
        Rc::new(Self { memory, pages: RefCell::new(Pages::new(pages)) })
    }

    /// Pages that no ring has.
    pub(crate) fn free(&self) -> u32 {
        self.pages.borrow().free()
    }

    /// The ring at that place.
    ///
    /// # Panics
    /// If there is none.
    pub(crate) fn ring(&self, place: (u64, u64)) -> Ring<'_> {
        Ring::new(self.memory.bytes(), place).expect("pages of an arena lie within it")
    }

    /// Rings of that size.
    ///
    /// `BadArgument` for sizes that no ring has; `Full`.
    pub(crate) fn lease(self: &Rc<Self>, sizes: Sizes) -> Result<Lease, Failure> {
        let count = sizes.rings(0).ok_or(Failure::BadArgument)?.pages();
        let page = self.pages.borrow_mut().take(count).ok_or(Failure::Full)?;
        match sizes.rings(page) {
            Some(rings) => Ok(Lease { arena: self.clone(), rings }),
            None => Err(Failure::BadArgument),
        }
    }
}

impl fmt::Debug for Arena {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Arena").field("pages", &self.pages).finish_non_exhaustive()
    }
}

/// Two rings that are somebody's. Dropped, they can be another's: so only when the server does not use them any more.
#[derive(Debug)]
pub(crate) struct Lease {
    arena: Rc<Arena>,
    rings: Rings,
}

impl Lease {
    pub(crate) const fn rings(&self) -> Rings {
        self.rings
    }

    /// For what comes.
    pub(crate) fn receive(&self) -> Ring<'_> {
        self.arena.ring(self.rings.receive())
    }

    /// For what goes.
    pub(crate) fn send(&self) -> Ring<'_> {
        self.arena.ring(self.rings.send())
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.arena.pages.borrow_mut().give(self.rings.page(), self.rings.pages());
    }
}
