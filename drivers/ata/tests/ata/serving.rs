//! A client, the channel, the driver and the model of the device together, through drivers that die.

use std::cell::RefCell;
use std::time::Duration;

use anax_blocks::{ClientSide, Event, Failure, Sectors};
use anax_disk::{Next, ServiceError};
use anax_ring::{AtomicU64, Endpoint, Geometry, SharedBlock, SharedBytes, Side, Supervisor};
use ata::{Ata, Service, Unit};

use crate::model::{Block, Model, Whim};
use crate::starting::start;

const BUFFERS: usize = 8;
const POOL_BYTES: usize = BUFFERS * 4096;

fn words(count: usize) -> Vec<AtomicU64> {
    (0..count).map(|_| AtomicU64::new(0)).collect()
}

fn driver<'m>(
    model: &'m RefCell<Model>,
    pool: &'m [AtomicU64],
    channel: &'m [AtomicU64],
    now: &mut Duration,
) -> Service<'m, Block<'m>> {
    let (starting, identity) = start(model, Unit::Slave, now).expect("nothing wrong");
    let drive = Ata::new(starting, identity, SharedBytes::new(SharedBlock::from_words(pool)));
    let endpoint = Endpoint::open(SharedBlock::from_words(channel), Side::Server).expect("a channel");
    Service::new(drive, endpoint, POOL_BYTES as u64)
}

/// A few turns, the watch as the driver asks for it.
fn serve(
    driver: &mut Service<'_, Block<'_>>,
    now: &mut Duration,
    turns: u32,
) -> Result<(), ServiceError<ata::SetupError>> {
    for _ in 0..turns {
        match driver.serve(*now, 4)?.next {
            Next::Again => {}
            Next::Wait(Some(until)) => *now = until.max(*now),
            Next::Wait(None) => break,
        }
    }
    Ok(())
}

#[test]
fn writes_are_read_through_drivers_that_die_and_a_disk_that_hangs() {
    let geometry = Geometry::new(16, 16).expect("powers of two");
    let (pool, channel, model) = (words(POOL_BYTES / 8), words(geometry.words()), Model::new(64));
    let mut supervisor =
        Supervisor::create(SharedBlock::from_words(&channel), geometry).expect("large enough");
    let endpoint = Endpoint::open(SharedBlock::from_words(&channel), Side::Client).expect("a channel");
    let shared = SharedBytes::new(SharedBlock::from_words(&pool));
    let mut client = ClientSide::<BUFFERS>::new(endpoint, shared, 4096).expect("nothing wrong");
    let mut now = Duration::from_secs(3);
    let mut driver_now = driver(&model, &pool, &channel, &mut now);
    let (mut next, mut read, mut flushed) = (0_u32, 0, 0);
    for turn in 0..4000_u32 {
        if client.disk().is_some() && client.free() >= 2 && next < 600 {
            next += 1;
            let sectors = Sectors::new(u64::from(next * 5 % 57), 1 + next % 7).expect("some");
            let buffer = client.buffer().expect("two are free");
            buffer.bytes().fill(next as u8);
            client.write(buffer, sectors, next).expect("it is taken");
            let buffer = client.buffer().expect("one is free");
            buffer.bytes().fill(0);
            client.read(buffer, sectors, next).expect("it is taken");
        }
        if turn % 50 == 7 {
            let _ = client.flush_disk(turn);
        }
        let _ = client.flush().expect("the driver is honest");
        model.borrow_mut().delay = turn % 90;
        if turn % 61 == 0 {
            model.borrow_mut().whim = Whim::Hangs;
        }
        // A hang is over with the next reset but one: the driver finds out by itself.
        serve(&mut driver_now, &mut now, 1 + turn % 5).expect("the device comes back");
        if turn % 61 == 30 {
            model.borrow_mut().whim = Whim::None;
        }
        if turn % 97 == 96 {
            model.borrow_mut().whim = Whim::None;
            // The disk is reset, and only then does the client hear of it.
            let _fence = driver(&model, &pool, &channel, &mut now);
            supervisor.rebind().expect("large enough");
            driver_now = driver(&model, &pool, &channel, &mut now);
        }
        loop {
            match client.event().expect("the driver is honest") {
                Event::Written(done) => {
                    assert_eq!(done.outcome, Ok(()));
                    client.release(done.buffer);
                }
                Event::Read(done) => {
                    assert_eq!(done.outcome, Ok(()));
                    let last = done.sectors.count() as usize * 512 - 1;
                    let found = [0, 511, last].map(|at| done.buffer.bytes().read_u8(at).expect("within"));
                    assert_eq!(found, [done.token as u8; 3], "{:?}", done.sectors);
                    read += 1;
                    client.release(done.buffer);
                }
                Event::Flushed { outcome, .. } => flushed += u32::from(outcome.is_ok()),
                Event::Nothing => break,
                Event::Disk(_) | Event::Replaced(_) => {}
            }
        }
    }
    println!("{:?} {now:?} {} resets", client.counters(), model.borrow().resets);
    assert!(next == 600 && read == 600 && flushed > 50 && client.free() == BUFFERS);
    // A disk that is gone for good ends the service; a client is told what it does not know only by its supervisor.
    let buffer = client.buffer().expect("all are free");
    client.read(buffer, Sectors::new(0, 1).expect("some"), 1).expect("it is taken");
    let _ = client.flush().expect("the driver is honest");
    model.borrow_mut().whim = Whim::Empty;
    assert_eq!(serve(&mut driver_now, &mut now, 1000), Err(ServiceError::Broken));
}

#[test]
fn a_bad_sector_is_the_clients_to_know() {
    let geometry = Geometry::new(16, 16).expect("powers of two");
    let (pool, channel, model) = (words(POOL_BYTES / 8), words(geometry.words()), Model::new(64));
    let created = Supervisor::create(SharedBlock::from_words(&channel), geometry);
    assert!(created.is_ok());
    let endpoint = Endpoint::open(SharedBlock::from_words(&channel), Side::Client).expect("a channel");
    let shared = SharedBytes::new(SharedBlock::from_words(&pool));
    let mut client = ClientSide::<BUFFERS>::new(endpoint, shared, 4096).expect("nothing wrong");
    let mut now = Duration::ZERO;
    let mut driver = driver(&model, &pool, &channel, &mut now);
    model.borrow_mut().bad.insert(9);
    assert!(matches!(client.event(), Ok(Event::Nothing)));
    let _ = client.flush().expect("the driver is honest");
    serve(&mut driver, &mut now, 20).expect("nothing wrong");
    assert!(matches!(client.event(), Ok(Event::Disk(_))));
    for (sector, outcome) in [(8, Ok(())), (9, Err(Failure::Disk)), (10, Ok(()))] {
        let buffer = client.buffer().expect("a free one");
        client.read(buffer, Sectors::new(sector, 1).expect("some"), 1).expect("it is taken");
        let _ = client.flush().expect("the driver is honest");
        serve(&mut driver, &mut now, 20).expect("nothing wrong");
        let Ok(Event::Read(done)) = client.event() else { panic!("no end") };
        assert_eq!(done.outcome, outcome);
        client.release(done.buffer);
    }
}
