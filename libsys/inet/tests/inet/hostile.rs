//! Anything at all, at any time: nothing panics, everything stays bounded, and afterwards the host still answers.

use std::time::Duration;

use anax_inet::arp::Arp;
use anax_inet::control::{Configuration, Output, Sending};
use anax_inet::icmp::{Echo, echo_request};
use anax_inet::ndp;
use anax_inet::neighbours::NEIGHBOURS;
use anax_inet::{Fragment, What};
use proptest::prelude::*;
use smoltcp::wire::{EthernetAddress, IpProtocol, Ipv6Address};

use crate::support::{ETH, Host, OURS, THEIRS, frame, frame_of, ip, look, ms, secs, summed, udp};

fn v6(last: u16) -> Ipv6Address {
    Ipv6Address::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, last)
}

/// Frames that are right, of every kind that is looked into.
fn seeds() -> Vec<Vec<u8>> {
    let (a, b) = ("10.0.0.2", "10.0.0.1");
    let (a6, b6) = ("2001:db8::2", "2001:db8::1");
    let echo = [8, 0, 0, 0, 0, 1, 0, 1, 1, 2, 3, 4];
    let echo6 = [128, 0, 0, 0, 0, 1, 0, 1, 1, 2, 3, 4];
    let fragment = Some(Fragment { identification: 1, offset: 8, more: true });
    let arp =
        Arp { is_request: true, link: THEIRS, sender: [10, 0, 0, 2].into(), target: [10, 0, 0, 1].into() };
    let datagram = frame(b, a, IpProtocol::Udp, &udp(b, a, (4000, 53), b"question"));
    let mut error = vec![3, 3, 0, 0, 0, 0, 0, 0];
    error.extend(&datagram[14..]);
    let mut advert =
        vec![134, 0, 0, 0, 64, 0, 7, 8, 0, 0, 0, 0, 0, 0, 0, 0, 3, 4, 64, 0xc0, 0, 0, 14, 16, 0, 0, 7, 8];
    advert.extend([0, 0, 0, 0, 0x20, 1, 0xd, 0xb8, 0, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    advert.extend([25, 3, 0, 0, 0, 0, 3, 0, 0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x53]);
    let solicit = ndp::solicit(THEIRS, v6(2), v6(1), v6(1));
    let here = ndp::advert(THEIRS, v6(2), v6(1), v6(2));
    let chain = [
        &[60, 0, 1, 4, 0, 0, 0, 0][..],
        &[44, 0, 5, 2, 0, 0, 1, 0],
        &[17, 0, 0, 1, 0, 0, 0, 9],
        &udp(a6, b6, (1, 2), &[0; 24]),
    ]
    .concat();
    vec![
        arp.frame(OURS).to_vec(),
        frame(a, b, IpProtocol::Udp, &udp(a, b, (67, 68), &[2; 300])),
        frame(a, b, IpProtocol::Icmp, &summed(a, b, IpProtocol::Icmp, 2, &echo)),
        frame(a, b, IpProtocol::Icmp, &summed(a, b, IpProtocol::Icmp, 2, &error)),
        frame_of(ip(a), ip(b), IpProtocol::Udp, fragment, 64, &[0; 64]),
        frame_of(ip(a6), ip(b6), IpProtocol::Udp, fragment, 64, &[0; 64]),
        frame(a6, b6, IpProtocol::Icmpv6, &summed(a6, b6, IpProtocol::Icmpv6, 2, &echo6)),
        frame_of(ip(a6), ip(b6), IpProtocol::Icmpv6, None, 255, &solicit),
        frame_of(ip(a6), ip(b6), IpProtocol::Icmpv6, None, 255, &here),
        frame_of(
            ip("fe80::2"),
            ip(b6),
            IpProtocol::Icmpv6,
            None,
            255,
            &summed("fe80::2", b6, IpProtocol::Icmpv6, 2, &advert),
        ),
        frame(a6, b6, IpProtocol::HopByHop, &chain),
    ]
}

#[test]
fn what_is_changed_at_random_is_right_at_first() {
    for (index, seed) in seeds().iter().enumerate() {
        assert!(look(seed).is_ok(), "{index}");
    }
}

/// Makes sums right again, so that what is behind them is looked at, too.
fn repair(frame: &mut [u8]) {
    if frame.len() >= 34 && frame[12..14] == [8, 0] {
        let size = (usize::from(frame[14] & 15) * 4).clamp(20, frame.len() - 14);
        frame[24..26].fill(0);
        let mut sum = anax_inet::Sum::default();
        sum.add(&frame[14..14 + size]);
        frame[24..26].copy_from_slice(&(!sum.folded()).to_be_bytes());
        let total = usize::from(u16::from_be_bytes([frame[16], frame[17]]));
        let end = (14 + total).min(frame.len());
        if frame[23] == 1 && end >= 14 + size + 8 {
            let at = 14 + size;
            frame[at + 2..at + 4].fill(0);
            let mut sum = anax_inet::Sum::default();
            sum.add(&frame[at..end]);
            frame[at + 2..at + 4].copy_from_slice(&(!sum.folded()).to_be_bytes());
        }
    } else if frame.len() >= 62 && frame[12..14] == [0x86, 0xdd] && frame[20] == 58 {
        let length = usize::from(u16::from_be_bytes([frame[18], frame[19]])).min(frame.len() - 54);
        if length >= 8 {
            frame[56..58].fill(0);
            let mut sum = anax_inet::Sum::default();
            sum.add(&frame[22..54]);
            sum.word(length as u16);
            sum.word(58);
            sum.add(&frame[54..54 + length]);
            frame[56..58].copy_from_slice(&(!sum.folded()).to_be_bytes());
        }
    }
}

/// What a host may hold, and that it still answers.
fn judge(host: &mut Host, now: Duration) {
    let [packets, bytes, neighbours, waiting, _] = host.control.load();
    assert!(
        packets <= 32 && bytes <= 512 * 1024 && neighbours <= NEIGHBOURS && waiting <= 512,
        "{:?}",
        host.control.load()
    );
    // After everything has run out.
    host.run(now, now + secs(600));
    let now = now + secs(600);
    assert_eq!((host.control.load()[0], host.control.load()[3]), (0, 0));
    let asks =
        Arp { is_request: true, link: THEIRS, sender: [10, 0, 0, 3].into(), target: [10, 0, 0, 1].into() };
    host.hear(now, &asks.frame(EthernetAddress::BROADCAST));
    let echo = echo_request(ip("10.0.0.3"), ip("10.0.0.1"), Echo { identifier: 9, sequence: 9 }, b"alive?");
    let answers = host.hear(now, &frame("10.0.0.3", "10.0.0.1", IpProtocol::Icmp, &echo.message));
    assert!(answers.iter().any(|answer| answer.ends_with(b"alive?")), "{answers:?}");
}

fn host() -> Host {
    let mut host = Host::new(OURS, Configuration { dhcp: true, v6: true, ..Configuration::default() });
    for address in ["10.0.0.1/24", "2001:db8::1/64"] {
        host.control.assign(ms(0), ETH, crate::support::cidr(address)).unwrap();
    }
    host.run(ms(0), secs(4));
    host
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_bytes_are_dropped_or_within_the_frame(bytes in prop::collection::vec(any::<u8>(), 0..200), kind in 0..4usize) {
        let mut bytes = bytes;
        if bytes.len() > 14 {
            bytes[12..14].copy_from_slice(&[[8, 0], [8, 6], [0x86, 0xdd], [0, 0]][kind]);
            bytes[14] = [0x45, 0, 0x60, 0][kind];
        }
        if let Ok(ingress) = look(&bytes)
            && let What::Packet(packet) = ingress.what
        {
            prop_assert!(packet.payload.start <= packet.payload.end && packet.payload.end <= bytes.len());
            prop_assert!(packet.header.end <= packet.payload.start);
        }
    }

    #[test]
    fn changed_frames_are_survived(
        frames in prop::collection::vec((0..11usize, prop::collection::vec((14..120usize, any::<u8>()), 0..5), 0..4usize, any::<bool>()), 1..40),
        pause in 0..5000u64,
    ) {
        // A changed frame may take an address away by saying that it has it: what is judged has one that nobody names.
        let seeds = seeds();
        let mut host = host();
        let mut now = secs(4);
        for (seed, changes, cut, is_repaired) in frames {
            let mut frame = seeds[seed].clone();
            for (at, byte) in changes {
                let at = at % frame.len();
                frame[at] = byte;
            }
            if cut == 3 {
                frame.truncate(frame.len() * 2 / 3);
            }
            if is_repaired {
                repair(&mut frame);
            }
            frame[..6].copy_from_slice(&OURS.0);
            now += ms(pause);
            host.control.poll(now);
            host.take(now, ETH, &frame);
            host.frames();
        }
        if host.control.tables().is_own(ip("10.0.0.1")) {
            judge(&mut host, now);
        }
    }
}

#[test]
fn floods_leave_a_host_that_answers() {
    let floods: [fn(u32) -> Vec<u8>; 5] = [
        // Everybody asks for us.
        |index| {
            let [.., last] = index.to_be_bytes();
            let arp = Arp {
                is_request: true,
                link: THEIRS,
                sender: [10, 0, 0, last.max(2)].into(),
                target: [10, 0, 0, 1].into(),
            };
            arp.frame(EthernetAddress::BROADCAST).to_vec()
        },
        // Echoes from everybody on the link, who then have to be found.
        |index| {
            let from = format!("2001:db8::{:x}:{:x}", index >> 16, (index & 0xffff) + 16);
            let echo = summed(&from, "2001:db8::1", IpProtocol::Icmpv6, 2, &[128, 0, 0, 0, 0, 1, 0, 1]);
            frame(&from, "2001:db8::1", IpProtocol::Icmpv6, &echo)
        },
        // Pieces without an end.
        |index| {
            let fragment = Some(Fragment { identification: index, offset: 1480, more: true });
            frame_of(
                ip(&format!("10.0.0.{}", index % 200 + 20)),
                ip("10.0.0.1"),
                IpProtocol::Udp,
                fragment,
                64,
                &[0; 1480],
            )
        },
        // Solicitations from everybody.
        |index| {
            let from = Ipv6Address::new(0x2001, 0xdb8, 0, 0, 0, 0, 1, index as u16);
            let solicit = ndp::solicit(THEIRS, from, v6(1), v6(1));
            frame_of(from.into(), ip("2001:db8::1"), IpProtocol::Icmpv6, None, 255, &solicit)
        },
        // LAND.
        |_| frame("10.0.0.1", "10.0.0.1", IpProtocol::Udp, &udp("10.0.0.1", "10.0.0.1", (7, 7), b"")),
    ];
    for (which, flood) in floods.into_iter().enumerate() {
        let mut host = host();
        let mut sent = 0;
        for index in 0..5000 {
            host.take(secs(4) + Duration::from_micros(u64::from(index) * 100), ETH, &flood(index));
            let frames = host.frames();
            // Who makes us speak to others does it at most at the rate of requests.
            sent += frames.iter().filter(|frame| frame[..6] != THEIRS.0).count();
            assert!(frames.len() <= 2, "{which}: {}", frames.len());
        }
        assert!(sent <= 150, "{which}: {sent}");
        judge(&mut host, secs(5));
    }
}

#[test]
fn packets_to_nobody_are_bounded_and_end() {
    let mut host = host();
    for index in 0..3000u32 {
        let destination = ip(&format!("10.0.0.{}", index % 250 + 3));
        let (hop, source) = host.control.tables().route(destination, None).unwrap();
        let (protocol, payload) = (IpProtocol::Udp, vec![0; 100]);
        host.control.send(secs(4), Sending { hop, source, destination, protocol, hop_limit: 64, payload });
        assert!(host.control.load()[3] <= 512);
    }
    host.told.clear();
    judge(&mut host, secs(10));
    assert!(!host.told.iter().any(|output| matches!(output, Output::Ready(..))));
}
