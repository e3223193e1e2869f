//! Echoes and errors: what is said, what is not, what is believed.

use anax_inet::icmp::{About, Echo, Icmp, Problem, echo_request, error, input};
use anax_inet::{Cast, Drop, Fragment};
use smoltcp::wire::{EthernetAddress, IpProtocol};

use crate::support::{OURS, frame, frame_of, ip, packet, summed, udp};

const V4: (&str, &str) = ("10.0.0.2", "10.0.0.1");
const V6: (&str, &str) = ("2001:db8::2", "2001:db8::1");

fn protocol(ends: (&str, &str)) -> IpProtocol {
    if ends == V4 { IpProtocol::Icmp } else { IpProtocol::Icmpv6 }
}

fn message(ends: (&str, &str), message: &[u8]) -> Vec<u8> {
    frame(ends.0, ends.1, protocol(ends), &summed(ends.0, ends.1, protocol(ends), 2, message))
}

fn hear(frame: &[u8], cast: Cast, is_known: impl FnOnce(&About) -> bool) -> Result<Icmp, Drop> {
    input(&packet(frame)?, frame, cast, is_known)
}

#[test]
fn an_echo_comes_back_as_it_went() {
    for ends in [V4, V6] {
        let echo = Echo { identifier: 0x1234, sequence: 7 };
        let question = echo_request(ip(ends.0), ip(ends.1), echo, b"what a day");
        let asked = frame(ends.0, ends.1, protocol(ends), &question.message);
        let Ok(Icmp::Answer(answer)) = hear(&asked, Cast::Unicast, |_| false) else { panic!("no answer") };
        assert_eq!((answer.source, answer.destination), (ip(ends.1), ip(ends.0)));
        let back = frame_of(answer.source, answer.destination, protocol(ends), None, 64, &answer.message);
        assert_eq!(hear(&back, Cast::Unicast, |_| false), Ok(Icmp::Answered(echo)));
        assert!(back.ends_with(b"what a day"));
        // Not everybody answers a question to all.
        assert_eq!(hear(&asked, Cast::Broadcast, |_| false), Ok(Icmp::Other));
        assert_eq!(hear(&asked, Cast::Multicast, |_| false), Ok(Icmp::Other));
    }
}

#[test]
fn errors_are_said_where_they_may_be() {
    let to_one = (OURS, Cast::Unicast);
    for ends in [V4, V6] {
        let datagram = frame(ends.0, ends.1, IpProtocol::Udp, &udp(ends.0, ends.1, (4000, 53), &[7; 2000]));
        let say = |frame: &[u8], (to, cast): (EthernetAddress, Cast)| {
            error(Problem::Port, ip(ends.1), &packet(frame).unwrap(), (frame, to, cast))
        };
        let said = say(&datagram, to_one).unwrap();
        let all = said.message.len() + if ends == V4 { 20 } else { 40 };
        assert_eq!(all, if ends == V4 { 576 } else { 1280 });
        assert_eq!(said.message[8..100], datagram[14..106]);
        // The other end takes it for what it is, about what it has sent.
        let back = frame_of(said.source, said.destination, protocol(ends), None, 64, &said.message);
        let Ok(Icmp::Error(about)) = hear(&back, Cast::Unicast, |_| true) else { panic!("no error") };
        assert_eq!(
            (about.problem, about.ports, about.protocol),
            (Problem::Port, (4000, 53), IpProtocol::Udp)
        );
        assert_eq!((about.source, about.destination), (ip(ends.0), ip(ends.1)));
        // To all, to a group, about an error, about a fragment in the middle, nothing is said.
        assert_eq!(say(&datagram, (EthernetAddress::BROADCAST, Cast::Unicast)), None);
        assert_eq!(say(&datagram, (OURS, Cast::Broadcast)), None);
        assert_eq!(say(&datagram, (OURS, Cast::Multicast)), None);
        assert_eq!(say(&back, to_one), None);
        let fragment = Fragment { identification: 1, offset: 1480, more: false };
        let piece = frame_of(ip(ends.0), ip(ends.1), IpProtocol::Udp, Some(fragment), 64, &[0; 100]);
        assert_eq!(say(&piece, to_one), None);
    }
    let nobody = frame("::", V6.1, IpProtocol::Udp, &udp("::", V6.1, (1, 2), b""));
    assert_eq!(
        error(Problem::Port, ip(V6.1), &packet(&nobody).unwrap(), (&nobody[..], OURS, Cast::Unicast)),
        None
    );
    // About an echo something may be said.
    let echo = message(V4, &[8, 0, 0, 0, 0, 1, 0, 1]);
    assert!(
        error(Problem::Hops, ip(V4.1), &packet(&echo).unwrap(), (&echo[..], OURS, Cast::Unicast)).is_some()
    );
}

/// What somebody sends to us who says that we have sent him a datagram.
fn claim(kind: u8, code: u8, sent: &[u8]) -> Vec<u8> {
    let mut said = vec![kind, code, 0, 0, 0, 0, 5, 0];
    said.extend(&sent[14..]);
    message(V4, &said)
}

fn sent(source: &str, destination: &str) -> Vec<u8> {
    frame(source, destination, IpProtocol::Udp, &udp(source, destination, (4000, 53), b"question"))
}

#[test]
fn forged_errors_are_not_believed() {
    let ours = sent("10.0.0.1", "10.0.0.9");
    let known = |about: &About| about.ports == (4000, 53) && about.destination == ip("10.0.0.9");
    let heard = hear(&claim(3, 3, &ours), Cast::Unicast, known);
    assert!(matches!(heard, Ok(Icmp::Error(about)) if about.problem == Problem::Port));
    let heard = hear(&claim(3, 4, &ours), Cast::Unicast, known);
    assert!(matches!(heard, Ok(Icmp::Error(about)) if about.problem == Problem::TooBig(1280)));
    // Never sent.
    let other = sent("10.0.0.1", "10.0.0.8");
    assert_eq!(hear(&claim(3, 3, &other), Cast::Unicast, known), Err(Drop::IcmpForged));
    // Sent by somebody else.
    let others = sent("10.0.0.3", "10.0.0.9");
    assert_eq!(hear(&claim(3, 3, &others), Cast::Unicast, known), Err(Drop::Icmp));
    // Too short to say about what.
    for length in 0..28 {
        let heard = hear(&claim(3, 3, &ours[..14 + length]), Cast::Unicast, known);
        assert_eq!(heard, Err(Drop::Icmp), "{length}");
    }
    // A header with options that is not there, a later fragment, an error about an error.
    let mut lie = ours.clone();
    lie[14] = 0x4f;
    assert_eq!(hear(&claim(3, 3, &lie), Cast::Unicast, known), Err(Drop::Icmp));
    let mut lie = ours.clone();
    lie[21] = 1;
    assert_eq!(hear(&claim(3, 3, &lie), Cast::Unicast, known), Err(Drop::Icmp));
    let about_error = frame(
        "10.0.0.1",
        "10.0.0.9",
        IpProtocol::Icmp,
        &summed("", "", IpProtocol::Icmp, 2, &[3, 3, 0, 0, 0, 0, 0, 0]),
    );
    assert_eq!(hear(&claim(3, 3, &about_error), Cast::Unicast, |_| true), Err(Drop::Icmp));
}
