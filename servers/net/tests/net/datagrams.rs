//! Datagrams of this host to itself.

use std::net::Ipv4Addr;

use anax_socket::ring::Ring;
use anax_socket::{End, Failure, Kind, Progress, Question, Sockets as _, datagram};
use net::dispatch::of_port;
use net::session::Arena as _;

use crate::world::World;

#[test]
fn they_come_whole_and_say_from_whom() {
    for threads in [1, 3] {
        let mut world = World::new(threads);
        let mut program = world.attach();
        let caller = program.caller;
        let port = 5007;
        let owner = of_port(port, threads) as usize;
        let rings = program.rings();
        let server = world.threads[owner].0.open(caller, Kind::Datagram, rings).unwrap();
        let at = End::new(Ipv4Addr::UNSPECIFIED, port);
        for other in (0..threads as usize).filter(|other| *other != owner) {
            let unused = program.rings();
            let wrong = world.threads[other].0.open(caller, Kind::Datagram, unused).unwrap();
            let refused = world.threads[other].0.bind(caller, wrong, at);
            assert_eq!(refused, Err(Failure::Elsewhere(owner as u32)));
        }
        world.threads[owner].0.bind(caller, server, at).unwrap();

        let sending = program.rings();
        let client = world.threads[0].0.open(caller, Kind::Datagram, sending).unwrap();
        let ring = Ring::new(program.memory.bytes(), sending.send()).unwrap();
        let mut written = 0;
        for length in [0, 1, 1000, 3000] {
            let header = datagram::Header { length, end: Some(End::new(Ipv4Addr::LOCALHOST, port)) };
            header.write(ring, written);
            let bytes: Vec<u8> = (0..length).map(|at| at as u8).collect();
            ring.write(written + datagram::HEADER as u64, &bytes);
            written += datagram::record(length) as u64;
        }
        let (later, sent) = world.later();
        let question = Question { socket: client, knows_end: false };
        world.threads[0].0.exchange(caller, question, (written, 8192), (u64::MAX, written - 1), later);
        assert_eq!(world.answer::<Progress>(sent).unwrap().unwrap().taken, written);

        let (later, came) = world.later();
        let question = Question { socket: server, knows_end: false };
        world.threads[owner].0.exchange(caller, question, (0, 8192), (0, u64::MAX), later);
        let progress = world.answer::<Progress>(came).unwrap().unwrap();
        assert_eq!(progress.received, written);
        let ring = Ring::new(program.memory.bytes(), rings.receive()).unwrap();
        let from = world.threads[0].0.local(caller, client).unwrap().port;
        let mut position = 0;
        for length in [0, 1, 1000, 3000] {
            let header = datagram::Header::read(ring, position, progress.received).unwrap();
            assert_eq!(header, datagram::Header { length, end: Some(End::new(Ipv4Addr::LOCALHOST, from)) });
            let mut bytes = vec![0; length];
            ring.read(position + datagram::HEADER as u64, &mut bytes);
            assert!((0..length).zip(&bytes).all(|(at, byte)| *byte == at as u8));
            position += datagram::record(length) as u64;
        }
    }
}

#[test]
fn a_record_that_is_none_is_an_error() {
    let mut world = World::new(1);
    let mut program = world.attach();
    let rings = program.rings();
    let socket = world.threads[0].0.open(program.caller, Kind::Datagram, rings).unwrap();
    let ring = Ring::new(program.memory.bytes(), rings.send()).unwrap();
    ring.write(0, &[0xff; 64]);
    let (later, ticket) = world.later();
    let question = Question { socket, knows_end: false };
    world.threads[0].0.exchange(program.caller, question, (64, 0), (0, u64::MAX), later);
    assert_eq!(world.answer::<Progress>(ticket), Some(Err(Failure::BadArgument)));
}
