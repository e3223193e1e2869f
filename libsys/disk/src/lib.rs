//! What the drivers of all disks share, so that a driver is its disk and nothing else.
//!
//! | | |
//! |---|---|
//! | [`Drive`] | what a driver's own part does: jobs go in and come back when they are done |
//! | [`Service`] | a client served by such a drive, over [`anax_blocks`] |
//! | `program` | the driver's program, all but bringing the disk up; for ring 3 only |
//!
//! It is a crate of its own because clients, which use [`anax_blocks`], have no business with devices, and because drivers must not
//! know each other; what has nothing to do with disks is in [`anax_driver`]. Nothing here allocates, blocks or calls the kernel, but for `program`.
#![no_std]
#![forbid(unsafe_code)]

mod drive;
#[cfg(feature = "bin")]
pub mod program;
mod service;
mod succession;

pub use anax_driver::{Next, Polled, Served, ServiceError};
pub use drive::{Drive, Ended, Submitted};
pub use service::Service;
