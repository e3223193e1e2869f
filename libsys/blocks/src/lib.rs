//! How a disk's sectors travel between its driver and its client: one channel, one pool of buffers.
//!
//! The client owns the pool and lends buffers out of it: a full one to write, one to be filled to read. Each loan is a request on the
//! channel and comes back with its reply, exactly once. When the driver is replaced, what was in flight is asked of the successor.
//! A write may then be done twice, and in another order than the first time: that is safe because [`ClientSide`] keeps back what
//! overlaps an unfinished write, and a write that overlaps an unfinished read. So no two requests under way ever care about
//! their order, whoever serves them.
//!
//! | request | words 0, 1 | word 2 | reply's result | reply's words |
//! |---|---|---|---|---|
//! | [`READ`] | a buffer, as a [`Payload`](anax_ring::Payload) | first sector | [`DONE`] or [`FAILED`] | |
//! | [`WRITE`] | the same | the same | the same | |
//! | [`FLUSH`] | | | the same | |
//! | [`ABOUT`] | | | [`DONE`] | [`Disk`] |
//!
//! [`FLUSH`] ends when all writes that were answered before it was asked are where a loss of power does not reach them.
//!
//! A driver whose device reaches memory by itself is given the pool as the device sees it, and maps none of it. The pool has to outlive the
//! driver, and a new epoch is posted only when the device of the old one is fenced: until then it may still touch what it was lent.
#![no_std]
#![forbid(unsafe_code)]

mod client;
mod disk;
mod driver;
pub mod handover;
mod pool;

pub use client::{ClientError, ClientSide, Counters, Done, Event, FLUSHES, Failure, MAX_ATTEMPTS, Refused};
pub use disk::{Access, Disk, Id, SectorSize, Sectors};
pub use driver::{Asked, DriverSide, Job, Question, Transfer, What};
pub use pool::{Buffer, MAX_TRANSFER, MIN_BUFFER};

/// Reads sectors into a buffer.
pub const READ: u32 = 1;
/// Writes sectors from a buffer.
pub const WRITE: u32 = 2;
/// Makes what was written last.
pub const FLUSH: u32 = 3;
/// Asks about the disk.
pub const ABOUT: u32 = 4;

/// The result of what was done as asked.
pub const DONE: i64 = 0;
/// The result of what the disk could not do: of a read, nothing in the buffer counts; of a write, nobody knows what the sectors hold.
pub const FAILED: i64 = 1;
