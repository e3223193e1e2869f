//! The split virtqueue (2.7) for requests of `L` parts, of which the second is the data and all others have fixed places.
//!
//! A network card's chain is a header and a frame, a disk's is a header, the data and a status byte. Place `p` owns the
//! descriptors `L * p` and up for ever, so that all but the data's is written once, and a used identifier is a place or a lie.
//!
//! The driver area and the device area begin in the middle of a word. Then ring indices have the upper half of a word to
//! themselves and used elements are a word each: everything is accessed by whole words, each written by one side alone, and
//! none of it is read back that this side wrote.

mod adopt;
mod area;
mod fixed;
mod request;
mod steering;

use core::sync::atomic::{Ordering, fence};

use anax_device::{DmaAddress, DmaBlock, Reach};

use crate::Broken;
use area::{
    AREA_SKIP, DESCRIPTOR_NEXT, ENTRIES, INDEX_SHIFT, LEAST, NEXT_SHIFT, SUPPRESS, areas, load, passed, store,
};
use fixed::{Fixed, flagged};

pub use adopt::Positions;
pub use area::Addresses;
pub use request::{Access, Kick, Segment, Suppression};

/// The age of a place without a request.
const FREE: u32 = u32::MAX;

/// A request that the device is done with.
#[derive(Debug, PartialEq, Eq)]
pub struct Completed<T> {
    /// What was handed in with it.
    pub token: T,
    /// Bytes that the device says it wrote into the chain, at most those that it may.
    pub written: u32,
}

/// A place's use: what is known of a request in flight.
#[derive(Debug)]
struct Request<T> {
    token: T,
    data: Segment,
    /// Its index in the available ring, which tells the order of submission.
    order: u16,
}

/// A queue of up to `N` requests of `L` parts, each with a token of the driver's. All that decides is private.
#[derive(Debug)]
pub struct Queue<'a, T, const N: usize, const L: usize> {
    descriptors: DmaBlock<'a>,
    driver: DmaBlock<'a>,
    device: DmaBlock<'a>,
    reach: Reach,
    size: u16,
    suppression: Suppression,
    /// What flags this side shows.
    flags: u64,
    places: [Option<Request<T>>; N],
    fixed: [Fixed; N],
    free: [u16; N],
    free_count: u16,
    in_flight: u16,
    /// The next request's index in the available ring, and the index that the device was shown.
    next: u16,
    shown: u16,
    /// The word of the available ring that is being filled.
    entries: u64,
    /// The next used element, and the index that the device has shown.
    taken: u16,
    seen: u16,
}

impl<'a, T, const N: usize, const L: usize> Queue<'a, T, N, L> {
    /// Entries of the rings: a power of two, as 2.7 demands.
    const SIZE: u16 = {
        assert!(
            L >= 2 && N >= 1 && N * L <= 1 << 15,
            "a queue has at most 32,768 entries, a request two parts or more"
        );
        let size = (N * L).next_power_of_two() as u16;
        if size < LEAST { LEAST } else { size }
    };

    /// Words of memory that it needs.
    pub const WORDS: usize = {
        let [descriptors, driver, device] = areas(Self::SIZE);
        descriptors + driver + device
    };

    /// An empty queue in `memory`, with no more entries than the device can have, `device_size`. The device is told no address outside of `reach`,
    /// this memory's included.
    ///
    /// Nothing if the memory or the device's queue is too small.
    #[must_use]
    pub fn new(memory: DmaBlock<'a>, device_size: u16, reach: Reach) -> Option<Self> {
        // The device's limit is a power of two if it is honest.
        let most =
            if device_size.is_power_of_two() { device_size } else { device_size.next_power_of_two() / 2 };
        let size = Self::SIZE.min(most);
        if size < LEAST || usize::from(size) < L {
            return None;
        }
        let [descriptors, driver, device] = areas(size);
        let (descriptors, rest) = memory.split(descriptors)?;
        let (driver, rest) = rest.split(driver)?;
        let (device, _) = rest.split(device)?;
        Some(Self {
            descriptors,
            driver,
            device,
            reach,
            size,
            suppression: Suppression::Flags,
            flags: 0,
            places: [const { None }; N],
            fixed: [Fixed::NONE; N],
            free: [0; N],
            free_count: 0,
            in_flight: 0,
            next: 0,
            shown: 0,
            entries: 0,
            taken: 0,
            seen: 0,
        })
    }

    /// How many requests it can hold.
    #[must_use]
    pub fn capacity(&self) -> u16 {
        (self.size / L as u16).min(N as u16)
    }

    /// Requests that the device has not given back.
    #[must_use]
    pub const fn in_flight(&self) -> u16 {
        self.in_flight
    }

    /// Where it is.
    ///
    /// # Panics
    /// If that is not the driver's, as for [`Reach::confirm`].
    #[must_use]
    pub fn addresses(&self) -> Option<Addresses> {
        let start = |block: DmaBlock<'_>| {
            DmaAddress::new(self.reach.confirm(block.start(), size_of_val(block.words()) as u64))
        };
        Some(Addresses {
            size: self.size,
            descriptors: start(self.descriptors),
            driver: start(self.driver).checked_add(AREA_SKIP)?,
            device: start(self.device).checked_add(AREA_SKIP)?,
        })
    }

    /// Begins anew, while the device is reset. What was in flight is so again, in the order of submission.
    ///
    /// `fixed` names each place's parts but the data: place, part.
    pub fn restart(&mut self, suppression: Suppression, fixed: impl Fn(u16, usize) -> Segment) {
        let mut oldest_first = self.by_age();
        if cfg!(not(bite = "virtio-restart-unordered")) {
            oldest_first.sort_unstable();
        }
        self.suppression = suppression;
        [self.descriptors, self.driver, self.device].into_iter().for_each(DmaBlock::clear);
        (self.next, self.shown, self.taken, self.seen, self.entries, self.flags) = (0, 0, 0, 0, 0, 0);
        (self.free_count, self.in_flight) = (0, 0);
        for place in (0..self.capacity()).rev() {
            let mut known = Fixed::NONE;
            for part in (0..L).filter(|part| *part != 1) {
                let segment = fixed(place, part);
                if segment.access == Access::Write {
                    known.writable += segment.length;
                }
                if part == 0 {
                    known.head = flagged(segment);
                }
                self.describe(place, part, segment);
            }
            if let Some(slot) = self.fixed.get_mut(usize::from(place)) {
                *slot = known;
            }
            if self.places.get(usize::from(place)).is_some_and(Option::is_none) {
                self.give_back(place);
            }
        }
        for (_, place) in oldest_first.into_iter().filter(|(age, _)| *age != FREE) {
            self.make_available(place);
        }
    }

    /// The place that the next request will have: whoever keeps something for each place in its fixed parts writes it there
    /// before [`Self::submit`].
    #[must_use]
    pub fn next_place(&self) -> Option<u16> {
        let top = self.free_count.checked_sub(1)?;
        self.free.get(usize::from(top)).copied()
    }

    /// Puts a request in the queue; the device sees it after [`Self::publish`]. With no place free, the token comes back. Data of no
    /// bytes is left out of the chain.
    ///
    /// # Panics
    /// If the data is not the driver's, as for [`Reach::confirm`]: nothing of it is in the queue then.
    #[inline]
    pub fn submit(&mut self, data: Segment, token: T) -> Result<(), T> {
        let place = self.next_place();
        let Some(slot) = place.and_then(|place| self.places.get_mut(usize::from(place))) else {
            return Err(token);
        };
        *slot = Some(Request { token, data, order: 0 });
        self.free_count -= 1;
        self.make_available(place.unwrap_or(0));
        Ok(())
    }

    /// Shows the device all that was submitted (2.7.13) and says whether it wants to be told.
    #[inline]
    pub fn publish(&mut self) -> Kick {
        if self.shown == self.next {
            return Kick::Unneeded;
        }
        let old = core::mem::replace(&mut self.shown, self.next);
        self.show();
        // 2.7.13.4.1: the index is there before it is asked whether anyone cares.
        fence(Ordering::SeqCst);
        let wanted = match self.suppression {
            Suppression::EventIndex => {
                let event = load(self.device, 1 + usize::from(self.size)) as u16;
                passed(event, self.next, old)
            }
            Suppression::Flags => load(self.device, 0) & SUPPRESS == 0,
        };
        if wanted { Kick::Needed } else { Kick::Unneeded }
    }

    /// The next request that the device is done with.
    ///
    /// # Errors
    /// [`Broken`] if it claims more than were shown to it, one that is not in flight, or to have written more than it may.
    #[inline]
    pub fn take(&mut self) -> Result<Option<Completed<T>>, Broken> {
        Ok(self.take_placed()?.map(|(_, completed)| completed))
    }

    /// The same, with the request's place, whose fixed parts are as the device left them until the next [`Self::submit`].
    ///
    /// # Errors
    /// As for [`Self::take`].
    #[inline]
    pub fn take_placed(&mut self) -> Result<Option<(u16, Completed<T>)>, Broken> {
        if self.taken == self.seen && !self.look()? {
            return Ok(None);
        }
        let element = load(self.device, 1 + usize::from(self.taken & (self.size - 1)));
        let (identifier, written) = (element as u32 as usize, (element >> 32) as u32);
        let place = identifier / L;
        if !identifier.is_multiple_of(L) && cfg!(not(bite = "virtio-id-unchecked")) {
            return Err(Broken);
        }
        let request = self.places.get_mut(place).ok_or(Broken)?;
        let Some(Request { data, order, .. }) = request else { return Err(Broken) };
        let unseen = self.next.wrapping_sub(*order) <= self.next.wrapping_sub(self.shown);
        if unseen {
            return Err(Broken);
        }
        let data_writable = if data.access == Access::Write { data.length } else { 0 };
        let writable = self.fixed.get(place).map_or(0, |fixed| fixed.writable.saturating_add(data_writable));
        // Of a chain that it only reads, some devices report its length.
        let written = if writable == 0 { 0 } else { written };
        if written > writable && cfg!(not(bite = "virtio-length-unchecked")) {
            return Err(Broken);
        }
        let Some(Request { token, .. }) = request.take() else { return Err(Broken) };
        self.taken = self.taken.wrapping_add(1);
        self.in_flight -= 1;
        self.give_back(place as u16);
        Ok(Some((place as u16, Completed { token, written })))
    }

    /// Requests that the device is done with, by what it has shown by now.
    ///
    /// # Errors
    /// As for [`Self::take`].
    pub fn done(&mut self) -> Result<u16, Broken> {
        self.look()?;
        Ok(self.seen.wrapping_sub(self.taken))
    }

    /// Asks for an interrupt when `after` more requests are done, 1 or more, and says whether some are done already.
    ///
    /// # Errors
    /// [`Broken`], as for [`Self::take`].
    pub fn arm(&mut self, after: u16) -> Result<bool, Broken> {
        match self.suppression {
            Suppression::EventIndex => {
                let event = self.taken.wrapping_add(after.max(1) - 1);
                store(self.driver, 1 + usize::from(self.size / ENTRIES), event.into());
            }
            Suppression::Flags => {
                self.flags = 0;
                self.show();
            }
        }
        // 2.7.10: the wish is there before the ring is looked at once more.
        fence(Ordering::SeqCst);
        if cfg!(bite = "virtio-not-rechecked") {
            Ok(false)
        } else {
            Ok(self.taken != self.seen || self.look()?)
        }
    }

    /// Asks for no interrupts while the queue is polled. With event indices there are none as long as nobody [arms](Self::arm).
    pub fn disarm(&mut self) {
        if self.suppression == Suppression::Flags && self.flags == 0 {
            self.flags = SUPPRESS;
            self.show();
        }
    }

    /// Takes the oldest request in flight out, while the device is reset.
    pub fn take_lost(&mut self) -> Option<T> {
        let (_, place) = self.by_age().into_iter().filter(|(age, _)| *age != FREE).min()?;
        let request = self.places.get_mut(usize::from(place))?.take()?;
        self.in_flight -= 1;
        self.give_back(place);
        Some(request.token)
    }

    /// A number that is the smaller the longer ago the request was submitted, or [`FREE`], and its place.
    fn by_age(&self) -> [(u32, u16); N] {
        let mut all = [(FREE, 0); N];
        for ((slot, request), place) in all.iter_mut().zip(&self.places).zip(0..) {
            if let Some(request) = request {
                *slot = (u32::from(u16::MAX - self.next.wrapping_sub(request.order)), place);
            }
        }
        all
    }

    fn make_available(&mut self, place: u16) {
        let index = self.next;
        let Some(Some(request)) = self.places.get_mut(usize::from(place)) else { return };
        request.order = index;
        let data = request.data;
        self.link(place, if data.length == 0 { 2 } else { 1 });
        if data.length > 0 {
            self.describe(place, 1, data);
        }
        // Lanes above belong to entries of the last lap, which the device is done with: less than a ring is in flight.
        let lane = index % ENTRIES;
        let others = if lane == 0 { 0 } else { self.entries };
        self.entries = others | u64::from(place * L as u16) << (16 * lane);
        store(self.driver, 1 + usize::from((index & (self.size - 1)) / ENTRIES), self.entries);
        self.next = index.wrapping_add(1);
        self.in_flight += 1;
    }

    /// Writes a descriptor (2.7.5).
    fn describe(&self, place: u16, part: usize, segment: Segment) {
        let number = usize::from(place) * L + part;
        let address = self.reach.confirm(segment.address, segment.length.into());
        store(self.descriptors, 2 * number, address);
        store(self.descriptors, 2 * number + 1, flagged(segment) | Self::followed_by(place, part + 1));
    }

    /// Sees to it that this part comes after a place's first.
    #[inline]
    fn link(&mut self, place: u16, second: usize) {
        let Some(fixed) = self.fixed.get_mut(usize::from(place)) else { return };
        if fixed.second != second && cfg!(not(bite = "virtio-no-data-linked")) {
            fixed.second = second;
            let word = fixed.head | Self::followed_by(place, second);
            store(self.descriptors, 2 * usize::from(place) * L + 1, word);
        }
    }

    /// In a descriptor: that a place's part comes next, if it has so many.
    const fn followed_by(place: u16, part: usize) -> u64 {
        let number = place as u64 * L as u64 + part as u64;
        if part < L { DESCRIPTOR_NEXT | number << NEXT_SHIFT } else { 0 }
    }

    /// Reads the device's index once; whether there is anything new.
    fn look(&mut self) -> Result<bool, Broken> {
        let index = (load(self.device, 0) >> INDEX_SHIFT) as u16;
        // What is behind the index is read after it.
        fence(Ordering::Acquire);
        let shown = self.in_flight - self.next.wrapping_sub(self.shown);
        if index.wrapping_sub(self.taken) > shown && cfg!(not(bite = "virtio-index-unchecked")) {
            return Err(Broken);
        }
        self.seen = index;
        Ok(index != self.taken)
    }

    /// Shows flags and index.
    fn show(&self) {
        fence(Ordering::Release);
        store(self.driver, 0, self.flags | u64::from(self.shown) << INDEX_SHIFT);
    }

    fn give_back(&mut self, place: u16) {
        if let Some(slot) = self.free.get_mut(usize::from(self.free_count)) {
            *slot = place;
            self.free_count += 1;
        }
    }
}
