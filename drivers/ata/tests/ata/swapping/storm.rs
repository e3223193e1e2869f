//! Whatever a supervisor asks, in whatever order: every sector is right, and what a driver has retired with is asked of the next one.

use anax_blocks::{ClientSide, Sectors};
use anax_driver::{Driver as _, Mode, driver};
use anax_storm::{Dice, cases, storm};

use super::{BUFFERS, Parts, events, serve, with_parts};

/// Requests of one machine's life: it ends earlier for its driver, which most likely is retired by then.
const LIFE: u64 = 64;

#[test]
fn a_storm_of_requests() {
    let (mut swaps, mut read) = (0, 0);
    let lives = cases().div_ceil(LIFE);
    for life in 0..lives {
        with_parts(|parts, client| {
            let (changes, came) = live(parts, client, life);
            swaps += changes;
            read += u64::from(came);
        });
    }
    assert!(swaps > lives / 8 && read > lives / 4, "most of it went by: {swaps} and {read} of {lives}");
}

/// How often drivers changed, and reads that ended.
fn live(parts: &Parts<'_>, mut client: ClientSide<'_, BUFFERS>, life: u64) -> (u64, u32) {
    let mut server = driver::Serve(parts.first());
    let (mut dice, mut was_standby, mut swaps) = (Dice::new(!life), false, 0);
    let (mut next, mut read) = (0_u32, 0);
    storm(&mut server, life, LIFE, &["ata"], |server, _| {
        let mode = server.0.mode();
        swaps += u64::from(was_standby && mode == Mode::Running);
        match dice.below(4) {
            _ if mode == Mode::Retired => {
                let health = server.0.health().expect("it answers");
                assert_eq!(health.pending, 0, "it has something of its client's");
            }
            0 if client.disk().is_some() && client.free() >= 2 => {
                next += 1;
                let sectors = Sectors::new(u64::from(next * 5 % 57), 1 + next % 7).expect("some");
                for write in [true, false] {
                    let buffer = client.buffer().expect("two are free");
                    buffer.bytes().fill(if write { next as u8 } else { 0 });
                    let taken = if write {
                        client.write(buffer, sectors, next)
                    } else {
                        client.read(buffer, sectors, next)
                    };
                    taken.expect("it is taken");
                }
                let _ = client.flush().expect("the driver is honest");
            }
            1 => read += events(&mut client),
            _ => serve(parts, &mut server.0, 1 + dice.below(5) as u32),
        }
        // Sometimes it is so slow that patience ends.
        parts.model.borrow_mut().delay = if dice.once_in(20) { 20_000 } else { dice.below(300) as u32 };
        if mode == Mode::Quiesced && dice.once_in(4) {
            server.0 = parts.post(None);
        }
        was_standby = server.0.mode() == Mode::Standby;
    });
    parts.model.borrow_mut().delay = 0;
    match server.0.mode() {
        Mode::Quiesced => server.0.resume().expect("nobody took over"),
        Mode::Standby => server.0.take_over().expect("all fits together"),
        _ => {}
    }
    if server.0.mode() == Mode::Running {
        for _ in 0..100 {
            serve(parts, &mut server.0, 5);
            read += events(&mut client);
        }
        assert_eq!((read, client.free()), (next, BUFFERS), "each once, and all buffers are accounted for");
    }
    (swaps, read)
}
