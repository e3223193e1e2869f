//! Routes, sources, and what is for whom.

use anax_inet::control::Configuration;
use anax_inet::{Assigned, Change, Drop, InterfaceId, Kind, NoRoute, Random, Route, Standing, Tables};
use smoltcp::wire::{EthernetAddress, IpProtocol};

use crate::support::{ETH, Host, OURS, THEIRS, cidr, frame, ip, ms, packet, udp};

const INSIDE: InterfaceId = InterfaceId(0);
const OTHER: InterfaceId = InterfaceId(2);

fn tables(
    addresses: &[(InterfaceId, &str, Standing)],
    routes: &[(&str, Option<&str>, InterfaceId, u16)],
) -> Tables {
    let mut tables = Tables::new(Random::new((1, 2)).key());
    let mut apply = |change| tables.apply(change).unwrap();
    apply(Change::Interface(INSIDE, Kind::Loopback, 65_535));
    apply(Change::Interface(ETH, Kind::Ethernet(OURS), 1500));
    apply(Change::Interface(OTHER, Kind::Ethernet(THEIRS), 1500));
    for (id, address, standing) in addresses {
        apply(Change::Address(*id, Assigned { address: cidr(address), standing: *standing }));
    }
    for (prefix, via, interface, metric) in routes {
        let (prefix, via) = (cidr(prefix), via.map(ip));
        apply(Change::Route(Route { prefix, via, interface: *interface, metric: *metric }));
    }
    tables
}

#[test]
fn the_longest_prefix_and_then_the_smallest_metric() {
    let addresses = [(ETH, "10.0.0.1/24", Standing::Preferred), (OTHER, "10.1.0.1/16", Standing::Preferred)];
    let tables = tables(
        &addresses,
        &[
            ("0.0.0.0/0", Some("10.0.0.254"), ETH, 10),
            ("0.0.0.0/0", Some("10.1.0.254"), OTHER, 5),
            ("10.1.2.0/24", Some("10.0.0.7"), ETH, 100),
            ("172.16.0.0/12", Some("10.0.0.9"), ETH, 1),
            // Host bits of a prefix are none of its.
            ("192.168.1.77/24", None, OTHER, 1),
        ],
    );
    let hop = |to: &str| tables.hop(ip(to), None).map(|hop| (hop.interface, hop.next));
    assert_eq!(hop("10.0.0.77"), Ok((ETH, ip("10.0.0.77"))));
    assert_eq!(hop("10.1.9.9"), Ok((OTHER, ip("10.1.9.9"))));
    assert_eq!(hop("10.1.2.9"), Ok((ETH, ip("10.0.0.7"))));
    assert_eq!(hop("172.31.0.1"), Ok((ETH, ip("10.0.0.9"))));
    assert_eq!(hop("192.168.1.9"), Ok((OTHER, ip("192.168.1.9"))));
    assert_eq!(hop("8.8.8.8"), Ok((OTHER, ip("10.1.0.254"))));
    assert_eq!(hop("10.0.0.1"), Ok((INSIDE, ip("10.0.0.1"))));
    assert_eq!(hop("127.0.0.9"), Ok((INSIDE, ip("127.0.0.9"))));
    assert_eq!(hop("2001:db8::1"), Err(NoRoute::Destination));
    let by = tables.hop(ip("8.8.8.8"), Some(ETH)).unwrap();
    assert_eq!(by.next, ip("10.0.0.254"));
    assert_eq!(tables.hop(ip("10.0.0.255"), None).unwrap().next, ip("10.0.0.255"));
}

#[test]
fn sources_are_chosen_by_scope_standing_interface_and_prefix() {
    let tables = tables(
        &[
            (ETH, "fe80::1/64", Standing::Preferred),
            (ETH, "2001:db8:1::1/64", Standing::Preferred),
            (ETH, "2001:db8:2::1/64", Standing::Preferred),
            (ETH, "2001:db8:2::9/64", Standing::Tentative),
            (ETH, "2001:db8:3::1/64", Standing::Deprecated),
            (OTHER, "fe80::2/64", Standing::Preferred),
            (ETH, "10.0.0.1/24", Standing::Preferred),
        ],
        &[("::/0", Some("fe80::99"), ETH, 1)],
    );
    let source = |to: &str, by| tables.route(ip(to), by).map(|(_, source)| source);
    assert_eq!(source("2001:db8:2::77", None), Ok(ip("2001:db8:2::1")));
    assert_eq!(source("2001:db8:1::77", None), Ok(ip("2001:db8:1::1")));
    assert_eq!(source("2001:db8:3::77", None).unwrap(), ip("2001:db8:2::1"));
    assert_eq!(source("fe80::77", Some(ETH)), Ok(ip("fe80::1")));
    assert_eq!(source("fe80::77", Some(OTHER)), Ok(ip("fe80::2")));
    assert_eq!(source("ff02::1", Some(OTHER)), Ok(ip("fe80::2")));
    assert_eq!(source("2001:db8:2::1", None), Ok(ip("2001:db8:2::1")));
    assert_eq!(source("::1", None), Ok(ip("::1")));
    assert_eq!(source("10.0.0.9", None), Ok(ip("10.0.0.1")));
}

#[test]
fn replicas_are_what_the_owner_is() {
    let mut host = Host::with(OURS, &["10.0.0.1/24", "2001:db8::1/64"]);
    host.control.change(Change::Joined(ETH, ip("224.0.0.251"))).unwrap();
    host.control
        .change(Change::Route(Route {
            prefix: cidr("0.0.0.0/0"),
            via: Some(ip("10.0.0.2")),
            interface: ETH,
            metric: 0,
        }))
        .unwrap();
    let mut replica = Tables::new(Random::new((3, 4)).key());
    for change in host.control.tables().changes() {
        // What is, said twice, is still so.
        replica.apply(change).unwrap();
        replica.apply(change).unwrap();
    }
    assert_eq!(replica.changes(), host.control.tables().changes());
    assert_eq!(replica.hop(ip("9.9.9.9"), None), host.control.tables().hop(ip("9.9.9.9"), None));
    replica.apply(Change::InterfaceGone(ETH)).unwrap();
    assert!(replica.hop(ip("9.9.9.9"), None).is_err() && replica.routes().is_empty());
}

#[test]
fn tables_are_bounded() {
    let mut tables = tables(&[], &[]);
    let route = |index: u16| {
        let prefix = cidr(&format!("10.{}.{}.0/24", index / 256, index % 256));
        Change::Route(Route { prefix, via: None, interface: ETH, metric: 0 })
    };
    assert_eq!(
        (0..1000).filter(|index| tables.apply(route(*index)).is_ok()).count(),
        anax_inet::routes::ROUTES
    );
    // One that is there can still be changed.
    assert!(tables.apply(route(3)).is_ok());
    let address = |index: u8| {
        let address = cidr(&format!("10.9.9.{index}/24"));
        Change::Address(ETH, Assigned { address, standing: Standing::Preferred })
    };
    assert_eq!(
        (0..=255).filter(|index| tables.apply(address(*index)).is_ok()).count(),
        anax_inet::interface::ADDRESSES
    );
}

/// What a packet to that address is taken for, on a link address.
fn admitted(host: &Host, from: &str, to: &str, link: EthernetAddress) -> Result<anax_inet::Cast, Drop> {
    let frame = frame(from, to, IpProtocol::Udp, &udp(from, to, (1, 2), b""));
    host.control.tables().admit(ETH, link, &packet(&frame).unwrap())
}

#[test]
fn land_and_other_strangers_are_not_admitted() {
    let host = Host::with(OURS, &["10.0.0.1/24", "2001:db8::1/64"]);
    let admitted = |from, to, link| admitted(&host, from, to, link);
    assert_eq!(admitted("10.0.0.1", "10.0.0.1", OURS), Err(Drop::Spoofed));
    assert_eq!(admitted("2001:db8::1", "2001:db8::1", OURS), Err(Drop::Spoofed));
    assert_eq!(admitted("127.0.0.1", "10.0.0.1", OURS), Err(Drop::Source));
    assert_eq!(admitted("10.0.0.2", "127.0.0.1", OURS), Err(Drop::Source));
    assert_eq!(admitted("2001:db8::2", "::1", OURS), Err(Drop::Source));
    assert_eq!(admitted("10.0.0.255", "10.0.0.1", OURS), Err(Drop::Source));
    assert_eq!(admitted("10.0.0.2", "10.0.0.9", OURS), Err(Drop::NotOurs));
    assert_eq!(admitted("10.0.0.2", "224.0.0.9", OURS), Err(Drop::NotOurs));
    assert_eq!(admitted("10.0.0.2", "10.0.0.1", EthernetAddress::BROADCAST), Err(Drop::LinkAddress));
    assert_eq!(admitted("10.0.0.2", "10.0.0.1", THEIRS), Err(Drop::LinkAddress));
    use anax_inet::Cast;
    assert_eq!(admitted("10.0.0.2", "10.0.0.1", OURS), Ok(Cast::Unicast));
    assert_eq!(admitted("10.0.0.2", "10.0.0.255", EthernetAddress::BROADCAST), Ok(Cast::Broadcast));
    assert_eq!(admitted("10.0.0.2", "255.255.255.255", EthernetAddress::BROADCAST), Ok(Cast::Broadcast));
    assert_eq!(
        admitted("10.0.0.2", "224.0.0.1", EthernetAddress([1, 0, 0x5e, 0, 0, 1])),
        Ok(Cast::Multicast)
    );
    assert_eq!(
        admitted("2001:db8::2", "ff02::1:ff00:1", EthernetAddress([0x33, 0x33, 0xff, 0, 0, 1])),
        Ok(Cast::Multicast)
    );
}

#[test]
fn a_tentative_address_is_not_used() {
    let mut host = Host::new(OURS, Configuration::default());
    host.control.assign(ms(0), ETH, cidr("10.0.0.1/24")).unwrap();
    assert_eq!(admitted(&host, "10.0.0.2", "10.0.0.1", OURS), Err(Drop::NotOurs));
    assert_eq!(host.control.tables().route(ip("10.0.0.2"), None), Err(NoRoute::Source));
}
