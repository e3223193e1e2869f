//! The disk server: a disk's partitions, each used by another program.
//!
//! ```text
//!  fat, ext4 …                    disks                           driver
//!    room ◀── copied ── part 1 ─╮
//!    room ◀── copied ── part 2 ─┴▶ window, turns ─▶ channel ─▶ pool
//! ```
//!
//! It is the one client of each disk's driver of which somebody uses a partition. It reads the partition table, so that nobody reaches a sector outside of his partition, and gives each request a buffer
//! of the pool in turn, so that nobody's long request keeps others waiting for more than a piece of each. Nothing waits in it: a disk that hangs keeps those waiting who use it. Who uses a
//! whole disk has the driver to himself, without this server.
//!
//! | | |
//! |---|---|
//! | [`Disks`] | the server: [`anax_block_disk::parts`] |
//! | [`System`] | what it does to the machine |
//! | [`Record`] | what its successor has to know: whose is what |
//!
//! Its clients keep all else: what had no answer is asked again of the successor, which does no harm, since a driver that has a new client has dropped what the old one asked.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod disk;
mod holders;
mod server;
mod system;
mod table;

pub use holders::MOST_HOLDERS;
pub use server::{Disks, MOST_PARTS};
pub use system::{Claim, Line, Record, Room, System, Way};

/// What a disk's channel is waited for at most, before it is looked whether it takes too long.
pub const TICK: core::time::Duration = core::time::Duration::from_secs(2);
