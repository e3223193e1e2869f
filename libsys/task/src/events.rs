//! What tasks hold of their executor.

use alloc::boxed::Box;
use alloc::rc::Rc;
use core::fmt;
use core::time::Duration;

use anax_abi::{Error, Message};
use anax_ring::Requester;
use anax_sys::object::Channel;
use anax_sys::{Beside, Instant, Target};

use crate::call::{Call, Reply};
use crate::channel::ChannelClient;
use crate::join::{JoinHandle, Outcome};
use crate::limits::Counts;
use crate::listeners::Kind;
use crate::notices::{Doorbell, Interrupts, Notices};
use crate::requests::Requests;
use crate::shared::Shared;
use crate::sleep::{Elapsed, Sleep};

/// The executor as its tasks see it: calls, time, what comes in, more tasks. Copies are the same one. It stays on its thread.
#[derive(Clone)]
pub struct EventLoop {
    pub(crate) shared: Rc<Shared>,
}

impl EventLoop {
    /// A task more. It is polled in the executor's next round.
    ///
    /// # Errors
    /// `Full` if there are as many as there may be, `PeerDied` if the executor is gone; the future is dropped.
    pub fn spawn<F>(&self, future: F) -> Result<JoinHandle<F::Output>, Error>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        let outcome = Outcome::new();
        let put = outcome.clone();
        let task = self.shared.tasks.insert(Box::pin(async move { put.put(future.await) }))?;
        self.shared.ready.mark(task.place);
        Ok(JoinHandle::new(outcome, self.shared.clone(), task))
    }

    /// Sends a message when it is first polled, or when a call before it in line has ended if too many are under way, and waits for its
    /// reply. The message's token is replaced, and it is abortable: dropped, the call asks for its end. To a server's port only: an
    /// object of the kernel's does not take what is sent, and answers at once if it is asked.
    ///
    /// It ends with what the reply says, `PeerDied` if nobody is left to reply, and what sending fails with.
    pub fn call(
        &self,
        target: Target,
        message: Message,
    ) -> impl Future<Output = Result<Reply, Error>> + use<> {
        let call = self.call_with_buffers(target, message, ());
        async { call.await.0 }
    }

    /// [`EventLoop::call`] with a handle beside the message.
    pub fn call_with_handle(
        &self,
        target: Target,
        message: Message,
        beside: Beside,
    ) -> impl Future<Output = Result<Reply, Error>> + use<> {
        let call = Call::new(self.shared.clone(), target, message, Some(beside), ());
        async { call.await.0 }
    }

    /// [`EventLoop::call`] of an operation that reads or writes `owned` while it is under way: a region, a loan. It comes back with the
    /// real reply. If the call is dropped before, the executor keeps it until that reply has come, cancelled or not.
    pub fn call_with_buffers<T: 'static>(&self, target: Target, message: Message, owned: T) -> Call<T> {
        Call::new(self.shared.clone(), target, message, None, owned)
    }

    /// Calls whose reply is due, whether or not somebody waits for it.
    #[must_use]
    pub fn calls_in_flight(&self) -> usize {
        self.shared.calls.in_flight()
    }

    /// What time it is: a trap.
    #[must_use]
    pub fn now(&self) -> Instant {
        self.shared.kernel.now()
    }

    /// Waits until then.
    pub fn sleep_until(&self, at: Instant) -> Sleep {
        Sleep::new(self.shared.clone(), at)
    }

    /// Waits so long from now on.
    pub fn sleep(&self, duration: Duration) -> Sleep {
        self.sleep_until(self.now().after(duration))
    }

    /// Gives `future` so long from now on, then drops it: a call that is under way is asked to end.
    ///
    /// It ends with [`Elapsed`] if the time was too short; if both come together, the value counts.
    pub fn timeout<F: Future>(
        &self,
        duration: Duration,
        future: F,
    ) -> impl Future<Output = Result<F::Output, Elapsed>> + use<F> {
        let sleep = self.sleep(duration);
        async { crate::sleep::within(future, sleep).await }
    }

    /// The requests that come to the port. With several such streams each request comes to one of them. While there is none they are
    /// queued; when the last one is dropped, what is queued and what comes is refused with `PeerDied` until there is one again. The
    /// notice of a fault comes here, too: somebody waits for its answer.
    #[must_use]
    pub fn requests(&self) -> Requests {
        Requests::new(self.shared.clone())
    }

    /// The notices with that badge: of timers, doorbells, ends of threads.
    ///
    /// # Errors
    /// `Exists`: somebody listens for that badge.
    pub fn notices(&self, badge: u64) -> Result<Notices, Error> {
        Notices::new(self.shared.clone(), badge, Kind::Notices)
    }

    /// A doorbell that rings with that badge, for a channel that is used directly.
    ///
    /// # Errors
    /// `Exists`.
    pub fn doorbell(&self, badge: u64) -> Result<Doorbell, Error> {
        self.notices(badge).map(Doorbell::new)
    }

    /// The interrupts with that badge. It has to be none that a client's handle has: the badge tells them apart from requests, as which they
    /// come while nobody listens.
    ///
    /// # Errors
    /// `Exists`.
    pub fn interrupts(&self, badge: u64) -> Result<Interrupts, Error> {
        Notices::new(self.shared.clone(), badge, Kind::Interrupts).map(Interrupts::new)
    }

    /// A channel's asking side, whose end is bound to this port with that badge. Nothing may be under way in it.
    ///
    /// # Errors
    /// `Exists`: somebody listens for that badge.
    pub fn channel<const N: usize>(
        &self,
        requester: Requester<'static, N>,
        channel: Channel,
        badge: u64,
    ) -> Result<ChannelClient<N>, Error> {
        ChannelClient::new(self.shared.clone(), requester, channel, badge)
    }

    /// What came to nothing so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.shared.counts()
    }
}

impl fmt::Debug for EventLoop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventLoop").field("counts", &self.counts()).finish_non_exhaustive()
    }
}
