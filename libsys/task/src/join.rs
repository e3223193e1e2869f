//! What a task leaves behind: its value, for whoever waits for it.

use alloc::rc::Rc;
use core::cell::{Cell, RefCell};
use core::fmt;
use core::pin::Pin;
use core::task::{Context, Poll, Waker};

use crate::shared::Shared;
use crate::tasks::TaskId;

/// Where the value is put.
pub(crate) struct Outcome<T> {
    value: Cell<Option<T>>,
    waker: RefCell<Option<Waker>>,
}

impl<T> Outcome<T> {
    pub(crate) fn new() -> Rc<Self> {
        Rc::new(Self { value: Cell::new(None), waker: RefCell::new(None) })
    }

    /// The task is over.
    pub(crate) fn put(&self, value: T) {
        self.value.set(Some(value));
        let waker = self.waker.take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

/// A task's value, once: a future. Dropped, it leaves the task alone, which goes on.
pub struct JoinHandle<T> {
    outcome: Rc<Outcome<T>>,
    shared: Rc<Shared>,
    task: TaskId,
}

impl<T> JoinHandle<T> {
    pub(crate) const fn new(outcome: Rc<Outcome<T>>, shared: Rc<Shared>, task: TaskId) -> Self {
        Self { outcome, shared, task }
    }

    /// Ends the task where it waits: its future is dropped before this returns, or, if the task does this itself, when it next waits. The
    /// value, if there is one already.
    pub fn cancel(self) -> Option<T> {
        self.shared.tasks.cancel(self.task);
        self.outcome.value.take()
    }
}

impl<T> Future for JoinHandle<T> {
    type Output = T;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        if let Some(value) = self.outcome.value.take() {
            return Poll::Ready(value);
        }
        let before = self.outcome.waker.replace(Some(context.waker().clone()));
        drop(before);
        Poll::Pending
    }
}

impl<T> fmt::Debug for JoinHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinHandle").field("task", &self.task).finish_non_exhaustive()
    }
}
