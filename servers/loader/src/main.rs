//! The loader server: reads program files, which anybody may have written, where a mistake in reading them costs a restart and not the system.
#![no_std]
#![no_main]
#![forbid(unsafe_code)]

extern crate alloc;

use alloc::format;
use alloc::vec;
use alloc::vec::Vec;

use anax_abi::{Error, Handle};
use anax_archive::Archive;
use anax_loader::MOST_BELOW;
use anax_mapped::Mapping;
use anax_proto::{Caller, Gift};
use anax_service::serve;
use anax_sys::object::{Region, Space};
use anax_system::{Loader, Name, loader};

/// Init's badge: none. It alone has a handle to this server.
const INIT: Caller = Caller(0);
/// The largest file that is read.
const MOST_BYTES: u64 = 16 << 20;
const PAGE: u64 = 4096;

/// Loads from the boot archive, and from regions.
struct Files {
    archive: Archive<'static>,
}

impl Loader for Files {
    fn load(
        &mut self,
        caller: Caller,
        space: Gift,
        name: Name,
        stack: u32,
        seed: u64,
    ) -> Result<(u64, u64), Error> {
        let space = Lent(space.handle);
        let file = self.archive.get(&format!("bin/{name}")).ok_or(Error::BadArgument)?;
        load(caller, &space, file, stack, seed)
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
        let (space, file) = (Lent(space.handle), Lent(file.handle));
        let copy = copied(Region::from_handle(file.0), bytes)?;
        load(caller, &space, &copy, stack, seed)
    }
}

/// A handle that came along with a request; given up when it is dropped.
struct Lent(Handle);

impl Drop for Lent {
    fn drop(&mut self) {
        let _ = Space::SELF.close(self.0);
    }
}

fn load(caller: Caller, space: &Lent, file: &[u8], stack: u32, seed: u64) -> Result<(u64, u64), Error> {
    if caller != INIT {
        return Err(Error::NoRights);
    }
    let stack = u64::from(stack).next_multiple_of(PAGE);
    let entry = anax_loader::load(Space::from_handle(space.0), file, stack, seed % MOST_BELOW)?;
    Ok((entry.instruction, entry.stack))
}

/// A file that somebody may still be writing is read once.
fn copied(region: Region, bytes: u64) -> Result<Vec<u8>, Error> {
    if bytes > MOST_BYTES {
        return Err(Error::BadArgument);
    }
    let mapping = Mapping::to_read(region, bytes.next_multiple_of(PAGE))?;
    let mut copy = vec![0; bytes as usize];
    mapping.bytes()?.copy_out(0, &mut copy).map_err(|_| Error::BadArgument)?;
    Ok(copy)
}

#[anax::main]
fn main() -> Result<(), Error> {
    let port = anax::port()?;
    let archive = anax::archive()?;
    serve(port, &mut loader::Serve(Files { archive }))
}
