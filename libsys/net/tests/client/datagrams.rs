//! Datagrams from tasks.

use anax_abi::Error;
use anax_net::task::UdpSocket;
use anax_net::{Failure, Sizes};
use anax_task::join;

use crate::blocking::ARENA;
use crate::world::{Random, World};

#[test]
fn an_echo_without_copies_of_its_own() {
    let world = World::new(1);
    let (mut executor, session) = world.tasks(ARENA);
    let done = executor.block_on(async {
        let at = ([127, 0, 0, 1], 7).into();
        let server = UdpSocket::bind_with(&session, at, Sizes::each(8192)).await?;
        let mut client = UdpSocket::bind(&session, ([0, 0, 0, 0], 0).into()).await?;
        let echo = async move {
            let (mut receiver, mut sender) = server.into_split();
            for _ in 0..200 {
                receiver.wait().await?;
                let datagram = receiver.next()?.expect("there is one");
                let length = datagram.len();
                sender.wait(length).await?;
                sender.put(datagram.payload, datagram.from);
                receiver.done(length);
            }
            sender.push().await
        };
        let ask = async {
            let mut random = Random::new(3);
            for number in 0..200u32 {
                let payload: Vec<u8> = (0..random.below(1473)).map(|n| (n as u32 * number) as u8).collect();
                client.send_to(&payload, at).await?;
                let mut to = vec![0; 1500];
                let (count, from) = client.recv_from(&mut to).await?;
                assert_eq!((&to[..count], from.port()), (&payload[..], 7));
            }
            Ok::<_, Failure>(())
        };
        let (echoed, asked) = join(echo, ask).await;
        echoed.and(asked)
    });
    assert_eq!(done, Ok(Ok(())));
}

#[test]
fn what_no_datagram_looks_like_ends_the_socket() {
    let world = World::new(2);
    let (mut executor, session) = world.tasks(ARENA);
    let done = executor.block_on(async {
        let mut socket = UdpSocket::bind(&session, ([0, 0, 0, 0], 9).into()).await?;
        // Eight bytes have come.
        let lie = anax_socket::Progress { received: 8, ..Default::default() };
        world.server(|server| server.lie = Some(lie));
        let came = socket.recv_from(&mut [0; 8]).await;
        assert_eq!(came, Err(Error::PeerMisbehaved.into()));
        socket.send_to(b"", ([0, 0, 0, 0], 9).into()).await
    });
    assert_eq!(done, Ok(Err(Error::PeerMisbehaved.into())));
}

#[test]
fn a_port_of_another_thread_is_opened_there() {
    let world = World::new(3);
    let (mut executor, session) = world.tasks(ARENA);
    session.reconnect().unwrap();
    world.server(|server| server.elsewhere = Some((0, 1)));
    for _ in 0..2 {
        let socket = executor.block_on(UdpSocket::bind(&session, ([0, 0, 0, 0], 0).into())).unwrap();
        assert!(socket.is_ok());
    }
    world.server(|server| server.elsewhere = Some((1, 9)));
    let mut results = Vec::new();
    for _ in 0..2 {
        let socket = executor.block_on(UdpSocket::bind(&session, ([0, 0, 0, 0], 0).into())).unwrap();
        results.push(socket.map(drop));
    }
    results.sort_by_key(|result| result.is_ok());
    assert_eq!(results, [Err(Failure::Elsewhere(9)), Ok(())], "there is no thread 9");
}
