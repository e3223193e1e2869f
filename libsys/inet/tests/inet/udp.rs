//! Whose a datagram is, and headers.

use anax_inet::udp::{Demux, Endpoint, InUse, Local, SumBy, header};
use anax_inet::{Bytes, Random};
use smoltcp::wire::{IpProtocol, IpVersion};

use crate::support::{frame, ip, packet};

fn at(address: &str, port: u16) -> Endpoint {
    Endpoint::new(ip(address), port)
}

#[test]
fn the_narrowest_place_has_it() {
    let mut demux = Demux::new(&mut Random::new((1, 1)));
    let (own, other) = (at("10.0.0.1", 53), at("10.0.0.2", 999));
    demux.bind(Local::Any(IpVersion::Ipv4, 53), 'a').unwrap();
    assert_eq!(demux.find(own, other), Some('a'));
    demux.bind(Local::At(own), 'b').unwrap();
    assert_eq!(demux.find(own, other), Some('b'));
    demux.bind(Local::Between(own, other), 'c').unwrap();
    assert_eq!(demux.find(own, other), Some('c'));
    assert_eq!(demux.find(own, at("10.0.0.2", 998)), Some('b'));
    assert_eq!(demux.find(at("10.0.0.9", 53), other), Some('a'));
    assert_eq!(demux.find(at("2001:db8::1", 53), at("2001:db8::2", 1)), None);
    assert_eq!(demux.bind(Local::At(own), 'd'), Err(InUse));
    assert_eq!(demux.bind(Local::Any(IpVersion::Ipv4, 0), 'd'), Err(InUse));
    assert_eq!(demux.unbind(Local::Between(own, other)), Some('c'));
    assert_eq!(demux.unbind(Local::Between(own, other)), None);
    assert_eq!((demux.find(own, other), demux.count()), (Some('b'), 2));
}

#[test]
fn chosen_ports_are_nobodys_and_suit() {
    let mut random = Random::new((1, 1));
    let mut demux = Demux::new(&mut random);
    let mut chosen = std::collections::HashSet::new();
    for index in 0..4000 {
        let port = demux.free_port(&mut random, |port| port % 3 == 1).unwrap();
        assert!(port >= 49_152 && port % 3 == 1 && chosen.insert(port));
        demux.bind(Local::Any(IpVersion::Ipv4, port), index).unwrap();
    }
    assert_eq!(demux.free_port(&mut random, |_| false), None);
}

#[test]
fn headers_are_taken_by_who_reads_them() {
    for (from, to) in [("10.0.0.2", "10.0.0.1"), ("2001:db8::2", "2001:db8::1")] {
        for length in [0, 1, 2, 1471] {
            let payload = vec![0xa5; length];
            let sum = SumBy::Us(payload.sum(0..length));
            let mut datagram = header(at(from, 1), at(to, 2), length, sum).to_vec();
            datagram.extend(&payload);
            let made = frame(from, to, IpProtocol::Udp, &datagram);
            assert_eq!(packet(&made).unwrap().ports, Some((1, 2)), "{length}");
        }
    }
}

#[test]
fn a_sum_of_zero_is_written_as_all_ones() {
    // Two ports and a payload that make the sum 0xffff.
    let (from, to) = (at("10.0.0.2", 1), at("10.0.0.1", 2));
    let with = |word: u16| header(from, to, 2, SumBy::Us(word));
    let found = (0..=u16::MAX).filter(|word| with(*word)[6..] == [0xff, 0xff]).count();
    assert!(found >= 1 && (0..=u16::MAX).all(|word| with(word)[6..] != [0, 0]));
    let card = header(from, to, 2, SumBy::Card);
    let pseudo = anax_inet::frame::pseudo_sum(from.address, to.address, IpProtocol::Udp, 10);
    assert_eq!(card[6..], pseudo.to_be_bytes());
}
