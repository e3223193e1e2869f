//! Planned changes of drivers of one disk: each command is one driver's, every sector is right, no reset.

mod storm;

use std::cell::{Cell, RefCell};
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use anax_blocks::{ClientSide, Event, Sectors};
use anax_disk::Next;
use anax_driver::{Driver as _, DriverError, Record, Refusal, STATE_BYTES, Station};
use anax_ring::{AtomicU64, Endpoint, Epoch, Geometry, SharedBlock, SharedBytes, Side, Supervisor};
use ata::{Ata, Service, Unit};

use crate::model::{Block, Model, Whim, channel};
use crate::starting::start;

const BUFFERS: usize = 8;
const POOL_BYTES: usize = BUFFERS * 4096;

type Driver<'m> = Service<'m, Block<'m>>;
type Adopt<'s, S> = Box<dyn FnMut(&Record) -> Result<S, Refusal> + 's>;
type Post<'s, 'm> = Station<'m, Driver<'m>, Adopt<'s, Driver<'m>>, Box<dyn FnMut() -> Duration + 's>>;

/// What outlives drivers.
struct Parts<'m> {
    model: &'m RefCell<Model>,
    pool: &'m [AtomicU64],
    channel: &'m [AtomicU64],
    state: &'m [AtomicU64],
    now: Cell<Duration>,
}

fn words(count: usize) -> Vec<AtomicU64> {
    (0..count).map(|_| AtomicU64::new(0)).collect()
}

fn geometry() -> Geometry {
    Geometry::new(16, 16).expect("powers of two")
}

fn bytes(words: &[AtomicU64]) -> SharedBytes<'_> {
    SharedBytes::new(SharedBlock::from_words(words))
}

impl<'m> Parts<'m> {
    fn post(&self, service: Option<Driver<'m>>) -> Post<'_, 'm> {
        let block = SharedBlock::from_words(self.channel);
        let adopt = move |record: &Record| {
            let endpoint =
                Endpoint::unarrived(block, Side::Server, geometry(), Epoch::FIRST, &self.channel[3])
                    .expect("large");
            Service::adopt(record, endpoint, POOL_BYTES as u64, |words| {
                Ata::adopt(channel(self.model, Unit::Slave), bytes(self.pool), words)
            })
        };
        let clock = || {
            self.now.set(self.now.get() + Duration::from_millis(1));
            self.now.get()
        };
        Station::new(service, Box::new(adopt), Box::new(clock), Some(bytes(self.state)))
    }

    fn first(&self) -> Post<'_, 'm> {
        let mut now = self.now.get();
        let (starting, identity) = start(self.model, Unit::Slave, &mut now).expect("nothing wrong");
        self.now.set(now);
        let drive = Ata::new(starting, identity, bytes(self.pool));
        let endpoint =
            Endpoint::open(SharedBlock::from_words(self.channel), Side::Server).expect("a channel");
        self.post(Some(Service::new(drive, endpoint, POOL_BYTES as u64)))
    }
}

fn with_parts(body: impl FnOnce(&Parts<'_>, ClientSide<'_, BUFFERS>)) {
    let (pool, channel, state) = (words(POOL_BYTES / 8), words(geometry().words()), words(STATE_BYTES / 8));
    assert!(Supervisor::create(SharedBlock::from_words(&channel), geometry()).is_ok());
    let model = Model::new(64);
    let endpoint = Endpoint::open(SharedBlock::from_words(&channel), Side::Client).expect("a channel");
    let client = ClientSide::new(endpoint, bytes(&pool), 4096).expect("nothing wrong");
    let now = Cell::new(Duration::from_secs(3));
    body(&Parts { model: &model, pool: &pool, channel: &channel, state: &state, now }, client);
}

/// A few turns, the watch as the driver asks for it.
fn serve(parts: &Parts<'_>, driver: &mut Post<'_, '_>, turns: u32) {
    for _ in 0..turns {
        match driver.work(4).expect("the device works").next {
            Next::Again => {}
            Next::Wait(Some(until)) => parts.now.set(until.max(parts.now.get())),
            Next::Wait(None) => break,
        }
    }
}

/// Takes all events: how many reads there were, each with what was written before it.
fn events(client: &mut ClientSide<'_, BUFFERS>) -> u32 {
    let mut read = 0;
    loop {
        match client.event().expect("the driver is honest") {
            Event::Written(done) => {
                done.outcome.expect("it was written");
                client.release(done.buffer);
            }
            Event::Read(done) => {
                done.outcome.expect("it was read");
                let last = done.sectors.count() as usize * 512 - 1;
                let found = [0, 511, last].map(|at| done.buffer.bytes().read_u8(at).expect("within"));
                assert_eq!(found, [done.token as u8; 3], "{:?}", done.sectors);
                client.release(done.buffer);
                read += 1;
            }
            Event::Replaced(_) => panic!("nobody died"),
            Event::Flushed { .. } | Event::Disk(_) => {}
            Event::Nothing => break,
        }
    }
    let _ = client.flush().expect("the driver is honest");
    read
}

#[test]
fn two_hundred_drivers_one_after_the_other() {
    with_parts(|parts, mut client| {
        let mut driver = parts.first();
        let resets = parts.model.borrow().resets;
        let (mut next, mut read, mut swaps, mut unfinished) = (0_u32, 0, 0, 0);
        for turn in 0..2000_u32 {
            if client.disk().is_some() && client.free() >= 2 && turn < 1900 {
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
            }
            let _ = client.flush().expect("the driver is honest");
            // Sometimes it is so slow that patience ends.
            parts.model.borrow_mut().delay = if turn % 90 == 0 { 20_000 } else { turn % 300 };
            serve(parts, &mut driver, 1 + turn % 5);
            if turn % 7 == 3 {
                let mut successor = parts.post(None);
                match driver.quiesce() {
                    Ok(()) if turn % 2 == 0 => {
                        parts.state[17].fetch_xor(1, Relaxed);
                        assert_eq!(
                            successor.take_over(),
                            Err(Refusal::Device.into()),
                            "sectors of 513 bytes"
                        );
                        driver.resume().expect("nobody took over");
                    }
                    Ok(()) => {
                        successor.take_over().expect("all fits together");
                        (driver, swaps) = (successor, swaps + 1);
                    }
                    Err(error) => {
                        assert_eq!(error, DriverError::Unfinished);
                        unfinished += 1;
                    }
                }
            }
            read += events(&mut client);
        }
        parts.model.borrow_mut().delay = 0;
        for _ in 0..200 {
            serve(parts, &mut driver, 5);
            read += events(&mut client);
        }
        println!("{next} written, {swaps} swaps, {unfinished} unfinished");
        assert!(next > 300 && swaps > 100 && unfinished > 0);
        assert_eq!((read, client.free(), parts.model.borrow().resets), (next, BUFFERS, resets));
        assert_eq!(client.counters().asked_again, 0);
    });
}

#[test]
fn a_disk_that_is_busy_is_not_gone_on_with() {
    with_parts(|parts, _| {
        let mut driver = parts.first();
        driver.quiesce().expect("nothing is in the way");
        parts.model.borrow_mut().whim = Whim::Empty;
        assert_eq!(parts.post(None).take_over(), Err(Refusal::Device.into()));
        parts.model.borrow_mut().whim = Whim::None;
        assert_eq!(parts.post(None).take_over(), Ok(()));
    });
}
