//! The exercises: each is a function that talks to a [`Target`](crate::Target) and returns a [`Verdict`](crate::Verdict).

mod bulk;
mod connections;
mod datagrams;
mod http;
mod ping;
mod plain;
mod round_trip;
mod wrk;

pub use bulk::{Bulk, Moved, bulk};
pub use connections::{hold, open_close};
pub use datagrams::{Datagrams, datagrams};
pub use http::{Load, Page, Reuse, Seen, Until, http, manifest};
pub use ping::ping;
pub use plain::{sink, source};
pub use round_trip::round_trips;
pub use wrk::{is_there as has_wrk, wrk};
