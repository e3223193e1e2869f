//! Any part of a stream is what its bytes say one by one, and any change of it is found.
#![allow(missing_docs, reason = "tests")]

use anax_pattern::{Checker, Direction, NotARequest, Pattern, Report, Request, split_mix};
use proptest::prelude::*;

#[test]
fn known_words() {
    // The published generator, from 0 and from its second state.
    assert_eq!(split_mix(0), 0xE220_A839_7B1D_CDAF);
    assert_eq!(split_mix(0x9E37_79B9_7F4A_7C15), 0x6E78_9E6A_A1B9_65F4);
    let pattern = Pattern::new(0, Direction::ToGuest);
    assert_eq!((pattern.word(0), pattern.word(1)), (0xE220_A839_7B1D_CDAF, 0x6E78_9E6A_A1B9_65F4));
    assert_eq!((pattern.byte(0), pattern.byte(7), pattern.byte(8)), (0xAF, 0xE2, 0xF4));
}

#[test]
fn streams_and_directions_differ() {
    let firsts: Vec<u64> = (0..100)
        .flat_map(|stream| [Direction::ToGuest, Direction::FromGuest].map(|way| Pattern::new(stream, way)))
        .flat_map(|pattern| (0..100).map(move |index| pattern.word(index)))
        .collect();
    let distinct: std::collections::BTreeSet<_> = firsts.iter().collect();
    assert_eq!(distinct.len(), firsts.len());
}

#[test]
fn messages() {
    let request = Request { stream: 7, to_guest: 1 << 40, from_guest: 3 };
    let mut bytes = request.encode();
    assert_eq!(&bytes[..16], b"ANAXPAT1\x07\0\0\0\0\0\0\0");
    assert_eq!(Request::decode(&bytes), Ok(request));
    bytes[7] = b'2';
    assert_eq!(Request::decode(&bytes), Err(NotARequest));
    for first_wrong in [None, Some(0), Some(17)] {
        let report = Report { received: 99, first_wrong };
        assert_eq!(Report::decode(&report.encode()), report);
    }
    assert_eq!(Report { received: 0, first_wrong: None }.encode(), [0; 16]);
}

#[test]
fn a_checker_names_the_first_wrong_byte() {
    let pattern = Pattern::new(3, Direction::FromGuest);
    let mut bytes = vec![0; 1000];
    pattern.fill(0, &mut bytes);
    bytes[500] ^= 1;
    bytes[700] ^= 1;
    let mut checker = Checker::new(pattern);
    bytes.chunks(77).for_each(|piece| checker.take(piece));
    assert_eq!(checker.report(), Report { received: 1000, first_wrong: Some(500) });
}

proptest! {
    #[test]
    fn any_part_is_its_bytes(stream: u64, position in 0..1u64 << 50, length in 0..100usize) {
        let pattern = Pattern::new(stream, Direction::ToGuest);
        let mut bytes = vec![0; length];
        pattern.fill(position, &mut bytes);
        for (at, byte) in (position..).zip(&bytes) {
            prop_assert_eq!(*byte, pattern.byte(at));
        }
        prop_assert_eq!(pattern.first_wrong(position, &bytes), None);
    }

    #[test]
    fn any_change_is_found(position in 0..1000u64, length in 1..100usize, at: prop::sample::Index, bit in 0..8u32) {
        let pattern = Pattern::new(1, Direction::ToGuest);
        let mut bytes = vec![0; length];
        pattern.fill(position, &mut bytes);
        let at = at.index(length);
        bytes[at] ^= 1 << bit;
        prop_assert_eq!(pattern.first_wrong(position, &bytes), Some(position + at as u64));
    }
}
