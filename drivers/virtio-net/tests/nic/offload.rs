//! Checksums and segmentation: what the device is told of a frame, and what it says of one.

use anax_frames::{Arrival, Checked, Internet, Lengths, Offers, Offload, Segmentation, Transport, Verdict};
use anax_nic::{Card as _, Event, Refused};

use crate::card::{LENGTH, buffer, card, world};
use crate::model::OFFERED;

const CSUM: u64 = 1;
const GUEST_CSUM: u64 = 1 << 1;

/// What is to be done with frame `number` of at least 60 bytes: each kind in turn, and nothing.
pub(crate) fn offload(number: u64) -> Option<Offload> {
    let plain = Offload {
        internet: Internet::V4,
        internet_at: 14,
        transport: Transport::Udp,
        transport_at: 34,
        segmentation: None,
    };
    let cut = Some(Segmentation { header: 54, mss: 6 });
    let all = [
        None,
        Some(plain),
        Some(Offload { transport: Transport::Tcp, ..plain }),
        Some(Offload { transport: Transport::Tcp, segmentation: cut, ..plain }),
    ];
    all[number as usize % all.len()]
}

/// The same in the words of 5.1.6, little-endian.
pub(crate) fn header(offload: Option<Offload>) -> Vec<u8> {
    let Some(offload) = offload else { return vec![0; 12] };
    let (kind, size, mss) = match (offload.segmentation, offload.internet) {
        (None, _) => (0, 0, 0),
        (Some(cut), Internet::V4) => (1, cut.header, cut.mss),
        (Some(cut), Internet::V6) => (4, cut.header, cut.mss),
    };
    let offset = if offload.transport == Transport::Tcp { 16 } else { 6 };
    let words = [u16::from(size), mss, offload.transport_at.into(), offset, 0];
    [1, kind].into_iter().chain(words.into_iter().flat_map(u16::to_le_bytes)).collect()
}

#[test]
fn the_header_says_what_is_to_be_done() {
    let (world, v6) = (world(), Internet::V6);
    let device = world.device();
    let mut card = card(&world, &device);
    let whole = Some(Lengths::Whole);
    let offers = Offers { checksum: true, cut_v4: whole, cut_v6: whole, ..Offers::default() };
    assert_eq!(card.about().offers, offers);
    let long = Offload {
        internet: v6,
        transport_at: 54,
        segmentation: Some(Segmentation { header: 74, mss: 1440 }),
        ..offload(3).expect("a cut")
    };
    let frames = (0..7).map(|number| (60, offload(number))).chain([(40_000, Some(long))]);
    for (length, offload) in frames {
        card.transmit(buffer(0), length, offload, 0).expect("there is room");
        card.flush();
        let (head, frame) = device.borrow_mut().take_frame().expect("a frame");
        assert_eq!((frame.len(), &device.borrow().header), (length as usize, &header(offload)));
        device.borrow_mut().report(1, head.into(), 0);
        card.poll(2, |_| {}).expect("the device is honest");
    }
    let misfit = Offload { internet_at: 13, ..long };
    assert_eq!(card.transmit(buffer(0), 60_000, Some(misfit), 5), Err(Refused::Unfit(5)));
}

#[test]
fn what_a_device_does_not_offer_is_not_asked_of_it() {
    let cut = |is: bool| is.then_some(Lengths::Whole);
    for (missing, checksum, v4) in
        [(CSUM, false, false), (1 << 11, true, false), (1 << 12, true, true), (3 << 11, true, false)]
    {
        let world = world();
        let device = world.device();
        device.borrow_mut().offered = OFFERED & !missing;
        let mut card = card(&world, &device);
        assert_eq!(
            card.about().offers,
            Offers { checksum, cut_v4: cut(v4), cut_v6: cut(missing == 1 << 11), ..Offers::default() }
        );
        for number in 0..4 {
            let taken = card.transmit(buffer(0), 60, offload(number), number);
            let is_known = number == 0 || checksum && number < 3 || v4;
            assert_eq!(taken, if is_known { Ok(()) } else { Err(Refused::Unfit(number)) });
        }
    }
}

#[test]
fn the_header_says_what_the_device_thinks() {
    for (offered, is_believed) in [(OFFERED, true), (OFFERED & !GUEST_CSUM, false)] {
        let world = world();
        let device = world.device();
        device.borrow_mut().offered = offered;
        let mut card = card(&world, &device);
        for (flags, is_good) in [(0, false), (1, true), (2, true), (4, false)] {
            card.post(buffer(1), LENGTH, 1).expect("there is room");
            card.flush();
            device.borrow_mut().flags = flags;
            assert!(device.borrow_mut().receive(&[9; 60]));
            let mut seen = None;
            card.poll(2, |event| {
                if let Event::Received(_, 60, Arrival::First { checked, .. }) = event {
                    seen = Some(checked);
                }
            })
            .expect("the device is honest");
            let transport = if is_good && is_believed { Verdict::Good } else { Verdict::Unknown };
            assert_eq!(seen, Some(Checked { internet: Verdict::Unknown, transport }));
        }
    }
}
