//! Servers that die, lie, or end connections; a way that is crowded.

use anax_abi::Error;
use anax_net::{Failure, TcpListener, TcpStream, UdpSocket, Version};
use anax_socket::{Progress, Standing};
use anax_task::join;

use crate::blocking::ARENA;
use crate::world::World;

fn at(port: u16) -> core::net::SocketAddr {
    ([127, 0, 0, 1], port).into()
}

#[test]
fn everybody_is_told_and_a_new_call_finds_the_successor() {
    let died = Failure::from(Error::PeerDied);
    for seed in 0..20 {
        let world = World::new(seed);
        let net = world.session(ARENA);
        let mut listener = TcpListener::bind(&net, at(80)).unwrap();
        let mut client = TcpStream::connect(&net, at(80)).unwrap();
        let (mut server, _) = listener.accept().unwrap();
        let mut socket = UdpSocket::bind(&net, at(53)).unwrap();
        server.write_all(b"before").unwrap();
        assert_eq!(client.wait_readable().map(|count| count > 0), Ok(true));
        let (reader, _) = client.tasks().split();
        let death = async {
            world.kill();
            Ok::<_, Failure>(())
        };
        let waited = net.block_on(async {
            let mut to = [0; 16];
            let first = reader.read(&mut to).await;
            assert!(first.is_ok(), "what has come is there");
            let (read, killed) = join(reader.read_exact(&mut to), death).await;
            killed?;
            read
        });
        assert_eq!(waited, Err(died));
        assert_eq!(client.read(&mut [0; 16]), Err(died));
        assert_eq!(client.write(b"x"), Err(died));
        assert_eq!(server.read(&mut [0; 16]), Err(died));
        assert_eq!(socket.send_to(b"x", at(53)), Err(died));
        assert_eq!(socket.recv_from(&mut [0; 16]), Err(died));
        assert_eq!(listener.accept().map(drop), Err(died));
        assert!(listener.accept().is_err());
        assert_eq!(client.local_addr(), Err(died));
        // Others are found by the next call.
        let mut again = TcpListener::bind(&net, at(80)).unwrap();
        let mut other = TcpStream::connect(&net, at(80)).unwrap();
        other.write_all(b"after").unwrap();
        let (mut served, _) = again.accept().unwrap();
        let mut to = [0; 5];
        served.read_exact(&mut to).unwrap();
        assert_eq!(&to, b"after");
        assert_eq!(client.read(&mut to), Err(died), "the old ones stay dead");
        drop((client, server, listener, socket));
        assert_eq!(other.close(), Ok(()));
        assert_eq!(net.lookup("example.com", Version::Any).map(|found| found.len()), Ok(2));
    }
}

#[test]
fn a_question_that_does_no_harm_is_asked_of_the_successor() {
    let world = World::new(3);
    let net = world.session(ARENA);
    net.interfaces().unwrap();
    world.kill();
    assert_eq!(net.interfaces().unwrap().len(), 3);
    world.kill();
    assert_eq!(net.lookup("example.com", Version::Any).map(|found| found.len()), Ok(2));
    world.kill_for_good();
    assert_eq!(net.interfaces(), Err(Error::PeerDied.into()));
    assert_eq!(net.reconnect(), Err(Error::PeerDied.into()));
    assert_eq!(TcpStream::connect(&net, at(80)).map(drop), Err(Error::PeerDied.into()));
}

#[test]
fn what_ends_a_connection_is_told_behind_what_has_come() {
    let world = World::new(4);
    let net = world.session(ARENA);
    let mut listener = TcpListener::bind(&net, at(80)).unwrap();
    let mut client = TcpStream::connect(&net, at(80)).unwrap();
    let (mut server, _) = listener.accept().unwrap();
    world.server(|server| server.is_swift = true);
    server.write_all(b"last words").unwrap();
    assert_eq!(client.wait_readable(), Ok(10));
    world.server(|server| server.reset_all());
    assert_eq!(client.write_all(b"are you there?"), Ok(()));
    // Only now is there an answer.
    assert_eq!(client.flush(), Err(Failure::Reset));
    let mut to = [0; 10];
    client.read_exact(&mut to).unwrap();
    assert_eq!(&to, b"last words");
    assert_eq!(client.read(&mut to), Err(Failure::Reset));
    assert_eq!(client.write(b"x"), Err(Failure::Reset));
    assert_eq!(client.flush(), Err(Failure::Reset));
    assert_eq!(client.close(), Err(Failure::Reset));
    drop(server);
    net.settle().unwrap();
    listener.close().unwrap();
    assert_eq!(world.server(|server| server.open_sockets()), 0);
    assert_eq!(net.tasks().free_pages(), Some((ARENA / 4096) as u32));
}

#[test]
fn lies_end_the_socket() {
    let lies = [
        Progress { received: 65_537, ..Default::default() },
        Progress { taken: 1, ..Default::default() },
        Progress { received: u64::MAX, taken: u64::MAX, standing: Standing { peer_closed: true } },
    ];
    for lie in lies {
        let world = World::new(5);
        let net = world.session(ARENA);
        let mut listener = TcpListener::bind(&net, at(80)).unwrap();
        let mut client = TcpStream::connect(&net, at(80)).unwrap();
        let (mut server, _) = listener.accept().unwrap();
        world.server(|server| server.lie = Some(lie));
        let misbehaved = Failure::from(Error::PeerMisbehaved);
        assert_eq!(client.read(&mut [0; 8]), Err(misbehaved));
        assert_eq!(client.write(b"x"), Err(misbehaved));
        // Others are not concerned.
        server.write_all(b"x").unwrap();
    }
}

#[test]
fn a_crowded_way_is_waited_for() {
    for seed in 0..10 {
        let world = World::new(seed);
        let net = world.session(ARENA);
        let mut listener = TcpListener::bind(&net, at(80)).unwrap();
        let mut client = TcpStream::connect(&net, at(80)).unwrap();
        let (mut server, _) = listener.accept().unwrap();
        for round in 0..50u8 {
            world.crowd(u32::from(round % 5));
            client.write_all(&[round; 500]).unwrap();
            world.crowd(u32::from(round % 3));
            let mut to = [0; 500];
            server.read_exact(&mut to).unwrap();
            assert_eq!(to, [round; 500]);
        }
        world.crowd(3);
        client.close().unwrap();
        assert_eq!(server.read(&mut [0; 8]), Ok(0));
    }
}

#[test]
fn what_a_datagram_has_come_to_is_told_once() {
    let world = World::new(6);
    let net = world.session(ARENA);
    let mut server = UdpSocket::bind(&net, at(53)).unwrap();
    let mut client = UdpSocket::bind(&net, at(0)).unwrap();
    world.server(|server| server.fate = Some(Failure::Unreachable));
    // It is there when somebody asks, and that question tells nothing of what was written.
    client.send_to(b"first", at(53)).unwrap();
    assert_eq!(client.recv_from(&mut [0; 8]), Err(Failure::Unreachable));
    client.send_to(b"second", at(53)).unwrap();
    let mut to = [0; 8];
    assert_eq!(server.recv_from(&mut to).map(|(count, _)| count), Ok(5));
    assert_eq!(server.recv_from(&mut to).map(|(count, _)| count), Ok(6));
}
