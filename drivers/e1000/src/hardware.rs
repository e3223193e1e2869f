//! The registers beside the rings': reset, address, settings, statistics.

use anax_device::{DmaAddress, Registers};
use anax_e1000::fence;
use anax_e1000::registers::*;
use anax_frames::Mac;

/// Reads of a register after which the device is given up: tens of milliseconds on a bus.
const PATIENCE: u32 = 50_000;
/// Transmit interrupts wait so long for another frame, and at most so long altogether, in units of 1.024 µs.
const TRANSMIT_DELAY: [u32; 2] = [64, 250];

/// Why a device does not come up, or does not stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetupError {
    /// All ones: there is no device any more.
    Gone,
    /// It does not end its reset, or does not stop.
    Stuck,
    /// The memory is too small.
    Memory,
    /// It has no address of its own.
    Address,
}

/// The least time from one interrupt to the next (13.4.18).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Throttle(u16);

impl Throttle {
    /// Rounded down to 256 ns, and to 16.7 ms at most; 0 throttles nothing.
    #[must_use]
    pub const fn from_microseconds(microseconds: u32) -> Self {
        let units = microseconds as u64 * 1000 / 256;
        Self(if units > u16::MAX as u64 { u16::MAX } else { units as u16 })
    }
}

/// What the device has counted (13.7), since it was reset first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Good frames received.
    pub received: u64,
    /// Good frames sent.
    pub sent: u64,
    /// Frames with a bad checksum.
    pub damaged: u64,
    /// Frames missed because the device's memory was full.
    pub missed: u64,
    /// Times that a frame found no buffer.
    pub no_buffer: u64,
    /// Frames cut into segments.
    pub cut: u64,
    /// Frames whose cutting failed.
    pub cut_badly: u64,
}

impl Statistics {
    /// Adds what was counted since the last time.
    pub(crate) fn add(&mut self, registers: &impl Registers) {
        let frames = [(&mut self.received, GPRC), (&mut self.sent, GPTC), (&mut self.damaged, CRCERRS)];
        let full = [(&mut self.missed, MPC), (&mut self.no_buffer, RNBC)];
        let cut = [(&mut self.cut, TSCTC), (&mut self.cut_badly, TSCTFC)];
        for (sum, register) in frames.into_iter().chain(full).chain(cut) {
            // All ones is no count: the device is gone.
            *sum +=
                u64::from(Some(registers.read32(register)).filter(|count| *count != u32::MAX).unwrap_or(0));
        }
    }
}

/// Stops the device and resets it (14.3), all but the link's own part. Bounded.
pub(crate) fn reset(registers: &impl Registers) -> Result<(), SetupError> {
    // Asked a second time below.
    let _ = fence(registers);
    registers.write32(CTRL, registers.read32(CTRL) | CTRL_RST);
    let ended = (0..PATIENCE).any(|_| registers.read32(CTRL) & CTRL_RST == 0);
    let fenced = fence(registers).is_ok();
    match registers.read32(STATUS) {
        u32::MAX => Err(SetupError::Gone),
        _ if !ended || !fenced => Err(SetupError::Stuck),
        _ => Ok(()),
    }
}

/// The device's address: as it loaded it from the EEPROM by itself (13.5), or read from there (13.4.4).
pub(crate) fn mac(registers: &impl Registers) -> Result<Mac, SetupError> {
    let (low, high) = (registers.read32(RAL), registers.read32(RAH));
    let loaded = (high & RAH_VALID != 0).then(|| u64::from(high & 0xffff) << 32 | u64::from(low));
    let usable = |address: &u64| *address != 0 && address & 1 == 0;
    let address = loaded.filter(usable).or_else(|| eeprom(registers).filter(usable));
    let [a, b, c, d, e, f, ..] = address.ok_or(SetupError::Address)?.to_le_bytes();
    Ok(Mac([a, b, c, d, e, f]))
}

fn eeprom(registers: &impl Registers) -> Option<u64> {
    let word = |number: u32| {
        registers.write32(EERD, EERD_START | number << 8);
        let read = (0..PATIENCE).map(|_| registers.read32(EERD)).find(|value| value & EERD_DONE != 0);
        read.filter(|value| *value != u32::MAX).map(|value| u64::from(value >> 16))
    };
    Some(word(0)? | word(1)? << 16 | word(2)? << 32)
}

/// Settings, after a reset and before the rings run.
pub(crate) fn configure(registers: &impl Registers, mac: Mac, throttle: Throttle) {
    let [a, b, c, d, e, f] = mac.0;
    registers.write32(RAL, u32::from_le_bytes([a, b, c, d]));
    registers.write32(RAH, RAH_VALID | u32::from_le_bytes([e, f, 0, 0]));
    (0..MTA_WORDS).for_each(|word| registers.write32(MTA + 4 * word, 0));
    registers.write32(CTRL, CTRL_FD | CTRL_ASDE | CTRL_SLU);
    registers.write32(RDTR, 0);
    registers.write32(TIDV, TRANSMIT_DELAY[0]);
    registers.write32(TADV, TRANSMIT_DELAY[1]);
    registers.write32(ITR, throttle.0.into());
    registers.write32(RXCSUM, RXCSUM_BOTH);
    registers.write32(TIPG, TIPG_COPPER);
}

/// A ring's registers, from `ring` on: all before `first` counts as done. Both are disabled (14.4, 14.5).
pub(crate) fn place(
    registers: &impl Registers,
    ring: usize,
    (address, bytes): (DmaAddress, u32),
    first: u16,
) {
    registers.write32(ring + BASE_LOW, address.get() as u32);
    registers.write32(ring + BASE_HIGH, (address.get() >> 32) as u32);
    registers.write32(ring + LENGTH, bytes);
    registers.write32(ring + HEAD, first.into());
    registers.write32(ring + TAIL, first.into());
}

/// Starts each direction that does not run yet: QEMU's device hears nothing for a second after a write to the receiver's control.
pub(crate) fn run(registers: &impl Registers) {
    let controls = [(TCTL, EN | TCTL_PSP | TCTL_COLLISIONS), (RCTL, EN | RCTL_MPE | RCTL_BAM | RCTL_SECRC)];
    for (control, value) in controls {
        if registers.read32(control) != value {
            registers.write32(control, value);
        }
    }
}
