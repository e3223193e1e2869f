//! Whatever a supervisor asks, in whatever order: each frame comes once, and what a driver has retired with, its client has.

use anax_driver::{Driver as _, Mode, driver};
use anax_storm::{Dice, cases, storm};

use super::{Hears, Parts, Run, with_parts};

/// Requests of one machine's life: it ends earlier for its driver, which most likely is retired by then.
const LIFE: u64 = 64;

#[test]
fn a_storm_of_requests() {
    let (mut swaps, mut frames) = (0, 0);
    let lives = cases().div_ceil(LIFE);
    for life in 0..lives {
        with_parts(|parts| {
            let (changes, came) = live(parts, life);
            swaps += changes;
            frames += came;
        });
    }
    assert!(
        swaps > lives / 8 && frames > lives as usize / 4,
        "most of it went by: {swaps} and {frames} of {lives}"
    );
}

/// How often drivers changed, and frames that came.
fn live(parts: &Parts<'_, '_>, life: u64) -> (u64, usize) {
    let (mut run, mut dice, mut swaps) = (Run::new(parts), Dice::new(!life), 0);
    let standby = || parts.post(Hears::Pace, Mode::Standby);
    let mut server = driver::Serve(std::mem::replace(&mut run.driver, standby()));
    let mut was_standby = false;
    storm(&mut server, life, LIFE, &["virtio-net"], |server, _| {
        std::mem::swap(&mut server.0, &mut run.driver);
        let mode = run.driver.mode();
        swaps += u64::from(was_standby && mode == Mode::Running);
        if mode == Mode::Retired {
            let health = run.driver.health().expect("it answers");
            assert_eq!(health.pending, 0, "it has something of its client's");
        } else {
            run.step(dice.below(6) as u8);
        }
        if mode == Mode::Quiesced && dice.once_in(4) {
            run.driver = standby();
        }
        was_standby = run.driver.mode() == Mode::Standby;
        std::mem::swap(&mut server.0, &mut run.driver);
    });
    run.driver = server.0;
    match run.driver.mode() {
        Mode::Quiesced => run.driver.resume().expect("nobody took over"),
        Mode::Standby => run.driver.take_over().expect("all fits together"),
        _ => {}
    }
    if run.driver.mode() == Mode::Running {
        run.finish().expect("the driver is honest");
    }
    (swaps, run.came)
}
