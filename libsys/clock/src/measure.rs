//! Measuring a counter of unknown frequency by a clock of a known one.

use arrayvec::ArrayVec;

use crate::{MAX_SAMPLES, Sample, calibrate, extend_counter};

/// A clock of known frequency.
pub trait Reference {
    /// Ticks a second.
    fn hertz(&self) -> u64;
    /// Width of [`Reference::read`]'s value: it wraps to 0 after this many bits.
    fn bits(&self) -> u32;
    /// The counter, counting up.
    fn read(&self) -> u64;
}

/// Samples taken of a reference.
const SAMPLES: usize = if MAX_SAMPLES < 24 { MAX_SAMPLES } else { 24 };
/// Reads of a reference at most: one that stops is noticed.
const PATIENCE: u64 = 100_000_000;

/// The frequency of `counter` in hertz: measured over about a millisecond (or 10,000 ticks of a slow reference), and up to a
/// quarter of a second where a busy host disturbed too many of the samples: an emulator with more CPUs than the host has is
/// preempted in the middle of most of them. None if the reference does not count or the samples contradict each other.
pub fn measure(reference: &impl Reference, counter: impl Fn() -> u64) -> Option<u64> {
    let span = (reference.hertz() / 1000).max(10_000);
    for factor in [1, 4, 16, 64, 256] {
        let samples = sample(reference, &counter, span * factor);
        if let Ok(calibration) = calibrate(&samples, reference.hertz()) {
            return Some(calibration.hertz);
        }
        // A reference that does not count will not count later either.
        if !samples.is_full() {
            break;
        }
    }
    None
}

/// Samples spread over `span` ticks of the reference: of all readings of each part of it the least disturbed one.
fn sample(reference: &impl Reference, counter: &impl Fn() -> u64, span: u64) -> ArrayVec<Sample, SAMPLES> {
    let step = span / SAMPLES as u64;
    let first = reference.read();
    let mut samples = ArrayVec::new();
    let (mut extended, mut next) = (first, first);
    let mut best: Option<(u64, Sample)> = None;
    for _ in 0..PATIENCE {
        let before = counter();
        let raw = reference.read();
        let after = counter();
        extended = extend_counter(extended, raw, reference.bits());
        let width = after.wrapping_sub(before);
        if best.is_none_or(|(narrowest, _)| width < narrowest) {
            best = Some((width, Sample { reference: extended, before, after }));
        }
        if extended >= next {
            samples.extend(best.take().map(|(_, sample)| sample));
            next = extended + step;
            if samples.is_full() {
                break;
            }
        }
    }
    samples
}
