//! Reaching into a program that runs, and was not made for it: its code is taken away, or replaced by a loop. So it faults, or hangs, whatever it
//! was doing: what a test of those who live with it needs. Init lets programs do that whose manifest has the capability `debug`.

use alloc::vec;
use alloc::vec::Vec;
use core::ops::Range;

use anax_abi::{Error, Rights};
use anax_elf::{Program, Protection, USER};
use anax_mapped::Mapping;
use anax_sys::object::{Region, RegionKind, Space};

use crate::process;

/// `nop`: one byte, so that a thread can go on from any of them.
const NOP: u8 = 0x90;
/// `jmp` to itself.
const LOOP: [u8; 2] = [0xeb, 0xfe];

/// A process whose code can be tampered with.
#[derive(Debug)]
pub struct Debugged {
    space: Space,
    code: Vec<Range<u64>>,
}

impl Debugged {
    /// The process of that number, which runs that program of the boot archive.
    ///
    /// # Errors
    /// `BadArgument`: there is no such program. As [`space`](anax_system::Processes::space).
    pub fn new(process: u64, program: &str) -> Result<Self, Error> {
        let file = crate::archive()?.get(&alloc::format!("bin/{program}")).ok_or(Error::BadArgument)?;
        let program = Program::parse(file, USER).map_err(|_| Error::BadArgument)?;
        let is_code = |segment: &&anax_elf::Segment| segment.protection == Protection::ReadExecute;
        let code = program.segments.iter().filter(is_code).map(|segment| segment.pages.clone()).collect();
        let space = Space::from_handle(process::system()?.space(process)?.handle);
        Ok(Self { space, code })
    }

    /// Takes its code away: the next instruction of each of its threads is a fault. One that waits in the kernel notices when it comes back.
    ///
    /// # Errors
    /// `BadHandle` if it has ended; those of the kernel.
    pub fn fault(&self) -> Result<(), Error> {
        self.code.iter().try_for_each(|pages| self.unmap(pages))
    }

    /// Replaces its code by a loop: each of its threads runs for ever, wherever it was. One that runs on another CPU at this moment, or is more urgent than
    /// the caller, may fault instead.
    ///
    /// # Errors
    /// As [`fault`](Self::fault); `Quota`, `NoMemory`: the loop is its memory.
    pub fn hang(&self) -> Result<(), Error> {
        self.code.iter().try_for_each(|pages| {
            let loops = self.loops(pages.end - pages.start)?;
            let replaced = self.unmap(pages).and_then(|()| {
                let protection = Rights::READ.with(Rights::EXECUTE);
                // SAFETY: init gives nobody his own space: no code of this program lies there.
                unsafe { self.space.map_at(pages.start, loops, 0, pages.end - pages.start, protection) }
            });
            Space::SELF.close(loops.handle())?;
            // Whoever has faulted and ended meanwhile has no space for it.
            replaced.map(drop).or_else(|error| if error == Error::BadHandle { Ok(()) } else { Err(error) })
        })
    }

    /// Code of that size that does nothing, and at its end for ever.
    fn loops(&self, bytes: u64) -> Result<Region, Error> {
        let region = self.space.create_region(bytes, RegionKind::Pinned)?;
        let mut code = vec![NOP; bytes as usize];
        let end = code.len() - LOOP.len();
        code[end..].copy_from_slice(&LOOP);
        let written = Mapping::new(region, bytes)
            .and_then(|here| here.bytes()?.copy_in(0, &code).map_err(|_| Error::BadArgument));
        match written {
            Ok(()) => Ok(region),
            Err(error) => {
                let _ = Space::SELF.close(region.handle());
                Err(error)
            }
        }
    }

    fn unmap(&self, pages: &Range<u64>) -> Result<(), Error> {
        // SAFETY: init gives nobody his own space: nothing of this program lies there.
        unsafe { self.space.unmap(pages.start, pages.end - pages.start) }
    }
}

impl Drop for Debugged {
    fn drop(&mut self) {
        // The handle of a process that has ended is closed like any other.
        let _ = Space::SELF.close(self.space.handle());
    }
}
