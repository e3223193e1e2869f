//! A machine's configuration space: functions with registers, of which some bits can be written.

use std::cell::RefCell;
use std::collections::BTreeMap;

use anax_device::{Access, Address};

/// The command register, the identifiers, and the like.
pub(crate) const COMMAND: u16 = 0x04;

pub(crate) fn at(bus: u8, device: u8, function: u8) -> Address {
    Address::new(0, bus, device, function).unwrap()
}

/// A function's first 256 bytes.
#[derive(Clone, Debug)]
pub(crate) struct Registers {
    pub(crate) words: [u32; 64],
    /// Which bits writes change.
    pub(crate) writable: [u32; 64],
}

impl Registers {
    /// A device of that vendor, model and class, with nothing else.
    pub(crate) fn device(vendor: u16, device: u16, class: u32) -> Self {
        let mut it = Self { words: [0; 64], writable: [0; 64] };
        it.words[0] = u32::from(device) << 16 | u32::from(vendor);
        it.words[2] = class << 8 | 3;
        it.writable[1] = 0x0407;
        it.writable[15] = 0xff;
        it
    }

    /// A bridge to those buses.
    pub(crate) fn bridge(primary: u8, secondary: u8, subordinate: u8) -> Self {
        let mut it = Self::device(0x1b36, 0x0001, 0x06_0400);
        it.words[3] = 1 << 16;
        it.words[6] = u32::from_le_bytes([primary, secondary, subordinate, 0]);
        it
    }

    pub(crate) fn set(mut self, offset: u16, value: u32) -> Self {
        self.words[usize::from(offset) / 4] = value;
        self
    }

    /// There are more functions.
    pub(crate) fn multiple(mut self) -> Self {
        self.words[3] |= 1 << 23;
        self
    }

    /// A window: the register's value, and which of its bits can be written.
    pub(crate) fn bar(mut self, number: usize, value: u32, writable: u32) -> Self {
        self.words[4 + number] = value;
        self.writable[4 + number] = writable;
        self
    }

    /// A list of capabilities from 0x40 on: each word's identifier and successor are as given.
    pub(crate) fn capabilities(mut self, words: &[(u16, u32)]) -> Self {
        self.words[1] |= 1 << 20;
        self.words[0x34 / 4] = words[0].0.into();
        for (offset, value) in words {
            self.words[usize::from(*offset) / 4] = *value;
        }
        self
    }
}

/// The machine.
#[derive(Default)]
pub(crate) struct Model {
    functions: RefCell<BTreeMap<Address, Registers>>,
    /// Offsets of all writes.
    pub(crate) writes: RefCell<Vec<(Address, u16)>>,
    /// Writes of base addresses while the function answered in its windows.
    pub(crate) moved_while_decoding: RefCell<usize>,
}

impl Model {
    pub(crate) fn new(functions: impl IntoIterator<Item = (Address, Registers)>) -> Self {
        Self { functions: RefCell::new(functions.into_iter().collect()), ..Self::default() }
    }

    pub(crate) fn word(&self, address: Address, offset: u16) -> u32 {
        self.functions.borrow()[&address].words[usize::from(offset) / 4]
    }
}

impl Access for Model {
    fn read32(&self, address: Address, offset: u16) -> u32 {
        assert!(offset < 4096 && offset.is_multiple_of(4));
        let functions = self.functions.borrow();
        let words = functions.get(&address).map(|registers| &registers.words);
        words.map_or(u32::MAX, |words| words.get(usize::from(offset) / 4).copied().unwrap_or(0))
    }

    fn write32(&self, address: Address, offset: u16, value: u32) {
        assert!(offset < 4096 && offset.is_multiple_of(4));
        self.writes.borrow_mut().push((address, offset));
        let mut functions = self.functions.borrow_mut();
        let Some(registers) = functions.get_mut(&address) else { return };
        let place = usize::from(offset) / 4;
        if (4..10).contains(&place) && registers.words[1] & 3 != 0 {
            *self.moved_while_decoding.borrow_mut() += 1;
        }
        if place < 64 {
            let writable = registers.writable[place];
            registers.words[place] = registers.words[place] & !writable | value & writable;
        }
    }
}
