//! One direction, in a time of its own: frames in, what becomes of them out.

use std::collections::BTreeMap;
use std::time::Duration;

use super::mischief::{Dice, Mischief, flip};

/// How many later frames may overtake one.
const OVERTAKEN: usize = 5;
/// How long a frame waits for those.
const PATIENCE: Duration = Duration::from_millis(50);
/// How many frames are on their way at most; more are refused.
const MOST: usize = 8192;

/// What was done to one direction's frames.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Frames that came.
    pub came: u64,
    /// Frames that went on, doubles included.
    pub went: u64,
    /// Lost on purpose.
    pub lost: u64,
    /// Doubled.
    pub doubled: u64,
    /// Held back until others had passed.
    pub overtaken: u64,
    /// With a flipped bit.
    pub damaged: u64,
    /// Not taken by the other side, as nobody is there or it has no room; or too many are on their way.
    pub refused: u64,
}

/// A frame that others are to overtake.
#[derive(Debug)]
struct Held {
    left: usize,
    until: Duration,
    frame: Vec<u8>,
}

#[derive(Debug)]
pub(super) struct Path {
    dice: Dice,
    /// By when they go, and by their order.
    queue: BTreeMap<(Duration, u64), Vec<u8>>,
    next: u64,
    held: Vec<Held>,
    counts: Counts,
}

impl Path {
    pub(super) fn new(seed: u64) -> Self {
        let dice = Dice::new(seed);
        Self { dice, queue: BTreeMap::new(), next: 0, held: Vec::new(), counts: Counts::default() }
    }

    pub(super) fn counts(&self) -> Counts {
        self.counts
    }

    pub(super) fn refused(&mut self) {
        self.counts.refused += 1;
    }

    /// A frame comes.
    pub(super) fn push(&mut self, now: Duration, mut frame: Vec<u8>, mischief: &Mischief) {
        self.counts.came += 1;
        // All dice are thrown for each frame, so that what happens to one does not depend on how often other things are to happen.
        let [lost, doubled, overtaken, damaged] =
            [mischief.loss, mischief.duplication, mischief.reordering, mischief.corruption]
                .map(|percent| self.dice.hits(percent));
        let mut own = Dice::new(self.counts.came ^ mischief.seed.rotate_left(32));
        let at = now + mischief.delay;
        if lost {
            self.counts.lost += 1;
        } else {
            if damaged && flip(&mut frame, &mut own) {
                self.counts.damaged += 1;
            }
            if doubled {
                self.counts.doubled += 1;
                self.enqueue(at, frame.clone());
            }
            if overtaken {
                self.counts.overtaken += 1;
                // It counts itself, too.
                let left = 2 + own.below(OVERTAKEN);
                self.held.push(Held { left, until: at + PATIENCE, frame });
            } else {
                self.enqueue(at, frame);
            }
        }
        for held in &mut self.held {
            held.left -= 1;
        }
        self.release(|held| (held.left == 0).then_some(at));
    }

    /// A frame that goes now, if there is one.
    pub(super) fn pop(&mut self, now: Duration) -> Option<Vec<u8>> {
        self.release(|held| (held.until <= now).then_some(held.until));
        let entry = self.queue.first_entry().filter(|entry| entry.key().0 <= now)?;
        self.counts.went += 1;
        Some(entry.remove())
    }

    /// When to look again.
    pub(super) fn due(&self) -> Option<Duration> {
        let queued = self.queue.keys().next().map(|(at, _)| *at);
        self.held.iter().map(|held| held.until).chain(queued).min()
    }

    /// Those that have been held back for long enough go, at the time that is said.
    fn release(&mut self, is_due: impl Fn(&Held) -> Option<Duration>) {
        let mut at = 0;
        while at < self.held.len() {
            match is_due(&self.held[at]) {
                Some(time) => {
                    let held = self.held.remove(at);
                    self.enqueue(time, held.frame);
                }
                None => at += 1,
            }
        }
    }

    fn enqueue(&mut self, at: Duration, frame: Vec<u8>) {
        if self.queue.len() < MOST {
            self.queue.insert((at, self.next), frame);
            self.next += 1;
        } else {
            self.counts.refused += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbered frames, a millisecond apart; the numbers that come out, and when the last one did.
    fn pass(count: u16, mischief: &Mischief) -> (Vec<u16>, Duration, Counts) {
        let mut path = Path::new(mischief.seed);
        let mut out = Vec::new();
        let mut now = Duration::ZERO;
        let mut last = now;
        let mut drain = |path: &mut Path, now: Duration| {
            while let Some(frame) = path.pop(now) {
                out.push(u16::from_be_bytes([frame[0], frame[1]]));
                last = now;
            }
        };
        for number in 0..count {
            now += Duration::from_millis(1);
            path.push(now, number.to_be_bytes().to_vec(), mischief);
            drain(&mut path, now);
        }
        while let Some(due) = path.due() {
            drain(&mut path, due);
        }
        (out, last, path.counts())
    }

    #[test]
    fn a_good_network_changes_nothing() {
        let (out, _, counts) = pass(1000, &Mischief::none());
        assert_eq!(out, (0..1000).collect::<Vec<_>>());
        assert_eq!(counts, Counts { came: 1000, went: 1000, ..Counts::default() });
        let delayed = Mischief { delay: Duration::from_millis(20), ..Mischief::none() };
        let (out, last, _) = pass(1000, &delayed);
        assert_eq!((out, last), ((0..1000).collect(), Duration::from_millis(1020)));
    }

    #[test]
    fn each_as_often_as_asked_for_and_the_same_again() {
        let mischief = Mischief::all(5.0, 99);
        let (out, _, counts) = pass(10_000, &mischief);
        assert_eq!((out.clone(), counts), {
            let again = pass(10_000, &mischief);
            (again.0, again.2)
        });
        assert_ne!(out, pass(10_000, &Mischief { seed: 98, ..mischief }).0);
        for count in [counts.lost, counts.doubled, counts.overtaken] {
            assert!((400..600).contains(&count), "{counts:?}");
        }
        assert_eq!(counts.went, counts.came - counts.lost + counts.doubled);
        assert_eq!(out.len() as u64, counts.went);
        let distinct: std::collections::BTreeSet<_> = out.iter().collect();
        assert_eq!(distinct.len() as u64, counts.came - counts.lost);
    }

    #[test]
    fn one_is_overtaken_by_few_and_waits_for_nobody_for_ever() {
        let mischief = Mischief { reordering: 10.0, ..Mischief::none() };
        let (out, _, counts) = pass(10_000, &mischief);
        let late = out.iter().enumerate().filter(|(at, number)| *at > usize::from(**number)).count() as u64;
        // Of two neighbours that are both held back, one may not be late.
        assert!(late >= counts.overtaken * 9 / 10 && counts.overtaken > 800, "{late} of {counts:?}");
        assert!(out.iter().enumerate().all(|(at, number)| at.abs_diff((*number).into()) <= 2 * OVERTAKEN));
        let alone = Mischief { reordering: 100.0, ..Mischief::none() };
        assert_eq!(pass(1, &alone).0, [0]);
    }
}
