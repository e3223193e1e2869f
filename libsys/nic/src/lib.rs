//! What the drivers of all network cards share, so that a driver is its card and nothing else.
//!
//! | | |
//! |---|---|
//! | [`Card`] | what a driver's own part does: buffers by DMA address go in and come back with what was handed in |
//! | [`Service`] | a client served by such a card, over [`anax_frames`] |
//! | [`Handed`] | what a predecessor left in a card that a successor goes on with |
//! | `program` | the driver's program, all but bringing the card up; for ring 3 only |
//!
//! It is a crate of its own because clients, which use [`anax_frames`], have no business with devices, and because drivers must not know
//! each other; what has nothing to do with frames is in [`anax_driver`]. Nothing here allocates, blocks or calls the kernel, but for `program`.
#![no_std]
#![forbid(unsafe_code)]

mod card;
#[cfg(feature = "bin")]
pub mod program;
mod service;
mod succession;

pub use anax_driver::{Next, Pace, Polled, Served, ServiceError};
pub use card::{Card, Event, Handed, Part, Refused};
pub use service::Service;

/// Slots of each of the channel's rings, and buffers of the pool.
pub const BUFFERS: u32 = anax_frames::handover::BUFFERS as u32;
