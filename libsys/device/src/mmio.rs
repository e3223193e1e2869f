//! Registers that are mapped memory: the only place that touches hardware.

use core::ptr::NonNull;

use crate::Registers;

/// A window of mapped device registers, or a part of one.
#[derive(Clone, Copy, Debug)]
pub struct Mmio {
    start: NonNull<u8>,
    length: usize,
}

/// The part is not within the window, or not aligned to 4 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MmioError;

impl Mmio {
    /// Mapped registers, from their first byte and length in bytes.
    ///
    /// # Errors
    /// [`MmioError`] if the first byte isn't aligned to 4 bytes.
    ///
    /// # Safety
    /// For as long as the value or a part of it is used, the registers stay mapped uncached, readable and writable, and
    /// no Rust object lies there.
    #[expect(unsafe_code, reason = "registers are known by their address")]
    pub unsafe fn new(start: NonNull<u8>, length: usize) -> Result<Self, MmioError> {
        if !start.addr().get().is_multiple_of(4) || length > isize::MAX as usize {
            return Err(MmioError);
        }
        Ok(Self { start, length })
    }

    /// `length` bytes from `offset`.
    ///
    /// # Errors
    /// [`MmioError`].
    pub fn part(self, offset: usize, length: usize) -> Result<Self, MmioError> {
        let end = offset.checked_add(length).ok_or(MmioError)?;
        if end > self.length || !offset.is_multiple_of(4) {
            return Err(MmioError);
        }
        let start = self.start.as_ptr().wrapping_add(offset);
        Ok(Self { start: NonNull::new(start).ok_or(MmioError)?, length })
    }

    /// The register at `offset`, if all of it is in the window and it is aligned.
    fn register<T>(self, offset: usize) -> Option<NonNull<T>> {
        let end = offset.checked_add(size_of::<T>())?;
        if end > self.length || !offset.is_multiple_of(size_of::<T>()) {
            return None;
        }
        NonNull::new(self.start.as_ptr().wrapping_add(offset).cast())
    }
}

macro_rules! accesses {
    ($($read:ident, $write:ident, $type:ty;)+) => {
        impl Registers for Mmio {
            fn length(&self) -> usize {
                self.length
            }

            $(
                #[expect(unsafe_code, reason = "a register is read by its address")]
                fn $read(&self, offset: usize) -> $type {
                    let Some(register) = self.register(offset) else { return <$type>::MAX };
                    // SAFETY: within the window and aligned, as `register` checked; mapped, as `new`'s caller promised.
                    unsafe { register.read_volatile() }
                }

                #[expect(unsafe_code, reason = "a register is written by its address")]
                fn $write(&self, offset: usize, value: $type) {
                    let Some(register) = self.register(offset) else { return };
                    // SAFETY: as for reading.
                    unsafe { register.write_volatile(value) }
                }
            )+
        }
    };
}
accesses! {
    read8, write8, u8;
    read16, write16, u16;
    read32, write32, u32;
}
