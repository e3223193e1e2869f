//! Waits for what nobody else waits for: the answers to the closing of sockets that were dropped, until which their rings are in use.

use alloc::boxed::Box;
use alloc::rc::Rc;
use alloc::vec::Vec;
use core::cell::{Cell, RefCell};
use core::future::poll_fn;
use core::pin::Pin;
use core::task::{Context, Poll, Waker};

use anax_abi::Error;
use anax_task::EventLoop;
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;

type Closing = Pin<Box<dyn Future<Output = ()>>>;

/// One task for all of them, which is there as long as there are any.
pub(crate) struct Reaper {
    events: EventLoop,
    /// Those that the task has not seen yet.
    new: RefCell<Vec<Closing>>,
    waker: RefCell<Option<Waker>>,
    /// Who waits for the end of all of them.
    idle: RefCell<Vec<Waker>>,
    is_running: Cell<bool>,
}

impl Reaper {
    pub(crate) fn new(events: EventLoop) -> Rc<Self> {
        Rc::new(Self {
            events,
            new: RefCell::default(),
            waker: RefCell::default(),
            idle: RefCell::default(),
            is_running: Cell::new(false),
        })
    }

    /// Begins with it at once, so that what it sends is sent, and sees to its end.
    pub(crate) fn reap(self: &Rc<Self>, closing: impl Future<Output = ()> + 'static) {
        let mut closing: Closing = Box::pin(closing);
        if closing.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready() {
            return;
        }
        self.new.borrow_mut().push(closing);
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
        // With as many tasks as there may be, the next one that is closed tries again.
        let _full = self.start();
    }

    fn start(self: &Rc<Self>) -> Result<(), Error> {
        if !self.is_running.get() && !self.new.borrow().is_empty() {
            self.events.spawn(Self::run(self.clone()))?;
            self.is_running.set(true);
        }
        Ok(())
    }

    /// Waits until all are closed.
    pub(crate) async fn idle(self: &Rc<Self>) -> Result<(), Error> {
        self.start()?;
        poll_fn(|context| {
            if !self.is_running.get() {
                return Poll::Ready(());
            }
            self.idle.borrow_mut().push(context.waker().clone());
            Poll::Pending
        })
        .await;
        Ok(())
    }

    /// Waits for it; if whoever does so is dropped, the reaper does.
    pub(crate) async fn see_to<T: 'static>(
        reaper: &Rc<Self>,
        closing: impl Future<Output = T> + 'static,
    ) -> T {
        let mut guard = Guard { reaper, closing: Some(Box::pin(closing)) };
        poll_fn(|context| {
            let Some(closing) = &mut guard.closing else { return Poll::Pending };
            let outcome = closing.as_mut().poll(context);
            if outcome.is_ready() {
                guard.closing = None;
            }
            outcome
        })
        .await
    }

    async fn run(reaper: Rc<Self>) {
        let mut all = FuturesUnordered::new();
        poll_fn(|context| {
            loop {
                all.extend(reaper.new.borrow_mut().drain(..));
                match all.poll_next_unpin(context) {
                    Poll::Ready(Some(())) => {}
                    Poll::Ready(None) => return Poll::Ready(()),
                    Poll::Pending => {
                        *reaper.waker.borrow_mut() = Some(context.waker().clone());
                        return Poll::Pending;
                    }
                }
            }
        })
        .await;
        reaper.is_running.set(false);
        reaper.idle.take().into_iter().for_each(Waker::wake);
    }
}

/// What goes to the reaper if it is not over. One that is over is polled no more: it was taken out.
struct Guard<'r, T: 'static> {
    reaper: &'r Rc<Reaper>,
    closing: Option<Pin<Box<dyn Future<Output = T>>>>,
}

impl<T> Drop for Guard<'_, T> {
    fn drop(&mut self) {
        if let Some(closing) = self.closing.take() {
            self.reaper.reap(async { _ = closing.await });
        }
    }
}
