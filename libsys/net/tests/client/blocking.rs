//! Code that waits.

use std::time::Duration;

use anax_abi::Error;
use anax_net::{Change, Failure, Listening, NoDelay, Sizes, TcpListener, TcpStream, UdpSocket, Version};
use anax_socket::Choice;
use anax_sys::Instant;

use crate::world::World;

pub(crate) const ARENA: u64 = 4 << 20;

fn at(port: u16) -> core::net::SocketAddr {
    ([127, 0, 0, 1], port).into()
}

/// Of a host's addresses the first that takes the connection is it, and if none does, the last one says why.
#[test]
fn any_of_several_addresses() {
    let world = World::new(2);
    let net = world.session(ARENA);
    let mut listener = TcpListener::bind(&net, at(80)).unwrap();
    let client = TcpStream::connect_any(&net, &[at(81), at(80), at(82)]).unwrap();
    assert_eq!(client.peer_addr(), Ok(at(80)));
    assert_eq!(listener.accept().map(|(_, from)| from), client.local_addr());
    let refused = TcpStream::connect_any(&net, &[at(81), at(82)]).map(drop);
    assert_eq!(refused, Err(Failure::Refused));
    assert_eq!(TcpStream::connect_any(&net, &[]).map(drop), Err(Failure::BadArgument));
}

#[test]
fn a_connection_from_its_beginning_to_its_end() {
    let world = World::new(1);
    let net = world.session(ARENA);
    let mut listener = TcpListener::bind(&net, at(80)).unwrap();
    assert_eq!(listener.local_addr(), Ok(at(80)));
    assert_eq!(TcpListener::bind(&net, at(80)).map(drop), Err(Failure::InUse));
    let mut client = TcpStream::connect(&net, at(80)).unwrap();
    let (mut server, from) = listener.accept().unwrap();
    assert_eq!((client.local_addr(), client.peer_addr()), (Ok(from), Ok(at(80))));
    assert_eq!(server.peer_addr(), Ok(from));

    client.write_all(b"what is there?").unwrap();
    let mut came = [0; 14];
    server.read_exact(&mut came).unwrap();
    assert_eq!(&came, b"what is there?");
    server.write_all(b"this").unwrap();
    server.shutdown().unwrap();
    let mut came = [0; 64];
    let mut all = Vec::new();
    loop {
        match client.read(&mut came).unwrap() {
            0 => break,
            count => all.extend_from_slice(&came[..count]),
        }
    }
    assert_eq!(all, b"this");
    // The other direction is open.
    client.write_all(b"thanks").unwrap();
    client.flush().unwrap();
    let mut came = [0; 6];
    server.read_exact(&mut came).unwrap();
    assert_eq!(&came, b"thanks");
    assert_eq!((client.close(), server.close(), listener.close()), (Ok(()), Ok(()), Ok(())));
    assert_eq!(net.tasks().free_pages(), Some((ARENA / 4096) as u32));
    assert_eq!(world.server(|server| server.open_sockets()), 0);
}

#[test]
fn nobody_there() {
    let world = World::new(2);
    let net = world.session(ARENA);
    assert_eq!(TcpStream::connect(&net, at(81)).map(drop), Err(Failure::Refused));
    assert_eq!(net.tasks().free_pages(), Some((ARENA / 4096) as u32));
    assert_eq!(world.server(|server| server.open_sockets()), 0);
}

#[test]
fn deadlines_lose_nothing() {
    let world = World::new(3);
    let net = world.session(ARENA);
    let mut listener = TcpListener::bind(&net, at(80)).unwrap();
    let until = |n| Instant::from_nanoseconds(n);
    let timed_out = Failure::from(Error::TimedOut);
    assert_eq!(listener.accept_until(until(1000)).map(drop), Err(timed_out));
    let mut client = TcpStream::connect_until(&net, at(80), until(2000)).unwrap();
    let (mut server, _) = listener.accept_until(until(3000)).unwrap();
    let mut came = [0; 8];
    world.sent();
    for n in 4..104 {
        assert_eq!(client.read_until(&mut came, until(n * 1000)), Err(timed_out));
    }
    assert_eq!((world.sent().len(), world.aborts()), (1, 0), "all of them wait for one answer");
    server.write_all(b"late").unwrap();
    client.read_exact(&mut came[..4]).unwrap();
    assert_eq!(&came[..4], b"late");
    // A ring that is full.
    world.server(|server| server.is_frozen = true);
    let much = vec![7; 70_000];
    assert_eq!(client.write_all_until(&much, until(300_000)), Err(timed_out));
    assert_eq!(client.writable().map(|piece| piece.len()), [0, 0]);
    world.server(|server| server.is_frozen = false);
    let mut count = 0;
    while count < 65_536 {
        count += server.read(&mut vec![0; 10_000]).unwrap();
    }
    assert_eq!(count, 65_536);
}

#[test]
fn rings_themselves() {
    let world = World::new(4);
    let net = world.session(ARENA);
    let how = Listening { backlog: 1, sizes: Sizes::SMALL };
    let mut listener = TcpListener::bind_with(&net, at(80), how).unwrap();
    let mut client = TcpStream::connect_from(&net, None, at(80), Sizes::SMALL).unwrap();
    let (mut server, _) = listener.accept().unwrap();
    let mut expected = 0u8;
    let mut next = 0u8;
    for round in 0..40 {
        let room = client.wait_writable(1000).unwrap();
        assert!(room >= 1000);
        let mut left = 700 + round * 7;
        for piece in client.writable() {
            let count = left.min(piece.len());
            let bytes: Vec<u8> = (0..count).map(|n| next.wrapping_add(n as u8)).collect();
            piece.copy_in(0, &bytes).unwrap();
            next = next.wrapping_add(count as u8);
            left -= count;
        }
        client.commit(700 + round * 7);
        client.push().unwrap();
        let mut wanted = 700 + round * 7;
        while wanted > 0 {
            let count = server.wait_readable().unwrap();
            for piece in server.readable() {
                let mut bytes = vec![0; piece.len()];
                piece.copy_out(0, &mut bytes).unwrap();
                for byte in bytes {
                    assert_eq!(byte, expected);
                    expected = expected.wrapping_add(1);
                }
            }
            server.consume(count);
            wanted -= count;
        }
    }
}

#[test]
fn an_arena_that_is_full_is_a_value() {
    let world = World::new(5);
    let net = world.session(128 << 10);
    let how = Listening { backlog: 1, sizes: Sizes::SMALL };
    let mut listener = TcpListener::bind_with(&net, at(80), how).unwrap();
    let large = TcpStream::connect(&net, at(80)).map(drop);
    assert_eq!(large, Err(Failure::Full), "two rings of 64 KiB");
    let odd = Sizes { receive: 5000, send: 4096 };
    assert_eq!(TcpStream::connect_from(&net, None, at(80), odd).map(drop), Err(Failure::BadArgument));
    let mut all = Vec::new();
    let full = loop {
        match TcpStream::connect_from(&net, None, at(80), Sizes::SMALL) {
            Ok(stream) => all.push(stream),
            Err(failure) => break failure,
        }
    };
    assert_eq!(full, Failure::Full);
    all.truncate(1);
    net.settle().unwrap();
    assert!(listener.accept().is_ok());
}

#[test]
fn choices() {
    let world = World::new(6);
    let net = world.session(ARENA);
    let _listener = TcpListener::bind(&net, at(80)).unwrap();
    let client = TcpStream::connect(&net, at(80)).unwrap();
    client.set_nodelay(NoDelay::On).unwrap();
    client.set_keep_alive(Some(Duration::from_secs(2))).unwrap();
    client.set_keep_alive(None).unwrap();
    client.set_user_timeout(Some(Duration::from_micros(1))).unwrap();
    let chosen =
        [(Choice::NoDelay, 1), (Choice::KeepAlive, 2000), (Choice::KeepAlive, 0), (Choice::UserTimeout, 1)];
    assert_eq!(world.server(|server| server.choices().to_vec()), chosen);
}

#[test]
fn names_echoes_and_lists() {
    let world = World::new(7);
    let net = world.session(ARENA);
    let found = net.lookup("example.com", Version::Any).unwrap();
    assert_eq!(found, [[10, 0, 0, 1], [10, 0, 0, 2]].map(core::net::IpAddr::from));
    assert_eq!(net.lookup("nobody", Version::Any), Err(Failure::NoName));
    assert_eq!(net.lookup("10.0.0.7", Version::V4), Ok(vec![[10, 0, 0, 7].into()]));
    assert_eq!(net.lookup("10.0.0.7", Version::V6), Err(Failure::NoName));
    let both = [[10, 0, 0, 1], [10, 0, 0, 2]].map(|address| (address, 80).into());
    assert_eq!(net.resolve("example.com:80"), Ok(both.to_vec()));
    assert_eq!(net.resolve("[::1]:80"), Ok(vec!["[::1]:80".parse().unwrap()]));
    assert_eq!(net.resolve("example.com"), Err(Failure::BadArgument));
    assert_eq!(net.resolve("example.com:port"), Err(Failure::BadArgument));
    let took = net.ping([127, 0, 0, 1].into(), 56, Duration::from_secs(1));
    assert_eq!(took, Ok(Duration::from_micros(56)));
    assert_eq!(net.wait_until_ready(Version::Any, Instant::from_nanoseconds(1_000_000)), Ok(()));
    assert_eq!(net.interfaces().unwrap().len(), 3);
    assert_eq!(net.routes().unwrap().len(), 0);
    assert!(net.neighbours().is_err());
    assert_eq!(net.counters(1).unwrap().last(), Some(&("count2".to_string(), 2)));
    assert_eq!(net.counters(2), Err(Failure::BadArgument));
    assert_eq!(net.assign(0, [10, 0, 0, 1].into(), 24, Change::Add), Ok(()));
    let via = [10, 0, 0, 2].into();
    assert_eq!(net.route(([10, 1, 0, 0].into(), 16), via, Change::Remove), Err(Failure::NoRoute));
}

#[test]
fn datagrams_come_whole() {
    let world = World::new(8);
    let net = world.session(ARENA);
    let mut server = UdpSocket::bind(&net, at(53)).unwrap();
    let mut client = UdpSocket::bind(&net, at(0)).unwrap();
    client.send_to(b"one", at(53)).unwrap();
    client.send_to(b"", at(53)).unwrap();
    client.send_to(&[9; 2000], at(53)).unwrap();
    let mut to = [0; 100];
    let (count, from) = server.recv_from(&mut to).unwrap();
    assert_eq!((&to[..count], Ok(from)), (&b"one"[..], client.local_addr()));
    assert_eq!(server.recv_from(&mut to), Ok((0, from)));
    assert_eq!(server.recv_from(&mut to), Ok((100, from)), "the rest is cut off");
    client.connect(at(53)).unwrap();
    client.send(b"to whom I know").unwrap();
    assert_eq!(server.recv_from(&mut to), Ok((14, from)));
    let late = server.recv_from_until(&mut to, Instant::from_nanoseconds(5000));
    assert_eq!(late, Err(Error::TimedOut.into()));
    assert_eq!(client.send(&[0; 65_600]), Err(Failure::BadArgument));
    assert_eq!((client.close(), server.close()), (Ok(()), Ok(())));
    assert_eq!(net.tasks().free_pages(), Some((ARENA / 4096) as u32));
}
