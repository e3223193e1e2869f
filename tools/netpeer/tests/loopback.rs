//! Every exercise against the host's own services, over the loopback address.
#![allow(missing_docs, reason = "tests")]

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, Ipv6Addr, TcpStream};
use std::time::Duration;

use anax_pattern::{Direction, Pattern, Report, Request};
use netpeer::client::{self, Bulk, Datagrams, Moved};
use netpeer::serve::Server;
use netpeer::{Ports, Target, Verdict};

fn with_server(work: impl Fn(&Target) -> Verdict) -> Verdict {
    let server = Server::start(Ports::ANY).expect("the services start");
    let mut last = Verdict::default();
    for address in [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()] {
        let target = Target { address, ports: server.ports(), patience: Duration::from_secs(30) };
        last = work(&target).expect_good().expect("all is right");
    }
    last
}

#[test]
fn streams_both_ways() {
    for (to_guest, from_guest) in [(300_001, 0), (0, 300_007), (200_000, 300_000), (0, 0), (1, 1)] {
        let seen = with_server(|target| {
            client::bulk(target, &Bulk::new(8, to_guest, from_guest), &Moved::default())
        });
        assert_eq!(seen.figure("to_guest"), Some(8.0 * to_guest as f64));
        assert_eq!(seen.figure("from_guest"), Some(8.0 * from_guest as f64));
    }
}

#[test]
fn datagrams_and_round_trips() {
    let seen = with_server(|target| client::datagrams(target, &Datagrams::new(500, 64)));
    assert_eq!(seen.figure("came"), Some(500.0));
    with_server(|target| client::datagrams(target, &Datagrams::new(20, 9000)));
    let seen = with_server(|target| client::round_trips(target, 200, 64));
    assert_eq!(seen.figure("round_trips"), Some(200.0));
    with_server(|target| client::round_trips(target, 3, 500_000));
}

#[test]
fn connections() {
    let seen = with_server(|target| client::open_close(target, 300, 8));
    assert_eq!(seen.figure("connections"), Some(300.0));
    let seen = with_server(|target| client::hold(target, 200, Duration::ZERO, || {}));
    assert_eq!(seen.figure("alive"), Some(200.0));
}

#[test]
fn services_without_patterns() {
    with_server(|target| client::sink(target, 4, 1_000_000));
    with_server(|target| client::source(target, 4, 1_000_000));
}

#[test]
fn a_wrong_byte_is_found_by_either_side() {
    // From the guest: a listener that spoils one byte, and takes one from elsewhere.
    let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let pattern = listener.local_addr().expect("an address").port();
    let guest = std::thread::spawn(move || -> std::io::Result<()> {
        let (mut stream, _) = listener.accept()?;
        stream.read_exact(&mut [0; Request::BYTES])?;
        let mut bytes = vec![0; 10_000];
        Pattern::new(0, Direction::FromGuest).fill(0, &mut bytes);
        bytes[7_777] ^= 0x10;
        stream.write_all(&bytes)
    });
    let ports = Ports { pattern, ..Ports::ANY };
    let target = Target { address: Ipv4Addr::LOCALHOST.into(), ports, patience: Duration::from_secs(30) };
    let seen = client::bulk(&target, &Bulk::new(1, 0, 10_000), &Moved::default());
    guest.join().expect("the guest ends").expect("the guest works");
    assert!(seen.complaints()[0].starts_with("stream 0: byte 7777 from the guest is wrong"), "{seen:?}");

    // To the guest: the services find it.
    let server = Server::start(Ports::ANY).expect("the services start");
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, server.ports().pattern)).expect("a connection");
    let mut bytes = vec![0; 10_000];
    Pattern::new(9, Direction::ToGuest).fill(0, &mut bytes);
    bytes[5_000] ^= 1;
    let request = Request { stream: 9, to_guest: 10_000, from_guest: 0 };
    stream.write_all(&request.encode()).expect("a request is taken");
    stream.write_all(&bytes).expect("bytes are taken");
    let mut report = [0; Report::BYTES];
    stream.read_exact(&mut report).expect("a report");
    assert_eq!(Report::decode(&report), Report { received: 10_000, first_wrong: Some(5_000) });
}

#[test]
fn nobody_there_is_said_in_time() {
    let gone = Server::start(Ports::ANY).expect("the services start");
    let ports = gone.ports();
    drop(gone);
    let target = Target { address: Ipv4Addr::LOCALHOST.into(), ports, patience: Duration::from_secs(1) };
    for seen in [
        client::bulk(&target, &Bulk::new(2, 1, 1), &Moved::default()),
        client::round_trips(&target, 1, 1),
        client::open_close(&target, 10, 2),
        client::hold(&target, 3, Duration::ZERO, || {}),
        client::datagrams(
            &target,
            &Datagrams { lost_after: Duration::from_millis(100), ..Datagrams::new(2, 64) },
        ),
    ] {
        assert!(!seen.is_good(), "{seen}");
    }
    assert!(target.wait_until_up(Duration::from_millis(200)).is_err());
}
