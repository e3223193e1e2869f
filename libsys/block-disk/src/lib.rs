//! A disk behind a block driver, as file systems use it: an [`anax_sectors::Disk`] over the client's side of [`anax_blocks`].
//!
//! A long read or write is cut into pieces of a buffer each, of which as many as there are buffers are in flight. A driver that dies, is replaced or lies makes the request take longer,
//! and nothing else: the client's side asks its successor again. Who has no answer for [`PATIENCE`] waits fails the request; what becomes of it later is nobody's.
//!
//! | | |
//! |---|---|
//! | [`BlockDisk`] | the disk; host-testable |
//! | [`parts`], [`PartDisk`] | what can be asked of the disk server, and a partition by that, which others may use beside other partitions of the same disk; host-testable |
//! | `program` | opens a device of the device manager, or a part of its disk, by name: `blk0`, `blk0p1`; for ring 3 only |
#![no_std]
#![forbid(unsafe_code)]

#[cfg(feature = "bin")]
extern crate alloc;

mod disk;
mod part;
pub mod parts;
#[cfg(feature = "bin")]
pub mod program;

pub use disk::{BUFFER_BYTES, BUFFERS, BlockDisk, Complaint, PATIENCE, SILENCE, Way, Woken};
pub use part::{Lent, PartDisk};
