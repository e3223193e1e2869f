//! Typed interfaces (`anax_proto`) over ports and channels: a client's way to its server ([`PortTransport`], [`ChannelTransport`]), and a server's loop
//! ([`serve`], [`serve_channel`]).
//!
//! ```text
//! server:  serve(port, &mut counters::Serve(Counters::default()))
//! client:  let mut counters = CountersClient::over(PortTransport::open(find, counters::FINGERPRINT)?);
//!          counters.add(3, 1)?;
//! ```
//!
//! A method of fixed layout is one message each way, by the kernel's direct switch if its server waits on the same CPU. What a `#[control]`
//! method takes and returns travels in the same five words as long as it is short, see [`INLINE`], else in a page that the client passes along.
#![no_std]
#![forbid(unsafe_code)]

mod channel;
mod client;
mod gifts;
mod page;
mod server;
mod words;

pub use channel::{ChannelTransport, serve_channel};
pub use client::{Find, PortTransport};
pub use server::{
    SLOTS, answer_in_words, deliver, in_words, reserve_slots, send, serve, serve_but_answer, serve_one,
    serve_until,
};
pub use words::{INLINE, pack, unpack};
