//! The receiving end of `net-stream`, by another reading of TCP.

use anax_frames::{Coalesced, Internet, Verdict};
use frame_echo::stream::{Streams, byte};
use smoltcp::phy::ChecksumCapabilities;
use smoltcp::wire::{
    EthernetFrame, IpAddress, IpProtocol, Ipv4Address, Ipv4Packet, Ipv4Repr, TcpControl, TcpPacket, TcpRepr,
    TcpSeqNumber,
};

const HERE: Ipv4Address = Ipv4Address::new(10, 0, 0, 2);
const THERE: Ipv4Address = Ipv4Address::new(10, 0, 0, 1);
const BEGIN: u32 = 7000;

fn repr<'a>(control: TcpControl, sequence: u32, payload: &'a [u8]) -> TcpRepr<'a> {
    TcpRepr {
        src_port: 4000,
        dst_port: 7,
        control,
        seq_number: TcpSeqNumber(sequence as i32),
        ack_number: (control != TcpControl::Syn).then_some(TcpSeqNumber(1001)),
        window_len: 1000,
        window_scale: None,
        max_seg_size: None,
        sack_permitted: false,
        sack_ranges: [None; 3],
        timestamp: None,
        payload,
    }
}

fn frame(tcp: &TcpRepr<'_>) -> Vec<u8> {
    let capabilities = ChecksumCapabilities::default();
    let internet = Ipv4Repr {
        src_addr: THERE,
        dst_addr: HERE,
        next_header: IpProtocol::Tcp,
        payload_len: tcp.buffer_len(),
        hop_limit: 64,
    };
    let mut bytes = vec![2; 12];
    bytes.extend([8, 0]);
    bytes.resize(14 + internet.buffer_len() + tcp.buffer_len(), 0);
    internet.emit(&mut Ipv4Packet::new_unchecked(&mut bytes[14..]), &capabilities);
    let (source, destination) = (IpAddress::Ipv4(THERE), IpAddress::Ipv4(HERE));
    tcp.emit(&mut TcpPacket::new_unchecked(&mut bytes[34..]), &source, &destination, &capabilities);
    bytes
}

/// What an answer acknowledges, and whether it ends the connection.
fn read(answer: &[u8]) -> (u32, TcpControl) {
    let frame = EthernetFrame::new_checked(answer).expect("a frame");
    let packet = Ipv4Packet::new_checked(frame.payload()).expect("a packet");
    assert!(packet.verify_checksum() && packet.dst_addr() == THERE && packet.src_addr() == HERE);
    let tcp = TcpPacket::new_checked(packet.payload()).expect("a segment");
    let (source, destination) = (IpAddress::Ipv4(HERE), IpAddress::Ipv4(THERE));
    let repr = TcpRepr::parse(&tcp, &source, &destination, &ChecksumCapabilities::default());
    let repr = repr.expect("its checksum is right");
    assert_eq!((repr.src_port, repr.dst_port), (7, 4000));
    (repr.ack_number.expect("it acknowledges").0 as u32, repr.control)
}

#[test]
fn what_comes_in_order_is_judged_and_taken_once() {
    let mut streams = Streams::default();
    let mut take = |frame: &[u8], verdict, coalesced| {
        let answer = streams.take(frame, verdict, coalesced).map(|answer| read(&answer));
        (answer, streams.tally)
    };
    let unknown = Verdict::Unknown;
    let data: Vec<u8> = (0..5000).map(byte).collect();
    let begins = frame(&repr(TcpControl::Syn, BEGIN - 1, &[]));
    assert_eq!(take(&begins, unknown, None).0, Some((BEGIN, TcpControl::Syn)));
    let part = |from: usize, to: usize| frame(&repr(TcpControl::None, BEGIN + from as u32, &data[from..to]));
    // The second one too early, both in order, one again.
    assert_eq!(take(&part(100, 3000), unknown, None).0, Some((BEGIN, TcpControl::None)));
    assert_eq!(take(&part(0, 100), unknown, None).0, Some((BEGIN + 100, TcpControl::None)));
    let long = Some(Coalesced { internet: Internet::V4, mss: 1448 });
    assert_eq!(take(&part(100, 3000), unknown, long).0, Some((BEGIN + 3000, TcpControl::None)));
    let (answer, tally) = take(&part(0, 100), unknown, None);
    assert_eq!(answer, Some((BEGIN + 3000, TcpControl::None)));
    assert_eq!((tally.bytes, tally.wrong, tally.coalesced, tally.longest), (3000, 0, 1, 2954));
    // No more than one segment, another protocol, another byte, another sum.
    let mut wrong = 0;
    for (spoiled, verdict, coalesced) in [
        (None, unknown, Some(Coalesced { internet: Internet::V4, mss: 2000 })),
        (None, unknown, Some(Coalesced { internet: Internet::V6, mss: 100 })),
        (Some(100), unknown, None),
        (Some(100), Verdict::Good, None),
        (Some(50), Verdict::Good, None),
    ] {
        let mut bytes = part(3000, 5000);
        if let Some(place) = spoiled {
            bytes[place] ^= 1;
        }
        let (answer, tally) = take(&bytes, verdict, coalesced);
        wrong += 1;
        assert_eq!((answer, tally.wrong), (Some((BEGIN + 3000, TcpControl::None)), wrong));
    }
    // One that was on no wire has the sum of the pseudo-header; only the card can say so.
    let mut bytes = frame(&repr(TcpControl::Fin, BEGIN + 3000, &data[3000..]));
    let sum: u16 = 0x0a00 + 0x0001 + 0x0a00 + 0x0002 + 6 + 2020;
    bytes[50..52].copy_from_slice(&sum.to_be_bytes());
    assert_eq!(take(&bytes, unknown, None).1.wrong, wrong + 1);
    let (answer, tally) = take(&bytes, Verdict::Good, None);
    assert_eq!(answer, Some((BEGIN + 5001, TcpControl::Fin)));
    assert_eq!((tally.bytes, tally.wrong, tally.ended), (5000, wrong + 1, 1));
    assert_eq!(take(&bytes, Verdict::Good, None).1.ended, 1, "once");
    assert_eq!(take(&bytes[..40], Verdict::Good, None).0, None);
}
