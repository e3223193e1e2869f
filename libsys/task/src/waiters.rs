//! Tasks that wait for something of which there may be several waiters: all are woken, and look again.

use alloc::vec::Vec;
use core::cell::RefCell;
use core::task::{Context, Waker};

/// Wakers, each once.
#[derive(Debug, Default)]
pub(crate) struct Waiters(RefCell<Vec<Waker>>);

impl Waiters {
    /// The task that is polled will be woken.
    pub(crate) fn add(&self, context: &Context<'_>) {
        let mut waiting = self.0.borrow_mut();
        if !waiting.iter().any(|waker| waker.will_wake(context.waker())) {
            waiting.push(context.waker().clone());
        }
    }

    /// Wakes all.
    pub(crate) fn wake(&self) {
        // Taken out first: a foreign waker may do anything.
        let waiting = self.0.take();
        waiting.into_iter().for_each(Waker::wake);
    }
}
