//! Segments: as they come in, headers only, and as they are to go out.

use core::fmt;

use smoltcp::wire::{TcpPacket, TcpSeqNumber};

use crate::event::ConnectionId;
use crate::options::{MOST_BYTES, Options};
use crate::{Endpoint, Tuple};

/// Bytes of a header without options.
pub(crate) const HEADER: usize = 20;

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
    pub fn parse(
        local: smoltcp::wire::IpAddress,
        remote: smoltcp::wire::IpAddress,
        bytes: &[u8],
    ) -> Result<Self, ParseError> {
        let packet = TcpPacket::new_checked(bytes).map_err(|_| ParseError::Short)?;
        let header = usize::from(packet.header_len());
        let options = bytes.get(HEADER..header).ok_or(ParseError::Short)?;
        let mut flags = Flags::default();
        let bits = [
            (packet.fin(), Flags::FIN),
            (packet.syn(), Flags::SYN),
            (packet.rst(), Flags::RST),
            (packet.psh(), Flags::PSH),
            (packet.ack(), Flags::ACK),
            (packet.urg(), Flags::URG),
        ];
        for (_, flag) in bits.into_iter().filter(|(is_set, _)| *is_set) {
            flags = flags.with(flag);
        }
        Ok(Self {
            tuple: Tuple {
                local: Endpoint::new(local, packet.dst_port()),
                remote: Endpoint::new(remote, packet.src_port()),
            },
            seq: packet.seq_number().0.cast_unsigned(),
            ack: packet.ack_number().0.cast_unsigned(),
            flags,
            window: packet.window_len(),
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
        let mut options = [0; MOST_BYTES];
        let used = self.options.write(&mut options);
        let length = HEADER + used;
        to[..HEADER].fill(0);
        to[HEADER..length].copy_from_slice(&options[..used]);
        let mut packet = TcpPacket::new_unchecked(&mut to[..length]);
        packet.set_src_port(self.tuple.local.port);
        packet.set_dst_port(self.tuple.remote.port);
        packet.set_seq_number(TcpSeqNumber(self.seq.cast_signed()));
        packet.set_ack_number(TcpSeqNumber(self.ack.cast_signed()));
        packet.set_header_len(length as u8);
        packet.set_fin(self.flags.has(Flags::FIN));
        packet.set_syn(self.flags.has(Flags::SYN));
        packet.set_rst(self.flags.has(Flags::RST));
        packet.set_psh(self.flags.has(Flags::PSH));
        packet.set_ack(self.flags.has(Flags::ACK));
        packet.set_window_len(self.window);
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
