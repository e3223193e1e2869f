//! The web client against a server of a few lines: what is right is counted, and what is wrong is found.
#![allow(missing_docs, reason = "tests")]

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use netpeer::client::{self, Load, Page, Reuse, Seen, Until};
use netpeer::{Target, Verdict};

/// How the server answers.
#[derive(Clone, Copy, PartialEq)]
enum Manners {
    Good,
    /// Each third response says that it is the last one.
    Ends,
    WrongByte,
    WrongLength,
    WrongStatus,
    /// It closes in the middle.
    CutOff,
    Silent,
}

fn serve(manners: Manners) -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let port = listener.local_addr().expect("an address").port();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(stream) = stream else { return };
            let work = move || drop(answer(stream, manners));
            thread::Builder::new().stack_size(64 << 10).spawn(work).expect("a thread");
        }
    });
    port
}

fn answer(mut stream: TcpStream, manners: Manners) -> std::io::Result<()> {
    let mut reader = BufReader::with_capacity(512, stream.try_clone()?);
    for number in 1.. {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let mut closes = manners == Manners::Ends && number % 3 == 0;
        loop {
            let mut field = String::new();
            reader.read_line(&mut field)?;
            closes |= field.contains("close");
            if field.trim().is_empty() {
                break;
            }
        }
        let size: usize = line.split(['/', ' ']).nth(3).and_then(|size| size.parse().ok()).unwrap_or(0);
        let mut body = vec![0; size];
        anax_pattern::Pattern::new(size as u64, anax_pattern::Direction::FromGuest).fill(0, &mut body);
        let length = if manners == Manners::WrongLength { size + 1 } else { size };
        let status = if manners == Manners::WrongStatus { "404 Not Found" } else { "200 OK" };
        match manners {
            Manners::WrongByte => body[size / 2] ^= 1,
            Manners::CutOff => body.truncate(size / 2),
            Manners::Silent => loop {
                thread::park();
            },
            _ => {}
        }
        let field = if closes { "Connection: close\r\n" } else { "" };
        let mut response =
            format!("HTTP/1.1 {status}\r\n{field}Content-Length: {length}\r\n\r\n").into_bytes();
        response.extend(body);
        for piece in response.chunks(1000) {
            stream.write_all(piece)?;
        }
        if closes || manners == Manners::CutOff {
            return Ok(());
        }
    }
    Ok(())
}

fn run(manners: Manners, connections: usize, requests: u64, reuse: Reuse) -> Verdict {
    let target = Target { patience: Duration::from_secs(1), ..Target::new(Ipv4Addr::LOCALHOST.into()) };
    let target = if manners == Manners::Silent {
        target
    } else {
        Target { patience: Duration::from_secs(60), ..target }
    };
    let pages = vec![Page::pattern(100), Page::pattern(5000)];
    let load = Load { port: serve(manners), pages, connections, reuse, until: Until::Requests(requests) };
    client::http(&target, &load, &Seen::default())
}

#[test]
fn what_is_right_is_counted() {
    for reuse in [Reuse::Stay, Reuse::Close] {
        let seen = run(Manners::Good, 16, 2000, reuse).expect_good().expect("all is right");
        assert_eq!((seen.figure("requests"), seen.figure("bytes")), (Some(2000.0), Some(5_100_000.0)));
        let connections = if reuse == Reuse::Stay { 16.0 } else { 2000.0 };
        assert_eq!(seen.figure("connections"), Some(connections));
    }
    let seen = run(Manners::Ends, 4, 300, Reuse::Stay).expect_good().expect("an end that was told is none");
    assert!(seen.figure("connections").is_some_and(|count| count >= 100.0), "{seen}");
}

#[test]
fn two_thousand_connections() {
    let seen = run(Manners::Good, 2000, 6000, Reuse::Stay).expect_good().expect("all is right");
    assert_eq!((seen.figure("requests"), seen.figure("connections")), (Some(6000.0), Some(2000.0)));
}

#[test]
fn what_is_wrong_is_found() {
    for (manners, what) in [
        (Manners::WrongByte, "wrong bytes"),
        (Manners::WrongLength, "bytes instead of"),
        (Manners::WrongStatus, "status 404"),
        (Manners::CutOff, "ended within a response"),
        (Manners::Silent, "nothing moves"),
    ] {
        let seen = run(manners, 2, 4, Reuse::Stay);
        assert_eq!(seen.figure("requests"), Some(0.0), "{seen}");
        assert_eq!(seen.figure("failed"), Some(4.0), "{seen}");
        assert!(seen.complaints()[0].contains(what), "{seen:?}");
    }
    let target = Target { patience: Duration::from_secs(1), ..Target::new(Ipv4Addr::LOCALHOST.into()) };
    let gone =
        TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port").local_addr().expect("an address").port();
    let load = Load {
        port: gone,
        pages: vec![Page::pattern(1)],
        connections: 3,
        reuse: Reuse::Stay,
        until: Until::Time(Duration::from_millis(200)),
    };
    assert!(!client::http(&target, &load, &Seen::default()).is_good());
}
