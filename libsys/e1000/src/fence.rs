//! What a supervisor must know of such a card: which device is one, and how to stop one whose driver is dead.

use anax_device::{Broken, ConfigSpace, Registers};

use crate::registers::{EN, IMC, RCTL, STATUS, TCTL};

/// Vendor and device of the 82540EM, as the first word of configuration space has them.
const E1000: u32 = 0x100e_8086;

/// Bytes of the registers' window, base address register 0.
pub const REGISTER_BYTES: u64 = 128 * 1024;

/// Whether this function is an 82540EM, which QEMU and Bochs call e1000.
pub fn is_e1000(config: &impl ConfigSpace) -> bool {
    config.read(0) == E1000
}

/// Stops transmitting, receiving and interrupting. The link, the address and the rings' registers stay as they are, so that a
/// successor can adopt them. What the device was moving at this moment it may still move: whoever needs to be sure takes bus
/// mastering away first, or resets it next.
///
/// # Errors
/// [`Broken`] if it does not obey, or is gone.
pub fn fence(registers: &impl Registers) -> Result<(), Broken> {
    registers.write32(IMC, u32::MAX);
    for control in [RCTL, TCTL] {
        let value = registers.read32(control);
        if value & EN != 0 {
            registers.write32(control, value & !EN);
        }
    }
    // The reads also push the writes out to the device.
    let stopped = [RCTL, TCTL].iter().all(|control| registers.read32(*control) & EN == 0);
    if stopped && registers.read32(STATUS) != u32::MAX { Ok(()) } else { Err(Broken) }
}
