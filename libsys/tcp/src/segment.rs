//! Segments: as they come in, headers only, and as they are to go out.

use core::fmt;

use smoltcp::wire::IpAddress;

use crate::event::ConnectionId;
use crate::options::Options;
use crate::{Endpoint, Tuple};

/// Bytes of a header without options.
pub(crate) const HEADER: usize = 20;
/// Flags that a segment may have; those beyond them (ECN) are not looked at.
const KNOWN: u8 = 0x3f;

/// The header's bits that matter here (RFC 9293, 3.1).
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Flags(pub u8);

impl Flags {
    /// No more data follows.
    pub const FIN: Self = Self(1);
    /// Sequence numbers begin.
    pub const SYN: Self = Self(2);
    /// The connection is no more.
    pub const RST: Self = Self(4);
    /// All that is written is in it.
    pub const PSH: Self = Self(8);
    /// The acknowledgement counts.
    pub const ACK: Self = Self(16);
    /// The urgent pointer counts; its data is data like any other here.
    pub const URG: Self = Self(32);

    /// Both.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// All of `other`.
    #[must_use]
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Without these.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }
}

impl fmt::Debug for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = [
            (Self::SYN, 'S'),
            (Self::FIN, 'F'),
            (Self::RST, 'R'),
            (Self::PSH, 'P'),
            (Self::URG, 'U'),
            (Self::ACK, '.'),
        ];
        names.iter().filter(|(flag, _)| self.has(*flag)).try_for_each(|(_, name)| write!(f, "{name}"))
    }
}

/// Why bytes are no segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParseError {
    /// Fewer bytes than a header, or than the header says that it has.
    Short,
}

/// What came in, of which the checksum was found right: its header. The payload stays where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// The receiver is the local end.
    pub tuple: Tuple,
    /// The number of its first byte, or of its SYN.
    pub seq: u32,
    /// What is expected next, if [`Flags::ACK`].
    pub ack: u32,
    /// Its bits.
    pub flags: Flags,
    /// The window, unscaled.
    pub window: u16,
    /// Its options.
    pub options: Options,
    /// Bytes of payload.
    pub length: u32,
    /// Where these begin, in bytes of the segment.
    pub payload: u32,
}

impl Segment {
    /// Reads a header and its options once.
    ///
    /// # Errors
    /// [`ParseError`].
    pub fn parse(local: IpAddress, remote: IpAddress, bytes: &[u8]) -> Result<Self, ParseError> {
        let fixed = bytes.first_chunk::<HEADER>().ok_or(ParseError::Short)?;
        let [p0, p1, q0, q1, s0, s1, s2, s3, a0, a1, a2, a3, offset, flags, w0, w1, ..] = *fixed;
        let header = usize::from(offset >> 4) * 4;
        let options = bytes.get(HEADER..header).ok_or(ParseError::Short)?;
        Ok(Self {
            tuple: Tuple {
                local: Endpoint::new(local, u16::from_be_bytes([q0, q1])),
                remote: Endpoint::new(remote, u16::from_be_bytes([p0, p1])),
            },
            seq: u32::from_be_bytes([s0, s1, s2, s3]),
            ack: u32::from_be_bytes([a0, a1, a2, a3]),
            flags: Flags(flags & KNOWN),
            window: u16::from_be_bytes([w0, w1]),
            options: Options::read(options),
            length: (bytes.len() - header) as u32,
            payload: header as u32,
        })
    }

    /// Numbers that it takes: its bytes, its SYN and its FIN.
    #[must_use]
    pub const fn span(&self) -> u32 {
        self.length + self.flags.has(Flags::SYN) as u32 + self.flags.has(Flags::FIN) as u32
    }
}

/// Bytes of a connection's stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Payload {
    /// Whose.
    pub connection: ConnectionId,
    /// The position of the first, from 0 on.
    pub position: u64,
    /// How many, at least 1.
    pub length: u32,
}

/// What is to go out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// The sender is the local end.
    pub tuple: Tuple,
    /// The number of its first byte, or of its SYN.
    pub seq: u32,
    /// What is expected next, if [`Flags::ACK`].
    pub ack: u32,
    /// Its bits.
    pub flags: Flags,
    /// The window, unscaled.
    pub window: u16,
    /// Its options.
    pub options: Options,
    /// Its bytes, if it has any.
    pub payload: Option<Payload>,
    /// The most bytes of payload that may be in one segment on the wire. With more it is to be cut, by the card or by [`Outgoing::cut`].
    pub mss: u16,
}

impl Outgoing {
    /// Bytes of payload.
    #[must_use]
    pub fn length(&self) -> u32 {
        self.payload.map_or(0, |payload| payload.length)
    }

    /// Writes the header, its checksum 0, to the beginning of `to`; how many bytes.
    ///
    /// # Panics
    /// If `to` has not 60 bytes.
    pub fn write(&self, to: &mut [u8]) -> usize {
        let (fixed, rest) = to.split_first_chunk_mut::<HEADER>().expect("60 bytes");
        let used = self.options.write(rest.first_chunk_mut().expect("60 bytes"));
        let length = HEADER + used;
        let [p0, p1] = self.tuple.local.port.to_be_bytes();
        let [q0, q1] = self.tuple.remote.port.to_be_bytes();
        let [s0, s1, s2, s3] = self.seq.to_be_bytes();
        let [a0, a1, a2, a3] = self.ack.to_be_bytes();
        let [w0, w1] = self.window.to_be_bytes();
        let (offset, flags) = ((length as u8 / 4) << 4, self.flags.without(Flags::URG).0 & KNOWN);
        *fixed = [p0, p1, q0, q1, s0, s1, s2, s3, a0, a1, a2, a3, offset, flags, w0, w1, 0, 0, 0, 0];
        length
    }

    /// The segments of which it consists on the wire: FIN and PSH are the last one's alone.
    #[must_use]
    pub fn cut(self) -> Cut {
        Cut { rest: Some(self) }
    }
}

/// See [`Outgoing::cut`].
#[derive(Clone, Debug)]
pub struct Cut {
    rest: Option<Outgoing>,
}

impl Iterator for Cut {
    type Item = Outgoing;

    fn next(&mut self) -> Option<Outgoing> {
        let mut first = self.rest.take()?;
        let mss = u32::from(first.mss.max(1));
        if let Some(payload) = first.payload.filter(|payload| payload.length > mss) {
            let mut rest = first.clone();
            rest.seq = rest.seq.wrapping_add(mss);
            rest.payload = Some(Payload {
                position: payload.position + u64::from(mss),
                length: payload.length - mss,
                ..payload
            });
            first.payload = Some(Payload { length: mss, ..payload });
            first.flags = first.flags.without(Flags::FIN.with(Flags::PSH));
            self.rest = Some(rest);
        }
        Some(first)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use smoltcp::wire::TcpPacket;

    use super::*;

    proptest! {
        /// As somebody else reads it, and as it is read here.
        #[test]
        fn what_is_written_is_what_was_meant(
            ports in any::<(u16, u16)>(), numbers in any::<(u32, u32)>(), flags in 0u8..32, window in any::<u16>(),
            timestamps in any::<Option<(u32, u32)>>(), mss in any::<Option<u16>>(), length in 0usize..100,
        ) {
            let (one, other) = (IpAddress::v4(10, 0, 0, 1), IpAddress::v4(10, 0, 0, 2));
            let tuple = Tuple { local: Endpoint::new(one, ports.0), remote: Endpoint::new(other, ports.1) };
            let options = Options { timestamps, mss, ..Options::default() };
            let (seq, ack, flags) = (numbers.0, numbers.1, Flags(flags));
            let outgoing =
                Outgoing { tuple, seq, ack, flags, window, options: options.clone(), payload: None, mss: 536 };
            let mut bytes = [0xaa; 160];
            let used = outgoing.write(&mut bytes);
            let bytes = &bytes[..used + length];
            let packet = TcpPacket::new_checked(bytes).unwrap();
            prop_assert_eq!((packet.src_port(), packet.dst_port()), ports);
            let numbers = (packet.seq_number().0.cast_unsigned(), packet.ack_number().0.cast_unsigned());
            prop_assert_eq!(numbers, (seq, ack));
            prop_assert_eq!((packet.window_len(), usize::from(packet.header_len())), (window, used));
            prop_assert_eq!((packet.fin(), packet.syn()), (flags.has(Flags::FIN), flags.has(Flags::SYN)));
            prop_assert_eq!((packet.rst(), packet.psh()), (flags.has(Flags::RST), flags.has(Flags::PSH)));
            prop_assert_eq!((packet.ack(), packet.urg()), (flags.has(Flags::ACK), false));
            prop_assert_eq!((packet.checksum(), packet.urgent_at()), (0, 0));
            let segment = Segment::parse(other, one, bytes).unwrap();
            let (length, payload) = (length as u32, used as u32);
            let tuple = tuple.reversed();
            prop_assert_eq!(segment, Segment { tuple, seq, ack, flags, window, options, length, payload });
        }

        #[test]
        fn what_is_too_short_is_none(bytes in proptest::collection::vec(any::<u8>(), 0..70)) {
            let address = IpAddress::v4(10, 0, 0, 1);
            let is_one = TcpPacket::new_checked(&bytes[..]).is_ok();
            prop_assert_eq!(Segment::parse(address, address, &bytes).is_ok(), is_one);
        }
    }
}
