//! Time as futures.

use alloc::rc::Rc;
use core::fmt;
use core::pin::{Pin, pin};
use core::task::{Context, Poll};

use anax_abi::Error;
use anax_sys::Instant;
use futures_util::future::{Either, select};

use crate::shared::Shared;
use crate::timers::TimerKey;

/// Ends at a point in time, or shortly after it, never before.
#[must_use = "time passes when it is awaited"]
pub struct Sleep {
    shared: Rc<Shared>,
    at: Instant,
    key: Option<TimerKey>,
}

impl Sleep {
    pub(crate) const fn new(shared: Rc<Shared>, at: Instant) -> Self {
        Self { shared, at, key: None }
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let timers = &self.shared.timers;
        match self.key {
            Some(key) if timers.has_come(key, context) => Poll::Ready(()),
            Some(_) => Poll::Pending,
            None => {
                // One that is past already is found when the executor waits: cheaper than to ask what time it is.
                let key = timers.set(self.at, context);
                self.key = Some(key);
                Poll::Pending
            }
        }
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            self.shared.timers.cancel(key);
        }
    }
}

impl fmt::Debug for Sleep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sleep").field("at", &self.at).finish_non_exhaustive()
    }
}

/// The time was too short.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Elapsed;

impl From<Elapsed> for Error {
    fn from(_: Elapsed) -> Self {
        Self::TimedOut
    }
}

impl fmt::Display for Elapsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the time was too short")
    }
}

impl core::error::Error for Elapsed {}

/// The value, if it comes before `sleep` ends.
pub(crate) async fn within<F: Future>(future: F, sleep: Sleep) -> Result<F::Output, Elapsed> {
    match select(pin!(future), sleep).await {
        Either::Left((value, _)) => Ok(value),
        Either::Right(((), _)) => Err(Elapsed),
    }
}
