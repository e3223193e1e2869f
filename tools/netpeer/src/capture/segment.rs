//! What a frame says of TCP: as much as is needed to follow streams. Sums are not looked at.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::Endpoint;

/// A segment of TCP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Segment {
    pub(crate) from: Endpoint,
    pub(crate) to: Endpoint,
    pub(crate) number: u32,
    pub(crate) acknowledges: Option<u32>,
    pub(crate) window: u16,
    pub(crate) syn: bool,
    pub(crate) fin: bool,
    pub(crate) reset: bool,
    /// Bytes of payload.
    pub(crate) length: u32,
}

impl Segment {
    /// How many sequence numbers it takes.
    pub(crate) fn space(&self) -> u32 {
        self.length + u32::from(self.syn) + u32::from(self.fin)
    }

    /// Of a frame, if it holds one, whole.
    pub(crate) fn read(frame: &[u8]) -> Option<Self> {
        let packet = frame.get(14..)?;
        match half(frame, 12)? {
            0x0800 => Self::v4(packet),
            0x86DD => Self::v6(packet),
            _ => None,
        }
    }

    fn v4(packet: &[u8]) -> Option<Self> {
        let header = usize::from(*packet.first()? & 15) * 4;
        let total = usize::from(half(packet, 2)?);
        // A fragment, the first one included, holds no whole segment.
        let is_fragment = half(packet, 6)? & 0x3FFF != 0;
        if *packet.get(9)? != 6 || is_fragment {
            return None;
        }
        let address = |at: usize| {
            packet
                .get(at..)
                .and_then(|rest| rest.first_chunk::<4>())
                .map(|bytes| Ipv4Addr::from(*bytes).into())
        };
        Self::of(packet.get(header..total)?, address(12)?, address(16)?)
    }

    fn v6(packet: &[u8]) -> Option<Self> {
        let total = 40 + usize::from(half(packet, 4)?);
        let address = |at: usize| {
            packet
                .get(at..)
                .and_then(|rest| rest.first_chunk::<16>())
                .map(|bytes| Ipv6Addr::from(*bytes).into())
        };
        // Nobody here puts options before TCP.
        if *packet.get(6)? != 6 {
            return None;
        }
        Self::of(packet.get(40..total)?, address(8)?, address(24)?)
    }

    fn of(segment: &[u8], from: IpAddr, to: IpAddr) -> Option<Self> {
        let word = |at: usize| segment.get(at..)?.first_chunk().map(|bytes| u32::from_be_bytes(*bytes));
        let header = usize::from(*segment.get(12)? >> 4) * 4;
        let flags = *segment.get(13)?;
        let length = segment.len().checked_sub(header.max(20))?;
        Some(Self {
            from: Endpoint { address: from, port: half(segment, 0)? },
            to: Endpoint { address: to, port: half(segment, 2)? },
            number: word(4)?,
            acknowledges: if flags & 0x10 != 0 { word(8) } else { None },
            window: half(segment, 14)?,
            syn: flags & 2 != 0,
            fin: flags & 1 != 0,
            reset: flags & 4 != 0,
            length: u32::try_from(length).ok()?,
        })
    }
}

fn half(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().map(|bytes| u16::from_be_bytes(*bytes))
}
