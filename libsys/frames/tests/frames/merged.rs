//! Frames in several buffers, and what a client is told of the link.

use anax_abi::Error;
use anax_frames::{
    Arrival, Asked, BUFFER_BYTES, Checked, ClientSide, Coalesced, Coalescing, DriverSide, Event, Internet,
    Link, Loan, MAX_CUT, MAX_FRAME, MAX_PARTS, Received,
};
use anax_ring::{AtomicU64, Endpoint, Geometry, SharedBlock, SharedBytes, Side, Supervisor};
use proptest::prelude::*;

use crate::{Memory, settle};

const MANY: usize = 64;
const LENT: usize = 48;
const ALL: Coalescing = Coalescing { v4: true, v6: true };
const MERGED: Option<Coalesced> = Some(Coalesced { internet: Internet::V6, mss: 1440 });

type Client<'a> = ClientSide<'a, MANY>;

struct Large {
    channel: Vec<AtomicU64>,
    pool: Vec<AtomicU64>,
}

impl Large {
    fn new() -> Self {
        let geometry = Geometry::new(MANY as u32, MANY as u32).expect("powers of two");
        let words = |count| (0..count).map(|_| AtomicU64::new(0)).collect();
        let large = Self { channel: words(geometry.words()), pool: words(MANY * BUFFER_BYTES / 8) };
        let _ = large.supervisor();
        large
    }

    /// Begins the channel anew.
    fn supervisor(&self) -> Supervisor<'_> {
        let geometry = Geometry::new(MANY as u32, MANY as u32).expect("powers of two");
        Supervisor::create(SharedBlock::from_words(&self.channel), geometry).expect("large enough")
    }

    fn pool(&self) -> SharedBytes<'_> {
        SharedBytes::new(SharedBlock::from_words(&self.pool))
    }

    fn end(&self, side: Side) -> Endpoint<'_> {
        Endpoint::open(SharedBlock::from_words(&self.channel), side).expect("a channel")
    }

    /// Both sides; the client accepts all, and has lent its buffers.
    fn sides(&self) -> (Client<'_>, DriverSide<'_>, Vec<Loan>) {
        let mut client = Client::new(self.end(Side::Client), self.pool(), LENT).expect("nothing wrong");
        let mut driver = DriverSide::new(self.end(Side::Server), MANY as u32);
        client.accept(ALL).expect("it lends enough");
        let loans = lent(&mut client, &mut driver);
        assert_eq!(loans.len(), LENT);
        (client, driver, loans)
    }
}

/// Answers what is asked, and takes what is lent.
fn lent(client: &mut Client<'_>, driver: &mut DriverSide<'_>) -> Vec<Loan> {
    assert!(matches!(client.event(), Ok(Event::Nothing)));
    let _ = client.flush().expect("nobody lied");
    let mut loans = vec![];
    loop {
        match driver.take().expect("nobody lied") {
            Asked::Receive(loan) => loans.push(loan),
            Asked::Accept(question, what) => {
                assert_eq!(what, ALL);
                driver.answer_accept(question, Ok(())).expect("nobody lied");
            }
            Asked::Nothing => return loans,
            other => panic!("{other:?}"),
        }
    }
}

fn first(follow: u16) -> Arrival {
    Arrival::First { checked: Checked::default(), coalesced: MERGED, follow }
}

/// The next parts, until one is the last.
fn parts<'a>(client: &mut Client<'a>) -> Vec<Received<'a>> {
    let mut all: Vec<Received<'a>> = vec![];
    while all.last().is_none_or(|last| last.follow > 0) {
        let Ok(Event::Received(received)) = client.event() else { panic!("no part after {}", all.len()) };
        assert!(all.last().is_none_or(|last| last.follow == received.follow + 1));
        all.push(received);
    }
    all
}

#[test]
fn a_frame_comes_in_several_buffers() {
    let large = Large::new();
    let (mut client, mut driver, mut loans) = large.sides();
    for (turn, count) in [1, 2, MAX_PARTS - 1].into_iter().enumerate() {
        let byte = |at: usize| (at * 13 + at / 241 + turn) as u8;
        let length = if count == 1 { 1000 } else { 2548 + (count - 2) * 2060 };
        let all: Vec<u8> = (0..length).map(byte).collect();
        let mut rest = &all[..];
        for place in 0..count {
            let loan = loans.remove(0);
            let arrival = if place == 0 {
                first(count as u16 - 1)
            } else {
                let (head, after) = rest.split_at(12);
                rest = after;
                Arrival::Next(head.try_into().expect("twelve"))
            };
            let (now, after) = rest.split_at(rest.len().min(2048));
            large.pool().copy_in(loan.offset as usize, now).expect("within");
            rest = after;
            let head = if place == 0 { 0 } else { 12 };
            if place > 0 {
                // Nothing is shown before all is there.
                let _ = driver.flush().expect("nobody lied");
                assert!(matches!(client.event(), Ok(Event::Nothing)));
            }
            driver.received(loan, now.len() as u32 + head, arrival).expect("nobody lied");
        }
        let _ = driver.flush().expect("nobody lied");
        let parts = parts(&mut client);
        assert_eq!((parts.len(), parts[0].coalesced), (count, MERGED));
        let mut found = vec![0; MAX_CUT];
        let mut at = 0;
        for part in parts {
            at += part.copy_out(&mut found[at..]).expect("it fits");
            client.release(part.buffer);
        }
        assert!(found[..at] == all[..], "{count}");
        loans.extend(lent(&mut client, &mut driver));
    }
    assert_eq!((client.counters().received, client.counters().bad_replies), (3, 0));
    assert_eq!(client.free(), MANY - LENT);
}

/// Parts without a beginning, with none after them, too many, too long, unasked: each is a lie that costs a frame and no buffer.
#[test]
fn parts_that_cannot_be_are_dropped() {
    let next = Arrival::Next([7; 12]);
    let plain = Arrival::default();
    let follow_unmerged = Arrival::First { checked: Checked::default(), coalesced: None, follow: 1 };
    let no_mss = Arrival::First {
        checked: Checked::default(),
        coalesced: Some(Coalesced { internet: Internet::V4, mss: 0 }),
        follow: 0,
    };
    let whole = (60, plain);
    for (replies, frames, lies) in [
        (vec![(60, next), whole], 1, 1),
        (vec![(2048, first(1)), whole], 1, 1),
        (vec![(2048, first(1)), (2048, first(1)), (60, next)], 1, 1),
        (vec![(2048, first(1)), (0, next), whole], 1, 1),
        (vec![(60, follow_unmerged), (60, next), whole], 1, 2),
        (vec![(60, no_mss), whole], 1, 1),
        (vec![(MAX_FRAME as u32 + 1, plain), whole], 1, 1),
        (vec![(2048, first(MAX_PARTS as u16)), whole], 1, 1),
        (vec![(2048, first(u16::MAX)), whole], 1, 1),
        (vec![(2048, first(0)), (10, first(0))], 1, 1),
        // Two parts more than the longest frame has.
        ([vec![(2048, first(MAX_PARTS as u16 - 1))], vec![(2060, next); MAX_PARTS - 1]].concat(), 0, 2),
    ] {
        let large = Large::new();
        let (mut client, mut driver, loans) = large.sides();
        for (loan, (length, arrival)) in loans.into_iter().zip(replies.clone()) {
            driver.received(loan, length, arrival).expect("nobody lied");
        }
        let _ = driver.flush().expect("nobody lied");
        let mut received = 0;
        while let Ok(Event::Received(part)) = client.event() {
            received += u64::from(part.follow == 0);
            client.release(part.buffer);
        }
        assert_eq!((received, client.counters().received), (frames, frames), "{replies:?}");
        assert_eq!(client.counters().bad_replies, lies, "{replies:?}");
        assert!(client.event().is_ok());
        assert_eq!(client.free(), MANY - LENT, "{replies:?}");
    }
}

#[test]
fn who_does_not_accept_gets_none() {
    let large = Large::new();
    let mut client = Client::new(large.end(Side::Client), large.pool(), LENT).expect("nothing wrong");
    let mut driver = DriverSide::new(large.end(Side::Server), MANY as u32);
    let mut loans = lent(&mut client, &mut driver).into_iter();
    for (length, arrival) in [(60, first(0)), (2048, first(1)), (60, Arrival::Next([0; 12]))] {
        driver.received(loans.next().expect("one"), length, arrival).expect("nobody lied");
    }
    let _ = driver.flush().expect("nobody lied");
    assert!(matches!(client.event(), Ok(Event::Nothing)));
    assert_eq!((client.counters().received, client.counters().bad_replies), (0, 3));
    // Nor does who could not hold the longest.
    let (memory, geometry) = Memory::new();
    let _supervisor = memory.supervisor(geometry);
    assert_eq!(memory.client(8).accept(ALL), Err(Error::BadArgument));
    assert_eq!(memory.client(8).accept(Coalescing::NONE), Ok(()));
}

/// A driver that dies in the middle of a frame takes it along; its successor is told what is accepted.
#[test]
fn half_a_frame_dies_with_its_driver() {
    let large = Large::new();
    let mut supervisor = large.supervisor();
    let (mut client, mut driver, loans) = large.sides();
    let mut loans = loans.into_iter();
    for arrival in [first(3), Arrival::Next([1; 12])] {
        driver.received(loans.next().expect("one"), 2048, arrival).expect("nobody lied");
    }
    let _ = driver.flush().expect("nobody lied");
    assert!(matches!(client.event(), Ok(Event::Nothing)));
    let _ = supervisor.rebind().expect("large enough");
    assert!(matches!(client.event(), Ok(Event::Replaced(_))));
    let mut successor = DriverSide::new(large.end(Side::Server), MANY as u32);
    assert_eq!(lent(&mut client, &mut successor).len(), LENT);
    assert_eq!((client.counters().received, client.free()), (0, MANY - LENT));
}

/// Buffers of all that is lent.
fn room(loans: &[Loan]) -> usize {
    loans.iter().map(|loan| loan.length as usize / BUFFER_BYTES).sum()
}

/// One frame of that length, in as few loans as it takes; all that are lent afterwards.
fn one_frame(
    large: &Large,
    (client, driver): (&mut Client<'_>, &mut DriverSide<'_>),
    loans: Vec<Loan>,
    length: usize,
) -> Vec<Loan> {
    let mut loans = std::collections::VecDeque::from(loans);
    let all: Vec<u8> = (0..length).map(|at| (at * 29 + at / 239) as u8).collect();
    let mut sizes = vec![];
    let mut left = length;
    for (place, loan) in loans.iter().enumerate() {
        let now = left.min(loan.length as usize + if place == 0 { 0 } else { 12 });
        sizes.push(now);
        left -= now;
        if left == 0 {
            break;
        }
    }
    assert_eq!(left, 0, "there is room for the longest frame");
    let mut rest = &all[..];
    for (place, size) in sizes.iter().enumerate() {
        let loan = loans.pop_front().expect("as counted");
        let (now, after) = rest.split_at(*size);
        rest = after;
        let (head, body) = now.split_at(if place == 0 { 0 } else { now.len().min(12) });
        large.pool().copy_in(loan.offset as usize, body).expect("within");
        let mut first_bytes = [0; 12];
        first_bytes[..head.len()].copy_from_slice(head);
        let follow = sizes.len() as u16 - 1;
        let arrival = if place == 0 { first(follow) } else { Arrival::Next(first_bytes) };
        driver.received(loan, now.len() as u32, arrival).expect("nobody lied");
    }
    let _ = driver.flush().expect("nobody lied");
    let (mut found, mut at) = (vec![0; MAX_CUT], 0);
    for part in parts(client) {
        at += part.copy_out(&mut found[at..]).expect("it fits");
        client.release(part.buffer);
    }
    assert!(found[..at] == all[..]);
    loans.extend(lent(client, driver));
    loans.into()
}

/// Room for long frames comes in loans of several buffers while frames are long, and in single ones while they are short.
#[test]
fn long_frames_are_lent_long_room() {
    let large = Large::new();
    let mut supervisor = large.supervisor();
    let (mut client, mut driver, mut loans) = large.sides();
    let check = |client: &Client<'_>, loans: &[Loan], is_all: bool| {
        let lent = room(loans);
        assert_eq!(lent, MANY - client.free());
        assert!(if is_all { lent == LENT } else { (MAX_PARTS..=LENT).contains(&lent) }, "{lent}");
    };
    for turn in 0..40 {
        loans = one_frame(&large, (&mut client, &mut driver), loans, 40_000 + 600 * turn);
        check(&client, &loans, false);
    }
    let long = 16 * BUFFER_BYTES as u32;
    assert!(loans.iter().all(|loan| loan.length == long), "{loans:?}");
    // The next driver is lent them too.
    let _ = supervisor.rebind().expect("large enough");
    assert!(matches!(client.event(), Ok(Event::Replaced(_))));
    let mut driver = DriverSide::new(large.end(Side::Server), MANY as u32);
    let mut loans = lent(&mut client, &mut driver);
    check(&client, &loans, true);
    for turn in 0..60 {
        loans = one_frame(&large, (&mut client, &mut driver), loans, 60 + turn);
        check(&client, &loans, false);
    }
    assert!(loans.iter().all(|loan| loan.length as usize == BUFFER_BYTES), "{loans:?}");
    check(&client, &loans, true);
    assert_eq!(client.counters().bad_replies, 0);
}

#[test]
fn a_client_is_told_of_the_link_when_it_is_another() {
    let (memory, geometry) = Memory::new();
    let mut supervisor = memory.supervisor(geometry);
    let (mut client, mut driver) = (memory.client(0), memory.driver());
    client.watch();
    settle(&mut client);
    let mut known = None;
    for (link, is_new) in [(Link::Up, true), (Link::Up, false), (Link::Down, true), (Link::Up, true)] {
        let Ok(Asked::Watch(question, asked)) = driver.take() else { panic!("no question") };
        assert_eq!(asked, known);
        driver.answer_link(question, link).expect("nobody lied");
        let _ = driver.flush().expect("nobody lied");
        if is_new {
            assert!(matches!(client.event(), Ok(Event::Link(told)) if told == link));
        }
        settle(&mut client);
        known = Some(link);
    }
    // The next driver is asked the same, and answers the difference.
    let _ = supervisor.rebind().expect("large enough");
    assert!(matches!(client.event(), Ok(Event::Replaced(_))));
    settle(&mut client);
    let mut successor = memory.driver();
    let Ok(Asked::Watch(question, Some(Link::Up))) = successor.take() else { panic!("no question") };
    successor.answer_link(question, Link::Down).expect("nobody lied");
    let _ = successor.flush().expect("nobody lied");
    assert!(matches!(client.event(), Ok(Event::Link(Link::Down))));
}

/// Of single buffers and of long ones.
fn lengths() -> impl Strategy<Value = u32> {
    prop_oneof![0..2100_u32, 8_000..17_000_u32]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    /// Replies of any words: what is shown is whole, and every buffer comes back.
    #[test]
    fn any_words_of_parts(
        replies in prop::collection::vec((0..3_u8, lengths(), 0..5_u16, any::<u64>()), 1..120),
    ) {
        let large = Large::new();
        let (mut client, mut driver, loans) = large.sides();
        let mut loans = std::collections::VecDeque::from(loans);
        for (kind, length, follow, any) in replies {
            let arrival = match kind {
                0 => Arrival::Next([any as u8; 12]),
                1 => first(follow),
                _ => Arrival::First {
                    checked: Checked::default(),
                    coalesced: (any & 1 != 0)
                        .then_some(Coalesced { internet: Internet::V4, mss: (any >> 8) as u16 }),
                    follow: (any >> 32) as u16,
                },
            };
            let Some(loan) = loans.pop_front() else { break };
            driver.received(loan, length, arrival).expect("nobody lied");
            if any & 6 != 0 {
                continue;
            }
            let _ = driver.flush().expect("nobody lied");
            let mut follow = 0;
            while let Ok(Event::Received(part)) = client.event() {
                prop_assert!(follow == 0 || part.follow == follow - 1);
                follow = part.follow;
                prop_assert!(part.length <= part.buffer.bytes().len() && part.head().len() <= 12);
                client.release(part.buffer);
            }
            prop_assert_eq!(follow, 0);
            loans.extend(lent(&mut client, &mut driver));
        }
        let _ = driver.flush().expect("nobody lied");
        while let Ok(Event::Received(part)) = client.event() {
            client.release(part.buffer);
        }
        // What is partial is kept for those that may come.
        let held = MANY - LENT - client.free().min(MANY - LENT);
        prop_assert!(held < MAX_PARTS);
    }
}
