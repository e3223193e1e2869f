//! How many messages it takes.

use anax_net::{Sizes, TcpListener, TcpStream};
use anax_socket::sockets::{CLOSE, EXCHANGE};

use crate::blocking::ARENA;
use crate::world::World;

fn pair(world: &World, sizes: Sizes) -> (anax_net::Session, TcpListener, TcpStream, TcpStream) {
    let net = world.session(ARENA);
    let at = ([127, 0, 0, 1], 80).into();
    let how = anax_net::Listening { backlog: 4, sizes };
    let mut listener = TcpListener::bind_with(&net, at, how).unwrap();
    let client = TcpStream::connect_from(&net, None, at, sizes).unwrap();
    let (server, _) = listener.accept().unwrap();
    // Until nothing is under way but what waits.
    net.wait_until_ready(anax_net::Version::Any, anax_sys::Instant::from_nanoseconds(1 << 40)).unwrap();
    world.sent();
    world.server(|server| server.is_swift = true);
    (net, listener, client, server)
}

#[test]
fn a_turn_is_one_exchange_of_each_side() {
    let world = World::new(1);
    let (_net, _listener, mut client, mut server) = pair(&world, Sizes::default());
    let mut to = [0; 64];
    for _ in 0..100 {
        client.write_all(&[1; 64]).unwrap();
        server.read_exact(&mut to).unwrap();
        server.write_all(&[2; 64]).unwrap();
        client.read_exact(&mut to).unwrap();
    }
    let sent = world.sent();
    assert!(sent.iter().all(|command| *command == EXCHANGE));
    // Two a turn, and the server's first question.
    assert_eq!((sent.len(), world.aborts()), (201, 0));
}

#[test]
fn what_is_there_is_read_without_a_message() {
    let world = World::new(2);
    let (_net, _listener, mut client, mut server) = pair(&world, Sizes::default());
    client.write_all(&[1; 16_000]).unwrap();
    assert_eq!(server.wait_readable(), Ok(16_000));
    world.sent();
    for _ in 0..16_000 {
        server.read_exact(&mut [0; 1]).unwrap();
    }
    assert_eq!(world.sent(), [0; 0], "less than a quarter of the ring");
}

#[test]
fn room_is_told_by_quarters() {
    let world = World::new(3);
    let (_net, _listener, mut client, mut server) = pair(&world, Sizes::each(16_384));
    client.write_all(&[1; 16_384]).unwrap();
    assert_eq!(server.wait_readable(), Ok(16_384));
    world.sent();
    for _ in 0..16 {
        server.read_exact(&mut [0; 1024]).unwrap();
    }
    assert_eq!(world.sent(), [EXCHANGE; 4]);
}

#[test]
fn who_writes_much_waits_for_quarters() {
    let world = World::new(5);
    let (net, _listener, mut client, mut server) = pair(&world, Sizes::each(16_384));
    world.server(|server| server.is_swift = false);
    let (_, writer) = client.tasks().split();
    let (reader, _) = server.tasks().split();
    let read = async {
        let mut left = 1 << 20;
        while left > 0 {
            let count = reader.wait().await?;
            reader.consume(count);
            left -= count;
        }
        Ok(())
    };
    let written = net.block_on(async {
        let much = vec![0; 1 << 20];
        let (written, read) = anax_task::join(writer.write_all(&much), read).await;
        written.and(read)
    });
    assert_eq!(written, Ok(()));
    // Each quarter that is written is told, and waited for; what is read is waited for in pieces as they come.
    let sent = world.sent().len();
    assert!(sent < 4 * (1 << 20) / 4096, "{sent} messages");
}

#[test]
fn many_pushes_leave_no_questions_behind() {
    let world = World::new(6);
    let (_net, _listener, mut client, server) = pair(&world, Sizes::default());
    for number in 0..1000u32 {
        client.write_all(&number.to_le_bytes()).unwrap();
    }
    assert!(world.sent().len() >= 1000);
    client.flush().unwrap();
    assert!(server.readable().iter().all(|piece| piece.is_empty()), "nobody has asked");
    // The server answers what is overtaken, so none has to be ended early, but for those of which that was not seen yet.
    assert!(world.aborts() <= 1000);
    client.close().unwrap();
}

#[test]
fn a_dropped_connection_is_closed_at_once_though_nobody_waits() {
    let world = World::new(4);
    let (net, _listener, client, server) = pair(&world, Sizes::default());
    let free = net.tasks().free_pages();
    drop(client);
    assert_eq!(world.sent().iter().filter(|command| **command == CLOSE).count(), 1);
    assert_eq!(net.tasks().free_pages(), free, "its rings are in use until that is answered");
    net.settle().ok();
    drop(server);
}
