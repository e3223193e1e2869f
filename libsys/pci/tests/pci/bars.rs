//! Windows and their sizes.

use anax_device::Bar;
use anax_pci::{BARS, BaseAddress, Function, Root, Sizing, Warning, walk};

use crate::model::{COMMAND, Model, Registers, at};
use crate::walk::ROOT;

fn card() -> Registers {
    let card = Registers::device(0x1af4, 0x1041, 0x02_0000).set(COMMAND, 0x0010_0007);
    card.capabilities(&[(0x40, 0x0002_0011), (0x44, 0x0000_0001)])
}

fn found(card: Registers) -> (Function, Vec<Warning>, Model) {
    let model = Model::new([(at(0, 1, 0), card)]);
    let root = Root { last_bus: 0, ..ROOT };
    let mut found = walk(&model, &[root], Sizing::Measure);
    let warnings = found.warnings.iter().map(|(_, warning)| *warning).collect();
    (found.functions.remove(0), warnings, model)
}

fn places(bars: [Option<BaseAddress>; BARS]) -> Vec<(usize, Bar, u64, bool)> {
    let bar = |(number, bar): (usize, Option<BaseAddress>)| {
        bar.map(|bar| (number, bar.start, bar.length, bar.prefetchable))
    };
    bars.into_iter().enumerate().filter_map(bar).collect()
}

#[test]
fn each_kind_has_its_size_and_stays_as_it_was() {
    let card = card()
        .bar(0, 0x0000_c041, 0xffe0)
        .bar(1, 0xfebd_1000, 0xffff_f000)
        .bar(2, 0x0000_000c, 0xc000_0000)
        .bar(3, 0x0000_0008, 0xffff_ffff)
        .bar(5, 0xfeb8_0000, 0xfffe_0000);
    let before = card.words;
    let (function, warnings, model) = found(card);
    let expected = [
        (0, Bar::Ports(0xc040), 0x20, false),
        (1, Bar::Memory(0xfebd_1000), 0x1000, false),
        (2, Bar::Memory(0x8_0000_0000), 1 << 30, true),
        (5, Bar::Memory(0xfeb8_0000), 0x2_0000, false),
    ];
    assert_eq!(places(function.bars), expected);
    assert!(function.bars[2].is_some_and(|bar| bar.wide));
    assert_eq!(warnings, []);
    assert_eq!(*model.moved_while_decoding.borrow(), 0);
    for (place, word) in before.into_iter().enumerate() {
        assert_eq!(model.word(at(0, 1, 0), 4 * place as u16), word, "{place}");
    }
    assert_eq!(function.msi_x.map(|msi_x| msi_x.vectors), Some(3));
}

#[test]
fn what_firmware_did_not_set_is_no_window() {
    let (function, warnings, _) = found(card().bar(0, 0, 0xffff_f000).bar(1, 0xfebd_1000, 0xffff_f000));
    assert_eq!(places(function.bars), [(1, Bar::Memory(0xfebd_1000), 0x1000, false)]);
    assert_eq!(warnings, []);
}

#[test]
fn what_does_not_size_is_left_out() {
    let lies = [
        // Nothing can be written.
        (0xfebd_1000, 0),
        // A hole among the bits of the address.
        (0xfebd_1000, 0xff0f_f000),
        // The address is no multiple of the size.
        (0xfebd_1000, 0xffff_0000),
        // It changes what it is.
        (0xfebd_1000, 0xffff_f001),
        (0xfebd_1000, 0xffff_ffff),
    ];
    for (value, writable) in lies {
        let (function, warnings, _) = found(card().bar(1, value, writable));
        assert_eq!(places(function.bars), [], "{writable:#x}");
        assert_eq!(warnings, [Warning::BadBar(1), Warning::BadMsiX], "{writable:#x}");
        assert_eq!(function.msi_x, None);
    }
    // Wide ones: an address that no processor has, and one whose end has no number.
    for (low, high) in [(0x0000_0004, 0x0010_0000), (0x8000_0004, 0xffff_ffff)] {
        let (function, warnings, _) = found(card().bar(2, low, 0x8000_0000).bar(3, high, u32::MAX));
        assert_eq!((places(function.bars), warnings[0]), (vec![], Warning::BadBar(2)));
    }
    // Ports beyond the last one.
    let (function, warnings, _) = found(card().bar(0, 0x0002_0001, 0xffff_ff00));
    assert_eq!((places(function.bars), warnings[0]), (vec![], Warning::BadBar(0)));
}

#[test]
fn the_last_register_has_no_upper_half() {
    let (function, warnings, _) = found(card().bar(5, 0xfebd_1004, 0xffff_f000));
    assert_eq!((places(function.bars), warnings), (vec![], vec![Warning::BadMsiX]));
}

#[test]
fn who_always_answers_is_not_measured() {
    let mut card = card().bar(1, 0xfebd_1000, 0xffff_f000);
    card.writable[1] &= !2;
    let (function, warnings, model) = found(card);
    assert_eq!(places(function.bars), []);
    assert_eq!(warnings, [Warning::AlwaysDecodes, Warning::BadMsiX]);
    assert_eq!(*model.moved_while_decoding.borrow(), 0);
    assert_eq!(model.word(at(0, 1, 0), COMMAND) & 0xffff, 7);
}

#[test]
fn who_forgets_its_address_stays_off_the_bus() {
    let model = Forgetful(Model::new([(at(0, 1, 0), card().bar(1, 0xfebd_1000, 0xffff_f000))]));
    let found = walk(&model, &[Root { last_bus: 0, ..ROOT }], Sizing::Measure);
    assert_eq!(places(found.functions[0].bars), []);
    assert!(found.warnings.contains(&(at(0, 1, 0), Warning::SwitchedOff)));
    assert_eq!(model.0.word(at(0, 1, 0), COMMAND) & 3, 0);
}

/// A function whose base addresses keep every bit that was ever written.
struct Forgetful(Model);

impl anax_device::Access for Forgetful {
    fn read32(&self, address: anax_device::Address, offset: u16) -> u32 {
        self.0.read32(address, offset)
    }

    fn write32(&self, address: anax_device::Address, offset: u16, value: u32) {
        let kept = if (0x10..0x28).contains(&offset) { self.0.read32(address, offset) } else { 0 };
        self.0.write32(address, offset, value | kept);
    }
}

#[test]
fn a_table_must_lie_in_a_window_of_memory() {
    for (place, valid) in [(0x0fc9, true), (0x0fd1, true), (0x0fd9, false), (0x0000, false), (0x0006, false)]
    {
        let card = card().bar(0, 0xc041, 0xffe0).bar(1, 0xfebd_1000, 0xffff_f000);
        // Three entries of 16 bytes, at that offset of that window.
        let (function, warnings, _) = found(card.set(0x44, place));
        let expected = if valid || place & 7 > 5 { vec![] } else { vec![Warning::BadMsiX] };
        assert_eq!((function.msi_x.is_some(), warnings), (valid, expected), "{place:#x}");
    }
}
