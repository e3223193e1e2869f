//! `struct virtio_net_hdr` (5.1.6): what is to be done with a frame, and what was thought and made of one.

use core::sync::atomic::Ordering;

use anax_device::DmaBlock;
use anax_frames::{Arrival, Checked, Coalesced, HEAD_BYTES, Internet, Offload, Verdict};
use anax_virtio::{Access, Segment};

/// Its bytes, with `num_buffers`, which is always there since 1.0; and words from one to the next.
pub(crate) const HEADER_BYTES: u32 = 12;
const HEADER_WORDS: usize = 2;
/// Where a frame's next part has no header, it has so many bytes of the frame.
const _: () = assert!(HEADER_BYTES as usize == HEAD_BYTES);

/// Flags: a checksum is to be inserted; it is right.
const NEEDS_CSUM: u64 = 1 << 0;
const DATA_VALID: u64 = 1 << 1;
/// Kinds of segmentation, in their place; what is said beside the kind, a mark of congestion, is not of interest.
const GSO_TCPV4: u64 = 1 << 8;
const GSO_TCPV6: u64 = 4 << 8;
const GSO_KIND: u64 = 0x7f << 8;

/// A header.
pub(crate) type Header = [u64; HEADER_WORDS];

/// The header for a frame to transmit.
pub(crate) fn to_transmit(offload: Option<Offload>) -> Header {
    let Some(offload) = offload else { return [0; HEADER_WORDS] };
    let start = u64::from(offload.transport_at) << 48;
    let cut = offload.segmentation.map_or(0, |cut| {
        let kind = if offload.internet == Internet::V4 { GSO_TCPV4 } else { GSO_TCPV6 };
        kind | u64::from(cut.header) << 16 | u64::from(cut.mss) << 32
    });
    [NEEDS_CSUM | cut | start, offload.sum_at().into()]
}

/// What a received frame's header says of its checksums. One that would have to be inserted yet is of a frame that was on no wire.
pub(crate) fn checked([first, _]: Header) -> Checked {
    let is_good = first & (NEEDS_CSUM | DATA_VALID) != 0;
    let transport = if is_good { Verdict::Good } else { Verdict::Unknown };
    Checked { internet: Verdict::Unknown, transport }
}

/// What a received frame was put together out of.
pub(crate) const fn coalesced([first, _]: Header) -> Option<Coalesced> {
    let internet = match first & GSO_KIND {
        GSO_TCPV4 => Internet::V4,
        GSO_TCPV6 => Internet::V6,
        _ => return None,
    };
    Some(Coalesced { internet, mss: (first >> 32) as u16 })
}

/// In how many buffers a received frame lies: `num_buffers`.
pub(crate) const fn parts([_, second]: Header) -> u16 {
    (second >> 16) as u16
}

/// What stands in a header's place in a frame's next part.
pub(crate) fn head([first, second]: Header) -> Arrival {
    let mut head = [0; HEAD_BYTES];
    let bytes = first.to_le_bytes().into_iter().chain(second.to_le_bytes());
    head.iter_mut().zip(bytes).for_each(|(place, byte)| *place = byte);
    Arrival::Next(head)
}

/// A header for each of `N` places, in memory that the device reaches.
#[derive(Debug)]
pub(crate) struct Headers<'a, const N: usize> {
    memory: DmaBlock<'a>,
    /// As they were written.
    given: [Header; N],
}

impl<'a, const N: usize> Headers<'a, N> {
    /// Words of memory.
    pub(crate) const WORDS: usize = N * HEADER_WORDS;

    /// Over [`Self::WORDS`] words, of which nothing is written yet.
    pub(crate) const fn new(memory: DmaBlock<'a>) -> Self {
        Self { memory, given: [[0; HEADER_WORDS]; N] }
    }

    /// Writes one, before its place is shown to the device.
    #[inline]
    pub(crate) fn set(&mut self, place: u16, header: Header) {
        if let Some(given) = self.given.get_mut(usize::from(place)) {
            *given = header;
            self.write(place, header);
        }
    }

    /// What one is by now, after the device has given its place back. Foreign.
    #[inline]
    pub(crate) fn get(&self, place: u16) -> Header {
        let at = usize::from(place) * HEADER_WORDS;
        [at, at + 1].map(|at| self.memory.words().get(at).map_or(0, |word| word.load(Ordering::Relaxed)))
    }

    /// Goes on with one that a predecessor wrote: whether it is in memory. Writes nothing.
    pub(crate) fn adopt(&mut self, place: u16, header: Header) -> bool {
        let same = self.get(place) == header;
        self.given.get_mut(usize::from(place)).map(|given| *given = header).is_some() && same
    }

    /// Writes them all again, since the device may have.
    pub(crate) fn rewrite(&self) {
        (0..).zip(self.given).for_each(|(place, header)| self.write(place, header));
    }

    /// Where the device finds one.
    pub(crate) fn segment(&self, place: u16, access: Access) -> Segment {
        let offset = u64::from(place) * (HEADER_WORDS * size_of::<u64>()) as u64;
        // Within the block, whose last address `DmaBlock` checked.
        let address = self.memory.start().checked_add(offset).unwrap_or(self.memory.start());
        Segment { address, length: HEADER_BYTES, access }
    }

    fn write(&self, place: u16, header: Header) {
        let words = self.memory.words().iter().skip(usize::from(place) * HEADER_WORDS);
        words.zip(header).for_each(|(word, value)| word.store(value, Ordering::Relaxed));
    }
}
