//! Who has which buffer, what was asked, and what may be asked now: the client's own table, which alone decides.
//!
//! Unfinished transfers stand in the order in which the program asked. One may go to the driver if no older one before it gets in its
//! way, held back or not: so whatever overlaps is done in the program's order, and what is under way may be done in any.

use anax_ring::SharedBytes;

use super::{FLUSHES, MAX_ATTEMPTS};
use crate::{MAX_TRANSFER, MIN_BUFFER, Sectors};

/// What the program asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wish {
    Read(Sectors),
    Write(Sectors),
    Flush,
}

impl Wish {
    /// Whether the order of the two matters.
    fn conflicts(self, other: Self) -> bool {
        match (self, other) {
            (Self::Write(a), Self::Write(b) | Self::Read(b)) | (Self::Read(a), Self::Write(b)) => {
                let ignored = cfg!(bite = "blocks-overlap-not-held")
                    || cfg!(bite = "blocks-read-overtaken") && matches!(other, Self::Read(_));
                a.overlap(b) && !ignored
            }
            _ => false,
        }
    }
}

/// How far a request is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// The driver doesn't have it.
    Waiting,
    /// It does.
    InFlight,
    /// Too many drivers died of it; nobody was told yet.
    GivenUp,
}

/// A request that has not ended.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pending {
    pub(super) wish: Wish,
    pub(super) token: u32,
    /// How many drivers were given it.
    pub(super) attempts: u8,
    pub(super) stage: Stage,
}

/// Where a request stands: in its buffer's place, or, for one without, in a place of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Buffer(u32),
    Flush(u32),
}

impl Place {
    const FLUSH: u64 = 1 << 32;

    /// As the token of a request.
    pub(super) const fn to_token(self) -> u64 {
        match self {
            Self::Buffer(number) => number as u64,
            Self::Flush(number) => Self::FLUSH | number as u64,
        }
    }

    pub(super) const fn from_token(token: u64) -> Self {
        if token & Self::FLUSH == 0 { Self::Buffer(token as u32) } else { Self::Flush(token as u32) }
    }
}

/// What a buffer is used for.
#[derive(Clone, Copy, Debug)]
enum Use {
    /// Nothing: it is on the free list.
    Free,
    /// The program has it.
    Held,
    /// A request.
    Asked(Pending),
}

/// The pool's buffers, at most `N`, and all requests that have not ended.
#[derive(Debug)]
pub(super) struct Table<'a, const N: usize> {
    pool: SharedBytes<'a>,
    buffer_bytes: usize,
    uses: [Use; N],
    free: [u32; N],
    free_count: usize,
    flushes: [Option<Pending>; FLUSHES],
    /// The buffers of unfinished transfers, the oldest first.
    order: [u32; N],
    order_count: usize,
}

impl<'a, const N: usize> Table<'a, N> {
    /// All buffers free; nothing if the pool isn't a whole number of them, from 1 to `N`, or they have no size that buffers can have.
    pub(super) fn new(pool: SharedBytes<'a>, buffer_bytes: usize) -> Option<Self> {
        if !buffer_bytes.is_power_of_two() || !(MIN_BUFFER..=MAX_TRANSFER).contains(&buffer_bytes) {
            return None;
        }
        let count = pool.len() / buffer_bytes;
        if !pool.len().is_multiple_of(buffer_bytes) || count == 0 || count > N {
            return None;
        }
        Some(Self {
            pool,
            buffer_bytes,
            uses: [Use::Free; N],
            // The first is on top.
            free: core::array::from_fn(|place| count.saturating_sub(place + 1) as u32),
            free_count: count,
            flushes: [None; FLUSHES],
            order: [0; N],
            order_count: 0,
        })
    }

    /// Bytes of a buffer.
    pub(super) const fn buffer_bytes(&self) -> usize {
        self.buffer_bytes
    }

    /// Buffers that are free.
    pub(super) const fn free(&self) -> usize {
        self.free_count
    }

    /// Bytes from the pool's beginning to a buffer's.
    pub(super) const fn offset(&self, number: u32) -> u64 {
        number as u64 * self.buffer_bytes as u64
    }

    pub(super) fn bytes(&self, number: u32) -> Option<SharedBytes<'a>> {
        self.pool.part(number as usize * self.buffer_bytes, self.buffer_bytes).ok()
    }

    /// A free buffer for the program to hold.
    pub(super) fn hold(&mut self) -> Option<u32> {
        let top = self.free_count.checked_sub(1)?;
        let number = *self.free.get(top)?;
        *self.uses.get_mut(number as usize)? = Use::Held;
        self.free_count = top;
        Some(number)
    }

    pub(super) fn is_held(&self, number: u32) -> bool {
        matches!(self.uses.get(number as usize), Some(Use::Held))
    }

    /// The program gives a buffer back that it holds.
    pub(super) fn release(&mut self, number: u32) {
        if self.is_held(number)
            && let Some(used) = self.uses.get_mut(number as usize)
            && let Some(slot) = self.free.get_mut(self.free_count)
        {
            (*used, *slot) = (Use::Free, number);
            self.free_count += 1;
        }
    }

    /// Notes a transfer for a buffer that the program holds.
    pub(super) fn ask(&mut self, number: u32, wish: Wish, token: u32) {
        let asked = Use::Asked(Pending { wish, token, attempts: 0, stage: Stage::Waiting });
        if let Some(used) = self.uses.get_mut(number as usize)
            && let Some(slot) = self.order.get_mut(self.order_count)
        {
            (*used, *slot) = (asked, number);
            self.order_count += 1;
        }
    }

    /// Notes a flush, if there is a place for one.
    pub(super) fn ask_flush(&mut self, token: u32) -> Option<()> {
        let place = self.flushes.iter_mut().find(|place| place.is_none())?;
        *place = Some(Pending { wish: Wish::Flush, token, attempts: 0, stage: Stage::Waiting });
        Some(())
    }

    pub(super) fn pending(&mut self, place: Place) -> Option<&mut Pending> {
        match place {
            Place::Buffer(number) => match self.uses.get_mut(number as usize)? {
                Use::Asked(pending) => Some(pending),
                Use::Free | Use::Held => None,
            },
            Place::Flush(number) => self.flushes.get_mut(number as usize)?.as_mut(),
        }
    }

    /// Ends a request; its buffer is the program's again.
    pub(super) fn end(&mut self, place: Place) -> Option<Pending> {
        match place {
            Place::Buffer(number) => {
                let used = self.uses.get_mut(number as usize)?;
                let Use::Asked(pending) = *used else { return None };
                *used = Use::Held;
                let all = self.order.get_mut(..self.order_count)?;
                let at = all.iter().position(|other| *other == number)?;
                all.copy_within(at + 1.., at);
                self.order_count -= 1;
                Some(pending)
            }
            Place::Flush(number) => self.flushes.get_mut(number as usize)?.take(),
        }
    }

    /// The first that may go to the driver now, flushes before all others, and transfers from the `from`th unfinished one on; with
    /// that number, to go on behind it.
    pub(super) fn next_ready(&self, from: usize) -> Option<(Place, usize)> {
        let waits = |pending: &Pending| pending.stage == Stage::Waiting;
        if let Some((_, number)) =
            self.flushes.iter().zip(0..).find(|(flush, _)| flush.as_ref().is_some_and(waits))
        {
            return Some((Place::Flush(number), from));
        }
        let unfinished = self.order.get(..self.order_count)?;
        unfinished.iter().enumerate().skip(from).find_map(|(at, number)| {
            let pending = self.transfer(*number).filter(|pending| waits(pending))?;
            let mut older = unfinished.iter().take(at).filter_map(|number| self.transfer(*number));
            let held_back =
                older.any(|older| older.stage != Stage::GivenUp && pending.wish.conflicts(older.wish));
            (!held_back).then_some((Place::Buffer(*number), at))
        })
    }

    /// Whether the driver doesn't have all that was asked.
    pub(super) fn has_waiting(&self) -> bool {
        self.all().any(|(_, pending)| pending.stage == Stage::Waiting)
    }

    /// Gives up what waits although [`MAX_ATTEMPTS`] drivers had it. How many there are.
    pub(super) fn give_up(&mut self) -> usize {
        let transfers = self.uses.iter_mut().filter_map(|used| match used {
            Use::Asked(pending) => Some(pending),
            Use::Free | Use::Held => None,
        });
        let all = transfers.chain(self.flushes.iter_mut().flatten());
        let spent = all.filter(|pending| {
            let spent = pending.attempts >= MAX_ATTEMPTS && cfg!(not(bite = "blocks-asked-for-ever"));
            pending.stage == Stage::Waiting && spent
        });
        spent.map(|pending| pending.stage = Stage::GivenUp).count()
    }

    /// One that was given up.
    pub(super) fn given_up(&self) -> Option<Place> {
        let mut all = self.all();
        all.find_map(|(place, pending)| (pending.stage == Stage::GivenUp).then_some(place))
    }

    fn transfer(&self, number: u32) -> Option<&Pending> {
        match self.uses.get(number as usize)? {
            Use::Asked(pending) => Some(pending),
            Use::Free | Use::Held => None,
        }
    }

    /// All that have not ended: transfers by age, then flushes.
    fn all(&self) -> impl Iterator<Item = (Place, &Pending)> {
        let numbers = self.order.iter().take(self.order_count);
        let transfers = numbers.filter_map(|number| Some((Place::Buffer(*number), self.transfer(*number)?)));
        let flushes = self.flushes.iter().zip(0..);
        transfers.chain(flushes.filter_map(|(flush, number)| Some((Place::Flush(number), flush.as_ref()?))))
    }
}
