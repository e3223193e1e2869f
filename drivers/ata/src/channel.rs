//! The registers of a channel, and the rules for touching them: who is busy, when a status counts, how a command is begun.

use anax_device::{Broken, Ports};

/// Offsets in the command block: data; sector count, LBA low, mid and high; device; status or command. In the control block: the
/// alternate status or device control.
const DATA: u16 = 0;
const ADDRESS: [u16; 4] = [2, 3, 4, 5];
const DEVICE: u16 = 6;
const STATUS_COMMAND: u16 = 7;
const ALTERNATE_CONTROL: u16 = 0;

/// Bits of the device register: that the address is a block's number, and two that were once obligatory.
const DEVICE_LBA: u8 = 1 << 7 | 1 << 6 | 1 << 5;

/// Bits of the device control register: a reset of both devices, and no interrupts.
const CONTROL_RESET: u8 = 1 << 2;
const CONTROL_NO_INTERRUPTS: u8 = 1 << 1;

/// Reads of the alternate status that take 400 ns at least, after which a status counts; and 5 us, for a reset.
const SETTLE_READS: u32 = 4;
const RESET_READS: u32 = 50;
/// So often a busy device is looked at before the caller does something else.
const LOOKS: usize = 64;

/// Bytes of a sector, and of a block of data.
pub(crate) const SECTOR_BYTES: usize = 512;

/// Which device of a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Device 0.
    Master,
    /// Device 1.
    Slave,
}

/// The device is busy: no other bit of its status counts.
const BUSY: u8 = 1 << 7;

/// The status of a device that is not busy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Status {
    /// The command has ended badly: an error, or a fault of the device.
    pub(crate) failed: bool,
    /// The device wants to move a block of data.
    pub(crate) wants_data: bool,
    /// It takes commands.
    pub(crate) ready: bool,
}

impl Status {
    const fn new(bits: u8) -> Option<Self> {
        if bits & BUSY != 0 {
            return None;
        }
        Some(Self {
            failed: bits & (1 << 5 | 1) != 0,
            wants_data: bits & 1 << 3 != 0,
            ready: bits & 1 << 6 != 0,
        })
    }
}

/// A command with all that it needs.
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

    /// Whether one of the devices is at something, and be it a reset.
    pub(crate) fn is_busy(&self) -> bool {
        let bits = self.look(1);
        // An empty bus is at nothing.
        bits & BUSY != 0 && bits != u8::MAX
    }

    /// Resets both devices. They are busy with it for up to 31 seconds, and for 2 ms nothing they say counts. Where firmware has left a device
    /// selected that is not there, nobody would say that the other one is busy (QEMU 7.2), so this one is selected first.
    pub(crate) fn reset(&self) {
        if !self.is_busy() && cfg!(not(bite = "ata-resets-unselected")) {
            self.command.write8(DEVICE, self.device(0));
        }
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
        let mut looks = core::iter::once(SETTLE_READS).chain([1; LOOKS]).map(|reads| self.look(reads));
        match looks.find_map(|bits| (bits & BUSY == 0).then(|| self.command.read8(STATUS_COMMAND))) {
            Some(bits) => Ok(Status::new(bits)),
            // An empty bus.
            None if self.look(1) == u8::MAX => Err(Broken),
            None => Ok(None),
        }
    }

    /// Makes the registers this device's, and returns its status; nothing while one of the two devices is busy.
    ///
    /// # Errors
    /// [`Broken`] if there is none.
    pub(crate) fn select(&self) -> Result<Option<Status>, Broken> {
        if self.status()?.is_none() {
            return Ok(None);
        }
        self.command.write8(DEVICE, self.device(0));
        self.status()
    }

    /// The signature that a packet device leaves behind after a reset.
    pub(crate) fn is_packet_device(&self) -> bool {
        let [_, _, mid, high] = ADDRESS.map(|offset| self.command.read8(offset));
        (mid, high) == (0x14, 0xeb)
    }

    /// Begins a command.
    ///
    /// # Errors
    /// [`Broken`] if the device is at something else.
    pub(crate) fn begin(&self, command: Command) -> Result<(), Broken> {
        let idle = self.select()?.filter(|status| !status.wants_data && status.ready);
        idle.ok_or(Broken)?;
        let write = |count: u16, sector: u32| {
            let [low, mid, high, _] = sector.to_le_bytes();
            let values = [count as u8, low, mid, high];
            ADDRESS.into_iter().zip(values).for_each(|(offset, value)| self.command.write8(offset, value));
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
    pub(crate) fn read(&self, block: &mut [u8; SECTOR_BYTES]) {
        self.command.read16_all(DATA, block);
    }

    /// Moves a block to the device.
    pub(crate) fn write(&self, block: &[u8; SECTOR_BYTES]) {
        self.command.write16_all(DATA, block);
    }

    fn device(&self, rest: u8) -> u8 {
        let unit = if self.unit == Unit::Slave { 1 << 4 } else { 0 };
        DEVICE_LBA | unit | rest
    }

    /// The alternate status, read so often: that takes nothing down.
    fn look(&self, reads: u32) -> u8 {
        (0..reads).fold(0, |_, _| self.control.read8(ALTERNATE_CONTROL))
    }
}
