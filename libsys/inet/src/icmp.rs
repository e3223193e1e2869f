//! What hosts tell each other about packets: echoes answered, errors said and heard (RFC 792, 1122 3.2.2, 1812 4.3.2, 4443).
//!
//! Errors are the cheapest way to make a host send to somebody else, and to end somebody's connection: so they are said only where both versions allow it and at a
//! bounded rate, and believed only about something that was sent.

mod heard;
mod said;

use alloc::vec::Vec;

use smoltcp::wire::{IpAddress, IpProtocol};

pub use heard::{About, heard};
pub use said::{Said, echo_request, error};

use crate::{Bytes, Cast, Drop, Packet};

/// What is wrong with a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Problem {
    /// There is no way to where it goes.
    Network,
    /// The one it is for does not answer on its link.
    Host,
    /// Nobody takes that protocol.
    Protocol,
    /// Nobody has that port.
    Port,
    /// It is longer than that for a part of its way.
    TooBig(u32),
    /// Somebody does not let it pass.
    Prohibited,
    /// Its hops are used up.
    Hops,
    /// Fragments are missing.
    Reassembly,
    /// Something in its header.
    Header,
}

/// An echo's answer, which is for whoever asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Echo {
    /// Whose: as a port.
    pub identifier: u16,
    /// Which.
    pub sequence: u16,
}

/// A message that came in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Icmp {
    /// An echo that was answered by this.
    Answer(Said),
    /// An answer to an echo of ours.
    Answered(Echo),
    /// What somebody says about something that we sent.
    Error(About),
    /// Neighbour discovery.
    Discovery,
    /// Nothing that concerns a host.
    Other,
}

/// The longest echo that is answered: a packet without fragments on Ethernet, or a reassembled one of common `ping`s.
pub const MAX_ECHO: usize = 9000;

/// Looks at a message, which is whole and whose sum is right. What it is about is shown to `is_known` before it is believed.
///
/// # Errors
/// Why it is to be dropped.
pub fn input<B: Bytes + ?Sized>(
    packet: &Packet,
    bytes: &B,
    cast: Cast,
    is_known: impl FnOnce(&About) -> bool,
) -> Result<Icmp, Drop> {
    let start = packet.payload.start;
    let header: [u8; 8] = bytes.take(start).filter(|_| packet.payload.len() >= 8).ok_or(Drop::Icmp)?;
    let is_v6 = packet.protocol == IpProtocol::Icmpv6;
    let echo = Echo {
        identifier: u16::from_be_bytes([header[4], header[5]]),
        sequence: u16::from_be_bytes([header[6], header[7]]),
    };
    match (is_v6, header[0], header[1]) {
        (false, 8, 0) | (true, 128, 0) => {
            // A question to all would be answered by all, to one who perhaps has not asked. RFC 4443 4.2 lets a group be answered from one's own address, which it has not.
            if cast != Cast::Unicast || packet.payload.len() > MAX_ECHO {
                return Ok(Icmp::Other);
            }
            let mut answer: Vec<u8> = alloc::vec![0; packet.payload.len()];
            bytes.copy(start, &mut answer);
            answer[0] = if is_v6 { 129 } else { 0 };
            Ok(Icmp::Answer(Said::new(packet.destination, packet.source, answer)))
        }
        (false, 0, 0) | (true, 129, 0) => Ok(Icmp::Answered(echo)),
        (false, 3 | 11 | 12, _) | (true, 1..=4, _) => {
            let about = heard(packet, bytes, &header)?;
            if is_known(&about) || cfg!(bite = "inet-errors-believed") {
                Ok(Icmp::Error(about))
            } else {
                Err(Drop::IcmpForged)
            }
        }
        (true, kind, _) if crate::ndp::Ndp::is_one(kind) => Ok(Icmp::Discovery),
        _ => Ok(Icmp::Other),
    }
}

/// Whether that is an error of either version, about which nobody says an error.
pub(crate) const fn is_error(protocol: IpProtocol, kind: u8) -> bool {
    match protocol {
        IpProtocol::Icmp => !matches!(kind, 0 | 8 | 13..=18),
        IpProtocol::Icmpv6 => kind < 128 || kind == 137,
        _ => false,
    }
}

/// Whether that is one machine's address.
pub(crate) fn is_somebodys(address: IpAddress) -> bool {
    !address.is_unspecified() && address.is_unicast()
}
