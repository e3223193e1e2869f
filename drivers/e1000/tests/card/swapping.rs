//! Planned changes of drivers in the middle of traffic: each frame once and in order, and no reset. What the service does whatever the card is
//! tested with virtio-net.

mod storm;

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use anax_device::DmaAddress;
use anax_driver::{Driver as _, Record, Refusal, STATE_BYTES, Station};
use anax_frames::{BUFFER_BYTES, ClientSide, DriverSide, Event, Loan};
use anax_nic::{Next, Service};
use anax_ring::{AtomicU64, Endpoint, Epoch, Geometry, SharedBlock, SharedBytes, Side, Supervisor};
use e1000::Nic;
use proptest::prelude::*;

use crate::model::{BASE, Device, TRANSMIT, Window, World};
use crate::nic::NONE;

const DESCRIPTORS: usize = 16;
const BUFFERS: usize = 24;
const LENT: usize = 12;
const POOL: usize = 0x4000;
/// The first thing in flight in a record, in words; each has four.
const FIRST: usize = 24;

type Driver<'d, 'm> = Service<'m, Nic<'m, Window<'d, 'm>, Loan, DESCRIPTORS>>;
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
}

fn words(count: usize) -> Vec<AtomicU64> {
    (0..count).map(|_| AtomicU64::new(0)).collect()
}

fn geometry() -> Geometry {
    Geometry::new(32, 32).expect("powers of two")
}

impl<'d, 'm> Parts<'d, 'm> {
    fn post(&self, service: Option<Driver<'d, 'm>>) -> Post<'_, 'd, 'm> {
        let (own, _) = self.world.block().split(POOL / 8).expect("it is that large");
        let block = SharedBlock::from_words(self.channel);
        let adopt = move |record: &Record| {
            let endpoint =
                Endpoint::unarrived(block, Side::Server, geometry(), Epoch::FIRST, &self.channel[3])
                    .expect("large");
            Service::adopt(record, endpoint, BUFFERS as u32, DmaAddress::new(BASE + POOL as u64), |handed| {
                Nic::adopt_handed(Window(self.device), own, &self.world.reach(), NONE, handed)
            })
        };
        let clock = || {
            self.now.set(self.now.get() + Duration::from_micros(300));
            self.now.get()
        };
        let state = SharedBytes::new(SharedBlock::from_words(self.state));
        Station::new(service, Box::new(adopt), Box::new(clock), Some(state))
    }

    fn first(&self) -> Post<'_, 'd, 'm> {
        let (own, _) = self.world.block().split(POOL / 8).expect("it is that large");
        let nic = Nic::start(Window(self.device), own, &self.world.reach(), NONE).expect("nothing wrong");
        let endpoint =
            Endpoint::open(SharedBlock::from_words(self.channel), Side::Server).expect("a channel");
        let client = DriverSide::new(endpoint, BUFFERS as u32);
        self.post(Service::new(nic, client, DmaAddress::new(BASE + POOL as u64)))
    }

    fn client(&self) -> ClientSide<'m, 32> {
        let (_, pool) = self.world.block().split(POOL / 8).expect("it is that large");
        let pool = SharedBytes::new(SharedBlock::from_words(pool.words()));
        let endpoint =
            Endpoint::open(SharedBlock::from_words(self.channel), Side::Client).expect("a channel");
        ClientSide::new(endpoint, pool, LENT).expect("nothing wrong")
    }
}

fn with_parts(body: impl FnOnce(&Parts<'_, '_>)) {
    let world = World::new(POOL + BUFFERS * BUFFER_BYTES);
    let device = world.device();
    let (channel, state) = (words(geometry().words()), words(STATE_BYTES / 8));
    assert!(Supervisor::create(SharedBlock::from_words(&channel), geometry()).is_ok());
    let now = Cell::new(Duration::ZERO);
    body(&Parts { world: &world, device: &device, channel: &channel, state: &state, now });
}

fn frame(number: usize) -> Vec<u8> {
    let pattern = (8..60 + number % 1000).map(|at| (at * 7 + number) as u8);
    (number as u64).to_le_bytes().into_iter().chain(pattern).collect()
}

/// Sends back all that has come.
fn echo(client: &mut ClientSide<'_, 32>) {
    loop {
        match client.event().expect("the driver is honest") {
            Event::Received(received) => {
                client.transmit(received.buffer, received.length, 0).expect("there is room");
            }
            Event::Sent { outcome, .. } => outcome.expect("it was sent"),
            Event::About(_) | Event::Link(_) => {}
            Event::Replaced(_) => panic!("nobody died"),
            Event::Nothing => break,
        }
    }
    let _ = client.flush().expect("the driver is honest");
}

/// Steps, then until nothing moves any more; how many frames came and went, and how often drivers changed.
fn run(parts: &Parts<'_, '_>, steps: impl Iterator<Item = u8>) -> (usize, u32) {
    let (mut driver, mut client) = (parts.first(), parts.client());
    let resets = parts.device.borrow().resets;
    let (mut next, mut came, mut swaps, mut taken) = (0, 0, 0, VecDeque::new());
    let device = parts.device;
    let finish = (0..200).map(|step| 2 + step % 4);
    for step in steps.chain(finish) {
        match step {
            0 | 1 => next += usize::from(device.borrow_mut().receive(&frame(next))),
            2 => while driver.work(8).expect("the device works").next == Next::Again {},
            3 => echo(&mut client),
            4 => taken.extend(device.borrow_mut().take_frame()),
            5 => {
                if let Some((place, word)) = taken.pop_front() {
                    device.borrow().mark(TRANSMIT, place, word | 1 << 32);
                }
            }
            6 => {
                let mut successor = parts.post(None);
                driver.quiesce().expect("nothing is in the way");
                next += usize::from(device.borrow_mut().receive(&frame(next)));
                successor.take_over().expect("all fits together");
                (driver, swaps) = (successor, swaps + 1);
            }
            _ => {
                driver.quiesce().expect("nothing is in the way");
                // The record knows one thing less, or another length.
                let count = parts.state[6].load(Relaxed) as usize;
                let refused = if count > 1 && step == 7 {
                    parts.state[6].fetch_sub(1, Relaxed);
                    Refusal::Tickets
                } else {
                    parts.state[16].fetch_add(8, Relaxed);
                    Refusal::Device
                };
                assert_eq!(parts.post(None).take_over(), Err(refused.into()));
                driver.resume().expect("nobody took over");
            }
        }
        for bytes in device.borrow_mut().wire.drain(..) {
            assert_eq!(bytes, frame(came), "in order, and each once");
            came += 1;
        }
    }
    assert_eq!((came, device.borrow().resets), (next, resets));
    let counters = client.counters();
    assert_eq!((counters.received, counters.sent, counters.resent), (next as u64, next as u64, 0));
    assert_eq!(client.free(), BUFFERS - LENT, "all buffers are accounted for");
    assert_eq!(driver.service().map(|service| service.nic().in_flight()), Some((LENT as u16, 0)));
    (next, swaps)
}

#[test]
fn two_hundred_drivers_one_after_the_other() {
    // A generator of numbers, so that each run is the same.
    let mut seed = 0x9e37_79b9_u32;
    let steps = (0..4000).map(|_| {
        seed ^= seed << 13;
        seed ^= seed >> 17;
        seed ^= seed << 5;
        let step = seed >> 8 & 63;
        if step < 5 { 6 + (step as u8).saturating_sub(2) } else { (step % 6) as u8 }
    });
    with_parts(|parts| {
        let (frames, swaps) = run(parts, steps);
        assert!(swaps >= 150 && frames > 300, "{swaps} {frames}");
    });
}

#[test]
fn what_is_not_in_the_rings_is_not_inherited() {
    with_parts(|parts| {
        let (mut driver, mut client) = (parts.first(), parts.client());
        echo(&mut client);
        while driver.work(8).expect("the device works").next == Next::Again {}
        let refused = |change: &dyn Fn()| {
            let mut driver = parts.post(None);
            change();
            driver.take_over()
        };
        driver.quiesce().expect("nothing is in the way");
        // Elsewhere in the pool; and in the same place as another.
        let other = |at: usize, by: u64| move || _ = parts.state[at].fetch_xor(by, Relaxed);
        assert_eq!(refused(&other(FIRST + 2, 16 * 2048)), Err(Refusal::Device.into()));
        other(FIRST + 2, 16 * 2048)();
        assert_eq!(refused(&other(FIRST + 2, 2048)), Err(Refusal::InFlight.into()));
        other(FIRST + 2, 2048)();
        assert_eq!(refused(&|| ()), Ok(()));
    });
}

/// One that the predecessor's record names and the device does not have would never come back.
#[test]
fn what_is_handed_over_has_to_be_there() {
    with_parts(|parts| {
        let (mut driver, mut client) = (parts.first(), parts.client());
        echo(&mut client);
        while driver.work(8).expect("the device works").next == Next::Again {}
        driver.quiesce().expect("nothing is in the way");
        // The device forgets the last one.
        let tail = parts.device.borrow().registers[&(0x2800 + 0x18)];
        parts.device.borrow_mut().set(0x2800 + 0x18, tail - 1);
        assert_eq!(parts.post(None).take_over(), Err(Refusal::Device.into()));
    });
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    /// Swaps and refusals at any moment.
    #[test]
    fn each_frame_once_and_in_order(steps in prop::collection::vec(0..9_u8, 1..200)) {
        with_parts(|parts| _ = run(parts, steps.into_iter()));
    }
}
