//! Memory from the kernel: a region for each step.

use core::ptr::NonNull;

use crate::Rights;
use crate::object::{RegionKind, Space};

use super::Memory;

#[derive(Debug)]
pub(super) struct Regions;

// SAFETY: the kernel maps the region where nothing is; only this function ever knew its handle.
unsafe impl Memory for Regions {
    fn obtain(&mut self, bytes: usize) -> Option<NonNull<u8>> {
        let region = Space::SELF.create_region(bytes as u64, RegionKind::Lazy).ok()?;
        let address = Space::SELF.map(region, 0, bytes as u64, Rights::READ.with(Rights::WRITE));
        // What is mapped stays; the handle would only take up a slot.
        let _ = Space::SELF.close(region.handle());
        NonNull::new(core::ptr::with_exposed_provenance_mut(address.ok()? as usize))
    }
}
