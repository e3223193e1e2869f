//! Time arithmetic against exact 128-bit arithmetic.

use anax_clock::{
    CalibrationError, Exchange, Reference, Sample, Skew, TscScale, calibrate, extend_counter, measure,
};
use proptest::prelude::*;

#[test]
fn round_frequencies_are_exact() {
    let scale = TscScale::from_hz(1_000_000_000).expect("plausible");
    for ticks in [0, 1, 999, 1 << 40, u64::MAX] {
        assert_eq!(scale.nanos(ticks), ticks);
        assert_eq!(scale.ticks(ticks), ticks);
    }
    let scale = TscScale::from_hz(2_000_000_000).expect("plausible");
    assert_eq!((scale.nanos(3), scale.ticks(3)), (1, 6));
    assert_eq!(scale.ticks(u64::MAX), u64::MAX, "saturates");
    let scale = TscScale::from_hz(1_000_000).expect("plausible");
    assert_eq!((scale.nanos(3), scale.ticks(3000), scale.ticks(3001)), (3000, 3, 4));
    assert_eq!(scale.nanos(u64::MAX), u64::MAX, "saturates");
}

#[test]
fn implausible_frequencies_are_refused() {
    for hertz in [0, 1, 999_999, 100_000_000_001, u64::MAX] {
        assert_eq!(TscScale::from_hz(hertz), None);
    }
}

/// Samples of a TSC of `hertz` against the PM timer (3,579,545 Hz), `disturbed` of which took very long.
fn samples(hertz: u64, count: u64, disturbed: &[u64]) -> Vec<Sample> {
    (0..count)
        .map(|index| {
            let reference = 1000 + index * 1111;
            let exact = (u128::from(reference) * u128::from(hertz) / 3_579_545) as u64 + 77_777;
            let late = if disturbed.contains(&index) { 900_000 } else { 0 };
            Sample { reference, before: exact - 500 - index % 7, after: exact + 500 + late }
        })
        .collect()
}

#[test]
fn calibration_survives_disturbances() {
    for hertz in [24_000_000, 999_999_937, 2_903_999_000, 5_700_000_000] {
        let found = calibrate(&samples(hertz, 40, &[0, 7, 20, 39]), 3_579_545).expect("enough samples");
        let error = found.hertz.abs_diff(hertz);
        // Half the span is 20 × 1111 reference ticks; a bracket's middle is off by up to 4 TSC ticks.
        assert!(error <= 1 + 10 * 3_579_545 / 22_220, "{hertz}: off by {error}");
        assert_eq!(found.kept, 36);
    }
}

#[test]
fn calibration_refuses_what_does_not_count() {
    assert_eq!(calibrate(&[], 1), Err(CalibrationError::TooFewSamples));
    assert_eq!(calibrate(&samples(1_000_000_000, 3, &[]), 1), Err(CalibrationError::TooFewSamples));
    let stuck = [Sample { reference: 5, before: 1, after: 2 }; 8];
    assert_eq!(calibrate(&stuck, 1), Err(CalibrationError::ReferenceStuck));
    let mut stuck = samples(1_000_000_000, 8, &[]);
    stuck.iter_mut().for_each(|sample| (sample.before, sample.after) = (9, 9));
    assert_eq!(calibrate(&stuck, 1), Err(CalibrationError::TscStuck));
    stuck.iter_mut().for_each(|sample| (sample.before, sample.after) = (9, 8));
    assert_eq!(calibrate(&stuck, 1), Err(CalibrationError::TooFewSamples));
}

#[test]
fn counters_are_extended_across_wraps() {
    assert_eq!(extend_counter(0xff_fffe, 1, 24), 0x100_0001);
    assert_eq!(extend_counter(0x1ff_fffe, 0xff_ffff, 24), 0x1ff_ffff);
    assert_eq!(extend_counter(5, 5, 32), 5);
    assert_eq!(extend_counter(5, 4, 64), 4);
}

fn exchange(before: u64, remote: u64, after: u64) -> Exchange {
    Exchange { before, remote, after }
}

#[test]
fn skew_is_judged_by_what_is_proven() {
    assert_eq!(Skew::evaluate([]), None);
    assert_eq!(Skew::evaluate([exchange(9, 5, 8)]), None);
    let even = Skew::evaluate([exchange(100, 150, 200), exchange(300, 340, 380)]).expect("usable");
    assert_eq!((even.max_backward_ticks, even.least_lead, even.most_lead), (0, -40, 40));
    assert_eq!(even.correction(), 0);
    let behind = Skew::evaluate([exchange(100, 150, 200), exchange(300, 270, 380)]).expect("usable");
    assert_eq!((behind.max_backward_ticks, behind.least_lead, behind.most_lead), (30, -50, -30));
    assert_eq!(behind.correction(), 40);
    let ahead = Skew::evaluate([exchange(100, 1150, 200)]).expect("usable");
    assert_eq!((ahead.max_backward_ticks, ahead.correction()), (950, -1000));
    let far = Skew::evaluate([exchange(0, u64::MAX, 0)]).expect("usable");
    assert_eq!((far.max_backward_ticks, far.least_lead), (u64::MAX, i64::MAX));
}

proptest! {
    #[test]
    fn conversion_is_exact_to_a_billionth(hertz in 1_000_000..=100_000_000_000_u64, value in 0..1_u64 << 61) {
        let scale = TscScale::from_hz(hertz).expect("plausible");
        let exact_nanos = u128::from(value) * 1_000_000_000 / u128::from(hertz);
        let exact_ticks = (u128::from(value) * u128::from(hertz)).div_ceil(1_000_000_000);
        for (found, exact) in [(scale.nanos(value), exact_nanos), (scale.ticks(value), exact_ticks)] {
            let exact = exact.min(u128::from(u64::MAX));
            prop_assert!(u128::from(found).abs_diff(exact) <= exact / 1_000_000_000 + 1, "{found} {exact}");
        }
    }

    #[test]
    fn nanos_never_go_back(hertz in 1_000_000..=100_000_000_000_u64, a: u64, b: u64) {
        let scale = TscScale::from_hz(hertz).expect("plausible");
        prop_assert!(scale.nanos(a.min(b)) <= scale.nanos(a.max(b)));
    }

    #[test]
    fn any_samples_are_judged(
        samples in prop::collection::vec(any::<(u64, u64, u64)>(), 0..100), hertz: u64, bits in 0_u32..80,
    ) {
        let taken: Vec<_> = samples
            .iter()
            .map(|&(reference, before, after)| Sample { reference, before, after })
            .collect();
        let _ = calibrate(&taken, hertz);
        let skew = Skew::evaluate(samples.iter().map(|&(before, remote, after)| exchange(before, remote, after)));
        let _ = skew.map(|skew| skew.correction());
        for &(previous, raw, _) in &samples {
            let _ = extend_counter(previous, raw, bits);
        }
    }

    /// Counters that truly differ by `lead` are found to do so, however the messages' delays fall.
    #[test]
    fn a_true_lead_is_never_denied(lead in -5000..5000_i64, delays in prop::collection::vec((1..900_u64, 1..900_u64), 1..50)) {
        let skew = Skew::evaluate(delays.iter().zip(1..).map(|(&(there, back), round)| {
            let before = round * 1_000_000;
            let answered = before + there;
            exchange(before, answered.checked_add_signed(lead).expect("positive"), answered + back)
        }))
        .expect("usable");
        prop_assert!(skew.least_lead <= lead && lead <= skew.most_lead);
        prop_assert!(skew.max_backward_ticks <= lead.unsigned_abs());
    }
}

/// A machine whose time goes on by a little with each look at a clock.
struct Machine {
    nanoseconds: std::cell::Cell<u64>,
    hertz: u64,
    bits: u32,
}

impl Machine {
    fn pass(&self) -> u64 {
        self.nanoseconds.set(self.nanoseconds.get() + 300);
        self.nanoseconds.get()
    }
}

impl Reference for Machine {
    fn hertz(&self) -> u64 {
        self.hertz
    }

    fn bits(&self) -> u32 {
        self.bits
    }

    fn read(&self) -> u64 {
        let ticks = u128::from(self.pass()) * u128::from(self.hertz) / 1_000_000_000;
        ticks as u64 & (u64::MAX >> (64 - self.bits))
    }
}

#[test]
fn any_reference_measures_a_counter() {
    for (hertz, bits) in [(100_000_000, 64), (14_318_180, 32), (3_579_545, 24), (1_193_182, 16)] {
        let machine = Machine { nanoseconds: std::cell::Cell::new(123_456_789), hertz, bits };
        let counter = || machine.pass() * 29 / 10;
        let measured = measure(&machine, counter).expect("a steady reference");
        assert!(measured.abs_diff(2_900_000_000) < 2_900_000, "{hertz} Hz: {measured}");
    }
}

/// The same on a busy host: each look at the reference takes something between a quarter of a microsecond and a millisecond.
struct Disturbed(Machine, std::cell::Cell<u64>);

impl Reference for Disturbed {
    fn hertz(&self) -> u64 {
        self.0.hertz
    }

    fn bits(&self) -> u32 {
        self.0.bits
    }

    fn read(&self) -> u64 {
        let random =
            self.1.get().wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.1.set(random);
        let delay = (250.0 * 4000_f64.powf((random >> 40) as f64 / (1 << 24) as f64)) as u64;
        self.0.nanoseconds.set(self.0.nanoseconds.get() + delay / 2);
        let ticks = self.0.read();
        self.0.nanoseconds.set(self.0.nanoseconds.get() + delay - delay / 2);
        ticks
    }
}

#[test]
fn a_busy_host_is_waited_for() {
    for seed in 0..200 {
        let machine =
            Machine { nanoseconds: std::cell::Cell::new(123_456_789), hertz: 100_000_000, bits: 64 };
        let machine = Disturbed(machine, std::cell::Cell::new(seed));
        let counter = || machine.0.pass() * 29 / 10;
        let measured = measure(&machine, counter).expect("there are quiet moments");
        assert!(measured.abs_diff(2_900_000_000) < 2_900_000, "{seed}: {measured}");
    }
}
