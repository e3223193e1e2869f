//! The TCP engine of the network server: requests and segments in, completions and segments out.
//!
//! It holds no payload. A sender says how far its stream is written; the engine emits segments that name a connection, a position of that stream
//! and a length, and whoever runs it gathers the bytes. A receiver says how far it has room; of each segment the engine says which part goes to
//! which position of the stream, out of order too, so that nothing is copied or queued here. What is left is arithmetic: it runs in virtual time,
//! on the host as in the server, gives the same output for the same input and seed, and knows no lock, clock or thread.
//!
//! One [`Engine`] belongs to one protocol thread. Which one a connection belongs to, [`owner`] says, to whoever hands packets in and to the
//! engine itself. RFC 9293 with what RFC 7414 lists as its roadmap's core: 5681, 6298, 6582, 2018, 2883, 6675, 3042, 6928, 7323, 5961, 6528, 1337.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod config;
mod congestion;
mod connection;
mod cookie;
mod counters;
mod engine;
mod event;
mod index;
mod isn;
mod listener;
mod options;
mod owner;
mod ranges;
mod record;
mod recovery;
mod rtt;
mod segment;
mod seq;
mod syncache;
mod timewait;
mod tuple;
mod wheel;

pub use config::{Config, InitialWindow};
pub use congestion::{Congestion, NewReno};
pub use connection::{Snapshot, State};
pub use counters::Counters;
pub use engine::{Engine, Error, Taken};
pub use event::{Closed, ConnectionId, Event, ListenerId, Place};
pub use options::{Options, Sack};
pub use owner::{local_port, owner, toeplitz};
pub use ranges::{Range, Ranges};
pub use record::{RECORD_WORDS, Record};
pub use rtt::Rtt;
pub use segment::{Cut, Flags, Outgoing, ParseError, Payload, Segment};
pub use tuple::{Endpoint, Tuple};
pub use wheel::Wheel;
