//! One neighbour.

use core::time::Duration;

use arrayvec::ArrayVec;
use smoltcp::wire::EthernetAddress;

use super::{Token, WAITING};
use crate::Known;

/// RFC 4861, 7.3.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// INCOMPLETE: asked for so many times.
    Sought(u8),
    Reachable,
    Stale,
    Delay,
    /// PROBE: itself asked so many times.
    Probe(u8),
}

#[derive(Debug)]
pub(super) struct Entry {
    pub(super) state: State,
    /// When the state ends.
    pub(super) due: Duration,
    pub(super) link: Option<EthernetAddress>,
    pub(super) waiting: ArrayVec<Token, WAITING>,
    /// What the replicas know.
    pub(super) told: Option<Known>,
}

impl Entry {
    pub(super) const fn sought() -> Self {
        let waiting = ArrayVec::new_const();
        Self { state: State::Sought(1), due: Duration::ZERO, link: None, waiting, told: None }
    }

    /// One more waits; the oldest, if that is too many, waits no more.
    pub(super) fn wait(&mut self, token: Token) -> Option<Token> {
        let displaced = if self.waiting.is_full() { self.waiting.pop_at(0) } else { None };
        self.waiting.push(token);
        displaced
    }
}
