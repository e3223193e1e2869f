//! Measures what files cost, by the kernel's clock: under `-icount shift=0` and one CPU a nanosecond is an instruction.
//!
//! Each figure is printed as `bench NAME VALUE`, the least of some rounds, and only if what was read and listed was right. The directory is the first argument: a file system in memory unless
//! somebody says otherwise. `vfs-bench / vfs.stat 100000` does one of them that often. `vfs-bench sequential DEVICE PATH SECTOR BYTES STREAM` measures another thing: see the module.
//! `vfs-bench threads PATH…` says of each mount which thread of the server has it, and how many operations that thread has begun.
#![no_std]
#![no_main]
#![forbid(unsafe_code)]

extern crate alloc;

mod sequential;

use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use anax::{Error, println};
use anax_fs::{Failure, File, OpenOptions, Session};
use anax_pattern::{Direction, Pattern};
use sequential::Sequential;

const ROUNDS: usize = 16;
const PAGE: usize = 4096;

#[anax::main]
fn main() -> Result<(), Error> {
    let arguments = anax::arguments();
    let measured = match arguments {
        [word, rest @ ..] if word == "sequential" => sequential(rest),
        [word, rest @ ..] if word == "threads" => threads(rest),
        [directory, ..] => measure(directory.trim_end_matches('/')),
        [] => measure(""),
    };
    measured.map_err(|failure| {
        println!("vfs-bench: {failure}");
        failure.into()
    })
}

fn sequential(words: &[String]) -> Result<(), Failure> {
    let [device, path, numbers @ ..] = words else { return Err(Failure::BadArgument) };
    let number = |place: usize| numbers.get(place).and_then(|word: &String| word.parse::<u64>().ok());
    let (Some(first), Some(bytes), Some(stream)) = (number(0), number(1), number(2)) else {
        return Err(Failure::BadArgument);
    };
    let pattern = Pattern::new(stream, Direction::FromGuest);
    Sequential { device, path, first, bytes: bytes as usize, pattern }.measure()
}

fn threads(paths: &[String]) -> Result<(), Failure> {
    let session = Session::own()?;
    let mounts = session.mounts()?;
    for path in paths {
        let mount = mounts.iter().find(|mount| mount.path == *path).ok_or(Failure::NotFound)?;
        println!("{path} thread {} operations {}", mount.thread, session.operations(mount.thread)?);
    }
    Ok(())
}

fn now() -> u64 {
    anax::time::now().nanoseconds()
}

/// The least of some rounds, each checked; of as many as the arguments say, if they name this figure, for whoever looks on from outside.
fn least(name: &str, mut round: impl FnMut() -> Result<u64, Failure>) -> Result<(), Failure> {
    let mut arguments = anax::arguments().iter().skip(1);
    let (chosen, count) = (arguments.next(), arguments.next().and_then(|count| count.parse().ok()));
    if chosen.is_some_and(|chosen| **chosen != *name) {
        return Ok(());
    }
    let rounds: usize = count.unwrap_or(ROUNDS);
    let least = (0..rounds).try_fold(u64::MAX, |least, _| round().map(|value| least.min(value)))?;
    println!("bench {name} {least}");
    Ok(())
}

fn measure(directory: &str) -> Result<(), Failure> {
    let path = format!("{directory}/vfs-bench.data");
    let content: Vec<u8> = (0..16 * PAGE).map(|n| (n * 7 + n / 251) as u8).collect();
    anax_fs::write(&path, &content)?;
    let mut page = vec![0; PAGE];
    least("vfs.open_read_close", || {
        page.fill(0);
        let begun = now();
        let mut file = File::open(&path)?;
        let read = file.read(&mut page)?;
        drop(file);
        let took = now() - begun;
        check(read == PAGE && page == content[..PAGE])?;
        Ok(took)
    })?;
    least("vfs.stat", || {
        let begun = now();
        let known = anax_fs::metadata(&path)?;
        let took = now() - begun;
        check(known.size == content.len() as u64)?;
        Ok(took)
    })?;
    let file = File::open(&path)?;
    let mut number = 0;
    least("vfs.read_4k", || {
        number = (number + 5) % 16;
        let begun = now();
        let read = file.read_at((number * PAGE) as u64, &mut page)?;
        let took = now() - begun;
        check(read == PAGE && page == content[number * PAGE..][..PAGE])?;
        Ok(took)
    })?;
    let fresh = format!("{directory}/vfs-bench.new");
    least("vfs.create_unlink", || {
        let begun = now();
        drop(OpenOptions::new().write(true).create_new(true).open(&fresh)?);
        anax_fs::remove_file(&fresh)?;
        let took = now() - begun;
        check(anax_fs::metadata(&fresh) == Err(Failure::NotFound))?;
        Ok(took)
    })?;
    let mut writer = OpenOptions::new().write(true).open(&path)?;
    least("vfs.write_4k", || {
        let begun = now();
        writer.write_at(0, &content[PAGE..2 * PAGE])?;
        let took = now() - begun;
        file.read_at(0, &mut page)?;
        check(page == content[PAGE..2 * PAGE])?;
        writer.write_all(&content[..PAGE])?;
        writer.seek(anax_fs::SeekFrom::Start(0))?;
        Ok(took)
    })?;
    drop((file, writer));
    anax_fs::remove_file(&path)
}

/// What was not seen to have been done is not measured.
fn check(is_right: bool) -> Result<(), Failure> {
    if is_right { Ok(()) } else { Err(Failure::Damaged) }
}
