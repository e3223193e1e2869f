//! Planned changes of drivers in the middle of traffic: each frame once and in order, no reset, and the client never knows.

mod storm;

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use anax_device::DmaAddress;
use anax_driver::{
    Driver as _, DriverError, Link, Mode, Pace, Record, Refusal, STATE_BYTES, Served, Station,
};
use anax_frames::{BUFFER_BYTES, ClientSide, DriverSide, Event, Loan};
use anax_nic::{Next, Service};
use anax_ring::{
    AtomicU64, Doorbell, Endpoint, Epoch, Geometry, SharedBlock, SharedBytes, Side, Sleep, Supervisor,
};
use proptest::prelude::*;
use virtio_net::{Interrupts, Nic};

use crate::model::{BASE, Device, Window, World, reach, transport};
use crate::offload::{header, offload};

const FRAMES: usize = 16;
const BUFFERS: usize = 24;
const LENT: usize = 12;
const POOL: usize = 0x4000;
const INTERRUPTS: Interrupts = Interrupts::MsiX { queues: 1, configuration: 0 };

type Driver<'d, 'm> = Service<'m, Nic<'m, Window<'d, 'm>, Loan, FRAMES>>;
type Adopt<'s, S> = Box<dyn FnMut(&Record) -> Result<S, Refusal> + 's>;
type Post<'s, 'd, 'm> =
    Station<'m, Driver<'d, 'm>, Adopt<'s, Driver<'d, 'm>>, Box<dyn FnMut() -> Duration + 's>>;

fn words(count: usize) -> Vec<AtomicU64> {
    (0..count).map(|_| AtomicU64::new(0)).collect()
}

/// How a driver hears of its device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hears {
    Interrupts,
    Pace,
}

/// What a supervisor has, and what outlives drivers.
struct Parts<'d, 'm> {
    world: &'m World,
    device: &'d RefCell<Device<'m>>,
    channel: &'m [AtomicU64],
    state: &'m [AtomicU64],
    geometry: Geometry,
    now: Cell<Duration>,
}

impl<'d, 'm> Parts<'d, 'm> {
    fn paced(hears: Hears, driver: Driver<'d, 'm>) -> Driver<'d, 'm> {
        let micros = Duration::from_micros;
        match hears {
            Hears::Interrupts => driver,
            Hears::Pace => driver.paced(Pace::new(micros(100), micros(1000))),
        }
    }

    fn state(&self) -> SharedBytes<'m> {
        SharedBytes::new(SharedBlock::from_words(self.state))
    }

    fn pool(&self) -> (DmaAddress, SharedBytes<'m>) {
        let (_, pool) = self.world.block().split(POOL / 8).expect("it is that large");
        (DmaAddress::new(BASE + POOL as u64), SharedBytes::new(SharedBlock::from_words(pool.words())))
    }

    /// One that runs, or one that stands by.
    fn post(&self, hears: Hears, mode: Mode) -> Post<'_, 'd, 'm> {
        let block = SharedBlock::from_words(self.channel);
        let (own, _) = self.world.block().split(POOL / 8).expect("it is that large");
        let service = (mode == Mode::Running).then(|| {
            let nic =
                Nic::start(transport(self.device), own, &reach(own), INTERRUPTS).expect("nothing wrong");
            let endpoint = Endpoint::open(block, Side::Server).expect("a channel");
            let client = DriverSide::new(endpoint, BUFFERS as u32);
            Self::paced(hears, Service::new(nic, client, self.pool().0).expect("a pool that has addresses"))
        });
        let adopt = move |record: &Record| {
            let epoch = Epoch::FIRST;
            let endpoint = Endpoint::unarrived(block, Side::Server, self.geometry, epoch, &self.channel[3]);
            let endpoint = endpoint.map_err(|_| Refusal::Channel)?;
            Service::adopt(record, endpoint, BUFFERS as u32, self.pool().0, |handed| {
                Nic::adopt(transport(self.device), own, &reach(own), INTERRUPTS, handed)
            })
            .map(|driver| Self::paced(hears, driver))
        };
        let clock = || {
            self.now.set(self.now.get() + Duration::from_micros(100));
            self.now.get()
        };
        Station::new(service, Box::new(adopt), Box::new(clock), Some(self.state()))
    }
}

/// A machine with a driver and a client that sends all back.
struct Run<'p, 'd, 'm> {
    parts: &'p Parts<'d, 'm>,
    client: ClientSide<'m, 32>,
    driver: Post<'p, 'd, 'm>,
    /// Frames that came from the wire, and those that went out to it.
    next: usize,
    came: usize,
    /// Frames that the device has taken, and not reported.
    taken: VecDeque<u16>,
    hears: Hears,
    swaps: u32,
}

/// The client has caught its driver.
#[derive(Debug)]
struct Lied;

fn frame(number: usize) -> Vec<u8> {
    let pattern = (8..60 + number % 1000).map(|at| (at * 7 + number) as u8);
    (number as u64).to_le_bytes().into_iter().chain(pattern).collect()
}

impl<'p, 'd, 'm> Run<'p, 'd, 'm> {
    fn new(parts: &'p Parts<'d, 'm>) -> Self {
        let endpoint =
            Endpoint::open(SharedBlock::from_words(parts.channel), Side::Client).expect("a channel");
        let client = ClientSide::new(endpoint, parts.pool().1, LENT).expect("nothing wrong");
        let driver = parts.post(Hears::Interrupts, Mode::Running);
        let (hears, taken) = (Hears::Interrupts, VecDeque::new());
        Self { parts, client, driver, next: 0, came: 0, taken, hears, swaps: 0 }
    }

    fn serve(&mut self) -> Served {
        self.driver.work(8).expect("the device works")
    }

    /// Sends back all that has come.
    fn echo(&mut self) -> Result<(), Lied> {
        loop {
            match self.client.event().map_err(|_| Lied)? {
                Event::Received(received) => {
                    let number = received.frame().read_u64(0).expect("within");
                    let sent =
                        self.client.transmit_with(received.buffer, received.length, offload(number), 0);
                    sent.expect("there is room");
                }
                Event::Sent { outcome, .. } => outcome.expect("it was sent"),
                Event::About(_) | Event::Link(_) => {}
                Event::Replaced(_) => panic!("nobody died"),
                Event::Nothing => break,
            }
        }
        self.client.flush().map(|_| ()).map_err(|_| Lied)
    }

    fn receive(&mut self) {
        self.next += usize::from(self.parts.device.borrow_mut().receive(&frame(self.next)));
    }

    /// A frame is on the wire.
    fn take(&mut self) -> bool {
        let taken = self.parts.device.borrow_mut().take_frame();
        taken.is_some_and(|(head, bytes)| {
            assert_eq!(bytes, frame(self.came), "in order, and each once");
            let header = header(offload(self.came as u64));
            assert_eq!(self.parts.device.borrow().header, header, "as the client asked");
            self.came += 1;
            self.taken.push_back(head);
            true
        })
    }

    fn report(&mut self) -> bool {
        let head = self.taken.pop_front();
        head.is_some_and(|head| {
            self.parts.device.borrow_mut().report(1, head.into(), 0);
            true
        })
    }

    fn step(&mut self, step: u8) {
        match step {
            0 | 1 => self.receive(),
            2 => _ = self.serve(),
            3 => self.echo().expect("the driver is honest"),
            4 => _ = self.take(),
            5 => _ = self.report(),
            6 => self.swap(),
            _ => self.swap_refused(),
        }
    }

    /// A successor takes over; the old one is ended where it is.
    fn swap(&mut self) {
        self.hears = if self.hears == Hears::Pace { Hears::Interrupts } else { Hears::Pace };
        let mut successor = self.parts.post(self.hears, Mode::Standby);
        assert_eq!(successor.health().expect("it answers").mode, Mode::Standby);
        let before = self.driver.traffic().expect("it counts");
        self.driver.quiesce().expect("nothing is in the way");
        // It does nothing more, whatever happens.
        self.receive();
        assert_eq!(self.driver.work(8).map(|served| served.next), Ok(Next::Wait(None)));
        successor.take_over().expect("all fits together");
        assert!(successor.traffic().expect("it counts").received >= before.received);
        let again = self.parts.post(self.hears, Mode::Standby).take_over();
        assert_eq!(again, Err(Refusal::NoRecord.into()), "a record is used once");
        self.driver = successor;
        self.swaps += 1;
    }

    /// A successor finds a record that it does not understand, and the old one goes on.
    fn swap_refused(&mut self) {
        let mut successor = self.parts.post(self.hears, Mode::Standby);
        self.driver.quiesce().expect("nothing is in the way");
        self.parts.state[1].fetch_add(1, Relaxed);
        assert_eq!(successor.take_over(), Err(Refusal::Version.into()));
        assert_eq!(successor.health().expect("it answers").mode, Mode::Standby);
        self.receive();
        self.driver.resume().expect("nobody took over");
        assert_eq!(successor.take_over(), Err(Refusal::NoRecord.into()));
    }

    /// Until nothing moves any more: all is echoed, and every buffer is where it should be.
    fn finish(&mut self) -> Result<(), Lied> {
        for _ in 0..40 {
            while self.serve().next == Next::Again {}
            self.echo()?;
            while self.take() {}
            while self.report() {}
        }
        assert_eq!(self.came, self.next, "nothing was lost");
        let counters = self.client.counters();
        assert_eq!((counters.received, counters.sent), (self.next as u64, self.next as u64));
        assert_eq!((counters.resent, counters.dropped, counters.bad_replies), (0, 0, 0));
        assert_eq!(self.client.free(), BUFFERS - LENT, "all buffers are accounted for");
        assert_eq!(self.driver.service().map(|service| service.nic().in_flight()), Some((LENT as u16, 0)));
        let traffic = self.driver.traffic().expect("it counts");
        assert_eq!((traffic.received, traffic.sent), (self.next as u64, self.next as u64));
        Ok(())
    }
}

fn with_parts(body: impl FnOnce(&Parts<'_, '_>)) {
    let world = World::new((POOL + BUFFERS * BUFFER_BYTES) / 8);
    let device = world.device();
    let geometry = Geometry::new(32, 32).expect("powers of two");
    let (channel, state) = (words(geometry.words()), words(STATE_BYTES / 8));
    let created = Supervisor::create(SharedBlock::from_words(&channel), geometry);
    assert!(created.is_ok());
    let now = Cell::new(Duration::ZERO);
    body(&Parts { world: &world, device: &device, channel: &channel, state: &state, geometry, now });
}

#[test]
fn two_hundred_drivers_one_after_the_other() {
    with_parts(|parts| {
        let mut run = Run::new(parts);
        let resets = parts.device.borrow().resets;
        // A generator of numbers, so that each run is the same.
        let mut seed = 0x9e37_79b9_u32;
        while run.swaps < 200 {
            seed ^= seed << 13;
            seed ^= seed >> 17;
            seed ^= seed << 5;
            let step = seed >> 8 & 63;
            run.step(if step < 8 { 6 + (step as u8 & 1) } else { (step % 6) as u8 });
        }
        run.finish().expect("the driver is honest");
        assert!(run.next > 300, "{}", run.next);
        assert_eq!(parts.device.borrow().resets, resets, "none after the first driver's");
    });
}

#[test]
fn a_driver_is_in_one_state_and_says_so() {
    with_parts(|parts| {
        let mut run = Run::new(parts);
        run.echo().expect("the driver is honest");
        while run.serve().next == Next::Again {}
        assert_eq!(run.driver.health().map(|health| (health.mode, health.pending)), Ok((Mode::Running, 12)));
        assert_eq!(run.driver.link(), Ok(Link::Up));
        assert_eq!(run.driver.resume(), Err(DriverError::Mode));
        assert_eq!(run.driver.take_over(), Err(DriverError::Mode));
        let mut successor = parts.post(Hears::Interrupts, Mode::Standby);
        assert_eq!(successor.quiesce(), Err(DriverError::Mode));
        assert_eq!(successor.retire(), Err(DriverError::Mode));
        assert_eq!(successor.take_over(), Err(Refusal::NoRecord.into()));
        run.driver.quiesce().expect("nothing is in the way");
        assert_eq!(run.driver.quiesce(), Err(DriverError::Mode));
        assert_eq!(run.driver.retire(), Err(DriverError::Mode));
        successor.take_over().expect("all fits together");
        assert_eq!(successor.take_over(), Err(DriverError::Mode));
        // The device is broken: nobody can go on with it.
        parts.device.borrow_mut().break_down();
        assert_eq!(successor.quiesce(), Err(DriverError::Device));
        run.driver = successor;
        run.driver.woken(anax_driver::Wake::Configuration).expect("it comes up again");
        assert_eq!(run.driver.events().map(|events| (events.resets, events.interrupts)), Ok((1, 1)));
        run.finish().expect("the driver is honest");
        run.driver.retire().expect("it stops");
        assert_eq!(run.driver.health().map(|health| (health.mode, health.pending)), Ok((Mode::Retired, 0)));
    });
}

/// Whoever quiesces may be ended as soon as it has answered: a client that sleeps has to be rung before.
#[test]
fn a_client_that_sleeps_is_rung_by_the_one_that_stops() {
    with_parts(|parts| {
        let mut run = Run::new(parts);
        run.echo().expect("the driver is honest");
        while run.serve().next == Next::Again {}
        run.echo().expect("the driver is honest");
        while run.client.prepare_to_sleep().expect("the driver is honest") != Sleep::MaySleep {}
        run.receive();
        run.driver.quiesce().expect("nothing is in the way");
        assert_eq!(
            (run.driver.take_doorbell(), run.driver.take_doorbell()),
            (Doorbell::Ring, Doorbell::Quiet)
        );
        assert!(matches!(run.client.event(), Ok(Event::Received(_))));
    });
}

/// Changes a word of the record; the successor refuses, or all is well nevertheless, or the client is told a lie and notices.
fn lie(steps: &[u8], change: impl Fn(&[AtomicU64])) -> Result<(), DriverError> {
    let mut outcome = Ok(());
    with_parts(|parts| {
        let mut run = Run::new(parts);
        steps.iter().for_each(|step| run.step(*step % 6));
        run.echo().expect("the driver is honest");
        while run.serve().next == Next::Again {}
        let mut successor = parts.post(Hears::Interrupts, Mode::Standby);
        run.driver.quiesce().expect("nothing is in the way");
        change(parts.state);
        outcome = successor.take_over();
        match outcome {
            Ok(()) => run.driver = successor,
            Err(_) => run.driver.resume().expect("nobody took over"),
        }
        run.receive();
        let _ = run.serve();
        let told = run.echo();
        if outcome.is_err() {
            told.expect("the driver is honest");
            run.finish().expect("the driver is honest");
        } else if told.is_ok() {
            let _ = run.driver.traffic();
        }
    });
    outcome
}

#[test]
fn a_record_that_lies_about_buffers_is_refused() {
    const FIRST: usize = 24;
    let swap = |a: usize, b: usize| {
        move |state: &[AtomicU64]| {
            let [one, other] = [a, b].map(|at| state[at].load(Relaxed));
            state[a].store(other, Relaxed);
            state[b].store(one, Relaxed);
        }
    };
    let copy = |from: usize, to: usize| {
        move |state: &[AtomicU64]| {
            let value = state[from].load(Relaxed);
            state[to].store(value, Relaxed);
        }
    };
    assert_eq!(lie(&[], |_| {}), Ok(()));
    // A buffer to receive into with something to be done.
    assert_eq!(lie(&[], |state| state[FIRST + 4].store(1, Relaxed)), Err(Refusal::Tickets.into()));
    assert_eq!(lie(&[], |state| state[FIRST + 4].store(2, Relaxed)), Err(Refusal::InFlight.into()));
    // Two places, or two offsets, exchanged: the device writes into another buffer than the one that would be given back.
    assert_eq!(lie(&[], swap(FIRST + 3, FIRST + 8)), Err(Refusal::Device.into()));
    assert_eq!(lie(&[], swap(FIRST + 2, FIRST + 7)), Err(Refusal::Device.into()));
    assert_eq!(lie(&[], copy(FIRST + 3, FIRST + 8)), Err(Refusal::Device.into()));
    assert_eq!(lie(&[], copy(FIRST + 2, FIRST + 7)), Err(Refusal::InFlight.into()));
    assert_eq!(lie(&[], copy(FIRST, FIRST + 5)), Err(Refusal::Tickets.into()));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    /// Swaps and refusals at any moment.
    #[test]
    fn each_frame_once_and_in_order(steps in prop::collection::vec(0..8_u8, 1..200)) {
        with_parts(|parts| {
            let mut run = Run::new(parts);
            steps.iter().for_each(|step| run.step(*step));
            run.finish().expect("the driver is honest");
        });
    }

    /// Any word of the record, changed in any bits: no panic, and the old driver goes on if the successor refuses.
    #[test]
    fn no_word_of_a_record_is_believed(
        steps in prop::collection::vec(0..6_u8, 0..40),
        changes in prop::collection::vec((0..100_usize, prop_oneof![(0..64_u32).prop_map(|bit| 1 << bit), any::<u64>()]), 1..4),
    ) {
        let _ = lie(&steps, |state| for (at, bits) in &changes {
            state[*at].fetch_xor(*bits, Relaxed);
        });
    }
}
