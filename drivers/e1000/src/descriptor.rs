//! What the descriptors say: how a frame is to be sent, and how one was received.
//!
//! Transmit descriptors are of the extended kinds alone (3.3.6, 3.3.7): a context, if anything is offloaded, and the data. Each frame has
//! its own context, also if the device still knows the same one, so that it can be handed in again after a reset without the others.

use anax_device::DmaAddress;
use anax_e1000::{BUFFER, Descriptor};
use anax_frames::{Checked, Internet, Offload, Segmentation, Transport, Verdict};

/// Commands: end of packet, insert the frame's checksum, segmentation, report status, extended, delay the interrupt.
const EOP: u64 = 1 << 24;
const IFCS: u64 = 1 << 25;
const TSE: u64 = 1 << 26;
const RS: u64 = 1 << 27;
const DEXT: u64 = 1 << 29;
const IDE: u64 = 1 << 31;
/// Those of a context alone, in the places of EOP and IFCS: the packet is TCP, and IPv4.
const TCP: u64 = 1 << 24;
const IPV4: u64 = 1 << 25;
/// A data descriptor's type, and its options: insert the IP checksum, and the transport's.
const DATA: u64 = 1 << 20;
const IXSM: u64 = 1 << 40;
const TXSM: u64 = 1 << 41;
const TYPE: u64 = 0xf << 20;
const LENGTH: u64 = 0xf_ffff;
/// What the device may write: STA.
const STATUS: u64 = 0xf << 32;

/// The most that one data descriptor names, so that it fits into the device's memory beside others.
const PIECE: u32 = 4096;

/// The context descriptor (3.3.6) for a frame of `length` bytes.
fn context(offload: &Offload, length: u32) -> Descriptor {
    let (internet, transport) = (u64::from(offload.internet_at), u64::from(offload.transport_at));
    let sum = transport + if offload.transport == Transport::Tcp { 16 } else { 6 };
    // The transport's sum goes to the end of the packet, which is written as 0.
    let ranges = internet | (internet + 10) << 8 | (transport - 1) << 16 | transport << 32 | sum << 40;
    let mut word = DEXT;
    word |= if offload.internet == Internet::V4 { IPV4 } else { 0 };
    word |= if offload.transport == Transport::Tcp { TCP } else { 0 };
    if let Some(Segmentation { header, mss }) = offload.segmentation {
        word |= TSE | u64::from(length - u32::from(header));
        word |= u64::from(header) << 40 | u64::from(mss) << 48;
    }
    [ranges, word]
}

/// The descriptors of a frame whose last byte has an address.
pub(crate) fn frame(
    address: DmaAddress,
    length: u32,
    offload: Option<Offload>,
) -> impl Iterator<Item = Descriptor> + Clone {
    let options = offload.map_or(0, |offload| {
        // A whole frame's internet header is the caller's.
        let cut = match (offload.segmentation, offload.internet) {
            (Some(_), Internet::V4) => TSE | IXSM,
            (Some(_), Internet::V6) => TSE,
            (None, _) => 0,
        };
        cut | TXSM
    });
    let pieces = (0..length).step_by(PIECE as usize).map(move |at| {
        let bytes = PIECE.min(length - at);
        let last = if at + bytes == length { EOP | RS | IDE } else { 0 };
        [address.get() + u64::from(at), u64::from(bytes) | DATA | DEXT | IFCS | options | last]
    });
    offload.map(|offload| context(&offload, length)).into_iter().chain(pieces)
}

/// A transmit descriptor that a predecessor wrote.
pub(crate) enum Found {
    Context,
    /// So many bytes, and whether they are the frame's last.
    Data(u32, bool),
}

/// As it was written, and what it is; nothing if no driver of this kind wrote it.
pub(crate) fn parse([first, second]: Descriptor) -> Option<(Descriptor, Found)> {
    let second = second & !STATUS;
    let bytes = (second & LENGTH) as u32;
    let found = match second & (TYPE | DEXT) {
        DEXT => Found::Context,
        kind if kind == DATA | DEXT && (1..=PIECE).contains(&bytes) => {
            Found::Data(bytes, second & (EOP | RS) == EOP | RS)
        }
        _ => return None,
    };
    Some(([first, second], found))
}

/// A received frame's length and checksums, by the second word of its descriptor (3.2.3); nothing if the device can't have meant it: it was
/// told to store whole and undamaged frames alone.
pub(crate) fn received(word: u64) -> Option<(u32, Checked)> {
    let (length, status, errors) = (u32::from(word as u16), (word >> 32) as u8, (word >> 40) as u8);
    // CE, SE, SEQ, CXE, RXE.
    const DAMAGED: u8 = 1 << 0 | 1 << 1 | 1 << 2 | 1 << 4 | 1 << 7;
    const WHOLE: u8 = 1 << 1;
    if length > BUFFER && cfg!(not(bite = "e1000-length-unchecked")) || status & WHOLE == 0 {
        return None;
    }
    let verdict = |looked: u8, wrong: u8| match (status & (1 << 2 | looked), errors & wrong) {
        (bits, _) if bits != looked => Verdict::Unknown,
        (_, 0) => Verdict::Good,
        _ => Verdict::Bad,
    };
    let checked = Checked { internet: verdict(1 << 6, 1 << 6), transport: verdict(1 << 5, 1 << 5) };
    (errors & DAMAGED == 0).then_some((length, checked))
}
