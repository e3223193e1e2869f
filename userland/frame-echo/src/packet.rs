//! Packets that a card has something to do with, and those that need nothing more: each number has one, which says what it is.
//!
//! Source port: the number. Destination port: bytes of payload, and 1. TCP's window: bytes in each segment, or 0; its sequence
//! number: the packet's number, and behind it the byte's. So each segment can be judged by itself.

use alloc::vec::Vec;

use anax_frames::{Internet, Lengths, Offers, Offload, Segmentation, Transport};

/// Bytes of the Ethernet header, and of the transports'.
const ETHERNET: usize = 14;
const TCP: usize = 20;
const UDP: usize = 8;
/// The most payload that always fits into one frame.
const WHOLE: usize = 1400;

/// Locally administered, as those that are sent to.
const SOURCE: [u8; 6] = [0x52, 0x54, 0x00, 0x12, 0x34, 0x56];
const DESTINATION: [u8; 6] = [0x02, 0x41, 0x4e, 0x41, 0x58, 0x01];

/// A packet, and what is left to be done with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet {
    /// The frame.
    pub bytes: Vec<u8>,
    /// For the card.
    pub offload: Option<Offload>,
}

/// A byte of the payload of packet `number`.
#[must_use]
pub const fn pattern(number: u16, at: usize) -> u8 {
    (number as usize * 31 + at * 7 + at / 251) as u8
}

/// Packet `number` for a card that offers so much. What it does not offer is done here, but for what would have to be cut, which is shorter then.
#[must_use]
pub fn packet(number: u16, offers: Offers) -> Packet {
    let random = u32::from(number).wrapping_mul(0x9e37_79b1) >> 8;
    let internet = if number % 6 < 3 { Internet::V4 } else { Internet::V6 };
    let transport = if number.is_multiple_of(3) { Transport::Udp } else { Transport::Tcp };
    let mss = 536 + (random % 900) as u16;
    let is_cut = number % 3 == 2 && offers.checksum && offers.cut(internet).is_some();
    let length = match random as usize {
        // Never a whole number of segments, as most of what is sent is not.
        random if is_cut => {
            // The longest there is now and then, but not in more segments than sockets on the way hold.
            let most = if number % 16 == 2 { usize::from(mss) * 45 } else { 16_000 };
            let length = 2000 + random % (most.min(64_000) - 2000);
            length - usize::from(length.is_multiple_of(mss.into()))
        }
        random => random % WHOLE,
    };
    let head = if transport == Transport::Tcp { TCP } else { UDP };
    let transport_at = ETHERNET + if internet == Internet::V4 { 20 } else { 40 };
    let lengths = if is_cut { offers.cut(internet) } else { None };

    let mut bytes = Vec::with_capacity(transport_at + head + length);
    bytes.extend(DESTINATION);
    bytes.extend(SOURCE);
    // What the headers say that the transport's part is long.
    let said = if lengths == Some(Lengths::Zero) { 0 } else { (head + length) as u16 };
    let mut sum = internet_header(&mut bytes, internet, transport, said);
    sum += u32::from(said);
    bytes.extend(number.to_be_bytes());
    bytes.extend((length as u16 + 1).to_be_bytes());
    let sum_at = bytes.len() + if transport == Transport::Tcp { 12 } else { 2 };
    match transport {
        Transport::Tcp => {
            bytes.extend((u32::from(number) << 16).to_be_bytes());
            bytes.extend(1_u32.to_be_bytes());
            // ACK, PSH, FIN.
            bytes.extend([0x50, 0x19]);
            bytes.extend(if is_cut { mss } else { 0 }.to_be_bytes());
            bytes.extend([0; 4]);
        }
        Transport::Udp => {
            bytes.extend(((UDP + length) as u16).to_be_bytes());
            bytes.extend([0; 2]);
        }
    }
    bytes.extend((0..length).map(|at| pattern(number, at)));
    let value = if offers.checksum {
        folded(sum)
    } else {
        let all = !folded(sum + u32::from(folded(words(bytes.get(transport_at..).unwrap_or(&[])))));
        // Of UDP, 0 would be none.
        if all == 0 { u16::MAX } else { all }
    };
    if let Some(place) = bytes.get_mut(sum_at..sum_at + 2) {
        place.copy_from_slice(&value.to_be_bytes());
    }
    let offload = offers.checksum.then_some(Offload {
        internet,
        internet_at: ETHERNET as u8,
        transport,
        transport_at: transport_at as u8,
        segmentation: is_cut.then_some(Segmentation { header: (transport_at + TCP) as u8, mss }),
    });
    Packet { bytes, offload }
}

/// Writes the internet header and what comes before it of Ethernet's; the sum of the pseudo-header without its length (RFC 9293, 3.1).
fn internet_header(bytes: &mut Vec<u8>, internet: Internet, transport: Transport, said: u16) -> u32 {
    let protocol = if transport == Transport::Tcp { 6 } else { 17 };
    match internet {
        Internet::V4 => {
            bytes.extend([0x08, 0x00]);
            let begin = bytes.len();
            let total = if said == 0 { 0 } else { said + 20 };
            bytes.extend([0x45, 0]);
            bytes.extend(total.to_be_bytes());
            bytes.extend([0x12, 0x34, 0, 0, 64, protocol, 0, 0]);
            bytes.extend([10, 0, 0, 1, 10, 0, 0, 2]);
            let header = bytes.get_mut(begin..).unwrap_or(&mut []);
            if said > 0 {
                let value = !folded(words(header));
                header.iter_mut().skip(10).zip(value.to_be_bytes()).for_each(|(place, byte)| *place = byte);
            }
            words(header.get(12..).unwrap_or(&[])) + u32::from(protocol)
        }
        Internet::V6 => {
            bytes.extend([0x86, 0xdd, 0x60, 0, 0, 0]);
            bytes.extend(said.to_be_bytes());
            bytes.extend([protocol, 64]);
            let begin = bytes.len();
            for last in [1, 2] {
                bytes.extend([0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last]);
            }
            words(bytes.get(begin..).unwrap_or(&[])) + u32::from(protocol)
        }
    }
}

/// The sum of 16-bit words, the last one filled up with 0 (RFC 1071), of up to 64 KiB.
pub(crate) fn words(bytes: &[u8]) -> u32 {
    let word = |pair: &[u8]| u32::from(u16::from_be_bytes([pair[0], pair.get(1).copied().unwrap_or(0)]));
    bytes.chunks(2).map(word).sum()
}

pub(crate) const fn folded(sum: u32) -> u16 {
    let once = (sum & 0xffff) + (sum >> 16);
    ((once & 0xffff) + (once >> 16)) as u16
}
