//! Budgets and the livelock limiter over virtual time.
#![cfg(not(loom))]

use anax_quota::interrupts::{
    Budget, Charge, LIMIT_PER_SECOND, Livelock, Poll, Rate, Report, Standing, Wake,
};
use proptest::prelude::*;

const MS: u64 = 1_000_000;
const SECOND: u64 = 1_000 * MS;

#[test]
fn a_source_falls_out_of_the_band_and_comes_back() {
    let mut budget = Budget::standard(5 * MS);
    assert_eq!(budget.charge(8 * MS, 3 * MS), Charge::Unchanged);
    assert_eq!(budget.charge(9 * MS, MS), Charge::FellOut(Report::Not));
    assert_eq!((budget.standing(14 * MS), budget.returns_at()), (Standing::Fallen, Some(15 * MS)));
    assert_eq!((budget.standing(15 * MS), budget.returns_at()), (Standing::InBand, None));
    assert_eq!(budget.charge(19 * MS, 4 * MS), Charge::FellOut(Report::Worth));
    assert_eq!(budget.charge(20 * MS, MS), Charge::Unchanged, "already out");
    assert_eq!(budget.standing(2 * SECOND), Standing::InBand);
    assert_eq!(budget.charge(2 * SECOND, 5 * MS), Charge::FellOut(Report::Not));
    assert_eq!(budget.falls(), 3);
}

/// Once for a series, and not for one that was late once.
#[test]
fn a_series_is_worth_one_report() {
    let mut budget = Budget::standard(0);
    let mut reports = 0;
    for begin in [0, 10 * SECOND] {
        let mut falls = 0;
        for window in 0..50 {
            let now = begin + (2 * window + 1) * 10 * MS;
            if let Charge::FellOut(report) = budget.charge(now, 4 * MS) {
                falls += 1;
                reports += u64::from(report == Report::Worth);
                assert_eq!(reports, begin / (10 * SECOND) + u64::from(falls > 1), "{falls}");
            }
        }
        assert_eq!(falls, 50);
    }
}

#[test]
fn a_long_run_is_paid_back() {
    let mut budget = Budget::standard(0);
    assert_eq!(budget.charge(40 * MS, 40 * MS), Charge::FellOut(Report::Not));
    // Those 40 ms are ten windows' worth; the window that began at 40 ms is the first that counts.
    assert_eq!(budget.returns_at(), Some(140 * MS));
    assert_eq!(budget.standing(139 * MS), Standing::Fallen);
    assert_eq!(budget.standing(140 * MS), Standing::InBand);
}

#[test]
fn odd_budgets_are_harmless() {
    let mut none = Budget::new(0, 0, 0);
    assert_eq!(none.charge(1, 0), Charge::FellOut(Report::Not));
    assert_eq!((none.standing(u64::MAX), none.returns_at()), (Standing::Fallen, None));
    let mut huge = Budget::new(1, u64::MAX, 0);
    assert_eq!(huge.charge(u64::MAX, u64::MAX - 1), Charge::Unchanged);
    assert_eq!(huge.charge(0, 1), Charge::FellOut(Report::Not));
}

/// What a simulated source got: wake-ups, arrivals that stayed unserved, times it was limited.
struct Served {
    wakes: u64,
    times_limited: u64,
    rate: Rate,
    worst_wait_ns: u64,
}

/// How the source's line behaves.
#[derive(Clone, Copy, PartialEq)]
enum Line {
    /// Each interrupt arrives, served or not.
    Edge,
    /// The line is masked from its arrival until the thread has run.
    Masked,
}

/// A source that wants to interrupt every `period` ns until `end`, with a timer that is `late` ns late at each turn.
fn simulate(limiter: &mut Livelock, line: Line, from: u64, end: u64, period: u64, late: u64) -> Served {
    let (mut next, mut timer) = (from, None);
    let (mut wakes, mut masked, mut waits_since, mut worst) = (0, false, None, 0);
    if limiter.rate() == Rate::Limited {
        timer = Some(from);
    }
    while next < end || waits_since.is_some() {
        let turn = timer.unwrap_or(u64::MAX);
        let arrives = if next < end && !(masked && line == Line::Masked) { next } else { u64::MAX };
        if turn <= arrives {
            let Poll { pending, rate } = limiter.poll(turn);
            timer = (rate == Rate::Limited).then_some(turn + Livelock::PERIOD_NS + late);
            if pending {
                wakes += 1;
                worst = worst.max(turn - waits_since.take().expect("pending"));
                masked = false;
                next = if line == Line::Masked { next.max(turn + 1_000) } else { next };
            } else {
                assert!(waits_since.is_none(), "an arrival is forgotten");
            }
        } else {
            assert_ne!(arrives, u64::MAX, "nothing will ever happen");
            match limiter.arrival(arrives) {
                Wake::Now => wakes += 1,
                wake => {
                    if wake == Wake::StartTimer {
                        timer = Some(arrives + Livelock::PERIOD_NS + late);
                    }
                    assert!(timer.is_some());
                    waits_since.get_or_insert(arrives);
                    masked = true;
                }
            }
            next += period;
        }
    }
    Served { wakes, times_limited: limiter.times_limited(), rate: limiter.rate(), worst_wait_ns: worst }
}

#[test]
fn a_storm_is_served_from_the_timer() {
    for line in [Line::Edge, Line::Masked] {
        for late in [0, 40_000] {
            let mut limiter = Livelock::new(0);
            let served = simulate(&mut limiter, line, 0, SECOND, 10_000, late);
            assert_eq!(
                (served.rate, served.times_limited),
                (Rate::Limited, 1),
                "it stays limited, late by {late}"
            );
            assert!(served.wakes <= LIMIT_PER_SECOND / 2 + 401, "{}", served.wakes);
            assert!(served.worst_wait_ns <= Livelock::PERIOD_NS + late);
        }
    }
}

#[test]
fn a_busy_source_is_left_alone() {
    let mut limiter = Livelock::new(0);
    let served = simulate(&mut limiter, Line::Edge, 0, SECOND, 26_000, 0);
    assert_eq!((served.times_limited, served.wakes), (0, SECOND.div_ceil(26_000)));
}

#[test]
fn the_limit_has_hysteresis() {
    for line in [Line::Edge, Line::Masked] {
        let mut limiter = Livelock::new(0);
        simulate(&mut limiter, line, 0, SECOND / 10, 10_000, 0);
        assert_eq!(limiter.rate(), Rate::Limited);
        // 30,000/s: below the limit, not below half of it.
        let served = simulate(&mut limiter, line, SECOND / 10, SECOND, 33_333, 0);
        assert_eq!((served.rate, served.times_limited), (Rate::Limited, 1));
        let served = simulate(&mut limiter, line, SECOND, 2 * SECOND, 66_666, 0);
        assert_eq!((served.rate, served.times_limited), (Rate::Normal, 1), "15,000/s");
    }
}

#[test]
fn a_source_that_falls_silent_is_free_again() {
    let mut limiter = Livelock::new(0);
    simulate(&mut limiter, Line::Edge, 0, SECOND / 10, 10_000, 0);
    let mut turns = 0;
    while limiter.poll(SECOND / 10 + turns * Livelock::PERIOD_NS).rate == Rate::Limited {
        turns += 1;
        assert!(turns < 1_000);
    }
    assert_eq!(limiter.arrival(SECOND), Wake::Now);
}

proptest! {
    /// Over any history, time in the band is at most the share of the time passed, one window and the last run.
    #[test]
    fn the_share_holds(runs in prop::collection::vec((0..30 * MS, 0..30 * MS), 0..200)) {
        let mut budget = Budget::standard(0);
        let (mut now, mut in_band) = (0, 0);
        for (idle, run) in runs {
            now += idle;
            if budget.standing(now) == Standing::InBand {
                now += run;
                in_band += run;
                let _ = budget.charge(now, run);
                prop_assert!(in_band <= now * 4 / 10 + 8 * MS + run, "{in_band} of {now}");
            }
        }
    }

    /// Against a model: whatever the source does, no arrival is forgotten and none waits longer than a turn of the timer.
    #[test]
    fn no_arrival_is_forgotten(phases in prop::collection::vec((1_000..200_000_u64, 1..30_u64, 0..60_000_u64), 1..6)) {
        let (mut limiter, mut now) = (Livelock::new(0), 0);
        for (period, ms, late) in phases {
            for line in [Line::Edge, Line::Masked] {
                let served = simulate(&mut limiter, line, now, now + ms * MS, period, late);
                prop_assert!(served.worst_wait_ns <= Livelock::PERIOD_NS + late);
                now += ms * MS + SECOND;
            }
        }
    }
}
