//! Registers among the I/O ports of the CPU: the other place that touches hardware.

use core::arch::asm;

/// Device registers in a range of I/O ports, by their offset from its first. Accesses reach the device once each and in program order.
///
/// Offsets are a driver's own constants. Outside of the range reads return all ones, as on an empty bus, and writes are lost.
pub trait Ports {
    /// Reads 8 bits.
    fn read8(&self, offset: u16) -> u8;
    /// Writes 8 bits.
    fn write8(&self, offset: u16, value: u8);
    /// Reads 16 bits.
    fn read16(&self, offset: u16) -> u16;
    /// Writes 16 bits.
    fn write16(&self, offset: u16, value: u16);

    /// Fills `to`, an even number of bytes, with what the same port gives, 16 bits at a time, the lower byte first.
    fn read16_all(&self, offset: u16, to: &mut [u8]) {
        to.as_chunks_mut().0.iter_mut().for_each(|pair| *pair = self.read16(offset).to_le_bytes());
    }

    /// Writes all of `from`, an even number of bytes, to the same port, 16 bits at a time, the lower byte first.
    fn write16_all(&self, offset: u16, from: &[u8]) {
        from.as_chunks().0.iter().for_each(|pair| self.write16(offset, u16::from_le_bytes(*pair)));
    }
}

/// A range of the CPU's I/O ports.
#[derive(Clone, Copy, Debug)]
pub struct IoPorts {
    first: u16,
    count: u16,
}

impl IoPorts {
    /// `count` ports from `first` on.
    ///
    /// # Safety
    /// The device behind them is the caller's. That the calling thread may use them is not a condition: where it may not, an
    /// access is a fault.
    #[must_use]
    #[expect(unsafe_code, reason = "a device can be made to write memory")]
    pub const unsafe fn new(first: u16, count: u16) -> Self {
        Self { first, count }
    }

    /// The port at `offset`, if the access does not end behind the range.
    fn port(self, offset: u16, bytes: u16) -> Option<u16> {
        let end = offset.checked_add(bytes)?;
        if end > self.count { None } else { self.first.checked_add(offset) }
    }
}

#[expect(unsafe_code, reason = "ports are reached by instructions of their own")]
impl Ports for IoPorts {
    fn read8(&self, offset: u16) -> u8 {
        let Some(port) = self.port(offset, 1) else { return u8::MAX };
        let value;
        // SAFETY: a register of the caller's device, as `new`'s caller promised; nothing else is touched.
        unsafe {
            asm!("in al, dx", out("al") value, in("dx") port, options(nomem, nostack, preserves_flags))
        };
        value
    }

    fn write8(&self, offset: u16, value: u8) {
        let Some(port) = self.port(offset, 1) else { return };
        // SAFETY: as for reading; the device may look at memory by then, so that this stays after what was stored before.
        unsafe { asm!("out dx, al", in("dx") port, in("al") value, options(nostack, preserves_flags)) };
    }

    fn read16(&self, offset: u16) -> u16 {
        let Some(port) = self.port(offset, 2) else { return u16::MAX };
        let value;
        // SAFETY: as for 8 bits.
        unsafe {
            asm!("in ax, dx", out("ax") value, in("dx") port, options(nomem, nostack, preserves_flags))
        };
        value
    }

    fn write16(&self, offset: u16, value: u16) {
        let Some(port) = self.port(offset, 2) else { return };
        // SAFETY: as for 8 bits.
        unsafe { asm!("out dx, ax", in("dx") port, in("ax") value, options(nostack, preserves_flags)) };
    }
}
