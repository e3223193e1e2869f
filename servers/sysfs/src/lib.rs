//! File systems that are made up as they are read.
//!
//! A [`World`] says what names there are and what their files say; [`Made`] makes a file system of that. Its files are devices to the VFS server: nothing of them is remembered, so that
//! each reading finds what holds then. Whoever reads a file in pieces from its beginning reads one state of it.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod made;
mod paths;

pub use made::{Made, Size, World};
