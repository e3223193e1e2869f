//! The answering side changes programs in the middle of an epoch, and the client never knows.
#![cfg(not(loom))]

use anax_abi::Message;
use anax_ring::{
    AdoptError, AtomicU64, Completion, Endpoint, Epoch, Geometry, ReplyError, Requester, Responder,
    SharedBlock, Side, Supervisor, Suspended, Taken, Ticket, TicketWords,
};
use proptest::prelude::*;
use std::sync::atomic::Ordering::Relaxed;

const SLOTS: u32 = 8;
type Client<'a> = Requester<'a, 8>;

fn geometry() -> Geometry {
    Geometry::new(SLOTS, SLOTS).expect("powers of two")
}

fn memory() -> Vec<AtomicU64> {
    (0..geometry().words()).map(|_| AtomicU64::new(0)).collect()
}

fn unarrived(words: &[AtomicU64], epoch: Epoch) -> Endpoint<'_> {
    Endpoint::unarrived(SharedBlock::from_words(words), Side::Server, geometry(), epoch, &words[3])
        .expect("it is large enough")
}

fn begin(words: &[AtomicU64]) -> (Supervisor<'_>, Client<'_>, Responder<'_>) {
    let block = SharedBlock::from_words(words);
    let supervisor = Supervisor::create(block, geometry()).expect("it is large enough");
    let client = Requester::new(Endpoint::open(block, Side::Client).expect("a channel"));
    let epoch = supervisor.epoch();
    let server = Endpoint::watching(block, Side::Server, geometry(), epoch, &words[3]).expect("a channel");
    (supervisor, client, Responder::new(server))
}

fn submit(client: &mut Client<'_>, token: u64) -> bool {
    let taken = client.submit(&Message { token, ..Message::new(7, [token; 5]) }).is_ok();
    let _ = client.flush().expect("nobody lied");
    taken
}

fn take(server: &mut Responder<'_>) -> Option<(u64, Ticket)> {
    match server.take().expect("nobody lied") {
        Taken::Request(message, ticket) => Some((message.words[0], ticket)),
        _ => None,
    }
}

/// The tokens of all replies that have come, each with its own result.
fn ended(client: &mut Client<'_>) -> Vec<u64> {
    std::iter::from_fn(|| match client.complete().expect("nobody lied") {
        Completion::Reply(reply) => {
            assert_eq!(reply.result, reply.token as i64 + 1000, "the reply to another request");
            Some(reply.token)
        }
        Completion::NewPeer(_) => panic!("nobody died"),
        Completion::Nothing => None,
    })
    .collect()
}

fn answer(server: &mut Responder<'_>, (token, ticket): (u64, Ticket)) -> Result<(), ReplyError> {
    server.reply(ticket, &Message { result: token as i64 + 1000, ..Message::default() })
}

fn words_of(held: &[(u64, Ticket)]) -> Vec<TicketWords> {
    held.iter().map(|(_, ticket)| ticket.to_words()).collect()
}

#[test]
fn a_successor_answers_what_its_predecessor_took() {
    let words = memory();
    let (supervisor, mut client, mut first) = begin(&words);
    assert!((0..5).all(|token| submit(&mut client, token)));
    let held: Vec<_> = (0..3).map(|_| take(&mut first).expect("it was flushed")).collect();
    let (state, _) = first.suspend().expect("nobody lied");
    assert_eq!(state.outstanding(), 3);
    let state = Suspended::from_words(state.to_words()).expect("the same");
    // The predecessor does nothing any more, whatever comes.
    assert!(submit(&mut client, 5));
    assert!(take(&mut first).is_none());
    let tickets = words_of(&held);
    let mut held = held.into_iter();
    assert_eq!(answer(&mut first, held.next().expect("three")), Err(ReplyError::Suspended));
    let (mut second, restored) =
        Responder::adopt(unarrived(&words, supervisor.epoch()), state, tickets.iter().copied())
            .expect("all fits together");
    let mut restored: Vec<_> = (0..3).zip(restored).collect();
    restored.swap(0, 2);
    for one in restored {
        assert_eq!(answer(&mut second, one), Ok(()));
    }
    while let Some(one) = take(&mut second) {
        assert_eq!(answer(&mut second, one), Ok(()));
    }
    let _ = second.flush().expect("nobody lied");
    assert_eq!(ended(&mut client), [2, 1, 0, 3, 4, 5]);
    assert_eq!((client.in_flight(), second.outstanding()), (0, 0));
}

#[test]
fn tickets_are_restored_once_and_in_their_epoch() {
    let words = memory();
    let (mut supervisor, mut client, mut first) = begin(&words);
    assert!((0..3).all(|token| submit(&mut client, token)));
    let held: Vec<_> = (0..3).map(|_| take(&mut first).expect("it was flushed")).collect();
    let (state, _) = first.suspend().expect("nobody lied");
    let good = words_of(&held);
    let before: Vec<_> = words.iter().map(|word| word.load(Relaxed)).collect();
    let adopt = |state: Suspended, tickets: &[TicketWords], epoch| {
        Responder::adopt(unarrived(&words, epoch), state, tickets.iter().copied()).map(|_| ()).err()
    };
    let epoch = supervisor.epoch();
    for bad in [
        vec![good[0], good[1], good[1]],
        vec![good[0], good[1]],
        [&good[..], &good[..1]].concat(),
        vec![good[0], good[1], TicketWords::new(good[2].token(), epoch.number() + 1)],
    ] {
        assert_eq!(adopt(state, &bad, epoch), Some(AdoptError::Tickets), "{bad:?}");
    }
    let [number, positions] = state.to_words();
    for bad in [positions + 1, positions - (1 << 32), positions + (1 << 32), positions + (1 << 32) + 1] {
        let state = Suspended::from_words([number, bad]).expect("an epoch");
        assert_eq!(adopt(state, &good, epoch), Some(AdoptError::Positions));
    }
    let after: Vec<_> = words.iter().map(|word| word.load(Relaxed)).collect();
    assert_eq!(before, after, "nothing was written");
    // The one that was refused to goes on as if nothing had happened.
    first.resume();
    let held: Vec<_> = held.into_iter().collect();
    let mut held = held.into_iter();
    assert_eq!(answer(&mut first, held.next().expect("three")), Ok(()));
    let _ = first.flush().expect("nobody lied");
    assert_eq!(ended(&mut client), [0]);
    // Another client, and what was suspended before is nobody's.
    let next = supervisor.rebind().expect("it is large enough");
    assert_eq!(adopt(state, &good, next), Some(AdoptError::Stale));
    assert_eq!(adopt(state, &good, epoch), Some(AdoptError::Stale));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    /// Swaps at any moment: each request is answered once, and the successor takes them in order.
    #[test]
    fn a_chain_of_successors(steps in prop::collection::vec(0..6_u8, 1..400)) {
        let words = memory();
        let (supervisor, mut client, mut server) = begin(&words);
        let (mut next, mut expected, mut answered) = (0, 0, std::collections::BTreeSet::new());
        let mut held = std::collections::VecDeque::new();
        for step in steps {
            match step {
                0 | 1 => next += u64::from(submit(&mut client, next)),
                2 => if let Some(one) = take(&mut server) {
                    prop_assert_eq!(one.0, expected);
                    expected += 1;
                    held.push_back(one);
                },
                3 => if let Some(one) = held.pop_back() { prop_assert_eq!(answer(&mut server, one), Ok(())) },
                4 => for token in ended(&mut client) { prop_assert!(answered.insert(token)) },
                _ => {
                    if held.len().is_multiple_of(2) {
                        let _ = server.prepare_to_sleep().expect("nobody lied");
                    }
                    let (state, _) = server.suspend().expect("nobody lied");
                    let (tokens, tickets): (Vec<_>, Vec<_>) =
                        held.iter().map(|(token, ticket)| (*token, ticket.to_words())).unzip();
                    let endpoint = unarrived(&words, supervisor.epoch());
                    let (successor, restored) = Responder::adopt(endpoint, state, tickets.iter().copied()).expect("all fits");
                    held = tokens.into_iter().zip(restored).collect();
                    server = successor;
                }
            }
        }
        for one in held { prop_assert_eq!(answer(&mut server, one), Ok(())) }
        while let Some(one) = take(&mut server) { prop_assert_eq!(answer(&mut server, one), Ok(())) }
        let _ = server.flush().expect("nobody lied");
        for token in ended(&mut client) { prop_assert!(answered.insert(token)) }
        prop_assert_eq!(answered.len() as u64, next);
    }

    /// Anything in a record and in the channel: a responder or an error, and no panic.
    #[test]
    fn whatever_a_record_says(
        state in prop::array::uniform2(prop_oneof![0..4_u64, any::<u64>()]),
        tickets in prop::collection::vec((0..4_u64, 0..3_u32), 0..5),
        scribbles in prop::collection::vec((0..56_usize, prop_oneof![0..9_u64, any::<u64>()]), 0..4),
    ) {
        let words = memory();
        let (supervisor, _client, _server) = begin(&words);
        for (at, value) in scribbles { words[at].store(value, Relaxed); }
        let tickets: Vec<_> = tickets.into_iter().map(|(token, epoch)| TicketWords::new(token, epoch)).collect();
        if let Some(state) = Suspended::from_words(state)
            && let Ok((mut server, restored)) = Responder::adopt(unarrived(&words, supervisor.epoch()), state, tickets.iter().copied())
        {
            for ticket in restored { let _ = server.reply(ticket, &Message::default()); }
            let _ = server.take();
            let _ = server.flush();
        }
    }
}
