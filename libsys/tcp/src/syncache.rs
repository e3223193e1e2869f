//! Connections that somebody has asked for and not yet confirmed: a few words each, bounded; what is forgotten, its cookie knows.

use core::hash::BuildHasher;
use core::time::Duration;

use alloc::collections::VecDeque;

use hashbrown::HashMap;

use crate::Tuple;
use crate::event::ListenerId;

/// What an opening has to remember.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Opening {
    pub(crate) listener: ListenerId,
    pub(crate) irs: u32,
    pub(crate) iss: u32,
    pub(crate) mss: u16,
    pub(crate) scale: Option<u8>,
    pub(crate) sack: bool,
    /// The other end's time stamp, if it uses them.
    pub(crate) stamp: Option<u32>,
    /// Its window, unscaled.
    pub(crate) window: u16,
    /// When the answer was first sent, and how often again.
    pub(crate) since: Duration,
    pub(crate) again: u8,
    pub(crate) due: Duration,
}

/// How often an answer is sent again.
const MOST_AGAIN: u8 = 4;

/// All of them.
#[derive(Debug)]
pub(crate) struct Openings<S> {
    openings: HashMap<Tuple, Opening, S>,
    /// In the order in which they are due; an entry whose time is not its opening's says nothing.
    queues: [VecDeque<(Tuple, Duration)>; MOST_AGAIN as usize + 1],
    order: VecDeque<Tuple>,
    most: usize,
}

impl<S: BuildHasher> Openings<S> {
    pub(crate) fn new(hasher: S, most: usize) -> Self {
        Self {
            openings: HashMap::with_hasher(hasher),
            queues: Default::default(),
            order: VecDeque::new(),
            most,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.openings.len()
    }

    pub(crate) fn get(&self, tuple: &Tuple) -> Option<&Opening> {
        self.openings.get(tuple)
    }

    pub(crate) fn remove(&mut self, tuple: &Tuple) -> Option<Opening> {
        self.openings.remove(tuple)
    }

    /// Those of a listener that is no more.
    pub(crate) fn forget(&mut self, listener: ListenerId) {
        self.openings.retain(|_, opening| opening.listener != listener);
    }

    /// Adds one that is new; whether an older one had to go.
    pub(crate) fn put(&mut self, tuple: Tuple, opening: Opening) -> bool {
        let mut evicted = false;
        while self.openings.len() >= self.most.max(1) {
            let Some(oldest) = self.order.pop_front() else { break };
            evicted |= self.openings.remove(&oldest).is_some();
        }
        // Names of those that are gone: as many as there can be at most.
        if self.order.len() >= 4 * self.most.max(1) {
            let openings = &self.openings;
            self.order.retain(|tuple| openings.contains_key(tuple));
        }
        self.order.push_back(tuple);
        self.queues[0].push_back((tuple, opening.due));
        self.openings.insert(tuple, opening);
        evicted
    }

    /// When the first answer is to be sent again.
    pub(crate) fn next(&self) -> Option<Duration> {
        self.queues.iter().filter_map(|queue| queue.front().map(|(_, due)| *due)).min()
    }

    /// One whose answer is to be sent again now, with longer to wait; those that were sent often enough are forgotten.
    pub(crate) fn due(&mut self, now: Duration, initial: Duration) -> Option<(Tuple, Opening)> {
        for step in 0..self.queues.len() {
            while let Some((tuple, due)) = self.queues[step].front().copied().filter(|(_, due)| *due <= now) {
                self.queues[step].pop_front();
                let Some(opening) = self.openings.get_mut(&tuple).filter(|opening| opening.due == due) else {
                    continue;
                };
                if opening.again >= MOST_AGAIN {
                    self.openings.remove(&tuple);
                    continue;
                }
                opening.again += 1;
                opening.due = now + initial * (1 << opening.again);
                self.queues[usize::from(opening.again)].push_back((tuple, opening.due));
                return Some((tuple, *opening));
            }
        }
        None
    }
}
