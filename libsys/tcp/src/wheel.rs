//! Deadlines: setting, cancelling and finding the next one cost the same however many there are.
//!
//! Six wheels of 64 slots; a slot of the first is a tick wide, of each further one 64 times as wide. A deadline is put where its number first differs
//! from the present one, so that it moves down at most five times before it comes. Each key has one deadline.

use alloc::vec::Vec;
use core::time::Duration;

/// A tick, in microseconds: about a millisecond.
const TICK: u64 = 1 << 10;
const BITS: u32 = 6;
const SLOTS: usize = 1 << BITS;
const LEVELS: usize = 6;
/// Beyond that a deadline comes early and is set again.
const MOST: u64 = (1 << (BITS as usize * LEVELS)) - 1;
const NONE: u32 = u32::MAX;

#[derive(Clone, Copy, Debug)]
struct Node {
    /// Its tick; 0 if it is not set.
    when: u64,
    before: u32,
    next: u32,
}

const FREE: Node = Node { when: 0, before: NONE, next: NONE };

/// Deadlines of small numbers.
#[derive(Clone, Debug)]
pub struct Wheel {
    elapsed: u64,
    /// The first of each slot.
    first: [[u32; SLOTS]; LEVELS],
    /// Which slots are not empty.
    occupied: [u64; LEVELS],
    /// Keys that have a deadline.
    count: u32,
    nodes: Vec<Node>,
}

impl Default for Wheel {
    fn default() -> Self {
        Self {
            elapsed: 0,
            first: [[NONE; SLOTS]; LEVELS],
            occupied: [0; LEVELS],
            count: 0,
            nodes: Vec::new(),
        }
    }
}

fn place(elapsed: u64, when: u64) -> (usize, usize) {
    let level = ((elapsed ^ when) | 1).ilog2() / BITS;
    (level as usize, (when >> (level * BITS)) as usize % SLOTS)
}

impl Wheel {
    /// None is set.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The key's deadline is `at`, instead of what it was: it comes then or up to a tick later. One that is past comes with the next tick.
    pub fn set(&mut self, key: u32, at: Duration) {
        self.cancel(key);
        if self.nodes.len() <= key as usize {
            self.nodes.resize(key as usize + 1, FREE);
        }
        let tick = u64::try_from(at.as_micros()).unwrap_or(u64::MAX).div_ceil(TICK);
        self.count += 1;
        self.link(key, tick.clamp(self.elapsed + 1, self.elapsed + MOST / 2));
    }

    fn link(&mut self, key: u32, when: u64) {
        let (level, slot) = place(self.elapsed, when);
        let next = core::mem::replace(&mut self.first[level][slot], key);
        self.occupied[level] |= 1 << slot;
        self.nodes[key as usize] = Node { when, before: NONE, next };
        if let Some(next) = self.nodes.get_mut(next as usize) {
            next.before = key;
        }
    }

    /// It has none any more.
    pub fn cancel(&mut self, key: u32) {
        let Some(node) = self.nodes.get_mut(key as usize).filter(|node| node.when != 0) else { return };
        let was = core::mem::replace(node, FREE);
        self.count -= 1;
        if let Some(next) = self.nodes.get_mut(was.next as usize) {
            next.before = was.before;
        }
        if let Some(before) = self.nodes.get_mut(was.before as usize) {
            before.next = was.next;
            return;
        }
        let (level, slot) = place(self.elapsed, was.when);
        self.first[level][slot] = was.next;
        if was.next == NONE {
            self.occupied[level] &= !(1 << slot);
        }
    }

    /// Where the next slot that is not empty begins: its level, itself, its tick.
    #[inline]
    fn next_slot(&self) -> Option<(usize, usize, u64)> {
        if self.count == 0 {
            return None;
        }
        (0..LEVELS).find_map(|level| {
            let width = level as u32 * BITS;
            let now = (self.elapsed >> width) as usize % SLOTS;
            let later = self.occupied[level] & (u64::MAX << now) & !(1 << now);
            (later != 0).then(|| {
                let slot = later.trailing_zeros() as usize;
                let round = self.elapsed >> (width + BITS) << (width + BITS);
                (level, slot, round + ((slot as u64) << width))
            })
        })
    }

    /// When to call [`Wheel::expire`] again at the latest. That may be too early for any deadline.
    #[must_use]
    pub fn next(&self) -> Option<Duration> {
        self.next_slot().map(|(.., tick)| Duration::from_micros(tick * TICK))
    }

    /// A key whose deadline has come, which it has no more; none if none has.
    pub fn expire(&mut self, now: Duration) -> Option<u32> {
        let now = u64::try_from(now.as_micros()).unwrap_or(u64::MAX) / TICK;
        if self.count == 0 {
            self.elapsed = self.elapsed.max(now);
            return None;
        }
        // What came in the tick at which the wheel stands.
        if let Some(key) = self.take_due() {
            return Some(key);
        }
        while let Some((level, slot, tick)) = self.next_slot().filter(|(.., tick)| *tick <= now) {
            let mut key = core::mem::replace(&mut self.first[level][slot], NONE);
            self.occupied[level] &= !(1 << slot);
            self.elapsed = tick;
            while key != NONE {
                let node = core::mem::replace(&mut self.nodes[key as usize], FREE);
                self.link(key, node.when);
                key = node.next;
            }
            if let Some(key) = self.take_due() {
                return Some(key);
            }
        }
        self.elapsed = self.elapsed.max(now);
        None
    }

    fn take_due(&mut self) -> Option<u32> {
        let key = self.first[0][self.elapsed as usize % SLOTS];
        (key != NONE).then(|| {
            self.cancel(key);
            key
        })
    }
}

#[cfg(test)]
mod tests {
    use alloc::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn deadlines_come_in_their_tick() {
        let mut wheel = Wheel::new();
        for (key, ms) in [(0, 5u64), (1, 500), (2, 70_000), (3, 5)] {
            wheel.set(key, Duration::from_millis(ms));
        }
        wheel.cancel(3);
        let mut now = Duration::ZERO;
        let mut came = Vec::new();
        while let Some(next) = wheel.next() {
            assert!(next > now || now == Duration::ZERO);
            now = next;
            while let Some(key) = wheel.expire(now) {
                came.push((key, now.as_millis()));
            }
        }
        assert_eq!(came, [(0, 5), (1, 500), (2, 70_000)]);
    }

    proptest! {
        #[test]
        fn none_is_early_or_lost(steps in proptest::collection::vec((0u32..20, 0u64..200_000_000, any::<bool>(), 0u64..3_000_000), 1..80)) {
            let (mut wheel, mut model, mut now) = (Wheel::new(), BTreeMap::new(), 0);
            for (key, ahead, is_set, passes) in steps {
                if is_set {
                    wheel.set(key, Duration::from_micros(now + ahead));
                    model.insert(key, now + ahead);
                } else {
                    wheel.cancel(key);
                    model.remove(&key);
                }
                if let Some(first) = model.values().min() {
                    let next = wheel.next().unwrap().as_micros() as u64;
                    prop_assert!(next <= first.max(&now) + 2 * TICK);
                }
                now += passes;
                while let Some(key) = wheel.expire(Duration::from_micros(now)) {
                    let at = model.remove(&key);
                    prop_assert!(at.is_some_and(|at| at <= now));
                }
                prop_assert!(model.values().all(|at| at + 2 * TICK > now));
            }
        }
    }
}
