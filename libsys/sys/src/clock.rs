//! What time it is, without a trap each time: by the time-stamp counter, where that is the kernel's clock.

use core::sync::atomic::{AtomicU64, Ordering};

use anax_abi::Error;
use anax_abi::object::{THIS_THREAD, ThreadCommand};
use anax_clock::TscScale;

use crate::target::Target;
use crate::time::Instant;

/// A tick takes [`MULTIPLIER`] / 2^SHIFT nanoseconds. Stored last; or one of the two below.
static SHIFT: AtomicU64 = AtomicU64::new(UNKNOWN);
static MULTIPLIER: AtomicU64 = AtomicU64::new(0);
/// The counter's value at time 0.
static ZERO: AtomicU64 = AtomicU64::new(0);

/// The kernel was not asked yet.
const UNKNOWN: u64 = u64::MAX;
/// It has to be asked each time.
const ASK: u64 = u64::MAX - 1;

/// What time it is.
///
/// # Errors
/// None beside the usual.
#[inline]
pub(crate) fn now() -> Result<Instant, Error> {
    let shift = SHIFT.load(Ordering::Acquire);
    if shift >= ASK {
        return asked(shift == UNKNOWN);
    }
    let ticks = counter().saturating_sub(ZERO.load(Ordering::Relaxed));
    let nanoseconds = (u128::from(ticks) * u128::from(MULTIPLIER.load(Ordering::Relaxed))) >> shift;
    Ok(Instant::from_nanoseconds(nanoseconds as u64))
}

#[cold]
fn asked(is_first: bool) -> Result<Instant, Error> {
    let answer = Target::from_handle(THIS_THREAD).domsg(ThreadCommand::Time as u32, [0; 5])?;
    if is_first {
        // Several may do this at once, and store the same.
        let [hertz, zero, ..] = answer.words;
        match TscScale::from_hz(hertz) {
            Some(scale) => {
                let (multiplier, shift) = scale.factor();
                MULTIPLIER.store(multiplier, Ordering::Relaxed);
                ZERO.store(zero, Ordering::Relaxed);
                SHIFT.store(shift.into(), Ordering::Release);
            }
            None => SHIFT.store(ASK, Ordering::Relaxed),
        }
    }
    Ok(Instant::from_nanoseconds(answer.result))
}

#[expect(unsafe_code, reason = "an instruction that the language has no name for")]
fn counter() -> u64 {
    // SAFETY: it reads a counter, which the kernel lets everybody read.
    unsafe { core::arch::x86_64::_rdtsc() }
}
