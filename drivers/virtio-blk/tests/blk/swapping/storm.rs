//! Whatever a supervisor asks, in whatever order: every sector is right, and what a driver has retired with is asked of the next one.

use anax_blocks::Sectors;
use anax_disk::Next;
use anax_driver::{Driver as _, Mode, driver};
use anax_storm::{Dice, cases, storm};

use super::{BUFFERS, Parts, Post, SECTORS, events, with_parts};

/// Requests of one machine's life: it ends earlier for its driver, which most likely is retired by then.
const LIFE: u64 = 64;

#[test]
fn a_storm_of_requests() {
    let (mut swaps, mut ended) = (0, 0);
    let lives = cases().div_ceil(LIFE);
    for life in 0..lives {
        with_parts(|parts| {
            let (changes, ends) = live(parts, life);
            swaps += changes;
            ended += u64::from(ends);
        });
    }
    assert!(swaps > lives / 8 && ended > lives / 4, "most of it went by: {swaps} and {ended} of {lives}");
}

/// How often drivers changed, and requests that ended.
fn live(parts: &Parts<'_, '_>, life: u64) -> (u64, u32) {
    let (mut server, mut client) = (driver::Serve(parts.first()), parts.client());
    let (mut dice, mut was_standby, mut swaps) = (Dice::new(!life), false, 0);
    let (mut next, mut asked, mut ended) = (0_u32, 0, 0);
    let serve =
        |driver: &mut Post<'_, '_, '_>| while driver.work(8).expect("it works").next == Next::Again {};
    // The client learns how large the disk is.
    events(&mut client);
    serve(&mut server.0);
    events(&mut client);
    parts.works.set(true);
    storm(&mut server, life, LIFE, &["virtio-blk"], |server, _| {
        let mode = server.0.mode();
        swaps += u64::from(was_standby && mode == Mode::Running);
        match dice.below(4) {
            _ if mode == Mode::Retired => {
                let health = server.0.health().expect("it answers");
                assert_eq!(health.pending, 0, "it has something of its client's");
            }
            0 if client.free() >= 2 => {
                next += 1;
                let first = u64::from(next * 7) % (SECTORS as u64 - 8);
                let sectors = Sectors::new(first, 1 + next % 8).expect("some");
                let buffer = client.buffer().expect("two are free");
                for at in 0..sectors.count() as usize * 64 {
                    buffer.bytes().write_u64(8 * at, next.into()).expect("within");
                }
                client.write(buffer, sectors, next).expect("it is taken");
                let buffer = client.buffer().expect("one is free");
                client.read(buffer, sectors, next).expect("it is taken");
                asked += 2;
                let _ = client.flush().expect("the driver is honest");
            }
            1 => ended += events(&mut client),
            2 => _ = parts.device.borrow_mut().work(),
            _ => serve(&mut server.0),
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
    if server.0.mode() == Mode::Running {
        for _ in 0..40 {
            serve(&mut server.0);
            parts.device.borrow_mut().work();
            serve(&mut server.0);
            ended += events(&mut client);
        }
        assert_eq!((ended, client.free()), (asked, BUFFERS), "each once, and all buffers are accounted for");
    }
    (swaps, ended)
}
