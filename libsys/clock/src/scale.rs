//! Ticks to nanoseconds and back by one multiplication and one shift each, without division on the hot path.

const NANOS_PER_SECOND: u64 = 1_000_000_000;

/// Lowest and highest frequency accepted, in Hz. Outside them a calibration went wrong.
const PLAUSIBLE: core::ops::RangeInclusive<u64> = 1_000_000..=100_000_000_000;

/// A counter's frequency, prepared for conversion.
///
/// Both factors keep at least 53 significant bits, so a conversion is off by less than 1e-9 of the value, plus one
/// unit for rounding. Results beyond 64 bits (584 years of nanoseconds) saturate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TscScale {
    to_nanos: Factor,
    to_ticks: Factor,
    hertz: u64,
}

impl TscScale {
    /// Prepares conversion for a counter of `hertz` ticks per second; `None` outside 1 MHz to 100 GHz.
    #[must_use]
    pub const fn from_hz(hertz: u64) -> Option<Self> {
        if hertz < *PLAUSIBLE.start() || hertz > *PLAUSIBLE.end() {
            return None;
        }
        Some(Self {
            to_nanos: Factor::ratio(NANOS_PER_SECOND, hertz),
            to_ticks: Factor::ratio(hertz, NANOS_PER_SECOND),
            hertz,
        })
    }

    /// Ticks per second.
    #[must_use]
    pub const fn hertz(&self) -> u64 {
        self.hertz
    }

    /// The multiplier and the shift by which ticks become nanoseconds.
    #[must_use]
    pub const fn factor(&self) -> (u64, u32) {
        (self.to_nanos.multiplier, self.to_nanos.shift)
    }

    /// How many whole nanoseconds `ticks` take.
    #[must_use]
    pub const fn nanos(&self, ticks: u64) -> u64 {
        self.to_nanos.apply(ticks, 0)
    }

    /// How many ticks it takes until `nanos` have passed, rounded up: a deadline set with it is not early by more
    /// than the conversion's error.
    #[must_use]
    pub const fn ticks(&self, nanos: u64) -> u64 {
        self.to_ticks.apply(nanos, self.to_ticks.round_up())
    }
}

/// A fraction as `multiplier / 2^shift`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Factor {
    multiplier: u64,
    shift: u32,
}

impl Factor {
    /// The largest approximation from below whose multiplier fits: 53 to 64 significant bits for the ratios that
    /// [`PLAUSIBLE`] allows.
    const fn ratio(numerator: u64, denominator: u64) -> Self {
        let mut shift = 63;
        loop {
            let multiplier = ((numerator as u128) << shift) / denominator as u128;
            if multiplier <= u64::MAX as u128 {
                return Self { multiplier: multiplier as u64, shift };
            }
            shift -= 1;
        }
    }

    const fn round_up(&self) -> u128 {
        (1 << self.shift) - 1
    }

    const fn apply(&self, value: u64, addend: u128) -> u64 {
        // 64 × 64 bits plus less than 2^63 stays below 2^128.
        let scaled = (value as u128 * self.multiplier as u128 + addend) >> self.shift;
        if scaled > u64::MAX as u128 { u64::MAX } else { scaled as u64 }
    }
}
