//! Connections in TIME-WAIT: what is left of them is enough to answer for them, and to let a successor begin (RFC 1337, RFC 6191).

use core::hash::BuildHasher;
use core::time::Duration;

use alloc::collections::VecDeque;

use hashbrown::HashMap;

use crate::Tuple;
use crate::seq::is_older;

/// What is left of one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rest {
    /// What it sends next.
    pub(crate) seq: u32,
    /// What it expects next.
    pub(crate) ack: u32,
    pub(crate) window: u16,
    /// What it says of time: added to the clock's milliseconds, and the other end's last.
    pub(crate) stamps: Option<(u32, u32)>,
    pub(crate) until: Duration,
}

impl Rest {
    /// Whether a SYN with that number and time stamp begins a later connection for certain.
    pub(crate) fn is_succeeded_by(&self, seq: u32, stamp: Option<u32>) -> bool {
        match (self.stamps, stamp) {
            (Some((_, last)), Some(stamp)) if stamp != last => is_older(last, stamp),
            _ => is_older(self.ack, seq),
        }
    }
}

/// All of them. They leave in the order in which they came, since all stay equally long; one that begins anew comes again.
#[derive(Debug)]
pub(crate) struct TimeWait<S> {
    rests: HashMap<Tuple, Rest, S>,
    order: VecDeque<(Tuple, Duration)>,
    most: usize,
}

impl<S: BuildHasher> TimeWait<S> {
    pub(crate) fn new(hasher: S, most: usize) -> Self {
        Self { rests: HashMap::with_hasher(hasher), order: VecDeque::new(), most }
    }

    pub(crate) fn len(&self) -> usize {
        self.rests.len()
    }

    /// Adds one, or lets it begin anew; whether the oldest had to go.
    pub(crate) fn put(&mut self, tuple: Tuple, rest: Rest) -> bool {
        let is_new = self.rests.insert(tuple, rest).is_none();
        // One that began anew has an older entry, which then says nothing.
        if is_new || self.order.len() < 2 * self.most {
            self.order.push_back((tuple, rest.until));
        }
        let evict = self.rests.len() > self.most;
        while self.rests.len() > self.most {
            let Some((oldest, _)) = self.order.pop_front() else { break };
            self.rests.remove(&oldest);
        }
        evict
    }

    pub(crate) fn get(&self, tuple: &Tuple) -> Option<&Rest> {
        self.rests.get(tuple)
    }

    pub(crate) fn remove(&mut self, tuple: &Tuple) {
        self.rests.remove(tuple);
    }

    /// When the first may leave.
    pub(crate) fn next(&self) -> Option<Duration> {
        self.order.front().map(|(_, until)| *until)
    }

    /// Those whose time is over leave.
    pub(crate) fn expire(&mut self, now: Duration) {
        while self.order.front().is_some_and(|(_, until)| *until <= now) {
            let Some((tuple, _)) = self.order.pop_front() else { break };
            if self.rests.get(&tuple).is_some_and(|rest| rest.until <= now) {
                self.rests.remove(&tuple);
            }
        }
    }
}
