//! An 82540EM as the manual describes it, over an array for memory, with ways to misbehave.

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};

use anax_device::{DmaAddress, DmaBlock, Reach, Registers};
use anax_ring::{AtomicU64, SharedBlock, SharedBytes};

use crate::packets::cut;

/// Where the device finds the memory.
pub(crate) const BASE: u64 = 0x4_0000_0000;
pub(crate) const MAC: [u8; 6] = [2, 0x41, 0x4e, 0x41, 0x58, 7];

pub(crate) const RECEIVE: usize = 0x2800;
pub(crate) const TRANSMIT: usize = 0x3800;
const LENGTH: usize = 0x08;
pub(crate) const HEAD: usize = 0x10;
pub(crate) const TAIL: usize = 0x18;
const RCTL: usize = 0x100;
const TCTL: usize = 0x400;
const ICR: usize = 0xc0;
const RAL: usize = 0x5400;
const EN: u32 = 2;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Whim {
    None,
    Gone,
    NeverResets,
    NeverStops,
    NoAddress,
    EepromOnly,
}

pub(crate) struct Device<'m> {
    memory: SharedBytes<'m>,
    pub(crate) registers: BTreeMap<usize, u32>,
    pub(crate) whim: Whim,
    pub(crate) link: bool,
    pub(crate) causes: u32,
    mask: u32,
    pub(crate) resets: u32,
    /// How often the line went up.
    pub(crate) interrupts: u32,
    pub(crate) writes: BTreeMap<usize, u32>,
    /// The context that was loaded last, and the frame that is being gathered: its bytes and the options of its first piece.
    context: [u64; 2],
    gathered: Vec<u8>,
    options: u64,
    /// Frames that are on the wire.
    pub(crate) wire: VecDeque<Vec<u8>>,
}

pub(crate) struct World {
    words: Vec<AtomicU64>,
}

impl World {
    pub(crate) fn new(bytes: usize) -> Self {
        Self { words: (0..bytes / 8).map(|_| AtomicU64::new(0)).collect() }
    }

    pub(crate) fn device(&self) -> RefCell<Device<'_>> {
        let mut device = Device {
            memory: SharedBytes::new(SharedBlock::from_words(&self.words)),
            registers: BTreeMap::new(),
            whim: Whim::None,
            link: true,
            causes: 0,
            mask: 0,
            resets: 0,
            interrupts: 0,
            writes: BTreeMap::new(),
            context: [0; 2],
            gathered: vec![],
            options: 0,
            wire: VecDeque::new(),
        };
        device.reset();
        RefCell::new(device)
    }

    /// What the driver may name to the device: all that there could be.
    pub(crate) fn reach(&self) -> Reach {
        Reach::new(self.block(), DmaAddress::new(BASE), 1 << 32).expect("it has addresses")
    }

    pub(crate) fn block(&self) -> DmaBlock<'_> {
        DmaBlock::new(SharedBlock::from_words(&self.words), DmaAddress::new(BASE)).expect("aligned")
    }
}

impl Device<'_> {
    fn offset(&self, address: u64) -> usize {
        usize::try_from(address.checked_sub(BASE).expect("an address that was given to the device"))
            .expect("small")
    }

    pub(crate) fn read(&self, address: u64, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        self.memory.copy_out(self.offset(address), &mut bytes).expect("within what was given to the device");
        bytes
    }

    pub(crate) fn write(&self, address: u64, bytes: &[u8]) {
        self.memory.copy_in(self.offset(address), bytes).expect("within what was given to the device");
    }

    fn get(&self, register: usize) -> u32 {
        self.registers.get(&register).copied().unwrap_or(0)
    }

    pub(crate) fn set(&mut self, register: usize, value: u32) {
        self.registers.insert(register, value);
    }

    fn reset(&mut self) {
        self.resets += 1;
        self.registers.clear();
        (self.causes, self.mask) = (0, 0);
        self.gathered.clear();
        self.context = [0; 2];
        if !matches!(self.whim, Whim::NoAddress | Whim::EepromOnly) {
            let [a, b, c, d, e, f] = MAC;
            self.set(RAL, u32::from_le_bytes([a, b, c, d]));
            self.set(RAL + 4, 1 << 31 | u32::from_le_bytes([e, f, 0, 0]));
        }
    }

    fn base(&self, ring: usize) -> u64 {
        u64::from(self.get(ring + 4)) << 32 | u64::from(self.get(ring))
    }

    pub(crate) fn descriptor_at(&self, ring: usize, place: u32) -> u64 {
        self.base(ring) + 16 * u64::from(place)
    }

    pub(crate) fn descriptor(&self, ring: usize, place: u32) -> [u64; 2] {
        let bytes = self.read(self.descriptor_at(ring, place), 16);
        [0, 8].map(|at| u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes")))
    }

    /// Writes a descriptor's second word, whatever is true.
    pub(crate) fn mark(&self, ring: usize, place: u32, word: u64) {
        self.write(self.descriptor_at(ring, place) + 8, &word.to_le_bytes());
    }

    /// The next descriptor that the driver gave, of a ring that is enabled.
    fn take(&mut self, ring: usize, control: usize) -> Option<u32> {
        let (head, tail, count) =
            (self.get(ring + HEAD), self.get(ring + TAIL), self.get(ring + LENGTH) / 16);
        if self.get(control) & EN == 0 || head == tail {
            return None;
        }
        assert!(head < count && tail < count, "the driver writes positions within the ring");
        self.set(ring + HEAD, (head + 1) % count);
        Some(head)
    }

    pub(crate) fn raise(&mut self, causes: u32) {
        let before = self.causes & self.mask;
        self.causes |= causes;
        self.interrupts += u32::from(before == 0 && self.causes & self.mask != 0);
    }

    /// Receives a frame, if there is a buffer; status and errors are what the device thinks of it, beside that it is whole.
    pub(crate) fn receive_as(&mut self, frame: &[u8], status: u64, errors: u64) -> bool {
        let Some(place) = self.take(RECEIVE, RCTL) else {
            if self.get(RCTL) & EN != 0 {
                *self.registers.entry(0x40a0).or_default() += 1;
            }
            return false;
        };
        assert!(frame.len() <= 1522 && self.get(RCTL) >> 16 & 3 == 0 && self.get(RCTL) >> 25 & 1 == 0);
        let [address, _] = self.descriptor(RECEIVE, place);
        self.write(address, frame);
        self.mark(RECEIVE, place, frame.len() as u64 | (3 | status) << 32 | errors << 40);
        *self.registers.entry(0x4074).or_default() += 1;
        self.raise(1 << 7);
        true
    }

    pub(crate) fn receive(&mut self, frame: &[u8]) -> bool {
        self.receive_as(frame, 1 << 2, 0)
    }

    /// Takes descriptors until a frame is on the wire, without saying so: the last descriptor's place and second word.
    pub(crate) fn take_frame(&mut self) -> Option<(u32, u64)> {
        loop {
            let place = self.take(TRANSMIT, TCTL)?;
            let [first, second] = self.descriptor(TRANSMIT, place);
            assert!(second >> 29 & 1 == 1 && second >> 32 & 0xf == 0, "extended, and not done");
            if second >> 20 & 0xf == 0 {
                assert!(self.gathered.is_empty(), "a context in the middle of a frame");
                self.context = [first, second];
                continue;
            }
            assert_eq!(second >> 20 & 0xf, 1);
            let length = (second & 0xf_ffff) as usize;
            assert!(length > 0 && length <= 8192);
            if self.gathered.is_empty() {
                self.options = second >> 40 & 3 | (second >> 26 & 1) << 2;
            }
            let bytes = self.read(first, length);
            self.gathered.extend(bytes);
            if second >> 24 & 1 == 1 {
                let frame = std::mem::take(&mut self.gathered);
                self.wire.extend(cut(frame, self.options, self.context));
                *self.registers.entry(0x4080).or_default() += 1;
                return Some((place, second));
            }
        }
    }

    /// Transmits one frame, if there is one.
    pub(crate) fn transmit(&mut self) -> bool {
        let Some((place, word)) = self.take_frame() else { return false };
        assert_eq!(word >> 27 & 1, 1, "the driver wants to hear of each frame");
        self.mark(TRANSMIT, place, word | 1 << 32);
        self.raise(1);
        true
    }

    /// Transmits all there is, and takes it from the wire.
    pub(crate) fn drain(&mut self) -> Vec<Vec<u8>> {
        while self.transmit() {}
        self.wire.drain(..).collect()
    }
}

/// The device's registers.
#[derive(Clone, Copy)]
pub(crate) struct Window<'d, 'm>(pub(crate) &'d RefCell<Device<'m>>);

impl Registers for Window<'_, '_> {
    fn length(&self) -> usize {
        0x2_0000
    }

    fn read8(&self, _: usize) -> u8 {
        panic!("registers are of 32 bits")
    }

    fn read16(&self, _: usize) -> u16 {
        panic!("registers are of 32 bits")
    }

    fn read32(&self, offset: usize) -> u32 {
        let mut device = self.0.borrow_mut();
        match offset {
            _ if device.whim == Whim::Gone => u32::MAX,
            RCTL | TCTL if device.whim == Whim::NeverStops => device.get(offset) | EN,
            0x08 => u32::from(device.link) << 1 | 1,
            ICR => std::mem::take(&mut device.causes),
            // Statistics.
            0x4000..0x4100 => device.registers.remove(&offset).unwrap_or(0),
            _ => device.get(offset),
        }
    }

    fn write8(&self, _: usize, _: u8) {
        panic!("registers are of 32 bits")
    }

    fn write16(&self, _: usize, _: u16) {
        panic!("registers are of 32 bits")
    }

    fn write32(&self, offset: usize, value: u32) {
        let mut device = self.0.borrow_mut();
        *device.writes.entry(offset).or_default() += 1;
        match offset {
            0x00 if value >> 26 & 1 == 1 => {
                device.reset();
                if device.whim == Whim::NeverResets {
                    device.set(0, value);
                }
            }
            0x14 => {
                let word = usize::try_from(value >> 8 & 0xff).expect("small");
                let known = device.whim == Whim::EepromOnly && word < 3;
                let data = if known { u16::from_le_bytes([MAC[2 * word], MAC[2 * word + 1]]) } else { 0 };
                device.set(offset, u32::from(data) << 16 | 1 << 4);
            }
            0xd0 => {
                let before = device.causes & device.mask;
                device.mask |= value;
                device.interrupts += u32::from(before == 0 && device.causes & device.mask != 0);
            }
            0xd8 => device.mask &= !value,
            0x2810 | 0x3810 => {
                let enabled = device.get(if offset < 0x3000 { RCTL } else { TCTL }) & EN;
                assert_eq!(enabled, 0, "a head is written while the ring is disabled");
                device.set(offset, value);
            }
            _ => device.set(offset, value),
        }
    }
}
