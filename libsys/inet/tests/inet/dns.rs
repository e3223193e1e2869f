//! The resolver against servers that the test plays, honest ones and others.

use std::time::Duration;

use anax_inet::Random;
use anax_inet::dns::{Asked, Kind, Name, NoAnswer, QUESTIONS, Query, QuestionId, Resolver};
use anax_inet::udp::Endpoint;
use proptest::prelude::*;
use smoltcp::wire::IpAddress;

use crate::support::{ip, ms, secs};

fn resolver() -> Resolver {
    let mut resolver = Resolver::new(Random::new((1, 2)));
    resolver.set_servers([ip("10.0.0.3"), ip("10.0.0.4")]);
    resolver
}

fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

fn ask(resolver: &mut Resolver, now: Duration, text: &str) -> QuestionId {
    match resolver.ask(now, &name(text), Kind::V4) {
        Asked::Asking(id) => id,
        Asked::Known(answer) => panic!("{answer:?}"),
    }
}

fn wire(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for label in text.split('.') {
        bytes.push(label.len() as u8);
        bytes.extend(label.as_bytes());
    }
    bytes.push(0);
    bytes
}

fn record(of: &[u8], kind: u16, ttl: u32, data: &[u8]) -> Vec<u8> {
    let mut bytes = of.to_vec();
    bytes.extend(kind.to_be_bytes());
    bytes.extend([0, 1]);
    bytes.extend(ttl.to_be_bytes());
    bytes.extend((data.len() as u16).to_be_bytes());
    bytes.extend(data);
    bytes
}

/// The reply to a query: its question again, with these records. The question's name is at 12.
fn reply(query: &Query, code: u8, answers: &[Vec<u8>], authority: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = query.message.clone();
    (bytes[2], bytes[3]) = (0x81, 0x80 | code);
    bytes[7] = answers.len() as u8;
    bytes[9] = authority.len() as u8;
    bytes.extend(answers.concat());
    bytes.extend(authority.concat());
    bytes
}

const QUESTION: &[u8] = &[0xc0, 12];
const A: u16 = 1;
const CNAME: u16 = 5;
const SOA: u16 = 6;

fn hear(resolver: &mut Resolver, now: Duration, query: &Query, bytes: &[u8]) {
    resolver.input(now, query.server, query.port, bytes);
}

fn soa(ttl: u32, least: u32) -> Vec<u8> {
    let mut data = [wire("ns"), wire("me")].concat();
    data.extend([0; 16]);
    data.extend(least.to_be_bytes());
    record(&wire("org"), SOA, ttl, &data)
}

#[test]
fn an_answer_is_given_and_remembered_for_its_time() {
    let mut resolver = resolver();
    let id = ask(&mut resolver, ms(0), "WWW.Example.org.");
    let query = resolver.transmit(ms(0)).unwrap();
    assert_eq!(resolver.transmit(ms(0)), None);
    let records = [record(QUESTION, A, 300, &[1, 2, 3, 4]), record(QUESTION, A, 60, &[1, 2, 3, 5])];
    hear(&mut resolver, ms(10), &query, &reply(&query, 0, &records, &[]));
    let expected = Ok(vec![ip("1.2.3.4"), ip("1.2.3.5")]);
    assert_eq!(resolver.answer(), Some((id, expected.clone())));
    assert_eq!(resolver.ask(secs(59), &name("www.example.org"), Kind::V4), Asked::Known(expected));
    assert!(matches!(resolver.ask(secs(61), &name("www.example.org"), Kind::V4), Asked::Asking(_)));
}

#[test]
fn aliases_are_followed_to_their_end() {
    let mut resolver = resolver();
    let id = ask(&mut resolver, ms(0), "a.org");
    let query = resolver.transmit(ms(0)).unwrap();
    // In any order, and the last one is not in the reply.
    let records = [
        record(&wire("b.org"), CNAME, 50, &wire("c.org")),
        record(QUESTION, CNAME, 100, &wire("b.org")),
        record(&wire("x.org"), A, 100, &[6, 6, 6, 6]),
    ];
    hear(&mut resolver, ms(1), &query, &reply(&query, 0, &records, &[]));
    assert_eq!(resolver.answer(), None);
    let second = resolver.transmit(ms(1)).unwrap();
    assert_eq!(second.message[12..12 + 7], wire("c.org"));
    assert_ne!((second.message[0], second.message[1]), (query.message[0], query.message[1]));
    hear(&mut resolver, ms(2), &second, &reply(&second, 0, &[record(QUESTION, A, 1000, &[9, 8, 7, 6])], &[]));
    assert_eq!(resolver.answer(), Some((id, Ok(vec![ip("9.8.7.6")]))));
    assert!(matches!(resolver.ask(secs(49), &name("a.org"), Kind::V4), Asked::Known(Ok(_))));
    assert!(matches!(resolver.ask(secs(51), &name("a.org"), Kind::V4), Asked::Asking(_)));
}

#[test]
fn circles_and_endless_aliases_end() {
    let mut resolver = resolver();
    let id = ask(&mut resolver, ms(0), "a.org");
    let query = resolver.transmit(ms(0)).unwrap();
    let circle =
        [record(QUESTION, CNAME, 9, &wire("b.org")), record(&wire("b.org"), CNAME, 9, &wire("a.org"))];
    hear(&mut resolver, ms(1), &query, &reply(&query, 0, &circle, &[]));
    assert_eq!(resolver.answer(), Some((id, Err(NoAnswer::Aliases))));
    let id = ask(&mut resolver, ms(0), "n0.org");
    let mut queries = 0;
    while let Some(query) = resolver.transmit(ms(2)) {
        queries += 1;
        let next = wire(&format!("n{queries}.org"));
        hear(&mut resolver, ms(2), &query, &reply(&query, 0, &[record(QUESTION, CNAME, 9, &next)], &[]));
    }
    assert_eq!(resolver.answer(), Some((id, Err(NoAnswer::Aliases))));
    assert!(queries <= anax_inet::dns::ALIASES + 1);
}

#[test]
fn servers_are_asked_in_turn_and_given_up() {
    let mut resolver = resolver();
    let id = ask(&mut resolver, ms(0), "a.org");
    let mut asked = Vec::new();
    let mut ids = std::collections::HashSet::new();
    let mut now = ms(0);
    while let Some(query) = resolver.transmit(now) {
        asked.push((now.as_secs(), query.server.address));
        ids.insert((query.port, query.message[..2].to_vec()));
        now = resolver.next_deadline().unwrap();
        resolver.poll(now);
    }
    let times: Vec<u64> = asked.iter().map(|(second, _)| *second).collect();
    assert_eq!(times, [0, 1, 2, 4, 6, 10]);
    assert!(asked.windows(2).all(|pair| pair[0].1 != pair[1].1));
    assert_eq!(ids.len(), 6);
    assert_eq!(resolver.answer(), Some((id, Err(NoAnswer::NoServer))));
    // That is no property of the name.
    assert!(matches!(resolver.ask(now, &name("a.org"), Kind::V4), Asked::Asking(_)));
}

#[test]
fn a_server_that_cannot_is_passed_over() {
    let mut resolver = resolver();
    let id = ask(&mut resolver, ms(0), "a.org");
    let first = resolver.transmit(ms(0)).unwrap();
    hear(&mut resolver, ms(1), &first, &reply(&first, 2, &[], &[]));
    let second = resolver.transmit(ms(1)).unwrap();
    assert_ne!(first.server, second.server);
    // Cut off, without what was asked for.
    let mut cut = reply(&second, 0, &[], &[]);
    cut[2] |= 2;
    hear(&mut resolver, ms(2), &second, &cut);
    let third = resolver.transmit(ms(2)).unwrap();
    hear(&mut resolver, ms(3), &third, &reply(&third, 0, &[record(QUESTION, A, 0, &[1, 1, 1, 1])], &[]));
    assert_eq!(resolver.answer(), Some((id, Ok(vec![ip("1.1.1.1")]))));
    // For no time at all: not remembered.
    assert!(matches!(resolver.ask(ms(4), &name("a.org"), Kind::V4), Asked::Asking(_)));
}

#[test]
fn that_there_is_nothing_is_remembered_as_the_zone_says() {
    for (code, expected) in [(3, NoAnswer::NoName), (0, NoAnswer::NoAddress)] {
        let mut resolver = resolver();
        let id = ask(&mut resolver, ms(0), "no.org");
        let query = resolver.transmit(ms(0)).unwrap();
        hear(&mut resolver, ms(0), &query, &reply(&query, code, &[], &[soa(200, 100)]));
        assert_eq!(resolver.answer(), Some((id, Err(expected))));
        assert_eq!(resolver.ask(secs(99), &name("no.org"), Kind::V4), Asked::Known(Err(expected)));
        assert!(matches!(resolver.ask(secs(101), &name("no.org"), Kind::V4), Asked::Asking(_)));
    }
    // Without a zone that says it: not at all.
    let mut resolver = resolver();
    ask(&mut resolver, ms(0), "no.org");
    let query = resolver.transmit(ms(0)).unwrap();
    hear(&mut resolver, ms(0), &query, &reply(&query, 3, &[], &[]));
    assert_eq!(resolver.load(), (0, 0));
}

#[test]
fn forged_answers_are_not_looked_at() {
    let mut resolver = resolver();
    ask(&mut resolver, ms(0), "a.org");
    let query = resolver.transmit(ms(0)).unwrap();
    let right = reply(&query, 0, &[record(QUESTION, A, 300, &[6, 6, 6, 6])], &[]);
    let mut forged = |from: Endpoint, port: u16, bytes: &[u8]| {
        resolver.input(ms(1), from, port, bytes);
        resolver.answer()
    };
    // Another number, port, server, server's port.
    let mut other = right.clone();
    other[1] ^= 1;
    assert_eq!(forged(query.server, query.port, &other), None);
    assert_eq!(forged(query.server, query.port ^ 1, &right), None);
    assert_eq!(forged(Endpoint::new(ip("10.0.0.66"), 53), query.port, &right), None);
    assert_eq!(forged(Endpoint::new(query.server.address, 5353), query.port, &right), None);
    // Another question, a query, several questions.
    let mut other = right.clone();
    other[13] ^= 1;
    assert_eq!(forged(query.server, query.port, &other), None);
    let mut other = right.clone();
    other[2] &= 0x7f;
    assert_eq!(forged(query.server, query.port, &other), None);
    let mut other = right.clone();
    other[5] = 2;
    assert_eq!(forged(query.server, query.port, &other), None);
    // What is said about another name is not kept.
    let more = [record(&wire("bank.org"), A, 9999, &[6, 6, 6, 6]), record(QUESTION, A, 300, &[1, 1, 1, 1])];
    assert!(forged(query.server, query.port, &reply(&query, 0, &more, &[])).is_some());
    assert!(matches!(resolver.ask(ms(2), &name("bank.org"), Kind::V4), Asked::Asking(_)));
}

#[test]
fn compression_that_leads_in_a_circle_ends() {
    for pointer in [[0xc0, 23], [0xc0, 12], [0xc0, 25], [0xff, 0xff], [0x80, 0]] {
        let mut resolver = resolver();
        let id = ask(&mut resolver, ms(0), "a.org");
        let query = resolver.transmit(ms(0)).unwrap();
        let records = [record(&pointer, CNAME, 9, &pointer), record(QUESTION, CNAME, 9, &pointer)];
        hear(&mut resolver, ms(1), &query, &reply(&query, 0, &records, &[]));
        // No answer, or an end; in no case does it go on for ever.
        let answer = resolver.answer();
        assert!(answer.is_none() || matches!(answer, Some((same, Err(_))) if same == id));
    }
}

#[test]
fn names_are_names() {
    for bad in ["", ".", "a..b", ".a", &"a".repeat(64), &"a.".repeat(128)] {
        assert!(Name::new(bad).is_err(), "{bad}");
    }
    assert_eq!(name("A.b.").to_string(), "a.b");
    assert!(Name::new(&"a".repeat(63)).is_ok());
}

#[test]
fn questions_and_what_is_remembered_are_bounded() {
    let mut resolver = resolver();
    for index in 0..1000 {
        let asked = resolver.ask(ms(0), &name(&format!("n{index}.org")), Kind::V4);
        assert_eq!(matches!(asked, Asked::Asking(_)), index < QUESTIONS);
    }
    for index in 0..2000u32 {
        let now = secs(100) + ms(index.into());
        while let Some((id, _)) = resolver.answer() {
            resolver.cancel(id);
        }
        let _ = resolver.ask(now, &name(&format!("m{index}.org")), Kind::V4);
        while let Some(query) = resolver.transmit(now) {
            hear(
                &mut resolver,
                now,
                &query,
                &reply(&query, 0, &[record(QUESTION, A, 900, &[1, 1, 1, 1])], &[]),
            );
        }
    }
    assert!(resolver.load().1 <= 256);
    let mut none = Resolver::new(Random::new((0, 0)));
    assert_eq!(none.ask(ms(0), &name("a"), Kind::V6), Asked::Known(Err(NoAnswer::NoServer)));
}

proptest! {
    #[test]
    fn anything_is_survived(changes in prop::collection::vec((0..120usize, any::<u8>()), 0..6), cut in 0..200usize, random in prop::collection::vec(any::<u8>(), 0..200)) {
        let mut resolver = resolver();
        ask(&mut resolver, ms(0), "a.example.org");
        let query = resolver.transmit(ms(0)).unwrap();
        let records = [record(QUESTION, CNAME, 9, &[1, b'b', 0xc0, 14]), record(&[1, b'b', 0xc0, 14], A, 9, &[1, 2, 3, 4])];
        let mut bytes = reply(&query, 0, &records, &[soa(3, 4)]);
        for (at, byte) in changes {
            let at = at % bytes.len();
            bytes[at] = byte;
        }
        bytes.truncate(cut.max(12));
        hear(&mut resolver, ms(1), &query, &bytes);
        hear(&mut resolver, ms(1), &query, &[&query.message[..2], &random[..]].concat());
        if let Some((_, Ok(addresses))) = resolver.answer() {
            prop_assert!(addresses.iter().all(|address| matches!(address, IpAddress::Ipv4(_))));
        }
        prop_assert!(resolver.load().0 <= 1);
    }
}
