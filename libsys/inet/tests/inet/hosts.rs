//! Whole hosts on a link: they find each other, agree on addresses, answer.

use anax_inet::arp::Arp;
use anax_inet::control::{Configuration, Output, Sending};
use anax_inet::icmp::{Echo, Problem, echo_request};
use anax_inet::ndp;
use anax_inet::neighbours::{Resolution, Token};
use anax_inet::{Change, Drop, Hop, Ingress, Standing};
use smoltcp::wire::{EthernetAddress, IpAddress, IpProtocol, Ipv4Address, Ipv6Address};

use crate::support::{ETH, Host, OURS, THEIRS, cidr, frame_of, ip, look, ms, secs, summed, talk, udp};

const V6: Configuration =
    Configuration { dhcp: false, v6: true, kept: anax_inet::dhcp::Kept([0; 8]), own: None };

fn ping(host: &mut Host, now: std::time::Duration, to: &str, length: usize) {
    let (hop, source) = host.control.tables().route(ip(to), None).unwrap();
    let echo = Echo { identifier: 1, sequence: 2 };
    let said = echo_request(source, ip(to), echo, &vec![0x5a; length]);
    let protocol = said.protocol();
    let (destination, payload) = (said.destination, said.message);
    host.control.send(now, Sending { hop, source, destination, protocol, hop_limit: 64, payload });
}

fn answers(host: &Host) -> Vec<(IpAddress, usize)> {
    let answer = |output: &Output| match output {
        Output::Answered(_, from, length) => Some((*from, *length)),
        _ => None,
    };
    host.told.iter().filter_map(answer).collect()
}

fn address_of(host: &Host, is_it: impl Fn(IpAddress) -> bool) -> Option<(IpAddress, Standing)> {
    let interface = host.control.tables().interface(ETH).unwrap();
    let all = interface.addresses.iter().map(|own| (own.address.address(), own.standing));
    all.into_iter().find(|(address, _)| is_it(*address))
}

#[test]
fn hosts_find_and_answer_each_other() {
    let addresses = [["10.0.0.1/24", "2001:db8::1/64"], ["10.0.0.2/24", "2001:db8::2/64"]];
    let mut hosts = [Host::with(OURS, &addresses[0]), Host::with(THEIRS, &addresses[1])];
    for (to, length) in [("10.0.0.2", 56), ("10.0.0.2", 8000), ("2001:db8::2", 56), ("2001:db8::2", 8000)] {
        hosts[0].told.clear();
        ping(&mut hosts[0], secs(10), to, length);
        talk(&mut hosts, secs(10), secs(12));
        assert_eq!(answers(&hosts[0]), [(ip(to), length)], "{to}");
    }
    assert!(hosts.iter().all(|host| host.dropped.is_empty() && host.control.load()[3] == 0));
    // Both know where the other one is, and everybody's replicas were told.
    let known = hosts[1].control.tables().neighbour(Hop::new(ETH, ip("10.0.0.1"))).unwrap();
    assert_eq!(known.link, OURS);
    // To oneself.
    for to in ["127.0.0.1", "::1", "10.0.0.1", "2001:db8::1"] {
        hosts[0].told.clear();
        ping(&mut hosts[0], secs(20), to, 100);
        let frames = hosts[0].frames();
        // What came back was answered in the meantime.
        let _ = hosts[0].frames();
        assert!(frames.is_empty());
        assert_eq!(answers(&hosts[0]), [(ip(to), 100)], "{to}");
    }
}

#[test]
fn packets_wait_for_their_neighbour_or_hear_that_there_is_none() {
    let mut hosts = [Host::with(OURS, &["10.0.0.1/24"]), Host::with(THEIRS, &["10.0.0.2/24"])];
    let resolve = |host: &mut Host, to: &str, token| {
        let (hop, _) = host.control.tables().route(ip(to), None).unwrap();
        host.control.resolve(secs(10), hop, Token(token))
    };
    assert_eq!(resolve(&mut hosts[0], "10.0.0.2", 5), Resolution::Waits);
    assert_eq!(resolve(&mut hosts[0], "10.0.0.3", 6), Resolution::Waits);
    talk(&mut hosts, secs(10), secs(20));
    assert!(hosts[0].told.contains(&Output::Ready(Token(5), THEIRS)));
    assert!(hosts[0].told.contains(&Output::Failed(Token(6), Hop::new(ETH, ip("10.0.0.3")))));
    assert_eq!(resolve(&mut hosts[0], "10.0.0.2", 7), Resolution::Known(THEIRS));
}

#[test]
fn of_two_with_one_address_one_gets_it() {
    for address in ["10.0.0.1/24", "2001:db8::1/64"] {
        let mut hosts = [Host::with(OURS, &[address]), Host::new(THEIRS, Configuration::default())];
        hosts[1].control.assign(secs(10), ETH, cidr(address)).unwrap();
        talk(&mut hosts, secs(10), secs(20));
        let address = cidr(address).address();
        assert!(hosts[1].told.contains(&Output::Conflict(ETH, address)), "{address}");
        assert!(!hosts[1].control.tables().is_own(address) && hosts[0].control.tables().is_own(address));
        // And both at the same time: not both.
        let mut hosts = [OURS, THEIRS].map(|link| Host::new(link, Configuration::default()));
        for host in &mut hosts {
            host.control.assign(secs(10), ETH, cidr(&format!("{address}/24"))).unwrap();
        }
        talk(&mut hosts, secs(10), secs(20));
        let count = hosts.iter().filter(|host| host.control.tables().is_own(address)).count();
        assert!(count <= 1, "{address}: {count}");
    }
}

#[test]
fn an_address_is_defended_once_and_then_given_up() {
    let mut host = Host::with(OURS, &["10.0.0.1/24"]);
    let sender = Ipv4Address::new(10, 0, 0, 1);
    let claim = Arp { is_request: true, link: THEIRS, sender, target: sender };
    let claim = claim.frame(EthernetAddress::BROADCAST);
    let said = host.hear(secs(10), &claim);
    assert_eq!(said.len(), 1);
    let defence = Arp::parse(&said[0][..], 14..42, OURS).unwrap();
    assert!(defence.is_announcement() && defence.sender == sender);
    // Eleven seconds later it is a new quarrel; two seconds after that it is lost.
    assert_eq!(host.hear(secs(21), &claim).len(), 1);
    assert_eq!(host.hear(secs(23), &claim).len(), 0);
    assert!(host.told.contains(&Output::Conflict(ETH, ip("10.0.0.1"))));
    assert!(!host.control.tables().is_own(ip("10.0.0.1")));
}

fn advert(change: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut message = vec![134, 0, 0, 0, 64, 0, 7, 8, 0, 0, 0, 0, 0, 0, 0, 0];
    // Where it is; a prefix for all, an hour and half of one; a name server.
    message.extend([1, 1]);
    message.extend(THEIRS.0);
    message.extend([3, 4, 64, 0xc0, 0, 0, 14, 16, 0, 0, 7, 8, 0, 0, 0, 0]);
    message.extend(Ipv6Address::new(0x2001, 0xdb8, 7, 0, 0, 0, 0, 0).octets());
    message.extend([25, 3, 0, 0, 0, 0, 3, 0]);
    message.extend(Ipv6Address::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0x53).octets());
    change(&mut message);
    let message = summed("fe80::2", "ff02::1", IpProtocol::Icmpv6, 2, &message);
    let mut frame = frame_of(ip("fe80::2"), ip("ff02::1"), IpProtocol::Icmpv6, None, 255, &message);
    frame[..6].copy_from_slice(&[0x33, 0x33, 0, 0, 0, 1]);
    frame
}

#[test]
fn a_router_gives_addresses_routes_and_servers_for_their_time() {
    let mut host = Host::new(OURS, V6);
    let sent = host.run(ms(0), secs(2));
    // Whether its own address is its own, that it is, and whether there are routers.
    let kinds: Vec<u8> = sent.iter().map(|frame| frame[54]).collect();
    assert_eq!(kinds, [135, 136, 133]);
    host.hear(secs(3), &advert(|_| {}));
    host.run(secs(3), secs(6));
    let own = ip("2001:db8:7::ff:fe00:1");
    assert_eq!(address_of(&host, |address| address == own), Some((own, Standing::Preferred)));
    let (hop, source) = host.control.tables().route(ip("2001:4860::1"), None).unwrap();
    assert_eq!((hop.next, source), (ip("fe80::2"), own));
    assert_eq!(host.control.tables().neighbour(hop).unwrap().link, THEIRS);
    // Neighbours with that prefix are on the link.
    let (hop, _) = host.control.tables().route(ip("2001:db8:7::99"), None).unwrap();
    assert_eq!(hop.next, ip("2001:db8:7::99"));
    // Half an hour later the address is for old friends, the router is gone, an hour later all of it.
    host.run(secs(6), secs(3 + 1801));
    assert_eq!(address_of(&host, |address| address == own), Some((own, Standing::Deprecated)));
    assert!(host.control.tables().route(ip("2001:4860::1"), None).is_err());
    host.run(secs(3 + 1801), secs(3 + 3601));
    assert_eq!(address_of(&host, |address| address == own), None);
}

#[test]
fn nobody_shortens_an_address_below_two_hours() {
    let mut host = Host::new(OURS, V6);
    host.run(ms(0), secs(2));
    host.hear(secs(3), &advert(|message| message[28..32].copy_from_slice(&86_400u32.to_be_bytes())));
    host.run(secs(3), secs(6));
    // One second, says somebody.
    host.hear(secs(10), &advert(|message| message[28..36].copy_from_slice(&[0, 0, 0, 1, 0, 0, 0, 0])));
    let is_made = |address: IpAddress| address == ip("2001:db8:7::ff:fe00:1");
    host.run(secs(10), secs(10 + 7199));
    assert!(address_of(&host, is_made).is_some());
    host.run(secs(10), secs(10 + 7200));
    assert!(address_of(&host, is_made).is_none());
}

#[test]
fn discovery_from_behind_a_router_is_dropped() {
    let mut host = Host::new(OURS, V6);
    host.run(ms(0), secs(2));
    let mut far = advert(|_| {});
    far[21] = 254;
    host.hear(secs(3), &far);
    host.run(secs(3), secs(6));
    assert!(address_of(&host, |address| address == ip("2001:db8:7::ff:fe00:1")).is_none());
    // An option without a length, and one that is longer than the message.
    for length in [0, 200] {
        host.hear(secs(3), &advert(|message| message[17] = length));
    }
    assert_eq!(host.dropped, [Drop::Discovery; 3]);
    // A lie about where a target is, from afar.
    let (target, all) =
        (Ipv6Address::new(0xfe80, 0, 0, 0, 0, 0, 0, 2), Ipv6Address::new(0xff02, 0, 0, 0, 0, 0, 0, 1));
    let said = ndp::advert(THEIRS, target, all, target);
    let mut far = frame_of(ip("fe80::2"), ip("ff02::1"), IpProtocol::Icmpv6, None, 64, &said);
    far[..6].copy_from_slice(&[0x33, 0x33, 0, 0, 0, 1]);
    host.hear(secs(4), &far);
    assert_eq!(host.dropped.len(), 4);
}

#[test]
fn a_refused_datagram_is_told_of_but_not_too_often() {
    let mut host = Host::with(OURS, &["10.0.0.1/24"]);
    let asks =
        Arp { is_request: true, link: THEIRS, sender: [10, 0, 0, 2].into(), target: [10, 0, 0, 1].into() };
    assert_eq!(host.hear(secs(10), &asks.frame(EthernetAddress::BROADCAST)).len(), 1);
    let datagram = udp("10.0.0.2", "10.0.0.1", (5, 6), b"anybody?");
    let frame = frame_of(ip("10.0.0.2"), ip("10.0.0.1"), IpProtocol::Udp, None, 64, &datagram);
    let refuse = |host: &mut Host, now, ingress: &Ingress| {
        host.control.refuse(now, ingress, &frame[..], Problem::Port);
        host.frames().len()
    };
    let ingress = look(&frame).unwrap();
    let said: usize = (0..1000).map(|_| refuse(&mut host, secs(11), &ingress)).sum();
    assert_eq!(said, 50);
    assert_eq!(refuse(&mut host, secs(12), &ingress), 1);
}

#[test]
fn a_lease_becomes_an_address_a_route_and_servers() {
    let mut host = Host::new(OURS, Configuration { dhcp: true, ..Configuration::default() });
    let sent = host.run(ms(0), ms(100));
    // DISCOVER to everybody from nobody.
    assert_eq!(
        (sent.len(), &sent[0][..6], &sent[0][26..34]),
        (1, &[0xff; 6][..], &[0, 0, 0, 0, 255, 255, 255, 255][..])
    );
    let answer = |sent: &[u8], kind: u8| {
        let mut message = sent[42..282].to_vec();
        message[0] = 2;
        message[16..20].copy_from_slice(&[10, 0, 0, 50]);
        message.extend([53, 1, kind, 54, 4, 10, 0, 0, 254, 51, 4, 0, 0, 14, 16, 1, 4, 255, 255, 255, 0]);
        message.extend([3, 8, 10, 0, 0, 254, 10, 0, 0, 253, 6, 4, 10, 0, 0, 3, 255]);
        let datagram = udp("10.0.0.254", "255.255.255.255", (67, 68), &message);
        let mut frame =
            frame_of(ip("10.0.0.254"), ip("255.255.255.255"), IpProtocol::Udp, None, 64, &datagram);
        frame[..6].fill(0xff);
        frame
    };
    let request = host.hear(ms(100), &answer(&sent[0], 2));
    assert_eq!(request.len(), 1);
    assert!(host.hear(ms(101), &answer(&request[0], 5)).is_empty());
    let probes = host.run(ms(101), secs(2));
    // Three questions whether anybody has it, and that it is ours.
    assert_eq!(probes.iter().filter(|frame| frame[12..14] == [8, 6]).count(), 4);
    let (hop, source) = host.control.tables().route(ip("8.8.8.8"), None).unwrap();
    assert_eq!((hop.next, source), (ip("10.0.0.254"), ip("10.0.0.50")));
    assert_eq!(host.control.tables().routes().len(), 2);
    assert!(host.told.iter().any(|output| matches!(output, Output::Change(Change::Address(ETH, _)))));
    // The server of the lease is asked for names.
    let name = anax_inet::dns::Name::new("example.org").unwrap();
    host.control.ask(secs(3), &name, anax_inet::dns::Kind::V4);
    let question = host.frames();
    let asked = Arp::parse(&question[0][..], 14..42, OURS).unwrap();
    assert_eq!(asked.target, Ipv4Address::new(10, 0, 0, 3));
    // An hour later nobody has renewed it.
    host.run(secs(3), secs(3700));
    assert!(!host.control.tables().is_own(ip("10.0.0.50")) && host.control.tables().routes().is_empty());
}

#[test]
fn an_interface_that_goes_takes_all_with_it() {
    let mut host = Host::with(OURS, &["10.0.0.1/24", "2001:db8::1/64"]);
    ping(&mut host, secs(10), "10.0.0.9", 10);
    host.control.remove_interface(secs(10), ETH);
    host.frames();
    assert_eq!(host.control.load(), [0; 5]);
    assert!(host.control.tables().interface(ETH).is_none());
    assert_eq!(host.control.next_deadline(), None);
}
