//! The two 8259 interrupt controllers, silenced for good: the IO-APICs do their work.

use ::x86_64::instructions::port::Port;

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
