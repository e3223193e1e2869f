//! DHCP's messages, as far as this client needs them.

use alloc::vec::Vec;
use core::time::Duration;

use arrayvec::ArrayVec;
use smoltcp::wire::{DhcpMessageType, DhcpPacket, DhcpRepr, EthernetAddress, Ipv4Address};

use super::SERVERS;

/// What a server answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Offer,
    Ack,
    Nak,
}

/// What it offers or grants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Offer {
    pub(super) address: Ipv4Address,
    pub(super) prefix: u8,
    pub(super) by: Ipv4Address,
    pub(super) lasts: Duration,
    pub(super) renew: Option<Duration>,
    pub(super) rebind: Option<Duration>,
    pub(super) routers: ArrayVec<Ipv4Address, SERVERS>,
    pub(super) servers: ArrayVec<Ipv4Address, SERVERS>,
}

/// Subnet mask, routers, name servers, lease, renewal, rebinding.
const WANTED: &[u8] = &[1, 3, 6, 51, 58, 59];
const ROUTERS: u8 = 3;
const MOST: usize = 1500;

/// An answer to us, to what was asked last. Of one that grants something, the address and its mask are somebody's.
pub(super) fn parse(payload: &[u8], link: EthernetAddress, transaction: u32) -> Option<(Kind, Offer)> {
    let payload = payload.get(..payload.len().min(MOST))?;
    let packet = DhcpPacket::new_checked(payload).ok()?;
    let said = DhcpRepr::parse(&packet).ok()?;
    if said.transaction_id != transaction || said.client_hardware_address != link {
        return None;
    }
    let kind = match said.message_type {
        DhcpMessageType::Offer => Kind::Offer,
        DhcpMessageType::Ack => Kind::Ack,
        DhcpMessageType::Nak => Kind::Nak,
        _ => return None,
    };
    let by = said.server_identifier?;
    let address = said.your_ip;
    let mask = u32::from(said.subnet_mask.unwrap_or_else(|| class(address)));
    let prefix = mask.leading_ones();
    let is_mask = prefix > 0 && mask.count_ones() == prefix;
    if kind != Kind::Nak && (!is_hosts(address) || !is_mask || !is_hosts(by)) {
        return None;
    }
    let seconds = |seconds: u32| Duration::from_secs(seconds.into());
    let listed = packet.options().find(|option| option.kind == ROUTERS);
    let routers = listed.map_or(&[][..], |option| option.data).chunks_exact(4);
    let routers = routers.map(|four| Ipv4Address::new(four[0], four[1], four[2], four[3]));
    let servers = said.dns_servers.iter().flatten().copied();
    let offer = Offer {
        address,
        prefix: prefix as u8,
        by,
        // RFC 2131 wants the time in both; who does not say it grants it for a day.
        lasts: seconds(said.lease_duration.unwrap_or(86_400)),
        renew: said.renew_duration.map(seconds),
        rebind: said.rebind_duration.map(seconds),
        routers: routers.filter(|router| is_hosts(*router)).take(SERVERS).collect(),
        servers: servers.filter(|server| is_hosts(*server)).take(SERVERS).collect(),
    };
    Some((kind, offer))
}

fn is_hosts(address: Ipv4Address) -> bool {
    let first = address.octets()[0];
    first != 0 && first != 127 && first < 224
}

/// The mask of an address's class, where no server says another one.
const fn class(address: Ipv4Address) -> Ipv4Address {
    match address.octets()[0] {
        0..128 => Ipv4Address::new(255, 0, 0, 0),
        128..192 => Ipv4Address::new(255, 255, 0, 0),
        _ => Ipv4Address::new(255, 255, 255, 0),
    }
}

pub(super) fn discover(link: EthernetAddress, transaction: u32, passed: Duration) -> Vec<u8> {
    emit(&DhcpRepr { secs: seconds(passed), ..blank(DhcpMessageType::Discover, link, transaction) })
}

/// For what was offered.
pub(super) fn request(link: EthernetAddress, transaction: u32, passed: Duration, offer: &Offer) -> Vec<u8> {
    emit(&DhcpRepr {
        secs: seconds(passed),
        requested_ip: Some(offer.address),
        server_identifier: Some(offer.by),
        ..blank(DhcpMessageType::Request, link, transaction)
    })
}

/// For more of what is in use.
pub(super) fn renew(link: EthernetAddress, transaction: u32, own: Ipv4Address) -> Vec<u8> {
    emit(&DhcpRepr { client_ip: own, broadcast: false, ..blank(DhcpMessageType::Request, link, transaction) })
}

pub(super) fn decline(
    link: EthernetAddress,
    transaction: u32,
    taken: Ipv4Address,
    by: Ipv4Address,
) -> Vec<u8> {
    emit(&DhcpRepr {
        requested_ip: Some(taken),
        server_identifier: Some(by),
        parameter_request_list: None,
        max_size: None,
        broadcast: false,
        ..blank(DhcpMessageType::Decline, link, transaction)
    })
}

pub(super) fn release(link: EthernetAddress, transaction: u32, own: Ipv4Address, by: Ipv4Address) -> Vec<u8> {
    emit(&DhcpRepr {
        client_ip: own,
        server_identifier: Some(by),
        parameter_request_list: None,
        max_size: None,
        broadcast: false,
        ..blank(DhcpMessageType::Release, link, transaction)
    })
}

fn seconds(passed: Duration) -> u16 {
    passed.as_secs().min(0xffff) as u16
}

/// Answers come to all on the link: a host without an address takes nothing else.
const fn blank(message_type: DhcpMessageType, link: EthernetAddress, transaction: u32) -> DhcpRepr<'static> {
    let nobody = Ipv4Address::UNSPECIFIED;
    DhcpRepr {
        message_type,
        transaction_id: transaction,
        secs: 0,
        client_hardware_address: link,
        client_ip: nobody,
        your_ip: nobody,
        server_ip: nobody,
        router: None,
        subnet_mask: None,
        relay_agent_ip: nobody,
        broadcast: true,
        requested_ip: None,
        client_identifier: Some(link),
        server_identifier: None,
        parameter_request_list: Some(WANTED),
        dns_servers: None,
        max_size: Some(MOST as u16),
        lease_duration: None,
        renew_duration: None,
        rebind_duration: None,
        additional_options: &[],
    }
}

fn emit(repr: &DhcpRepr<'_>) -> Vec<u8> {
    // BOOTP's relays take no less than 300 bytes.
    let mut bytes = alloc::vec![0; repr.buffer_len().max(300)];
    // It fails only where a list of options is too long for its length, which these are not.
    let _ = repr.emit(&mut DhcpPacket::new_unchecked(&mut bytes[..]));
    bytes
}
