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
    /// Lent to be filled, with those that follow.
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
    /// A bit for each that is free. Single ones are taken from below and runs from above, so that there are runs.
    free: u128,
}

impl<'a, const N: usize> Buffers<'a, N> {
    /// All of them free; nothing if the pool isn't a whole number of them, from 1 to `N`.
    pub(super) fn new(pool: SharedBytes<'a>) -> Option<Self> {
        let count = pool.len() / BUFFER_BYTES;
        if !pool.len().is_multiple_of(BUFFER_BYTES) || count == 0 || count > N {
            return None;
        }
        const { assert!(N <= u128::BITS as usize, "a bit for each") };
        Some(Self { pool, uses: [Use::Free; N], free: u128::MAX >> (u128::BITS - count as u32) })
    }

    /// How many there are.
    pub(super) const fn count(&self) -> usize {
        self.pool.len() / BUFFER_BYTES
    }

    /// How many are free.
    pub(super) const fn free(&self) -> usize {
        self.free.count_ones() as usize
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

    /// Whether any is lent to be transmitted.
    pub(super) fn is_sending(&self) -> bool {
        self.uses.iter().any(|used| matches!(used, Use::Sending { .. }))
    }

    pub(super) fn bytes(&self, number: u32, count: usize) -> Option<SharedBytes<'a>> {
        self.pool.part(number as usize * BUFFER_BYTES, count * BUFFER_BYTES).ok()
    }

    pub(super) fn take_free(&mut self) -> Option<u32> {
        let number = self.free.trailing_zeros();
        (number < u128::BITS).then(|| {
            self.free &= self.free - 1;
            number
        })
    }

    /// The first of `count` free buffers one behind the other, which are the program's from now on.
    pub(super) fn take_run(&mut self, count: usize) -> Option<u32> {
        let count = u32::try_from(count.max(1)).ok().filter(|count| *count < u128::BITS)?;
        // A bit stays where as many follow as were asked for so far.
        let (mut starts, mut length) = (self.free, 1);
        while length < count {
            let step = length.min(count - length);
            starts &= starts >> step;
            length += step;
        }
        let first = starts.checked_ilog2()?;
        self.free &= !(((1 << count) - 1) << first);
        let run = first..first + count;
        run.for_each(|number| self.set(number, if number == first { Use::Held } else { Use::Follows }));
        Some(first)
    }

    /// How many there are from that one on that go together, itself and all that follow.
    pub(super) fn together(&self, number: u32) -> usize {
        let behind = self.uses.iter().skip(number as usize + 1);
        1 + behind.take_while(|used| **used == Use::Follows).count()
    }

    /// With all that follow.
    pub(super) fn set_free(&mut self, number: u32) {
        let mut next = number;
        loop {
            self.set(next, Use::Free);
            self.free |= 1 << next;
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
