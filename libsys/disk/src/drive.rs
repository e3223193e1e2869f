//! What a driver's own part does.
//!
//! A drive never waits. What takes time it begins, and it says until when it is to be looked at again: a deadline that passes
//! unused is how a device that hangs is told from one that works. Times are since boot.

use core::time::Duration;

use anax_blocks::{Disk, What};
use anax_device::Broken;
use anax_driver::{CARD_WORDS, Name, NotSuspended, Polled};

/// What became of a job that was handed in.
#[derive(Debug)]
#[must_use = "a job that was not taken is to be answered"]
pub enum Submitted<T> {
    /// The drive has it.
    Taken,
    /// There was nothing to do for it.
    Done(T),
    /// There is no room for it now.
    NoRoom(T),
}

/// A job's end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended<T> {
    /// It was done.
    Done(T),
    /// The disk could not do it.
    Failed(T),
}

/// A disk with its driver, used by one thread, and a token of the caller's for each job: a client's
/// [`Job`](anax_blocks::Job), for the [`Service`](crate::Service).
pub trait Drive<T> {
    /// Which structures a successor goes on with: drivers of one name take each other's place.
    const NAME: Name;

    /// Why it does not come up.
    type Error;

    /// Which disk it is. Always the same one.
    fn disk(&self) -> Disk;

    /// Begins a job, after [`Self::flush`]. What the drive has it may do in any order.
    fn submit(&mut self, what: What, token: T, now: Duration) -> Submitted<T>;

    /// Shows the device all that was handed in; nothing to do where handing in shows it.
    fn flush(&mut self) {}

    /// Goes on with what is under way and gives back up to `budget` jobs that have ended. Asks for no interrupts meanwhile.
    ///
    /// # Errors
    /// [`Broken`] if the device does what it can't or lets a deadline pass: [`Self::restart`] is what helps.
    fn poll(&mut self, now: Duration, budget: u32, each: impl FnMut(Ended<T>)) -> Result<Polled, Broken>;

    /// Asks for an interrupt; the caller may wait if this is [`Polled::Idle`]. Nothing to do where interrupts are always on: one that
    /// comes before the caller waits is waiting for it.
    ///
    /// # Errors
    /// As for [`Self::poll`].
    fn prepare_to_wait(&mut self) -> Result<Polled, Broken> {
        Ok(Polled::Idle)
    }

    /// When it is to be polled again although nothing has happened; never if there is nothing to wait for.
    fn deadline(&self) -> Option<Duration>;

    /// Whether the device works by its own account, if it gives one: to be asked when its configuration has changed.
    ///
    /// # Errors
    /// [`Broken`] if it does not.
    fn check(&self) -> Result<(), Broken> {
        Ok(())
    }

    /// Stops the device: when this returns, it touches no buffer any more.
    ///
    /// # Errors
    /// It may still do so, and only taking bus mastering away will help.
    fn quiesce(&mut self) -> Result<(), Self::Error>;

    /// Resets the device and goes on: what was under way is begun again.
    ///
    /// # Errors
    /// The device is stopped then, if it can be.
    fn restart(&mut self, now: Duration) -> Result<(), Self::Error>;

    /// Takes back what was handed in, oldest first, after [`Self::quiesce`].
    fn take_back(&mut self) -> Option<T>;

    /// Asks for no interrupts, and says what a successor has to know, when the drive has no job. All is as before for a driver that goes on
    /// itself.
    ///
    /// # Errors
    /// [`NotSuspended`].
    fn suspend(&mut self) -> Result<[u64; CARD_WORDS], NotSuspended>;
}
