//! The card alone.

use std::cell::RefCell;

use anax_device::{Broken, DmaAddress};
use anax_frames::{Checked, Verdict};
use anax_frames::{Link, Mac};
use anax_nic::{Card as _, Event, Polled, Refused};
use e1000::{Nic, SetupError, Statistics, Throttle};
use proptest::prelude::*;

use crate::model::{BASE, Device, MAC, Whim, Window, World};

pub(crate) const DESCRIPTORS: usize = 8;
pub(crate) type Card<'d, 'm> = Nic<'m, Window<'d, 'm>, u64, DESCRIPTORS>;
/// Buffers behind the driver's own memory.
const BUFFERS: u64 = BASE + 0x4000;
pub(crate) const LENGTH: u32 = 2048;
pub(crate) const NONE: Throttle = Throttle::from_microseconds(0);

pub(crate) fn world() -> World {
    World::new(0x1_0000)
}

pub(crate) fn card<'d, 'm>(world: &'m World, device: &'d RefCell<Device<'m>>) -> Card<'d, 'm> {
    Nic::start(Window(device), world.block(), &world.reach(), NONE).expect("nothing wrong")
}

/// Buffer `number`, which is also its token.
pub(crate) fn buffer(number: u64) -> DmaAddress {
    DmaAddress::new(BUFFERS + number * 2053 + 3)
}

pub(crate) fn poll(card: &mut Card<'_, '_>) -> Result<Vec<(char, u64, u32)>, Broken> {
    let mut events = vec![];
    card.poll(64, |event| {
        events.push(match event {
            Event::Received(token, length, _) => ('r', token, length),
            Event::Sent(token) => ('s', token, 0),
        });
    })?;
    Ok(events)
}

#[test]
fn the_card_comes_up() {
    let world = world();
    let device = world.device();
    let mut card = card(&world, &device);
    let about = card.about();
    assert_eq!((about.mac, about.link, about.receive_buffers), (Mac(MAC), Link::Up, 7));
    device.borrow_mut().link = false;
    assert_eq!(card.about().link, Link::Down);
    assert_eq!(card.in_flight(), (0, 0));
    card.quiesce().expect("it stops");
    assert!(!device.borrow_mut().receive(&[0; 60]));
    device.borrow_mut().whim = Whim::Gone;
    assert_eq!(card.about().link, Link::Down);
}

#[test]
fn interrupts_are_throttled_in_units_of_256_ns() {
    let world = world();
    let device = world.device();
    for (microseconds, units) in [(0, 0), (20, 78), (16_777, 0xffff), (u32::MAX, 0xffff)] {
        let throttle = Throttle::from_microseconds(microseconds);
        Nic::<_, u64, DESCRIPTORS>::start(Window(&device), world.block(), &world.reach(), throttle)
            .expect("nothing wrong");
        assert_eq!(device.borrow().registers[&0xc4], units);
    }
}

#[test]
fn devices_that_cannot_be_driven() {
    let start = |whim| {
        let world = world();
        let device = world.device();
        device.borrow_mut().whim = whim;
        Nic::<_, u64, DESCRIPTORS>::start(Window(&device), world.block(), &world.reach(), NONE)
            .map(|card| card.about().mac)
    };
    assert_eq!(start(Whim::None), Ok(Mac(MAC)));
    assert_eq!(start(Whim::EepromOnly), Ok(Mac(MAC)));
    assert_eq!(start(Whim::NoAddress), Err(SetupError::Address));
    assert_eq!(start(Whim::Gone), Err(SetupError::Gone));
    assert_eq!(start(Whim::NeverResets), Err(SetupError::Stuck));
    assert_eq!(start(Whim::NeverStops), Err(SetupError::Stuck));
    let small = World::new(192);
    let device = small.device();
    let card = Nic::<_, u64, DESCRIPTORS>::start(Window(&device), small.block(), &small.reach(), NONE);
    assert_eq!(card.err(), Some(SetupError::Memory));
}

/// Many times around both rings, by numbers of frames that do not divide them.
#[test]
fn the_rings_wrap_around() {
    let world = world();
    let device = world.device();
    let mut card = card(&world, &device);
    for turn in 0_u64..3000 {
        for number in 0..5 {
            card.post(buffer(number), LENGTH, number).expect("there is room");
            device.borrow().write(buffer(number + 5).get(), &[(turn % 251) as u8, number as u8, 1]);
            card.transmit(buffer(number + 5), 3, None, number + 5).expect("there is room");
        }
        card.flush();
        let sent = device.borrow_mut().drain();
        assert_eq!(sent, (0..5).map(|number| vec![(turn % 251) as u8, number, 1]).collect::<Vec<_>>());
        for number in 0..5 {
            assert!(device.borrow_mut().receive(&[number; 60]));
        }
        assert!(!device.borrow_mut().receive(&[0; 60]), "no more was given");
        let events = poll(&mut card).expect("the device is honest");
        let expected = (5..10).map(|number| ('s', number, 0)).chain((0..5).map(|number| ('r', number, 60)));
        assert_eq!(events, expected.collect::<Vec<_>>());
        assert_eq!(card.in_flight(), (0, 0));
    }
    let statistics = card.statistics();
    let counted = Statistics { received: 15_000, sent: 15_000, no_buffer: 3000, ..Statistics::default() };
    assert_eq!(statistics, counted);
    card.restart().expect("it comes up again");
    assert_eq!(card.statistics(), counted, "a reset loses no count");
}

#[test]
fn one_descriptor_stays_free() {
    let world = world();
    let device = world.device();
    let mut card = card(&world, &device);
    for number in 0..7 {
        card.post(buffer(number), LENGTH, number).expect("there is room");
        card.transmit(buffer(number), 60, None, number).expect("there is room");
    }
    assert_eq!(card.post(buffer(7), LENGTH, 7), Err(Refused::Full(7)));
    assert_eq!(card.transmit(buffer(7), 60, None, 8), Err(Refused::Full(8)));
    card.flush();
    assert_eq!(device.borrow_mut().drain().len(), 7);
    assert_eq!(poll(&mut card).expect("honest").len(), 7);
    card.transmit(buffer(7), 60, None, 8).expect("there is room");
    for (length, token) in [(0, 1), (1519, 2), (u32::MAX, 3)] {
        assert_eq!(card.transmit(buffer(0), length, None, token), Err(Refused::Unfit(token)));
    }
    assert_eq!(card.transmit(DmaAddress::new(u64::MAX - 20), 60, None, 5), Err(Refused::Unfit(5)));
    // The device would write past its end.
    assert_eq!(card.post(buffer(7), 2047, 9), Err(Refused::Unfit(9)));
    assert_eq!(card.post(DmaAddress::new(u64::MAX - 20), 2048, 9), Err(Refused::Unfit(9)));
}

#[test]
fn neither_side_is_disturbed_without_need() {
    let world = world();
    let device = world.device();
    let mut card = card(&world, &device);
    for number in 0..6 {
        card.post(buffer(number), LENGTH, number).expect("there is room");
    }
    card.flush();
    card.flush();
    assert_eq!(device.borrow().writes[&0x2818], 2, "set up, and shown once");
    // While the driver polls: none.
    assert!(device.borrow_mut().receive(&[0; 60]));
    assert_eq!(device.borrow().interrupts, 0);
    // Before it waits it looks again, and what it has seen by then does not interrupt.
    assert_eq!(card.prepare_to_wait(), Ok(Polled::More));
    assert_eq!(poll(&mut card).expect("honest").len(), 1);
    assert_eq!(card.prepare_to_wait(), Ok(Polled::Idle));
    assert_eq!(device.borrow().interrupts, 0);
    for _ in 0..2 {
        assert!(device.borrow_mut().receive(&[0; 60]));
    }
    assert_eq!(device.borrow().interrupts, 1, "one for both");
    card.line_interrupt().expect("honest");
    assert_eq!(poll(&mut card).expect("honest").len(), 2);
    assert!(device.borrow_mut().receive(&[0; 60]));
    assert_eq!(device.borrow().interrupts, 1, "masked by the first poll");
    // What comes between the last poll and the unmasking is found.
    assert_eq!(card.prepare_to_wait(), Ok(Polled::More));
    assert_eq!(poll(&mut card).expect("honest").len(), 1);
    card.transmit(buffer(7), 60, None, 7).expect("there is room");
    card.flush();
    assert_eq!(card.prepare_to_wait(), Ok(Polled::Idle));
    assert!(device.borrow_mut().transmit());
    assert_eq!(device.borrow().interrupts, 2, "for a frame sent");
    device.borrow_mut().raise(1 << 2);
    card.line_interrupt().expect("a link that changes is no error");
}

#[test]
fn checksums_of_received_frames() {
    let (unknown, good, bad) = (Verdict::Unknown, Verdict::Good, Verdict::Bad);
    let (internet, transport, ignore) = (1 << 6, 1 << 5, 1 << 2);
    for (status, errors, expected) in [
        (0, 0, (unknown, unknown)),
        (ignore | internet | transport, 0, (unknown, unknown)),
        (internet, 0, (good, unknown)),
        (internet | transport, 0, (good, good)),
        (internet | transport, 1 << 5, (good, bad)),
        (internet | transport, 1 << 6, (bad, good)),
        (transport, 1 << 5 | 1 << 6, (unknown, bad)),
    ] {
        let world = world();
        let device = world.device();
        let mut card = card(&world, &device);
        card.post(buffer(0), LENGTH, 0).expect("there is room");
        card.flush();
        assert!(device.borrow_mut().receive_as(&[1; 77], status, errors));
        let mut seen = vec![];
        let polled = card.poll(2, |event| match event {
            Event::Received(token, length, checked) => seen.push((token, length, checked)),
            Event::Sent(_) => panic!("nothing was sent"),
        });
        assert_eq!(polled, Ok(Polled::Idle));
        assert_eq!(seen, [(0, 77, Checked { internet: expected.0, transport: expected.1 }.into())]);
    }
}

#[test]
fn a_reset_in_the_middle_loses_nothing() {
    for before in 0..20_u64 {
        let world = world();
        let device = world.device();
        let mut card = card(&world, &device);
        // The rings begin anywhere.
        for number in 0..before {
            card.post(buffer(0), LENGTH, number).expect("there is room");
            card.transmit(buffer(0), 60, None, number).expect("there is room");
            card.flush();
            device.borrow_mut().drain();
            assert!(device.borrow_mut().receive(&[0; 60]));
            assert_eq!(poll(&mut card).expect("honest").len(), 2);
        }
        for number in 0..6 {
            card.post(buffer(number), LENGTH, number).expect("there is room");
            device.borrow().write(buffer(number).get(), &[number as u8; 60]);
            card.transmit(buffer(number), 60, None, number).expect("there is room");
        }
        card.flush();
        // Two are sent, and the driver hears of one of them.
        assert!(device.borrow_mut().transmit());
        assert_eq!(poll(&mut card), Ok(vec![('s', 0, 0)]));
        assert!(device.borrow_mut().take_frame().is_some());
        card.transmit(buffer(6), 60, None, 6).expect("not shown yet");
        card.restart().expect("it comes up again");
        device.borrow_mut().wire.clear();
        let sent: Vec<_> = device.borrow_mut().drain().iter().map(|frame| frame[0]).collect();
        assert_eq!(sent, [1, 2, 3, 4, 5, 0]);
        for number in 0..6 {
            assert!(device.borrow_mut().receive(&[number; 60]));
        }
        let events = poll(&mut card).expect("honest");
        let sent = (1..7).map(|number| ('s', number, 0));
        assert_eq!(events, sent.chain((0..6).map(|number| ('r', number, 60))).collect::<Vec<_>>());
    }
}

#[test]
fn what_was_handed_in_comes_back_from_a_stopped_card() {
    let world = world();
    let device = world.device();
    let mut card = card(&world, &device);
    for number in 0..3 {
        card.post(buffer(number), LENGTH, number).expect("there is room");
        card.transmit(buffer(number), 60, None, 10 + number).expect("there is room");
    }
    card.flush();
    card.post(buffer(3), LENGTH, 3).expect("there is room");
    assert_eq!(card.take_back(), None, "it runs");
    assert!(device.borrow_mut().receive(&[0; 60]));
    card.quiesce().expect("it stops");
    assert_eq!(poll(&mut card), Ok(vec![]));
    assert_eq!(card.prepare_to_wait(), Ok(Polled::Idle));
    assert_eq!([card.take_back(), card.take_back()], [Some(10), Some(11)]);
    // The others go on.
    card.restart().expect("it comes up again");
    assert_eq!((device.borrow_mut().drain().len(), card.in_flight()), (1, (4, 1)));
    assert_eq!(poll(&mut card), Ok(vec![('s', 12, 0)]));
    card.quiesce().expect("it stops");
    let back: Vec<_> = std::iter::from_fn(|| card.take_back()).collect();
    assert_eq!((back, card.in_flight()), (vec![0, 1, 2, 3], (0, 0)));
    assert_eq!(device.borrow().read(BASE, Card::MEMORY_BYTES), [0; Card::MEMORY_BYTES]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    /// Any order of what the driver and the device do: tokens come back once each and in order.
    #[test]
    fn nothing_is_lost_or_doubled(steps in prop::collection::vec(0..7_u8, 1..300)) {
        let world = world();
        let device = world.device();
        let mut card = card(&world, &device);
        let (mut posted, mut received, mut handed, mut sent) = (0, 0, 0, 0);
        for step in steps {
            match step {
                0 => posted += u64::from(card.post(buffer(posted % 8), LENGTH, posted).is_ok()),
                1 => handed += u64::from(card.transmit(buffer(handed % 8), 60, None, handed).is_ok()),
                2 => card.flush(),
                3 => { device.borrow_mut().receive(&[0; 60]); }
                4 => { device.borrow_mut().transmit(); }
                5 => card.restart().expect("it comes up again"),
                _ => for (kind, token, _) in poll(&mut card).expect("honest") {
                    let next = if kind == 'r' { &mut received } else { &mut sent };
                    prop_assert_eq!(token, *next);
                    *next += 1;
                },
            }
            prop_assert!(card.check().is_ok());
            let (buffers, frames) = card.in_flight();
            prop_assert_eq!((u64::from(buffers), u64::from(frames)), (posted - received, handed - sent));
        }
    }
}
