//! Typed interfaces: what a client may ask a server, written once, as a plain trait.
//!
//! ```
//! use anax_abi::Error;
//!
//! /// Counters that clients share.
//! #[anax_proto::interface]
//! pub trait Counters {
//!     /// What the counter stands at.
//!     #[idempotent]
//!     fn read(&mut self, counter: u64) -> Result<u64, Error>;
//!     /// Adds to it, and returns what it stands at then.
//!     fn add(&mut self, counter: u64, amount: u64) -> Result<u64, Error>;
//! }
//! # fn main() {}
//! ```
//!
//! The attribute leaves the trait as it is: a server implements it. Beside it stand `CountersClient`, which has the same methods and sends each as
//! a message, and the module `counters`: the dispatcher `Serve`, the table of methods with their documentation, and the fingerprint that both
//! sides compare when they connect. There are no generated files, and a mistake is reported where it stands in the trait.
//!
//! | attribute | what it means |
//! |---|---|
//! | none | arguments and result travel in the five words of a message: integers, `bool`, and whatever is [`Fixed`] |
//! | `#[control]` | they travel as postcard, in the words if they are short, else in memory that the connection shares |
//! | `#[idempotent]` | asked again of a successor if the server dies over it; others return [`PeerDied`](anax_abi::Error::PeerDied) |
//!
//! An argument of type [`Caller`] is not sent: the dispatcher fills in who asks. A [`Gift`] is a handle, which travels beside the words, as an argument or
//! result. A method with an argument of type [`Later`] returns nothing: its client waits until the server answers by that.
//!
//! Methods of fixed layout can be asked together: `client.batch::<32>()`, see [`Batch`].
//!
//! `CountersAsync` has the methods once more, for tasks: each is a future, by an [`AsyncTransport`].
//!
//! What carries the messages is a [`Transport`]: ports between programs, and [`Loopback`] within one, with which
//! a server's source is tested on the host, by peers that die or lie if that is asked for. Nothing here allocates.
#![no_std]
#![forbid(unsafe_code)]

mod asynchronous;
mod batch;
mod beside;
mod client;
mod codec;
mod fingerprint;
mod fixed;
mod later;
mod loopback;
mod message;
mod method;
mod refused;

pub use anax_proto_macros::interface;
pub use asynchronous::{AsyncTransport, ask_async};
pub use batch::{Answers, Batch, Batching, Ticket};
pub use beside::{Beside, Gift, Gifts};
pub use client::{Client, RETRIES, Transport, ask};
pub use codec::{decode, encode};
pub use fingerprint::{fingerprint, mix};
pub use fixed::{Failure, Fixed, Reader, Writer, fits, handles_fit};
pub use later::{Answered, Later};
pub use loopback::{Loopback, Mood};
pub use message::{Caller, Reply, Request, SPACE};
pub use method::{Dispatch, Format, Method};

/// The command of a connection's first message: word 0 is the client's fingerprint of the interface, and the answer the server's.
pub const CONNECT: u32 = 0x1000;
/// The first method's command; the others follow in the trait's order.
pub const FIRST_METHOD: u32 = 0x1001;
