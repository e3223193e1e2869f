//! IO-APICs: the board's interrupt lines, each led to a vector of one CPU (Intel 82093AA data sheet; SDM volume 3A, chapter 11).
//!
//! All registers of one are reached through a single pair, index and window, whichever CPU a line is led to. So each has a small
//! spin lock, held with interrupts off for a handful of accesses. Edge-triggered lines stay open from one interrupt to the next
//! and never meet it. Level-triggered ones are masked until they have been answered and pay for it twice an interrupt: devices
//! that care have MSI-X.

use ::x86_64::PhysAddr;
use arrayvec::ArrayVec;
use microkernel_core::acpi::{IoApic as FoundIoApic, MAX_IO_APICS, Platform, Polarity, Trigger, Wiring};
use spin::{Mutex, Once};
use x2apic::ioapic::{IoApic, IrqFlags, RedirectionTableEntry};

use super::cpu::InterruptsOff;
use crate::mm::window;

struct Chip {
    /// Global interrupt number of pin 0.
    first: u32,
    /// Its last pin.
    last: u8,
    registers: Mutex<IoApic>,
}

static CHIPS: Once<ArrayVec<Chip, MAX_IO_APICS>> = Once::new();

/// Whether a source's interrupts are held back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Gate {
    /// They are.
    Masked,
    /// They come through.
    Open,
}

/// Finds all IO-APICs and masks every line of theirs, until a driver asks. Boot CPU, once, when memory is up.
pub(crate) fn discover(platform: &Platform) {
    CHIPS.call_once(|| platform.io_apics.iter().filter_map(open).collect());
}

fn open(found: &FoundIoApic) -> Option<Chip> {
    let Ok(base) = window::device(PhysAddr::new_truncate(found.address.into()), 4096) else {
        log::warn!("IO-APIC {} at {:#x} is out of reach", found.id, found.address);
        return None;
    };
    // SAFETY: the registers were just mapped uncached, for ever; each IO-APIC is opened once.
    let mut registers = unsafe { IoApic::new(base.as_u64()) };
    // SAFETY: reads a register. The data sheet's largest table has 240 lines: all ones is no IO-APIC.
    let last = unsafe { registers.max_table_entry() }.min(239);
    for line in 0..=last {
        let mut entry = RedirectionTableEntry::default();
        entry.set_flags(IrqFlags::MASKED);
        // SAFETY: the line is masked by what is written, low word first.
        unsafe { registers.set_table_entry(line, entry) };
    }
    log::debug!("IO-APIC {} at {:#x}: {} lines", found.id, found.address, last + 1);
    Some(Chip { first: found.gsi_base, last, registers: Mutex::new(registers) })
}

/// A line, as the pin that it arrives at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pin {
    chip: u8,
    number: u8,
}

impl Pin {
    /// Where global interrupt `gsi` arrives, if it does.
    pub(crate) fn of(gsi: u32) -> Option<Self> {
        CHIPS.get()?.iter().enumerate().find_map(|(chip, Chip { first, last, .. })| {
            let number = u8::try_from(gsi.checked_sub(*first)?).ok()?;
            (number <= *last).then_some(Self { chip: chip as u8, number })
        })
    }

    /// Leads the line to `vector` of the CPU with the local APIC `target`, masked.
    pub(crate) fn route(self, wiring: Wiring, target: u8, vector: u8) {
        let mut flags = IrqFlags::MASKED;
        flags.set(IrqFlags::LEVEL_TRIGGERED, wiring.trigger == Trigger::Level);
        flags.set(IrqFlags::LOW_ACTIVE, wiring.polarity == Polarity::Low);
        let mut entry = RedirectionTableEntry::default();
        entry.set_vector(vector);
        entry.set_flags(flags);
        entry.set_dest(target);
        // SAFETY: masked by the word that is written first; the vector has a handler.
        self.with(|registers| unsafe { registers.set_table_entry(self.number, entry) });
    }

    /// Holds the line's interrupts back (edges are lost meanwhile, a level stays) or lets them through, once it is routed.
    pub(crate) fn set(self, gate: Gate) {
        // SAFETY: changes the mask bit of a pin that exists; it is opened only when its vector has a handler.
        self.with(|registers| unsafe {
            match gate {
                Gate::Masked => registers.disable_irq(self.number),
                Gate::Open => registers.enable_irq(self.number),
            }
        });
    }

    fn with(self, action: impl FnOnce(&mut IoApic)) {
        let _off = InterruptsOff::new();
        if let Some(chip) = CHIPS.get().and_then(|chips| chips.get(usize::from(self.chip))) {
            action(&mut chip.registers.lock());
        }
    }
}

#[cfg(feature = "test")]
impl Pin {
    /// Whether it holds interrupts back.
    pub(crate) fn is_masked(self) -> Option<bool> {
        Some(self.flags()?.contains(IrqFlags::MASKED))
    }

    /// Whether it lets interrupts through and none of its own is under way: sent by the device, and not yet ended by a CPU. Level-triggered
    /// lines only: of edges nobody keeps account.
    pub(crate) fn is_at_rest(self) -> Option<bool> {
        let under_way = IrqFlags::SEND_PENDING | IrqFlags::REMOTE_IRR;
        Some(!self.flags()?.intersects(IrqFlags::MASKED | under_way))
    }

    fn flags(self) -> Option<IrqFlags> {
        let mut flags = None;
        // SAFETY: reads an entry of a pin that exists.
        let entry = |registers: &mut IoApic| unsafe { registers.table_entry(self.number) };
        self.with(|registers| flags = Some(entry(registers).flags()));
        flags
    }
}
