//! Files: what every side of them agrees on.
//!
//! ```text
//!  program ── libsys/fs ──▶ VFS server ── Volume ──▶ a file system, a server of its own: FileSystem
//!     └─ reads and writes cached pages where they lie      └─ libsys/volume: memory, order, checks
//! ```
//!
//! A file system is whoever implements [`FileSystem`], a plain trait: nodes that have names in directories, bytes, and attributes. It knows nothing of paths, open files,
//! caches, or who asks. `libsys/volume` makes a server of it, and tests call it as it is.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod attributes;
mod failure;
mod listing;
mod name;
mod nodes;
mod of_programs;
mod of_volumes;
mod pages;
pub mod path;
mod system;
mod text;

pub use attributes::{Attributes, Kind, Node};
pub use failure::Failure;
pub use listing::{Entry, Listing};
pub use name::{LONGEST_NAME, Name};
pub use nodes::{NodeHash, NodeHasher, Nodes};
pub use pages::Pages;
pub use system::{Creation, Extent, Features, FileSystem, Grow, Usage};
pub use text::Text;

/// What programs ask the VFS server.
pub mod files {
    pub use crate::of_programs::files::*;
    pub use crate::of_programs::*;
}

/// What the VFS server asks a file system's server.
pub mod volume {
    pub use crate::of_volumes::volume::*;
    pub use crate::of_volumes::*;
}
