//! Channels: the batched delivery of messages, a pair of shared-memory rings between two sides that do not trust each other.
//!
//! N messages cost at most one doorbell, and none while the peer is awake. The other side may be a program or the kernel, and
//! it may be broken or hostile: every shared word is an atomic, is read once, copied, masked and checked. What can't be true
//! yields [`Misbehaved`], and that half of the channel then refuses to go on until a successor is bound.
//!
//! | layer | types | what it adds |
//! |---|---|---|
//! | memory | [`layout`], [`SharedBlock`] | where each word lies, and the only unsafe code |
//! | rings | [`Endpoint`] = [`Producer`] + [`Consumer`] + [`EpochWatch`] | order, capacity, doorbells, epochs |
//! | calls | [`Requester`], [`Responder`] | each request completes exactly once, whatever the peer does |
//! | payload | [`Payload`], [`SharedBytes`] | bulk data beside the messages, in memory that changes underneath |
//! | supervision | [`Supervisor`] | making a channel, binding a successor |
//! | succession | [`Suspended`], [`TicketWords`] | another program goes on as the answering side, in the same epoch |
//!
//! Nothing here allocates, blocks or calls the kernel: a [`Doorbell::Ring`] and a [`Sleep::MaySleep`] tell the caller to do so.
#![no_std]
#![deny(unsafe_code)]

mod block;
mod bytes;
mod consumer;
mod doorbell;
mod endpoint;
mod error;
pub mod layout;
mod payload;
mod producer;
#[cfg(all(target_arch = "x86_64", not(any(loom, miri))))]
mod raw;
mod requester;
mod responder;
mod supervisor;
mod suspended;
mod sync;
mod wire;

pub use block::SharedBlock;
pub use bytes::SharedBytes;
pub use consumer::Consumer;
pub use doorbell::{Doorbell, Sleep};
pub use endpoint::{Endpoint, EpochWatch};
pub use error::{AdoptError, Misbehaved, OpenError, OutOfRange, PushError, ReplyError, SubmitError};
pub use layout::{Epoch, Geometry, Side};
pub use payload::Payload;
pub use producer::Producer;
pub use requester::{Completion, Requester};
pub use responder::{Responder, Taken, Ticket};
pub use supervisor::Supervisor;
pub use suspended::{Suspended, TicketWords};
pub use sync::AtomicU64;
