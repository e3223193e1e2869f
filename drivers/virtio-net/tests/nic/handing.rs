//! A client that takes merged frames and watches the link, through drivers that hand over to each other: each frame whole and in order, each change told.

use std::cell::RefCell;
use std::time::Duration;

use anax_device::{DmaAddress, DmaBlock};
use anax_driver::{Pace, Serve as _};
use anax_frames::{BUFFER_BYTES, ClientSide, Coalescing, DriverSide, Event, Link, Loan, MAX_CUT};
use anax_nic::{Next, Service};
use anax_ring::{AtomicU64, Endpoint, Epoch, Geometry, SharedBlock, SharedBytes, Side, Supervisor};
use virtio_net::{Interrupts, Nic};

use crate::merged::{ALL, MERGED, frame};
use crate::model::{BASE, Device, OFFERED, Window, World, reach, transport};

const FRAMES: usize = 64;
const LENT: usize = 48;
const POOL: usize = 0x4000;
const VECTORS: Interrupts = Interrupts::MsiX { queues: 1, configuration: 0 };

type Driver<'d, 'm> = Service<'m, Nic<'m, Window<'d, 'm>, Loan, FRAMES>>;

struct Parts<'d, 'm> {
    device: &'d RefCell<Device<'m>>,
    own: DmaBlock<'m>,
    channel: &'m [AtomicU64],
    geometry: Geometry,
}

struct Run<'p, 'd, 'm> {
    parts: &'p Parts<'d, 'm>,
    client: ClientSide<'m, FRAMES>,
    driver: Driver<'d, 'm>,
    now: Duration,
    interrupts: Interrupts,
    /// What the client was told of the link, and the lengths of the frames that it had.
    told: Vec<Link>,
    had: Vec<usize>,
    bytes: Vec<u8>,
}

fn with_parts(interrupts: Interrupts, body: impl FnOnce(&mut Run<'_, '_, '_>)) {
    let world = World::new((POOL + FRAMES * BUFFER_BYTES) / 8);
    let device = world.device();
    device.borrow_mut().offered = OFFERED | MERGED;
    let geometry = Geometry::new(64, 64).expect("powers of two");
    let channel: Vec<_> = (0..geometry.words()).map(|_| AtomicU64::new(0)).collect();
    let block = SharedBlock::from_words(&channel);
    let created = Supervisor::create(block, geometry);
    assert!(created.is_ok());
    let (own, pool) = world.block().split(POOL / 8).expect("it is that large");
    let endpoint = Endpoint::open(block, Side::Client).expect("a channel");
    let client = ClientSide::new(endpoint, SharedBytes::new(SharedBlock::from_words(pool.words())), LENT);
    let nic = Nic::start(transport(&device), own, &reach(own), interrupts).expect("nothing wrong");
    let side = DriverSide::new(Endpoint::open(block, Side::Server).expect("a channel"), FRAMES as u32);
    let driver = Service::new(nic, side, DmaAddress::new(BASE + POOL as u64)).expect("it has addresses");
    let parts = Parts { device: &device, own, channel: &channel, geometry };
    let client = client.expect("nothing wrong");
    let (told, had, bytes) = (vec![], vec![], vec![]);
    body(&mut Run { parts: &parts, client, driver, now: Duration::ZERO, interrupts, told, had, bytes });
}

impl Run<'_, '_, '_> {
    /// A microsecond of the driver's.
    fn serve(&mut self) -> Next {
        self.now += Duration::from_micros(1);
        self.driver.serve(self.now, 8).expect("the device works").next
    }

    /// All that the client has: each frame is the one that its length says.
    fn look(&mut self) {
        loop {
            match self.client.event().expect("the driver is honest") {
                Event::Received(received) => {
                    let mut part = [0; MAX_CUT];
                    let length = received.copy_out(&mut part).expect("it fits");
                    self.bytes.extend(&part[..length]);
                    if received.follow == 0 {
                        assert!(self.bytes == frame(self.bytes.len()), "{}", self.bytes.len());
                        self.had.push(self.bytes.len());
                        self.bytes.clear();
                    }
                    self.client.release(received.buffer);
                }
                Event::Link(link) => self.told.push(link),
                Event::About(_) | Event::Sent { .. } => {}
                Event::Replaced(_) => panic!("nobody died"),
                Event::Nothing => break,
            }
        }
        let _ = self.client.flush().expect("the driver is honest");
    }

    fn settle(&mut self) {
        for _ in 0..8 {
            self.look();
            while self.serve() == Next::Again {}
        }
        self.look();
    }

    /// A successor takes over, and something happens while nobody drives.
    fn swap(&mut self, pace: Option<Pace>, meanwhile: impl FnOnce(&mut Device<'_>)) {
        let (record, _) = self.driver.suspend().expect("nothing is in the way");
        meanwhile(&mut self.parts.device.borrow_mut());
        let Parts { device, own, channel, geometry } = *self.parts;
        let block = SharedBlock::from_words(channel);
        let endpoint = Endpoint::unarrived(block, Side::Server, geometry, Epoch::FIRST, &channel[3]);
        let pool = DmaAddress::new(BASE + POOL as u64);
        let endpoint = endpoint.expect("large enough");
        let driver = Service::adopt(&record, endpoint, FRAMES as u32, pool, |handed| {
            Nic::adopt(transport(device), own, &reach(own), self.interrupts, handed)
        })
        .expect("all fits together");
        self.driver = match pace {
            Some(pace) => driver.paced(pace),
            None => driver,
        };
    }
}

fn pace() -> Pace {
    Pace::new(Duration::from_micros(100), Duration::from_micros(1000))
}

#[test]
fn merged_frames_through_two_hundred_changes() {
    with_parts(VECTORS, |run| {
        run.client.accept(ALL).expect("it lends enough");
        run.settle();
        let resets = run.parts.device.borrow().resets;
        let (mut sent, mut swaps, mut seed) = (vec![], 0, 0x9e37_79b9_u32);
        while swaps < 200 {
            seed ^= seed << 13;
            seed ^= seed >> 17;
            seed ^= seed << 5;
            let length = match seed >> 8 & 7 {
                0 => MAX_CUT,
                1 => 60,
                _ => 14 + seed as usize % 30_000,
            };
            match seed >> 16 & 7 {
                0..3 => {
                    if run.parts.device.borrow_mut().receive_merged(&frame(length), 1, 1440) {
                        sent.push(length);
                    }
                }
                3 | 4 => _ = run.serve(),
                5 => run.look(),
                _ => {
                    let mut came = false;
                    let pace = (swaps % 2 == 0).then(pace);
                    run.swap(pace, |device| came = device.receive_merged(&frame(length), 4, 1440));
                    sent.extend(came.then_some(length));
                    swaps += 1;
                }
            }
        }
        run.settle();
        assert_eq!(run.had, sent, "each once and in order");
        assert!(sent.len() > 100, "{}", sent.len());
        assert_eq!(run.parts.device.borrow().resets, resets, "none over it");
        assert_eq!((run.client.counters().bad_replies, run.client.free()), (0, FRAMES - LENT));
        let counters = run.driver.counters();
        let bytes: usize = sent.iter().sum();
        assert_eq!((counters.received, counters.received_bytes), (sent.len() as u64, bytes as u64));
    });
}

/// Another client knows nothing of long frames.
#[test]
fn what_one_client_takes_the_next_does_not() {
    with_parts(VECTORS, |run| {
        let offered = |run: &Run<'_, '_, '_>| run.parts.device.borrow().accepted & MERGED;
        run.client.accept(Coalescing { v4: true, v6: false }).expect("it lends enough");
        run.settle();
        assert_eq!(offered(run), MERGED & !(1 << 8));
        let mut supervisor =
            Supervisor::create(SharedBlock::from_words(run.parts.channel), run.parts.geometry)
                .expect("large");
        let epoch = supervisor.rebind().expect("large enough");
        run.driver.rebind(epoch).expect("it comes up again");
        assert_eq!(offered(run), 0);
    });
}

/// A device that miscounts costs its client a frame, and a reset; one that never does anything else is given up.
#[test]
fn a_device_that_miscounts_is_reset_and_given_up() {
    with_parts(VECTORS, |run| {
        run.client.accept(ALL).expect("it lends enough");
        run.settle();
        for turn in 0..20 {
            run.parts.device.borrow_mut().claimed = Some(60);
            assert!(run.parts.device.borrow_mut().receive_merged(&frame(5000), 1, 1440));
            run.settle();
            run.parts.device.borrow_mut().claimed = None;
            assert!(run.parts.device.borrow_mut().receive_merged(&frame(5000 + turn), 1, 1440));
            run.settle();
        }
        assert_eq!(run.had, (5000..5020).collect::<Vec<_>>());
        assert_eq!((run.client.counters().bad_replies, run.driver.counters().resets), (20, 20));
        run.parts.device.borrow_mut().claimed = Some(0);
        let given_up = (0..20).any(|_| {
            run.look();
            run.parts.device.borrow_mut().receive_merged(&frame(60), 0, 0);
            run.driver.serve(run.now, 8).is_err()
        });
        assert!(given_up);
    });
}

#[test]
fn the_link_is_told_whichever_way_the_driver_hears() {
    for (interrupts, is_paced) in [(VECTORS, false), (Interrupts::Line, false), (VECTORS, true)] {
        with_parts(interrupts, |run| {
            if is_paced {
                run.swap(Some(pace()), |_| {});
            }
            run.client.watch();
            run.settle();
            assert_eq!(run.told, [Link::Up], "as it is at first");
            for turn in 0..6 {
                run.parts.device.borrow_mut().change_link(turn % 2);
                match interrupts {
                    _ if is_paced => {
                        run.settle();
                        run.now += Duration::from_millis(100);
                    }
                    Interrupts::Line => run.driver.line_interrupt().expect("the device works"),
                    Interrupts::MsiX { .. } => run.driver.configuration_changed().expect("the device works"),
                }
                run.settle();
            }
            let both = [Link::Down, Link::Up];
            assert_eq!(run.told, [&[Link::Up][..], &both, &both, &both].concat());
        });
    }
}

#[test]
fn a_successor_tells_what_has_changed_meanwhile() {
    with_parts(VECTORS, |run| {
        run.client.watch();
        run.settle();
        for turn in 0..10 {
            // Twice is as if nothing were.
            run.swap((turn % 3 == 0).then(pace), |device| {
                device.change_link(1);
                device.change_link(turn % 2);
            });
            run.settle();
            run.swap(None, |_| {});
            run.settle();
        }
        let both = [Link::Down, Link::Up];
        assert_eq!(run.told, [&[Link::Up][..], &both, &both, &both, &both, &both].concat());
        // One that is retired answers, too.
        let _ = run.driver.retire().expect("it stops");
        run.parts.device.borrow_mut().change_link(0);
        run.look();
        assert_eq!(run.client.free(), FRAMES - LENT);
    });
}
