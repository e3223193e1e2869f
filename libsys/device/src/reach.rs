//! What a driver may name to its device, looked up at the last moment before an address is told.
//!
//! Where no IOMMU holds a device back, it reads and writes wherever its driver says. So what a driver was given is kept a second time, apart from
//! what addresses are computed from, and whoever writes one down for a device [confirms](Reach::confirm) it first. That stops a driver that is wrong in one place. It
//! stops none that means harm, nor one that is wrong between here and the store that follows.

use core::hint::black_box;

use crate::{DmaAddress, DmaBlock};

/// A driver's memory for the device's own structures, and the pool of its client's buffers.
#[derive(Clone, Debug)]
pub struct Reach {
    /// Of each the first address, and bytes. The pool, which is asked for most often, comes first.
    ranges: [(u64, u64); 2],
}

impl Reach {
    /// Of `memory` and a pool of `pool_bytes` bytes from `pool` on; nothing if a pool can't lie there.
    #[must_use]
    pub fn new(memory: DmaBlock<'_>, pool: DmaAddress, pool_bytes: u64) -> Option<Self> {
        pool.checked_add(pool_bytes)?;
        let own = (memory.start().get(), size_of_val(memory.words()) as u64);
        // The compiler must not know these for what addresses are computed from: it would keep both in one place, and check nothing.
        Some(Self { ranges: black_box([(pool.get(), pool_bytes), own]) })
    }

    /// The address, for a descriptor or a register that makes the device use `bytes` bytes from there on.
    ///
    /// # Panics
    /// If they don't lie in what the driver was given: it is wrong, and the device must not hear of it.
    #[inline]
    pub fn confirm(&self, address: DmaAddress, bytes: u64) -> u64 {
        let address = address.get();
        let holds = |(start, length): &(u64, u64)| {
            let offset = address.wrapping_sub(*start);
            offset <= *length && bytes <= *length - offset
        };
        if !self.ranges.iter().any(holds) && cfg!(not(bite = "dma-unconfirmed")) {
            outside(address, bytes);
        }
        address
    }
}

#[cold]
#[inline(never)]
fn outside(address: u64, bytes: u64) -> ! {
    panic!("{bytes} bytes at {address:#x} are not this driver's to name to a device");
}
