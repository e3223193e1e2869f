//! Each rule by itself.

use anax_abi::{Error, Handle, Rights};
use anax_proto::{Caller, Gift, Later};
use anax_stream::{BULK, ByteStream as _, CAPACITY, MOST_WAITING, PIECE};

use crate::table::{Got, LENT, Users};

const DONE: Got = Got::Bytes(Vec::new());

fn bytes(text: &str) -> Got {
    Got::Bytes(text.as_bytes().to_vec())
}

#[test]
fn bytes_come_in_order_and_in_any_pieces() {
    let mut users = Users::new();
    let waits = users.read(4);
    assert_eq!(users.got(waits), Got::Nothing);
    let written = users.write(b"hello, world");
    assert_eq!((users.got(written), users.got(waits)), (DONE, bytes("hell")));
    assert_eq!(users.read_into(3), Ok(b"o, ".to_vec()));
    assert_eq!(users.write_from(b"!!"), Ok(2));
    let rest = users.read(PIECE as u8);
    assert_eq!(users.got(rest), bytes("world!!"));
    assert_eq!(users.read_into(1), Err(Error::WouldBlock));
}

#[test]
fn a_full_pipe_lets_writers_wait_in_order() {
    let mut users = Users::new();
    while users.write_from(&[b'x'; BULK]).is_ok() {}
    assert_eq!(users.write_from(b"y"), Err(Error::WouldBlock));
    let (reader, writer) = (users.reader, users.writer);
    let room = users.ready(writer);
    let waiting = [users.write(b"first"), users.write(b"second")];
    assert_eq!(waiting.map(|ticket| users.got(ticket)), [Got::Nothing, Got::Nothing]);
    assert_eq!(users.read_into(7).map(|bytes| bytes.len()), Ok(7));
    assert_eq!(waiting.map(|ticket| users.got(ticket)), [DONE, Got::Nothing]);
    assert_eq!(users.write_from(b"y"), Err(Error::WouldBlock), "nobody overtakes");
    assert_eq!(users.got(room), Got::Nothing);
    assert_eq!(users.read_into(BULK).map(|bytes| bytes.len()), Ok(BULK));
    assert_eq!((users.got(waiting[1]), users.got(room)), (DONE, DONE));
    let there = users.ready(reader);
    assert_eq!(users.got(there), DONE);
    let mut rest = Vec::new();
    while let Ok(more) = users.read_into(BULK) {
        rest.extend(more);
    }
    assert_eq!((rest.len(), &rest[rest.len() - 11..]), (CAPACITY - 7 - BULK + 11, &b"firstsecond"[..]));
}

#[test]
fn the_last_writer_s_end_is_the_end() {
    let mut users = Users::new();
    users.write(b"last words");
    users.pipes.gone(users.writer.0);
    assert_eq!(users.read_into(5), Ok(b"last ".to_vec()));
    let [rest, end] = [users.read(32), users.read(32)];
    assert_eq!((users.got(rest), users.got(end)), (bytes("words"), DONE));
    assert_eq!(users.read_into(5), Ok(vec![]));
    let late = users.write(b"late");
    assert_eq!(users.got(late), Got::Failed(Error::PeerDied), "nothing comes behind the end");
    users.pipes.gone(users.reader.0);
    assert_eq!(users.pipes.count(), 0);
}

#[test]
fn a_waiting_reader_is_told_of_the_end() {
    let mut users = Users::new();
    let (reader, ready) = (users.read(32), users.ready(users.reader));
    users.pipes.gone(users.writer.0);
    assert_eq!((users.got(reader), users.got(ready)), (DONE, DONE));
}

#[test]
fn without_readers_nobody_writes() {
    let mut users = Users::new();
    while users.write_from(&[b'x'; BULK]).is_ok() {}
    let (waits, ready) = (users.write(b"more"), users.ready(users.writer));
    users.pipes.gone(users.reader.0);
    assert_eq!((users.got(waits), users.got(ready)), (Got::Failed(Error::PeerDied), DONE));
    assert_eq!(users.write_from(b"more"), Err(Error::PeerDied));
    let late = users.write(b"more");
    assert_eq!(users.got(late), Got::Failed(Error::PeerDied));
    users.pipes.gone(users.writer.0);
    assert_eq!(users.pipes.count(), 0);
    let over = users.write(b"more");
    assert_eq!(users.got(over), Got::Failed(Error::PeerDied), "the badge is good for nothing else");
}

#[test]
fn the_dead_get_nothing() {
    let mut users = Users::new();
    let (dead, alive) = (users.read(32), users.read(32));
    users.pipes.host().dead.insert(dead);
    users.write(b"for the living");
    assert_eq!(users.got(alive), bytes("for the living"));
}

#[test]
fn an_end_is_for_one_direction() {
    let mut users = Users::new();
    (users.reader, users.writer) = (users.writer, users.reader);
    let (read, written) = (users.read(1), users.write(b"x"));
    assert_eq!(users.got(read), Got::Failed(Error::NoRights));
    assert_eq!(users.got(written), Got::Failed(Error::NoRights));
    assert_eq!((users.write_from(b"x"), users.read_into(1)), (Err(Error::NoRights), Err(Error::NoRights)));
}

#[test]
fn lies_are_refused_and_lent_memory_is_given_back() {
    let mut users = Users::new();
    let (writer, reader) = (users.writer, users.reader);
    users.pipes.write(writer, PIECE as u8 + 1, [0; 4], Later::new(77));
    assert_eq!(users.got(77), Got::Failed(Error::BadArgument));
    let none = users.read(0);
    assert_eq!(users.got(none), Got::Failed(Error::BadArgument));
    users.write(b"there");
    let nothing = Gift::copy(Handle::new(5, 5), Rights::ALL);
    for length in [0, 1, BULK as u64 + 1, u64::MAX] {
        assert_eq!(users.pipes.write_from(writer, length, nothing), Err(Error::BadArgument));
        assert_eq!(users.pipes.read_into(reader, length, nothing), Err(Error::BadArgument));
    }
    assert_eq!(users.pipes.read_into(Caller(u64::MAX), 1, nothing), Err(Error::PeerDied));
    assert_eq!(users.pipes.host().closed.len(), 9);
    assert_eq!(users.read_into(32), Ok(b"there".to_vec()), "nothing of it is gone");
    assert_eq!(users.pipes.host().closed.last(), Some(&LENT));
}

#[test]
fn who_has_waited_longest_makes_room() {
    let mut users = Users::new();
    let readers: Vec<_> = (0..=MOST_WAITING).map(|_| users.read(1)).collect();
    assert_eq!(users.got(readers[0]), Got::Failed(Error::Aborted));
    users.write(b"x");
    assert_eq!(users.got(readers[1]), bytes("x"));
}
