//! Which buffer is used for what: the client's own table, which alone decides.

use anax_ring::SharedBytes;

use crate::BUFFER_BYTES;

/// What a buffer is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Use {
    /// Nothing: it is on the free list.
    Free,
    /// The program has it, or what begins here.
    Held,
    /// It goes with the one before it.
    Follows,
    /// Lent to be filled.
    Lent,
    /// Lent to be transmitted, so many times so far, with those that follow.
    Sending { attempts: u8 },
    /// Not transmitted; nobody was told yet.
    GivenUp { token: u32 },
}

/// The pool's buffers, at most `N`.
#[derive(Debug)]
pub(super) struct Buffers<'a, const N: usize> {
    pool: SharedBytes<'a>,
    uses: [Use; N],
    free: [u32; N],
    free_count: usize,
}

impl<'a, const N: usize> Buffers<'a, N> {
    /// All of them free; nothing if the pool isn't a whole number of them, from 1 to `N`.
    pub(super) fn new(pool: SharedBytes<'a>) -> Option<Self> {
        let count = pool.len() / BUFFER_BYTES;
        if !pool.len().is_multiple_of(BUFFER_BYTES) || count == 0 || count > N {
            return None;
        }
        // The first is on top.
        let free = core::array::from_fn(|place| count.saturating_sub(place + 1) as u32);
        Some(Self { pool, uses: [Use::Free; N], free, free_count: count })
    }

    /// How many there are.
    pub(super) const fn count(&self) -> usize {
        self.pool.len() / BUFFER_BYTES
    }

    /// How many are free.
    pub(super) const fn free(&self) -> usize {
        self.free_count
    }

    /// What a buffer is used for, if there is one of that number.
    pub(super) fn used(&self, number: u32) -> Option<Use> {
        self.uses.get(number as usize).copied()
    }

    /// The first that was given up, with its frame's token.
    pub(super) fn given_up(&self) -> Option<(u32, u32)> {
        self.uses.iter().zip(0..).find_map(|(used, number)| match *used {
            Use::GivenUp { token } => Some((number, token)),
            _ => None,
        })
    }

    pub(super) fn bytes(&self, number: u32, count: usize) -> Option<SharedBytes<'a>> {
        self.pool.part(number as usize * BUFFER_BYTES, count * BUFFER_BYTES).ok()
    }

    pub(super) fn take_free(&mut self) -> Option<u32> {
        let top = self.free_count.checked_sub(1)?;
        let number = *self.free.get(top)?;
        self.free_count = top;
        Some(number)
    }

    /// The first of `count` free buffers one behind the other, which are the program's from now on.
    pub(super) fn take_run(&mut self, count: usize) -> Option<u32> {
        let is_free = |run: &[Use]| run.iter().all(|used| *used == Use::Free);
        let first = self.uses.get(..self.count())?.windows(count.max(1)).position(is_free)? as u32;
        let run = first..first + count as u32;
        let mut kept = 0;
        for place in 0..self.free_count {
            if let Some(&number) = self.free.get(place)
                && !run.contains(&number)
                && let Some(slot) = self.free.get_mut(kept)
            {
                *slot = number;
                kept += 1;
            }
        }
        self.free_count = kept;
        run.for_each(|number| self.set(number, if number == first { Use::Held } else { Use::Follows }));
        Some(first)
    }

    /// With all that follow.
    pub(super) fn set_free(&mut self, number: u32) {
        let mut next = number;
        loop {
            self.set(next, Use::Free);
            if let Some(slot) = self.free.get_mut(self.free_count) {
                *slot = next;
                self.free_count += 1;
            }
            next += 1;
            if self.used(next) != Some(Use::Follows) {
                return;
            }
        }
    }

    pub(super) fn set(&mut self, number: u32, to: Use) {
        if let Some(used) = self.uses.get_mut(number as usize) {
            *used = to;
        }
    }
}
