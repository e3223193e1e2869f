//! A client, the channel, the driver and the model of the device together: an echo, through a driver that dies.

use std::cell::RefCell;
use std::time::Duration;

use anax_device::{DmaAddress, DmaBlock};
use anax_frames::{BUFFER_BYTES, ClientSide, DriverSide, Event, Link, Loan};
use anax_nic::{Next, Service};
use anax_ring::{AtomicU64, Endpoint, Geometry, SharedBlock, SharedBytes, Side, Supervisor};
use virtio_net::{Interrupts, Nic};

use crate::model::{BASE, Device, Window, World, reach, transport};

const FRAMES: usize = 16;
const BUFFERS: usize = 24;
/// The pool begins behind the driver's own memory.
const POOL: usize = 0x4000;

type Driver<'d, 'm> = Service<'m, Nic<'m, Window<'d, 'm>, Loan, FRAMES>>;

fn world() -> World {
    World::new((POOL + BUFFERS * BUFFER_BYTES) / 8)
}

/// The parts of the machine that outlive a driver: its own memory, and the pool as the client sees it.
fn parts(world: &World) -> (DmaBlock<'_>, SharedBytes<'_>) {
    let (own, pool) = world.block().split(POOL / 8).expect("it is that large");
    (own, SharedBytes::new(SharedBlock::from_words(pool.words())))
}

fn channel_words() -> (Vec<AtomicU64>, Geometry) {
    let geometry = Geometry::new(32, 32).expect("powers of two");
    ((0..geometry.words()).map(|_| AtomicU64::new(0)).collect(), geometry)
}

fn driver<'d, 'm>(
    device: &'d RefCell<Device<'m>>,
    own: DmaBlock<'m>,
    channel: &'m [AtomicU64],
) -> Driver<'d, 'm> {
    let nic = Nic::start(transport(device), own, &reach(own), Interrupts::Line).expect("nothing wrong");
    let endpoint = Endpoint::open(SharedBlock::from_words(channel), Side::Server).expect("a channel");
    let pool = DmaAddress::new(BASE + POOL as u64);
    Service::new(nic, DriverSide::new(endpoint, BUFFERS as u32), pool).expect("a pool that has addresses")
}

fn client<'m>(channel: &'m [AtomicU64], pool: SharedBytes<'m>) -> ClientSide<'m, 32> {
    let endpoint = Endpoint::open(SharedBlock::from_words(channel), Side::Client).expect("a channel");
    ClientSide::new(endpoint, pool, 12).expect("nothing wrong")
}

/// Sends back all that has come, in the buffers it came in.
fn echo(client: &mut ClientSide<'_, 32>) {
    loop {
        match client.event().expect("the driver is honest") {
            Event::Received(received) => {
                client.transmit(received.buffer, received.length, 0).expect("there is room");
            }
            Event::Sent { outcome, .. } => outcome.expect("it was sent"),
            Event::About(about) => assert_eq!(about.link, Link::Up),
            Event::Link(_) | Event::Replaced(_) => {}
            Event::Nothing => break,
        }
    }
    let _ = client.flush().expect("the driver is honest");
}

fn serve(driver: &mut Driver<'_, '_>) -> Next {
    driver.serve(Duration::ZERO, 8).expect("the device works").next
}

/// Until there is nothing more to do.
fn settle(driver: &mut Driver<'_, '_>) {
    while serve(driver) == Next::Again {}
}

/// A frame that says which one it is.
fn frame(number: usize) -> Vec<u8> {
    let pattern = (4..60 + number % 1000).map(|at| (at * 7 + number) as u8);
    (number as u32).to_le_bytes().into_iter().chain(pattern).collect()
}

fn number_in(frame: &[u8]) -> usize {
    u32::from_le_bytes(frame[..4].try_into().expect("four bytes")) as usize
}

#[test]
fn frames_are_echoed_through_drivers_that_die() {
    let (world, (channel, geometry)) = (world(), channel_words());
    let device = world.device();
    let (own, pool) = parts(&world);
    let mut supervisor =
        Supervisor::create(SharedBlock::from_words(&channel), geometry).expect("large enough");
    let mut client = client(&channel, pool);
    client.ask();
    let mut driver_now = driver(&device, own, &channel);
    let (mut next, mut came, mut lives) = (0, vec![], 1);
    while next < 2000 {
        echo(&mut client);
        serve(&mut driver_now);
        for _ in 0..8 {
            next += usize::from(device.borrow_mut().receive(&frame(next)));
        }
        serve(&mut driver_now);
        echo(&mut client);
        if next / 100 >= lives {
            // Some are received and not delivered, some delivered and not sent, some sent without the client knowing.
            serve(&mut driver_now);
            came.extend((0..3).filter_map(|_| device.borrow_mut().transmit()));
            device.borrow_mut().break_down();
            driver_now = driver(&device, own, &channel);
            supervisor.rebind().expect("large enough");
            lives += 1;
        }
        serve(&mut driver_now);
        came.extend(std::iter::from_fn(|| device.borrow_mut().transmit()));
    }
    for _ in 0..2 {
        settle(&mut driver_now);
        echo(&mut client);
        settle(&mut driver_now);
        came.extend(std::iter::from_fn(|| device.borrow_mut().transmit()));
    }
    let mut times = vec![0_u64; next];
    for echo in &came {
        assert_eq!(*echo, frame(number_in(echo)));
        times[number_in(echo)] += 1;
    }
    let counters = client.counters();
    let twice: u64 = times.iter().map(|times| times.saturating_sub(1)).sum();
    let lost = times.iter().filter(|times| **times == 0).count();
    assert!(
        lives >= 20 && lost <= 12 * lives && twice > 0 && twice <= counters.resent,
        "{lost} {twice} {counters:?}"
    );
    // What the client had received was sent: nothing was lost on the way back.
    assert_eq!(counters.received, counters.sent);
    assert_eq!((next - lost) as u64, counters.received);
    assert_eq!((counters.dropped, counters.bad_replies, client.free()), (0, 0, BUFFERS - 12));
}

#[test]
fn a_broken_device_is_reset_and_the_client_never_knows() {
    let (world, (channel, geometry)) = (world(), channel_words());
    let device = world.device();
    let (own, pool) = parts(&world);
    let created = Supervisor::create(SharedBlock::from_words(&channel), geometry);
    assert!(created.is_ok());
    let mut client = client(&channel, pool);
    let mut driver = driver(&device, own, &channel);
    for turn in 0..20 {
        echo(&mut client);
        serve(&mut driver);
        assert!(device.borrow_mut().receive(&frame(turn)));
        serve(&mut driver);
        echo(&mut client);
        serve(&mut driver);
        match turn % 3 {
            0 => device.borrow_mut().show_used(1, 77),
            1 => {
                device.borrow_mut().break_down();
                driver.line_interrupt().expect("it comes up again");
            }
            _ => {}
        }
        serve(&mut driver);
        assert_eq!(device.borrow_mut().transmit(), Some(frame(turn)));
    }
    assert_eq!(client.counters().resent, 0);
    // A device that never does anything right is given up.
    let mut ended = Ok(());
    for _ in 0..20 {
        device.borrow_mut().show_used(0, 5000);
        ended = driver.serve(Duration::ZERO, 8).map(|_| ());
        if ended.is_err() {
            break;
        }
    }
    assert_eq!(ended, Err(anax_nic::ServiceError::Broken));
}

#[test]
fn more_frames_than_the_device_holds_wait_for_room() {
    let (world, (channel, geometry)) = (world(), channel_words());
    let device = world.device();
    device.borrow_mut().size = 8;
    let (own, pool) = parts(&world);
    let created = Supervisor::create(SharedBlock::from_words(&channel), geometry);
    assert!(created.is_ok());
    let endpoint = Endpoint::open(SharedBlock::from_words(&channel), Side::Client).expect("a channel");
    let mut client = ClientSide::<32>::new(endpoint, pool, 6).expect("nothing wrong");
    let mut driver = driver(&device, own, &channel);
    for number in 0..12 {
        let buffer = client.buffer().expect("a free one");
        buffer.bytes().copy_in(0, &frame(number)[..60]).expect("within");
        client.transmit(buffer, 60, number as u32).expect("there is room");
    }
    echo(&mut client);
    let mut came = vec![];
    for _ in 0..12 {
        settle(&mut driver);
        came.extend(device.borrow_mut().transmit());
    }
    assert_eq!(came, (0..12).map(|number| frame(number)[..60].to_vec()).collect::<Vec<_>>());
    settle(&mut driver);
    echo(&mut client);
    // Four were taken; the others were refused, and that many are not lent again.
    assert_eq!((driver.nic().in_flight(), client.free()), ((4, 0), BUFFERS - 4));
    let doorbell = driver.stop().expect("it stops");
    let _ = doorbell;
    while !matches!(client.event(), Ok(Event::Nothing)) {}
    assert_eq!(client.counters().sent, 12);
}

#[test]
fn a_client_that_lies_or_dies_takes_its_loans_with_it() {
    let (world, (channel, geometry)) = (world(), channel_words());
    let device = world.device();
    let (own, pool) = parts(&world);
    let mut supervisor =
        Supervisor::create(SharedBlock::from_words(&channel), geometry).expect("large enough");
    let mut first = client(&channel, pool);
    let mut driver = driver(&device, own, &channel);
    echo(&mut first);
    settle(&mut driver);
    assert_eq!(driver.nic().in_flight().0, 12);
    // The producer's position.
    let word = &channel[8];
    word.store(word.load(std::sync::atomic::Ordering::Relaxed) + 1000, std::sync::atomic::Ordering::Relaxed);
    serve(&mut driver);
    settle(&mut driver);
    assert_eq!(driver.nic().in_flight(), (0, 0));
    let epoch = supervisor.rebind().expect("large enough");
    driver.rebind(epoch).expect("it comes up again");
    let mut second = client(&channel, pool);
    echo(&mut second);
    settle(&mut driver);
    assert_eq!(driver.nic().in_flight().0, 12);
    // Another one, noticed by the driver itself.
    supervisor.rebind().expect("large enough");
    serve(&mut driver);
    assert_eq!(driver.nic().in_flight().0, 0);
    let mut third = client(&channel, pool);
    echo(&mut third);
    settle(&mut driver);
    assert!(device.borrow_mut().receive(&frame(1)));
    serve(&mut driver);
    assert!(matches!(third.event(), Ok(Event::Received(received)) if received.length == frame(1).len()));
}
