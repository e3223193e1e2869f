//! A virtio disk as the specification describes it, over an array for memory, with ways to misbehave.

use std::cell::RefCell;

use anax_device::{DmaAddress, DmaBlock, Registers};
use anax_ring::{AtomicU64, SharedBlock, SharedBytes};
use anax_virtio::Transport;

/// Where the device finds the memory.
pub(crate) const BASE: u64 = 0x4_0000_0000;
/// SEG_MAX, BLK_SIZE, FLUSH, EVENT_IDX, VERSION_1, and some that nobody wants.
pub(crate) const OFFERED: u64 = 1 << 2 | 1 << 6 | 1 << 9 | 1 << 29 | 1 << 32 | 1 << 1 | 1 << 13;
pub(crate) const RO: u64 = 1 << 5;
pub(crate) const FLUSH: u64 = 1 << 9;
pub(crate) const EVENT_IDX: u64 = 1 << 29;
pub(crate) const ID: [u8; 20] = *b"the model of a disk\0";
pub(crate) const SECTORS: usize = 64;
const MULTIPLIER: u32 = 4;

/// What it does instead of what it should.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Whim {
    None,
    NeverResets,
    NoVectors,
    NeverAnswers,
    NoId,
}

pub(crate) struct Device<'m> {
    memory: SharedBytes<'m>,
    pub(crate) offered: u64,
    pub(crate) accepted: u64,
    pub(crate) size: u16,
    pub(crate) whim: Whim,
    /// Capacity, `seg_max` and `blk_size` as the configuration says.
    pub(crate) config: (u64, u32, u32),
    pub(crate) contents: Vec<u8>,
    pub(crate) flushes: u32,
    pub(crate) resets: u32,
    pub(crate) notifications: u32,
    pub(crate) interrupts: u32,
    status: u8,
    select: [u32; 2],
    queue: u16,
    vectors: [u16; 2],
    enabled: bool,
    areas: [u64; 3],
    next_available: u16,
    pub(crate) next_used: u16,
    cause: u8,
}

/// A request that the device has looked at.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) head: u16,
    pub(crate) kind: u32,
    pub(crate) sector: u64,
    /// Address, length.
    pub(crate) data: Option<(u64, usize)>,
    status: u64,
}

pub(crate) struct World {
    words: Vec<AtomicU64>,
}

impl World {
    pub(crate) fn new(bytes: usize) -> Self {
        Self { words: (0..bytes / 8).map(|_| AtomicU64::new(0)).collect() }
    }

    pub(crate) fn device(&self) -> RefCell<Device<'_>> {
        RefCell::new(Device {
            memory: SharedBytes::new(SharedBlock::from_words(&self.words)),
            offered: OFFERED,
            accepted: 0,
            size: 256,
            whim: Whim::None,
            config: (SECTORS as u64, 126, 512),
            contents: vec![0; SECTORS * 512],
            flushes: 0,
            resets: 0,
            notifications: 0,
            interrupts: 0,
            status: 0x0f,
            select: [0; 2],
            queue: 0,
            vectors: [0xffff; 2],
            enabled: false,
            areas: [0; 3],
            next_available: 0,
            next_used: 0,
            cause: 0,
        })
    }

    pub(crate) fn block(&self) -> DmaBlock<'_> {
        DmaBlock::new(SharedBlock::from_words(&self.words), DmaAddress::new(BASE)).expect("aligned")
    }
}

pub(crate) fn transport<'d, 'm>(device: &'d RefCell<Device<'m>>) -> Transport<Window<'d, 'm>> {
    let window = |kind| Window { device, kind };
    let [common, notify, isr, config] = [Kind::Common, Kind::Notify, Kind::Isr, Kind::Device].map(window);
    Transport::new(common, notify, MULTIPLIER, isr, config)
}

impl Device<'_> {
    pub(crate) fn read(&self, address: u64, length: usize) -> Vec<u8> {
        let offset = address.checked_sub(BASE).expect("an address that was given to the device");
        let mut bytes = vec![0; length];
        self.memory.copy_out(offset as usize, &mut bytes).expect("within what was given to the device");
        bytes
    }

    pub(crate) fn write(&self, address: u64, bytes: &[u8]) {
        let offset = address.checked_sub(BASE).expect("an address that was given to the device");
        self.memory.copy_in(offset as usize, bytes).expect("within what was given to the device");
    }

    fn number(&self, address: u64, bytes: usize) -> u64 {
        self.read(address, bytes).iter().rev().fold(0, |value, byte| value << 8 | u64::from(*byte))
    }

    /// The next request, if there is one, as 5.2.6 has it.
    pub(crate) fn take(&mut self) -> Option<Request> {
        if self.status & 4 == 0 || !self.enabled {
            return None;
        }
        let available = self.number(self.areas[1] + 2, 2) as u16;
        if available == self.next_available {
            return None;
        }
        assert!(available.wrapping_sub(self.next_available) <= self.size);
        let head = self.number(self.areas[1] + 4 + 2 * u64::from(self.next_available % self.size), 2) as u16;
        self.next_available = self.next_available.wrapping_add(1);
        let event = self.areas[2] + 4 + 8 * u64::from(self.size);
        self.write(event, &self.next_available.to_le_bytes());
        let mut chain = vec![];
        let mut next = Some(head);
        while let Some(index) = next {
            assert!(index < self.size && chain.len() < 4);
            let descriptor = self.areas[0] + 16 * u64::from(index);
            let flags = self.number(descriptor + 12, 2);
            let length = self.number(descriptor + 8, 4) as usize;
            assert!(length > 0, "a descriptor of nothing");
            chain.push((self.number(descriptor, 8), length, flags & 2 != 0));
            next = (flags & 1 != 0).then(|| self.number(descriptor + 14, 2) as u16);
        }
        let (header, 16, false) = chain[0] else { panic!("no header: {chain:?}") };
        let (status, 1, true) = chain[chain.len() - 1] else { panic!("no status: {chain:?}") };
        let kind = self.number(header, 4) as u32;
        assert_eq!(self.number(header + 4, 4), 0, "reserved");
        let data = (chain.len() == 3).then(|| {
            let (address, length, write) = chain[1];
            assert_eq!(write, kind != 1, "the direction of {kind}");
            (address, length)
        });
        assert_eq!(data.is_none(), kind == 4, "only a flush has no data");
        Some(Request { head, kind, sector: self.number(header + 8, 8), data, status })
    }

    /// Does a request and reports it.
    pub(crate) fn serve(&mut self, request: &Request) {
        self.perform(request, usize::MAX);
        self.answer(request, 0);
    }

    /// Does at most so many bytes of it.
    pub(crate) fn perform(&mut self, request: &Request, most: usize) {
        let start = request.sector as usize * 512;
        match (request.kind, request.data) {
            (0, Some((address, length))) => {
                let length = length.min(most);
                self.write(address, &self.contents[start..start + length]);
            }
            (1, Some((address, length))) => {
                assert_eq!(self.accepted & RO, 0, "a write to what is read-only");
                let length = length.min(most);
                let bytes = self.read(address, length);
                self.contents[start..start + length].copy_from_slice(&bytes);
            }
            (4, None) => {
                assert!(self.accepted & FLUSH != 0 && request.sector == 0);
                self.flushes += 1;
            }
            (8, Some((address, 20))) => self.write(address, &ID),
            _ => panic!("{request:?}"),
        }
    }

    /// Reports it with a status.
    pub(crate) fn answer(&mut self, request: &Request, status: u8) {
        self.write(request.status, &[status]);
        let data = if request.kind == 1 { 0 } else { request.data.map_or(0, |(_, length)| length) };
        self.report(request.head.into(), data as u32 + 1);
    }

    /// Reports whatever it likes, and interrupts if that is wanted.
    pub(crate) fn report(&mut self, identifier: u32, written: u32) {
        let element = self.areas[2] + 4 + 8 * u64::from(self.next_used % self.size);
        self.write(element, &[identifier.to_le_bytes(), written.to_le_bytes()].concat());
        let before = self.next_used;
        self.show_used(before.wrapping_add(1));
        let wanted = if self.accepted & EVENT_IDX != 0 {
            self.number(self.areas[1] + 4 + 2 * u64::from(self.size), 2) as u16 == before
        } else {
            self.number(self.areas[1], 2) & 1 == 0
        };
        self.interrupts += u32::from(wanted);
        self.cause |= u8::from(wanted);
    }

    pub(crate) fn show_used(&mut self, index: u16) {
        self.next_used = index;
        self.write(self.areas[2] + 2, &index.to_le_bytes());
    }

    /// All requests there are.
    pub(crate) fn work(&mut self) -> usize {
        let mut count = 0;
        while let Some(request) = self.take() {
            self.serve(&request);
            count += 1;
        }
        count
    }

    pub(crate) fn break_down(&mut self) {
        self.status |= 64;
        self.cause |= 2;
    }

    fn set_status(&mut self, value: u8) {
        if value == 0 {
            if self.whim != Whim::NeverResets {
                self.resets += 1;
                (self.status, self.accepted, self.cause, self.enabled) = (0, 0, 0, false);
                (self.next_available, self.next_used, self.vectors) = (0, 0, [0xffff; 2]);
            }
            return;
        }
        let subset = self.accepted & !self.offered == 0;
        self.status = if value & 8 != 0 && !subset { value & !8 } else { value };
    }

    fn common_read(&self, offset: usize) -> u64 {
        match offset {
            4 => self.offered >> (32 * self.select[0]) & 0xffff_ffff,
            12 => self.accepted >> (32 * self.select[1]) & 0xffff_ffff,
            16 => self.vectors[0].into(),
            20 => self.status.into(),
            21 => 0,
            24 => (if self.queue == 0 { self.size } else { 0 }).into(),
            26 => self.vectors[1].into(),
            28 => self.enabled.into(),
            32..56 => self.areas[(offset - 32) / 8] >> (8 * (offset % 8)) & 0xffff_ffff,
            30 => self.queue.into(),
            _ => panic!("a read of common configuration at {offset}"),
        }
    }

    fn common_write(&mut self, offset: usize, value: u64) {
        let vector = if self.whim == Whim::NoVectors { 0xffff } else { value as u16 };
        match offset {
            0 => self.select[0] = value as u32,
            8 => self.select[1] = value as u32,
            12 => {
                let shift = 32 * self.select[1];
                self.accepted = self.accepted & !(0xffff_ffff << shift) | value << shift;
            }
            16 => self.vectors[0] = vector,
            20 => self.set_status(value as u8),
            22 => self.queue = value as u16,
            24 => self.size = value as u16,
            26 => self.vectors[1] = vector,
            28 => self.enabled = value == 1,
            32..56 => {
                let shift = 8 * (offset % 8);
                let area = &mut self.areas[(offset - 32) / 8];
                *area = *area & !(0xffff_ffff << shift) | value << shift;
            }
            _ => panic!("a write to common configuration at {offset}"),
        }
    }

    /// The question of its name is answered at once, as QEMU does.
    fn notify(&mut self) {
        self.notifications += 1;
        let ahead = self.next_available;
        if self.next_used == 0
            && self.whim != Whim::NeverAnswers
            && let Some(request) = self.take()
        {
            match request.kind {
                8 if self.whim == Whim::NoId => self.answer(&request, 2),
                8 => self.serve(&request),
                _ => self.next_available = ahead,
            }
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Common,
    Notify,
    Isr,
    Device,
}

/// One of the device's windows.
#[derive(Clone, Copy)]
pub(crate) struct Window<'d, 'm> {
    device: &'d RefCell<Device<'m>>,
    kind: Kind,
}

impl Window<'_, '_> {
    fn read(&self, offset: usize) -> u64 {
        let mut device = self.device.borrow_mut();
        let (capacity, seg_max, blk_size) = device.config;
        match (self.kind, offset) {
            (Kind::Common, _) => device.common_read(offset),
            (Kind::Isr, 0) => std::mem::take(&mut device.cause).into(),
            (Kind::Device, 0) => capacity & 0xffff_ffff,
            (Kind::Device, 4) => capacity >> 32,
            (Kind::Device, 12) => seg_max.into(),
            (Kind::Device, 20) => blk_size.into(),
            other => panic!("a read of {other:?}"),
        }
    }

    fn write(&self, offset: usize, value: u64) {
        let mut device = self.device.borrow_mut();
        match (self.kind, offset, value) {
            (Kind::Common, ..) => device.common_write(offset, value),
            (Kind::Notify, 0, 0) => device.notify(),
            other => panic!("a write to {other:?}"),
        }
    }
}

impl Registers for Window<'_, '_> {
    fn length(&self) -> usize {
        64
    }

    fn read8(&self, offset: usize) -> u8 {
        self.read(offset) as u8
    }

    fn read16(&self, offset: usize) -> u16 {
        self.read(offset) as u16
    }

    fn read32(&self, offset: usize) -> u32 {
        self.read(offset) as u32
    }

    fn write8(&self, offset: usize, value: u8) {
        self.write(offset, value.into());
    }

    fn write16(&self, offset: usize, value: u16) {
        self.write(offset, value.into());
    }

    fn write32(&self, offset: usize, value: u32) {
        self.write(offset, value.into());
    }
}
