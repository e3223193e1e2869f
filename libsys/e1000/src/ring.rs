//! A ring of descriptors (3.2.6, 3.4): the device's between head and tail, the driver's elsewhere.
//!
//! What decides is private: which descriptors are whose, what stands in them, and whose frames they are. From shared memory only the bit
//! is taken that says that a descriptor is done, and what the device reports beside it. A descriptor that was not given is zeros, so a
//! device that marks one, or changes one before it is shown, is found out. The zeros also tell a successor where the work begins.
//!
//! The tail must not catch up with the head, so one descriptor of `D` is always free.

use core::sync::atomic::{Ordering, fence};

use anax_device::{Broken, DmaAddress, DmaBlock, Reach};

/// A descriptor's two words.
pub type Descriptor = [u64; 2];

/// Descriptor done, in the second word of each kind.
pub const DONE: u64 = 1 << 32;

/// Bytes that the device may write into a buffer that it was given to receive into.
pub const BUFFER: u32 = 2048;

/// What tells the kinds of descriptors apart: extended, and then with data or without (3.3.5).
const DEXT: u64 = 1 << 29;
const DATA: u64 = 1 << 20;

/// The memory that a descriptor makes the device use, and how many bytes, as the device takes it; none of a context.
const fn named([first, second]: Descriptor) -> Option<(DmaAddress, u64)> {
    let bytes = match second & (DEXT | DATA) {
        DEXT => return None,
        kind if kind == DEXT | DATA => second & 0xf_ffff,
        // A buffer to receive into, or a short frame of the legacy kind.
        _ if second & 0xffff > BUFFER as u64 => second & 0xffff,
        _ => BUFFER as u64,
    };
    Some((DmaAddress::new(first), bytes))
}

/// A ring of `D` descriptors, a multiple of 8 up to 4,096, and a token of the caller's for each frame in it. Used by one thread.
#[derive(Debug)]
pub struct Ring<'a, T, const D: usize> {
    memory: DmaBlock<'a>,
    reach: Reach,
    /// As they were written.
    given: [Descriptor; D],
    /// At the last descriptor of each frame.
    tokens: [Option<T>; D],
    frames: u16,
    /// The oldest that is not given back; up to where the device knows; up to where they are written.
    clean: u16,
    shown: u16,
    next: u16,
    /// The device wrote where it had no business.
    lied: bool,
}

impl<'a, T, const D: usize> Ring<'a, T, D> {
    /// Words of memory.
    pub const WORDS: usize = {
        // The length is a multiple of 128 bytes (13.4.27, 13.4.38).
        assert!(D >= 8 && D.is_multiple_of(8) && D <= 4096);
        2 * D
    };

    /// Over [`Self::WORDS`] words, with nothing in it. The device is shown no address outside of `reach`, this memory's included.
    #[must_use]
    pub fn new(memory: DmaBlock<'a>, reach: Reach) -> Self {
        let tokens = [const { None }; D];
        Self {
            memory,
            reach,
            given: [[0; 2]; D],
            tokens,
            frames: 0,
            clean: 0,
            shown: 0,
            next: 0,
            lied: false,
        }
    }

    /// Words of its memory that the device reads, and which of their bits are a descriptor's commands and status, not its length: for whoever
    /// wants to know what becomes of it when that is wrong.
    pub fn steering() -> impl Iterator<Item = (usize, u64)> {
        (0..D).map(|number| (2 * number + 1, 0x0000_ffff_ff00_0000))
    }

    /// Where it begins, and bytes.
    ///
    /// # Panics
    /// If that is not the driver's, as for [`Reach::confirm`].
    #[must_use]
    pub fn place(&self) -> (DmaAddress, u32) {
        let bytes = (D * size_of::<Descriptor>()) as u32;
        (DmaAddress::new(self.reach.confirm(self.memory.start(), bytes.into())), bytes)
    }

    /// The head to begin with.
    #[must_use]
    pub const fn first(&self) -> u16 {
        self.clean
    }

    /// Frames in it.
    #[must_use]
    pub const fn in_flight(&self) -> u16 {
        self.frames
    }

    /// Descriptors that can be written.
    #[must_use]
    pub const fn room(&self) -> u16 {
        D as u16 - 1 - Self::from_to(self.clean, self.next)
    }

    const fn from_to(from: u16, to: u16) -> u16 {
        if to >= from { to - from } else { to + D as u16 - from }
    }

    const fn after(place: u16) -> u16 {
        if place as usize + 1 == D { 0 } else { place + 1 }
    }

    const fn before(place: u16) -> u16 {
        if place == 0 { D as u16 - 1 } else { place - 1 }
    }

    fn read(&self, place: u16) -> Descriptor {
        let at = 2 * usize::from(place);
        [at, at + 1].map(|at| self.memory.words()[at].load(Ordering::Acquire))
    }

    fn write(&self, place: u16, descriptor: Descriptor) {
        for (at, word) in (2 * usize::from(place)..).zip(descriptor) {
            self.memory.words()[at].store(word, Ordering::Relaxed);
        }
    }

    /// Writes a frame's descriptors, at least one, to be shown by [`Self::publish`].
    ///
    /// # Errors
    /// The token, if there is no room for all.
    pub fn push(&mut self, frame: impl Iterator<Item = Descriptor> + Clone, token: T) -> Result<(), T> {
        if frame.clone().count() > usize::from(self.room()) {
            return Err(token);
        }
        let mut last = self.next;
        for descriptor in frame {
            self.lied |= self.read(self.next) != [0; 2] && cfg!(not(bite = "e1000-free-unchecked"));
            self.write(self.next, descriptor);
            self.given[usize::from(self.next)] = descriptor;
            last = self.next;
            self.next = Self::after(last);
        }
        self.tokens[usize::from(last)] = Some(token);
        self.frames += 1;
        Ok(())
    }

    /// The tail to show, if there is anything new.
    ///
    /// # Panics
    /// If a descriptor names what is not the driver's, as for [`Reach::confirm`]. The device knows of none of them then.
    pub fn publish(&mut self) -> Option<u16> {
        while self.shown != self.next {
            let there = self.read(self.shown);
            if there != self.given[usize::from(self.shown)] {
                self.lied |= cfg!(not(bite = "e1000-written-unchecked"));
            } else if let Some((address, bytes)) = named(there) {
                self.reach.confirm(address, bytes);
            }
            self.shown = Self::after(self.shown);
            if self.shown == self.next {
                fence(Ordering::Release);
                return (!self.lied).then_some(self.next);
            }
        }
        None
    }

    /// Whether [`Self::take`] has something to say.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.lied || self.last(self.shown).is_some_and(|last| self.read(last)[1] & DONE != 0)
    }

    /// The oldest frame's token and the second word of its last descriptor, if it is done; all is as before if `valid` does not
    /// believe that word.
    ///
    /// # Errors
    /// [`Broken`] if it is not believed, or the device wrote where it had no business.
    pub fn take(&mut self, valid: impl Fn(u64) -> bool) -> Result<Option<(T, u64)>, Broken> {
        if self.lied {
            return Err(Broken);
        }
        let Some(last) = self.last(self.shown) else { return Ok(None) };
        let [_, word] = self.read(last);
        match word & DONE {
            0 => Ok(None),
            _ if !valid(word) => Err(Broken),
            _ => Ok(self.remove(last).map(|token| (token, word))),
        }
    }

    /// The oldest frame's token, done or not, from a device that is stopped.
    pub fn take_lost(&mut self) -> Option<T> {
        self.last(self.next).and_then(|last| self.remove(last))
    }

    /// All frames that were shown and not given back, oldest first: the place of the last descriptor, and the token.
    pub fn each_in_flight(&self, mut each: impl FnMut(u16, &T)) {
        let mut place = self.clean;
        while place != self.shown {
            if let Some(token) = &self.tokens[usize::from(place)] {
                each(place, token);
            }
            place = Self::after(place);
        }
    }

    /// The last descriptor of the oldest frame before `end`.
    fn last(&self, end: u16) -> Option<u16> {
        let mut place = self.clean;
        while place != end {
            if self.tokens[usize::from(place)].is_some() {
                return Some(place);
            }
            place = Self::after(place);
        }
        None
    }

    /// Backwards, so that a driver that dies in the middle leaves no half of a frame behind.
    fn remove(&mut self, last: u16) -> Option<T> {
        let token = self.tokens[usize::from(last)].take()?;
        let (mut place, begin) = (last, self.clean);
        self.write(place, [0; 2]);
        while place != begin {
            place = Self::before(place);
            self.write(place, [0; 2]);
        }
        self.clean = Self::after(last);
        if Self::from_to(begin, self.shown) < Self::from_to(begin, self.clean) {
            self.shown = self.clean;
        }
        self.frames -= 1;
        Some(token)
    }

    /// While the device is stopped: writes all that is in flight anew, to be shown again.
    pub fn rewrite(&mut self) {
        self.memory.clear();
        self.lied = false;
        self.shown = self.clean;
        let mut place = self.clean;
        while place != self.next {
            self.write(place, self.given[usize::from(place)]);
            place = Self::after(place);
        }
    }

    /// Whether the device's own position can be true.
    #[must_use]
    pub const fn may_be_at(&self, head: u32) -> bool {
        cfg!(bite = "e1000-head-unchecked")
            || head < D as u32
                && Self::from_to(self.clean, head as u16) <= Self::from_to(self.clean, self.shown)
    }

    /// Goes on in an empty ring where a predecessor was, by the device's head and tail: what is done and was not given back, and
    /// what the device has. `known` says what each descriptor was as the driver wrote it, and at the last of a frame, whose; "nothing" ends it.
    pub fn adopt(
        &mut self,
        [head, tail]: [u32; 2],
        mut known: impl FnMut(Descriptor) -> Option<(Descriptor, Option<T>)>,
    ) -> Option<()> {
        if head >= D as u32 || tail >= D as u32 {
            return None;
        }
        let (head, tail) = (head as u16, tail as u16);
        let mut begin = head;
        while Self::before(begin) != tail && self.read(Self::before(begin)) != [0; 2] {
            begin = Self::before(begin);
        }
        (self.clean, self.next, self.shown) = (begin, begin, tail);
        while self.next != tail {
            let (given, token) = known(self.read(self.next))?;
            let place = usize::from(self.next);
            self.frames += u16::from(token.is_some());
            (self.given[place], self.tokens[place]) = (given, token);
            self.next = Self::after(self.next);
        }
        // What the predecessor wrote and never showed is nobody's.
        let mut free = tail;
        while cfg!(not(bite = "e1000-unshown-adopted")) {
            self.write(free, [0; 2]);
            free = Self::after(free);
            if free == begin {
                break;
            }
        }
        (begin == tail || self.tokens[usize::from(Self::before(tail))].is_some()).then_some(())
    }
}
