//! A file system in memory.
//!
//! Files lie in regions that programs map: nothing is copied here, and the server does not even look at them. Each file has pieces that double in size up to 256 KiB, so that a small one takes
//! a page and a large one few handles.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod directory;
mod node;
mod pieces;
mod system;

pub use directory::Keys;
pub use pieces::{PAGE, Regions};
pub use system::{LONGEST_FILE, Tmpfs};
