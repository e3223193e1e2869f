//! Ending it all: the emulator's exit doors, then ACPI's soft-off, then sleep.

use ::x86_64::instructions::port::Port;
use microkernel_core::acpi::PowerOff;
use spin::Once;

static SOFT_OFF: Once<PowerOff> = Once::new();

/// QEMU's `isa-debug-exit` device: a written value `v` ends QEMU with status `2v + 1`.
const DEBUG_EXIT: u16 = 0xf4;
/// Bochs ends when "Shutdown" is written here.
const BOCHS_EXIT: u16 = 0x8900;
/// Sleep-enable bit of the PM1 control register (ACPI 6.5, section 4.8.3.2.1).
const SLEEP_ENABLE: u16 = 1 << 13;

/// Remembers how ACPI switches this machine off.
pub(crate) fn remember(soft_off: PowerOff) {
    SOFT_OFF.call_once(|| soft_off);
}

/// Powers off; `status` reaches whoever started the emulator where it has a door for it: QEMU exits with `2 * status + 1`.
pub(crate) fn off(status: u8) -> ! {
    use super::serial::{Line, flush};
    flush(Line::Com1);
    flush(Line::Com2);
    // SAFETY: ports that exist on the emulators only and do nothing elsewhere; nothing after this matters.
    unsafe {
        Port::<u32>::new(DEBUG_EXIT).write(u32::from(status));
        for byte in *b"Shutdown" {
            Port::<u8>::new(BOCHS_EXIT).write(byte);
        }
    }
    if let Some(soft_off) = SOFT_OFF.get() {
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
