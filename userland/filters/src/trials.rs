//! Filters joined by pipes, and ended in the middle of it: `filters TRIAL`, which ends with 1 if something is not as it should be.
//!
//! | trial | |
//! |---|---|
//! | `pipe BYTES` | what is written at the one end comes out of the other |
//! | `shared` | two write to one pipe, which ends with the last of them; each of their lines stays whole |
//! | `reader-dies` | whoever writes on and on is told so, and ends |
//! | `writer-dies` | whoever reads comes to the end |
//! | `null` | there is nothing to read, and nobody is held up who writes |
//! | `often TIMES` | all of these, after which pages, handles, threads and messages are what they were |

use alloc::string::ToString as _;
use alloc::vec::Vec;
use core::time::Duration;

use anax::process::{Child, Command, system};
use anax::stream::{Stdio, pipe};
use anax::{Error, println};
use anax_system::KILLED;

/// More than any pipe holds.
const ENDLESS: &str = "1099511627776";
/// Bytes that a pipe carries in the trials that are done often.
const SOME: u64 = 200_000;
/// Rounds before the accounts are looked at first: heaps grow to what they need.
const WARM: u32 = 3;
/// Lines of each of two writers.
const LINES: usize = 500;

pub(crate) fn run(arguments: &[&str]) -> Result<u64, Error> {
    let is_right = match arguments {
        ["pipe", bytes] => carries(bytes.parse().map_err(|_| Error::BadArgument)?)?,
        ["shared"] => is_shared()?,
        ["reader-dies"] => reader_dies()?,
        ["writer-dies"] => writer_dies()?,
        ["null"] => null()?,
        ["often", times] => leaves_nothing(times.parse().map_err(|_| Error::BadArgument)?)?,
        _ => return Err(Error::BadArgument),
    };
    Ok(u64::from(!is_right))
}

/// This file, as one of the programs that have no name of their own.
fn program(name: &str) -> Result<Command, Error> {
    Ok(Command::new("filters")?.argument(name))
}

/// Says so if a program has not ended as it should.
fn ended(name: &str, child: &mut Child, expected: u64) -> Result<bool, Error> {
    let status = child.wait()?;
    if status != expected {
        println!("filters: {name} ended with {status:#x} instead of {expected:#x}");
    }
    Ok(status == expected)
}

fn carries(bytes: u64) -> Result<bool, Error> {
    let (reader, writer) = pipe()?;
    let (between, on) = pipe()?;
    let bytes = bytes.to_string();
    let mut first = program("pattern")?.argument(&bytes).stdout(writer).start()?;
    let mut second = Command::new("cat")?.stdin(reader).stdout(on).start()?;
    let mut third = program("check")?.argument(&bytes).stdin(between).start()?;
    let ends = [ended("pattern", &mut first, 0)?, ended("cat", &mut second, 0)?];
    Ok(ended("check", &mut third, 0)? && ends == [true; 2])
}

fn is_shared() -> Result<bool, Error> {
    let (mut reader, writer) = pipe()?;
    let (sources, lines): (Vec<_>, Vec<_>) =
        (0..2).map(|_| pipe()).collect::<Result<Vec<_>, _>>()?.into_iter().unzip();
    let mut children = Vec::new();
    for source in sources {
        children.push(
            Command::new("upper")?.stdin(source).stdout(writer.try_clone()?).stderr(Stdio::Null).start()?,
        );
    }
    drop(writer);
    // Both have lines all the time.
    let mut lines = lines;
    for line in 0..LINES {
        for (place, source) in lines.iter_mut().enumerate() {
            source.write_all(alloc::format!("{place} line {line}\n").as_bytes())?;
        }
    }
    drop(lines);
    let mut read = Vec::new();
    reader.read_to_end(&mut read, 1 << 20)?;
    let text = core::str::from_utf8(&read).map_err(|_| Error::PeerMisbehaved)?;
    let mut next = [0; 2];
    for line in text.lines() {
        let (place, number) = line.split_once(" LINE ").ok_or(Error::PeerMisbehaved)?;
        let place: usize = place.parse().map_err(|_| Error::PeerMisbehaved)?;
        let next = next.get_mut(place).ok_or(Error::PeerMisbehaved)?;
        if number.parse() != Ok(*next) {
            println!("filters: {line:?} instead of line {next}");
            return Ok(false);
        }
        *next += 1;
    }
    for child in &mut children {
        ended("upper", child, 0)?;
    }
    Ok(next == [LINES; 2])
}

fn reader_dies() -> Result<bool, Error> {
    let (reader, writer) = pipe()?;
    let mut first = program("pattern")?.argument(ENDLESS).stdout(writer).start()?;
    let mut second = program("check")?.stdin(reader).start()?;
    anax::time::sleep(Duration::from_millis(20));
    second.kill()?;
    let is_killed = ended("check", &mut second, KILLED)?;
    Ok(ended("pattern", &mut first, Error::PeerDied.code().cast_unsigned())? && is_killed)
}

fn writer_dies() -> Result<bool, Error> {
    let (reader, writer) = pipe()?;
    let mut first = program("pattern")?.argument(ENDLESS).stdout(writer).start()?;
    let mut second = program("check")?.stdin(reader).stdout(Stdio::Null).start()?;
    anax::time::sleep(Duration::from_millis(20));
    first.kill()?;
    let is_killed = ended("pattern", &mut first, KILLED)?;
    Ok(ended("check", &mut second, 0)? && is_killed)
}

fn null() -> Result<bool, Error> {
    let mut reads = program("check")?.argument("0").stdin(Stdio::Null).stdout(Stdio::Null).start()?;
    let mut writes = program("pattern")?.argument("100000").stdout(Stdio::Null).start()?;
    Ok(ended("check", &mut reads, 0)? && ended("pattern", &mut writes, 0)?)
}

fn leaves_nothing(times: u32) -> Result<bool, Error> {
    let mut before = [0; 4];
    for time in 0..WARM + times {
        if time == WARM {
            before = account()?;
        }
        if !(carries(SOME)? && is_shared()? && reader_dies()? && writer_dies()? && null()?) {
            return Ok(false);
        }
    }
    let after = account()?;
    if after != before {
        println!("filters: pages, handles, threads, messages are {after:?}, and were {before:?}");
    }
    Ok(after == before)
}

/// What all processes have taken, when the ends of those that were just waited for are all told.
fn account() -> Result<[u64; 4], Error> {
    let mut last = [0; 4];
    loop {
        anax::time::sleep(Duration::from_millis(50));
        let now = system()?.account()?;
        if core::mem::replace(&mut last, now) == now {
            return Ok(now);
        }
    }
}
