//! A card's client: what it can't hand over now, it hands over later, in order.

use anax_frames::handover::BUFFERS;
use anax_frames::{About, Asked, BUFFER_BYTES, DriverSide, Lengths, Link, Loan, Mac, Offers};
use anax_inet::InterfaceId;
use anax_ring::{AtomicU64, Endpoint, Geometry, SharedBlock, SharedBytes, Side, Supervisor};
use net::cards::{Card, Cards, Client, RECEIVE, Told};
use net::item::Departing;
use net::shard::Wire as _;

use crate::world::World;

const CARD: InterfaceId = InterfaceId(1);

fn memory(words: usize) -> SharedBlock<'static> {
    let words: Vec<_> = (0..words).map(|_| AtomicU64::new(0)).collect();
    SharedBlock::from_words(words.leak())
}

/// What the driver is asked for now: frames to transmit. All else is answered.
fn taken(driver: &mut DriverSide<'static>) -> Vec<Loan> {
    taken_by(driver, Offers::default())
}

/// The same of a card that offers that.
fn taken_by(driver: &mut DriverSide<'static>, offers: Offers) -> Vec<Loan> {
    let mut all = Vec::new();
    loop {
        match driver.take().unwrap() {
            Asked::Transmit(loan) => all.push(loan),
            Asked::About(question) => {
                let mac = Mac([2, 0, 0, 0, 0, 1]);
                let link = Link::Up;
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

/// A card's client, its driver, and the pool between them.
fn card() -> (Client, DriverSide<'static>, SharedBytes<'static>) {
    let geometry = Geometry::new(BUFFERS as u32, BUFFERS as u32).unwrap();
    let block = memory(geometry.words());
    let _supervisor = Supervisor::create(block, geometry).unwrap();
    let pool = SharedBytes::new(memory(BUFFERS * BUFFER_BYTES / 8));
    let client = Client::new(Endpoint::open(block, Side::Client).unwrap(), pool, RECEIVE).unwrap();
    let driver = DriverSide::new(Endpoint::open(block, Side::Server).unwrap(), BUFFERS as u32);
    (client, driver, pool)
}

/// Of a card that cuts, another thread has one buffer for a long segment, if there are few threads; it is had again when the card has sent it.
#[test]
fn other_threads_send_long_segments() {
    const LONG: usize = 30_000;
    let cutting = Offers { checksum: true, cut_v4: Some(Lengths::Whole), ..Offers::default() };
    for (threads, offers, has_long) in
        [(2, cutting, true), (2, Offers::default(), false), (4, cutting, false)]
    {
        let (client, mut driver, _) = card();
        let mut world = World::new(threads);
        world.plug(Card::new(CARD, client));
        let hear = |world: &mut World, driver: &mut DriverSide<'static>| {
            // What a thread hands over last, thread 0 sees next time.
            (0..2).for_each(|_| world.hear());
            let loans = taken_by(driver, offers);
            (0..2).for_each(|_| world.hear());
            loans
        };
        hear(&mut world, &mut driver);
        let stock = world.stock(1);
        let long = stock.buffer(CARD, LONG);
        assert_eq!(long.is_some(), has_long, "{threads} threads");
        let single: Vec<_> = std::iter::from_fn(|| stock.buffer(CARD, 60)).collect();
        assert!((4..=16).contains(&single.len()), "{} single ones", single.len());
        assert!(single.iter().all(|buffer| buffer.bytes().len() == BUFFER_BYTES));
        single.into_iter().for_each(|buffer| stock.free(CARD, buffer));
        let Some(buffer) = long else { continue };
        let mut next = Some(buffer);
        for _ in 0..3 {
            let mut loans = Vec::new();
            // Thread 0 gives another one for each that is sent, while it has some.
            while let Some(buffer) = next {
                let stock = world.stock(1);
                stock.send(Departing { interface: CARD, buffer, length: 1000, offload: None });
                assert!(stock.is_sending(CARD));
                loans.extend(hear(&mut world, &mut driver));
                next = world.stock(1).buffer(CARD, LONG);
            }
            assert!(!loans.is_empty() && world.stock(1).is_sending(CARD), "nobody waits for it");
            loans.into_iter().for_each(|loan| driver.sent(loan).unwrap());
            let _ = driver.flush().unwrap();
            hear(&mut world, &mut driver);
            next = world.stock(1).buffer(CARD, LONG);
            assert!(next.is_some() && !world.stock(1).is_sending(CARD), "it was sent");
        }
    }
}

#[test]
fn what_a_driver_has_no_room_for_waits() {
    let (client, mut driver, pool) = card();
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
