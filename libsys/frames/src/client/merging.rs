//! A frame's parts, on their way to the program: shown to it when all are there, one behind the other.

use crate::{Arrival, Checked, Coalesced, Coalescing, MAX_CUT, MAX_FRAME, MAX_PARTS, MIN_FRAME};

/// A part: which buffer, and what the driver says of it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Part {
    pub(super) number: u32,
    /// Bytes, with those that came with the reply.
    pub(super) length: usize,
    pub(super) checked: Checked,
    pub(super) arrival: Arrival,
}

/// What comes of a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Put {
    /// It belongs to the program now, or will when the others are there.
    Kept,
    /// It can't be true; its buffer is free.
    Refused,
}

/// The parts of one frame: they come, and when all are there they go.
#[derive(Clone, Copy, Debug)]
pub(super) struct Merging {
    parts: [Part; MAX_PARTS],
    /// How many are there, of how many, and how many of them the program has.
    count: usize,
    expected: usize,
    told: usize,
    bytes: usize,
}

impl Merging {
    pub(super) fn new() -> Self {
        Self { parts: [Part::default(); MAX_PARTS], count: 0, expected: 0, told: 0, bytes: 0 }
    }

    /// Whether parts are there and others are not.
    pub(super) const fn is_partial(&self) -> bool {
        self.count < self.expected
    }

    /// The next part for the program, and how many follow.
    pub(super) fn tell(&mut self) -> Option<(Part, usize)> {
        let is_partial = self.is_partial() && cfg!(not(bite = "frames-part-shown"));
        if is_partial || self.told == self.count {
            return None;
        }
        let part = *self.parts.get(self.told)?;
        self.told += 1;
        Some((part, self.count - self.told))
    }

    /// Bytes of the frame, once all of it are there.
    pub(super) fn whole(&self) -> Option<usize> {
        (!self.is_partial()).then_some(self.bytes)
    }

    /// Whether the program has not had all that is there.
    pub(super) const fn has_more(&self) -> bool {
        !self.is_partial() && self.told < self.count
    }

    /// Drops what is partial; these buffers are free.
    pub(super) fn drop_partial(&mut self) -> impl Iterator<Item = u32> + use<> {
        let count = if self.is_partial() { self.count } else { 0 };
        if count > 0 {
            (self.count, self.expected, self.told) = (0, 0, 0);
        }
        let parts = self.parts;
        parts.into_iter().take(count).map(|part| part.number)
    }

    /// A frame's beginning, while nothing is partial; may it be, for a client that accepts so much?
    pub(super) fn begin(&mut self, mut part: Part, accepted: Coalescing) -> Put {
        let Arrival::First { checked, coalesced, follow } = part.arrival else { return Put::Refused };
        let is_taken = |what: Coalesced| accepted.includes(what.internet) && what.mss > 0;
        let (count, most) = (usize::from(follow) + 1, if coalesced.is_some() { MAX_CUT } else { MAX_FRAME });
        if count > MAX_PARTS
            || !(MIN_FRAME..=most).contains(&part.length)
            || count > 1 && coalesced.is_none()
            || !coalesced.is_none_or(is_taken) && cfg!(not(bite = "frames-merged-unasked"))
        {
            return Put::Refused;
        }
        part.checked = checked;
        (self.count, self.expected, self.told, self.bytes) = (0, count, 0, 0);
        self.put(part)
    }

    /// It goes on, if something is partial.
    pub(super) fn go_on(&mut self, part: Part) -> Put {
        let fits = part.length > 0 && self.bytes + part.length <= MAX_CUT;
        if fits && self.is_partial() { self.put(part) } else { Put::Refused }
    }

    fn put(&mut self, part: Part) -> Put {
        let Some(place) = self.parts.get_mut(self.count) else { return Put::Refused };
        *place = part;
        self.count += 1;
        self.bytes += part.length;
        Put::Kept
    }
}
