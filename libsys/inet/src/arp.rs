//! ARP for IPv4 on Ethernet (RFC 826): what it says, and how it is said.

use core::ops::Range;

use smoltcp::wire::{
    ArpOperation, ArpPacket, ArpRepr, EthernetAddress, EthernetFrame, EthernetProtocol, Ipv4Address,
};

use crate::{Bytes, Drop, LINK_HEADER};

const BYTES: usize = 28;

/// A frame with ARP in it, without padding.
pub type Frame = [u8; LINK_HEADER + BYTES];

/// What a packet says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arp {
    /// Whether it asks for the target.
    pub is_request: bool,
    /// Where the sender is.
    pub link: EthernetAddress,
    /// Its address: unspecified if it only wants to know whether somebody has the target's (RFC 5227).
    pub sender: Ipv4Address,
    /// The target's address.
    pub target: Ipv4Address,
}

impl Arp {
    /// Whether it tells all of the sender's own address.
    #[must_use]
    pub fn is_announcement(&self) -> bool {
        self.sender == self.target
    }

    /// Looks at a packet in a frame that came from `from`.
    ///
    /// # Errors
    /// It is none, or somebody speaks in another's name.
    pub fn parse<B: Bytes + ?Sized>(
        bytes: &B,
        range: Range<usize>,
        from: EthernetAddress,
    ) -> Result<Self, Drop> {
        let packet: [u8; BYTES] = bytes.take(range.start).ok_or(Drop::Short)?;
        let packet = ArpPacket::new_checked(&packet[..]).map_err(|_| Drop::Arp)?;
        let ArpRepr::EthernetIpv4 {
            operation,
            source_hardware_addr: link,
            source_protocol_addr: sender,
            target_protocol_addr: target,
            ..
        } = ArpRepr::parse(&packet).map_err(|_| Drop::Arp)?
        else {
            return Err(Drop::Arp);
        };
        let is_request = match operation {
            ArpOperation::Request => true,
            ArpOperation::Reply => false,
            ArpOperation::Unknown(_) => return Err(Drop::Arp),
        };
        let is_nobody = sender.is_multicast() || sender.is_broadcast() || sender.is_loopback();
        if link != from || !link.is_unicast() || is_nobody || (sender.is_unspecified() && !is_request) {
            return Err(Drop::Arp);
        }
        Ok(Self { is_request, link, sender, target })
    }

    /// The frame that says this to `to`.
    #[must_use]
    pub fn frame(&self, to: EthernetAddress) -> Frame {
        let mut bytes = [0; LINK_HEADER + BYTES];
        let mut frame = EthernetFrame::new_unchecked(&mut bytes[..]);
        frame.set_dst_addr(to);
        frame.set_src_addr(self.link);
        frame.set_ethertype(EthernetProtocol::Arp);
        let target_hardware_addr = if self.is_request { EthernetAddress([0; 6]) } else { to };
        let repr = ArpRepr::EthernetIpv4 {
            operation: if self.is_request { ArpOperation::Request } else { ArpOperation::Reply },
            source_hardware_addr: self.link,
            source_protocol_addr: self.sender,
            target_hardware_addr,
            target_protocol_addr: self.target,
        };
        repr.emit(&mut ArpPacket::new_unchecked(frame.payload_mut()));
        bytes
    }
}
