//! The server of the file system in memory.
#![no_std]
#![no_main]
#![forbid(unsafe_code)]

use anax::object::{Region, RegionKind, Space};
use anax::owned::Owned;
use anax::{Handle, Mapping};
use anax_abi::object::Resource;
use anax_files::Failure;
use tmpfs::{PAGE, Regions, Tmpfs};

/// The program's own.
struct Own;

impl Regions for Own {
    fn make(&mut self, bytes: u64) -> Result<Handle, Failure> {
        let made = Space::SELF.create_region(bytes, RegionKind::Lazy);
        made.map(Region::handle).map_err(|_| Failure::NoSpace)
    }

    fn clear(&mut self, region: Handle, from: u64) {
        // A handle of its own for the mapping, which ends with it.
        let Ok(copy) = Space::SELF.duplicate(region, anax::Rights::ALL, 0) else { return };
        let Ok(memory) = Mapping::new(Owned::new(Region::from_handle(copy))) else { return };
        let bytes = memory.bytes();
        if let Ok(rest) = bytes.part(from as usize, bytes.len().saturating_sub(from as usize)) {
            rest.fill(0);
        }
    }

    fn end(&mut self, region: Handle) {
        // Whoever has it mapped finds zeros: the memory is this program's, and it has other uses for it.
        let _gone = Space::SELF.destroy(region);
        let _closed = Space::SELF.close(region);
    }
}

#[anax::main]
fn main() -> Result<(), anax::Error> {
    let pages = Space::SELF.usage(Resource::Pages)?;
    // What is left for itself: tables, page tables, names.
    let own = (pages.limit / 8).max(256);
    let limit = pages.limit.saturating_sub(pages.used + own) * PAGE;
    anax_volume::serve(Tmpfs::new(Own, limit, (anax::random::u64(), anax::random::u64())))
}
