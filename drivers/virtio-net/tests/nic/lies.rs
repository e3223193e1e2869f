//! A device that reports what can't be true.

use anax_nic::{Card as _, Event};
use anax_virtio::Broken;
use proptest::prelude::*;

use crate::card::{LENGTH, buffer, card, poll, world};

#[test]
fn identifiers_nobody_waits_for_are_lies() {
    // 16 entries, 8 places; 3 is free, 4 is in the middle of a chain in flight.
    for identifier in [1, 3, 6, 16, 0x1_0000, 0x8000_0000, u32::MAX] {
        let world = world();
        let device = world.device();
        let mut card = card(&world, &device);
        for number in 0..2 {
            card.post(buffer(number), LENGTH, number).expect("there is room");
        }
        card.flush();
        device.borrow_mut().report(0, identifier, 72);
        assert_eq!(poll(&mut card), Err(Broken), "{identifier:#x}");
        assert_eq!(poll(&mut card), Err(Broken), "{identifier:#x}, still");
        assert_eq!(card.in_flight(), (2, 0));
    }
}

#[test]
fn the_same_identifier_twice_is_a_lie() {
    let world = world();
    let device = world.device();
    let mut card = card(&world, &device);
    card.post(buffer(0), LENGTH, 0).expect("there is room");
    card.post(buffer(1), LENGTH, 1).expect("there is room");
    card.flush();
    device.borrow_mut().report(0, 2, 72);
    device.borrow_mut().report(0, 2, 72);
    assert_eq!(poll(&mut card), Err(Broken));
    assert_eq!(card.in_flight(), (1, 0), "one was true");
}

#[test]
fn more_than_was_shown_is_a_lie() {
    for index in [3, 4, 0x7fff, 0x8000, 0xffff] {
        let world = world();
        let device = world.device();
        let mut card = card(&world, &device);
        card.transmit(buffer(0), 60, None, 0).expect("there is room");
        card.transmit(buffer(1), 60, None, 1).expect("there is room");
        card.flush();
        // Not shown.
        card.transmit(buffer(2), 60, None, 2).expect("there is room");
        device.borrow_mut().show_used(1, index);
        assert_eq!(poll(&mut card), Err(Broken), "{index:#x}");
        assert_eq!(card.prepare_to_wait(), Err(Broken));
        assert_eq!(card.in_flight(), (0, 3));
    }
}

#[test]
fn a_frame_longer_than_its_buffer_is_a_lie() {
    for (written, length) in
        [(12, Some(0)), (0, Some(0)), (12 + LENGTH, Some(LENGTH)), (13 + LENGTH, None), (u32::MAX, None)]
    {
        let world = world();
        let device = world.device();
        let mut card = card(&world, &device);
        card.post(buffer(0), LENGTH, 9).expect("there is room");
        card.flush();
        device.borrow_mut().report(0, 0, written);
        assert_eq!(poll(&mut card), length.map(|length| vec![('r', 9, length)]).ok_or(Broken));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    /// Rings full of anything: tokens come back at most once, nothing panics, and a reset heals it.
    #[test]
    fn a_device_that_writes_anything(lies in prop::collection::vec((0..2_usize, any::<u32>(), any::<u32>(), any::<u16>()), 1..60)) {
        let world = world();
        let device = world.device();
        let mut card = card(&world, &device);
        let mut out = std::collections::BTreeSet::new();
        let mut next = 0;
        for (queue, identifier, written, index) in lies {
            while card.post(buffer(0), LENGTH, next).is_ok() {
                out.insert(next);
                next += 1;
            }
            while card.transmit(buffer(1), 60, None, next).is_ok() {
                out.insert(next);
                next += 1;
            }
            card.flush();
            let identifier = if index % 3 == 0 { identifier } else { identifier % 20 };
            let written = if index % 5 == 0 { written } else { written % 1600 };
            device.borrow_mut().report(queue, identifier, written);
            if index % 11 == 0 {
                device.borrow_mut().show_used(queue, index);
            }
            let mut back = vec![];
            let polled = card.poll(64, |event| match event {
                Event::Received(token, length, _) => back.push((token, length)),
                Event::Sent(token) => back.push((token, 0)),
            });
            for (token, length) in back {
                prop_assert!(out.remove(&token) && length <= LENGTH);
            }
            if polled.is_err() {
                card.restart().expect("it comes up again");
            }
            let (received, sent) = card.in_flight();
            prop_assert_eq!(usize::from(received + sent), out.len());
        }
    }
}
