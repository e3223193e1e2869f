//! Requests cut anywhere, and what nobody sane would send: the same bytes are the same answers, whatever pieces they come in, and nothing goes on for ever.

mod support;

use anax_storm::Dice;
use httpd::{Limits, Wants};
use proptest::prelude::*;
use support::{Client, server};

/// All that came, and how it ended.
fn answers(server: &httpd::Server<httpd::MemoryFiles>, pieces: &[&[u8]], room: usize) -> (Vec<u8>, Wants) {
    let mut client = Client::with_room(server, room);
    for piece in pieces {
        client.send(piece);
    }
    (client.came, client.connection.wants())
}

const MANY: &str = "GET /letters.txt HTTP/1.1\r\nHost: a\r\nRange: bytes=1-5\r\n\r\n\
    POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nT: x\r\n\r\n\
    HEAD / HTTP/1.1\r\nHost: a\r\n\r\n\r\n\
    GET /none HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc\
    GET /plain/ HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n";

#[test]
fn pipelined_requests_cut_at_each_byte() {
    let server = server(Limits::default());
    let whole = answers(&server, &[MANY.as_bytes()], 4096);
    assert_eq!(whole.1, Wants::Close);
    assert_eq!(String::from_utf8_lossy(&whole.0).matches("HTTP/1.1 ").count(), 5);
    for cut in 0..=MANY.len() {
        let (first, second) = MANY.as_bytes().split_at(cut);
        assert!(answers(&server, &[first, second], 4096) == whole, "cut at {cut}");
    }
    let single: Vec<_> = MANY.as_bytes().chunks(1).collect();
    assert!(answers(&server, &single, 4096) == whole, "byte by byte");
    assert!(answers(&server, &[MANY.as_bytes()], 1) == whole, "room for one byte");
}

#[test]
fn storms_of_bytes_end() {
    let limits = Limits { body_bytes: 2000, requests: 50, ..Limits::default() };
    let server = server(limits);
    let words: [&[u8]; 24] = [
        b"GET ",
        b"HEAD ",
        b"POST ",
        b"/",
        b"/big",
        b"/letters.txt",
        b" HTTP/1.1\r\n",
        b" HTTP/1.0\r\n",
        b"\r\n",
        b"\r\n\r\n",
        b"Host: a\r\n",
        b"Range: bytes=",
        b"0-",
        b"-5",
        b",",
        b"Content-Length: ",
        b"12",
        b"Transfer-Encoding: chunked\r\n",
        b"Connection: close\r\n",
        b"%2e%2e/",
        b"\0",
        b"\xff",
        b"If-None-Match: *\r\n",
        b"5\r\nhello\r\n0\r\n\r\n",
    ];
    let mut dice = Dice::new(1);
    for round in 0..2000 {
        let mut client = Client::with_room(&server, 1 + dice.below(5000) as usize);
        for _ in 0..dice.below(60) {
            match dice.below(12) {
                0 => {
                    let noise: Vec<u8> = (0..dice.below(200)).map(|_| dice.below(256) as u8).collect();
                    client.send(&noise);
                }
                1 => client.pass(std::time::Duration::from_secs(dice.below(20))),
                _ => client.send(words[dice.below(words.len() as u64) as usize]),
            }
            if matches!(client.wants(), Wants::Close | Wants::Abort) {
                break;
            }
            assert!(client.came.len() < 50 << 20, "round {round}");
            client.came.clear();
        }
        // Whatever it was in the middle of, time ends it.
        for _ in 0..10 {
            client.pass(std::time::Duration::from_secs(3000));
        }
        assert!(matches!(client.wants(), Wants::Close | Wants::Abort), "round {round}: {:?}", client.wants());
    }
}

proptest! {
    #[test]
    fn pieces_make_no_difference(
        request in "(GET|HEAD|PUT) /(letters.txt|plain|none|%2e)? HTTP/1.[01]\r\n(Host: a\r\n)?(Range: bytes=[-0-9,]{1,9}\r\n)?(Content-Length: [0-9]\r\n)?\r\n[a-z0-9\r\n]{0,20}",
        cuts in proptest::collection::vec(0usize..200, 0..5), room in 1usize..300
    ) {
        let server = server(Limits::default());
        let bytes = request.as_bytes();
        let mut cuts: Vec<_> = cuts.into_iter().map(|cut| cut % (bytes.len() + 1)).collect();
        cuts.extend([0, bytes.len()]);
        cuts.sort_unstable();
        let pieces: Vec<_> = cuts.windows(2).map(|ends| &bytes[ends[0]..ends[1]]).collect();
        // What a boundary is depends on the requests before, which are none.
        let (once, cut) = (answers(&server, &[bytes], 4096), answers(&support::server(Limits::default()), &pieces, room));
        prop_assert_eq!(once.1, cut.1);
        prop_assert_eq!(String::from_utf8_lossy(&once.0), String::from_utf8_lossy(&cut.0));
    }
}
