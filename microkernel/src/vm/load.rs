//! Loading the first program, the one that no other program can load.

use anax_abi::{Error, Rights};
use microkernel_core::elf::{Program, Protection};

use super::region::{Backing, Region};
use super::{AddressSpace, USER};

impl AddressSpace {
    /// Loads the program in `file`, a pinned region for each segment, and returns its entry point. Home.
    ///
    /// # Errors
    /// `BadArgument` for a file that breaks the policy, `Quota`, `NoMemory`; segments before the one that failed stay mapped.
    pub(crate) fn load(&self, file: &[u8]) -> Result<u64, Error> {
        let program = Program::parse(file, USER).map_err(|error| {
            log::warn!("program: {error:?}");
            Error::BadArgument
        })?;
        for segment in &program.segments {
            let rights = match segment.protection {
                Protection::Read => Rights::READ,
                Protection::ReadWrite => Rights::READ.with(Rights::WRITE),
                Protection::ReadExecute => Rights::READ.with(Rights::EXECUTE),
            };
            let (start, bytes) = (segment.pages.start, segment.pages.end - segment.pages.start);
            let region = Region::unnamed(self.payer(), bytes, Backing::Pinned)?;
            region.fill(segment.address - start, &file[segment.file.clone()]);
            self.map(region, start, 0, bytes, rights, rights)?;
        }
        Ok(program.entry)
    }
}
