//! Requests on their way from the port to the tasks that serve them, and who is to be told if one is aborted.

use alloc::collections::{BTreeMap, VecDeque};
use alloc::rc::Rc;
use core::cell::{Cell, RefCell};
use core::mem;

use crate::kernel::{Arrived, Handles};
use crate::waiters::Waiters;

/// A request that was received and not answered.
#[derive(Debug, Default)]
pub(crate) struct Held {
    pub(crate) is_aborted: Cell<bool>,
    /// Who waits to be told.
    pub(crate) waiters: Waiters,
}

/// All of them.
#[derive(Debug)]
pub(crate) struct Incoming {
    limit: usize,
    queue: RefCell<VecDeque<Arrived>>,
    /// By their numbers, those in the queue included.
    held: RefCell<BTreeMap<u64, Rc<Held>>>,
    streams: Cell<usize>,
    /// Nobody serves any more.
    is_closed: Cell<bool>,
    /// The streams.
    pub(crate) waiters: Waiters,
    refused: Cell<u64>,
}

impl Incoming {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            limit,
            queue: RefCell::default(),
            held: RefCell::default(),
            streams: Cell::new(0),
            is_closed: Cell::new(false),
            waiters: Waiters::default(),
            refused: Cell::new(0),
        }
    }

    pub(crate) fn refused(&self) -> u64 {
        self.refused.get()
    }

    /// Whether requests are refused because nobody serves.
    pub(crate) fn is_closed(&self) -> bool {
        self.is_closed.get()
    }

    /// Queues a request; or gives its handles back if there are too many.
    pub(crate) fn arrive(&self, request: Arrived) -> Result<(), Handles> {
        {
            let mut held = self.held.borrow_mut();
            if held.len() >= self.limit {
                self.refused.set(self.refused.get() + 1);
                return Err(request.handles);
            }
            held.insert(request.number.to_word(), Rc::default());
        }
        self.queue.borrow_mut().push_back(request);
        self.waiters.wake();
        Ok(())
    }

    /// The next one.
    pub(crate) fn take(&self) -> Option<(Arrived, Rc<Held>)> {
        let request = self.queue.borrow_mut().pop_front()?;
        let held = self.held.borrow().get(&request.number.to_word()).cloned().unwrap_or_default();
        Some((request, held))
    }

    /// The request by that number has been answered or passed on.
    pub(crate) fn answered(&self, number: u64) {
        let held = self.held.borrow_mut().remove(&number);
        drop(held);
    }

    /// Whoever sent the request by that number asks for its end. It may have been answered meanwhile.
    pub(crate) fn abort(&self, number: u64) {
        let held = self.held.borrow().get(&number).cloned();
        if let Some(held) = held {
            held.is_aborted.set(true);
            held.waiters.wake();
        }
    }

    /// A stream more.
    pub(crate) fn open(&self) {
        self.streams.set(self.streams.get() + 1);
        self.is_closed.set(false);
    }

    /// A stream less; what is to be refused if it was the last one.
    pub(crate) fn leave(&self) -> VecDeque<Arrived> {
        self.streams.set(self.streams.get() - 1);
        if self.streams.get() == 0 { self.close() } else { VecDeque::new() }
    }

    /// Nobody serves any more; what is to be refused.
    pub(crate) fn close(&self) -> VecDeque<Arrived> {
        self.is_closed.set(true);
        let queue = mem::take(&mut *self.queue.borrow_mut());
        queue.iter().for_each(|request| self.answered(request.number.to_word()));
        queue
    }
}
