//! What steers the device beside addresses and lengths: for whoever wants to know what becomes of it when that is wrong.

use super::Queue;
use super::area::{ENTRIES, FLAGS_SHIFT, areas};

/// Flags and successor of a descriptor (2.7.5), but for the flag that makes a buffer a table of addresses.
const DESCRIPTOR: u64 = (u64::MAX << FLAGS_SHIFT) & !(4 << FLAGS_SHIFT);
/// Flags and index of the available ring (2.7.6), and what is behind its entries.
const RING: u64 = u64::MAX << FLAGS_SHIFT;
const EVENT: u64 = 0xffff;

impl<T, const N: usize, const L: usize> Queue<'_, T, N, L> {
    /// Words of the queue's memory that the device reads, and which of their bits are flags, indices and successors, if the device allows as many
    /// entries as the queue has.
    pub fn steering() -> impl Iterator<Item = (usize, u64)> {
        let size = usize::from(Self::SIZE);
        let [descriptors, ..] = areas(Self::SIZE);
        let entries = 1..=size / usize::from(ENTRIES);
        let event = descriptors + entries.end() + 1;
        let of_descriptors = (0..size).map(|number| (2 * number + 1, DESCRIPTOR));
        let of_entries = entries.map(move |word| (descriptors + word, u64::MAX));
        // The index as often as all descriptors together: it is one of many words, and the one that matters most.
        let index = core::iter::repeat_n((descriptors, RING), size);
        of_descriptors.chain(of_entries).chain(index).chain([(event, EVENT)])
    }
}
