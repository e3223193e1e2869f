//! A device that reports what can't be true, and one that is gone.

use anax_device::Broken;
use anax_nic::{Card as _, Event};
use e1000::SetupError;
use proptest::prelude::*;

use crate::model::{HEAD, RECEIVE, TAIL, TRANSMIT, Whim};
use crate::nic::{LENGTH, buffer, card, poll, world};

const DONE: u64 = 1 << 32;
const WHOLE: u64 = 1 << 33;

#[test]
fn a_frame_longer_than_its_buffer_is_a_lie() {
    for (length, believed) in [(0, true), (1, true), (2048, true), (2049, false), (0xffff, false)] {
        let world = world();
        let device = world.device();
        let mut card = card(&world, &device);
        card.post(buffer(0), LENGTH, 9).expect("there is room");
        card.flush();
        device.borrow().mark(RECEIVE, 0, length | DONE | WHOLE);
        let expected = if believed { Ok(vec![('r', 9, length as u32)]) } else { Err(Broken) };
        assert_eq!(poll(&mut card), expected, "{length}");
        assert_eq!(card.in_flight().0, u16::from(!believed));
        if !believed {
            assert_eq!(poll(&mut card), Err(Broken), "still");
            card.restart().expect("it comes up again");
            assert!(device.borrow_mut().receive(&[0; 60]));
            assert_eq!(poll(&mut card), Ok(vec![('r', 9, 60)]));
        }
    }
}

#[test]
fn parts_of_frames_and_damaged_ones_are_lies() {
    let damages = [0, 1, 2, 4, 7].map(|error| 60 | DONE | WHOLE | 1 << (40 + error));
    for word in damages.into_iter().chain([60 | DONE, u64::MAX]) {
        let world = world();
        let device = world.device();
        let mut card = card(&world, &device);
        card.post(buffer(0), LENGTH, 9).expect("there is room");
        card.flush();
        device.borrow().mark(RECEIVE, 0, word);
        assert_eq!(poll(&mut card), Err(Broken), "{word:#x}");
    }
}

/// Descriptors that the device was not given, marked as done before and after they are written, and before they are shown.
#[test]
fn descriptors_that_were_not_given() {
    for ring in [RECEIVE, TRANSMIT] {
        for when in ["free", "written"] {
            let world = world();
            let device = world.device();
            let mut card = card(&world, &device);
            if when == "free" {
                device.borrow().mark(ring, 0, DONE);
                assert_eq!(poll(&mut card), Ok(vec![]), "nobody looks there");
            }
            card.post(buffer(0), LENGTH, 0).expect("there is room");
            card.transmit(buffer(1), 60, None, 1).expect("there is room");
            if when == "written" {
                let word = device.borrow().descriptor(ring, 0)[1];
                device.borrow().mark(ring, 0, word | DONE | WHOLE);
            }
            card.flush();
            let tail = device.borrow().registers[&(ring + TAIL)];
            assert!(when == "free" || tail == 0, "it is not shown");
            assert_eq!(poll(&mut card), Err(Broken), "{ring:#x} {when}");
            assert_eq!(card.in_flight(), (1, 1));
            card.restart().expect("it comes up again");
            assert_eq!(device.borrow_mut().drain().len(), 1);
            assert_eq!(poll(&mut card), Ok(vec![('s', 1, 0)]));
        }
    }
}

#[test]
fn positions_where_the_device_cannot_be() {
    for ring in [RECEIVE, TRANSMIT] {
        for (head, possible) in [
            (0, false),
            (1, true),
            (3, true),
            (4, false),
            (7, false),
            (8, false),
            (1 << 16, false),
            (u32::MAX, false),
        ] {
            let world = world();
            let device = world.device();
            let mut card = card(&world, &device);
            card.post(buffer(0), LENGTH, 0).expect("there is room");
            card.transmit(buffer(0), 60, None, 0).expect("there is room");
            card.flush();
            device.borrow_mut().drain();
            assert!(device.borrow_mut().receive(&[0; 60]));
            assert_eq!(poll(&mut card).expect("honest").len(), 2);
            for number in 1..3 {
                card.post(buffer(number), LENGTH, number).expect("there is room");
                card.transmit(buffer(number), 60, None, number).expect("there is room");
            }
            card.flush();
            // Written, but not shown.
            card.post(buffer(3), LENGTH, 3).expect("there is room");
            card.transmit(buffer(3), 60, None, 3).expect("there is room");
            device.borrow_mut().set(ring + HEAD, head);
            let expected = if possible { Ok(()) } else { Err(Broken) };
            assert_eq!(card.check(), expected, "{ring:#x} {head}");
            device.borrow_mut().raise(1 << 6);
            assert_eq!(card.line_interrupt(), expected, "the receiver has overrun");
        }
    }
}

#[test]
fn a_device_that_is_gone() {
    let world = world();
    let device = world.device();
    let mut card = card(&world, &device);
    card.transmit(buffer(0), 60, None, 0).expect("there is room");
    card.flush();
    device.borrow_mut().whim = Whim::Gone;
    assert_eq!((card.check(), card.line_interrupt()), (Err(Broken), Err(Broken)));
    assert_eq!(card.prepare_to_wait(), Err(Broken));
    assert_eq!(card.statistics().sent, 0, "all ones is no count");
    assert_eq!(card.restart(), Err(SetupError::Gone));
    assert_eq!(card.take_back(), Some(0));
    assert_eq!(card.hand_over().err(), Some(Broken));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    /// Rings full of anything: tokens come back at most once, nothing panics, and a reset heals it.
    #[test]
    fn a_device_that_writes_anything(lies in prop::collection::vec((any::<bool>(), 0..8_u32, any::<u64>(), any::<u8>()), 1..60)) {
        let world = world();
        let device = world.device();
        let mut card = card(&world, &device);
        let mut out = std::collections::BTreeSet::new();
        let mut next = 0;
        for (receive, place, word, kind) in lies {
            while card.post(buffer(0), LENGTH, next).is_ok() {
                out.insert(next);
                next += 1;
            }
            while card.transmit(buffer(1), 60, None, next).is_ok() {
                out.insert(next);
                next += 1;
            }
            card.flush();
            let ring = if receive { RECEIVE } else { TRANSMIT };
            let word = if kind % 3 == 0 { word } else { (word % 2100) | WHOLE | u64::from(kind & 1) << 32 };
            device.borrow().mark(ring, place, word);
            if kind % 11 == 0 {
                device.borrow_mut().set(ring + HEAD, word as u32);
            }
            let mut back = vec![];
            let polled = card.poll(64, |event| match event {
                Event::Received(token, length, _) => back.push((token, length)),
                Event::Sent(token) => back.push((token, 0)),
            });
            for (token, length) in back {
                prop_assert!(out.remove(&token) && length <= LENGTH);
            }
            if polled.is_err() || card.check().is_err() {
                card.restart().expect("it comes up again");
            }
            let (received, sent) = card.in_flight();
            prop_assert_eq!(usize::from(received + sent), out.len());
        }
    }
}
