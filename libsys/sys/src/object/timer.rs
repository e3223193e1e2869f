//! A deadline that becomes a message.

use anax_abi::Error;
use anax_abi::object::TimerCommand;

use super::{ask, done, number};
use crate::time::Instant;

object! {
    /// A timer. It sends [`notice::TIMER`](anax_abi::object::notice::TIMER) to the port that it was made with.
    Timer
}

impl Timer {
    /// Sets it, in place of an earlier deadline.
    ///
    /// # Errors
    /// None beside the usual.
    pub fn set(self, deadline: Instant) -> Result<(), Error> {
        done(ask(self.0, TimerCommand::Set as u32, [deadline.nanoseconds()]))
    }

    /// Cancels it; whether it was set.
    ///
    /// # Errors
    /// None beside the usual.
    pub fn cancel(self) -> Result<bool, Error> {
        number(ask(self.0, TimerCommand::Cancel as u32, [])).map(|set| set != 0)
    }
}
