//! Checksums and segmentation: the model does in software what the descriptors say, and the bytes on the wire are judged.

use anax_device::DmaAddress;
use anax_frames::{Internet, Offload, Segmentation, Transport};
use anax_nic::{Card as _, Polled, Refused};
use e1000::Nic;
use proptest::prelude::*;

use crate::model::{BASE, TRANSMIT, Window, World};
use crate::nic::NONE;
use crate::packets::{judge, packet};

const FRAME: DmaAddress = DmaAddress::new(BASE + 0x1_0007);

fn offload(transport: Transport, mss: Option<u16>) -> Offload {
    let segmentation = mss.map(|mss| Segmentation { header: 54, mss });
    Offload { internet: Internet::V4, internet_at: 14, transport, transport_at: 34, segmentation }
}

/// Sends one frame through a card of its own, and returns what is on the wire and how many descriptors it took.
fn send(frame: &[u8], offload: Offload) -> (Vec<Vec<u8>>, u32) {
    let world = World::new(0x3_0000);
    let device = world.device();
    let mut card = Nic::<_, u64, 32>::start(Window(&device), world.block(), &world.reach(), NONE)
        .expect("nothing wrong");
    device.borrow().write(FRAME.get(), frame);
    card.transmit(FRAME, frame.len() as u32, Some(offload), 5).expect("there is room");
    card.flush();
    let wire = device.borrow_mut().drain();
    assert_eq!(card.prepare_to_wait(), Ok(Polled::More));
    let mut sent = 0;
    card.poll(2, |event| sent += u32::from(matches!(event, anax_nic::Event::Sent(5)))).expect("honest");
    assert_eq!((sent, card.in_flight()), (1, (0, 0)));
    let tail = device.borrow().registers[&(TRANSMIT + 0x18)];
    assert!((0..tail).all(|place| device.borrow().descriptor(TRANSMIT, place) == [0; 2]));
    (wire, tail)
}

#[test]
fn checksums_are_inserted() {
    for (protocol, transport) in [(6, Transport::Tcp), (17, Transport::Udp)] {
        for payload in [0, 1, 2, 999, 1400] {
            let frame = packet(protocol, payload, false);
            let (wire, descriptors) = send(&frame, offload(transport, None));
            assert_eq!((wire.len(), descriptors), (1, 2));
            let (identification, _, _, data) = judge(&wire[0]);
            assert_eq!((identification, data.as_slice()), (0x1234, &frame[frame.len() - payload..]));
        }
    }
}

/// All of 64 KiB, in pieces.
#[test]
fn the_longest_frame_is_cut() {
    let frame = packet(6, 0xffff - 40, true);
    let (wire, descriptors) = send(&frame, offload(Transport::Tcp, Some(1460)));
    assert_eq!((wire.len(), descriptors), (45, 18));
    assert!(wire.iter().all(|frame| frame.len() <= 1514));
}

#[test]
fn offloads_that_fit_no_frame_are_refused() {
    let world = World::new(0x3_0000);
    let device = world.device();
    let mut card = Nic::<_, u64, 32>::start(Window(&device), world.block(), &world.reach(), NONE)
        .expect("nothing wrong");
    let good = offload(Transport::Tcp, Some(1460));
    let cut = |header, mss| Offload { segmentation: Some(Segmentation { header, mss }), ..good };
    let plain = offload(Transport::Tcp, None);
    for (length, offload) in [
        (5000, cut(54, 0)),
        (5000, cut(53, 1460)),
        (5000, cut(54, 1465)),
        (5000, cut(54, u16::MAX)),
        (54, good),
        (0x1_0012, good),
        (u32::MAX, good),
        (5000, Offload { transport: Transport::Udp, ..good }),
        (1519, plain),
        (53, plain),
        (0, plain),
        (60, Offload { internet_at: 13, ..plain }),
        (60, Offload { transport_at: 33, ..plain }),
        (60, Offload { transport_at: 41, ..plain }),
        (300, Offload { internet_at: 255, transport_at: 0, ..plain }),
        (90, Offload { internet: Internet::V6, transport_at: 53, ..plain }),
    ] {
        assert_eq!(
            card.transmit(FRAME, length, Some(offload), 3),
            Err(Refused::Unfit(3)),
            "{length} {offload:?}"
        );
    }
    card.transmit(FRAME, 55, Some(good), 3).expect("just so");
    card.transmit(FRAME, 74, Some(Offload { internet: Internet::V6, transport_at: 54, ..plain }), 4)
        .expect("just so");
    // No room for all descriptors of a frame is none for any.
    assert_eq!(card.in_flight(), (0, 2));
    card.transmit(FRAME, 0xffff, Some(good), 5).expect("17 more");
    assert_eq!(card.transmit(FRAME, 0xffff, Some(good), 6), Err(Refused::Full(6)));
    assert_eq!(card.in_flight(), (0, 3));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    /// Any length and segment size: the segments' payloads are the frame's, in order, each with right lengths and checksums.
    #[test]
    fn segments_are_the_frame(payload in 1..30_000_usize, mss in 300..=1464_u16) {
        let frame = packet(6, payload, true);
        let (wire, _) = send(&frame, offload(Transport::Tcp, Some(mss)));
        prop_assert_eq!(wire.len(), payload.div_ceil(usize::from(mss)));
        let mut all = vec![];
        for (number, segment) in (0..).zip(&wire) {
            let (identification, sequence, flags, data) = judge(segment);
            prop_assert_eq!(identification, 0x1234 + number);
            prop_assert_eq!(sequence, 0xffff_f000_u32.wrapping_add(all.len() as u32));
            all.extend(data);
            prop_assert_eq!(flags, if all.len() == payload { 0x19 } else { 0x10 });
        }
        prop_assert!(all == frame[54..]);
    }
}
