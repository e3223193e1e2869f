//! The table of tasks: as many as were asked for when the executor was made.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::cell::{Cell, RefCell};
use core::mem;
use core::pin::Pin;

use anax_abi::Error;

use crate::waiters::Waiters;

/// A task's future, whose value goes to its join handle.
pub(crate) type Boxed = Pin<Box<dyn Future<Output = ()>>>;

/// A task, by its place and that place's generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TaskId {
    pub(crate) place: usize,
    generation: u64,
}

/// All tasks.
pub(crate) struct Tasks {
    places: RefCell<Vec<Place>>,
    free: RefCell<Vec<usize>>,
    /// The executor is gone: there will be no more.
    is_closed: Cell<bool>,
    /// Who waits until there are none.
    pub(crate) idle: Waiters,
}

struct Place {
    generation: u64,
    state: State,
}

enum State {
    Free,
    Waiting(Boxed),
    /// Polled now, its future is on the stack.
    Running,
    /// The same, and not to be polled again.
    Cancelled,
}

impl Tasks {
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            places: RefCell::new(
                (0..capacity).map(|_| Place { generation: 0, state: State::Free }).collect(),
            ),
            free: RefCell::new((0..capacity).rev().collect()),
            is_closed: Cell::new(false),
            idle: Waiters::default(),
        }
    }

    /// How many there can be.
    pub(crate) fn capacity(&self) -> usize {
        self.places.borrow().len()
    }

    /// How many have not ended.
    pub(crate) fn alive(&self) -> usize {
        self.capacity() - self.free.borrow().len()
    }

    /// Adds one.
    ///
    /// # Errors
    /// `Full`, or `PeerDied` if there is no executor any more.
    pub(crate) fn insert(&self, future: Boxed) -> Result<TaskId, Error> {
        if self.is_closed.get() {
            return Err(Error::PeerDied);
        }
        let place = self.free.borrow_mut().pop().ok_or(Error::Full)?;
        let found = &mut self.places.borrow_mut()[place];
        found.state = State::Waiting(future);
        Ok(TaskId { place, generation: found.generation })
    }

    /// The future of the task in that place, to be polled. None: it has ended.
    pub(crate) fn begin(&self, place: usize) -> Option<Boxed> {
        let mut places = self.places.borrow_mut();
        let found = places.get_mut(place)?;
        match mem::replace(&mut found.state, State::Running) {
            State::Waiting(future) => Some(future),
            other => {
                found.state = other;
                None
            }
        }
    }

    /// It was polled, and is not over.
    pub(crate) fn put_back(&self, place: usize, future: Boxed) {
        {
            let mut places = self.places.borrow_mut();
            let found = &mut places[place];
            if matches!(found.state, State::Running) {
                found.state = State::Waiting(future);
                return;
            }
        }
        drop(future);
        self.end(place);
    }

    /// It is over, and its future dropped.
    pub(crate) fn end(&self, place: usize) {
        {
            let mut places = self.places.borrow_mut();
            let found = &mut places[place];
            found.generation += 1;
            found.state = State::Free;
        }
        self.free.borrow_mut().push(place);
        if self.alive() == 0 {
            self.idle.wake();
        }
    }

    /// Drops the task's future: now, or if it runs, as soon as it does not.
    pub(crate) fn cancel(&self, task: TaskId) {
        let future = {
            let mut places = self.places.borrow_mut();
            let Some(found) = places.get_mut(task.place).filter(|found| found.generation == task.generation)
            else {
                return;
            };
            match mem::replace(&mut found.state, State::Cancelled) {
                State::Waiting(future) => future,
                State::Free => {
                    found.state = State::Free;
                    return;
                }
                State::Running | State::Cancelled => return,
            }
        };
        // What it drops may call this package, and does not find it in the table.
        drop(future);
        self.end(task.place);
    }

    /// Drops all of them, and takes no more.
    pub(crate) fn close(&self) {
        self.is_closed.set(true);
        for place in 0..self.capacity() {
            let future = self.begin(place);
            if future.is_some() {
                drop(future);
                self.end(place);
            }
        }
    }
}
