//! Notices as tasks see them: streams, one for each badge.

use alloc::rc::Rc;
use core::fmt;
use core::future::poll_fn;
use core::pin::Pin;
use core::task::{Context, Poll};

use anax_abi::{Error, MessageNumber, WORDS};
use futures_core::Stream;

use crate::listeners::{Kind, Listener, Notice};
use crate::shared::Shared;

/// The notices with one badge, a stream without an end. Timers and doorbells that come while one of them waits are counted in that one.
pub struct Notices {
    shared: Rc<Shared>,
    badge: u64,
    listener: Rc<Listener>,
}

impl Notices {
    pub(crate) fn new(shared: Rc<Shared>, badge: u64, kind: Kind) -> Result<Self, Error> {
        let listener = shared.listeners.add(badge, kind)?;
        Ok(Self { shared, badge, listener })
    }

    /// The next one.
    pub async fn next(&mut self) -> Notice {
        poll_fn(|context| self.poll(context)).await.0
    }

    fn poll(&self, context: &Context<'_>) -> Poll<(Notice, MessageNumber)> {
        if let Some(notice) = self.listener.queue.borrow_mut().pop_front() {
            return Poll::Ready(notice);
        }
        // A listener has one stream, and that is polled by one task at a time.
        self.listener.waiters.wait(0, context);
        Poll::Pending
    }
}

impl Stream for Notices {
    type Item = Notice;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Notice>> {
        self.poll(context).map(|(notice, _)| Some(notice))
    }
}

impl Drop for Notices {
    fn drop(&mut self) {
        self.shared.listeners.remove(self.badge);
    }
}

impl fmt::Debug for Notices {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Notices").field("badge", &self.badge).finish_non_exhaustive()
    }
}

/// A doorbell.
#[derive(Debug)]
pub struct Doorbell(Notices);

impl Doorbell {
    pub(crate) const fn new(notices: Notices) -> Self {
        Self(notices)
    }

    /// Waits until it rings, unless it has since it was last waited for; how often.
    pub async fn rung(&mut self) -> u64 {
        self.0.next().await.count
    }
}

/// The interrupts with one badge, a stream without an end.
#[derive(Debug)]
pub struct Interrupts(Notices);

impl Interrupts {
    pub(crate) const fn new(notices: Notices) -> Self {
        Self(notices)
    }

    /// The next one.
    pub async fn next(&mut self) -> Interrupt {
        poll_fn(|context| self.poll(context)).await
    }

    fn poll(&self, context: &Context<'_>) -> Poll<Interrupt> {
        let shared = &self.0.shared;
        self.0.poll(context).map(|(notice, number)| Interrupt {
            count: notice.count,
            number,
            shared: shared.clone(),
        })
    }
}

impl Stream for Interrupts {
    type Item = Interrupt;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Interrupt>> {
        self.poll(context).map(Some)
    }
}

/// An interrupt that was taken and not answered. No other one comes before [`Interrupt::done`]: dropped without, the line stays closed,
/// for a device that nobody has looked at would only interrupt again.
#[must_use = "the line stays closed until it is answered"]
pub struct Interrupt {
    /// How many since the last answer.
    pub count: u64,
    number: MessageNumber,
    shared: Rc<Shared>,
}

impl Interrupt {
    /// The device is served: lets the next one in.
    ///
    /// # Errors
    /// `BadHandle`: the interrupt was bound anew meanwhile.
    pub fn done(self) -> Result<(), Error> {
        self.shared.kernel.reply(self.number, Ok(0), [0; WORDS], None)
    }
}

impl fmt::Debug for Interrupt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Interrupt").field("count", &self.count).finish_non_exhaustive()
    }
}
