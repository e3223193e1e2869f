//! Makes a server of a file system: `anax_volume::serve(MyFiles::new())` is all that its program says.
//!
//! What comes in messages is checked here: names, numbers, places in memory. What the VFS server knows of nodes is counted here, so that a file system learns only when nobody knows one
//! any more. Bytes go through memory of the server's own, since the pages that they come from or go to may change at any time.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod known;
mod server;
#[cfg(not(anax))]
pub mod trial;

pub use anax_files::{
    Attributes, Creation, Extent, Failure, Features, FileSystem, Grow, Kind, Listing, Name, Node, Usage,
};
pub use server::{Maps, Memory, Server};

use anax::object::{Region, RegionKind, Space};
use anax::owned::Owned;
use anax::{Handle, Mapping};
use anax_files::volume::{DETACH, FOR_A_MOUNT, Serve};
use anax_proto::Gift;

/// The program's own address space.
#[derive(Clone, Copy, Debug, Default)]
pub struct Here;

impl Maps for Here {
    type Memory = Mapping;

    fn map(&self, memory: Gift) -> Result<Mapping, Failure> {
        let region = Owned::new(Region::from_handle(memory.handle));
        Mapping::new(region).map_err(|_| Failure::BadArgument)
    }

    fn make(&self, bytes: u64) -> Result<(Mapping, Handle), Failure> {
        let mapping = Mapping::of_bytes(bytes, RegionKind::Lazy)?;
        let region = mapping.region().handle();
        Ok((mapping, region))
    }

    fn copy(&self, to: (Gift, u64), from: (Handle, u64), bytes: u64) -> Result<(), Failure> {
        let ((to, at), (from, offset)) = (to, from);
        let copied = Region::from_handle(to.handle).copy(at, Region::from_handle(from), offset, bytes);
        copied.map_err(|_| Failure::BadArgument)
    }

    fn give_back(&self, memory: Gift) {
        // It may have been revoked.
        let _gone = Space::SELF.close(memory.handle);
    }
}

/// Serves a file system at the program's own port: for ever, or until it is unmounted if `anax_fs::mount` has started the program, which an environment variable says ([`FOR_A_MOUNT`]). A service does not end because
/// somebody says so.
///
/// # Errors
/// As [`anax::serve`].
pub fn serve<F: FileSystem>(system: F) -> Result<(), anax::Error> {
    let last = if anax::variable(FOR_A_MOUNT).is_some() { DETACH } else { 0 };
    anax_service::serve_until(anax::port()?, &mut Serve(Server::new(system, Here)), last)
}
