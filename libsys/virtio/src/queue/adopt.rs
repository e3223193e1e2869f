//! Going on in a queue that a predecessor left to a device that runs: nothing is reset, and nothing is written before all is believed.
//!
//! What the predecessor says was in flight is checked against the descriptors that the device reads, so no buffer that the device may
//! write is given back under another one's name. All the device's own words are checked as ever.

use super::area::{ENTRIES, INDEX_SHIFT, SUPPRESS, load};
use super::fixed::{Fixed, flagged};
use super::{Access, FREE, Queue, Request, Segment, Suppression};

/// How far a queue was: plain numbers, worth nothing before they were checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Positions {
    size: u16,
    /// Requests that were shown to the device, and those that were taken back from it. Both run freely.
    shown: u16,
    taken: u16,
}

impl Positions {
    /// From a record.
    #[must_use]
    pub const fn from_word(word: u64) -> Self {
        Self { size: word as u16, shown: (word >> 16) as u16, taken: (word >> 32) as u16 }
    }

    /// For a record.
    #[must_use]
    pub const fn to_word(self) -> u64 {
        self.size as u64 | (self.shown as u64) << 16 | (self.taken as u64) << 32
    }
}

impl<T, const N: usize, const L: usize> Queue<'_, T, N, L> {
    /// How far it is, after [`Self::publish`].
    #[must_use]
    pub const fn positions(&self) -> Positions {
        Positions { size: self.size, shown: self.shown, taken: self.taken }
    }

    /// All that is in flight, oldest first: its place and its token.
    pub fn each_in_flight(&self, mut each: impl FnMut(u16, &T)) {
        let mut oldest_first = self.by_age();
        oldest_first.sort_unstable();
        for (_, place) in oldest_first.into_iter().filter(|(age, _)| *age != FREE) {
            if let Some(Some(request)) = self.places.get(usize::from(place)) {
                each(place, &request.token);
            }
        }
    }

    /// Goes on in an empty queue where a predecessor was. `requests` are all that it had in flight, oldest first: place, data, token. `fixed` is
    /// as for [`Self::restart`]. Nothing if they do not agree with each other, the queue's memory and the device; nothing was
    /// written then.
    pub fn adopt(
        &mut self,
        suppression: Suppression,
        positions: Positions,
        fixed: impl Fn(u16, usize) -> Segment,
        requests: impl IntoIterator<Item = (u16, Segment, T)>,
    ) -> Option<()> {
        let shown = load(self.driver, 0);
        if positions.size != self.size || (shown >> INDEX_SHIFT) as u16 != positions.shown {
            return None;
        }
        let (next, taken) = (positions.shown, positions.taken);
        let count = next.wrapping_sub(taken);
        let mut order = taken;
        for (place, data, token) in requests {
            let capacity = self.capacity();
            let slot = self.places.get_mut(usize::from(place))?;
            if slot.is_some() || place >= capacity || self.in_flight == count {
                return None;
            }
            *slot = Some(Request { token, data, order });
            order = order.wrapping_add(1);
            self.in_flight += 1;
        }
        if self.in_flight != count {
            return None;
        }
        for place in (0..self.capacity()).rev() {
            let known = self.known(place, &fixed)?;
            *self.fixed.get_mut(usize::from(place))? = known;
            if self.places.get(usize::from(place))?.is_none() {
                self.give_back(place);
            }
        }
        (self.next, self.shown, self.taken, self.seen) = (next, next, taken, taken);
        (self.suppression, self.flags) = (suppression, shown & SUPPRESS);
        // The entries before the next one in its word, which the device may not have read yet.
        let lanes = 16 * (next % ENTRIES);
        let entries = load(self.driver, 1 + usize::from((next & (self.size - 1)) / ENTRIES));
        self.entries = entries & ((1 << lanes) - 1);
        self.look().ok().map(|_| ())
    }

    /// A place's fixed parts, if its descriptors say what they should, those of its data included.
    fn known(&self, place: u16, fixed: impl Fn(u16, usize) -> Segment) -> Option<Fixed> {
        let first = usize::from(place) * L;
        let stands = |part: usize, segment: Segment, next: u64| {
            let words = [segment.address.get(), flagged(segment) | next];
            let at = 2 * (first + part);
            [load(self.descriptors, at), load(self.descriptors, at + 1)] == words
        };
        let mut known = Fixed::NONE;
        for part in (0..L).filter(|part| *part != 1) {
            let segment = fixed(place, part);
            if segment.access == Access::Write {
                known.writable += segment.length;
            }
            if part > 0 && !stands(part, segment, Self::followed_by(place, part + 1)) {
                return None;
            }
        }
        let head = fixed(place, 0);
        known.head = flagged(head);
        known.second = if stands(0, head, Self::followed_by(place, 1)) { 1 } else { 2 };
        if known.second == 2 && (L == 2 || !stands(0, head, Self::followed_by(place, 2))) {
            return None;
        }
        let Some(Some(Request { data, .. })) = self.places.get(usize::from(place)) else {
            return Some(known);
        };
        let linked = if data.length == 0 { 2 } else { 1 };
        let described = data.length == 0 || stands(1, *data, Self::followed_by(place, 2));
        let believed = linked == known.second && described || cfg!(bite = "virtio-adopted-unchecked");
        believed.then_some(known)
    }
}
