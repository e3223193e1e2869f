//! A web server's logic (RFC 9110, RFC 9112), without sockets and clocks: a [`Connection`] takes bytes, writes bytes and is told the time.
//!
//! | module | about |
//! |---|---|
//! | `connection` | one connection, from its first byte to its end |
//! | `server`, `limits`, `admission` | what connections share, and how much each may have |
//! | `head`, `skip`, `target` | what comes: requests, bodies that nobody wants, paths |
//! | `answer`, `response`, `body`, `window` | what goes: heads, parts of files, the ring that they are written to |
//! | `conditions`, `ranges`, `date`, `types`, `status` | what the standard has about each of these |
//! | `files`, `lending`, `lead`, `memory`, `listing` | what is served |
//! | `journal` | the access log |
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod admission;
mod answer;
mod body;
mod conditions;
mod connection;
mod date;
mod files;
mod head;
mod journal;
mod lead;
mod lending;
mod limits;
mod listing;
mod memory;
mod ranges;
mod response;
mod server;
mod skip;
mod status;
mod target;
mod types;
mod window;

pub use admission::Admission;
pub use connection::{Asked, Connection, Wants};
pub use date::Date;
pub use files::{About, Entries, Entry, File, Files, Found, Strength, Tag, Trouble};
pub use journal::Record;
pub use lending::{LEAST_LENT, Lies, send};
pub use limits::Limits;
pub use memory::{GENERATED, MemoryFile, MemoryFiles, Way};
pub use server::{Journal, Now, Server};
pub use status::Status;
pub use target::{Shape, Target};
pub use window::{Lends, Window};
