//! Bytes that are sent from where they lie, and put into the ring when they are not there any more.

use std::rc::Rc;
use std::time::Duration;

use anax_net::task::{Session, TcpListener, TcpStream};
use anax_net::{Failure, Listening, Loan, Sizes};
use anax_task::join;

use crate::blocking::ARENA;
use crate::lending::TestFile;
use crate::streams::at;
use crate::world::{Random, World};

const RING: u32 = 4096;

fn content(number: u64) -> Vec<u8> {
    (0..20_000u64).map(|at| (at * 13 + at / 241 + number * 5) as u8 | 1).collect()
}

fn loan(file: &Rc<TestFile>, from: u64, length: u64) -> Loan {
    Loan { source: file.clone(), from, length, lying: file.lying(from) }
}

async fn pair(session: &Session) -> Result<(TcpStream, TcpStream), Failure> {
    let sizes = Sizes { receive: RING, send: RING };
    let how = Listening { backlog: 8, sizes };
    let mut listener = TcpListener::bind_with(session, at(7), how).await?;
    let connect = TcpStream::connect_from(session, None, at(7), sizes);
    let (one, other) = join(connect, listener.accept()).await;
    listener.close().await?;
    Ok((one?, other?.0))
}

/// Lends a part of a file and has it sent; copies it if that does not go.
async fn send(stream: &mut TcpStream, file: &Rc<TestFile>, from: u64, length: u64) -> Result<(), Failure> {
    let mut done = 0;
    while done < length {
        let room = stream.wait_writable(1).await? as u64;
        let mut count = stream.lent(0).min(room).min(length - done);
        if count == 0 && stream.lend(0, &loan(file, from + done, length - done)).is_ok() {
            count = stream.lent(0).min(room);
        }
        if count == 0 {
            let at = (from + done) as usize;
            let bytes = &file.content[at..at + room.min(length - done).min(500) as usize];
            done += stream.write(bytes).await? as u64;
        } else {
            stream.commit(count as usize);
            done += count;
        }
    }
    stream.push().await
}

async fn receive(stream: &mut TcpStream, expected: &[u8]) -> Result<(), Failure> {
    let mut bytes = vec![0; expected.len()];
    stream.read_exact(&mut bytes).await?;
    let wrong = bytes.iter().zip(expected).position(|(one, other)| one != other);
    assert_eq!(wrong, None, "of {} bytes", bytes.len());
    Ok(())
}

/// Random pieces and bytes of the ring, and memory that goes and comes: what arrives is what was written.
#[test]
fn a_storm_of_pieces() {
    let (mut lost, mut sent) = (0, 0);
    for seed in 1..150 {
        let world = World::new(seed);
        let (mut executor, session) = world.tasks(ARENA);
        let events = session.events().clone();
        let files: Vec<_> =
            (0..4).map(|number| TestFile::new(&events, number + 1, content(number))).collect();
        let mut random = Random::new(seed * 3);
        let script: Vec<(usize, u64, u64)> = (0..40)
            .map(|_| {
                let from = random.below(15_000) as u64;
                (random.below(5), from, 1 + random.below(5000) as u64)
            })
            .collect();
        let bytes = |(which, from, length): &(usize, u64, u64)| {
            let (from, end) = (*from as usize, (from + length) as usize);
            files[which % 4].content[from..end].to_vec()
        };
        let expected: Vec<u8> = script.iter().flat_map(bytes).collect();
        let done = executor.block_on(async {
            let (mut one, mut other) = pair(&session).await?;
            let write = async {
                for (which, from, length) in &script {
                    if *which == 4 {
                        let (from, end) = (*from as usize, (from + length) as usize);
                        one.write_all(&files[0].content[from..end]).await?;
                    } else {
                        send(&mut one, &files[*which], *from, *length).await?;
                    }
                }
                Ok(one)
            };
            let read = async {
                let (mut random, mut done) = (Random::new(seed * 5), 0);
                while done < expected.len() {
                    let count = (1 + random.below(2000)).min(expected.len() - done);
                    receive(&mut other, &expected[done..done + count]).await?;
                    done += count;
                    let file = &files[random.below(4)];
                    match random.below(4) {
                        0 => file.take_away(),
                        1 | 2 => file.put_back(),
                        _ => {}
                    }
                }
                Ok(())
            };
            let (one, read): (Result<_, Failure>, Result<(), Failure>) = join(write, read).await;
            read?;
            one?.close().await?;
            other.close().await
        });
        assert_eq!(done, Ok(Ok(())), "seed {seed}");
        let counted = world.server(|server| (server.lending.lost, server.lending.sent));
        (lost, sent) = (lost + counted.0, sent + counted.1);
    }
    assert!(lost > 100 && sent > 100_000, "{lost} pieces were lost, {sent} bytes came from pieces");
}

#[test]
fn a_source_is_kept_until_all_is_acknowledged_and_no_longer() {
    let world = World::new(3);
    let (mut executor, session) = world.tasks(ARENA);
    let file = TestFile::new(session.events(), 1, content(1));
    let done = executor.block_on(async {
        let (mut one, mut other) = pair(&session).await?;
        world.server(|server| server.is_frozen = true);
        send(&mut one, &file, 0, 3000).await?;
        session.events().sleep(Duration::from_secs(1)).await;
        assert!(Rc::strong_count(&file) > 1, "it may be needed yet");
        file.take_away();
        world.server(|server| server.is_frozen = false);
        // Who waits for something to read hears of it.
        let read = async {
            receive(&mut other, &content(1)[..3000]).await?;
            session.events().sleep(Duration::from_secs(1)).await;
            assert_eq!(Rc::strong_count(&file), 1, "nobody needs it any more");
            other.write_all(b"!").await
        };
        let (readable, read) = join(one.wait_readable(), read).await;
        read?;
        readable.map(|count| assert_eq!(count, 1))
    });
    assert_eq!(done, Ok(Ok(())));
}

#[test]
fn a_stream_that_is_dropped_sends_what_it_has_lent() {
    for is_taken_away in [false, true] {
        let world = World::new(4);
        let (mut executor, session) = world.tasks(ARENA);
        let file = TestFile::new(session.events(), 1, content(2));
        let done = executor.block_on(async {
            let (mut one, mut other) = pair(&session).await?;
            world.server(|server| server.is_frozen = true);
            send(&mut one, &file, 100, 4000).await?;
            drop(one);
            if is_taken_away {
                file.take_away();
            }
            world.server(|server| server.is_frozen = false);
            receive(&mut other, &content(2)[100..4100]).await?;
            session.settle().await?;
            assert_eq!(Rc::strong_count(&file), 1);
            Ok(())
        });
        assert_eq!(done, Ok(Ok::<_, Failure>(())));
    }
}

/// While the file is read the connection ends, and its rings become another's.
#[test]
fn nothing_is_put_into_rings_that_are_anothers() {
    let world = World::new(5);
    let (mut executor, session) = world.tasks(ARENA);
    let file = TestFile::new(session.events(), 1, content(3));
    let done = executor.block_on(async {
        let (mut one, other) = pair(&session).await?;
        file.delay.set(1_000_000);
        send(&mut one, &file, 0, 3000).await.unwrap_or(());
        file.take_away();
        session.events().sleep(Duration::from_nanos(1000)).await;
        assert_eq!(world.server(|server| server.lending.lost), 1);
        world.server(|server| server.reset_all());
        drop((one, other));
        session.settle().await?;
        let (next, accepted) = pair(&session).await?;
        let streams = [&next, &accepted];
        for piece in streams.iter().flat_map(|stream| stream.writable()) {
            piece.fill(0xaa);
        }
        session.events().sleep(Duration::from_millis(20)).await;
        for piece in streams.iter().flat_map(|stream| stream.writable()) {
            let mut bytes = vec![0; piece.len()];
            piece.copy_out(0, &mut bytes).unwrap();
            assert!(bytes.iter().all(|byte| *byte == 0xaa), "somebody has written here");
        }
        Ok(())
    });
    assert_eq!(done, Ok(Ok::<_, Failure>(())));
}

#[test]
fn what_can_not_be_read_any_more_ends_the_connection() {
    let world = World::new(6);
    let (mut executor, session) = world.tasks(ARENA);
    let file = TestFile::new(session.events(), 1, content(4));
    let done = executor.block_on(async {
        let (mut one, mut other) = pair(&session).await?;
        world.server(|server| server.is_frozen = true);
        send(&mut one, &file, 0, 3000).await?;
        file.take_away();
        file.fails.set(true);
        world.server(|server| server.is_frozen = false);
        let mut byte = [0];
        let (wrote, read) = join(one.wait_readable(), other.read(&mut byte)).await;
        assert_eq!((wrote, read), (Err(Failure::Gone), Err(Failure::Reset)));
        assert_eq!(Rc::strong_count(&file), 1);
        Ok(())
    });
    assert_eq!(done, Ok(Ok::<_, Failure>(())));
}

#[test]
fn memory_is_shown_once_and_what_was_used_longest_ago_goes() {
    let world = World::new(7);
    let (mut executor, session) = world.tasks(ARENA);
    let first = TestFile::new(session.events(), 1, content(5));
    let done = executor.block_on(async {
        let (mut one, mut other) = pair(&session).await?;
        let files: Vec<_> =
            (2..72).map(|number| TestFile::beside(session.events(), number, &first)).collect();
        for _ in 0..2 {
            for file in &files {
                first.table.0.words.borrow_mut()[1] = file.number;
                let (sent, read) =
                    join(send(&mut one, file, 5, 1000), receive(&mut other, &content(5)[5..1005])).await;
                sent.and(read)?;
                one.flush().await?;
            }
        }
        let shown: Vec<u32> = files.iter().map(|file| file.shown.get()).collect();
        assert!(shown.iter().all(|count| *count == 2), "in turns, more than there are places: {shown:?}");
        for _ in 0..5 {
            let file = files.last().unwrap();
            let (sent, read) =
                join(send(&mut one, file, 5, 10), receive(&mut other, &content(5)[5..15])).await;
            sent.and(read)?;
        }
        assert_eq!(files.last().unwrap().shown.get(), 2, "it is still there");
        // Another table, as of a file server's successor.
        let successor = TestFile::new(session.events(), 1, content(6));
        one.flush().await?;
        let (sent, read) =
            join(send(&mut one, &successor, 0, 3000), receive(&mut other, &content(6)[..3000])).await;
        sent.and(read)?;
        assert_eq!(successor.shown.get(), 1);
        Ok(())
    });
    assert_eq!(done, Ok(Ok::<_, Failure>(())));
}

#[test]
fn a_servers_successor_is_shown_all_anew() {
    let world = World::new(8);
    let (mut executor, session) = world.tasks(ARENA);
    let file = TestFile::new(session.events(), 1, content(7));
    let done = executor.block_on(async {
        for round in 1..4 {
            let (mut one, mut other) = pair(&session).await?;
            let (sent, read) =
                join(send(&mut one, &file, 7, 9000), receive(&mut other, &content(7)[7..9007])).await;
            sent.and(read)?;
            assert_eq!(file.shown.get(), round);
            world.kill();
            assert!(one.wait_readable().await.is_err());
            assert!(one.lend(0, &loan(&file, 0, 10)).is_err());
        }
        Ok(())
    });
    assert_eq!(done, Ok(Ok::<_, Failure>(())));
    assert_eq!(Rc::strong_count(&file), 1);
}

/// A region may end between two steps, and that is no news of the server.
#[test]
fn memory_that_has_ended_before_it_is_shown_is_copied() {
    let world = World::new(9);
    let (mut executor, session) = world.tasks(ARENA);
    let file = TestFile::new(session.events(), 1, content(8));
    let done = executor.block_on(async {
        let (mut one, mut other) = pair(&session).await?;
        file.has_ended.set(true);
        assert_eq!(one.lend(0, &loan(&file, 0, 100)), Err(Failure::Gone));
        let (sent, read) =
            join(send(&mut one, &file, 0, 3000), receive(&mut other, &content(8)[..3000])).await;
        sent.and(read)?;
        assert_eq!(world.server(|server| server.lending.sent), 0);
        file.has_ended.set(false);
        let (sent, read) =
            join(send(&mut one, &file, 0, 3000), receive(&mut other, &content(8)[..3000])).await;
        sent.and(read)?;
        assert_eq!(world.server(|server| server.lending.sent), 3000);
        Ok(())
    });
    assert_eq!(done, Ok(Ok::<_, Failure>(())));
}
