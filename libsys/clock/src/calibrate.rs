//! The TSC's frequency from samples of a reference counter.
//!
//! Each sample reads the reference between two reads of the TSC. An interrupt by firmware or a hypervisor in between
//! widens that bracket, so wide brackets are dropped; what slips through is outvoted by taking the median of many
//! slopes.

use arrayvec::ArrayVec;

/// Most samples looked at; later ones are ignored.
pub const MAX_SAMPLES: usize = 64;
/// Fewest samples with a narrow bracket that are trusted.
const MIN_KEPT: usize = 4;

/// One reading of the reference, bracketed by the TSC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// Reference ticks, extended so that they never wrap: see [`extend_counter`].
    pub reference: u64,
    /// TSC just before the reference was read.
    pub before: u64,
    /// TSC just after.
    pub after: u64,
}

/// A measured frequency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Calibration {
    /// TSC ticks per second.
    pub hertz: u64,
    /// How far the middle half of the slopes lie apart, in parts per million of `hertz`. Large values mean a noisy
    /// host or a TSC that changes speed.
    pub spread_ppm: u64,
    /// How many samples were used.
    pub kept: usize,
}

/// Why no frequency can be given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CalibrationError {
    /// Fewer than four samples have a narrow bracket.
    TooFewSamples,
    /// The reference stood still or went back.
    ReferenceStuck,
    /// The TSC stood still or went back.
    TscStuck,
}

impl core::fmt::Display for CalibrationError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::TooFewSamples => "too few undisturbed samples",
            Self::ReferenceStuck => "the reference does not count",
            Self::TscStuck => "the TSC does not count",
        })
    }
}

impl core::error::Error for CalibrationError {}

/// The TSC's frequency, given samples in the order they were taken and the reference's frequency in Hz.
///
/// Spread the samples over at least some 10,000 reference ticks; the result is about as exact as one bracket's width
/// divided by half the time they span.
///
/// # Errors
/// If too few samples are undisturbed, or a counter does not count.
pub fn calibrate(samples: &[Sample], reference_hertz: u64) -> Result<Calibration, CalibrationError> {
    let kept = undisturbed(samples)?;
    let half = kept.len() / 2;
    let mut slopes = ArrayVec::<u64, MAX_SAMPLES>::new();
    for (early, late) in kept.iter().zip(&kept[half..]) {
        let reference = late.reference.checked_sub(early.reference).filter(|ticks| *ticks > 0);
        let reference = reference.ok_or(CalibrationError::ReferenceStuck)?;
        let ticks = middle(late).checked_sub(middle(early)).filter(|ticks| *ticks > 0);
        let ticks = ticks.ok_or(CalibrationError::TscStuck)?;
        let slope = u128::from(ticks) * u128::from(reference_hertz) / u128::from(reference);
        slopes.push(u64::try_from(slope).unwrap_or(u64::MAX));
    }
    slopes.sort_unstable();
    let hertz = slopes[slopes.len() / 2];
    let middle_half = slopes[slopes.len() * 3 / 4] - slopes[slopes.len() / 4];
    let spread_ppm = u128::from(middle_half) * 1_000_000 / u128::from(hertz.max(1));
    Ok(Calibration { hertz, spread_ppm: u64::try_from(spread_ppm).unwrap_or(u64::MAX), kept: kept.len() })
}

/// The samples whose bracket is at most twice the narrowest one's (and a little, for very fast reads).
fn undisturbed(samples: &[Sample]) -> Result<ArrayVec<Sample, MAX_SAMPLES>, CalibrationError> {
    let samples = &samples[..samples.len().min(MAX_SAMPLES)];
    let width = |sample: &Sample| sample.after.checked_sub(sample.before);
    let narrowest = samples.iter().filter_map(width).min().ok_or(CalibrationError::TooFewSamples)?;
    let limit = narrowest.saturating_mul(2).saturating_add(64);
    let kept: ArrayVec<_, MAX_SAMPLES> =
        samples.iter().filter(|sample| width(sample).is_some_and(|width| width <= limit)).copied().collect();
    if kept.len() < MIN_KEPT { Err(CalibrationError::TooFewSamples) } else { Ok(kept) }
}

fn middle(sample: &Sample) -> u64 {
    sample.before + (sample.after - sample.before) / 2
}

/// Continues a counter that wraps after `bits` bits (24 or 32 for the PM timer): the smallest value not below
/// `previous` whose low bits are `raw`. Call it at least once per wrap. `bits` above 63 means the counter never wraps.
#[must_use]
pub const fn extend_counter(previous: u64, raw: u64, bits: u32) -> u64 {
    if bits > 63 {
        return raw;
    }
    let modulus = 1 << bits;
    let step = raw.wrapping_sub(previous) & (modulus - 1);
    previous.wrapping_add(step)
}
