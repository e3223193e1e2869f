//! A successor that goes on where a driver ended, without a reset.

use std::cell::RefCell;

use anax_device::DmaAddress;
use anax_frames::{Internet, Offload, Segmentation, Transport};
use anax_nic::Card as _;
use e1000::{AdoptError, InFlight, Nic};
use proptest::prelude::*;

use crate::model::{BASE, Device, HEAD, RECEIVE, TAIL, TRANSMIT, Whim, Window, World};
use crate::nic::{Card, DESCRIPTORS, LENGTH, NONE, buffer, card, poll, world};

/// The token of a buffer is its number, and of a frame, its number and 100.
fn known(thing: InFlight) -> Option<u64> {
    let number = |address| (0..16).find(|number| buffer(*number) == address);
    match thing {
        InFlight::Buffer(address) => number(address),
        InFlight::Frame(address, 60) => number(address).map(|number| number + 100),
        InFlight::Frame(..) => None,
    }
}

fn adopt<'d, 'm>(world: &'m World, device: &'d RefCell<Device<'m>>) -> Result<Card<'d, 'm>, AdoptError> {
    Nic::adopt(Window(device), world.block(), &world.reach(), NONE, known)
}

/// A card that was at work: three buffers and three frames in flight from place `before` on, of which the device has done one each.
fn at_work(world: &World, device: &RefCell<Device<'_>>, before: u64) {
    let device: &RefCell<Device<'_>> = device;
    let mut card = Nic::<_, u64, DESCRIPTORS>::start(Window(device), world.block(), &world.reach(), NONE)
        .expect("nothing wrong");
    for number in 0..before {
        card.post(buffer(0), LENGTH, number).expect("there is room");
        card.transmit(buffer(0), 60, None, number).expect("there is room");
        card.flush();
        device.borrow_mut().drain();
        assert!(device.borrow_mut().receive(&[0; 60]));
        assert_eq!(poll_any(&mut card), 2);
    }
    for number in 1..4 {
        card.post(buffer(number), LENGTH, number).expect("there is room");
        device.borrow().write(buffer(number + 3).get(), &[number as u8; 60]);
        card.transmit(buffer(number + 3), 60, None, number).expect("there is room");
    }
    card.flush();
    assert!(device.borrow_mut().transmit() && device.borrow_mut().receive(&[9; 70]));
    // Written and never shown.
    card.post(buffer(9), LENGTH, 9).expect("there is room");
    card.transmit(buffer(9), 60, None, 9).expect("there is room");
}

fn poll_any(card: &mut Nic<'_, Window<'_, '_>, u64, DESCRIPTORS>) -> usize {
    let mut count = 0;
    card.poll(64, |_| count += 1).expect("honest");
    count
}

#[test]
fn a_running_device_goes_on_without_a_reset() {
    for before in 0..20 {
        let world = world();
        let device = world.device();
        at_work(&world, &device, before);
        let resets = device.borrow().resets;
        let mut card = adopt(&world, &device).expect("all fits together");
        assert_eq!(device.borrow().resets, resets, "no reset");
        assert_eq!(device.borrow().writes[&0x100], 1, "the receiver was never touched");
        assert_eq!(card.in_flight(), (3, 3));
        assert_eq!(poll(&mut card), Ok(vec![('s', 104, 0), ('r', 1, 70)]));
        // The device has gone on all the time, and does.
        let sent: Vec<_> = device.borrow_mut().drain().iter().map(|frame| frame[0]).collect();
        assert_eq!(sent, [1, 2, 3], "each once");
        for number in 7..9 {
            card.transmit(buffer(number), 60, None, number).expect("there is room");
            card.post(buffer(number), LENGTH, number).expect("there is room");
        }
        card.flush();
        assert_eq!(device.borrow_mut().drain().len(), 2);
        for length in 60..64 {
            assert!(device.borrow_mut().receive(&[0; 64][..length]));
        }
        let sent = [105, 106, 7, 8].map(|token| ('s', token, 0));
        let received = [(2, 60), (3, 61), (7, 62), (8, 63)].map(|(token, length)| ('r', token, length));
        assert_eq!(poll(&mut card), Ok([sent, received].concat()));
        // A reset is as good as ever.
        card.transmit(buffer(4), 60, None, 4).expect("there is room");
        card.restart().expect("it comes up again");
        assert_eq!(device.borrow_mut().drain().len(), 1);
    }
}

#[test]
fn a_device_that_was_handed_over() {
    let world = world();
    let device = world.device();
    let mut first = card(&world, &device);
    for number in 0..7 {
        first.post(buffer(number), LENGTH, number).expect("there is room");
        first.transmit(buffer(number), 60, None, number).expect("there is room");
    }
    first.flush();
    assert!(device.borrow_mut().receive(&[0; 60]) && device.borrow_mut().transmit());
    assert_eq!(poll(&mut first).expect("honest").len(), 2);
    let counted = first.hand_over().expect("it stops");
    assert_eq!((counted.received, counted.sent), (1, 1));
    assert!(!device.borrow_mut().receive(&[0; 60]) && !device.borrow_mut().transmit(), "it is fenced");
    let resets = device.borrow().resets;
    let mut second = adopt(&world, &device).expect("all fits together");
    assert_eq!((device.borrow().resets, second.in_flight()), (resets, (6, 6)));
    assert!(device.borrow_mut().receive(&[0; 60]) && device.borrow_mut().transmit(), "it runs again");
    assert_eq!(poll(&mut second), Ok(vec![('s', 101, 0), ('r', 1, 60)]));
}

/// Frames of several descriptors, in the middle of one of which the device is.
#[test]
fn frames_of_many_pieces_are_known_again() {
    let world = World::new(0x3_0000);
    let device = world.device();
    let address = DmaAddress::new(BASE + 0x1_0007);
    let segmentation = Some(Segmentation { header: 54, mss: 1460 });
    let (internet, transport) = (Internet::V4, Transport::Tcp);
    let offload = Offload { internet, internet_at: 14, transport, transport_at: 34, segmentation };
    let frame = crate::packets::packet(6, 20_000 - 54, true);
    device.borrow().write(address.get(), &frame);
    let mut first = Nic::<_, u64, 32>::start(Window(&device), world.block(), &world.reach(), NONE)
        .expect("nothing wrong");
    for token in 0..4 {
        first.transmit(address, 20_000, Some(offload), token).expect("there is room");
    }
    first.flush();
    assert!(device.borrow_mut().transmit());
    let mut things = vec![];
    let second = Nic::<_, u64, 32>::adopt(Window(&device), world.block(), &world.reach(), NONE, |thing| {
        things.push(thing);
        Some(things.len() as u64)
    });
    assert_eq!(things, [InFlight::Frame(address, 20_000); 4]);
    let mut second = second.expect("all fits together");
    assert_eq!(device.borrow_mut().drain().len(), 4 * 14);
    let mut sent = vec![];
    second
        .poll(64, |event| {
            if let anax_nic::Event::Sent(token) = event {
                sent.push(token);
            }
        })
        .expect("honest");
    assert_eq!((sent, second.in_flight()), (vec![1, 2, 3, 4], (0, 0)));
}

#[test]
fn what_does_not_fit_together_is_refused() {
    let refused = |change: &dyn Fn(&mut Device<'_>)| {
        let world = world();
        let device = world.device();
        at_work(&world, &device, 3);
        change(&mut device.borrow_mut());
        let adopted = adopt(&world, &device).map(|card| card.in_flight());
        assert!(device.borrow().writes[&0xd8] > 0, "interrupts are masked");
        // What is left is a reset.
        device.borrow_mut().whim = Whim::None;
        card(&world, &device);
        adopted
    };
    assert_eq!(refused(&|_| {}), Ok((3, 3)));
    for ring in [RECEIVE, TRANSMIT] {
        for at in [0, 4, 8] {
            let elsewhere = |device: &mut Device<'_>| device.set(ring + at, 128 * 3);
            assert_eq!(refused(&elsewhere), Err(AdoptError::Elsewhere), "{at}");
        }
        for register in [HEAD, TAIL] {
            for value in [8, 0x1_0000, u32::MAX] {
                let outside = |device: &mut Device<'_>| device.set(ring + register, value);
                assert_eq!(refused(&outside), Err(AdoptError::Doubtful), "{register} {value}");
            }
        }
        // A head past the tail: there lies what nobody gave.
        assert_eq!(refused(&|device| device.set(ring + HEAD, 7)), Err(AdoptError::Doubtful));
        // A buffer or a frame that nobody knows, or nothing at all.
        let foreign = |device: &mut Device<'_>| device.write(device.descriptor_at(ring, 4), &[1; 8]);
        assert_eq!(refused(&foreign), Err(AdoptError::Doubtful));
        let nothing = |device: &mut Device<'_>| device.write(device.descriptor_at(ring, 5), &[0; 16]);
        assert_eq!(refused(&nothing), Err(AdoptError::Doubtful));
    }
    // The last piece is missing.
    let open = |device: &mut Device<'_>| device.mark(TRANSMIT, 5, 60 | 1 << 20 | 1 << 29);
    assert_eq!(refused(&open), Err(AdoptError::Doubtful));
    assert_eq!(refused(&|device| device.mark(TRANSMIT, 5, 1 << 29)), Err(AdoptError::Doubtful));
    assert_eq!(refused(&|device| device.whim = Whim::Gone), Err(AdoptError::Elsewhere));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    /// Drivers that die at any moment: each frame is on the wire once and in order.
    #[test]
    fn a_chain_of_successors(steps in prop::collection::vec(0..6_u8, 1..200)) {
        let world = world();
        let device = world.device();
        let mut card = card(&world, &device);
        let (mut handed, mut shown, mut wire) = (0_u64, 0, 0);
        for step in steps {
            match step {
                0 => if card.transmit(buffer(handed % 8), 60, None, handed).is_ok() {
                    device.borrow().write(buffer(handed % 8).get(), &handed.to_le_bytes());
                    handed += 1;
                },
                1 => { card.flush(); shown = handed; }
                2 => { device.borrow_mut().transmit(); }
                3 => { poll(&mut card).expect("honest"); }
                4 => { device.borrow_mut().take_frame(); }
                _ => {
                    card = adopt(&world, &device).expect("all fits together");
                    // What was not shown is gone with the driver.
                    handed = shown;
                }
            }
            for frame in device.borrow_mut().wire.drain(..) {
                prop_assert_eq!(&frame[..8], &u64::to_le_bytes(wire));
                wire += 1;
            }
        }
        card.flush();
        let rest = device.borrow_mut().drain();
        prop_assert_eq!(wire + rest.len() as u64, handed);
    }

    /// Anything in the registers and in memory: an error or a card that works, and no panic.
    #[test]
    fn a_predecessor_that_wrote_anything(
        words in prop::collection::vec((any::<u64>(), 0..9_u8), 32),
        positions in prop::array::uniform4(0..9_u32),
    ) {
        let world = world();
        let device = world.device();
        card(&world, &device);
        for (at, (word, kind)) in (0..).zip(words) {
            let word = match kind {
                0..3 => 0,
                3..6 => buffer(word % 8).get(),
                6..8 => 60 | 1 << 20 | 9 << 24 | 1 << 29,
                _ => word,
            };
            device.borrow().write(BASE + 8 * at, &word.to_le_bytes());
        }
        for (register, value) in [RECEIVE + HEAD, RECEIVE + TAIL, TRANSMIT + HEAD, TRANSMIT + TAIL].into_iter().zip(positions) {
            device.borrow_mut().set(register, value);
        }
        if let Ok(mut card) = adopt(&world, &device) {
            prop_assert!(card.in_flight().0 < 8 && card.in_flight().1 < 8);
            let _ = poll(&mut card);
            card.restart().expect("it comes up again");
            card.quiesce().expect("it stops");
            while card.take_back().is_some() {}
            prop_assert_eq!(card.in_flight(), (0, 0));
        }
    }
}
