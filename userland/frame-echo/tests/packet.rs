//! The packets, by somebody else's reading of them.

use anax_frames::{Lengths, Offers};
use frame_echo::packet::{packet, pattern};
use smoltcp::wire::{
    EthernetFrame, EthernetProtocol, IpAddress, IpProtocol, Ipv4Packet, Ipv6Packet, TcpPacket, UdpPacket,
};

#[test]
fn without_a_card_they_are_whole() {
    let mut seen = [0; 2];
    for number in 0..1000 {
        let packet = packet(number, Offers::default());
        assert_eq!(packet.offload, None);
        let frame = EthernetFrame::new_checked(&packet.bytes[..]).expect("a frame");
        let (source, destination, protocol, payload): (IpAddress, IpAddress, _, _) = match frame.ethertype() {
            EthernetProtocol::Ipv4 => {
                let packet = Ipv4Packet::new_checked(frame.payload()).expect("a packet");
                assert!(packet.verify_checksum());
                let payload = packet.payload().to_vec();
                (packet.src_addr().into(), packet.dst_addr().into(), packet.next_header(), payload)
            }
            EthernetProtocol::Ipv6 => {
                let packet = Ipv6Packet::new_checked(frame.payload()).expect("a packet");
                let payload = packet.payload().to_vec();
                (packet.src_addr().into(), packet.dst_addr().into(), packet.next_header(), payload)
            }
            other => panic!("{other}"),
        };
        let data = match protocol {
            IpProtocol::Tcp => {
                let tcp = TcpPacket::new_checked(&payload[..]).expect("a segment");
                assert!(tcp.verify_checksum(&source, &destination));
                assert_eq!(usize::from(tcp.dst_port()), tcp.payload().len() + 1);
                tcp.payload().to_vec()
            }
            IpProtocol::Udp => {
                let udp = UdpPacket::new_checked(&payload[..]).expect("a datagram");
                assert!(udp.verify_checksum(&source, &destination));
                udp.payload().to_vec()
            }
            other => panic!("{other}"),
        };
        assert!(data.iter().enumerate().all(|(at, byte)| *byte == pattern(number, at)));
        seen[usize::from(frame.ethertype() == EthernetProtocol::Ipv6)] += 1;
    }
    assert_eq!(seen, [501, 499]);
}

#[test]
fn for_a_card_they_say_what_is_to_be_done() {
    for lengths in [Lengths::Whole, Lengths::Zero] {
        let mut count = 0;
        for number in 0..600 {
            let cut = Some(lengths);
            let packet =
                packet(number, Offers { checksum: true, cut_v4: cut, cut_v6: cut, ..Offers::default() });
            let offload = packet.offload.expect("checksums at least");
            assert!(offload.fits(packet.bytes.len() as u32), "{offload:?}");
            count += u32::from(offload.segmentation.is_some());
        }
        assert_eq!(count, 200);
    }
}
