//! The counters while the guest runs.
//!
//! QEMU runs each virtual CPU on a thread of its own. A counter shared by them would have to be added to
//! atomically (QEMU's inline counters are not, and lose counts), so each CPU has its own set, on cache lines of its
//! own. Only that CPU's thread writes it; a snapshot reads it from another thread, hence relaxed atomics.

use std::sync::atomic::{AtomicU64, Ordering};

use count_format::{Counter, Counts};

/// The most virtual CPUs that a counted machine may have.
pub(crate) const MAX_VCPUS: usize = 64;

/// One CPU's counters; 256 bytes apart, so that no two CPUs share a line or a line's prefetched neighbour.
#[repr(align(256))]
struct Tally([AtomicU64; Counter::ALL.len()]);

static TALLIES: [Tally; MAX_VCPUS] =
    [const { Tally([const { AtomicU64::new(0) }; Counter::ALL.len()]) }; MAX_VCPUS];

/// Adds to a counter. Only the thread of `vcpu` may call this for `vcpu`.
#[inline]
pub(crate) fn add(vcpu: u32, counter: Counter, amount: u64) {
    if let Some(tally) = TALLIES.get(vcpu as usize) {
        let cell = &tally.0[counter as usize];
        cell.store(cell.load(Ordering::Relaxed).wrapping_add(amount), Ordering::Relaxed);
    }
}

/// The counters of the first `vcpus` CPUs, as they stand.
pub(crate) fn read(vcpus: usize) -> Vec<Counts> {
    let counts = |tally: &Tally| {
        let mut counts = Counts::default();
        for counter in Counter::ALL {
            counts[counter] = tally.0[counter as usize].load(Ordering::Relaxed);
        }
        counts
    };
    TALLIES.iter().take(vcpus).map(counts).collect()
}
