//! What the client's side tells its program: ends of requests, the disk, a change of drivers, and why something was not taken.

use anax_abi::Error;
use anax_ring::Epoch;

use crate::{Buffer, Disk, Sectors};

/// What happened so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Reads that were done, by the driver's word.
    pub read: u64,
    /// Writes.
    pub written: u64,
    /// Flushes.
    pub flushed: u64,
    /// Requests that ended with a [`Failure`].
    pub failed: u64,
    /// Requests that were given to a driver after another had had them.
    pub asked_again: u64,
}

/// Why a request was not done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The disk could not. After a write nobody knows what its sectors hold.
    Disk,
    /// The driver could not: [`Error::PeerDied`] if [`MAX_ATTEMPTS`](crate::MAX_ATTEMPTS) of them died of it, [`Error::PeerMisbehaved`] if its answer is none;
    /// else what the driver says. As after [`Failure::Disk`].
    Driver(Error),
}

/// A transfer that has ended.
#[derive(Debug)]
#[must_use = "its buffer is to be released"]
pub struct Done<'a> {
    /// Its buffer, the program's again.
    pub buffer: Buffer<'a>,
    /// Which sectors.
    pub sectors: Sectors,
    /// As handed in.
    pub token: u32,
    /// Whether it was done.
    pub outcome: Result<(), Failure>,
}

/// What [`ClientSide::event`](crate::ClientSide::event) finds.
#[derive(Debug)]
#[must_use = "buffers come back with events"]
pub enum Event<'a> {
    /// What disk it is. Comes once, before all others but [`Event::Replaced`].
    Disk(Disk),
    /// A read has ended: if it was done, the sectors are at the buffer's beginning.
    Read(Done<'a>),
    /// A write has ended.
    Written(Done<'a>),
    /// A flush has ended: if it was done, all writes that ended before it was asked for will last.
    Flushed {
        /// As handed in.
        token: u32,
        /// Whether it was done.
        outcome: Result<(), Failure>,
    },
    /// Another driver has taken over. Nothing is to be done for it.
    Replaced(Epoch),
    /// Nothing yet.
    Nothing,
}

/// Why there is no client's side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientError {
    /// The pool isn't a whole number of buffers from 1 to `N`, or their size is not a power of two from [`MIN_BUFFER`](crate::MIN_BUFFER) to
    /// [`MAX_TRANSFER`](crate::MAX_TRANSFER) bytes.
    Pool,
}

/// A transfer that was not taken.
#[derive(Debug)]
pub struct Refused<'a> {
    /// Its buffer.
    pub buffer: Buffer<'a>,
    /// [`Error::BadArgument`] for sectors that the disk doesn't have or the buffer has no
    /// room for, [`Error::NoRights`] for a write to a disk that is read-only.
    pub reason: Error,
}
