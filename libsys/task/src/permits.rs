//! What bounds what is in flight: so many permits, and whoever finds none waits in line.
//!
//! A permit that comes back is handed to the first in line, not put down: nobody who comes later can take it first.

use alloc::collections::VecDeque;
use alloc::rc::Rc;
use core::cell::{Cell, RefCell};
use core::task::{Context, Poll, Waker};

/// Permits, and the line.
#[derive(Debug)]
pub(crate) struct Permits {
    free: Cell<usize>,
    line: RefCell<VecDeque<Rc<Waiter>>>,
}

/// A place in the line.
#[derive(Debug, Default)]
pub(crate) struct Waiter {
    is_granted: Cell<bool>,
    waker: RefCell<Option<Waker>>,
}

impl Permits {
    pub(crate) fn new(count: usize) -> Self {
        Self { free: Cell::new(count), line: RefCell::new(VecDeque::new()) }
    }

    /// Takes a permit, or waits in line; `place` is the caller's place there.
    pub(crate) fn poll(&self, place: &mut Option<Rc<Waiter>>, context: &Context<'_>) -> Poll<()> {
        if let Some(waiter) = place {
            if waiter.is_granted.get() {
                *place = None;
                return Poll::Ready(());
            }
            waiter.waker.replace(Some(context.waker().clone()));
            return Poll::Pending;
        }
        if self.free.get() > 0 {
            self.free.set(self.free.get() - 1);
            return Poll::Ready(());
        }
        let waiter = Rc::new(Waiter::default());
        waiter.waker.replace(Some(context.waker().clone()));
        if cfg!(bite = "task-line-jumped") {
            self.line.borrow_mut().push_front(waiter.clone());
        } else {
            self.line.borrow_mut().push_back(waiter.clone());
        }
        *place = Some(waiter);
        Poll::Pending
    }

    /// A permit comes back.
    pub(crate) fn release(&self) {
        let first = self.line.borrow_mut().pop_front();
        let Some(first) = first else { return self.free.set(self.free.get() + 1) };
        first.is_granted.set(true);
        if let Some(waker) = first.waker.take() {
            waker.wake();
        }
    }

    /// Whoever waited in that place waits no longer.
    pub(crate) fn leave(&self, place: &Rc<Waiter>) {
        if place.is_granted.get() {
            return self.release();
        }
        self.line.borrow_mut().retain(|waiter| !Rc::ptr_eq(waiter, place));
    }
}
