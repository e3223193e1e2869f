//! What a program is told when it starts, between whoever starts it (init) and the program.
//!
//! A thread begins with one word. A program that init starts finds the address of its *start area* in it: memory of its own
//! that it can read, with its name, its arguments, the handles that it was given, and a seed for random numbers. A
//! program that somebody starts without all that finds a plain number there, below [`NUMBERS`], where no memory is ever
//! mapped.
//!
//! | word | what |
//! |---|---|
//! | 0 | [`MAGIC`] |
//! | 1 | how many bytes follow the two words |
//! | from 2 on | these bytes: [`Start`] as postcard |
//!
//! Handles go by name, so that a supervisor and a program need not agree on an order; the names that mean the same
//! everywhere are in [`handles`].
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod argument;
mod encoding;
pub mod handles;
mod start;

pub use argument::{Argument, NUMBERS};
pub use encoding::{HEAD, MAGIC, MOST_BYTES, StartError, area_bytes, decode, encode};
pub use start::{MOST_ARGUMENTS, MOST_HANDLES, MOST_VARIABLES, NamedHandle, Seed, Start};
