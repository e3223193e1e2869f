//! The receiving end of TCP connections, no more than it takes for a sender that does all right (RFC 9293): what comes in order is judged and acknowledged, all else
//! is asked for again by acknowledging what has come. For frames that a card has put together: no segment on a wire is as long as those.
//!
//! Each byte of a connection's data says where in it it is. A frame's checksums are computed here, too: each is right, or, where the card says so, of a
//! frame that was on no wire, and then it is the sum over the pseudo-header.

use alloc::vec::Vec;

use anax_frames::{Coalesced, Internet, Verdict};

use crate::packet::{folded, words};

const ETHERNET: usize = 14;
const FIN: u8 = 1;
const SYN: u8 = 2;
const ACK: u8 = 0x10;
/// This side's first sequence number, always the same.
const FIRST: u32 = 1000;
/// The window, and by how many bits it is shifted (RFC 7323): 2 MiB.
const WINDOW: u16 = u16::MAX;
const SHIFT: u8 = 5;
/// Bytes of the longest segment that this side takes from a wire, over either protocol.
const MSS: u16 = 1440;

/// A byte of the data, by where it is in its connection.
#[must_use]
pub const fn byte(at: u32) -> u8 {
    (at.wrapping_mul(31) ^ (at / 251)) as u8
}

/// What was seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Segments of TCP.
    pub frames: u64,
    /// Those of them that the card put together out of several.
    pub coalesced: u64,
    /// Bytes of the longest frame.
    pub longest: usize,
    /// Bytes of data, each counted once.
    pub bytes: u64,
    /// Segments in which something was not as it has to be.
    pub wrong: u64,
    /// Connections whose data has come to its end.
    pub ended: u32,
}

/// Who sends: internet protocol and port.
type Sender = (Internet, u16);

/// One connection after the other.
#[derive(Debug, Default)]
pub struct Streams {
    /// The one there is, the sequence number of the next byte, and that of its first one.
    connection: Option<(Sender, u32, u32)>,
    /// What was seen so far.
    pub tally: Tally,
}

/// A segment in its frame.
struct Segment<'a> {
    internet: Internet,
    /// Source and destination, as they stand in the internet header.
    addresses: &'a [u8],
    bytes: &'a [u8],
}

impl Streams {
    /// A frame has come, of which the card thinks so; the answer to it, if there is one.
    pub fn take(&mut self, frame: &[u8], verdict: Verdict, coalesced: Option<Coalesced>) -> Option<Vec<u8>> {
        let segment = segment(frame)?;
        let (source, sequence, begin, flags) = (
            u16::from_be_bytes(array(segment.bytes, 0)?),
            u32::from_be_bytes(array(segment.bytes, 4)?),
            usize::from(*segment.bytes.get(12)? >> 4) * 4,
            *segment.bytes.get(13)?,
        );
        let data = segment.bytes.get(begin..)?;
        self.tally.frames += 1;
        self.tally.coalesced += u64::from(coalesced.is_some());
        self.tally.longest = self.tally.longest.max(frame.len());
        let sender = (segment.internet, source);
        if flags & SYN != 0 {
            let first = sequence.wrapping_add(1);
            self.connection = Some((sender, first, first));
        }
        let (_, mut next, first) = self.connection.filter(|(known, ..)| *known == sender)?;
        let is_right = segment.sum_is_right(verdict)
            && coalesced.is_none_or(|what| what.internet == segment.internet && data.len() > what.mss.into());
        let wanted = |at: u32| byte(sequence.wrapping_sub(first).wrapping_add(at));
        let is_right = is_right && data.iter().zip(0..).all(|(found, at)| *found == wanted(at));
        self.tally.wrong += u64::from(!is_right);
        if is_right && sequence == next && flags & SYN == 0 {
            next = next.wrapping_add(data.len() as u32);
            self.tally.bytes += data.len() as u64;
            if flags & FIN != 0 {
                next = next.wrapping_add(1);
                self.tally.ended += 1;
            }
        }
        self.connection = Some((sender, next, first));
        let is_asked = flags & (SYN | FIN) != 0 || !data.is_empty();
        let has_ended = flags & FIN != 0 && next == sequence.wrapping_add(data.len() as u32 + 1);
        let answer = match flags & SYN {
            0 if has_ended => FIN | ACK,
            0 => ACK,
            _ => SYN | ACK,
        };
        is_asked.then(|| reply(frame, &segment, next, answer)).flatten()
    }
}

impl Segment<'_> {
    fn pseudo_sum(&self) -> u32 {
        words(self.addresses) + 6 + self.bytes.len() as u32
    }

    /// Computed here over all of it; the sum over the pseudo-header alone will do if the card vouches for the rest.
    fn sum_is_right(&self, verdict: Verdict) -> bool {
        let is_whole = folded(self.pseudo_sum() + u32::from(folded(words(self.bytes)))) == u16::MAX;
        let found = array(self.bytes, 16).map(u16::from_be_bytes);
        is_whole || verdict == Verdict::Good && found == Some(folded(self.pseudo_sum()))
    }
}

/// The segment of TCP in a frame, if it is one to this side.
fn segment(frame: &[u8]) -> Option<Segment<'_>> {
    match frame.get(12..14)? {
        [0x08, 0x00] => {
            let header = usize::from(*frame.get(ETHERNET)? & 15) * 4;
            let total = usize::from(u16::from_be_bytes(array(frame, ETHERNET + 2)?));
            let is_tcp = *frame.get(ETHERNET + 9)? == 6;
            let is_whole = folded(words(frame.get(ETHERNET..ETHERNET + header)?)) == u16::MAX;
            let bytes = frame.get(ETHERNET + header..ETHERNET + total)?;
            let addresses = frame.get(ETHERNET + 12..ETHERNET + 20)?;
            (is_tcp && is_whole).then_some(Segment { internet: Internet::V4, addresses, bytes })
        }
        [0x86, 0xdd] => {
            let length = usize::from(u16::from_be_bytes(array(frame, ETHERNET + 4)?));
            let is_tcp = *frame.get(ETHERNET + 6)? == 6;
            let bytes = frame.get(ETHERNET + 40..ETHERNET + 40 + length)?;
            let addresses = frame.get(ETHERNET + 8..ETHERNET + 40)?;
            is_tcp.then_some(Segment { internet: Internet::V6, addresses, bytes })
        }
        _ => None,
    }
}

/// The frame that acknowledges all before `next`.
fn reply(frame: &[u8], segment: &Segment<'_>, next: u32, flags: u8) -> Option<Vec<u8>> {
    let options: &[u8] = if flags & SYN != 0 {
        let [high, low] = MSS.to_be_bytes();
        // No operation, so that the header is a whole number of words.
        &[2, 4, high, low, 1, 3, 3, SHIFT]
    } else {
        &[]
    };
    let length = 20 + options.len();
    let sequence = if flags & SYN != 0 { FIRST } else { FIRST + 1 };
    let mut bytes = Vec::with_capacity(ETHERNET + 40 + length);
    bytes.extend(frame.get(6..12)?);
    bytes.extend(frame.get(..6)?);
    bytes.extend(frame.get(12..14)?);
    let (source, destination) = segment.addresses.split_at(segment.addresses.len() / 2);
    match segment.internet {
        Internet::V4 => {
            bytes.extend([0x45, 0]);
            bytes.extend((20 + length as u16).to_be_bytes());
            bytes.extend([0, 0, 0x40, 0, 64, 6, 0, 0]);
        }
        Internet::V6 => {
            bytes.extend([0x60, 0, 0, 0]);
            bytes.extend((length as u16).to_be_bytes());
            bytes.extend([6, 64]);
        }
    }
    bytes.extend(destination);
    bytes.extend(source);
    if segment.internet == Internet::V4 {
        let sum = !folded(words(bytes.get(ETHERNET..)?));
        bytes.get_mut(ETHERNET + 10..ETHERNET + 12)?.copy_from_slice(&sum.to_be_bytes());
    }
    let begin = bytes.len();
    bytes.extend(segment.bytes.get(2..4)?);
    bytes.extend(segment.bytes.get(..2)?);
    bytes.extend(sequence.to_be_bytes());
    bytes.extend(next.to_be_bytes());
    bytes.extend([((length / 4) << 4) as u8, flags]);
    bytes.extend(WINDOW.to_be_bytes());
    bytes.extend([0; 4]);
    bytes.extend(options);
    let pseudo = words(segment.addresses) + 6 + length as u32;
    let sum = !folded(pseudo + u32::from(folded(words(bytes.get(begin..)?))));
    bytes.get_mut(begin + 16..begin + 18)?.copy_from_slice(&sum.to_be_bytes());
    Some(bytes)
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..)?.first_chunk().copied()
}
