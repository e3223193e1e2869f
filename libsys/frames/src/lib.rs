//! How Ethernet frames travel between a network card's driver and its client: one channel, one pool of buffers.
//!
//! The client owns the pool and lends buffers out of it: a full one to transmit, an empty one to receive into. Each loan is a request
//! on the channel and comes back with its reply, exactly once. So buffers need no protocol of their own, and what holds for
//! requests holds for them: when the driver dies, they are all back, and what was to be sent is sent again.
//!
//! | request | words 0, 1 | reply's result | reply's words |
//! |---|---|---|---|
//! | [`TRANSMIT`] | a frame, as a [`Payload`](anax_ring::Payload); in word 2 what is to be done with it, as an [`Offload`] | 0 | |
//! | [`RECEIVE`] | an empty buffer | length of the frame in it, from its beginning, or of a part of it | [`Arrival`] |
//! | [`ABOUT`] | | 0 | [`About`] |
//! | [`ACCEPT`] | which frames [put together](Coalescing) are taken | 0 | |
//! | [`WATCH`] | the link as the client knows it; answered when it is another | 0 | the [`Link`] |
//!
//! A frame that is to be cut into segments lies in several buffers, one behind the other; one received that was put together out of several in any; all
//! others in one.
//!
//! The driver needs no look inside: it is given the pool as the device sees it, and maps none of it. The pool has to outlive the driver,
//! and a new epoch is posted only when the device of the old one is fenced: until then the device may still write into what it was lent.
#![no_std]
#![forbid(unsafe_code)]

mod about;
mod buffer;
mod client;
mod driver;
pub mod handover;
mod merged;
mod offload;

pub use about::{About, Link, Mac};
pub use buffer::{BUFFER_BYTES, Buffer, MAX_FRAME, MIN_FRAME, Received};
pub use client::{ClientError, ClientSide, Counters, Event, MAX_ATTEMPTS, NotSent};
pub use driver::{Asked, DriverSide, Inherited, Loan, Question, Use};
pub use merged::{Arrival, Coalesced, Coalescing, HEAD_BYTES, MAX_PARTS};
pub use offload::{
    Checked, Internet, Lengths, MAX_CUT, NoOffload, Offers, Offload, Segmentation, Transport, Verdict,
};

/// Transmits a frame.
pub const TRANSMIT: u32 = 1;
/// Lends an empty buffer for a frame to come.
pub const RECEIVE: u32 = 2;
/// Asks about the card.
pub const ABOUT: u32 = 3;
/// Says which frames put together out of several the client takes; none before. A card that has to be reset for it is.
pub const ACCEPT: u32 = 4;
/// Asks for the link, as soon as it is not what the client knows.
pub const WATCH: u32 = 5;
