//! The loop: polls who can run, and waits at the port when nobody can.

use alloc::boxed::Box;
use alloc::rc::Rc;
use core::fmt;
use core::future::poll_fn;
use core::pin::pin;
use core::task::{Context, Poll, Waker};

use anax_abi::Error;
use anax_sys::Port;

use crate::events::EventLoop;
use crate::kernel::{Kernel, PortKernel};
use crate::limits::Limits;
use crate::shared::Shared;

/// Runs tasks on the thread that made it, which owns its port and receives there in no other way.
///
/// Dropped, it drops its tasks; calls under way are asked to end, and what they own is kept for ever if their replies have not come by
/// then: [`Executor::drain`] waits for them.
pub struct Executor {
    shared: Rc<Shared>,
    /// One for each place, and for the future that the executor itself waits for.
    wakers: Box<[Waker]>,
}

impl Executor {
    /// By a port of the calling thread's, which nobody else receives from.
    #[must_use]
    pub fn new(port: Port, limits: Limits) -> Self {
        Self::over(Box::new(PortKernel(port)), limits)
    }

    /// By any kernel: a test's.
    #[must_use]
    pub fn over(kernel: Box<dyn Kernel>, limits: Limits) -> Self {
        let shared = Rc::new(Shared::new(kernel, limits));
        let wakers = shared.ready.wakers(limits.tasks() + 1);
        Self { shared, wakers }
    }

    /// What tasks ask by: calls, time, what comes in, more tasks.
    #[must_use]
    pub fn events(&self) -> EventLoop {
        EventLoop { shared: self.shared.clone() }
    }

    /// Runs tasks until none is left.
    ///
    /// # Errors
    /// What waiting at the port fails with: it is gone. The tasks stay.
    pub fn run(&mut self) -> Result<(), Error> {
        let shared = self.shared.clone();
        let seat = shared.tasks.idle.seat();
        self.block_on(poll_fn(|context| {
            if shared.tasks.alive() == 0 {
                return Poll::Ready(());
            }
            seat.wait(context);
            Poll::Pending
        }))
    }

    /// Runs tasks, and `future` among them, until `future` has ended.
    ///
    /// # Errors
    /// What waiting at the port fails with: it is gone.
    pub fn block_on<F: Future>(&mut self, future: F) -> Result<F::Output, Error> {
        let mut future = pin!(future);
        let (root, shared) = (self.shared.tasks.capacity(), &*self.shared);
        shared.ready.mark(root);
        loop {
            for place in shared.ready.round() {
                let mut context = Context::from_waker(&self.wakers[place]);
                if place != root {
                    poll_task(shared, place, &mut context);
                } else if let Poll::Ready(value) = future.as_mut().poll(&mut context) {
                    return Ok(value);
                }
                shared.worked()?;
            }
            shared.rest()?;
        }
    }

    /// Runs tasks until no call is under way: for the end of a program whose calls have buffers. A task that calls on and on
    /// keeps it from ending.
    ///
    /// # Errors
    /// As [`Executor::block_on`].
    pub fn drain(&mut self) -> Result<(), Error> {
        let shared = self.shared.clone();
        let seat = shared.calls.idle.seat();
        self.block_on(poll_fn(|context| {
            if shared.calls.in_flight() == 0 {
                return Poll::Ready(());
            }
            seat.wait(context);
            Poll::Pending
        }))
    }
}

fn poll_task(shared: &Shared, place: usize, context: &mut Context<'_>) {
    // A waker may have outlived its task.
    let Some(mut future) = shared.tasks.begin(place) else { return };
    match future.as_mut().poll(context) {
        Poll::Pending => shared.tasks.put_back(place, future),
        Poll::Ready(()) => {
            drop(future);
            shared.tasks.end(place);
        }
    }
}

impl Drop for Executor {
    fn drop(&mut self) {
        self.shared.close();
    }
}

impl fmt::Debug for Executor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (tasks, calls) = (self.shared.tasks.alive(), self.shared.calls.in_flight());
        f.debug_struct("Executor").field("tasks", &tasks).field("calls", &calls).finish_non_exhaustive()
    }
}
