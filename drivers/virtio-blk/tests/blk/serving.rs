//! A client, the channel, the driver and the model of the device together, through drivers that die.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::time::Duration;

use anax_blocks::{ClientSide, Event, Failure, MAX_ATTEMPTS, Sectors};
use anax_device::DmaBlock;
use anax_disk::{Next, ServiceError};
use anax_ring::{AtomicU64, Endpoint, Geometry, SharedBlock, SharedBytes, Side, Supervisor};
use virtio_blk::{Blk, Interrupts, Service};

use crate::model::{Device, SECTORS, Window, World, transport};

const REQUESTS: usize = 8;
const BUFFERS: usize = 16;
const POOL: usize = 0x2000;
const POOL_BYTES: usize = BUFFERS * 4096;
const NOW: Duration = Duration::ZERO;

type Driver<'d, 'm> = Service<'m, Window<'d, 'm>, REQUESTS>;
type Client<'m> = ClientSide<'m, BUFFERS>;

fn world() -> World {
    World::new(POOL + POOL_BYTES)
}

/// The parts of the machine that outlive a driver: its own memory, and the pool as both see it.
fn parts(world: &World) -> (DmaBlock<'_>, DmaBlock<'_>) {
    world.block().split(POOL / 8).expect("it is that large")
}

fn channel_words() -> (Vec<AtomicU64>, Geometry) {
    let geometry = Geometry::new(16, 16).expect("powers of two");
    ((0..geometry.words()).map(|_| AtomicU64::new(0)).collect(), geometry)
}

fn driver<'d, 'm>(
    device: &'d RefCell<Device<'m>>,
    world: &'m World,
    channel: &'m [AtomicU64],
) -> Driver<'d, 'm> {
    let (own, pool) = parts(world);
    let blk =
        Blk::start(transport(device), own, Interrupts::Line, (pool.start(), POOL_BYTES as u64), || false);
    let endpoint = Endpoint::open(SharedBlock::from_words(channel), Side::Server).expect("a channel");
    Service::new(blk.expect("nothing wrong"), endpoint, POOL_BYTES as u64)
}

fn client<'m>(world: &'m World, channel: &'m [AtomicU64]) -> Client<'m> {
    let endpoint = Endpoint::open(SharedBlock::from_words(channel), Side::Client).expect("a channel");
    let pool = SharedBytes::new(SharedBlock::from_words(parts(world).1.words()));
    ClientSide::new(endpoint, pool, 4096).expect("nothing wrong")
}

fn serve(driver: &mut Driver<'_, '_>) -> Next {
    driver.serve(NOW, 8).expect("the device works").next
}

fn settle(driver: &mut Driver<'_, '_>) {
    while serve(driver) == Next::Again {}
}

/// Takes all events; tokens of what was done, and whether reads found what their token says.
fn run(client: &mut Client<'_>) -> Vec<(u32, Result<(), Failure>)> {
    let mut ends = vec![];
    loop {
        match client.event().expect("the driver is honest") {
            Event::Written(done) => {
                ends.push((done.token, done.outcome));
                client.release(done.buffer);
            }
            Event::Read(done) => {
                for at in 0..done.sectors.count() as usize * 64 {
                    let found = done.buffer.bytes().read_u64(8 * at).expect("within");
                    assert_eq!(found, done.token.into(), "{:?}", done.sectors);
                }
                ends.push((done.token, done.outcome));
                client.release(done.buffer);
            }
            Event::Flushed { token, outcome } => ends.push((token, outcome)),
            Event::Nothing => break,
            Event::Disk(_) | Event::Replaced(_) => {}
        }
    }
    let _ = client.flush().expect("the driver is honest");
    ends
}

fn write(client: &mut Client<'_>, sectors: Sectors, token: u32) -> bool {
    let Some(buffer) = client.buffer() else { return false };
    for at in 0..sectors.count() as usize * 64 {
        buffer.bytes().write_u64(8 * at, token.into()).expect("within");
    }
    client.write(buffer, sectors, token).expect("it is taken");
    true
}

/// Each write is read again at once, which has to wait for it; and everything goes through drivers that die at any time.
#[test]
fn writes_are_read_through_drivers_that_die() {
    let (world, (channel, geometry)) = (world(), channel_words());
    let device = world.device();
    let mut supervisor =
        Supervisor::create(SharedBlock::from_words(&channel), geometry).expect("large enough");
    let mut client = client(&world, &channel);
    let mut driver_now = driver(&device, &world, &channel);
    run(&mut client);
    settle(&mut driver_now);
    run(&mut client);
    let (mut next, mut asked, mut ended, mut lives) = (0_u32, BTreeSet::new(), BTreeSet::new(), 1_u32);
    while next < 3000 {
        next += 1;
        let first = u64::from(next * 7) % (SECTORS as u64 - 8);
        let sectors = Sectors::new(first, 1 + next % 8).expect("some");
        if client.free() >= 2 && write(&mut client, sectors, next) {
            let buffer = client.buffer().expect("two were free");
            client.read(buffer, sectors, next).expect("it is taken");
            asked.insert(next);
        }
        if next.is_multiple_of(10) {
            let _ = client.flush_disk(1 << 31 | next);
        }
        let _ = client.flush().expect("the driver is honest");
        serve(&mut driver_now);
        {
            let mut device = device.borrow_mut();
            let requests: Vec<_> = (0..next % 4).map_while(|_| device.take()).collect();
            requests.iter().rev().for_each(|request| device.serve(request));
            if next.is_multiple_of(31)
                && let Some(request) = device.take()
            {
                // Half done when the driver dies.
                device.perform(&request, 512);
            }
        }
        if next.is_multiple_of(31) {
            // The disk is reset, and only then does the client hear of it.
            let _fence = driver(&device, &world, &channel);
            supervisor.rebind().expect("large enough");
            driver_now = driver(&device, &world, &channel);
            lives += 1;
        }
        serve(&mut driver_now);
        ended.extend(run(&mut client).into_iter().map(|(token, outcome)| {
            assert_eq!(outcome, Ok(()));
            token
        }));
    }
    for _ in 0..100 {
        settle(&mut driver_now);
        device.borrow_mut().work();
        settle(&mut driver_now);
        ended.extend(run(&mut client).into_iter().map(|(token, _)| token));
    }
    assert!(asked.is_subset(&ended) && lives > 90, "{} of {} in {lives} lives", ended.len(), asked.len());
    let counters = client.counters();
    assert_eq!((client.free(), counters.failed), (BUFFERS, 0));
    assert_eq!((counters.read, counters.written), (asked.len() as u64, asked.len() as u64));
    assert!(counters.asked_again > 50 && asked.len() > 500, "{counters:?}");
    println!("{counters:?} {lives} lives, attempts at most {MAX_ATTEMPTS}");
}

#[test]
fn a_broken_device_is_reset_and_the_client_never_knows() {
    let (world, (channel, geometry)) = (world(), channel_words());
    let device = world.device();
    let created = Supervisor::create(SharedBlock::from_words(&channel), geometry);
    assert!(created.is_ok());
    let mut client = client(&world, &channel);
    let mut driver = driver(&device, &world, &channel);
    run(&mut client);
    settle(&mut driver);
    run(&mut client);
    for token in 0..20 {
        assert!(write(&mut client, Sectors::new(token.into(), 2).expect("some"), token));
        run(&mut client);
        settle(&mut driver);
        match token % 3 {
            0 => device.borrow_mut().show_used(77),
            1 => {
                device.borrow_mut().break_down();
                driver.configuration_changed(NOW).expect("it comes up again");
            }
            _ => {}
        }
        settle(&mut driver);
        assert_eq!(device.borrow_mut().work(), 1);
        settle(&mut driver);
        assert_eq!(run(&mut client), [(token, Ok(()))]);
    }
    assert_eq!(client.counters().asked_again, 0);
    let mut ended = Ok(());
    for _ in 0..20 {
        device.borrow_mut().show_used(5000);
        ended = driver.serve(NOW, 8).map(|_| ());
        if ended.is_err() {
            break;
        }
    }
    assert_eq!(ended, Err(ServiceError::Broken));
}

#[test]
fn a_client_that_lies_or_dies_takes_its_jobs_with_it() {
    let (world, (channel, geometry)) = (world(), channel_words());
    let device = world.device();
    let mut supervisor =
        Supervisor::create(SharedBlock::from_words(&channel), geometry).expect("large enough");
    let mut first = client(&world, &channel);
    let mut driver = driver(&device, &world, &channel);
    let begin = |client: &mut Client<'_>, driver: &mut Driver<'_, '_>| {
        run(client);
        settle(driver);
        run(client);
        // More than the device holds.
        for token in 0..12 {
            assert!(write(client, Sectors::new(token, 1).expect("some"), token as u32));
        }
        run(client);
        settle(driver);
        assert_eq!(usize::from(driver.drive().in_flight()), REQUESTS);
    };
    begin(&mut first, &mut driver);
    // The producer's position.
    let word = &channel[8];
    word.store(word.load(std::sync::atomic::Ordering::Relaxed) + 1000, std::sync::atomic::Ordering::Relaxed);
    device.borrow_mut().work();
    settle(&mut driver);
    settle(&mut driver);
    assert_eq!((driver.drive().in_flight(), device.borrow_mut().work()), (0, 0));
    let epoch = supervisor.rebind().expect("large enough");
    driver.rebind(epoch, NOW).expect("it comes up again");
    let mut second = client(&world, &channel);
    begin(&mut second, &mut driver);
    // Another one, noticed by the driver itself.
    supervisor.rebind().expect("large enough");
    // With a job held back it is not before there is room for it.
    let request = device.borrow_mut().take().expect("there are some");
    device.borrow_mut().serve(&request);
    settle(&mut driver);
    assert_eq!((driver.drive().in_flight(), device.borrow_mut().work()), (0, 0));
    let mut third = client(&world, &channel);
    begin(&mut third, &mut driver);
    // A planned end: all is handed back.
    let _ = driver.stop().expect("it stops");
    assert_eq!(run(&mut third), []);
    assert_eq!(third.free(), BUFFERS - 12);
    assert_eq!(device.borrow_mut().work(), 0);
}
