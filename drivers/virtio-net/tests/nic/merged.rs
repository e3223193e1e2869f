//! Frames in several buffers: whole for who takes them, found out where the device can't count, handed over while they come.

use std::cell::RefCell;

use anax_device::DmaAddress;
use anax_frames::{Arrival, Coalesced, Coalescing, Internet, MAX_CUT, MAX_PARTS, Offers};
use anax_nic::{Card as _, Event};
use proptest::prelude::*;
use virtio_net::{Interrupts, Nic};

use crate::model::{BASE, Device, OFFERED, Window, World, reach, transport};

const FRAMES: usize = 64;
const LENGTH: u32 = 2048;
const BUFFERS: u64 = BASE + 0x4000;
pub(crate) const ALL: Coalescing = Coalescing { v4: true, v6: true };
/// GUEST_TSO4, GUEST_TSO6, GUEST_ECN, MRG_RXBUF.
pub(crate) const MERGED: u64 = 7 << 7 | 1 << 15;

type Card<'d, 'm> = Nic<'m, Window<'d, 'm>, u64, FRAMES>;

fn world() -> World {
    World::new((0x4000 + FRAMES * LENGTH as usize) / 8)
}

fn card<'d, 'm>(world: &'m World, device: &'d RefCell<Device<'m>>, offered: u64) -> Card<'d, 'm> {
    device.borrow_mut().offered = offered;
    Nic::start(transport(device), world.block(), &reach(world.block()), Interrupts::Line)
        .expect("nothing wrong")
}

fn buffer(number: u64) -> DmaAddress {
    DmaAddress::new(BUFFERS + number * u64::from(LENGTH))
}

fn fill(card: &mut Card<'_, '_>) {
    for number in 0..FRAMES as u64 {
        card.post(buffer(number), LENGTH, number).expect("there is room");
    }
    card.flush();
}

pub(crate) fn frame(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at * 7 + at / 251) as u8).collect()
}

/// All that has come: token, length, and what was said.
fn poll(card: &mut Card<'_, '_>) -> (Vec<(u64, u32, Arrival)>, bool) {
    let mut parts = vec![];
    let polled = card.poll(64, |event| match event {
        Event::Received(token, length, arrival) => parts.push((token, length, arrival)),
        Event::Sent(_) => panic!("nothing was sent"),
    });
    (parts, polled.is_ok())
}

/// The frame that these parts are.
fn whole(device: &RefCell<Device<'_>>, parts: &[(u64, u32, Arrival)]) -> Vec<u8> {
    let mut bytes = vec![];
    for (token, length, arrival) in parts {
        let mut length = *length as usize;
        if let Arrival::Next(head) = arrival {
            let first = length.min(head.len());
            bytes.extend(&head[..first]);
            length -= first;
        }
        bytes.extend(device.borrow().read(buffer(*token).get(), length));
    }
    bytes
}

#[test]
fn what_is_offered_is_agreed_on_when_it_is_taken() {
    for (offered, offers) in [
        (OFFERED, Coalescing::NONE),
        (OFFERED | MERGED, ALL),
        (OFFERED | MERGED & !(1 << 7), Coalescing { v4: false, v6: true }),
        ((OFFERED | MERGED) & !(1 << 15), Coalescing::NONE),
        // Without checksums there is nothing to be put together.
        ((OFFERED | MERGED) & !2, Coalescing::NONE),
    ] {
        let world = world();
        let device = world.device();
        let mut card = card(&world, &device, offered);
        let resets = device.borrow().resets;
        assert_eq!(card.about().offers.coalesced, offers);
        assert_eq!(device.borrow().accepted & MERGED, 0);
        card.coalesce(offers).expect("it comes up again");
        assert_eq!(card.about().offers.coalesced, offers);
        let is_taken = offers != Coalescing::NONE;
        assert_eq!(device.borrow().accepted & MERGED, if is_taken { offered & MERGED } else { 0 });
        assert_eq!(device.borrow().resets, resets + u32::from(is_taken));
        card.coalesce(offers).expect("it comes up again");
        assert_eq!(device.borrow().resets, resets + u32::from(is_taken), "once");
        card.coalesce(Coalescing::NONE).expect("it comes up again");
        assert_eq!(device.borrow().accepted & MERGED, 0);
    }
    // A device that waits for room that there never is would be a trap.
    let world = world();
    let device = world.device();
    (device.borrow_mut().size, device.borrow_mut().offered) = (32, OFFERED | MERGED);
    let small = Nic::<_, u64, FRAMES>::start(
        transport(&device),
        world.block(),
        &reach(world.block()),
        Interrupts::Line,
    );
    let offers = small.map(|card| card.about().offers);
    assert!(offers.is_ok_and(|offers| offers != Offers::default() && offers.coalesced == Coalescing::NONE));
}

#[test]
fn a_frame_of_any_length_is_whole() {
    let world = world();
    let device = world.device();
    let mut card = card(&world, &device, OFFERED | MERGED);
    card.coalesce(ALL).expect("it comes up again");
    let lengths = [14, 60, 1514, 2047, 2048, 2049, 2060, 2061, 2048 + 2060, 2048 + 2061, 40_000, MAX_CUT];
    for (length, kind) in lengths.into_iter().zip([1, 4, 1 | 0x80, 4 | 0x80].into_iter().cycle()) {
        fill(&mut card);
        assert!(device.borrow_mut().receive_merged(&frame(length), kind, 1440));
        let (parts, is_well) = poll(&mut card);
        assert!(is_well && parts.len() <= MAX_PARTS);
        let internet = if kind & 4 == 0 { Internet::V4 } else { Internet::V6 };
        let Arrival::First { coalesced, follow, .. } = parts[0].2 else { panic!("it begins") };
        assert_eq!(coalesced, Some(Coalesced { internet, mss: 1440 }));
        assert_eq!(usize::from(follow) + 1, parts.len());
        assert!(whole(&device, &parts) == frame(length), "{length}");
        assert_eq!(parts.len(), 1 + length.saturating_sub(2048).div_ceil(2060));
        card.quiesce().expect("it stops");
        while card.take_back().is_some() {}
        card.restart().expect("it comes up again");
    }
}

/// None, more than there are, far more than there ever could be.
#[test]
fn a_device_that_miscounts_buffers_is_broken() {
    for claimed in [0, 3, 4, 63, 64, 65, 1000, u16::MAX] {
        let world = world();
        let device = world.device();
        let mut card = card(&world, &device, OFFERED | MERGED);
        card.coalesce(ALL).expect("it comes up again");
        fill(&mut card);
        device.borrow_mut().claimed = Some(claimed);
        assert!(device.borrow_mut().receive_merged(&frame(3000), 1, 1440));
        let (parts, is_well) = poll(&mut card);
        assert!(!is_well, "{claimed}");
        assert_eq!(parts, [(0, 0, Arrival::default())], "its buffer comes back with nothing");
        device.borrow_mut().claimed = None;
        card.restart().expect("it comes up again");
        assert!(device.borrow_mut().receive_merged(&frame(60), 0, 0));
        let (parts, is_well) = poll(&mut card);
        assert!(is_well && parts.len() == 1 && whole(&device, &parts) == frame(60), "{parts:?}");
        assert_eq!(card.in_flight().0, FRAMES as u16 - 2);
    }
}

#[test]
fn without_leave_a_count_means_nothing() {
    let world = world();
    let device = world.device();
    let mut card = card(&world, &device, OFFERED | MERGED);
    fill(&mut card);
    device.borrow_mut().claimed = Some(7);
    assert!(device.borrow_mut().receive_merged(&frame(60), 1, 1440));
    assert_eq!(poll(&mut card), (vec![(0, 60, Arrival::default())], true));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    /// Used rings and headers full of anything: tokens come back at most once, and a reset heals it.
    #[test]
    fn a_device_that_counts_anything(
        lies in prop::collection::vec((any::<u16>(), 0..6_u16, any::<u16>(), 0..5000_usize), 1..40),
    ) {
        let world = world();
        let device = world.device();
        let mut card = card(&world, &device, OFFERED | MERGED);
        card.coalesce(ALL).expect("it comes up again");
        let mut out = std::collections::BTreeSet::new();
        let mut next = 0;
        for (which, few, any, length) in lies {
            while card.post(buffer(next % 64), LENGTH, next).is_ok() {
                out.insert(next);
                next += 1;
            }
            card.flush();
            device.borrow_mut().claimed = match which % 4 { 0 => None, 1 => Some(any), _ => Some(few) };
            device.borrow_mut().receive_merged(&frame(length + 14), any as u8, any);
            if which % 7 == 0 {
                device.borrow_mut().report(0, u32::from(any % 200), u32::from(any % 3000));
            }
            let (parts, is_well) = poll(&mut card);
            for (token, length, _) in parts {
                prop_assert!(out.remove(&token) && length <= LENGTH + 12);
            }
            if !is_well {
                card.restart().expect("it comes up again");
            }
            prop_assert_eq!(usize::from(card.in_flight().0), out.len());
        }
    }
}
