//! Deadlines of this thread's tasks. The earliest one is the deadline of the wait at the port: no timer of the kernel's is needed.
//!
//! An ordered map and not `anax-timers`, whose nodes are lent to the heap for as long as it lives: a future can be forgotten, and then its
//! node would be gone.

use alloc::collections::BTreeMap;
use core::cell::{Cell, RefCell};
use core::task::{Context, Waker};

use anax_sys::Instant;

/// A deadline that was set: when, and which of those.
pub(crate) type TimerKey = (Instant, u64);

/// Deadlines, and whom they wake.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    set: RefCell<BTreeMap<TimerKey, Waker>>,
    next: Cell<u64>,
}

impl Timers {
    /// Wakes the task that is polled, then.
    pub(crate) fn set(&self, at: Instant, context: &Context<'_>) -> TimerKey {
        let key = (at, self.next.get());
        self.next.set(key.1 + 1);
        self.set.borrow_mut().insert(key, context.waker().clone());
        key
    }

    /// Whether it has come. If it has not, it wakes the task that is polled.
    pub(crate) fn has_come(&self, key: TimerKey, context: &Context<'_>) -> bool {
        let before = match self.set.borrow_mut().get_mut(&key) {
            None => return true,
            Some(waker) if waker.will_wake(context.waker()) => return false,
            Some(waker) => core::mem::replace(waker, context.waker().clone()),
        };
        drop(before);
        false
    }

    /// Nobody waits for it any more.
    pub(crate) fn cancel(&self, key: TimerKey) {
        let waker = self.set.borrow_mut().remove(&key);
        drop(waker);
    }

    /// The earliest.
    pub(crate) fn earliest(&self) -> Option<Instant> {
        self.set.borrow().first_key_value().map(|(&(at, _), _)| at)
    }

    /// Wakes whom the deadlines until `now` are for, the earliest first.
    pub(crate) fn wake_due(&self, now: Instant) {
        while self.earliest().is_some_and(|at| at <= now) {
            let due = self.set.borrow_mut().pop_first();
            if let Some((_, waker)) = due {
                waker.wake();
            }
        }
    }
}
