//! Interrupt controllers of the board, silenced: the two 8259s for good, every line of each IO-APIC until a driver asks.

use ::x86_64::PhysAddr;
use ::x86_64::instructions::port::Port;
use x2apic::ioapic::{IoApic, IrqFlags, RedirectionTableEntry};

use crate::mm::window;

/// Moves the 8259s' vectors out of the exceptions' way and masks all their lines: a spurious one may still come.
pub(crate) fn silence_8259() {
    let write = |port: u16, value: u8| {
        // SAFETY: the 8259s' own ports; the sequence is their initialisation (ICW1 to ICW4), then the masks.
        unsafe {
            Port::<u8>::new(port).write(value);
            // A write to an unused port gives old controllers the time they need.
            Port::<u8>::new(0x80).write(0);
        }
    };
    for (command, data, vector, cascade) in [(0x20, 0x21, 0x20, 4), (0xa0, 0xa1, 0x28, 2)] {
        write(command, 0x11);
        write(data, vector);
        write(data, cascade);
        write(data, 1);
        write(data, 0xff);
    }
}

/// Masks every line of the IO-APIC at `address`; how many it has. Boot CPU.
///
/// # Errors
/// Its registers could not be mapped.
pub(crate) fn silence_io_apic(address: PhysAddr) -> Result<u32, crate::arch::paging::MapError> {
    let base = window::device(address, 4096)?;
    // SAFETY: the registers were just mapped uncached, and nobody else drives this IO-APIC yet.
    let mut io_apic = unsafe { IoApic::new(base.as_u64()) };
    // SAFETY: reads a register of the mapped IO-APIC.
    let last = unsafe { io_apic.max_table_entry() };
    for line in 0..=last {
        let mut entry = RedirectionTableEntry::default();
        entry.set_flags(IrqFlags::MASKED);
        // SAFETY: as above; the line is masked by what is written, low word first.
        unsafe { io_apic.set_table_entry(line, entry) };
    }
    Ok(u32::from(last) + 1)
}

/// Acknowledges an interrupt that an 8259 delivered on line `line` although it is masked (a spurious line 7 or 15).
pub(crate) fn acknowledge_spurious(line: u8) {
    const END_OF_INTERRUPT: u8 = 0x20;
    // SAFETY: the 8259s' command ports. A spurious line 15 has only reached the first 8259; none needs more than this.
    unsafe {
        if line != 7 {
            Port::<u8>::new(0x20).write(END_OF_INTERRUPT);
        }
        if line >= 8 && line != 15 {
            Port::<u8>::new(0xa0).write(END_OF_INTERRUPT);
        }
    }
}
