//! Whatever a supervisor asks, in whatever order: each frame comes once, and what a driver has retired with, its client has.

use std::collections::VecDeque;

use anax_driver::{Driver as _, Mode, driver};
use anax_nic::Next;
use anax_storm::{Dice, cases, storm};

use super::{BUFFERS, LENT, Parts, TRANSMIT, echo, frame, with_parts};

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
    let (mut server, mut client) = (driver::Serve(parts.first()), parts.client());
    let (mut dice, mut was_standby, mut swaps) = (Dice::new(!life), false, 0);
    let (mut next, mut came, mut taken) = (0, 0, VecDeque::new());
    let device = parts.device;
    let mut step = |step, driver: &mut super::Post<'_, '_, '_>| {
        match step {
            0 | 1 => next += usize::from(device.borrow_mut().receive(&frame(next))),
            2 => while driver.work(8).expect("the device works").next == Next::Again {},
            3 => echo(&mut client),
            4 => taken.extend(device.borrow_mut().take_frame()),
            _ => {
                if let Some((place, word)) = taken.pop_front() {
                    device.borrow().mark(TRANSMIT, place, word | 1 << 32);
                }
            }
        }
        for bytes in device.borrow_mut().wire.drain(..) {
            assert_eq!(bytes, frame(came), "in order, and each once");
            came += 1;
        }
        (next, came)
    };
    storm(&mut server, life, LIFE, &["e1000"], |server, _| {
        let mode = server.0.mode();
        swaps += u64::from(was_standby && mode == Mode::Running);
        if mode == Mode::Retired {
            let health = server.0.health().expect("it answers");
            assert_eq!(health.pending, 0, "it has something of its client's");
        } else {
            step(dice.below(6), &mut server.0);
        }
        if mode == Mode::Quiesced && dice.once_in(4) {
            server.0 = parts.post(None);
        }
        was_standby = server.0.mode() == Mode::Standby;
    });
    match server.0.mode() {
        Mode::Quiesced => server.0.resume().expect("nobody took over"),
        Mode::Standby => server.0.take_over().expect("all fits together"),
        _ => {}
    }
    let is_running = server.0.mode() == Mode::Running;
    let (next, came) =
        (0..200).filter(|_| is_running).map(|at| step(2 + at % 4, &mut server.0)).last().unwrap_or_default();
    if is_running {
        assert_eq!(came, next, "nothing was lost");
        assert_eq!(client.free(), BUFFERS - LENT, "all buffers are accounted for");
    }
    (swaps, came)
}
