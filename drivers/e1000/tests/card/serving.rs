//! A client, the channel, the service and this card together. What the service does whatever the card is tested with virtio-net.

use std::cell::RefCell;
use std::time::Duration;

use anax_abi::Message;
use anax_device::{DmaAddress, DmaBlock};
use anax_frames::{BUFFER_BYTES, ClientSide, DriverSide, Event, Link, Loan, MAX_FRAME, RECEIVE as LEND};
use anax_nic::{Next, Service};
use anax_ring::{
    AtomicU64, Completion, Endpoint, Geometry, Payload, Requester, SharedBlock, SharedBytes, Side, Supervisor,
};
use e1000::Nic;

use crate::model::{BASE, Device, RECEIVE, TRANSMIT, Window, World};
use crate::nic::NONE;

const DESCRIPTORS: usize = 16;
const BUFFERS: usize = 24;
/// The pool begins behind the driver's own memory.
const POOL: usize = 0x4000;

type Driver<'d, 'm> = Service<'m, Nic<'m, Window<'d, 'm>, Loan, DESCRIPTORS>>;

/// What outlives a driver: its memory, the pool as the client sees it, the channel.
struct Machine {
    world: World,
    channel: Vec<AtomicU64>,
    geometry: Geometry,
}

impl Machine {
    fn new() -> Self {
        let geometry = Geometry::new(32, 32).expect("powers of two");
        let channel = (0..geometry.words()).map(|_| AtomicU64::new(0)).collect();
        Self { world: World::new(POOL + BUFFERS * BUFFER_BYTES), channel, geometry }
    }

    fn supervisor(&self) -> Supervisor<'_> {
        Supervisor::create(SharedBlock::from_words(&self.channel), self.geometry).expect("large enough")
    }

    fn endpoint(&self, side: Side) -> Endpoint<'_> {
        Endpoint::open(SharedBlock::from_words(&self.channel), side).expect("a channel")
    }

    fn parts(&self) -> (DmaBlock<'_>, SharedBytes<'_>) {
        let (own, pool) = self.world.block().split(POOL / 8).expect("it is that large");
        (own, SharedBytes::new(SharedBlock::from_words(pool.words())))
    }

    fn driver<'d, 'm>(&'m self, device: &'d RefCell<Device<'m>>) -> Driver<'d, 'm> {
        let nic =
            Nic::start(Window(device), self.parts().0, &self.world.reach(), NONE).expect("nothing wrong");
        let client = DriverSide::new(self.endpoint(Side::Server), BUFFERS as u32);
        Service::new(nic, client, DmaAddress::new(BASE + POOL as u64)).expect("a pool that has addresses")
    }

    fn client(&self) -> ClientSide<'_, 32> {
        ClientSide::new(self.endpoint(Side::Client), self.parts().1, 12).expect("nothing wrong")
    }
}

/// Sends back all that has come, in the buffers it came in.
fn echo(client: &mut ClientSide<'_, 32>) {
    loop {
        match client.event().expect("the driver is honest") {
            Event::Received(received) => {
                client.transmit(received.buffer, received.length, 0).expect("there is room");
            }
            Event::Sent { outcome, .. } => outcome.expect("it was sent"),
            Event::About(about) => assert_eq!((about.link, about.receive_buffers), (Link::Up, 15)),
            Event::Link(_) | Event::Replaced(_) => {}
            Event::Nothing => break,
        }
    }
    let _ = client.flush().expect("the driver is honest");
}

fn serve(driver: &mut Driver<'_, '_>) -> Next {
    driver.serve(Duration::ZERO, 8).expect("the device works").next
}

/// A frame that says which one it is.
fn frame(number: usize) -> Vec<u8> {
    let pattern = (4..60 + number % 1000).map(|at| (at * 7 + number) as u8);
    (number as u32).to_le_bytes().into_iter().chain(pattern).collect()
}

#[test]
fn frames_are_echoed_through_drivers_that_die() {
    let machine = Machine::new();
    let device = machine.world.device();
    let mut supervisor = machine.supervisor();
    let mut client = machine.client();
    client.ask();
    let mut driver = machine.driver(&device);
    let (mut next, mut came, mut lives) = (0, vec![], 1);
    while next < 1500 {
        echo(&mut client);
        serve(&mut driver);
        for _ in 0..8 {
            next += usize::from(device.borrow_mut().receive(&frame(next)));
        }
        serve(&mut driver);
        echo(&mut client);
        if next / 100 >= lives {
            serve(&mut driver);
            for _ in 0..3 {
                device.borrow_mut().take_frame();
            }
            driver = machine.driver(&device);
            supervisor.rebind().expect("large enough");
            lives += 1;
        }
        serve(&mut driver);
        came.extend(device.borrow_mut().drain());
    }
    for _ in 0..3 {
        while serve(&mut driver) == Next::Again {}
        echo(&mut client);
        came.extend(device.borrow_mut().drain());
    }
    let mut times = vec![0_u64; next];
    for echo in &came {
        let number = u32::from_le_bytes(echo[..4].try_into().expect("four bytes")) as usize;
        assert_eq!(*echo, frame(number));
        times[number] += 1;
    }
    let counters = client.counters();
    let twice: u64 = times.iter().map(|times| times.saturating_sub(1)).sum();
    let lost = times.iter().filter(|times| **times == 0).count();
    assert!(
        lives >= 15 && lost <= 12 * lives && twice > 0 && twice <= counters.resent,
        "{lost} {twice} {counters:?}"
    );
    assert_eq!((counters.received, counters.sent), ((next - lost) as u64, (next - lost) as u64));
    assert_eq!((counters.dropped, counters.bad_replies, client.free()), (0, 0, BUFFERS - 12));
}

#[test]
fn a_broken_device_is_reset_and_the_client_never_knows() {
    let machine = Machine::new();
    let device = machine.world.device();
    machine.supervisor();
    let mut client = machine.client();
    let mut driver = machine.driver(&device);
    for turn in 0..20 {
        echo(&mut client);
        serve(&mut driver);
        assert!(device.borrow_mut().receive(&frame(turn)));
        driver.line_interrupt().expect("nothing wrong");
        serve(&mut driver);
        echo(&mut client);
        serve(&mut driver);
        let resets = device.borrow().resets;
        match turn % 3 {
            // A frame of no buffer's size where the next one will be, and a position outside of the ring.
            0 => {
                let place = device.borrow().registers[&(RECEIVE + 0x10)];
                device.borrow().mark(RECEIVE, place, u64::MAX);
            }
            1 => {
                device.borrow_mut().set(TRANSMIT + 0x10, 99);
                device.borrow_mut().raise(1 << 6);
                driver.line_interrupt().expect("it comes up again");
            }
            _ => {}
        }
        serve(&mut driver);
        assert_eq!(device.borrow().resets, resets + u32::from(turn % 3 < 2));
        assert_eq!(device.borrow_mut().drain(), [frame(turn)]);
    }
    assert_eq!(client.counters().resent, 0);
    // A device that never does anything right is given up.
    let ended = (0..20).find_map(|_| {
        let place = device.borrow().registers[&(RECEIVE + 0x10)];
        device.borrow().mark(RECEIVE, place, u64::MAX);
        driver.serve(Duration::ZERO, 8).err()
    });
    assert_eq!(ended, Some(anax_nic::ServiceError::Broken));
}

/// The device knows no buffer's length: what is lent must be large enough for all that it writes.
#[test]
fn short_buffers_are_refused() {
    let machine = Machine::new();
    let device = machine.world.device();
    machine.supervisor();
    let mut client = Requester::<32>::new(machine.endpoint(Side::Client));
    let mut driver = machine.driver(&device);
    for length in [MAX_FRAME, BUFFER_BYTES - 1, BUFFER_BYTES] {
        let [first, second] = Payload { region: 0, offset: 0, length: length as u32 }.to_words();
        client.submit(&Message::new(LEND, [first, second, 0, 0, 0])).expect("there is room");
    }
    let _ = client.flush();
    serve(&mut driver);
    assert_eq!(driver.nic().in_flight(), (1, 0));
    for _ in 0..2 {
        let Ok(Completion::Reply(reply)) = client.complete() else { panic!("an answer") };
        assert_eq!(reply.result, anax_abi::Error::BadArgument.code());
    }
}

/// By an interrupt, and where the driver takes the cause away itself before it waits.
#[test]
fn a_link_that_changes_is_told() {
    const LSC: u32 = 1 << 2;
    let machine = Machine::new();
    let device = machine.world.device();
    let _supervisor = machine.supervisor();
    let (mut client, mut driver) = (machine.client(), machine.driver(&device));
    client.watch();
    let mut told = vec![];
    for turn in 0..6 {
        for _ in 0..3 {
            while let Ok(event) = client.event() {
                match event {
                    Event::Link(link) => told.push(link),
                    Event::Nothing => break,
                    other => panic!("{other:?}"),
                }
            }
            let _ = client.flush().expect("the driver is honest");
            while serve(&mut driver) == Next::Again {}
        }
        device.borrow_mut().link = turn % 2 == 1;
        device.borrow_mut().raise(LSC);
        if turn < 3 {
            driver.line_interrupt().expect("the device works");
        }
    }
    assert_eq!(told, [Link::Up, Link::Down, Link::Up, Link::Down, Link::Up, Link::Down]);
}
