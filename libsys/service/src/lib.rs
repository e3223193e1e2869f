//! Typed interfaces (`anax_proto`) over ports: a client's way to its server ([`PortTransport`]), and a server's loop ([`serve`]).
//!
//! ```text
//! server:  serve(port, &mut counters::Serve(Counters::default()))
//! client:  let mut counters = CountersClient::over(PortTransport::open(find, counters::FINGERPRINT)?);
//!          counters.add(3, 1)?;
//! ```
//!
//! A method of fixed layout is one message each way, by the kernel's direct switch if its server waits on the same CPU. What a `#[control]`
//! method takes and returns travels in the same five words as long as it is short, see [`INLINE`].
#![no_std]
#![forbid(unsafe_code)]

mod client;
mod server;
mod words;

pub use client::PortTransport;
pub use server::{answer, serve};
pub use words::INLINE;
