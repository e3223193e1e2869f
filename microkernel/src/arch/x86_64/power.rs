//! Ending it all: the emulator's exit doors, then ACPI's soft-off, then sleep. Or from the beginning: ACPI's reset, then the older ways.

use ::x86_64::instructions::port::Port;
use microkernel_core::acpi::{Register, Reset};

use super::serial::{Line, flush};
use crate::start;

/// QEMU's `isa-debug-exit` device: a written value `v` ends QEMU with status `2v + 1`.
const DEBUG_EXIT: u16 = 0xf4;
/// Bochs ends when "Shutdown" is written here.
const BOCHS_EXIT: u16 = 0x8900;
/// Sleep-enable bit of the PM1 control register (ACPI 6.5, section 4.8.3.2.1).
const SLEEP_ENABLE: u16 = 1 << 13;

/// Powers off; `status` reaches whoever started the emulator where it has a door for it: QEMU exits with `2 * status + 1`.
pub(crate) fn off(status: u8) -> ! {
    [Line::Com1, Line::Com2].into_iter().for_each(flush);
    // SAFETY: ports that exist on the emulators only and do nothing elsewhere; nothing after this matters.
    unsafe {
        Port::<u32>::new(DEBUG_EXIT).write(u32::from(status));
        for byte in *b"Shutdown" {
            Port::<u8>::new(BOCHS_EXIT).write(byte);
        }
    }
    if let Some(soft_off) = start::machine().and_then(|machine| machine.platform.power) {
        if let Some(enable) = soft_off.enable {
            // SAFETY: the ports that the validated FADT names for taking power management over from firmware.
            unsafe {
                let mut control = Port::<u16>::new(soft_off.pm1a_control);
                if control.read() & 1 == 0 {
                    Port::<u8>::new(enable.port).write(enable.value);
                    (0..1_000_000).find(|_| control.read() & 1 != 0);
                }
            }
        }
        let value = |slp_typ: u8| u16::from(slp_typ) << 10 | SLEEP_ENABLE;
        // SAFETY: the ports and values that the validated FADT and DSDT name for this purpose.
        unsafe {
            Port::<u16>::new(soft_off.pm1a_control).write(value(soft_off.slp_typ_a));
            if let Some(pm1b_control) = soft_off.pm1b_control {
                Port::<u16>::new(pm1b_control).write(value(soft_off.slp_typ_b));
            }
        }
    }
    super::cpu::halt_forever()
}

/// Resets the machine, which begins anew.
pub(crate) fn restart() -> ! {
    [Line::Com1, Line::Com2].into_iter().for_each(flush);
    let reset = start::machine().and_then(|machine| machine.platform.reset);
    // SAFETY: the register that the validated FADT names; the reset control register of PC chipsets, a hard reset; the keyboard
    // controller's pulse on the reset line. Nothing after this matters.
    unsafe {
        if let Some(Reset { register: Register::Port(port), value }) = reset {
            Port::new(port).write(value);
        }
        Port::<u8>::new(0xcf9).write(6);
        Port::<u8>::new(0x64).write(0xfe);
    }
    super::cpu::halt_forever()
}
