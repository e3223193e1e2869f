//! Clocks of known frequency, to measure the time-stamp counter by: HPET, the ACPI PM timer, else the PIT.

use ::x86_64::instructions::port::Port;
use ::x86_64::{PhysAddr, VirtAddr};
use microkernel_core::acpi::{Platform, PmTimer, PmTimerWidth, Register};
use microkernel_core::clock::{self, Reference as _};

use crate::mm::window;

/// A running reference clock.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Reference {
    /// High-precision event timer; the address of its registers (IA-PC HPET specification 1.0a, section 2.3).
    Hpet {
        /// Where its registers are mapped.
        registers: VirtAddr,
        /// Ticks a second.
        hertz: u64,
        /// Width of the counter.
        bits: u32,
    },
    /// The PM timer of the ACPI fixed hardware.
    Pm {
        /// Its port.
        port: u16,
        /// Width of the counter.
        bits: u32,
    },
    /// Channel 2 of the programmable interval timer, counting down from 65,536.
    Pit,
}

const HPET_CAPABILITIES: u64 = 0;
const HPET_CONFIGURATION: u64 = 0x10;
const HPET_COUNTER: u64 = 0xf0;
const PM_HERTZ: u64 = 3_579_545;
const PIT_HERTZ: u64 = 1_193_182;
const FEMTOSECONDS: u64 = 1_000_000_000_000_000;

impl Reference {
    /// Starts the best one that the machine has. Boot CPU.
    pub(crate) fn start(platform: &Platform) -> Self {
        platform
            .hpet
            .and_then(|hpet| Self::start_hpet(PhysAddr::try_new(hpet.address).ok()?))
            .or_else(|| match platform.pm_timer {
                Some(PmTimer { register: Register::Port(port), width }) => {
                    let bits = match width {
                        PmTimerWidth::Bits24 => 24,
                        PmTimerWidth::Bits32 => 32,
                    };
                    let pm = Self::Pm { port, bits };
                    // A port where no timer is reads the same for ever.
                    let first = pm.read();
                    (0..1000).any(|_| pm.read() != first).then_some(pm)
                }
                // A memory-mapped one is found on machines that have an HPET as well.
                Some(PmTimer { register: Register::Memory(_), .. }) | None => None,
            })
            .unwrap_or_else(Self::start_pit)
    }

    fn start_hpet(address: PhysAddr) -> Option<Self> {
        let registers = window::device(address, 1024).ok()?;
        let read = |offset: u64| {
            // SAFETY: the HPET's registers, mapped just now.
            unsafe { (registers + offset).as_ptr::<u64>().read_volatile() }
        };
        let capabilities = read(HPET_CAPABILITIES);
        // Femtoseconds a tick: at most 100 ns by the specification; 0 or all ones is no HPET.
        let period = capabilities >> 32;
        if !(1..=100_000_000).contains(&period) {
            return None;
        }
        let bits = if capabilities & (1 << 13) != 0 { 64 } else { 32 };
        // SAFETY: sets the overall enable bit, keeping legacy routing as it is (off, or firmware's business).
        unsafe {
            (registers + HPET_CONFIGURATION).as_mut_ptr::<u64>().write_volatile(read(HPET_CONFIGURATION) | 1);
        }
        let first = read(HPET_COUNTER);
        let runs = (0..10_000).any(|_| read(HPET_COUNTER) != first);
        runs.then_some(Self::Hpet { registers, hertz: FEMTOSECONDS / period, bits })
    }

    /// Lets channel 2 run from 65,536 down, its output not to the speaker (Intel 8254 data sheet, mode 0 and 2).
    fn start_pit() -> Self {
        // SAFETY: the PIT's and the system control port; only the unused speaker channel is touched.
        unsafe {
            let mut control = Port::<u8>::new(0x61);
            let value = control.read();
            control.write(value & !2 | 1);
            Port::<u8>::new(0x43).write(0b1011_0100);
            Port::<u8>::new(0x42).write(0);
            Port::<u8>::new(0x42).write(0);
        }
        Self::Pit
    }

    /// What it is called.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Hpet { .. } => "HPET",
            Self::Pm { .. } => "PM timer",
            Self::Pit => "PIT",
        }
    }
}

impl clock::Reference for Reference {
    fn hertz(&self) -> u64 {
        match self {
            Self::Hpet { hertz, .. } => *hertz,
            Self::Pm { .. } => PM_HERTZ,
            Self::Pit => PIT_HERTZ,
        }
    }

    fn bits(&self) -> u32 {
        match self {
            Self::Hpet { bits, .. } | Self::Pm { bits, .. } => *bits,
            Self::Pit => 16,
        }
    }

    fn read(&self) -> u64 {
        match self {
            Self::Hpet { registers, bits, .. } => {
                let counter = *registers + HPET_COUNTER;
                // SAFETY: the mapped main counter; a 32-bit HPET is read as such.
                unsafe {
                    match bits {
                        64 => counter.as_ptr::<u64>().read_volatile(),
                        _ => u64::from(counter.as_ptr::<u32>().read_volatile()),
                    }
                }
            }
            Self::Pm { port, bits } => {
                // SAFETY: the PM timer's port, from the validated FADT; reading has no effect.
                let value = unsafe { Port::<u32>::new(*port).read() };
                u64::from(value) & ((1 << bits) - 1)
            }
            // SAFETY: latches and reads channel 2, low byte first.
            Self::Pit => unsafe {
                Port::<u8>::new(0x43).write(0b1000_0000);
                let low = Port::<u8>::new(0x42).read();
                let high = Port::<u8>::new(0x42).read();
                u64::from(u16::from_le_bytes([low, high]).wrapping_neg())
            },
        }
    }
}
