//! Where a socket's rings lie.

use anax_proto::{Fixed, Reader, Writer};

/// Bytes of a page: rings begin on one.
const PAGE: u64 = 4096;
/// The largest ring is of 2^that bytes, the smallest of 2^the other.
const LARGEST: u8 = 24;
const SMALLEST: u8 = 12;

/// Two rings of an arena, one directly behind the other: for what comes, then for what goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rings {
    page: u32,
    receive: u8,
    send: u8,
}

impl Rings {
    /// From page `page` of the arena on, of 2^`receive` and 2^`send` bytes; none for sizes that no ring has (4 KiB to 16 MiB).
    #[must_use]
    pub fn new(page: u32, receive: u8, send: u8) -> Option<Self> {
        let is_size = |size: u8| (SMALLEST..=LARGEST).contains(&size);
        (is_size(receive) && is_size(send)).then_some(Self { page, receive, send })
    }

    /// The first byte of the receive ring in the arena, and how many there are.
    #[must_use]
    pub const fn receive(&self) -> (u64, u64) {
        (self.page as u64 * PAGE, 1 << self.receive)
    }

    /// The same of the send ring.
    #[must_use]
    pub const fn send(&self) -> (u64, u64) {
        let (start, bytes) = self.receive();
        (start + bytes, 1 << self.send)
    }

    /// Pages of both.
    #[must_use]
    pub const fn pages(&self) -> u32 {
        (((1 << self.receive) + (1 << self.send)) / PAGE) as u32
    }

    /// The first page.
    #[must_use]
    pub const fn page(&self) -> u32 {
        self.page
    }

    /// Whether they lie within an arena of so many bytes.
    #[must_use]
    pub const fn fit(&self, arena: usize) -> bool {
        let (start, bytes) = self.send();
        start + bytes <= arena as u64
    }
}

/// One word.
impl Fixed for Rings {
    const WORDS: usize = 1;

    #[inline(always)]
    fn put(self, to: &mut Writer) {
        to.word(u64::from(self.page) | u64::from(self.receive) << 32 | u64::from(self.send) << 40);
    }

    #[inline(always)]
    fn take(from: &mut Reader) -> Option<Self> {
        let word = from.word()?;
        if word >> 48 != 0 {
            return None;
        }
        Self::new(word as u32, (word >> 32) as u8, (word >> 40) as u8)
    }
}
