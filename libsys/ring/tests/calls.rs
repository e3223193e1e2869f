//! Requests and replies: each request ends once, under its own name, whatever the peer does and however often it dies.
#![cfg(not(loom))]

use anax_abi::{Error, Flags, Message};
use anax_ring::{
    AtomicU64, Completion, Doorbell, Endpoint, Geometry, Misbehaved, ReplyError, Requester, Responder,
    SharedBlock, Side, Sleep, SubmitError, Supervisor, Taken, Ticket,
};
use std::sync::atomic::Ordering::Relaxed;

type Client<'a> = Requester<'a, 8>;

fn memory(requests: u32, replies: u32) -> (Vec<AtomicU64>, Geometry) {
    let geometry = Geometry::new(requests, replies).expect("powers of two");
    ((0..geometry.words()).map(|_| AtomicU64::new(0)).collect(), geometry)
}

fn channel(words: &[AtomicU64], geometry: Geometry) -> (Supervisor<'_>, Client<'_>, Responder<'_>) {
    let supervisor =
        Supervisor::create(SharedBlock::from_words(words), geometry).expect("it is large enough");
    let client = Endpoint::open(SharedBlock::from_words(words), Side::Client).expect("a channel");
    (supervisor, Requester::new(client), server(words))
}

fn server(words: &[AtomicU64]) -> Responder<'_> {
    Responder::new(Endpoint::open(SharedBlock::from_words(words), Side::Server).expect("a channel"))
}

fn request(token: u64) -> Message {
    Message { token, ..Message::new(token as u32 + 100, [token; 5]) }
}

fn submit(client: &mut Client<'_>, tokens: core::ops::Range<u64>) {
    for token in tokens {
        assert_eq!(client.submit(&request(token)), Ok(()));
    }
    let _ = client.flush().expect("nobody lied yet");
}

fn take(server: &mut Responder<'_>) -> Option<(Message, Ticket)> {
    match server.take() {
        Ok(Taken::Request(message, ticket)) => Some((message, ticket)),
        _ => None,
    }
}

fn reply(server: &mut Responder<'_>, ticket: Ticket, result: i64) {
    assert_eq!(server.reply(ticket, &Message { result, ..Message::default() }), Ok(()));
    let _ = server.flush().expect("nobody lied yet");
}

/// Token and outcome of the next reply.
fn ended(client: &mut Client<'_>) -> Option<(u64, Result<u64, Error>)> {
    match client.complete() {
        Ok(Completion::Reply(reply)) => {
            assert_eq!(u64::from(reply.command), reply.token + 100, "the request's own command");
            assert!(reply.flags.contains(Flags::REPLY));
            Some((reply.token, reply.outcome()))
        }
        _ => None,
    }
}

#[test]
fn replies_in_any_order_find_their_requests() {
    let (words, geometry) = memory(4, 8);
    let (_, mut client, mut server) = channel(&words, geometry);
    for _ in 0..20 {
        submit(&mut client, 0..4);
        let mut tickets: Vec<_> = (0..4).map(|_| take(&mut server).expect("it was flushed")).collect();
        assert!(take(&mut server).is_none());
        tickets.swap(0, 2);
        for (message, ticket) in tickets {
            assert_eq!((message.token, message.words[4]), (0, u64::from(message.command) - 100));
            reply(&mut server, ticket, i64::from(message.command) * 2);
        }
        let replies: Vec<_> = (0..4).map(|_| ended(&mut client).expect("it was flushed")).collect();
        assert_eq!(replies, [(2, Ok(204)), (1, Ok(202)), (0, Ok(200)), (3, Ok(206))]);
        assert_eq!((client.in_flight(), server.outstanding()), (0, 0));
    }
}

#[test]
fn replies_always_find_room() {
    let (words, geometry) = memory(8, 2);
    let (_, mut client, mut server) = channel(&words, geometry);
    submit(&mut client, 0..2);
    assert_eq!(client.submit(&request(2)), Err(SubmitError::Full));
    for token in 0..10 {
        let (_, ticket) = take(&mut server).expect("it was flushed");
        reply(&mut server, ticket, 0);
        assert_eq!(client.submit(&request(token + 2)), Err(SubmitError::Full), "its slot is not free yet");
        assert_eq!(ended(&mut client), Some((token, Ok(0))));
        submit(&mut client, token + 2..token + 3);
    }
}

#[test]
fn more_requests_than_replies_have_room_is_a_lie() {
    let (words, geometry) = memory(8, 2);
    let supervisor = Supervisor::create(SharedBlock::from_words(&words), geometry);
    assert!(supervisor.is_ok());
    let mut liar = Endpoint::open(SharedBlock::from_words(&words), Side::Client).expect("a channel");
    let mut server = server(&words);
    assert_eq!(liar.producer.push_all(&[Message::default(); 3]), Ok(3));
    assert_eq!(liar.flush(), Ok(Doorbell::Quiet));
    let held = [take(&mut server), take(&mut server)];
    assert!(held.iter().all(Option::is_some));
    assert!(matches!(server.take(), Err(Misbehaved)));
}

/// Unknown, duplicate and stale tokens.
#[test]
fn a_reply_nobody_waits_for_is_a_lie() {
    let (words, geometry) = memory(4, 4);
    let block = SharedBlock::from_words(&words);
    for forged in [1, 7, 8, 1 << 31, u64::MAX, 2 << 32, 5 << 32 | 1] {
        let (_, mut client, _) = channel(&words, geometry);
        let mut liar = Endpoint::open(block, Side::Server).expect("a channel");
        submit(&mut client, 0..1);
        let first = liar.consumer.pop().ok().flatten().expect("it was flushed");
        for token in [first.token, forged] {
            liar.producer.push(&Message { token, ..Message::default() }).expect("there is room");
        }
        let _ = liar.flush().expect("it is the one who lies");
        assert_eq!(ended(&mut client), Some((0, Ok(0))));
        submit(&mut client, 1..2);
        assert_eq!(client.complete(), Err(Misbehaved), "token {forged:#x}");
        assert_eq!(ended(&mut client), Some((1, Err(Error::PeerMisbehaved))));
        assert_eq!(client.complete(), Err(Misbehaved));
        assert_eq!(client.submit(&request(9)), Err(SubmitError::Misbehaved));
    }
    // The same token twice: its place is in use again, by another request.
    let (_, mut client, _) = channel(&words, geometry);
    let mut liar = Endpoint::open(block, Side::Server).expect("a channel");
    submit(&mut client, 0..1);
    let first = liar.consumer.pop().ok().flatten().expect("it was flushed");
    assert_eq!(liar.producer.push_all(&[first, first]), Ok(2));
    let _ = liar.flush().expect("it is the one who lies");
    assert!(ended(&mut client).is_some());
    submit(&mut client, 1..2);
    assert_eq!(client.complete(), Err(Misbehaved));
}

#[test]
fn a_dead_peer_answers_each_request_once() {
    let (words, geometry) = memory(8, 8);
    let (mut supervisor, mut client, mut old) = channel(&words, geometry);
    submit(&mut client, 0..4);
    let (_, first) = take(&mut old).expect("it was flushed");
    let (_, second) = take(&mut old).expect("it was flushed");
    reply(&mut old, first, 1);
    assert_eq!(ended(&mut client), Some((0, Ok(1))));
    // Sent before the death, but not seen: late.
    reply(&mut old, second, 1);
    // All that could mislead is in shared memory.
    words.iter().skip(64).for_each(|word| word.store(3 << 32, Relaxed));
    let epoch = supervisor.rebind().expect("it is large enough");
    assert_eq!(client.complete(), Ok(Completion::NewPeer(epoch)));
    submit(&mut client, 4..6);
    for token in 1..4 {
        assert_eq!(client.prepare_to_sleep(), Ok(Sleep::MoreToDo));
        assert_eq!(ended(&mut client), Some((token, Err(Error::PeerDied))));
    }
    assert_eq!((client.complete(), client.in_flight()), (Ok(Completion::Nothing), 2));
    let mut successor = server(&words);
    for token in 4..6 {
        let (message, ticket) = take(&mut successor).expect("it was flushed");
        assert_eq!(u64::from(message.command), token + 100);
        reply(&mut successor, ticket, 2);
        assert_eq!(ended(&mut client), Some((token, Ok(2))));
    }
    assert_eq!(client.prepare_to_sleep(), Ok(Sleep::MaySleep));
    let again = supervisor.rebind().expect("it is large enough");
    assert_eq!(client.prepare_to_sleep(), Ok(Sleep::MoreToDo));
    assert_eq!(client.complete(), Ok(Completion::NewPeer(again)));
    assert_eq!((client.complete(), client.in_flight()), (Ok(Completion::Nothing), 0));
}

/// A living peer that posts an epoch counts as dead; when it does die, that is news again.
#[test]
fn a_forged_epoch_hides_no_death() {
    let (words, geometry) = memory(4, 4);
    let (mut supervisor, mut client, _) = channel(&words, geometry);
    words[3].store(2, Relaxed);
    assert!(matches!(client.complete(), Ok(Completion::NewPeer(_))));
    submit(&mut client, 0..1);
    let epoch = supervisor.rebind().expect("it is large enough");
    assert_eq!(client.complete(), Ok(Completion::NewPeer(epoch)));
    assert_eq!(ended(&mut client), Some((0, Err(Error::PeerDied))));
}

#[test]
fn lost_requests_can_be_taken_back_in_order_and_tried_again() {
    let (words, geometry) = memory(8, 8);
    let (mut supervisor, mut client, mut old) = channel(&words, geometry);
    assert_eq!(client.take_lost(), None);
    submit(&mut client, 0..3);
    let tickets = [0; 3].map(|_| take(&mut old).expect("it was flushed").1);
    // Places are used again in another order.
    for ticket in tickets {
        reply(&mut old, ticket, 0);
        assert!(ended(&mut client).is_some());
    }
    submit(&mut client, 3..8);
    let epoch = supervisor.rebind().expect("it is large enough");
    assert_eq!(client.take_lost(), None, "nothing is lost before the change is seen");
    assert_eq!(client.complete(), Ok(Completion::NewPeer(epoch)));
    for token in [3, 4, 5] {
        let lost = client.take_lost().expect("it was in flight");
        assert_eq!(lost, request(token));
        assert_eq!(client.submit(&lost), Ok(()));
    }
    for token in [6, 7] {
        assert_eq!(ended(&mut client), Some((token, Err(Error::PeerDied))));
    }
    assert_eq!(client.take_lost(), None);
    let _ = client.flush().expect("nobody lied");
    let mut successor = server(&words);
    for token in [3, 4, 5] {
        let (_, ticket) = take(&mut successor).expect("it was flushed");
        reply(&mut successor, ticket, 7);
        assert_eq!(ended(&mut client), Some((token, Ok(7))));
    }
    assert_eq!(client.in_flight(), 0);
}

#[test]
fn tickets_hold_for_one_client_of_one_channel() {
    let (words, geometry) = memory(4, 4);
    let (mut supervisor, mut client, mut server) = channel(&words, geometry);
    let (others, _) = memory(4, 4);
    let (_, _, mut other) = channel(&others, geometry);
    submit(&mut client, 0..2);
    let (_, first) = take(&mut server).expect("it was flushed");
    let (_, second) = take(&mut server).expect("it was flushed");
    assert_eq!(other.reply(first, &Message::default()), Err(ReplyError::WrongChannel));
    let epoch = supervisor.rebind().expect("it is large enough");
    assert!(matches!(server.take(), Ok(Taken::NewPeer(new)) if new == epoch));
    assert_eq!(server.reply(second, &Message::default()), Err(ReplyError::Stale));
    assert!(matches!(server.take(), Ok(Taken::Nothing)));
}

#[test]
fn the_kernels_word_heals_what_a_liar_poisoned() {
    let (words, geometry) = memory(4, 4);
    let (mut supervisor, mut client, _) = channel(&words, geometry);
    submit(&mut client, 0..2);
    words[3].store(0, Relaxed);
    assert_eq!(client.complete(), Err(Misbehaved));
    assert_eq!(ended(&mut client), Some((0, Err(Error::PeerMisbehaved))));
    let epoch = supervisor.rebind().expect("it is large enough");
    client.rebind(epoch);
    client.rebind(epoch);
    assert_eq!(ended(&mut client), Some((1, Err(Error::PeerMisbehaved))), "why it was lost at first");
    submit(&mut client, 2..3);
    let (_, ticket) = take(&mut server(&words)).expect("it was flushed");
    drop(ticket);
    assert_eq!((client.complete(), client.in_flight()), (Ok(Completion::Nothing), 1));
}
