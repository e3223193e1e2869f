//! The registers of a channel, and the rules for touching them: who is busy, when a status counts, how a command is begun.

use anax_device::{Broken, Ports};

/// Offsets in the command block.
const DATA: u16 = 0;
const SECTOR_COUNT: u16 = 2;
const LBA_LOW: u16 = 3;
const LBA_MID: u16 = 4;
const LBA_HIGH: u16 = 5;
const DEVICE: u16 = 6;
const STATUS_COMMAND: u16 = 7;
/// The one register of the control block.
const ALTERNATE_CONTROL: u16 = 0;

/// Bits of the device register: that the address is a block's number, and those that were once obligatory.
const DEVICE_LBA: u8 = 1 << 6;
const DEVICE_OBSOLETE: u8 = 1 << 7 | 1 << 5;

/// Bits of the device control register: a reset of both devices, and no interrupts.
const CONTROL_RESET: u8 = 1 << 2;
const CONTROL_NO_INTERRUPTS: u8 = 1 << 1;

/// Reads of the alternate status that take 400 ns at least, after which a status counts; and 5 us, for a reset.
const SETTLE_READS: u32 = 4;
const RESET_READS: u32 = 50;
/// So often a busy device is looked at before the caller does something else.
const LOOKS: u32 = 64;

/// Words of a sector.
pub(crate) const SECTOR_WORDS: usize = 256;

/// Which device of a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Device 0.
    Master,
    /// Device 1.
    Slave,
}

/// The status of a device that is not busy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Status(u8);

impl Status {
    const BUSY: u8 = 1 << 7;
    const READY: u8 = 1 << 6;
    const FAULT: u8 = 1 << 5;
    const DATA_REQUEST: u8 = 1 << 3;
    const ERROR: u8 = 1;

    /// The command has ended badly.
    pub(crate) const fn failed(self) -> bool {
        self.0 & (Self::ERROR | Self::FAULT) != 0
    }

    /// The device wants to move a block of data.
    pub(crate) const fn wants_data(self) -> bool {
        self.0 & Self::DATA_REQUEST != 0
    }

    /// It takes commands.
    pub(crate) const fn ready(self) -> bool {
        self.0 & Self::READY != 0
    }
}

/// A command with all that it needs. Sectors are in the order of the bytes of the registers, the lowest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Command {
    pub(crate) code: u8,
    pub(crate) address: Address,
    /// 1 to 256 sectors, or none.
    pub(crate) count: u16,
}

/// How sectors are named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Address {
    /// By 28 bits.
    Short(u32),
    /// By 48 bits: each register is written twice, the upper half first.
    Long(u64),
}

/// A channel's ports, and the device of it that is used.
#[derive(Debug)]
pub struct Channel<P> {
    command: P,
    control: P,
    unit: Unit,
}

impl<P: Ports> Channel<P> {
    /// Over the eight ports of the command block and the one of the control block: 0x1f0 and 0x3f6, or 0x170 and 0x376.
    #[must_use]
    pub const fn new(command: P, control: P, unit: Unit) -> Self {
        Self { command, control, unit }
    }

    /// Resets both devices. They are busy with it for up to 31 seconds, and for 2 ms nothing they say counts.
    pub(crate) fn reset(&self) {
        self.control.write8(ALTERNATE_CONTROL, CONTROL_RESET | CONTROL_NO_INTERRUPTS);
        self.look(RESET_READS);
        self.control.write8(ALTERNATE_CONTROL, 0);
    }

    /// Resets both devices and leaves them without interrupts.
    pub(crate) fn silence(&self) {
        self.reset();
        self.control.write8(ALTERNATE_CONTROL, CONTROL_NO_INTERRUPTS);
    }

    /// The status, which takes the interrupt down; nothing while the device is busy.
    ///
    /// # Errors
    /// [`Broken`] if there is none.
    pub(crate) fn status(&self) -> Result<Option<Status>, Broken> {
        let mut status = self.look(SETTLE_READS);
        for _ in 0..LOOKS {
            if status & Status::BUSY == 0 {
                return Ok(
                    Some(Status(self.command.read8(STATUS_COMMAND))).filter(|now| now.0 & Status::BUSY == 0)
                );
            }
            status = self.look(1);
        }
        // An empty bus.
        if status == u8::MAX { Err(Broken) } else { Ok(None) }
    }

    /// Makes the registers this device's.
    pub(crate) fn select(&self) {
        self.command.write8(DEVICE, self.device(0));
    }

    /// The signature that a packet device leaves behind after a reset.
    pub(crate) fn is_packet_device(&self) -> bool {
        (self.command.read8(LBA_MID), self.command.read8(LBA_HIGH)) == (0x14, 0xeb)
    }

    /// Begins a command.
    ///
    /// # Errors
    /// [`Broken`] if the device is at something else.
    pub(crate) fn begin(&self, command: Command) -> Result<(), Broken> {
        self.select();
        let idle = self.status()?.filter(|status| !status.wants_data() && status.ready());
        idle.ok_or(Broken)?;
        let write = |count: u16, low: u32| {
            let [low, mid, high, _] = low.to_le_bytes();
            self.command.write8(SECTOR_COUNT, count as u8);
            self.command.write8(LBA_LOW, low);
            self.command.write8(LBA_MID, mid);
            self.command.write8(LBA_HIGH, high);
        };
        let rest = match command.address {
            Address::Short(sector) => {
                write(command.count, sector);
                (sector >> 24) as u8 & 0x0f
            }
            Address::Long(sector) => {
                write(command.count >> 8, (sector >> 24) as u32);
                write(command.count, sector as u32);
                0
            }
        };
        self.command.write8(DEVICE, self.device(rest));
        self.command.write8(STATUS_COMMAND, command.code);
        Ok(())
    }

    /// Moves a block from the device.
    pub(crate) fn read(&self, block: &mut [u16; SECTOR_WORDS]) {
        self.command.read16_all(DATA, block);
    }

    /// Moves a block to the device.
    pub(crate) fn write(&self, block: &[u16; SECTOR_WORDS]) {
        self.command.write16_all(DATA, block);
    }

    fn device(&self, rest: u8) -> u8 {
        let unit = if self.unit == Unit::Slave { 1 << 4 } else { 0 };
        DEVICE_OBSOLETE | DEVICE_LBA | unit | rest
    }

    /// The alternate status, read so often: that takes nothing down.
    fn look(&self, reads: u32) -> u8 {
        (0..reads).fold(0, |_, _| self.control.read8(ALTERNATE_CONTROL))
    }
}
