//! What is found, and where.

use std::cell::Cell;

use anax_device::{Access, Address, FUNCTION_BYTES, Segment};
use anax_pci::{Class, Found, FunctionReset, Header, InterruptPin, Root, Sizing, walk};

use crate::model::{Model, Registers, at};

pub(crate) const ROOT: Root = Root { segment: 0, first_bus: 0, last_bus: 255 };

pub(crate) fn addresses(found: &Found) -> Vec<String> {
    found.functions.iter().map(|function| function.address.to_string()[5..].to_owned()).collect()
}

/// A card behind two bridges, one of them a function of a device with several.
pub(crate) fn tree() -> Model {
    Model::new([
        (at(0, 0, 0), Registers::device(0x8086, 0x29c0, 0x06_0000)),
        (at(0, 2, 0), Registers::bridge(0, 1, 4).multiple()),
        (at(0, 2, 3), Registers::bridge(0, 5, 5)),
        (at(0, 31, 0), Registers::device(0x8086, 0x2918, 0x06_0100)),
        // Without the bit of function 0, nobody looks.
        (at(0, 31, 2), Registers::device(0x8086, 0x2922, 0x01_0601)),
        (at(1, 0, 0), Registers::bridge(1, 3, 3)),
        (at(3, 7, 0), Registers::device(0x1af4, 0x1041, 0x02_0000)),
        (at(5, 0, 0), Registers::device(0x1af4, 0x1042, 0x01_0000)),
        (at(6, 0, 0), Registers::device(0x1af4, 0x1042, 0x01_0000)),
    ])
}

#[test]
fn behind_bridges_as_firmware_numbered_them() {
    let found = walk(&tree(), &[ROOT], Sizing::Measure);
    let expected = ["00:00.0", "00:02.0", "00:02.3", "00:1f.0", "01:00.0", "03:07.0", "05:00.0"];
    assert_eq!(addresses(&found), expected);
    assert_eq!(found.warnings, []);
    assert_eq!(found.functions[1].header, Header::Bridge { secondary: 1, subordinate: 4 });
}

#[test]
fn who_leaves_it_alone_writes_nothing() {
    let model = tree();
    assert_eq!(walk(&model, &[ROOT], Sizing::Leave).functions.len(), 7);
    assert!(model.writes.borrow().is_empty());
}

#[test]
fn a_root_with_its_own_buses() {
    let root = |first_bus, last_bus| Root { segment: 0, first_bus, last_bus };
    let found = walk(&tree(), &[root(0, 4), root(6, 6), root(6, 6), root(9, 8)], Sizing::Leave);
    // The bridge to bus 5 leads out of what can be reached.
    assert_eq!(
        addresses(&found),
        ["00:00.0", "00:02.0", "00:02.3", "00:1f.0", "01:00.0", "03:07.0", "06:00.0"]
    );
    assert_eq!(found.warnings.len(), 1);
}

#[test]
fn what_a_function_says_of_itself() {
    let card = Registers::device(0x8086, 0x100e, 0x02_0000)
        .set(0x2c, 0x1100_1af4)
        .set(0x3c, 0x010b)
        .capabilities(&[(0x40, 0x0000_5001), (0x50, 0x0000_0010), (0x54, 1 << 28)]);
    let found = walk(&Model::new([(at(0, 3, 0), card)]), &[ROOT], Sizing::Leave);
    let function = &found.functions[0];
    assert_eq!((function.ids.vendor, function.ids.device, function.ids.revision), (0x8086, 0x100e, 3));
    assert_eq!((function.ids.subsystem_vendor, function.ids.subsystem), (0x1af4, 0x1100));
    assert_eq!(function.class, Class { base: 2, sub: 0, interface: 0 });
    assert_eq!(function.interrupt, Some(InterruptPin { pin: 1, line: Some(11) }));
    assert_eq!((function.msi, function.msi_x), (None, None));
    assert_eq!(function.reset, Some(FunctionReset::Express(0x50)));
    let card = Registers::device(0x8086, 0x100e, 0x02_0000).set(0x3c, 0x02ff).capabilities(&[
        (0x40, 0x0080_5005),
        (0x50, 0x0000_6013),
        (0x60, 0x0003_0011),
        (0x64, 0x0000_0803),
    ]);
    let found = walk(&Model::new([(at(0, 3, 0), card)]), &[ROOT], Sizing::Leave);
    let function = &found.functions[0];
    assert_eq!(function.interrupt, Some(InterruptPin { pin: 2, line: None }));
    assert_eq!(function.msi.map(|msi| msi.offset), Some(0x40));
    let table = function.msi_x.unwrap();
    assert_eq!((table.vectors, table.table.bar, table.table.offset), (4, 3, 0x800));
}

/// Registers that say where they were asked.
struct Window(usize, Cell<usize>);

impl anax_device::Registers for Window {
    fn length(&self) -> usize {
        self.0
    }
    fn read8(&self, _: usize) -> u8 {
        unreachable!("configuration space is read by 32 bits")
    }
    fn read16(&self, _: usize) -> u16 {
        unreachable!("configuration space is read by 32 bits")
    }
    fn read32(&self, offset: usize) -> u32 {
        offset as u32
    }
    fn write8(&self, _: usize, _: u8) {
        unreachable!("configuration space is written by 32 bits")
    }
    fn write16(&self, _: usize, _: u16) {
        unreachable!("configuration space is written by 32 bits")
    }
    fn write32(&self, offset: usize, _: u32) {
        self.1.set(offset);
    }
}

#[test]
fn memory_mapped_segments() {
    let segment =
        |number, first, buses: usize| Segment::new(number, first, Window(buses << 20, Cell::new(usize::MAX)));
    let all = [segment(0, 0x20, 2), segment(7, 0, 1)];
    let all = all.as_slice();
    let address = |segment, bus| Address::new(segment, bus, 3, 5).unwrap();
    assert_eq!(all.read32(address(0, 0x20), 0x10), 0x1_d010);
    assert_eq!(all.read32(address(0, 0x21), 0xffc), 0x11_dffc);
    assert_eq!(all.read32(address(7, 0), 0), 0x1_d000);
    for nowhere in [address(0, 0x1f), address(0, 0x22), address(7, 1), address(1, 0)] {
        assert_eq!(all.read32(nowhere, 0), u32::MAX);
        all.write32(nowhere, 0, 0);
    }
    assert_eq!(all.read32(address(7, 0), FUNCTION_BYTES), u32::MAX);
    assert_eq!((all.read8(address(7, 0), 1), all.read16(address(7, 0), 2)), (0xd0, 1));
    assert_eq!(Address::new(0, 0, 32, 0).or(Address::new(0, 0, 0, 8)), None);
}

#[test]
fn narrow_writes_keep_their_neighbours() {
    let mut registers = Registers::device(1, 2, 0).set(0x40, 0x4433_2211);
    registers.writable[0x10] = u32::MAX;
    let model = Model::new([(at(0, 0, 0), registers)]);
    model.write8(at(0, 0, 0), 0x41, 0xaa);
    model.write16(at(0, 0, 0), 0x42, 0xbbcc);
    assert_eq!(model.word(at(0, 0, 0), 0x40), 0xbbcc_aa11);
    assert_eq!((model.read8(at(0, 0, 0), 0x43), model.read16(at(0, 0, 0), 0x40)), (0xbb, 0xaa11));
}
