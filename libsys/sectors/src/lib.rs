//! Disks as file systems use them: one thread, one request after the other, whole sectors.
//!
//! ```text
//!  a file system ── Cache ── Part ── Disk ── a driver's client, or memory in tests
//!     metadata ─────┘ └───── data, past the cache
//! ```
//!
//! [`anax_blocks`] is how sectors travel to a driver: many requests in flight, each ends when it ends. A file system wants to be told when it is done, and
//! an error as a value. [`Disk`] is that; whoever stands behind it splits long requests and keeps several parts of one in flight.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod cache;
mod disk;
mod memory;
mod part;

pub use anax_blocks::{Access, SectorSize};
pub use cache::{Cache, Mirror, Rank};
pub use disk::{Disk, DiskError, Shape};
pub use memory::MemoryDisk;
pub use part::Part;
