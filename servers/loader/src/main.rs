//! The loader server: reads program files, which anybody may have written, where a mistake in reading them costs a restart and not the system.
#![no_std]
#![no_main]
#![forbid(unsafe_code)]

extern crate alloc;

use alloc::vec::Vec;

use anax_abi::{Error, Handle};
use anax_archive::Archive;
use anax_loader::MOST_BELOW;
use anax_mapped::Mapping;
use anax_sys::object::{Region, Space};
use loader::{Files, Machine};

const PAGE: u64 = 4096;

/// The machine as this program has it.
struct Own {
    archive: Archive<'static>,
}

impl Machine for Own {
    fn member(&self, name: &str) -> Option<&[u8]> {
        self.archive.get(name)
    }

    fn load(&self, space: Handle, file: &[u8], stack: u64, seed: u64) -> Result<(u64, u64), Error> {
        let entry = anax_loader::load(Space::from_handle(space), file, stack, seed % MOST_BELOW)?;
        Ok((entry.instruction, entry.stack))
    }

    fn read(&self, region: Handle, bytes: u64) -> Result<Vec<u8>, Error> {
        let mapping = Mapping::to_read(Region::from_handle(region), bytes.next_multiple_of(PAGE))?;
        let mut copy = Vec::new();
        copy.try_reserve_exact(bytes as usize).map_err(|_| Error::NoMemory)?;
        copy.resize(bytes as usize, 0);
        mapping.bytes()?.copy_out(0, &mut copy).map_err(|_| Error::BadArgument)?;
        Ok(copy)
    }

    fn close(&self, handle: Handle) {
        // One that is revoked is gone already.
        let _ = Space::SELF.close(handle);
    }
}

#[anax::main]
fn main() -> Result<(), Error> {
    anax::serve(&mut anax_system::loader::Serve(Files(Own { archive: anax::archive()? })))
}
