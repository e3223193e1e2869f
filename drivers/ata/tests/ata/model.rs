//! A channel with one disk, as the host sees it: registers, with ways to misbehave.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use anax_device::Ports;
use ata::{Channel, Unit};

pub(crate) const SERIAL: [u8; 20] = *b"A model 0123456789  ";
pub(crate) type Sector = [u8; 512];

/// What it does instead of what it should.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Whim {
    None,
    /// Nobody is there.
    Empty,
    /// It takes a command and never comes back.
    Hangs,
    /// Resets don't end.
    NeverReady,
    /// A packet device.
    Packet,
    /// After the first block it says that was all.
    Short,
    /// After the last it wants more.
    Greedy,
    /// Errors come with a wish for data.
    Confused,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Idle,
    In,
    Out,
}

pub(crate) struct Model {
    pub(crate) whim: Whim,
    pub(crate) words: [u16; 256],
    pub(crate) contents: BTreeMap<u64, Sector>,
    pub(crate) bad: BTreeSet<u64>,
    /// Looks at the status until it is done with something.
    pub(crate) delay: u32,
    pub(crate) interrupts: u32,
    pub(crate) flushes: u32,
    pub(crate) resets: u32,
    pub(crate) commands: Vec<u8>,
    unit: Unit,
    busy: u32,
    status: u8,
    control: u8,
    /// Count, low, mid, high: as written last, and before.
    registers: [u8; 4],
    before: [u8; 4],
    device: u8,
    phase: Phase,
    next: u64,
    left: u32,
    buffer: Vec<u16>,
}

/// IDENTIFY DEVICE of a disk with 48-bit addresses and a cache.
pub(crate) fn identity(sectors: u64) -> [u16; 256] {
    let mut words = [0; 256];
    words[0] = 0x0040;
    for (word, pair) in words[10..20].iter_mut().zip(SERIAL.chunks(2)) {
        *word = u16::from(pair[0]) << 8 | u16::from(pair[1]);
    }
    words[49] = 1 << 9 | 1 << 8;
    let short = sectors.min(0x0fff_ffff) as u32;
    (words[60], words[61]) = (short as u16, (short >> 16) as u16);
    words[83] = 1 << 14 | 1 << 13 | 1 << 12 | 1 << 10;
    for at in 0..4 {
        words[100 + at] = (sectors >> (16 * at)) as u16;
    }
    words
}

impl Model {
    /// It is busy until it is reset.
    pub(crate) const fn hang(&mut self) {
        self.busy = u32::MAX;
    }

    pub(crate) fn new(sectors: u64) -> RefCell<Self> {
        RefCell::new(Self {
            whim: Whim::None,
            words: identity(sectors),
            contents: BTreeMap::new(),
            bad: BTreeSet::new(),
            delay: 0,
            interrupts: 0,
            flushes: 0,
            resets: 0,
            commands: vec![],
            unit: Unit::Master,
            busy: 0,
            status: 0x50,
            control: 0,
            registers: [0; 4],
            before: [0; 4],
            device: 0,
            phase: Phase::Idle,
            next: 0,
            left: 0,
            buffer: vec![],
        })
    }

    fn sectors(&self) -> u64 {
        (0..4).map(|at| u64::from(self.words[100 + at]) << (16 * at)).sum()
    }

    /// Whether what is read is its own; the other device is not there.
    const fn is_selected(&self) -> bool {
        (self.device >> 4 & 1 == 1) == matches!(self.unit, Unit::Slave)
    }

    /// Firmware has looked for the other device last.
    pub(crate) fn select_other(&mut self, own: Unit) {
        self.device = if own == Unit::Master { 0xb0 } else { 0xa0 };
    }

    /// Its status; a look brings it on.
    fn look(&mut self) -> u8 {
        if self.whim == Whim::Empty {
            return 0xff;
        }
        if self.busy > 0 {
            self.busy = if self.busy == u32::MAX { self.busy } else { self.busy - 1 };
            return if self.is_selected() { 0x80 | self.status & 0x08 } else { 0 };
        }
        if self.is_selected() { self.status } else { 0 }
    }

    fn interrupt(&mut self) {
        self.interrupts += u32::from(self.control & 2 == 0);
        self.busy = self.delay;
    }

    fn set_control(&mut self, value: u8) {
        if self.control & 4 != 0 && value & 4 == 0 {
            self.resets += 1;
            (self.phase, self.status) = (Phase::Idle, 0x50);
            self.busy = if self.whim == Whim::NeverReady { u32::MAX } else { self.delay };
            let high = if self.whim == Whim::Packet { [0x14, 0xeb] } else { [0, 0] };
            self.registers = [1, 1, high[0], high[1]];
        }
        self.control = value;
    }

    fn set(&mut self, offset: u16, value: u8) {
        assert!(self.busy == 0 || offset == 6, "a register is written while the device is busy");
        match offset {
            2..=5 => {
                let at = usize::from(offset - 2);
                (self.before[at], self.registers[at]) = (self.registers[at], value);
            }
            6 => {
                assert_eq!(value & 0xe0, 0xe0);
                assert_eq!(value >> 4 & 1 == 1, self.unit == Unit::Slave);
                // A channel that is busy does not take it.
                if self.busy == 0 {
                    self.device = value;
                }
            }
            7 => self.command(value),
            _ => panic!("a write to {offset}"),
        }
    }

    fn command(&mut self, code: u8) {
        assert_eq!(self.phase, Phase::Idle, "a command in the middle of another");
        assert_eq!(self.status & 0xc8, 0x40, "a command to a device that isn't ready");
        self.commands.push(code);
        let [count, low, mid, high] = self.registers.map(u64::from);
        let base = low | mid << 8 | high << 16;
        let (first, count) = if matches!(code, 0x24 | 0x34) {
            let [count_high, low, mid, high] = self.before.map(u64::from);
            (base | low << 24 | mid << 32 | high << 40, count | count_high << 8)
        } else {
            (base | u64::from(self.device & 15) << 24, if count == 0 { 256 } else { count })
        };
        (self.next, self.left, self.status) = (first, count as u32, 0x50);
        if self.whim == Whim::Hangs {
            self.busy = u32::MAX;
            return;
        }
        match code {
            0xec => {
                (self.phase, self.left, self.buffer) =
                    (Phase::In, 1, self.words.iter().rev().copied().collect());
                self.status |= 8;
            }
            0x20 | 0x24 => self.load(),
            0x30 | 0x34 => {
                (self.phase, self.buffer) = (Phase::Out, vec![]);
                self.want();
            }
            0xe7 | 0xea => self.flushes += 1,
            _ => panic!("command {code:#x}"),
        }
        self.interrupt();
    }

    /// An error if the next sector is none, else a wish for data.
    fn want(&mut self) {
        if self.bad.contains(&self.next) || self.next >= self.sectors() {
            self.phase = Phase::Idle;
            self.status = if self.whim == Whim::Confused { 0x59 } else { 0x51 };
        } else {
            self.status = 0x58;
        }
    }

    fn load(&mut self) {
        self.phase = Phase::In;
        self.want();
        let sector = self.contents.get(&self.next).unwrap_or(&[0; 512]);
        let words = sector.chunks(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]]));
        self.buffer = words.rev().collect();
    }

    /// A block is through.
    fn end_of_block(&mut self) {
        self.next += 1;
        self.left -= 1;
        if self.whim == Whim::Greedy && self.left == 0 {
            self.left = 1;
        }
        if self.left == 0 || self.whim == Whim::Short {
            (self.phase, self.status) = (Phase::Idle, 0x50);
        } else if self.phase == Phase::In {
            self.load();
        } else {
            self.want();
        }
        self.interrupt();
    }

    fn read_data(&mut self) -> u16 {
        assert!(self.phase == Phase::In && self.busy == 0, "no data to read");
        let word = self.buffer.pop().expect("some");
        if self.buffer.is_empty() {
            self.end_of_block();
        }
        word
    }

    fn write_data(&mut self, word: u16) {
        assert!(self.phase == Phase::Out && self.busy == 0, "no data is wanted");
        self.buffer.push(word);
        if self.buffer.len() == 256 {
            let bytes: Vec<u8> = self.buffer.drain(..).flat_map(u16::to_le_bytes).collect();
            self.contents.insert(self.next, bytes.try_into().expect("a sector"));
            self.end_of_block();
        }
    }
}

/// The command block, or the control block.
#[derive(Clone, Copy)]
pub(crate) enum Block<'m> {
    Command(&'m RefCell<Model>),
    Control(&'m RefCell<Model>),
}

pub(crate) fn channel(model: &RefCell<Model>, unit: Unit) -> Channel<Block<'_>> {
    model.borrow_mut().unit = unit;
    Channel::new(Block::Command(model), Block::Control(model), unit)
}

impl Ports for Block<'_> {
    fn read8(&self, offset: u16) -> u8 {
        match (self, offset) {
            (Self::Control(model), 0) | (Self::Command(model), 7) => model.borrow_mut().look(),
            (Self::Command(model), 2..=5) => model.borrow().registers[usize::from(offset - 2)],
            _ => panic!("a read of {offset}"),
        }
    }

    fn write8(&self, offset: u16, value: u8) {
        match (self, offset) {
            (Self::Control(model), 0) => model.borrow_mut().set_control(value),
            (Self::Command(model), _) => model.borrow_mut().set(offset, value),
            _ => panic!("a write to {offset}"),
        }
    }

    fn read16(&self, offset: u16) -> u16 {
        let Self::Command(model) = self else { panic!("no such register") };
        assert_eq!(offset, 0);
        model.borrow_mut().read_data()
    }

    fn write16(&self, offset: u16, value: u16) {
        let Self::Command(model) = self else { panic!("no such register") };
        assert_eq!(offset, 0);
        model.borrow_mut().write_data(value);
    }
}
