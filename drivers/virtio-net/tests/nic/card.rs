//! The card alone.

use std::cell::RefCell;
use std::collections::VecDeque;

use anax_device::DmaAddress;
use anax_frames::{Link, Mac};
use anax_nic::{Card as _, Event, Polled, Refused};
use anax_virtio::{Broken, SetupError};
use proptest::prelude::*;
use virtio_net::{Interrupts, Nic};

use crate::model::{BASE, Device, MAC, OFFERED, Whim, Window, World, reach, transport};
use crate::offload::{header, offload};

const FRAMES: usize = 8;
pub(crate) type Card<'d, 'm> = Nic<'m, Window<'d, 'm>, u64, FRAMES>;
/// Buffers behind the driver's own memory.
const BUFFERS: u64 = BASE + 0x4000;
pub(crate) const LENGTH: u32 = 1518;

pub(crate) fn world() -> World {
    World::new(0x1_0000 / 8)
}

pub(crate) fn card<'d, 'm>(world: &'m World, device: &'d RefCell<Device<'m>>) -> Card<'d, 'm> {
    Nic::start(transport(device), world.block(), &reach(world.block()), Interrupts::Line)
        .expect("nothing wrong")
}

/// Buffer `number`, which is also its token.
pub(crate) fn buffer(number: u64) -> DmaAddress {
    DmaAddress::new(BUFFERS + number * 1600 + 3)
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
fn the_card_comes_up_without_what_was_not_wanted() {
    let world = world();
    let device = world.device();
    let card = card(&world, &device);
    assert_eq!(device.borrow().accepted, OFFERED & !(1 << 15));
    let about = card.about();
    assert_eq!((about.mac, about.link, about.receive_buffers), (Mac(MAC), Link::Up, 8));
    device.borrow_mut().link = 0;
    assert_eq!(card.about().link, Link::Down);
    assert_eq!(device.borrow().queues[0].size, 16);
}

#[test]
fn devices_that_cannot_be_driven() {
    let start = |change: fn(&mut Device<'_>), interrupts| {
        let world = world();
        let device = world.device();
        change(&mut device.borrow_mut());
        let started = Nic::<_, u64, FRAMES>::start(
            transport(&device),
            world.block(),
            &reach(world.block()),
            interrupts,
        );
        started.map(|card| card.about().receive_buffers)
    };
    let vectors = Interrupts::MsiX { queues: 1, configuration: 0 };
    let line = Interrupts::Line;
    assert_eq!(start(|_| {}, vectors), Ok(8));
    assert_eq!(start(|device| device.size = 8, line), Ok(4));
    assert_eq!(start(|device| device.size = 13, line), Ok(4), "no power of two");
    assert_eq!(start(|device| device.size = 7, line), Err(SetupError::Queue));
    assert_eq!(start(|device| device.size = 0, line), Err(SetupError::Queue));
    assert_eq!(start(|device| device.offered = OFFERED & !(1 << 32), line), Err(SetupError::Legacy));
    assert_eq!(start(|device| device.whim = Whim::NeverResets, line), Err(SetupError::Stuck));
    assert_eq!(start(|device| device.whim = Whim::RefusesFeatures, line), Err(SetupError::Features));
    assert_eq!(start(|device| device.whim = Whim::NoVectors, vectors), Err(SetupError::Vector));
    assert_eq!(start(|device| device.whim = Whim::ChangesAllTheTime, line), Err(SetupError::Configuration));
    let world = World::new(64);
    let device = world.device();
    let small = Nic::<_, u64, FRAMES>::start(transport(&device), world.block(), &reach(world.block()), line);
    assert_eq!(small.err(), Some(SetupError::Memory));
}

/// More than twice around the 16-bit indices, with both ways of suppression.
#[test]
fn indices_wrap_around() {
    for offered in [OFFERED, OFFERED & !(1 << 29)] {
        let world = world();
        let device = world.device();
        device.borrow_mut().offered = offered;
        let mut card = card(&world, &device);
        for turn in 0_u64..27_000 {
            for number in 0..5 {
                card.post(buffer(number), LENGTH, number).expect("there is room");
                let frame = [(turn % 251) as u8, number as u8, 1];
                device.borrow().write(buffer(number + 5).get(), &frame);
                card.transmit(buffer(number + 5), 3, None, number + 5).expect("there is room");
            }
            card.flush();
            for number in 0..5_u8 {
                assert_eq!(device.borrow_mut().transmit(), Some(vec![(turn % 251) as u8, number, 1]));
                assert!(device.borrow_mut().receive(&[number; 60]));
            }
            assert_eq!(device.borrow_mut().transmit(), None);
            let events = poll(&mut card).expect("the device is honest");
            assert_eq!(events.len(), 10);
            for (at, (kind, token, length)) in (0..).zip(events) {
                assert_eq!((kind, token, length), if at < 5 { ('s', at + 5, 0) } else { ('r', at - 5, 60) });
            }
        }
        assert_eq!(device.borrow().queues[1].next_used, (27_000_u32 * 5) as u16);
        assert_eq!(card.in_flight(), (0, 0));
    }
}

#[test]
fn neither_side_is_disturbed_without_need() {
    let world = world();
    let device = world.device();
    let mut card = card(&world, &device);
    let counts = |device: &RefCell<Device<'_>>| {
        let device = device.borrow();
        device.queues.each_ref().map(|queue| (queue.notifications, queue.interrupts))
    };
    for number in 0..8 {
        card.post(buffer(number), LENGTH, number).expect("there is room");
    }
    assert_eq!(card.post(buffer(8), LENGTH, 8), Err(Refused::Full(8)));
    card.flush();
    card.flush();
    assert_eq!(counts(&device), [(1, 0), (0, 0)], "one notification for eight buffers");
    assert_eq!(card.prepare_to_wait(), Ok(Polled::Idle));
    for _ in 0..3 {
        assert!(device.borrow_mut().receive(&[1; 14]));
    }
    assert_eq!(counts(&device)[0], (1, 1), "one interrupt, for the first frame");
    assert_eq!(card.prepare_to_wait(), Ok(Polled::More));
    assert_eq!(poll(&mut card).map(|events| events.len()), Ok(3));
    assert!(device.borrow_mut().receive(&[1; 14]));
    assert_eq!(counts(&device)[0], (1, 1), "none while it is polled");
    assert_eq!(poll(&mut card).map(|events| events.len()), Ok(1));

    for number in 0..8 {
        card.transmit(buffer(number), 60, None, number).expect("there is room");
        card.flush();
    }
    assert_eq!(counts(&device)[1], (1, 0), "the device has not looked yet since the first");
    assert_eq!(card.prepare_to_wait(), Ok(Polled::Idle));
    for sent in 1..=8 {
        assert!(device.borrow_mut().transmit().is_some());
        assert_eq!(counts(&device)[1].1, u32::from(sent >= 6), "after {sent} of 8");
    }
    let cause = card.acknowledge().expect("by the line");
    assert!(cause.queue() && !cause.configuration());
    assert_eq!(card.check(), Ok(()));
    device.borrow_mut().break_down();
    assert!(card.acknowledge().is_some_and(|cause| cause.configuration()));
    assert_eq!(card.check(), Err(Broken));
}

#[test]
fn a_budget_is_kept_and_shared() {
    let world = world();
    let device = world.device();
    let mut card = card(&world, &device);
    for number in 0..8 {
        card.post(buffer(number), LENGTH, number).expect("there is room");
        card.transmit(buffer(number + 8), 60, None, number + 8).expect("there is room");
    }
    card.flush();
    for _ in 0..8 {
        assert!(device.borrow_mut().transmit().is_some() && device.borrow_mut().receive(&[0; 60]));
    }
    let mut sent = 0;
    let mut count = 0;
    let mut polled = || {
        card.poll(6, |event| {
            count += 1;
            sent += u32::from(matches!(event, Event::Sent(_)));
        })
    };
    assert_eq!(polled(), Ok(Polled::More));
    assert_eq!(polled(), Ok(Polled::More));
    assert_eq!(polled(), Ok(Polled::Idle));
    assert_eq!((count, sent), (16, 8));
}

#[test]
fn a_reset_in_the_middle_loses_nothing() {
    let world = world();
    let device = world.device();
    let mut card = card(&world, &device);
    // So that the order of places is another than that of submission.
    for number in 0..3 {
        card.transmit(buffer(number), 20, None, number).expect("there is room");
    }
    card.flush();
    let heads: Vec<_> = (0..3).map(|_| device.borrow_mut().take_frame().expect("a frame").0).collect();
    for head in [heads[1], heads[0], heads[2]] {
        device.borrow_mut().report(1, head.into(), 0);
    }
    assert_eq!(poll(&mut card).map(|events| events.len()), Ok(3));
    for number in 0..8_u64 {
        device.borrow().write(buffer(number).get(), &[number as u8; 20]);
        card.transmit(buffer(number), 60, offload(number), number).expect("there is room");
        card.post(buffer(number + 8), LENGTH, number + 8).expect("there is room");
    }
    card.flush();
    for _ in 0..3 {
        assert!(device.borrow_mut().transmit().is_some());
    }
    device.borrow_mut().show_used(1, 999);
    assert_eq!(poll(&mut card), Err(Broken));
    card.restart().expect("it comes up again");
    let again = std::iter::from_fn(|| {
        let frame = device.borrow_mut().transmit()?;
        assert_eq!(
            device.borrow().header,
            header(offload(frame[0].into())),
            "what is to be done is not lost"
        );
        Some(frame[0])
    });
    assert_eq!(again.collect::<Vec<_>>(), [0, 1, 2, 3, 4, 5, 6, 7]);
    assert!(device.borrow_mut().receive(&[7; 100]));
    let events = poll(&mut card).expect("it is honest now");
    assert_eq!(events.len(), 9);
    assert_eq!(events[8], ('r', 8, 100), "the oldest buffer");

    assert_eq!(card.take_back(), None, "not while the device runs");
    card.transmit(buffer(3), 20, None, 3).expect("there is room");
    card.quiesce().expect("it stops");
    let back: Vec<_> = std::iter::from_fn(|| card.take_back()).collect();
    assert_eq!(back, [3, 9, 10, 11, 12, 13, 14, 15]);
    assert_eq!(card.in_flight(), (0, 0));
    assert_eq!(poll(&mut card), Ok(vec![]));
    card.restart().expect("it comes up again");
    device.borrow_mut().whim = Whim::NeverResets;
    assert_eq!(card.restart(), Err(SetupError::Stuck));
}

#[derive(Clone, Debug)]
enum Step {
    Post,
    Transmit,
    Flush,
    DeviceSends,
    /// Takes frames and reports them in another order.
    DeviceShuffles(usize),
    DeviceReceives(u8),
    Poll,
    Wait,
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => Just(Step::Post),
        4 => Just(Step::Transmit),
        4 => Just(Step::Flush),
        3 => Just(Step::DeviceSends),
        2 => (1_usize..5).prop_map(Step::DeviceShuffles),
        3 => any::<u8>().prop_map(Step::DeviceReceives),
        4 => Just(Step::Poll),
        1 => Just(Step::Wait),
        1 => Just(Step::Restart),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever is done in whatever order: each token comes back once, frames received are whole and in order.
    #[test]
    fn each_token_comes_back_once(steps in prop::collection::vec(step(), 0..300), index in any::<bool>()) {
        let world = world();
        let device = world.device();
        if !index {
            device.borrow_mut().offered &= !(1 << 29);
        }
        let mut card = card(&world, &device);
        let (mut posted, mut sending) = (VecDeque::new(), vec![]);
        let mut arriving = VecDeque::new();
        let mut next = 0;
        for step in steps {
            match step {
                Step::Post => match card.post(buffer(next % 9), LENGTH, next) {
                    Ok(()) => { posted.push_back(next); next += 1; }
                    Err(refused) => { prop_assert_eq!((refused, posted.len()), (Refused::Full(next), 8)); }
                },
                Step::Transmit => match card.transmit(buffer(next % 9), 60, None, next) {
                    Ok(()) => { sending.push(next); next += 1; }
                    Err(refused) => { prop_assert_eq!((refused, sending.len()), (Refused::Full(next), 8)); }
                },
                Step::Flush => card.flush(),
                Step::DeviceSends => { device.borrow_mut().transmit(); }
                Step::DeviceShuffles(count) => {
                    let mut device = device.borrow_mut();
                    let mut heads: Vec<_> = (0..count).map_while(|_| device.take_frame()).collect();
                    let middle = heads.len() / 2;
                    heads.rotate_left(middle);
                    for (head, _) in heads {
                        device.report(1, head.into(), 0);
                    }
                }
                Step::DeviceReceives(length) => {
                    if device.borrow_mut().receive(&vec![length; length.into()]) {
                        arriving.push_back(length);
                    }
                }
                Step::Poll | Step::Wait => {
                    if matches!(step, Step::Wait) && card.prepare_to_wait() == Ok(Polled::Idle) {
                        continue;
                    }
                    for (kind, token, length) in poll(&mut card).expect("the device is honest") {
                        if kind == 's' {
                            let at = sending.iter().position(|other| *other == token);
                            sending.swap_remove(at.expect("it was in flight"));
                        } else {
                            prop_assert_eq!(Some(token), posted.pop_front());
                            let sent = arriving.pop_front().expect("something came");
                            prop_assert_eq!(length, u32::from(sent));
                        }
                    }
                }
                Step::Restart => {
                    card.restart().expect("it comes up again");
                    // What had come and was not taken is gone with the queue.
                    arriving.clear();
                }
            }
            prop_assert_eq!(card.in_flight(), (posted.len() as u16, sending.len() as u16));
        }
        card.quiesce().expect("it stops");
        sending.extend(posted);
        let mut back: Vec<_> = std::iter::from_fn(|| card.take_back()).collect();
        back.sort_unstable();
        sending.sort_unstable();
        prop_assert_eq!(back, sending);
    }
}
