//! A virtio network card as the specification describes it, over an array for memory, with ways to misbehave.

use std::cell::RefCell;

use anax_device::{DmaAddress, DmaBlock, Reach, Registers};
use anax_ring::{AtomicU64, SharedBlock, SharedBytes};
use anax_virtio::Transport;

/// Where the device finds the memory.
pub(crate) const BASE: u64 = 0x4_0000_0000;
pub(crate) const MAC: [u8; 6] = [2, 0x41, 0x4e, 0x41, 0x58, 7];
/// MAC, STATUS, CSUM, GUEST_CSUM, HOST_TSO4, HOST_TSO6, MRG_RXBUF, EVENT_IDX, VERSION_1.
pub(crate) const OFFERED: u64 = 1 << 5 | 1 << 16 | 3 | 1 << 11 | 1 << 12 | 1 << 15 | 1 << 29 | 1 << 32;
const EVENT_IDX: u64 = 1 << 29;
const MULTIPLIER: u32 = 4;

#[derive(Clone, Debug, Default)]
pub(crate) struct Queue {
    pub(crate) size: u16,
    enabled: bool,
    areas: [u64; 3],
    vector: u16,
    /// The device's own positions.
    next_available: u16,
    pub(crate) next_used: u16,
    pub(crate) notifications: u32,
    pub(crate) interrupts: u32,
}

/// What it does instead of a reset, a set of features, ...
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Whim {
    None,
    NeverResets,
    RefusesFeatures,
    NoVectors,
    ChangesAllTheTime,
}

pub(crate) struct Device<'m> {
    memory: SharedBytes<'m>,
    pub(crate) offered: u64,
    pub(crate) accepted: u64,
    pub(crate) size: u16,
    pub(crate) whim: Whim,
    pub(crate) link: u16,
    status: u8,
    select: [u32; 2],
    queue: u16,
    generation: u8,
    config_vector: u16,
    pub(crate) queues: [Queue; 2],
    pub(crate) resets: u32,
    /// The header of the last frame that was taken, and the flags of those that are received.
    pub(crate) header: Vec<u8>,
    pub(crate) flags: u8,
    /// In how many buffers it says that frames lie, instead of the truth.
    pub(crate) claimed: Option<u16>,
    cause: u8,
}

/// All that a test needs: memory, and the device behind a cell.
pub(crate) struct World {
    words: Vec<AtomicU64>,
}

/// What a driver with that memory may name to the device: all that there could be.
pub(crate) fn reach(own: DmaBlock<'_>) -> Reach {
    Reach::new(own, DmaAddress::new(BASE), 1 << 32).expect("it has addresses")
}

impl World {
    pub(crate) fn new(words: usize) -> Self {
        Self { words: (0..words).map(|_| AtomicU64::new(0)).collect() }
    }

    pub(crate) fn device(&self) -> RefCell<Device<'_>> {
        RefCell::new(Device {
            memory: SharedBytes::new(SharedBlock::from_words(&self.words)),
            offered: OFFERED,
            accepted: 0,
            size: 256,
            whim: Whim::None,
            link: 1,
            status: 0x0f,
            select: [0; 2],
            queue: 0,
            generation: 0,
            config_vector: 0xffff,
            queues: [Queue::default(), Queue::default()],
            resets: 0,
            header: vec![],
            flags: 0,
            claimed: None,
            cause: 0,
        })
    }

    pub(crate) fn block(&self) -> DmaBlock<'_> {
        DmaBlock::new(SharedBlock::from_words(&self.words), DmaAddress::new(BASE)).expect("aligned")
    }
}

pub(crate) fn transport<'d, 'm>(device: &'d RefCell<Device<'m>>) -> Transport<Window<'d, 'm>> {
    let window = |kind| Window { device, kind };
    Transport::new(
        window(Kind::Common),
        window(Kind::Notify),
        MULTIPLIER,
        window(Kind::Isr),
        window(Kind::Device),
    )
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

    fn read16(&self, address: u64) -> u16 {
        u16::from_le_bytes(self.read(address, 2).try_into().expect("two bytes"))
    }

    fn running(&self) -> bool {
        self.status & 4 != 0
    }

    /// Head of the next available chain.
    fn take(&mut self, number: usize) -> Option<u16> {
        let queue = self.queues[number].clone();
        if !self.running() || !queue.enabled {
            return None;
        }
        let available = self.read16(queue.areas[1] + 2);
        if available == queue.next_available {
            return None;
        }
        assert!(
            available.wrapping_sub(queue.next_available) <= queue.size,
            "more available than there is room for"
        );
        let head = self.read16(queue.areas[1] + 4 + 2 * u64::from(queue.next_available % queue.size));
        self.queues[number].next_available = queue.next_available.wrapping_add(1);
        self.want_notification(number);
        Some(head)
    }

    fn want_notification(&self, number: usize) {
        let queue = &self.queues[number];
        let event = queue.areas[2] + 4 + 8 * u64::from(queue.size);
        self.write(event, &queue.next_available.to_le_bytes());
    }

    /// The descriptors of a chain: address, length, whether to write.
    fn chain(&self, number: usize, head: u16) -> Vec<(u64, usize, bool)> {
        let mut chain = vec![];
        let mut next = Some(head);
        while let Some(index) = next {
            assert!(index < self.queues[number].size && chain.len() < 4);
            let bytes = self.read(self.queues[number].areas[0] + 16 * u64::from(index), 16);
            let field = |range: std::ops::Range<usize>| {
                bytes[range].iter().rev().fold(0_u64, |value, byte| value << 8 | u64::from(*byte))
            };
            chain.push((field(0..8), field(8..12) as usize, field(12..14) & 2 != 0));
            next = (field(12..14) & 1 != 0).then_some(field(14..16) as u16);
        }
        chain
    }

    /// Reports a chain as used, whatever is true, and interrupts if that is wanted.
    pub(crate) fn report(&mut self, number: usize, identifier: u32, written: u32) {
        let queue = self.queues[number].clone();
        let element = queue.areas[2] + 4 + 8 * u64::from(queue.next_used % queue.size);
        self.write(element, &[identifier.to_le_bytes(), written.to_le_bytes()].concat());
        let used = queue.next_used.wrapping_add(1);
        self.show_used(number, used);
        let wanted = if self.accepted & EVENT_IDX != 0 {
            self.read16(queue.areas[1] + 4 + 2 * u64::from(queue.size)) == queue.next_used
        } else {
            self.read16(queue.areas[1]) & 1 == 0
        };
        self.queues[number].interrupts += u32::from(wanted);
        self.cause |= u8::from(wanted);
    }

    pub(crate) fn show_used(&mut self, number: usize, index: u16) {
        self.queues[number].next_used = index;
        self.write(self.queues[number].areas[2] + 2, &index.to_le_bytes());
    }

    /// Takes one frame to transmit, without reporting it: head and frame.
    pub(crate) fn take_frame(&mut self) -> Option<(u16, Vec<u8>)> {
        let head = self.take(1)?;
        let chain = self.chain(1, head);
        assert!(chain.iter().all(|(_, _, write)| !write));
        let bytes: Vec<u8> =
            chain.into_iter().flat_map(|(address, length, _)| self.read(address, length)).collect();
        self.header = bytes[..12].to_vec();
        Some((head, bytes[12..].to_vec()))
    }

    /// Transmits one frame, if there is one.
    pub(crate) fn transmit(&mut self) -> Option<Vec<u8>> {
        let (head, frame) = self.take_frame()?;
        self.report(1, head.into(), 0);
        Some(frame)
    }

    /// Receives a frame, if there is a buffer.
    pub(crate) fn receive(&mut self, frame: &[u8]) -> bool {
        let Some(head) = self.take(0) else { return false };
        let header = [self.flags, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0];
        let bytes = [&header[..], frame].concat();
        let mut rest = &bytes[..];
        for (address, length, write) in self.chain(0, head) {
            assert!(write);
            let (now, later) = rest.split_at(length.min(rest.len()));
            self.write(address, now);
            rest = later;
        }
        assert!(rest.is_empty(), "the buffer is too small");
        self.report(0, head.into(), bytes.len() as u32);
        true
    }

    /// Receives a frame that was put together, in as many buffers as it takes, if there are so many.
    pub(crate) fn receive_merged(&mut self, frame: &[u8], kind: u8, mss: u16) -> bool {
        let before = self.queues[0].next_available;
        let header = [&[self.flags, kind, 54, 0][..], &mss.to_le_bytes(), &[0; 6]].concat();
        let bytes = [&header[..], frame].concat();
        let (mut rest, mut used, mut first) = (&bytes[..], vec![], None);
        while !rest.is_empty() {
            let Some(head) = self.take(0) else {
                self.queues[0].next_available = before;
                return false;
            };
            let mut written = 0;
            for (address, length, write) in self.chain(0, head) {
                assert!(write);
                first.get_or_insert(address);
                let (now, later) = rest.split_at(length.min(rest.len()));
                self.write(address, now);
                (rest, written) = (later, written + now.len() as u32);
            }
            used.push((head, written));
        }
        let count = self.claimed.unwrap_or(used.len() as u16);
        self.write(first.expect("a header") + 10, &count.to_le_bytes());
        for (head, written) in used {
            self.report(0, head.into(), written);
        }
        true
    }

    /// The cable is pulled, or put in again.
    pub(crate) fn change_link(&mut self, link: u16) {
        self.link = link;
        self.cause |= 2;
    }

    pub(crate) fn break_down(&mut self) {
        self.status |= 64;
        self.cause |= 2;
    }

    fn reset(&mut self) {
        self.resets += 1;
        self.status = 0;
        self.accepted = 0;
        self.cause = 0;
        self.config_vector = 0xffff;
        self.queues = [Queue::default(), Queue::default()];
        for queue in &mut self.queues {
            queue.size = self.size;
            queue.vector = 0xffff;
        }
    }

    fn set_status(&mut self, value: u8) {
        if value == 0 {
            if self.whim != Whim::NeverResets {
                self.reset();
            }
            return;
        }
        let subset = self.accepted & !self.offered == 0 && self.accepted & 1 << 32 != 0;
        let refused = value & 8 != 0 && (!subset || self.whim == Whim::RefusesFeatures);
        self.status = if refused { value & !8 } else { value };
    }

    fn vector(&self, wanted: u64) -> u16 {
        if self.whim == Whim::NoVectors { 0xffff } else { wanted as u16 }
    }

    fn common_read(&mut self, offset: usize) -> u64 {
        let queue = &self.queues[usize::from(self.queue.min(1))];
        match offset {
            4 => self.offered >> (32 * self.select[0]) & 0xffff_ffff,
            12 => self.accepted >> (32 * self.select[1]) & 0xffff_ffff,
            16 => self.config_vector.into(),
            20 => self.status.into(),
            21 => {
                self.generation =
                    self.generation.wrapping_add(u8::from(self.whim == Whim::ChangesAllTheTime));
                self.generation.into()
            }
            24 if self.queue > 1 => 0,
            24 => queue.size.into(),
            26 => queue.vector.into(),
            28 => queue.enabled.into(),
            32..56 => queue.areas[(offset - 32) / 8] >> (8 * (offset % 8)) & 0xffff_ffff,
            30 => self.queue.into(),
            _ => panic!("a read of common configuration at {offset}"),
        }
    }

    fn common_write(&mut self, offset: usize, value: u64) {
        let vector = self.vector(value);
        let queue = &mut self.queues[usize::from(self.queue.min(1))];
        match offset {
            0 => self.select[0] = value as u32,
            8 => self.select[1] = value as u32,
            12 => {
                let shift = 32 * self.select[1];
                self.accepted = self.accepted & !(0xffff_ffff << shift) | value << shift;
            }
            16 => self.config_vector = vector,
            20 => self.set_status(value as u8),
            22 => self.queue = value as u16,
            24 => queue.size = value as u16,
            26 => queue.vector = vector,
            28 => queue.enabled = value == 1,
            32..56 => {
                let shift = 8 * (offset % 8);
                let area = &mut queue.areas[(offset - 32) / 8];
                *area = *area & !(0xffff_ffff << shift) | value << shift;
            }
            _ => panic!("a write to common configuration at {offset}"),
        }
    }

    fn notify(&mut self, offset: usize, queue: u64) {
        assert_eq!(offset as u64, queue * u64::from(MULTIPLIER), "a notification at its place");
        self.queues[queue as usize].notifications += 1;
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
        match self.kind {
            Kind::Common => device.common_read(offset),
            Kind::Notify => panic!("notifications are not read"),
            Kind::Isr => std::mem::take(&mut device.cause).into(),
            Kind::Device if offset < 6 => MAC[offset].into(),
            Kind::Device => device.link.into(),
        }
    }

    fn write(&self, offset: usize, value: u64) {
        let mut device = self.device.borrow_mut();
        match self.kind {
            Kind::Common => device.common_write(offset, value),
            Kind::Notify => device.notify(offset, value),
            Kind::Isr | Kind::Device => panic!("a write to {:?}", self.kind),
        }
    }
}

impl Registers for Window<'_, '_> {
    fn length(&self) -> usize {
        match self.kind {
            Kind::Notify => 8,
            _ => 64,
        }
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
