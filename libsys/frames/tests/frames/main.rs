//! Both sides over a channel in an array: loans come back once, whoever dies or lies.

use anax_abi::{Error, Message};
use anax_frames::{
    About, Arrival, Asked, BUFFER_BYTES, Checked, ClientError, ClientSide, DriverSide, Event, Lengths, Link,
    Loan, MAX_ATTEMPTS, MAX_FRAME, Mac, Offers, RECEIVE, TRANSMIT, Verdict, WATCH,
};
use anax_ring::{
    AtomicU64, Completion, Doorbell, Endpoint, Geometry, Misbehaved, Payload, Requester, SharedBlock,
    SharedBytes, Side, Sleep, Supervisor,
};
use std::sync::atomic::Ordering::Relaxed;

mod anything;
mod merged;
mod offload;

const BUFFERS: usize = 8;
type Client<'a> = ClientSide<'a, BUFFERS>;

struct Memory {
    channel: Vec<AtomicU64>,
    pool: Vec<AtomicU64>,
}

impl Memory {
    fn new() -> (Self, Geometry) {
        let geometry = Geometry::new(8, 8).expect("powers of two");
        let words = |count| (0..count).map(|_| AtomicU64::new(0)).collect();
        (Self { channel: words(geometry.words()), pool: words(BUFFERS * BUFFER_BYTES / 8) }, geometry)
    }

    fn supervisor(&self, geometry: Geometry) -> Supervisor<'_> {
        Supervisor::create(SharedBlock::from_words(&self.channel), geometry).expect("large enough")
    }

    fn end(&self, side: Side) -> Endpoint<'_> {
        Endpoint::open(SharedBlock::from_words(&self.channel), side).expect("a channel")
    }

    fn pool(&self) -> SharedBytes<'_> {
        SharedBytes::new(SharedBlock::from_words(&self.pool))
    }

    fn client(&self, receive: usize) -> Client<'_> {
        ClientSide::new(self.end(Side::Client), self.pool(), receive).expect("nothing wrong")
    }

    fn driver(&self) -> DriverSide<'_> {
        DriverSide::new(self.end(Side::Server), BUFFERS as u32)
    }
}

fn send(client: &mut Client<'_>, token: u32) {
    let buffer = client.buffer().expect("a free one");
    buffer.bytes().write_u32(0, token).expect("within");
    client.transmit(buffer, 60, token).expect("it is taken");
}

/// Nothing more happens.
fn settle(client: &mut Client<'_>) {
    assert!(matches!(client.event(), Ok(Event::Nothing)));
    let _ = client.flush().expect("nobody lied");
}

fn taken(driver: &mut DriverSide<'_>) -> Vec<(char, Loan)> {
    let mut all = vec![];
    loop {
        match driver.take().expect("nobody lied") {
            Asked::Transmit(loan) => all.push(('t', loan)),
            Asked::Receive(loan) => all.push(('r', loan)),
            Asked::Nothing => return all,
            other => panic!("{other:?}"),
        }
    }
}

fn tokens(memory: &Memory, loans: &[(char, Loan)]) -> Vec<u32> {
    let sent = loans.iter().filter(|(kind, _)| *kind == 't');
    sent.map(|(_, loan)| memory.pool().read_u32(loan.offset as usize).expect("within")).collect()
}

#[test]
fn frames_go_both_ways() {
    let (memory, geometry) = Memory::new();
    let _supervisor = memory.supervisor(geometry);
    let (mut client, mut driver) = (memory.client(3), memory.driver());
    let offers = Offers { checksum: true, cut_v4: Some(Lengths::Zero), cut_v6: None, ..Offers::default() };
    let mac = Mac([1, 2, 3, 4, 5, 6]);
    let about = About { mac, max_frame: 1518, link: Link::Up, receive_buffers: 99, offers };
    let checked = Checked { internet: Verdict::Bad, transport: Verdict::Good };
    client.ask();
    settle(&mut client);
    let Ok(Asked::About(question)) = driver.take() else { panic!("no question") };
    driver.answer(question, about).expect("nobody lied");
    let loans = taken(&mut driver);
    assert_eq!((loans.len(), client.free()), (3, 5));
    for (length, (kind, loan)) in [60, 0, MAX_FRAME as u32 + 1].into_iter().zip(loans) {
        assert_eq!((kind, loan.length), ('r', BUFFER_BYTES as u32));
        memory.pool().write_u64(loan.offset as usize, 0xfeed).expect("within");
        driver.received(loan, length, checked.into()).expect("nobody lied");
    }
    let _ = driver.flush().expect("nobody lied");
    assert!(matches!(client.event(), Ok(Event::About(said)) if said == about));
    let Ok(Event::Received(received)) = client.event() else { panic!("no frame") };
    assert_eq!((received.length, received.frame().len(), received.frame().read_u64(0)), (60, 60, Ok(0xfeed)));
    assert_eq!(received.checked, checked);
    // The other two were no frames; their buffers and one more are lent again.
    settle(&mut client);
    assert_eq!((client.counters().bad_replies, client.free(), taken(&mut driver).len()), (2, 4, 3));
    // It goes back as it came.
    client.transmit(received.buffer, received.length, 7).expect("it is taken");
    settle(&mut client);
    let loans = taken(&mut driver);
    assert_eq!((loans.len(), loans[0].0, loans[0].1.length), (1, 't', 60));
    for (_, loan) in loans {
        driver.sent(loan).expect("nobody lied");
    }
    let _ = driver.flush().expect("nobody lied");
    assert!(matches!(client.event(), Ok(Event::Sent { token: 7, outcome: Ok(()) })));
    assert_eq!(client.free(), 5);
}

#[test]
fn what_is_no_pool_or_no_frame_is_refused() {
    let (memory, geometry) = Memory::new();
    let _supervisor = memory.supervisor(geometry);
    let client = |bytes, receive| {
        let pool = memory.pool().part(0, bytes).expect("within");
        ClientSide::<4>::new(memory.end(Side::Client), pool, receive).map(|client| client.free())
    };
    assert_eq!(client(4 * BUFFER_BYTES, 0), Ok(4));
    for bytes in [0, 100, BUFFER_BYTES + 8, 5 * BUFFER_BYTES] {
        assert_eq!(client(bytes, 0), Err(ClientError::Pool));
    }
    let (small, _) = Memory::new();
    let _supervisor = small.supervisor(Geometry::new(4, 8).expect("powers of two"));
    let rings = Client::new(small.end(Side::Client), small.pool(), 0);
    assert_eq!(rings.err(), Some(ClientError::Rings));
    let mut client = memory.client(0);
    for length in [0, 13, MAX_FRAME + 1, usize::MAX] {
        let buffer = client.buffer().expect("a free one");
        let refused = client.transmit(buffer, length, 0).expect_err("no frame is so long");
        assert_eq!(refused.reason, Error::BadArgument);
        client.release(refused.buffer);
    }
    assert_eq!(client.free(), BUFFERS);
}

#[test]
fn a_hostile_client_reaches_nothing_but_its_pool() {
    let (memory, geometry) = Memory::new();
    let _supervisor = memory.supervisor(geometry);
    let mut client = Requester::<8>::new(memory.end(Side::Client));
    let mut driver = memory.driver();
    let pool = (BUFFERS * BUFFER_BYTES) as u64;
    let bad = [
        (TRANSMIT, 0, 0, 13),
        (TRANSMIT, 0, 0, MAX_FRAME as u32 + 1),
        (TRANSMIT, 0, pool, 60),
        (TRANSMIT, 0, pool - 59, 60),
        (TRANSMIT, 0, u64::MAX - 10, 60),
        (TRANSMIT, 0, u64::MAX, 60),
        (TRANSMIT, 1, 0, 60),
        (TRANSMIT, 0, 2047, 60),
        (RECEIVE, 0, 0, 60),
        (RECEIVE, 0, 0, pool as u32 + 1),
        (RECEIVE, 0, 0, u32::MAX),
        (RECEIVE, 0, 1, pool as u32),
        (RECEIVE, u32::MAX, 0, BUFFER_BYTES as u32),
        (0, 0, 0, 60),
        (WATCH + 1, 0, 0, 60),
    ];
    for (command, region, offset, length) in bad {
        let [first, second] = Payload { region, offset, length }.to_words();
        client.submit(&Message::new(command, [first, second, 0, 0, 0])).expect("there is room");
        let _ = client.flush().expect("the driver is honest");
        assert!(matches!(driver.take(), Ok(Asked::Refused)), "{command} {region} {offset} {length}");
        let _ = driver.flush().expect("it only asks for what there isn't");
        let Ok(Completion::Reply(reply)) = client.complete() else { panic!("no reply") };
        let reason = if (1..=3).contains(&command) { Error::BadArgument } else { Error::BadCommand };
        assert_eq!(reply.outcome(), Err(reason));
    }
    let [first, second] = Payload { region: 0, offset: pool - 60, length: 60 }.to_words();
    client.submit(&Message::new(TRANSMIT, [first, second, 0, 0, 0])).expect("there is room");
    let _ = client.flush().expect("the driver is honest");
    assert!(matches!(driver.take(), Ok(Asked::Transmit(_))), "the last bytes are the pool's, too");
}

#[test]
fn a_dead_drivers_frames_are_sent_again_in_order() {
    let (memory, geometry) = Memory::new();
    let mut supervisor = memory.supervisor(geometry);
    let (mut client, mut driver) = (memory.client(2), memory.driver());
    for token in 0..5 {
        send(&mut client, token);
    }
    settle(&mut client);
    let mut loans = taken(&mut driver);
    assert_eq!(tokens(&memory, &loans), [0, 1, 2, 3, 4]);
    // One is answered, one is answered too late.
    driver.sent(loans.remove(1).1).expect("nobody lied");
    let _ = driver.flush().expect("nobody lied");
    assert!(matches!(client.event(), Ok(Event::Sent { token: 1, outcome: Ok(()) })));
    driver.sent(loans.remove(0).1).expect("nobody lied");
    let _ = driver.flush().expect("nobody lied");
    let epoch = supervisor.rebind().expect("large enough");
    assert!(matches!(client.event(), Ok(Event::Replaced(new)) if new == epoch));
    // The frames go first, and nobody overtakes them.
    send(&mut client, 9);
    settle(&mut client);
    let mut successor = memory.driver();
    let loans = taken(&mut successor);
    assert_eq!(tokens(&memory, &loans), [0, 2, 3, 4, 9]);
    assert_eq!(loans.len(), 7, "two to receive into");
    for (kind, loan) in loans {
        match kind {
            't' => successor.sent(loan),
            _ => successor.received(loan, 100, Arrival::default()),
        }
        .expect("nobody lied");
    }
    let _ = successor.flush().expect("nobody lied");
    let mut sent = vec![];
    loop {
        match client.event().expect("nobody lied") {
            Event::Sent { token, outcome } => {
                outcome.expect("it was sent");
                sent.push(token);
            }
            Event::Received(received) => client.release(received.buffer),
            Event::Nothing => break,
            other => panic!("{other:?}"),
        }
    }
    sent.sort_unstable();
    assert_eq!(sent, [0, 2, 3, 4, 9]);
    assert_eq!((client.counters().resent, client.free()), (4, BUFFERS - 2));
}

#[test]
fn a_frame_that_kills_every_driver_is_given_up_once() {
    let (memory, geometry) = Memory::new();
    let mut supervisor = memory.supervisor(geometry);
    let mut client = memory.client(0);
    send(&mut client, 5);
    settle(&mut client);
    for _ in 1..MAX_ATTEMPTS {
        supervisor.rebind().expect("large enough");
        assert!(matches!(client.event(), Ok(Event::Replaced(_))));
        settle(&mut client);
    }
    supervisor.rebind().expect("large enough");
    assert!(matches!(client.event(), Ok(Event::Replaced(_))));
    assert_eq!(client.prepare_to_sleep(), Ok(Sleep::MoreToDo));
    assert!(matches!(client.event(), Ok(Event::Sent { token: 5, outcome: Err(Error::PeerDied) })));
    settle(&mut client);
    assert_eq!((client.free(), client.counters().dropped), (BUFFERS, 1));
}

/// The device of a driver that lies may still write into what it was lent.
#[test]
fn nothing_comes_back_from_a_liar_before_a_new_epoch() {
    for by_kernel in [true, false] {
        let (memory, geometry) = Memory::new();
        let mut supervisor = memory.supervisor(geometry);
        let mut client = memory.client(2);
        client.ask();
        for token in 0..3 {
            send(&mut client, token);
        }
        settle(&mut client);
        // The position of what the driver has sent.
        memory.channel[4 * 8].store(1 << 32 | 500, Relaxed);
        assert!(matches!(client.event(), Err(Misbehaved)));
        let buffer = client.buffer().expect("a free one");
        let refused = client.transmit(buffer, 60, 9).expect_err("there is no driver");
        assert_eq!(refused.reason, Error::PeerMisbehaved);
        client.release(refused.buffer);
        assert!(matches!(client.event(), Err(Misbehaved)));
        assert!(client.flush().is_err());
        assert_eq!(client.free(), BUFFERS - 5);
        let epoch = supervisor.rebind().expect("large enough");
        if by_kernel {
            client.rebind(epoch);
            client.rebind(epoch);
        } else {
            assert!(matches!(client.event(), Ok(Event::Replaced(_))));
        }
        settle(&mut client);
        let mut driver = memory.driver();
        assert!(matches!(driver.take(), Ok(Asked::About(_))));
        let loans = taken(&mut driver);
        assert_eq!((tokens(&memory, &loans), loans.len()), (vec![0, 1, 2], 5));
    }
}

/// A driver that takes no buffers, for want of room or of sense, is given none; its successor is, and so is the one behind a liar.
#[test]
fn what_one_driver_has_no_room_for_its_successor_is_lent() {
    let (memory, geometry) = Memory::new();
    let mut supervisor = memory.supervisor(geometry);
    let mut client = memory.client(3);
    settle(&mut client);
    let mut driver = memory.driver();
    for (_, loan) in taken(&mut driver) {
        driver.refuse(loan, Error::Full).expect("nobody lied");
    }
    let _ = driver.flush().expect("nobody lied");
    settle(&mut client);
    assert!(taken(&mut driver).is_empty() && client.free() == BUFFERS);
    supervisor.rebind().expect("large enough");
    assert!(matches!(client.event(), Ok(Event::Replaced(_))));
    settle(&mut client);
    assert_eq!(taken(&mut memory.driver()).len(), 3);
}

#[test]
fn one_doorbell_for_a_batch() {
    let (memory, geometry) = Memory::new();
    let _supervisor = memory.supervisor(geometry);
    let (mut client, mut driver) = (memory.client(0), memory.driver());
    assert!(matches!(driver.take(), Ok(Asked::Nothing)));
    assert_eq!(driver.prepare_to_sleep(), Ok(Sleep::MaySleep));
    for token in 0..6 {
        send(&mut client, token);
    }
    assert_eq!(client.flush(), Ok(Doorbell::Ring));
    send(&mut client, 6);
    assert_eq!(client.flush(), Ok(Doorbell::Quiet));
    assert_eq!(client.prepare_to_sleep(), Ok(Sleep::MaySleep));
    for (_, loan) in taken(&mut driver) {
        driver.refuse(loan, Error::Aborted).expect("nobody lied");
    }
    assert_eq!((driver.outstanding(), driver.flush()), (0, Ok(Doorbell::Ring)));
    assert!(matches!(client.event(), Ok(Event::Sent { token: 0, outcome: Err(Error::Aborted) })));
}
