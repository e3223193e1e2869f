//! What a packet costs below TCP, for an instruction counter: `valgrind --tool=callgrind target/release/examples/cost tcp4 100000 1448`.
//!
//! Take the difference of two runs with different counts. What is printed depends on every packet having been taken.

use std::hint::black_box;

use anax_inet::egress::{self, HOPS, Header};
use anax_inet::frame::parse;
use anax_inet::udp::{self, Demux, Endpoint, Local, SumBy};
use anax_inet::{
    Assigned, Bytes, Cast, Change, Hop, InterfaceId, Kind, Known, LINK_HEADER, Random, Standing, Sum, Tables,
    Verified, What,
};
use smoltcp::wire::{EthernetAddress, IpAddress, IpCidr, IpProtocol};

const CARD: InterfaceId = InterfaceId(1);
const OWN: EthernetAddress = EthernetAddress([2, 0, 0, 0, 0, 1]);
const OTHER: EthernetAddress = EthernetAddress([2, 0, 0, 0, 0, 2]);
const SUMMED: Verified = Verified { internet: true, transport: true };

/// A frame as the server has it: of its memory nobody here has a slice.
struct Frame(Vec<u8>);

impl Bytes for Frame {
    fn length(&self) -> usize {
        self.0.len()
    }

    fn copy(&self, at: usize, into: &mut [u8]) {
        self.0.copy(at, into);
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let [what, count, length] = arguments.as_slice() else {
        return Err(
            "usage: cost tcp4|tcp6|udp4|udp6|summed4|summed6|out4|out6|known4|known6|sum COUNT LENGTH".into(),
        );
    };
    let (count, length): (u64, usize) = (count.parse()?, length.parse()?);
    let is_v6 = what.ends_with('6');
    let protocol = if what.starts_with("tcp") { IpProtocol::Tcp } else { IpProtocol::Udp };
    let done = match what.as_str() {
        "tcp4" | "tcp6" | "udp4" | "udp6" => receive(count, length, is_v6, protocol, SUMMED),
        "summed4" | "summed6" => receive(count, length, is_v6, protocol, Verified::default()),
        "out4" | "out6" => send(count, length, is_v6),
        "known4" | "known6" => send_known(count, length, is_v6),
        "sum" => sum(count, length),
        _ => return Err("no such thing".into()),
    };
    assert_eq!(done, count, "a packet was lost");
    println!("{count} packets of {length} bytes");
    Ok(())
}

fn ends(is_v6: bool) -> (Endpoint, Endpoint) {
    let address = |last: u8| match is_v6 {
        true => IpAddress::v6(0x2001, 0xdb8, 0, 0, 0, 0, 0, last.into()),
        false => IpAddress::v4(10, 0, 0, last),
    };
    (Endpoint::new(address(1), 5353), Endpoint::new(address(2), 40_000))
}

/// A host with an address of each version, a few routes' worth of interfaces, and a neighbour.
fn tables() -> Tables {
    let mut tables = Tables::new(Random::new((1, 2)).key());
    let mut apply = |change| tables.apply(change).expect("there is a place");
    apply(Change::Interface(InterfaceId(0), Kind::Loopback, 65_535));
    apply(Change::Interface(CARD, Kind::Ethernet(OWN), 1500));
    let loopback =
        Assigned { address: IpCidr::new(IpAddress::v4(127, 0, 0, 1), 8), standing: Standing::Preferred };
    apply(Change::Address(InterfaceId(0), loopback));
    for (is_v6, length) in [(false, 24), (true, 64)] {
        let (own, other) = ends(is_v6);
        let address = IpCidr::new(own.address, length);
        apply(Change::Address(CARD, Assigned { address, standing: Standing::Preferred }));
        apply(Change::Neighbour(CARD, other.address, Known { link: OTHER, is_stale: false }));
    }
    tables
}

/// A frame from the other end with so many bytes of payload.
fn frame(length: usize, is_v6: bool, protocol: IpProtocol) -> Frame {
    let (own, other) = ends(is_v6);
    let payload: Vec<u8> = (0..length).map(|at| at as u8).collect();
    let transport = match protocol {
        IpProtocol::Udp => {
            udp::header(other, own, length, SumBy::Us(payload.as_slice().sum(0..length))).to_vec()
        }
        _ => {
            // Its sum is not looked at: a card has.
            let [[p0, p1], [q0, q1]] = [other.port.to_be_bytes(), own.port.to_be_bytes()];
            let mut bytes = vec![p0, p1, q0, q1, 0, 0, 0, 1, 0, 0, 0, 1, 0x80, 0x10, 1, 0, 0, 0, 0, 0];
            bytes.extend([1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 1]);
            bytes
        }
    };
    let header = header(other, own, protocol, transport.len() + length);
    let mut bytes = egress::headers(OTHER, OWN, &header).to_vec();
    bytes.extend(transport);
    bytes.extend(payload);
    Frame(bytes)
}

fn header(from: Endpoint, to: Endpoint, protocol: IpProtocol, length: usize) -> Header {
    let (source, destination) = (from.address, to.address);
    Header { source, destination, protocol, hop_limit: HOPS, traffic_class: 0, fragment: None, length }
}

/// What is in a frame, whether it is for this host, and of a datagram whose.
fn receive(count: u64, length: usize, is_v6: bool, protocol: IpProtocol, verified: Verified) -> u64 {
    let (tables, frame) = (tables(), frame(length, is_v6, protocol));
    let mut demux = Demux::new(&mut Random::new((3, 4)));
    let (own, _) = ends(is_v6);
    demux.bind(Local::At(own), 7_u64).expect("a free port");
    let mut taken = 0;
    for _ in 0..count {
        let ingress = parse(CARD, black_box(&frame), verified).expect("a sound frame");
        let What::Packet(packet) = &ingress.what else { continue };
        let cast = tables.admit(ingress.interface, ingress.to, packet).expect("for this host");
        let (from, to) = packet.ports.expect("ports");
        let (local, remote) = (Endpoint::new(packet.destination, to), Endpoint::new(packet.source, from));
        let whose = if protocol == IpProtocol::Udp { demux.find(local, remote) } else { Some(7) };
        taken += u64::from(cast == Cast::Unicast && whose == Some(7) && packet.payload.end == frame.length());
    }
    taken
}

/// The way, the neighbour, and the headers of a datagram whose sum the card inserts.
fn send(count: u64, length: usize, is_v6: bool) -> u64 {
    let tables = tables();
    let (own, other) = ends(is_v6);
    let mut sent = 0;
    for _ in 0..count {
        let (hop, source) = tables.route(black_box(other.address), None).expect("a way");
        let Hop { interface, .. } = hop;
        let from = tables.interface(interface).expect("an interface").link_address();
        let known = tables.neighbour(hop).expect("a neighbour");
        let udp = udp::header(Endpoint::new(source, own.port), other, length, SumBy::Card);
        let header = header(Endpoint::new(source, own.port), other, IpProtocol::Udp, udp.len() + length);
        let headers = egress::headers(from, known.link, black_box(&header));
        let said = usize::from(u16::from_be_bytes([udp[4], udp[5]]));
        sent += u64::from(black_box(udp).len() + length == said && headers.len() > LINK_HEADER);
    }
    sent
}

/// The way, the neighbour, and the headers of a segment, whose connection knows its source.
fn send_known(count: u64, length: usize, is_v6: bool) -> u64 {
    let tables = tables();
    let (own, other) = ends(is_v6);
    let mut sent = 0;
    for _ in 0..count {
        let hop = tables.hop(black_box(other.address), None).expect("a way");
        let from = tables.interface(hop.interface).expect("an interface").link_address();
        let known = tables.neighbour(hop).expect("a neighbour");
        let header = header(own, other, IpProtocol::Tcp, 32 + length);
        let headers = egress::headers(from, known.link, black_box(&header));
        sent += u64::from(headers.len() > LINK_HEADER);
    }
    sent
}

/// The sum alone.
fn sum(count: u64, length: usize) -> u64 {
    let bytes = vec![0x5a; length];
    let mut right = 0;
    let expected = bytes.as_slice().sum(0..length);
    for _ in 0..count {
        let mut sum = Sum::default();
        sum.add(black_box(&bytes));
        right += u64::from(sum.folded() == expected);
    }
    right
}
