//! What a server owes while the storm goes on: an answer to each whom it lets wait, and an end to each handle that it takes.

use alloc::collections::{BTreeMap, BTreeSet};

use anax_abi::Handle;
use anax_proto::{Answered, Caller};

use crate::Case;

/// Answers that come later: once each, and to nobody else.
#[derive(Debug, Default)]
pub struct Promises(BTreeMap<u64, Caller>);

impl Promises {
    /// None yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// After each request: whether it is to be answered later.
    ///
    /// # Panics
    /// If an answer is promised to somebody who can't be answered later.
    pub fn asked(&mut self, case: &Case<'_>) {
        if case.reply.is_later() {
            assert!(case.beside.ticket != 0, "an answer is promised where none can come");
            self.waits(case.caller, case.beside.ticket);
        }
    }

    /// Somebody waits whom the test itself has sent.
    ///
    /// # Panics
    /// If somebody waits by that ticket already.
    pub fn waits(&mut self, caller: Caller, ticket: u64) {
        assert!(self.0.insert(ticket, caller).is_none(), "asked twice by one ticket");
    }

    /// Before it is sent: an answer that the server has given.
    ///
    /// # Panics
    /// If nobody waits for it (any more).
    pub fn answered(&mut self, answered: &Answered) {
        assert!(
            self.0.remove(&answered.ticket).is_some(),
            "request {} is answered, and does not wait",
            answered.ticket
        );
        assert!(!answered.reply.is_later() && answered.reply.code <= 0, "no answer: {:?}", answered.reply);
    }

    /// That caller has ended: whoever knows it need not answer him any more.
    pub fn left(&mut self, caller: Caller) {
        self.0.retain(|_, asked| *asked != caller);
    }

    /// How many wait: what the server has to remember of them has a bound.
    #[must_use]
    pub fn owed(&self) -> usize {
        self.0.len()
    }
}

/// Handles that came along with requests. The carrier closes those that the server has not taken; these are the others.
#[derive(Debug, Default)]
pub struct Taken(BTreeSet<u64>);

impl Taken {
    /// None yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// After each request: those that the server has taken.
    pub fn asked(&mut self, case: &Case<'_>) {
        let left = |handle| case.beside.sent.iter().any(|gift| gift.handle == handle);
        let taken = case.sent.iter().map(|gift| gift.handle).filter(|handle| !left(*handle));
        self.0.extend(taken.map(Handle::to_word));
    }

    /// The server has closed one, or given it away. Whether that was one of these.
    pub fn closed(&mut self, handle: Handle) -> bool {
        self.0.remove(&handle.to_word())
    }

    /// How many it has: what has no bound is lost.
    #[must_use]
    pub fn held(&self) -> usize {
        self.0.len()
    }
}
