//! Tasks that wait for something of which there may be several waiters: all are woken, and look again.
//!
//! Each has a seat, which it gives up when it is dropped: a waiter that comes and goes for ever without being woken takes no more room
//! than one.

use alloc::collections::BTreeMap;
use core::cell::{Cell, RefCell};
use core::mem;
use core::task::{Context, Waker};

/// Wakers, one for each seat at most.
#[derive(Debug, Default)]
pub(crate) struct Waiters {
    waiting: RefCell<BTreeMap<SeatNumber, Waker>>,
    next: Cell<SeatNumber>,
}

/// A seat, for those who can't borrow what it is in. Its owner calls [`Waiters::leave`] in the end.
pub(crate) type SeatNumber = u64;

/// A seat that is given up by itself.
pub(crate) struct Seat<'a> {
    waiters: &'a Waiters,
    number: SeatNumber,
}

impl Waiters {
    pub(crate) fn number(&self) -> SeatNumber {
        self.next.replace(self.next.get() + 1)
    }

    pub(crate) fn seat(&self) -> Seat<'_> {
        Seat { waiters: self, number: self.number() }
    }

    /// The task that is polled will be woken.
    pub(crate) fn wait(&self, number: SeatNumber, context: &Context<'_>) {
        let before = self.waiting.borrow_mut().insert(number, context.waker().clone());
        drop(before);
    }

    pub(crate) fn leave(&self, number: SeatNumber) {
        let waker = self.waiting.borrow_mut().remove(&number);
        drop(waker);
    }

    /// Wakes all.
    pub(crate) fn wake(&self) {
        // Taken out first: a foreign waker may do anything.
        let waiting = mem::take(&mut *self.waiting.borrow_mut());
        waiting.into_values().for_each(Waker::wake);
    }

    #[cfg(test)]
    pub(crate) fn count(&self) -> usize {
        self.waiting.borrow().len()
    }
}

impl Seat<'_> {
    /// The task that is polled will be woken.
    pub(crate) fn wait(&self, context: &Context<'_>) {
        self.waiters.wait(self.number, context);
    }
}

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        self.waiters.leave(self.number);
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn who_comes_and_goes_leaves_nothing() {
        let (waiters, context) = (Waiters::default(), Context::from_waker(Waker::noop()));
        let stays = waiters.seat();
        stays.wait(&context);
        for _ in 0..3 {
            waiters.seat().wait(&context);
            stays.wait(&context);
        }
        assert_eq!(waiters.count(), 1);
        waiters.wake();
        assert_eq!(waiters.count(), 0);
    }
}
