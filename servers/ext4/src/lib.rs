//! ext4, ext3 and ext2, to be read: an [`anax_files::FileSystem`] over the crate `ext4-view`, which knows the format, checksums and the journal.
//!
//! That crate names files by their paths, and so does this: a node is a path that was looked up. A file with two names is two nodes. Nothing changes on the disk, so a path means the same
//! for ever.
//!
//! Where that crate can't: a file of ext2 or ext3 with a hole so large that a block of block numbers is missing reads as `Damaged`.
//!
//! What stands between it and a disk that nobody trusts: the superblock's sizes are compared with the disk's before anything is allocated by them (`gate`), the paths of links are
//! short or damaged, and places in a file are found in a way that does not end by a panic of its (`reader`).
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod gate;
mod nodes;
mod reader;
mod system;

pub use system::Ext4;
