//! Files for programs: opened, read, written and named by paths, like those of Rust's `std::fs`.
//!
//! ```text
//! let text = anax_fs::read_to_string("/boot/motd")?;
//! let mut log = OpenOptions::new().append(true).create(true).open("notes")?;
//! log.write_all(b"one more\n")?;
//! ```
//!
//! A path that does not begin with a slash is seen from the [current directory](current_directory). What is read of a file that lies in memory costs no message: its pages are mapped here, and the
//! server's table says which of them are good ([`anax_files::files`]).
//!
//! A program of tasks has the same for those, so that one disk holds up none that can go on without it ([`task`]).
//!
//! Everything goes by the program's one [`Session`]. The server has several threads, and each file is one's: which one a session finds out, and asks there. When the VFS server dies, what is open is gone (`Way(PeerDied)`), and the next call finds its successor.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod branch;
mod bytes;
mod file;
mod mapped;
mod names;
mod session;
pub mod task;
mod tree;
mod way;

pub use anax_files::{Attributes, Entry, Failure, Kind, Node, Usage};
pub use bytes::Lies;
pub use file::{File, OpenOptions, SeekFrom, read, read_to_string, write};
pub use names::{
    ReadDir, create_dir, current_directory, hard_link, metadata, read_dir, read_link, remove_dir,
    remove_file, rename, set_current_directory, set_modified, symlink, symlink_metadata,
};
pub use session::Session;
pub use tree::{Mount, mount, mount_port, mounts, sync, unmount, usage};
pub use way::{Access, Maps, Memory, Parts, Threads};
