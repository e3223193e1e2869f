//! Frames that are right and frames that are not: each lie has a name.

use anax_inet::{Drop, Verified, What, frame};
use smoltcp::wire::IpProtocol;

use crate::support::{ETH, frame as make, frame_of, ip, look, packet, summed, udp};

const FROM: &str = "10.0.0.2";
const TO: &str = "10.0.0.1";
const FROM6: &str = "2001:db8::2";
const TO6: &str = "2001:db8::1";

fn v4() -> Vec<u8> {
    make(FROM, TO, IpProtocol::Udp, &udp(FROM, TO, (1000, 2000), b"hello"))
}

fn v6() -> Vec<u8> {
    make(FROM6, TO6, IpProtocol::Udp, &udp(FROM6, TO6, (1000, 2000), b"hello"))
}

/// A frame of IPv4 with some bytes changed and its sum made right again.
fn v4_with(change: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut frame = v4();
    change(&mut frame);
    frame[24..26].fill(0);
    let size = (usize::from(frame[14] & 15) * 4).min(frame.len() - 14);
    let mut sum = anax_inet::Sum::default();
    sum.add(&frame[14..14 + size]);
    frame[24..26].copy_from_slice(&(!sum.folded()).to_be_bytes());
    frame
}

#[test]
fn what_is_right_is_found() {
    for (frame, at) in [(v4(), 34), (v6(), 54)] {
        let packet = packet(&frame).unwrap();
        assert_eq!(packet.ports, Some((1000, 2000)));
        assert_eq!(packet.payload, at..at + 13);
        assert_eq!(&frame[packet.datagram()], b"hello");
        // Padding of short frames is none of the packet's.
        let mut padded = frame.clone();
        padded.resize(100, 0xaa);
        assert_eq!(self::packet(&padded).unwrap(), packet);
    }
}

#[test]
fn every_shorter_frame_is_short() {
    for frame in [v4(), v6()] {
        for length in 0..frame.len() {
            assert!(look(&frame[..length]).is_err(), "{length}");
        }
    }
}

#[test]
fn lies_about_lengths_have_names() {
    let said = |change: fn(&mut Vec<u8>)| look(&v4_with(change)).unwrap_err();
    assert_eq!(said(|frame| frame[14] = 0x44), Drop::Header);
    assert_eq!(said(|frame| frame[14] = 0x65), Drop::Header);
    assert_eq!(said(|frame| frame[16..18].copy_from_slice(&19u16.to_be_bytes())), Drop::Header);
    assert_eq!(said(|frame| frame[16..18].copy_from_slice(&1000u16.to_be_bytes())), Drop::Short);
    assert_eq!(said(|frame| frame[14] = 0x4f), Drop::Header);
    assert_eq!(said(|frame| frame[39] = 7), Drop::Udp);
    assert_eq!(said(|frame| frame[39] = 14), Drop::Udp);
    let mut wrong = v4();
    wrong[22] ^= 1;
    assert_eq!(look(&wrong), Err(Drop::HeaderSum));
    let mut wrong = v4();
    wrong[44] ^= 1;
    assert_eq!(look(&wrong), Err(Drop::TransportSum));
    let mut none = v6();
    none[60..62].fill(0);
    assert_eq!(look(&none), Err(Drop::TransportSum));
}

#[test]
fn sums_are_checked_unless_the_card_has() {
    for mut frame in [v4(), v6()] {
        let last = frame.len() - 1;
        frame[last] ^= 0x55;
        assert_eq!(look(&frame), Err(Drop::TransportSum));
        let verified = Verified { internet: true, transport: true };
        assert!(frame::parse(ETH, &frame[..], verified).is_ok());
    }
    // No card looks at ICMP's.
    let echo = summed(FROM6, TO6, IpProtocol::Icmpv6, 2, &[128, 0, 0, 0, 0, 1, 0, 1]);
    let mut frame = make(FROM6, TO6, IpProtocol::Icmpv6, &echo);
    assert!(look(&frame).is_ok());
    *frame.last_mut().unwrap() ^= 1;
    let verified = Verified { internet: true, transport: true };
    assert_eq!(frame::parse(ETH, &frame[..], verified), Err(Drop::TransportSum));
}

#[test]
fn options_are_walked_through() {
    let with = |options: &[u8]| {
        let options = options.to_vec();
        let frame = v4_with(move |frame| {
            frame[14] = 0x45 + (options.len() / 4) as u8;
            frame[17] += options.len() as u8;
            for (at, byte) in options.iter().enumerate() {
                frame.insert(34 + at, *byte);
            }
        });
        look(&frame).map(|_| ())
    };
    assert_eq!(with(&[1, 1, 1, 0]), Ok(()));
    assert_eq!(with(&[148, 4, 0, 0]), Ok(()));
    assert_eq!(with(&[148, 0, 0, 0]), Err(Drop::Option));
    assert_eq!(with(&[148, 1, 0, 0]), Err(Drop::Option));
    assert_eq!(with(&[148, 5, 0, 0]), Err(Drop::Option));
    assert_eq!(with(&[1, 1, 1, 148]), Err(Drop::Option));
    assert_eq!(with(&[131, 4, 4, 0]), Err(Drop::SourceRoute));
    assert_eq!(with(&[1, 137, 3, 0]), Err(Drop::SourceRoute));
}

#[test]
fn nobody_comes_from_there() {
    for source in ["0.1.2.3", "224.0.0.1", "255.255.255.255", "240.0.0.1"] {
        assert_eq!(look(&make(source, TO, IpProtocol::Udp, &[0; 8])), Err(Drop::Source), "{source}");
    }
    for source in ["ff02::1", "::ffff:10.0.0.1"] {
        assert_eq!(look(&make(source, TO6, IpProtocol::Udp, &[0; 8])), Err(Drop::Source), "{source}");
    }
}

/// A packet of IPv6 with those extension headers, each with what it is, before UDP.
fn chained(headers: &[(u8, &[u8])]) -> Vec<u8> {
    let kinds: Vec<u8> = headers.iter().map(|(kind, _)| *kind).chain([17]).collect();
    let mut payload = Vec::new();
    for (index, (_, header)) in headers.iter().enumerate() {
        payload.push(kinds[index + 1]);
        payload.extend(*header);
    }
    payload.extend(udp(FROM6, TO6, (1, 2), b"abc"));
    make(FROM6, TO6, IpProtocol::from(kinds[0]), &payload)
}

#[test]
fn chains_end() {
    const PAD: &[u8] = &[0, 1, 4, 0, 0, 0, 0];
    const ROUTED: &[u8] = &[0, 0, 0, 0, 0, 0, 0];
    const ATOMIC: &[u8] = &[0, 0, 0, 1, 2, 3, 4];
    let ports = |headers: &[(u8, &[u8])]| packet(&chained(headers)).map(|packet| packet.ports);
    assert_eq!(ports(&[(0, PAD), (60, PAD), (43, ROUTED), (44, ATOMIC), (60, PAD)]), Ok(Some((1, 2))));
    assert_eq!(ports(&[(60, PAD); 8]), Ok(Some((1, 2))));
    assert_eq!(ports(&[(60, PAD); 9]), Err(Drop::Chain));
    // Hop-by-hop options are the first, if any.
    assert_eq!(ports(&[(60, PAD), (0, PAD)]), Err(Drop::Chain));
    // A header that is longer than the packet.
    assert_eq!(ports(&[(60, &[200, 1, 4, 0, 0, 0, 0])]), Err(Drop::Chain));
    // A route that is not at its end.
    assert_eq!(ports(&[(43, &[0, 0, 1, 0, 0, 0, 0])]), Err(Drop::SourceRoute));
    // An option whose length leads out of its header, and one that does not want to be skipped.
    assert_eq!(ports(&[(60, &[0, 1, 9, 0, 0, 0, 0])]), Err(Drop::Option));
    assert_eq!(ports(&[(60, &[0, 0xc2, 4, 0, 0, 0, 0])]), Err(Drop::Option));
    assert_eq!(ports(&[(60, &[0, 0x22, 4, 0, 0, 0, 0])]), Ok(Some((1, 2))));
}

#[test]
fn tcp_has_a_header() {
    let mut tcp = [0; 24];
    tcp[..4].copy_from_slice(&[0, 80, 1, 0]);
    for (offset, length, expected) in [
        (5, 20, Ok(Some((80, 256)))),
        (6, 24, Ok(Some((80, 256)))),
        (4, 20, Err(Drop::Tcp)),
        (6, 20, Err(Drop::Tcp)),
        (5, 19, Err(Drop::Tcp)),
    ] {
        tcp[12] = offset << 4;
        let message = summed(FROM, TO, IpProtocol::Tcp, 16, &tcp[..length]);
        let found = packet(&make(FROM, TO, IpProtocol::Tcp, &message));
        assert_eq!(found.map(|packet| packet.ports), expected);
    }
}

#[test]
fn unknown_protocols_of_the_link_and_groups_as_senders_are_dropped() {
    let mut frame = v4();
    frame[12..14].copy_from_slice(&0x8100u16.to_be_bytes());
    assert_eq!(look(&frame), Err(Drop::Unknown));
    let mut frame = v4();
    frame[6] = 1;
    assert_eq!(look(&frame), Err(Drop::LinkAddress));
    let arp = [&v4()[..12], &[8, 6][..]].concat();
    assert!(matches!(look(&arp).unwrap().what, What::Arp(_)));
}

#[test]
fn a_ping_of_death_is_longer_than_a_packet() {
    let fragment = |offset, length: usize| {
        let fragment = anax_inet::Fragment { identification: 1, offset, more: false };
        look(&frame_of(ip(FROM), ip(TO), IpProtocol::Icmp, Some(fragment), 64, &vec![0; length])).map(|_| ())
    };
    assert_eq!(fragment(65_512, 3), Ok(()));
    assert_eq!(fragment(65_512, 8), Err(Drop::FragmentBeyond));
    assert_eq!(fragment(65_528, 1000), Err(Drop::FragmentBeyond));
}
