//! Bytes of streams that lie in programs' memory and not in their rings: each is looked for again whenever it is copied into a frame, since it may be taken away at any time.
//!
//! What a program says is believed as far as it can only hurt itself. It has shown a handle to all that is read here, what lies outside of that is refused or found to be gone, and what a table says decides about
//! that program's own stream.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::sync::atomic::{Ordering, fence};

use anax_files::files::{bits, unit};
use anax_ring::SharedBytes;
use anax_socket::ring::Ring;
use anax_socket::{Failure, MOST_PIECES, Piece, Stretch};
use anax_tcp::Outgoing;

use crate::session::Foreign;

/// Bytes of a page.
const PAGE: u64 = 4096;
/// Segments of a stream that wait until a piece was filled; others are lost, as if on their way.
const MOST_HELD: usize = 32;

/// A table, by whose words a program's leases are seen to stand.
pub(crate) struct Table {
    memory: Box<dyn Foreign>,
    /// Counts what is mapped.
    _mapped: Arc<()>,
}

impl Table {
    pub(crate) fn new(memory: Box<dyn Foreign>, mapped: &Arc<()>) -> Arc<Self> {
        Arc::new(Self { memory, _mapped: mapped.clone() })
    }

    /// 0 beyond its end.
    fn word(&self, word: usize) -> u64 {
        self.memory.block().words().get(word).map_or(0, |word| word.load(Ordering::Acquire))
    }
}

/// Memory that a program has shown.
pub(crate) struct Shown {
    stretch: Stretch,
    memory: Box<dyn Foreign>,
    table: Arc<Table>,
    _mapped: Arc<()>,
}

impl Shown {
    /// The whole pages of a region in which it lies: the first byte, and how many.
    pub(crate) const fn pages(stretch: &Stretch) -> Option<(u64, u64)> {
        let skip = stretch.at % PAGE;
        let Some(bytes) = stretch.length.checked_add(skip) else { return None };
        let Some(bytes) = bytes.checked_next_multiple_of(PAGE) else { return None };
        Some((stretch.at - skip, bytes))
    }

    /// `memory`: its [`pages`](Self::pages).
    pub(crate) fn new(
        stretch: Stretch,
        memory: Box<dyn Foreign>,
        table: &Arc<Table>,
        mapped: &Arc<()>,
    ) -> Arc<Self> {
        Arc::new(Self { stretch, memory, table: table.clone(), _mapped: mapped.clone() })
    }

    /// Whether bytes of it are there, by the two words from that one on.
    fn is_there(&self, word: u32, offset: u64, length: u64) -> bool {
        let word = word as usize;
        let needed = bits(unit(self.stretch.length), offset, offset + length);
        let is_same = self.table.word(word.saturating_add(1)) == self.stretch.number
            || cfg!(bite = "net-piece-of-any-memory");
        needed != 0 && self.table.word(word) & needed == needed && is_same
    }

    fn bytes(&self, offset: u64, length: u64) -> Option<SharedBytes<'_>> {
        let at = usize::try_from(self.stretch.at % PAGE + offset).ok()?;
        SharedBytes::new(self.memory.block()).part(at, usize::try_from(length).ok()?).ok()
    }
}

/// A piece, as a stream has it.
struct Lying {
    from: u64,
    end: u64,
    memory: Arc<Shown>,
    /// Where in the memory it begins.
    offset: u64,
    word: u32,
    is_lost: bool,
}

impl Lying {
    /// Shows the bytes from a position of the stream on. Whether they were there all the time.
    fn copy(&self, position: u64, length: u64, each: &mut impl FnMut(SharedBytes<'_>)) -> bool {
        let offset = self.offset + (position - self.from);
        if self.is_lost || !self.memory.is_there(self.word, offset, length) {
            return false;
        }
        let Some(bytes) = self.memory.bytes(offset, length) else { return false };
        each(bytes);
        fence(Ordering::SeqCst);
        self.memory.is_there(self.word, offset, length) || cfg!(bite = "net-piece-never-looked-at-again")
    }
}

/// Those of a stream, in order, as far as they are not acknowledged.
#[derive(Default)]
pub(crate) struct Pieces {
    all: VecDeque<Lying>,
    held: Vec<Outgoing>,
}

impl Pieces {
    /// One more, behind what is written and in memory that was shown.
    pub(crate) fn push(&mut self, piece: Piece, written: u64, memory: &Arc<Shown>) -> Result<(), Failure> {
        let (from, offset, length) = (piece.from, u64::from(piece.offset), u64::from(piece.length));
        let end = from.checked_add(length).ok_or(Failure::BadArgument)?;
        let least = self.all.back().map_or(written, |last| last.end.max(written));
        let least = if cfg!(bite = "net-pieces-anywhere") { 0 } else { least };
        if length == 0 || from < least || offset + length > memory.stretch.length {
            return Err(Failure::BadArgument);
        }
        if self.all.len() >= MOST_PIECES {
            return Err(Failure::Full);
        }
        let (memory, word) = (memory.clone(), piece.word);
        self.all.push_back(Lying { from, end, memory, offset, word, is_lost: false });
        Ok(())
    }

    /// All before that was acknowledged. Whether nothing is left.
    pub(crate) fn taken(&mut self, upto: u64) -> bool {
        while self.all.front().is_some_and(|first| first.end <= upto) {
            self.all.pop_front();
        }
        self.held.retain(|segment| end_of(segment) > upto);
        self.all.is_empty() && self.held.is_empty()
    }

    /// Shows the bytes of a stream, run by run, from its ring and from where pieces lie. If one is lost, where it begins; what was shown is worth nothing then.
    pub(crate) fn copy(
        &self,
        ring: Ring<'_>,
        (position, length): (u64, usize),
        each: &mut impl FnMut(SharedBytes<'_>),
    ) -> Result<(), u64> {
        let (mut at, end) = (position, position + length as u64);
        for piece in self.all.iter().skip_while(|piece| piece.end <= position) {
            if piece.from >= end {
                break;
            }
            if piece.from > at {
                ring.pieces(at, (piece.from - at) as usize).into_iter().for_each(&mut *each);
                at = piece.from;
            }
            let upto = piece.end.min(end);
            if !piece.copy(at, upto - at, each) {
                return Err(piece.from);
            }
            at = upto;
        }
        ring.pieces(at, (end - at) as usize).into_iter().for_each(each);
        Ok(())
    }

    /// The piece that begins there is lost, and that segment waits for it. Whether nobody knew.
    pub(crate) fn lose(&mut self, from: u64, segment: Outgoing) -> bool {
        if self.held.len() < MOST_HELD && !self.held.iter().any(|held| held.payload == segment.payload) {
            self.held.push(segment);
        }
        let lost = self.all.iter_mut().find(|piece| piece.from == from);
        lost.is_some_and(|piece| !core::mem::replace(&mut piece.is_lost, true))
    }

    /// Whether the piece that begins there is lost; any, without a place.
    pub(crate) fn is_lost(&self, from: Option<u64>) -> bool {
        self.all.iter().any(|piece| piece.is_lost && from.is_none_or(|from| from == piece.from))
    }

    /// The bytes of the piece that begins there are in the ring: the segments that may be able to go now. Nothing if there is no such piece.
    pub(crate) fn fill(&mut self, from: u64) -> Option<Vec<Outgoing>> {
        let place = self.all.iter().position(|piece| piece.from == from)?;
        self.all.remove(place);
        Some(core::mem::take(&mut self.held))
    }
}

fn end_of(segment: &Outgoing) -> u64 {
    segment.payload.map_or(0, |payload| payload.position + u64::from(payload.length))
}

impl fmt::Debug for Pieces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = self.all.iter().map(|piece| (piece.from, piece.end, piece.is_lost));
        f.debug_list().entries(all).finish()
    }
}
