//! The loader's side of its interface: who may have what loaded, and that every handle that comes along is given up.
//!
//! Reading the file is `anax_elf`'s and `anax_loader`'s; what is done to the machine stands behind [`Machine`], so that the host can test it.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

use alloc::format;
use alloc::vec::Vec;

use anax_abi::{Error, Handle};
use anax_proto::{Caller, Gift};
use anax_system::{Loader, Name};

/// Init's badge: none. It alone has a handle to this server.
const INIT: Caller = Caller(0);
/// The largest file that is read.
pub const MOST_BYTES: u64 = 16 << 20;
const PAGE: u64 = 4096;

/// A program file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum File<'a> {
    /// A member of the boot archive: it stays where it is.
    Member(&'a [u8]),
    /// A copy.
    Copy(&'a [u8]),
}

/// The boot archive, spaces and regions.
pub trait Machine {
    /// A member of the boot archive.
    fn member(&self, name: &str) -> Option<&[u8]>;

    /// Loads a program file into a space, with a stack of so many bytes, in whole pages, that lies where `seed` says: instruction and stack pointer.
    ///
    /// # Errors
    /// Those of [`Loader::load`].
    fn load(&self, space: Handle, file: File<'_>, stack: u64, seed: u64) -> Result<(u64, u64), Error>;

    /// Copies the first bytes of a region, at most [`MOST_BYTES`], to which somebody may still be writing.
    ///
    /// # Errors
    /// `BadArgument` if it has not as many, `NoMemory`.
    fn read(&self, region: Handle, bytes: u64) -> Result<Vec<u8>, Error>;

    /// Gives a handle up.
    fn close(&self, handle: Handle);
}

/// Loads from the boot archive, and from regions.
#[derive(Debug)]
pub struct Files<M>(
    /// The machine.
    pub M,
);

impl<M: Machine> Files<M> {
    fn load_into(&self, space: Handle, file: File<'_>, stack: u32, seed: u64) -> Result<(u64, u64), Error> {
        self.0.load(space, file, u64::from(stack).next_multiple_of(PAGE), seed)
    }
}

impl<M: Machine> Loader for Files<M> {
    fn load(
        &mut self,
        caller: Caller,
        space: Gift,
        name: Name,
        stack: u32,
        seed: u64,
    ) -> Result<(u64, u64), Error> {
        let file = may(caller).and_then(|()| self.0.member(&format!("bin/{name}")).ok_or(Error::BadArgument));
        let loaded = file.and_then(|file| self.load_into(space.handle, File::Member(file), stack, seed));
        self.0.close(space.handle);
        loaded
    }

    fn load_file(
        &mut self,
        caller: Caller,
        space: Gift,
        file: Gift,
        bytes: u64,
        stack: u32,
        seed: u64,
    ) -> Result<(u64, u64), Error> {
        let fits = if bytes > MOST_BYTES { Err(Error::BadArgument) } else { may(caller) };
        let copy = fits.and_then(|()| self.0.read(file.handle, bytes));
        let loaded = copy.and_then(|copy| self.load_into(space.handle, File::Copy(&copy), stack, seed));
        self.0.close(file.handle);
        if cfg!(not(bite = "loader-keeps-spaces")) {
            self.0.close(space.handle);
        }
        loaded
    }
}

fn may(caller: Caller) -> Result<(), Error> {
    if caller == INIT { Ok(()) } else { Err(Error::NoRights) }
}
