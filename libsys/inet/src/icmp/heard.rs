//! Errors that others say: what they are about is read out of what they quote, within what is there.

use smoltcp::wire::{IpAddress, IpProtocol};

use super::Problem;
use crate::{Bytes, Drop, Packet};

/// What somebody says about something that this host is supposed to have sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct About {
    /// What is wrong.
    pub problem: Problem,
    /// Who says it.
    pub by: IpAddress,
    /// From which address of ours it was sent.
    pub source: IpAddress,
    /// To whom.
    pub destination: IpAddress,
    /// By which protocol.
    pub protocol: IpProtocol,
    /// Its ports, ours first; of an echo its identifier and sequence number.
    pub ports: (u16, u16),
    /// Of TCP, the sequence number: it has to be of something that is under way (RFC 5927).
    pub sequence: u32,
}

/// Reads an error. The quoted packet has to have been sent by whom this error is for, to somebody, with 8 bytes of its transport's header.
///
/// # Errors
/// It is about nothing.
pub fn heard<B: Bytes + ?Sized>(packet: &Packet, bytes: &B, header: &[u8; 8]) -> Result<About, Drop> {
    let word = |at: usize| u16::from_be_bytes([header[at], header[at + 1]]);
    let long = u32::from_be_bytes([header[4], header[5], header[6], header[7]]);
    let is_v6 = packet.protocol == IpProtocol::Icmpv6;
    let problem = match (is_v6, header[0], header[1]) {
        (false, 3, 0 | 5 | 6 | 8 | 11) | (true, 1, 0) => Problem::Network,
        (false, 3, 1 | 7 | 12) | (true, 1, 2 | 3) => Problem::Host,
        (false, 3, 2) => Problem::Protocol,
        (false, 3, 3) | (true, 1, 4) => Problem::Port,
        (false, 3, 4) => Problem::TooBig(word(6).into()),
        (true, 2, _) => Problem::TooBig(long),
        (false, 3, _) | (true, 1, _) => Problem::Prohibited,
        (false, 11, 0) | (true, 3, 0) => Problem::Hops,
        (false, 11, 1) | (true, 3, 1) => Problem::Reassembly,
        // RFC 4443 3.4: an unknown next header is a protocol that nobody takes.
        (true, 4, 1) => Problem::Protocol,
        (false, 12, _) | (true, 4, _) => Problem::Header,
        _ => return Err(Drop::Icmp),
    };
    let (quoted, end) = (packet.payload.start + 8, packet.payload.end);
    let (source, destination, protocol, transport) = if is_v6 {
        let header: [u8; 40] = bytes.take(quoted).filter(|_| quoted + 48 <= end).ok_or(Drop::Icmp)?;
        let address = |at: usize| -> IpAddress {
            let octets: [u8; 16] = core::array::from_fn(|index| header[at + index]);
            IpAddress::Ipv6(octets.into())
        };
        // We send extension headers only before fragments, about which nobody need say anything.
        if header[0] >> 4 != 6 {
            return Err(Drop::Icmp);
        }
        (address(8), address(24), IpProtocol::from(header[6]), quoted + 40)
    } else {
        let header: [u8; 20] = bytes.take(quoted).filter(|_| quoted + 28 <= end).ok_or(Drop::Icmp)?;
        let address = |at: usize| IpAddress::v4(header[at], header[at + 1], header[at + 2], header[at + 3]);
        let size = usize::from(header[0] & 15) * 4;
        let is_first = u16::from_be_bytes([header[6], header[7]]) & 0x1fff == 0;
        if header[0] >> 4 != 4 || size < 20 || !is_first {
            return Err(Drop::Icmp);
        }
        (address(12), address(16), IpProtocol::from(header[9]), quoted + size)
    };
    let quote: [u8; 8] = bytes.take(transport).filter(|_| transport + 8 <= end).ok_or(Drop::Icmp)?;
    if source != packet.destination || !super::is_somebodys(destination) {
        return Err(Drop::Icmp);
    }
    let word = |at: usize| u16::from_be_bytes([quote[at], quote[at + 1]]);
    let (ports, sequence) = match protocol {
        IpProtocol::Icmp | IpProtocol::Icmpv6 if super::is_error(protocol, quote[0]) => {
            return Err(Drop::Icmp);
        }
        IpProtocol::Icmp | IpProtocol::Icmpv6 => ((word(4), word(6)), 0),
        _ => ((word(0), word(2)), u32::from_be_bytes([quote[4], quote[5], quote[6], quote[7]])),
    };
    Ok(About { problem, by: packet.source, source, destination, protocol, ports, sequence })
}
