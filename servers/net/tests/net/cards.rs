//! A card's client: what it can't hand over now, it hands over later, in order.

use anax_frames::handover::BUFFERS;
use anax_frames::{About, Asked, BUFFER_BYTES, DriverSide, Link, Loan, Mac, Offers};
use anax_inet::InterfaceId;
use anax_ring::{AtomicU64, Endpoint, Geometry, SharedBlock, SharedBytes, Side, Supervisor};
use net::cards::{Card, Cards, Client, RECEIVE, Told};
use net::item::Departing;
use net::shard::Wire as _;

const CARD: InterfaceId = InterfaceId(1);

fn memory(words: usize) -> SharedBlock<'static> {
    let words: Vec<_> = (0..words).map(|_| AtomicU64::new(0)).collect();
    SharedBlock::from_words(words.leak())
}

/// What the driver is asked for now: frames to transmit. All else is answered.
fn taken(driver: &mut DriverSide<'static>) -> Vec<Loan> {
    let mut all = Vec::new();
    loop {
        match driver.take().unwrap() {
            Asked::Transmit(loan) => all.push(loan),
            Asked::About(question) => {
                let mac = Mac([2, 0, 0, 0, 0, 1]);
                let (link, offers) = (Link::Up, Offers::default());
                let about = About { mac, max_frame: 1518, link, receive_buffers: 128, offers };
                driver.answer(question, about).unwrap();
            }
            Asked::Nothing => break,
            // Buffers to receive, and who watches the link: they wait.
            _ => {}
        }
    }
    let _ = driver.flush().unwrap();
    all
}

#[test]
fn what_a_driver_has_no_room_for_waits() {
    let geometry = Geometry::new(BUFFERS as u32, BUFFERS as u32).unwrap();
    let block = memory(geometry.words());
    let _supervisor = Supervisor::create(block, geometry).unwrap();
    let pool = SharedBytes::new(memory(BUFFERS * BUFFER_BYTES / 8));
    let client = Client::new(Endpoint::open(block, Side::Client).unwrap(), pool, RECEIVE).unwrap();
    let mut driver = DriverSide::new(Endpoint::open(block, Side::Server).unwrap(), BUFFERS as u32);
    let mut cards = Cards::default();
    cards.all.push(Card::new(CARD, client));
    let tell = |cards: &mut Cards| {
        while cards.all[0].told().is_some_and(|told| !matches!(told, Told::Frame(_))) {}
        let _ = cards.all[0].client.flush().unwrap();
    };
    tell(&mut cards);
    assert!(taken(&mut driver).is_empty());
    tell(&mut cards);
    let (mut next, mut expected) = (0u32, 0u32);
    for round in 0..50 {
        // As many as there are buffers: with who watches the link, one more than may be under way.
        let before = next;
        for _ in 0..BUFFERS {
            let Some(buffer) = cards.buffer(CARD, 60) else { break };
            buffer.bytes().write_u32(0, next).unwrap();
            cards.send(Departing { interface: CARD, buffer, length: 60, offload: None });
            next += 1;
        }
        assert!(next > before, "round {round}: no buffer has come back");
        tell(&mut cards);
        // Some of them are done with, the oldest first.
        for loan in taken(&mut driver) {
            assert_eq!(pool.read_u32(loan.offset as usize), Ok(expected), "round {round}");
            expected += 1;
            driver.sent(loan).unwrap();
        }
        let _ = driver.flush().unwrap();
        tell(&mut cards);
    }
    for loan in taken(&mut driver) {
        assert_eq!(pool.read_u32(loan.offset as usize), Ok(expected));
        expected += 1;
    }
    assert_eq!(expected, next, "a frame was lost");
}
