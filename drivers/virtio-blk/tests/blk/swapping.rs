//! Planned changes of drivers in the middle of writes: every sector right, nothing asked twice, no reset.

mod storm;

use std::cell::{Cell, RefCell};
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use anax_blocks::{ClientSide, Event, Sectors};
use anax_disk::Next;
use anax_driver::{Driver as _, DriverError, Mode, Record, Refusal, STATE_BYTES, Station};
use anax_ring::{AtomicU64, Endpoint, Epoch, Geometry, SharedBlock, SharedBytes, Side, Supervisor};
use proptest::prelude::*;
use virtio_blk::{Blk, Interrupts, Service};

use crate::model::{Device, SECTORS, Window, World, transport};

const REQUESTS: usize = 8;
const BUFFERS: usize = 16;
const POOL: usize = 0x2000;
const POOL_BYTES: u64 = BUFFERS as u64 * 4096;

type Driver<'d, 'm> = Service<'m, Window<'d, 'm>, REQUESTS>;
type Adopt<'s, S> = Box<dyn FnMut(&Record) -> Result<S, Refusal> + 's>;
type Post<'s, 'd, 'm> =
    Station<'m, Driver<'d, 'm>, Adopt<'s, Driver<'d, 'm>>, Box<dyn FnMut() -> Duration + 's>>;

/// What outlives drivers.
struct Parts<'d, 'm> {
    world: &'m World,
    device: &'d RefCell<Device<'m>>,
    channel: &'m [AtomicU64],
    state: &'m [AtomicU64],
    now: Cell<Duration>,
    /// Whether the disk goes on while a driver waits for it.
    works: Cell<bool>,
}

fn words(count: usize) -> Vec<AtomicU64> {
    (0..count).map(|_| AtomicU64::new(0)).collect()
}

fn geometry() -> Geometry {
    Geometry::new(16, 16).expect("powers of two")
}

impl<'d, 'm> Parts<'d, 'm> {
    fn post(&self, service: Option<Driver<'d, 'm>>) -> Post<'_, 'd, 'm> {
        let (own, pool) = self.world.block().split(POOL / 8).expect("it is that large");
        let block = SharedBlock::from_words(self.channel);
        let adopt = move |record: &Record| {
            let endpoint =
                Endpoint::unarrived(block, Side::Server, geometry(), Epoch::FIRST, &self.channel[3])
                    .expect("large");
            Service::adopt(record, endpoint, POOL_BYTES, |words| {
                Blk::adopt(transport(self.device), own, Interrupts::Line, (pool.start(), POOL_BYTES), words)
            })
        };
        let clock = || {
            self.now.set(self.now.get() + Duration::from_millis(3));
            let mut device = self.device.borrow_mut();
            if self.works.get()
                && let Some(request) = device.take()
            {
                device.serve(&request);
            }
            self.now.get()
        };
        let state = SharedBytes::new(SharedBlock::from_words(self.state));
        Station::new(service, Box::new(adopt), Box::new(clock), Some(state))
    }

    fn first(&self) -> Post<'_, 'd, 'm> {
        let (own, pool) = self.world.block().split(POOL / 8).expect("it is that large");
        let blk =
            Blk::start(transport(self.device), own, Interrupts::Line, (pool.start(), POOL_BYTES), || false);
        let endpoint =
            Endpoint::open(SharedBlock::from_words(self.channel), Side::Server).expect("a channel");
        self.post(Some(Service::new(blk.expect("nothing wrong"), endpoint, POOL_BYTES)))
    }

    fn client(&self) -> ClientSide<'m, BUFFERS> {
        let (_, pool) = self.world.block().split(POOL / 8).expect("it is that large");
        let pool = SharedBytes::new(SharedBlock::from_words(pool.words()));
        let endpoint =
            Endpoint::open(SharedBlock::from_words(self.channel), Side::Client).expect("a channel");
        ClientSide::new(endpoint, pool, 4096).expect("nothing wrong")
    }
}

fn with_parts(body: impl FnOnce(&Parts<'_, '_>)) {
    let world = World::new(POOL + POOL_BYTES as usize);
    let device = world.device();
    let (channel, state) = (words(geometry().words()), words(STATE_BYTES / 8));
    assert!(Supervisor::create(SharedBlock::from_words(&channel), geometry()).is_ok());
    let (now, works) = (Cell::new(Duration::ZERO), Cell::new(false));
    body(&Parts { world: &world, device: &device, channel: &channel, state: &state, now, works });
}

/// Takes all events: how many ended, each as it should.
fn events(client: &mut ClientSide<'_, BUFFERS>) -> u32 {
    let mut ends = 0;
    loop {
        match client.event().expect("the driver is honest") {
            Event::Written(done) => {
                done.outcome.expect("it was written");
                client.release(done.buffer);
            }
            Event::Read(done) => {
                done.outcome.expect("it was read");
                for at in 0..done.sectors.count() as usize * 64 {
                    let found = done.buffer.bytes().read_u64(8 * at).expect("within");
                    assert_eq!(found, done.token.into(), "{:?}", done.sectors);
                }
                client.release(done.buffer);
            }
            Event::Flushed { outcome, .. } => outcome.expect("it was flushed"),
            Event::Replaced(_) => panic!("nobody died"),
            Event::Disk(_) => continue,
            Event::Nothing => break,
        }
        ends += 1;
    }
    let _ = client.flush().expect("the driver is honest");
    ends
}

/// Steps, then until all has ended: how many writes there were, each of them read again, and how often drivers changed.
fn run(parts: &Parts<'_, '_>, steps: impl Iterator<Item = u8>) -> (u32, u32) {
    let (mut driver, mut client) = (parts.first(), parts.client());
    let resets = parts.device.borrow().resets;
    let (mut next, mut asked, mut ended, mut swaps) = (0_u32, 0, 0, 0);
    let serve =
        |driver: &mut Post<'_, '_, '_>| while driver.work(8).expect("it works").next == Next::Again {};
    let finish = (0..200).map(|step| [1, 3, 2][step % 3]);
    for step in [2, 1, 2].into_iter().chain(steps).chain(finish) {
        match step {
            0 if client.free() >= 2 => {
                next += 1;
                let sectors =
                    Sectors::new(u64::from(next * 7) % (SECTORS as u64 - 8), 1 + next % 8).expect("some");
                let buffer = client.buffer().expect("two are free");
                for at in 0..sectors.count() as usize * 64 {
                    buffer.bytes().write_u64(8 * at, next.into()).expect("within");
                }
                client.write(buffer, sectors, next).expect("it is taken");
                let buffer = client.buffer().expect("one is free");
                client.read(buffer, sectors, next).expect("it is taken");
                asked += 2;
                if next.is_multiple_of(10) && client.flush_disk(next).is_ok() {
                    asked += 1;
                }
                let _ = client.flush().expect("the driver is honest");
            }
            0 => {}
            1 => serve(&mut driver),
            2 => ended += events(&mut client),
            3 => {
                let mut device = parts.device.borrow_mut();
                let requests: Vec<_> = (0..3).map_while(|_| device.take()).collect();
                requests.iter().rev().for_each(|request| device.serve(request));
            }
            4 => {
                parts.works.set(true);
                let mut successor = parts.post(None);
                driver.quiesce().expect("all ended in time");
                successor.take_over().expect("all fits together");
                let again = parts.post(None).take_over();
                assert_eq!(again, Err(Refusal::NoRecord.into()), "a record is used once");
                parts.works.set(false);
                (driver, swaps) = (successor, swaps + 1);
            }
            _ => {
                // The disk takes its time, or the successor finds something wrong: the old one goes on.
                let quiesced = driver.quiesce();
                if quiesced.is_ok() {
                    parts.state[17].fetch_xor(1 << 16, Relaxed);
                    assert_eq!(parts.post(None).take_over(), Err(Refusal::Device.into()));
                    driver.resume().expect("nobody took over");
                } else {
                    assert_eq!(quiesced, Err(DriverError::Unfinished));
                }
            }
        }
    }
    assert_eq!((ended, parts.device.borrow().resets), (asked, resets));
    let counters = client.counters();
    assert_eq!((counters.asked_again, counters.failed, client.free()), (0, 0, BUFFERS));
    let traffic = driver.traffic().expect("it counts");
    assert_eq!((traffic.sent, traffic.received), (next.into(), next.into()));
    (next, swaps)
}

#[test]
fn two_hundred_drivers_one_after_the_other() {
    // A generator of numbers, so that each run is the same.
    let mut seed = 0x9e37_79b9_u32;
    let steps = (0..5000).map(|_| {
        seed ^= seed << 13;
        seed ^= seed >> 17;
        seed ^= seed << 5;
        let step = seed >> 8 & 63;
        if step < 5 { 4 + (step as u8).saturating_sub(3).min(1) } else { (step % 4) as u8 }
    });
    with_parts(|parts| {
        let (writes, swaps) = run(parts, steps);
        assert!(swaps >= 200 && writes > 500, "{swaps} {writes}");
    });
}

#[test]
fn what_does_not_end_is_handed_back_before_a_new_epoch() {
    with_parts(|parts| {
        let (mut driver, mut client) = (parts.first(), parts.client());
        let serve =
            |driver: &mut Post<'_, '_, '_>| while driver.work(8).expect("it works").next == Next::Again {};
        events(&mut client);
        serve(&mut driver);
        events(&mut client);
        let buffer = client.buffer().expect("all are free");
        client.write(buffer, Sectors::new(3, 1).expect("one"), 7).expect("it is taken");
        let _ = client.flush().expect("the driver is honest");
        serve(&mut driver);
        assert_eq!(driver.quiesce(), Err(DriverError::Unfinished));
        assert_eq!(driver.health().map(|health| (health.mode, health.pending)), Ok((Mode::Running, 1)));
        driver.retire().expect("it stops");
        assert_eq!(driver.health().map(|health| (health.mode, health.pending)), Ok((Mode::Retired, 0)));
        assert_eq!(parts.device.borrow_mut().work(), 0, "the device has nothing any more");
        assert_eq!(events(&mut client), 0, "it waits for a successor");
    });
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    /// Swaps and refusals at any moment.
    #[test]
    fn each_sector_is_right(steps in prop::collection::vec(0..6_u8, 1..200)) {
        with_parts(|parts| _ = run(parts, steps.into_iter()));
    }

    /// Any word of the record, changed in any bits: no panic, and the old driver goes on if the successor refuses.
    #[test]
    fn no_word_of_a_record_is_believed(
        changes in prop::collection::vec((0..40_usize, prop_oneof![(0..64_u32).prop_map(|bit| 1 << bit), any::<u64>()]), 1..4),
    ) {
        with_parts(|parts| {
            let (mut driver, mut client) = (parts.first(), parts.client());
            events(&mut client);
            while driver.work(8).expect("it works").next == Next::Again {}
            events(&mut client);
            driver.quiesce().expect("nothing is in the way");
            for (at, bits) in changes { parts.state[at].fetch_xor(bits, Relaxed); }
            let mut successor = parts.post(None);
            match successor.take_over() {
                Ok(()) => driver = successor,
                Err(_) => driver.resume().expect("nobody took over"),
            }
            let buffer = client.buffer().expect("all are free");
            client.read(buffer, Sectors::new(3, 1).expect("one"), 0).expect("it is taken");
            let _ = client.flush().expect("the driver is honest");
            while driver.work(8).expect("it works").next == Next::Again {}
            parts.device.borrow_mut().work();
            while driver.work(8).expect("it works").next == Next::Again {}
            assert_eq!(events(&mut client), 1);
        });
    }
}
