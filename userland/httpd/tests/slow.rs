//! Who is slow, in virtual time: to ask, to send a body, to take an answer.

mod support;

use std::time::Duration;

use httpd::{Limits, Wants};
use support::{Asked, Client, big, server, take};

const REQUEST: &[u8] = b"GET /big HTTP/1.1\r\nHost: a\r\n\r\n";
const MOMENT: Duration = Duration::from_millis(1);

#[test]
fn who_says_nothing_is_closed() {
    let limits = Limits::default();
    let server = server(limits);
    let mut client = Client::new(&server);
    client.pass(limits.head_time - MOMENT);
    assert_eq!(client.wants(), Wants::Input);
    client.pass(MOMENT);
    assert_eq!((client.wants(), client.came.len()), (Wants::Close, 0));
    let mut client = Client::new(&server);
    client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    client.pass(limits.idle_time - MOMENT);
    assert_eq!(client.wants(), Wants::Input);
    client.pass(MOMENT);
    assert_eq!(client.wants(), Wants::Close);
}

#[test]
fn a_byte_now_and_then_gains_no_time() {
    let limits = Limits::default();
    let server = server(limits);
    let mut client = Client::new(&server);
    let mut seconds = 0;
    while client.wants() == Wants::Input {
        client.send(b"x");
        client.pass(Duration::from_secs(1));
        seconds += 1;
        assert!(seconds < 100, "it is never ended");
    }
    assert_eq!(seconds, limits.head_time.as_secs());
    assert_eq!(take(&mut client.came, Asked::Get).status, 408);
    assert_eq!(client.wants(), Wants::Linger);
    client.send(b"more");
    client.pass(limits.linger_time);
    assert_eq!(client.wants(), Wants::Close);
}

#[test]
fn a_slow_body_is_ended() {
    let server = server(Limits::default());
    let mut client = Client::new(&server);
    client.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n");
    let mut seconds = 0;
    while client.wants() == Wants::Input {
        client.send(b"x");
        client.pass(Duration::from_secs(1));
        seconds += 1;
        assert!(seconds < 1000, "it is never ended");
    }
    assert_eq!(take(&mut client.came, Asked::Get).status, 408);
    // Fast enough is fast enough.
    let mut client = Client::new(&server);
    client.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n");
    for _ in 0..100 {
        client.send(&[b'x'; 1000]);
        client.pass(Duration::from_secs(1));
    }
    assert_eq!(take(&mut client.came, Asked::Get).status, 405);
}

#[test]
fn a_slow_reader_is_cut_off() {
    let limits = Limits::default();
    let server = server(limits);
    // One byte a second.
    let mut client = Client::with_room(&server, 1);
    client.untaken.extend(REQUEST);
    let mut seconds = 0;
    while client.wants() != Wants::Abort {
        client.step();
        client.now += Duration::from_secs(1);
        let now = client.time();
        client.connection.expire(&server, &now);
        seconds += 1;
        assert!(seconds < 1000, "it is never ended");
    }
    assert_eq!(seconds, limits.grace.as_secs());
    // Who takes some thousand each second gets all.
    let mut client = Client::with_room(&server, 1000);
    client.untaken.extend(REQUEST);
    for _ in 0..110 {
        client.step();
        client.now += Duration::from_secs(1);
        let now = client.time();
        client.connection.expire(&server, &now);
    }
    assert_eq!(take(&mut client.came, Asked::Get).body, big());
}

#[test]
fn lingering_is_bounded() {
    let server = server(Limits::default());
    let mut client = Client::new(&server);
    client.send(b"nonsense\r\n\r\n");
    assert_eq!(client.wants(), Wants::Linger);
    for _ in 0..1000 {
        if client.wants() != Wants::Linger {
            break;
        }
        client.send(&[0; 1000]);
    }
    assert_eq!(client.wants(), Wants::Close);
    let mut client = Client::new(&server);
    client.send(b"nonsense\r\n\r\n");
    client.connection.input_ended();
    assert_eq!(client.wants(), Wants::Close);
}
