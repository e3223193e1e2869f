//! Operations that wait for answers: tasks of one thread, woken by what they wait for.
//!
//! An executor of a few lines instead of `libsys/task`'s: there is one thing to wait for, answers, and they are told by the server's own loop, which so can answer at once what needs no waiting.
//! Nothing in it depends on time, so that a test that repeats itself repeats every step.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::cell::{Cell, RefCell};
use core::future::poll_fn;
use core::pin::Pin;
use core::task::{Context, Poll, Waker};

type Task = Pin<Box<dyn Future<Output = ()>>>;

/// A task by its place, and which use of the place that is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Id(u32, u32);

#[derive(Default)]
struct Place {
    task: Option<Task>,
    generation: u32,
    is_used: bool,
}

/// All of them.
#[derive(Default)]
pub(crate) struct Ops {
    places: RefCell<Vec<Place>>,
    free: RefCell<Vec<u32>>,
    ready: RefCell<VecDeque<Id>>,
    current: Cell<Option<Id>>,
    alive: Cell<usize>,
    begun: Cell<u64>,
}

impl Ops {
    /// How many there are.
    pub(crate) fn alive(&self) -> usize {
        self.alive.get()
    }

    /// How many there have been.
    pub(crate) fn begun(&self) -> u64 {
        self.begun.get()
    }

    /// A task more, to be polled by the next [`run`](Self::run).
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + 'static) {
        let free = self.free.borrow_mut().pop();
        let mut places = self.places.borrow_mut();
        let number = free.unwrap_or_else(|| {
            places.push(Place::default());
            (places.len() - 1) as u32
        });
        let place = &mut places[number as usize];
        place.task = Some(Box::pin(task));
        place.is_used = true;
        self.alive.set(self.alive.get() + 1);
        self.begun.set(self.begun.get() + 1);
        self.ready.borrow_mut().push_back(Id(number, place.generation));
    }

    /// Polls who can go on, until nobody can.
    pub(crate) fn run(&self) {
        let mut context = Context::from_waker(Waker::noop());
        loop {
            let Some(id) = self.ready.borrow_mut().pop_front() else { return };
            let Some(mut task) = self.begin(id) else { continue };
            let outer = self.current.replace(Some(id));
            let outcome = task.as_mut().poll(&mut context);
            self.current.set(outer);
            let mut places = self.places.borrow_mut();
            let place = &mut places[id.0 as usize];
            if outcome.is_pending() {
                place.task = Some(task);
                continue;
            }
            (place.generation, place.is_used) = (place.generation.wrapping_add(1), false);
            drop(places);
            drop(task);
            self.free.borrow_mut().push(id.0);
            self.alive.set(self.alive.get() - 1);
        }
    }

    fn begin(&self, id: Id) -> Option<Task> {
        let mut places = self.places.borrow_mut();
        let place = places.get_mut(id.0 as usize)?;
        if place.generation == id.1 && place.is_used { place.task.take() } else { None }
    }

    /// The one that is being polled.
    ///
    /// # Panics
    /// Outside of one: a bug of this server's.
    pub(crate) fn current(&self) -> Id {
        self.current.get().expect("only operations wait")
    }

    /// It can go on, if it is still there.
    pub(crate) fn wake(&self, id: Id) {
        self.ready.borrow_mut().push_back(id);
    }
}

impl core::fmt::Debug for Ops {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Ops").field("alive", &self.alive).finish_non_exhaustive()
    }
}

/// Something that happens now and then; operations wait for the next time.
#[derive(Debug, Default)]
pub(crate) struct Signal {
    waiting: RefCell<Vec<Id>>,
    count: Cell<u64>,
}

impl Signal {
    /// It happens.
    pub(crate) fn notify(&self, ops: &Ops) {
        self.count.set(self.count.get() + 1);
        if self.waiting.borrow().is_empty() {
            return;
        }
        let waiting = core::mem::take(&mut *self.waiting.borrow_mut());
        waiting.into_iter().for_each(|id| ops.wake(id));
    }

    /// Waits for the next time.
    pub(crate) async fn wait(&self, ops: &Ops) {
        let seen = self.count.get();
        poll_fn(|_| {
            if self.count.get() != seen {
                return Poll::Ready(());
            }
            self.waiting.borrow_mut().push(ops.current());
            Poll::Pending
        })
        .await;
    }
}

#[cfg(test)]
mod tests {
    use alloc::rc::Rc;

    use super::*;

    #[test]
    fn tasks_wait_for_signals() {
        let ops = Rc::new(Ops::default());
        let signal = Rc::new(Signal::default());
        let log = Rc::new(RefCell::new(Vec::new()));
        for number in 0..3 {
            let (ops_, signal, log) = (ops.clone(), signal.clone(), log.clone());
            ops.spawn(async move {
                log.borrow_mut().push((number, 'a'));
                signal.wait(&ops_).await;
                log.borrow_mut().push((number, 'b'));
            });
        }
        ops.run();
        assert_eq!((log.borrow().len(), ops.alive()), (3, 3));
        signal.notify(&ops);
        ops.run();
        assert_eq!(log.borrow()[3..], [(0, 'b'), (1, 'b'), (2, 'b')]);
        assert_eq!(ops.alive(), 0);
        // A wake-up for who is gone is nobody's.
        ops.wake(Id(0, 0));
        ops.run();
    }
}
