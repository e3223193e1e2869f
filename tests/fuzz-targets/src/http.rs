//! The web server: what the input says are pieces of requests, room for responses, and time. Nothing panics, nothing goes on for ever, each response begins as one,
//! and in the end time ends the connection.

use std::net::{IpAddr, Ipv4Addr};
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use anax_ring::{AtomicU64, SharedBlock, SharedBytes};
use httpd::{Connection, Date, Limits, MemoryFiles, Now, Server, Wants, Way, Window};

const ROOM: usize = 4096;

/// Takes an input.
pub fn take(input: &[u8]) {
    let Some((kind, mut steps)) = input.split_first() else { return };
    let mut files = MemoryFiles::new(if kind & 1 != 0 { Way::Mapped } else { Way::Read });
    files.insert("/index.html", b"<h1>root</h1>", Some(Date(784_111_777)));
    files.insert("/a", &[7; 5000], Some(Date(784_111_777)));
    files.insert("/d/b c", b"", None);
    let limits = Limits { body_bytes: 1000, requests: 40, head_bytes: 1024, ..Limits::default() };
    let server = Server::new(files, limits, None);
    let mut now = Now { elapsed: Duration::from_secs(9), date: Some(Date(784_111_777)) };
    let mut connection = Connection::new(IpAddr::V4(Ipv4Addr::LOCALHOST), &now);
    let ring: Vec<_> = (0..ROOM / 8).map(|_| AtomicU64::new(0)).collect();
    let ring = SharedBytes::new(SharedBlock::from_words(&ring));
    let (mut untaken, mut first) = (Vec::new(), true);
    let mut look =
        |connection: &mut Connection<MemoryFiles>, untaken: &mut Vec<u8>, room: usize, now: &Now| {
            let mut has_come = false;
            if connection.wants() == Wants::Files {
                let asked = {
                    let asking = pin!(connection.ask(&server));
                    // What lies in memory is there.
                    let Poll::Ready(asked) = asking.poll(&mut Context::from_waker(Waker::noop())) else {
                        panic!()
                    };
                    asked
                };
                connection.asked(&server, asked, now);
                has_come = true;
            }
            let pieces = [ring.part(ROOM - room, room).unwrap(), ring.part(0, 0).unwrap()];
            let mut window = Window::new(pieces);
            let taken = connection.advance(&server, untaken, &mut window, now);
            untaken.drain(..taken);
            let filled = window.filled();
            if first && filled >= 7 {
                first = false;
                let mut begin = [0; 7];
                pieces[0].copy_out(0, &mut begin).unwrap();
                assert_eq!(&begin, b"HTTP/1.");
            }
            taken > 0 || filled > 0 || has_come
        };
    while let [step, argument, rest @ ..] = steps {
        steps = rest;
        match step % 8 {
            0 => now.elapsed += Duration::from_millis(1 << (argument % 17)),
            1 => connection.expire(&server, &now),
            2 if *argument > 250 => connection.input_ended(),
            _ => {
                let (piece, rest) = steps.split_at(usize::from(*argument).min(steps.len()));
                steps = rest;
                untaken.extend_from_slice(piece);
            }
        }
        let room = 1 + usize::from(*step) * 16;
        let mut rounds = 0;
        while look(&mut connection, &mut untaken, room.min(ROOM), &now) {
            rounds += 1;
            assert!(rounds < 1_000_000, "it goes on for ever");
        }
    }
    for _ in 0..10 {
        now.elapsed += Duration::from_secs(100_000);
        connection.expire(&server, &now);
        while look(&mut connection, &mut untaken, ROOM, &now) {}
    }
    assert!(matches!(connection.wants(), Wants::Close | Wants::Abort));
}
