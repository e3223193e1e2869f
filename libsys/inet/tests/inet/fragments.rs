//! Packets in pieces, and those who send pieces that are none.

use anax_inet::fragments::{BUFFERS, BYTES, Freed, OF_SOURCE, PIECES, Placed, Reassembly, cut};
use anax_inet::{Drop, Fragment, Packet};
use proptest::prelude::*;
use smoltcp::wire::{IpAddress, IpProtocol};
use std::time::Duration;

use crate::support::{ETH, frame_of, ip, ms, packet, secs};

fn piece_of(
    (source, destination): (IpAddress, IpAddress),
    protocol: IpProtocol,
    identification: u32,
    (offset, length, more): (usize, usize, bool),
) -> Packet {
    let fragment = Fragment { identification, offset: offset as u16, more };
    packet(&frame_of(source, destination, protocol, Some(fragment), 64, &vec![0; length]))
        .expect("a fragment")
}

fn piece(offset: usize, length: usize, more: bool) -> Packet {
    piece_of((ip("10.0.0.2"), ip("10.0.0.1")), IpProtocol::Udp, 7, (offset, length, more))
}

fn piece6(offset: usize, length: usize, more: bool) -> Packet {
    piece_of((ip("2001:db8::2"), ip("2001:db8::1")), IpProtocol::Udp, 7, (offset, length, more))
}

fn add(set: &mut Reassembly, now: Duration, packet: &Packet) -> Result<Placed, Drop> {
    set.input(now, ETH, packet)
}

fn freed(set: &mut Reassembly) -> Vec<Freed> {
    std::iter::from_fn(|| set.freed()).collect()
}

#[test]
fn pieces_in_any_order_become_a_packet() {
    let pieces = [(0, 1480, true), (1480, 1480, true), (2960, 100, false)];
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        for make in [piece, piece6] {
            let mut set = Reassembly::new();
            for (place, index) in order.into_iter().enumerate() {
                let (offset, length, more) = pieces[index];
                let packet = make(offset, length, more);
                let placed = add(&mut set, ms(0), &packet).unwrap();
                assert_eq!((placed.offset, placed.from), (offset, packet.payload.clone()));
                assert_eq!(placed.complete.map(|complete| complete.length), (place == 2).then_some(3060));
            }
            assert_eq!((set.load(), set.next_deadline(), freed(&mut set)), ((0, 0), None, vec![]));
        }
    }
}

#[test]
fn what_is_cut_is_put_together() {
    proptest!(|(length in 1..60_000usize, mtu in 576..9000usize, seed in any::<u64>())| {
        let mut pieces: Vec<_> = cut(length, mtu, 20).collect();
        let mut random = anax_inet::Random::new((seed, 0));
        for index in (1..pieces.len()).rev() {
            pieces.swap(index, random.below(index as u64 + 1) as usize);
        }
        prop_assume!(pieces.len() > 1);
        let mut set = Reassembly::new();
        let mut lengths = Vec::new();
        let mut ended = false;
        for cut in &pieces {
            match add(&mut set, ms(0), &piece(cut.range.start, cut.range.len(), cut.more)) {
                Ok(placed) => lengths.extend(placed.complete.map(|complete| complete.length)),
                // In a bad order there are too many gaps.
                Err(why) => { prop_assert!(matches!(why, Drop::FragmentPieces | Drop::FragmentOverlap)); ended = true; }
            }
        }
        prop_assert!(ended || lengths == [length]);
        prop_assert!(!ended || pieces.len() > PIECES);
    });
}

#[test]
fn a_teardrop_makes_no_packet() {
    for make in [piece, piece6] {
        let mut set = Reassembly::new();
        add(&mut set, ms(0), &make(0, 40, true)).unwrap();
        // The second one ends inside of the first one.
        assert_eq!(add(&mut set, ms(0), &make(24, 4, false)), Err(Drop::FragmentOverlap));
        assert_eq!(freed(&mut set).len(), 1);
        // What comes of it later is not a new packet.
        assert_eq!(add(&mut set, ms(0), &make(40, 8, false)), Err(Drop::FragmentOverlap));
        assert_eq!(add(&mut set, ms(0), &make(0, 40, true)), Err(Drop::FragmentOverlap));
        assert_eq!(set.load(), (1, 0));
        set.poll(secs(60));
        assert_eq!(set.load(), (0, 0));
    }
}

#[test]
fn overlaps_end_a_packet() {
    let first = (80, 80, true);
    for (second, expected) in [
        ((80, 80, true), Drop::FragmentDuplicate),
        ((88, 8, true), Drop::FragmentDuplicate),
        ((72, 16, true), Drop::FragmentOverlap),
        ((152, 16, true), Drop::FragmentOverlap),
        ((72, 96, true), Drop::FragmentOverlap),
        ((80, 88, true), Drop::FragmentOverlap),
        ((152, 4, false), Drop::FragmentOverlap),
        ((80, 40, false), Drop::FragmentOverlap),
    ] {
        let mut set = Reassembly::new();
        add(&mut set, ms(0), &piece(first.0, first.1, first.2)).unwrap();
        assert_eq!(add(&mut set, ms(0), &piece(second.0, second.1, second.2)), Err(expected), "{second:?}");
        assert_eq!(set.load().1 == 0, expected == Drop::FragmentOverlap);
    }
    // Two ends, and something behind the end.
    for second in [(160, 8, false), (160, 8, true), (64, 8, false)] {
        let mut set = Reassembly::new();
        add(&mut set, ms(0), &piece(80, 40, false)).unwrap();
        let said = add(&mut set, ms(0), &piece(second.0, second.1, second.2));
        assert_eq!(said, Err(Drop::FragmentOverlap), "{second:?}");
    }
}

#[test]
fn tiny_fragments_are_none() {
    let of = |protocol, range| piece_of((ip("10.0.0.2"), ip("10.0.0.1")), protocol, 1, range);
    let mut set = Reassembly::new();
    for packet in [
        of(IpProtocol::Tcp, (0, 16, true)),
        of(IpProtocol::Tcp, (8, 64, true)),
        of(IpProtocol::Tcp, (16, 64, false)),
        // A chain of headers that goes on in the next fragment.
        piece_of((ip("2001:db8::2"), ip("2001:db8::1")), IpProtocol::Ipv6Opts, 1, (0, 64, true)),
    ] {
        assert_eq!(add(&mut set, ms(0), &packet), Err(Drop::FragmentTiny));
    }
    assert!(add(&mut set, ms(0), &of(IpProtocol::Tcp, (0, 24, true))).is_ok());
    assert_eq!(set.load().0, 1);
}

#[test]
fn fragment_smack_costs_a_bounded_number_of_ranges() {
    let mut set = Reassembly::new();
    let mut taken = 0;
    for index in 0..4000 {
        // Every second piece, so that none joins another one.
        taken += u32::from(add(&mut set, ms(0), &piece(16 * index, 8, true)).is_ok());
        assert!(set.load().1 <= 16 * PIECES);
    }
    assert_eq!(taken as usize, PIECES);
    assert_eq!((set.load(), freed(&mut set).len()), ((1, 0), 1));
}

#[test]
fn a_flood_of_fragments_is_bounded_and_others_are_served() {
    let mut set = Reassembly::new();
    let good = |range| piece_of((ip("10.0.0.77"), ip("10.0.0.1")), IpProtocol::Udp, 9, range);
    add(&mut set, ms(0), &good((0, 1480, true))).unwrap();
    for identification in 0..10_000 {
        let ends = (ip("10.0.0.2"), ip("10.0.0.1"));
        let bad = piece_of(ends, IpProtocol::Udp, identification, (1480, 1480, true));
        let _ = add(&mut set, ms(u64::from(identification) / 100), &bad);
        assert!(set.load().0 <= OF_SOURCE + 1 && set.load().1 <= BYTES);
        freed(&mut set);
    }
    let placed = add(&mut set, ms(200), &good((1480, 20, false))).unwrap();
    assert_eq!(placed.complete.map(|complete| complete.length), Some(1500));
    // From many sources: the number of all and their bytes are bounded.
    for index in 0..5000u32 {
        let [_, _, a, b] = index.to_be_bytes();
        let source = IpAddress::v4(10, 1, a, b);
        let bad = piece_of((source, ip("10.0.0.1")), IpProtocol::Udp, index, (64_000, 1000, true));
        let _ = add(&mut set, ms(300), &bad);
        assert!(set.load().0 <= BUFFERS && set.load().1 <= BYTES);
        freed(&mut set);
    }
    set.poll(secs(100));
    assert_eq!(set.load(), (0, 0));
}

#[test]
fn what_takes_too_long_is_told_of() {
    let mut set = Reassembly::new();
    add(&mut set, ms(0), &piece(0, 1480, true)).unwrap();
    add(&mut set, secs(1), &piece6(1448, 1448, true)).unwrap();
    assert_eq!(set.next_deadline(), Some(secs(30)));
    set.poll(secs(30));
    let late = freed(&mut set);
    assert!(late.len() == 1 && late[0].why == Drop::FragmentLate && late[0].first.is_some());
    set.poll(secs(61));
    let late = freed(&mut set);
    assert!(late.len() == 1 && late[0].first.is_none());
    // It may begin anew.
    assert!(add(&mut set, secs(62), &piece(0, 1480, true)).is_ok());
}

proptest! {
    /// Whatever comes, ranges lie within a packet, accounts are right and buffers are nobody's twice.
    #[test]
    fn anything(pieces in prop::collection::vec((0..40usize, 1..12usize, any::<bool>(), 0..3u32, 0..8u8), 0..200)) {
        let mut set = Reassembly::new();
        let mut lent = std::collections::HashSet::new();
        for (step, (offset, length, more, identification, source)) in pieces.into_iter().enumerate() {
            let ends = (IpAddress::v4(10, 0, 0, 2 + source), ip("10.0.0.1"));
            // Whole packets are none.
            let more = more || offset == 0;
            let length = if more { 8 * length } else { 8 * length - 3 };
            let packet = piece_of(ends, IpProtocol::Udp, identification, (8 * offset, length, more));
            let now = ms(100 * step as u64);
            set.poll(now);
            let placed = add(&mut set, now, &packet);
            for freed in std::iter::from_fn(|| set.freed()) {
                lent.remove(&freed.buffer);
            }
            if let Ok(placed) = placed {
                lent.insert(placed.buffer);
                prop_assert!(placed.offset + placed.from.len() <= 65_535);
                if let Some(complete) = placed.complete {
                    prop_assert!(complete.length >= placed.offset + placed.from.len());
                    lent.remove(&placed.buffer);
                }
            }
            prop_assert!(lent.len() <= set.load().0);
        }
        set.poll(secs(1000));
        prop_assert_eq!(set.load(), (0, 0));
    }
}
