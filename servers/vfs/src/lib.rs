//! The VFS server: one namespace made of mounts, names that are remembered, open files, and cached pages that programs read where they lie.
//!
//! ```text
//!  Files (serve) ──▶ walk ──▶ names ──┐                      ┌─▶ line ──▶ a file system's port
//!        │                            ├─▶ nodes ─▶ pages ────┤
//!        └──▶ sessions, tables ◀──────┘    └─▶ write-back ───┘
//! ```
//!
//! There is a thread on each CPU, each with all of this for the mounts that are its own, and the others' by name; what they have to say to each other goes through a queue ([`peers`]). Nothing waits: what has to ask a file system is an operation ([`ops`]), an `async fn` that goes on when the answer has come. Between two answers it sees the state as
//! others have left it, so each says what it relies on after it.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod begin;
mod bytes;
mod content;
mod crossbar;
mod host;
mod line;
mod mounts;
mod names;
mod node;
mod open;
mod ops;
mod pages;
mod peers;
mod serve;
mod session;
mod state;
mod succession;
mod tree;
mod volume;
mod walk;
mod write_back;

pub use begin::Step;
pub use crossbar::{Bell, Crossbar};
pub use host::{Host, Memory};
pub use line::{Answer, Line};
pub use peers::Item;
pub use serve::Server;
pub use state::{Limits, Vfs};
