//! Connections from tasks.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use anax_net::task::{TcpListener, TcpStream};
use anax_net::{Failure, Listening, Sizes};
use anax_task::{Either, join, join_all, race};

use crate::blocking::ARENA;
use crate::world::{Random, World};

pub(crate) fn at(port: u16) -> core::net::SocketAddr {
    ([127, 0, 0, 1], port).into()
}

fn byte(stream: usize, position: usize) -> u8 {
    (stream * 31 + position * 7 + position / 251) as u8
}

/// A client's end: both directions at once, in pieces of any size; what is waited for is given up from time to time.
async fn talk(mut stream: TcpStream, number: usize, bytes: usize, seed: u64) -> Result<(), Failure> {
    let (reader, writer) = stream.split();
    let send = async {
        let (mut random, mut done) = (Random::new(seed), 0);
        while done < bytes {
            let count = (1 + random.below(9000)).min(bytes - done);
            let piece: Vec<u8> = (done..done + count).map(|position| byte(number, position)).collect();
            writer.write_all(&piece).await?;
            done += count;
        }
        writer.shut_down().await
    };
    let receive = async {
        let (mut random, mut done) = (Random::new(seed + 1), 0);
        loop {
            let mut to = vec![0; 1 + random.below(7000)];
            if random.below(4) == 0
                && let Either::Right(()) = race(reader.wait(), std::future::ready(())).await
            {
                continue;
            }
            let count = reader.read(&mut to).await?;
            if count == 0 {
                assert_eq!(done, bytes);
                return Ok(());
            }
            for (position, found) in (done..).zip(&to[..count]) {
                assert_eq!(*found, byte(number, position), "stream {number}, position {position}");
            }
            done += count;
        }
    };
    let (sent, received): (_, Result<(), Failure>) = join(send, receive).await;
    sent.and(received)?;
    stream.close().await
}

/// A server's end: what comes goes back.
async fn echo(mut stream: TcpStream) -> Result<(), Failure> {
    loop {
        let count = stream.wait_readable().await?;
        if count == 0 {
            return stream.close().await;
        }
        let room = stream.wait_writable(1).await?;
        let count = count.min(room);
        let mut bytes = vec![0; count];
        let (mut done, pieces) = (0, stream.readable());
        for piece in pieces {
            let count = piece.len().min(count - done);
            piece.copy_out(0, &mut bytes[done..done + count]).unwrap();
            done += count;
        }
        stream.write_all(&bytes).await?;
        stream.consume(count);
    }
}

fn run(seed: u64, streams: usize, bytes: usize) {
    let world = World::new(seed);
    let (mut executor, session) = world.tasks(ARENA);
    let done = executor.block_on(async {
        let mut random = Random::new(seed + 7);
        let mut size = || 4096 << random.below(4);
        let how = Listening { backlog: 8, sizes: Sizes { receive: size(), send: size() } };
        let mut listener = TcpListener::bind_with(&session, at(7), how).await?;
        let sizes = Sizes { receive: size(), send: size() };
        let alive = Rc::new(Cell::new(streams));
        let left = alive.clone();
        let events = session.events().clone();
        let serve = async move {
            for _ in 0..streams {
                let (stream, _) = listener.accept().await?;
                let left = left.clone();
                let task = async move {
                    echo(stream).await.unwrap();
                    left.set(left.get() - 1);
                };
                events.spawn(task)?;
            }
            listener.close().await
        };
        let clients = join_all((0..streams).map(|number| {
            let session = &session;
            async move {
                let stream = TcpStream::connect_from(session, None, at(7), sizes).await?;
                talk(stream, number, bytes, seed * 100 + number as u64).await
            }
        }));
        let (served, talked) = join(serve, clients).await;
        talked.into_iter().collect::<Result<Vec<()>, Failure>>()?;
        while alive.get() > 0 {
            session.events().sleep(Duration::from_nanos(10)).await;
        }
        served
    });
    assert_eq!(done, Ok(Ok(())));
    executor.drain().unwrap();
    assert_eq!(session.free_pages(), Some((ARENA / 4096) as u32));
    assert_eq!(world.server(|server| server.open_sockets()), 0);
    assert_eq!(session.events().counts().strays, 0);
}

#[test]
fn a_stream_both_ways_at_once() {
    for seed in 1..30 {
        run(seed, 1, 40_000);
    }
}

#[test]
fn many_streams_by_one_thread() {
    for seed in 1..4 {
        run(seed, 24, 20_000);
    }
}

#[test]
fn halves_in_tasks_of_their_own() {
    let world = World::new(5);
    let (mut executor, session) = world.tasks(ARENA);
    let done = executor.block_on(async {
        let mut listener = TcpListener::bind(&session, at(7)).await?;
        let (client, accepted) = join(TcpStream::connect(&session, at(7)), listener.accept()).await;
        let (mut reader, mut writer) = client?.into_split();
        let (mut server_reader, mut server_writer) = accepted?.0.into_split();
        let events = session.events();
        let echo = events.spawn(async move {
            let mut to = [0; 100];
            loop {
                match server_reader.read(&mut to).await? {
                    0 => break,
                    count => server_writer.write_all(&to[..count]).await?,
                }
            }
            // Both halves are dropped: what was written still goes out.
            Ok::<_, Failure>(())
        })?;
        let write = events.spawn(async move {
            for number in 0..100u8 {
                writer.write_all(&[number; 33]).await?;
            }
            writer.shut_down().await?;
            Ok::<_, Failure>(writer)
        })?;
        let mut all = Vec::new();
        let mut to = [0; 64];
        loop {
            match reader.read(&mut to).await? {
                0 => break,
                count => all.extend_from_slice(&to[..count]),
            }
        }
        assert_eq!(all, (0..100u8).flat_map(|number| [number; 33]).collect::<Vec<_>>());
        echo.await?;
        let writer = write.await?;
        TcpStream::unsplit(reader, writer).unwrap().close().await
    });
    assert_eq!(done, Ok(Ok(())));
}

/// Whoever is dropped at any time leaves nothing behind, and nobody's rings are another's before the server is done with them: the server looks.
#[test]
fn futures_dropped_anywhere() {
    for seed in 0..60 {
        let world = World::new(seed);
        let (mut executor, session) = world.tasks(256 << 10);
        let small = Sizes::SMALL;
        executor
            .block_on(async {
                let how = Listening { backlog: 4, sizes: small };
                let mut listener = TcpListener::bind_with(&session, at(7), how).await.unwrap();
                let mut random = Random::new(seed + 11);
                let mut pause = move || Duration::from_nanos(1 + random.below(3) as u64);
                let events = session.events().clone();
                for round in 0..20 {
                    let connected =
                        events.timeout(pause(), TcpStream::connect_from(&session, None, at(7), small)).await;
                    let accepted = events.timeout(pause(), listener.accept()).await;
                    if let (Ok(Ok(mut client)), Ok(Ok((mut server, _)))) = (connected, accepted) {
                        let _ = events.timeout(pause(), client.write_all(&[1; 9000])).await;
                        let _ = events.timeout(pause(), server.read(&mut [0; 5000])).await;
                        let _ = events.timeout(pause(), server.write_all(&[2; 3000])).await;
                        match round % 4 {
                            0 => client.abort(),
                            1 => drop(client),
                            2 => _ = events.timeout(pause(), client.close()).await,
                            _ => {
                                let _ = events.timeout(pause(), client.flush()).await;
                                let _ = events.timeout(pause(), client.shut_down()).await;
                            }
                        }
                    }
                }
            })
            .unwrap();
        // Connections that nobody has accepted are closed by their listener's end; what was written to the dead ends there.
        executor.drain().unwrap();
        assert_eq!(session.free_pages(), Some(64), "seed {seed}");
    }
}

#[test]
fn another_thread_is_asked_instead() {
    let world = World::new(6);
    let (mut executor, session) = world.tasks(ARENA);
    let done = executor.block_on(async {
        let _listener = TcpListener::bind(&session, at(7)).await?;
        world.server(|server| server.elsewhere = Some((0, 1)));
        for _ in 0..3 {
            TcpStream::connect(&session, at(7)).await?.close().await?;
        }
        world.server(|server| server.elsewhere = Some((1, 1)));
        let mut failures = 0;
        for _ in 0..4 {
            failures += u32::from(TcpStream::connect(&session, at(7)).await.is_err());
        }
        // A thread that sends programs to itself makes no sense, and is asked no more.
        assert_eq!(failures, 2);
        Ok::<_, Failure>(())
    });
    assert_eq!(done, Ok(Ok(())));
}
