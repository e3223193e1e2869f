//! Who serves what: the names server's logic.
//!
//! It keeps nothing that init could not tell it again, so it can be restarted at any time: init admits all processes anew, and clients ask init for its
//! successor's port.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod directory;

pub use directory::{Directory, Handles, MOST_WAITING};
