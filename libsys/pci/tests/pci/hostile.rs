//! Hierarchies that lie: the walk ends, and nobody is listed twice.

use std::cell::Cell;
use std::collections::BTreeSet;

use anax_device::{Access, Address};
use anax_pci::{Found, MAX_FUNCTIONS, Root, Sizing, Warning, inventory, walk};
use proptest::prelude::*;

use crate::model::{Model, Registers, at};
use crate::walk::{ROOT, addresses};

fn bad_bridges(found: &Found) -> usize {
    found.warnings.iter().filter(|(_, warning)| *warning == Warning::BadBridge).count()
}

#[test]
fn bridges_in_a_circle() {
    let model = Model::new([
        (at(0, 1, 0), Registers::bridge(0, 1, 255)),
        (at(1, 0, 0), Registers::bridge(1, 2, 255)),
        // Back up, to itself, to what its neighbour has, and out of what its parent has.
        (at(2, 0, 0), Registers::bridge(2, 1, 255)),
        (at(2, 1, 0), Registers::bridge(2, 2, 2)),
        (at(2, 2, 0), Registers::bridge(2, 3, 3)),
        (at(2, 3, 0), Registers::bridge(2, 3, 4)),
        (at(2, 4, 0), Registers::bridge(2, 9, 8)),
        (at(3, 0, 0), Registers::bridge(3, 4, 4)),
    ]);
    let found = walk(&model, &[ROOT], Sizing::Measure);
    assert_eq!(found.functions.len(), 8);
    assert_eq!(bad_bridges(&found), 5, "{:?}", found.warnings);
}

#[test]
fn what_nobody_numbered_is_no_lie() {
    let found = walk(&Model::new([(at(0, 1, 0), Registers::bridge(0, 0, 0))]), &[ROOT], Sizing::Measure);
    assert_eq!((addresses(&found), found.warnings), (vec!["00:01.0".to_owned()], vec![]));
}

/// A bus on which everything answers the same, and counts how often it was asked.
struct Everywhere(u32, Cell<u64>);

impl Access for Everywhere {
    fn read32(&self, _: Address, offset: u16) -> u32 {
        self.1.set(self.1.get() + 1);
        match offset {
            0x0c => self.0,
            0x18 => 0x00ff_0100,
            // Capabilities in a circle.
            0x40 => 0x0000_4010,
            0x44 => 0,
            _ => 0x0110_1040,
        }
    }

    fn write32(&self, _: Address, _: u16, _: u32) {}
}

#[test]
fn who_answers_everywhere_is_listed_so_often_and_no_more() {
    for header in [0x0080_0000, 0x0081_0000, 0x007f_0000, 0x00ff_0000] {
        let machine = Everywhere(header, Cell::new(0));
        let found = walk(&machine, &[ROOT], Sizing::Measure);
        assert!(found.functions.len() <= MAX_FUNCTIONS);
        assert!(machine.1.get() < 1_000_000, "{} reads", machine.1.get());
        let places: BTreeSet<_> = found.functions.iter().map(|function| function.address).collect();
        assert_eq!(places.len(), found.functions.len());
    }
}

#[test]
fn too_many_functions_are_said_to_be() {
    let functions = (0..5_u8).flat_map(|bus| {
        (0..32).flat_map(move |device| {
            (0..8).map(move |function| {
                let it = match (device, function) {
                    (31, 7) => Registers::bridge(bus, bus + 1, 255),
                    _ => Registers::device(1, 2, 0x02_0000).multiple(),
                };
                (at(bus, device, function), it)
            })
        })
    });
    let found = walk(&Model::new(functions), &[ROOT], Sizing::Leave);
    assert_eq!(found.functions.len(), MAX_FUNCTIONS);
    assert_eq!(found.warnings, [(at(4, 0, 0), Warning::TooMany)]);
}

#[test]
fn an_empty_bus_and_one_that_is_gone() {
    for nothing in [u32::MAX, 0] {
        struct Constant(u32);
        impl Access for Constant {
            fn read32(&self, _: Address, _: u16) -> u32 {
                self.0
            }
            fn write32(&self, _: Address, _: u16, _: u32) {}
        }
        assert_eq!(walk(&Constant(nothing), &[ROOT], Sizing::Measure), Found::default());
    }
}

fn registers() -> impl Strategy<Value = Registers> {
    let word = prop_oneof![any::<u32>(), Just(0), Just(u32::MAX), Just(0x0000_4005), Just(0x0000_4011)];
    let words = prop::collection::vec((word, any::<u32>()), 64);
    (words, any::<bool>()).prop_map(|(words, bridge)| {
        let mut it = Registers::device(0x1234, 0x5678, 0x02_0000);
        for (place, (word, writable)) in words.into_iter().enumerate().skip(1) {
            (it.words[place], it.writable[place]) = (word, writable);
        }
        it.words[3] = it.words[3] & !0x007f_0000 | u32::from(bridge) << 16;
        it
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]
    #[test]
    fn anything_may_be_there(
        functions in prop::collection::btree_map((0..4_u8, 0..32_u8, 0..8_u8), registers(), 0..40),
        last_bus in any::<u8>(),
    ) {
        let functions = functions.into_iter().map(|((bus, device, function), it)| (at(bus, device, function), it));
        let model = Model::new(functions);
        let found = walk(&model, &[Root { last_bus, ..ROOT }], Sizing::Measure);
        prop_assert_eq!(*model.moved_while_decoding.borrow(), 0);
        for pair in found.functions.windows(2) {
            prop_assert!(pair[0].address < pair[1].address);
        }
        for bar in found.functions.iter().flat_map(|function| function.bars).flatten() {
            prop_assert!(bar.length.is_power_of_two());
        }
        let _ = inventory(found.functions);
    }
}
