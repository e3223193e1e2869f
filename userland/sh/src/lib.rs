//! The shell: a command language after POSIX, and the editor of the lines that a person types.
//!
//! ```text
//! keys ──▶ editor ──▶ line ──▶ syntax ──▶ shell: expands words, runs commands ──▶ World ──▶ init, files, pipes
//! ```
//!
//! What it does to the system stands behind [`World`], so that the host can test it.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod complete;
pub mod editor;
mod pattern;
mod shell;
pub mod syntax;
mod world;

pub use pattern::Pattern;
pub use shell::{BUILTINS, INTERRUPTED, NOT_FOUND, NOT_STARTED, Outcome, Shell, Variables};
pub use world::{Access, Ended, NotStarted, PathKind, Program, StreamError, World};
