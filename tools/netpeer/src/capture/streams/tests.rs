//! Frames that were made up: what is seen in them is known.

use std::time::Duration;

use smoltcp::phy::ChecksumCapabilities;
use smoltcp::wire::{
    EthernetFrame, EthernetProtocol, IpAddress, IpProtocol, IpRepr, Ipv4Packet, Ipv6Packet, TcpControl,
    TcpPacket, TcpRepr, TcpSeqNumber,
};

use super::*;

const HERE: (IpAddress, u16) = (IpAddress::v4(10, 0, 0, 1), 4000);
const THERE: (IpAddress, u16) = (IpAddress::v4(10, 0, 0, 2), 7001);

/// A frame with a segment in it; `number` and `ack` count from the SYN.
fn frame(
    (from, to): ((IpAddress, u16), (IpAddress, u16)),
    number: i32,
    ack: Option<i32>,
    control: TcpControl,
    payload: usize,
) -> Vec<u8> {
    let bytes = vec![7; payload];
    let tcp = TcpRepr {
        src_port: from.1,
        dst_port: to.1,
        control,
        seq_number: TcpSeqNumber(number.wrapping_sub(100)),
        ack_number: ack.map(|ack| TcpSeqNumber(ack.wrapping_sub(100))),
        window_len: 1000,
        window_scale: None,
        max_seg_size: None,
        sack_permitted: false,
        sack_ranges: [None; 3],
        timestamp: None,
        payload: &bytes,
    };
    let length = tcp.buffer_len();
    let ip = IpRepr::new(from.0, to.0, IpProtocol::Tcp, length, 64);
    let sums = ChecksumCapabilities::default();
    let mut frame = vec![0; 14 + ip.header_len() + length];
    let mut ethernet = EthernetFrame::new_unchecked(&mut frame[..]);
    let is_v4 = matches!(ip, IpRepr::Ipv4(_));
    ethernet.set_ethertype(if is_v4 { EthernetProtocol::Ipv4 } else { EthernetProtocol::Ipv6 });
    match &ip {
        IpRepr::Ipv4(ip) => ip.emit(&mut Ipv4Packet::new_unchecked(ethernet.payload_mut()), &sums),
        IpRepr::Ipv6(ip) => ip.emit(&mut Ipv6Packet::new_unchecked(ethernet.payload_mut())),
    }
    let at = 14 + ip.header_len();
    tcp.emit(&mut TcpPacket::new_unchecked(&mut frame[at..]), &from.0, &to.0, &sums);
    frame
}

/// Frames at milliseconds.
fn seen(frames: &[(u64, Vec<u8>)]) -> Analysis {
    let frames: Vec<Captured> = frames
        .iter()
        .map(|(at, bytes)| Captured { at: Duration::from_millis(5000 + at), bytes: bytes.clone() })
        .collect();
    analyse(&frames)
}

const OUT: ((IpAddress, u16), (IpAddress, u16)) = (HERE, THERE);
const BACK: ((IpAddress, u16), (IpAddress, u16)) = (THERE, HERE);

fn opening() -> Vec<(u64, Vec<u8>)> {
    vec![
        (0, frame(OUT, 0, None, TcpControl::Syn, 0)),
        (1, frame(BACK, 0, Some(1), TcpControl::Syn, 0)),
        (2, frame(OUT, 1, Some(1), TcpControl::None, 0)),
    ]
}

#[test]
fn a_clean_connection() {
    let mut frames = opening();
    // Past the wrap of sequence numbers.
    frames.extend((0..10).map(|at| (300 * at, frame(OUT, 1 + 50 * at as i32, Some(1), TcpControl::Psh, 50))));
    frames.push((4000, frame(OUT, 501, Some(1), TcpControl::Fin, 0)));
    frames.push((4001, frame(BACK, 1, Some(502), TcpControl::Fin, 0)));
    let seen = seen(&frames);
    assert_eq!((seen.frames, seen.flows.len()), (15, 2));
    let out = &seen.flows[0];
    assert_eq!((out.bytes, out.segments, out.again, out.resets), (500, 13, 0, 0), "{seen}");
    assert!(out.has_ended && seen.flows[1].has_ended && seen.time_outs() == 0);
    assert_eq!(out.from.to_string(), "10.0.0.1:4000");
}

#[test]
fn fast_retransmissions_and_time_outs() {
    let mut frames = opening();
    frames.extend((0..4).map(|at| (10 + at, frame(OUT, 1 + 50 * at as i32, Some(1), TcpControl::None, 50))));
    frames.push((40, frame(OUT, 1, Some(1), TcpControl::None, 50)));
    frames.push((250, frame(OUT, 51, Some(1), TcpControl::None, 50)));
    // Half of it is new.
    frames.push((260, frame(OUT, 151, Some(1), TcpControl::None, 100)));
    let seen = seen(&frames);
    let out = &seen.flows[0];
    assert_eq!((out.bytes, out.again), (250, 3));
    let late = (Duration::from_millis(250), Duration::from_millis(210));
    assert_eq!(out.time_outs, [late]);
    assert!(seen.to_string().contains("time-out at 0.250000 s after 0.210 s"), "{seen}");
    let other: IpAddr = "10.0.0.2".parse().expect("an address");
    assert_eq!(seen.sent_by(other).again(), 0);
}

#[test]
fn a_syn_that_is_sent_again_and_one_of_another_connection() {
    let mut frames =
        vec![(0, frame(OUT, 0, None, TcpControl::Syn, 0)), (1000, frame(OUT, 0, None, TcpControl::Syn, 0))];
    frames.push((1001, frame(BACK, 9, Some(1), TcpControl::Rst, 0)));
    frames.push((1300, frame(OUT, 70_000, None, TcpControl::Syn, 0)));
    let seen = seen(&frames);
    assert_eq!((seen.again(), seen.time_outs(), seen.resets(), seen.flows.len()), (1, 1, 1, 3), "{seen}");
}

#[test]
fn who_asks_whether_the_other_is_there_sends_nothing_again() {
    let mut frames = opening();
    frames.push((10, frame(OUT, 1, Some(1), TcpControl::None, 50)));
    frames.push((11, frame(BACK, 1, Some(51), TcpControl::None, 0)));
    frames.push((9000, frame(OUT, 50, Some(1), TcpControl::None, 1)));
    frames.push((9500, frame(OUT, 50, Some(1), TcpControl::None, 0)));
    assert_eq!(seen(&frames).again(), 0);
}

#[test]
fn version_six_and_what_is_no_segment() {
    let here = (IpAddress::v6(0xfd00, 0, 0, 0, 0, 0, 0, 1), 1);
    let there = (IpAddress::v6(0xfd00, 0, 0, 0, 0, 0, 0, 2), 2);
    let mut whole = frame((here, there), 5, Some(1), TcpControl::None, 33);
    let seen_whole = seen(&[(0, whole.clone())]);
    assert_eq!(seen_whole.flows[0].bytes, 33);
    assert_eq!(seen_whole.flows[0].to.to_string(), "[fd00::2]:2");
    for length in 0..whole.len() {
        assert!(seen(&[(0, whole[..length].to_vec())]).flows.is_empty(), "{length}");
    }
    whole[12] = 0x55;
    assert!(seen(&[(0, whole)]).flows.is_empty());
}
