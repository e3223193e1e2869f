//! The loader server: reads program files, which anybody may have written, where a mistake in reading them costs a restart and not the system.
#![no_std]
#![no_main]
#![forbid(unsafe_code)]

extern crate alloc;

use alloc::collections::BTreeMap;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;
use core::cell::RefCell;

use anax_abi::{Error, Handle};
use anax_archive::Archive;
use anax_loader::{Lies, MOST_BELOW};
use anax_mapped::Mapping;
use anax_startup::handles;
use anax_sys::object::{Region, Space};
use loader::{File, Files, Machine};

const PAGE: u64 = 4096;

/// The machine as this program has it.
struct Own {
    archive: Archive<'static>,
    region: Region,
    /// Members that were asked for before: the archive's index is read from its beginning to find one.
    found: RefCell<BTreeMap<String, &'static [u8]>>,
}

impl Machine for Own {
    fn member(&self, name: &str) -> Option<&[u8]> {
        if let Some(found) = self.found.borrow().get(name) {
            return Some(found);
        }
        let found = self.archive.get(name)?;
        self.found.borrow_mut().insert(name.to_string(), found);
        Some(found)
    }

    fn load(&self, space: Handle, file: File<'_>, stack: u64, seed: u64) -> Result<(u64, u64), Error> {
        let (file, lies) = match file {
            File::Member(file) => (file, Some(Lies::in_archive(self.archive.bytes(), self.region, file))),
            File::Copy(file) => (file, None),
        };
        let entry = anax_loader::load(Space::from_handle(space), file, lies, stack, seed % MOST_BELOW)?;
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
    let region = Region::from_handle(anax::handle(handles::ARCHIVE).ok_or(Error::BadHandle)?);
    let own = Own { archive: anax::archive()?, region, found: RefCell::default() };
    anax::serve(&mut anax_system::loader::Serve(Files(own)))
}
