//! One file under three names: filters, which read standard input and print, and a program that joins them by pipes and looks at what comes of it.
//!
//! | program | |
//! |---|---|
//! | `upper` | passes on lines in capitals, and says on standard error how many there were |
//! | `filters pattern BYTES [SECONDS]` | writes so many bytes, each known by its place; waits so long at the end |
//! | `filters check [BYTES]` | reads them until the end, and ends with 1 if one is wrong or one is missing |
//! | `filters TRIAL` | see [`trials`] |
#![no_std]
#![no_main]
#![forbid(unsafe_code)]

extern crate alloc;

mod trials;

use alloc::vec;
use alloc::vec::Vec;
use core::time::Duration;

use anax::{Error, eprintln, println, stdin, stdout};

/// Bytes that are read or written at once: no power of two, so that pieces begin at all places of whatever holds them.
const CHUNK: usize = 20_011;

#[anax::main]
fn main() -> Result<u64, Error> {
    let arguments: Vec<&str> = anax::arguments().iter().map(|text| text.as_str()).collect();
    let number = |place: usize| arguments.get(place).and_then(|text| text.parse().ok());
    match (anax::name(), arguments.first()) {
        ("upper", _) => upper().map(|()| 0),
        (_, Some(&"pattern")) => {
            pattern(number(1).ok_or(Error::BadArgument)?)?;
            anax::time::sleep(Duration::from_secs(number(2).unwrap_or(0)));
            Ok(0)
        }
        (_, Some(&"check")) => check(number(1)),
        _ => trials::run(&arguments),
    }
}

fn upper() -> Result<(), Error> {
    let mut count = 0;
    for line in stdin().lines() {
        println!("{}", line?.to_ascii_uppercase());
        count += 1;
    }
    eprintln!("{count} lines");
    Ok(())
}

/// The byte at a place: the same for no two places that a mistake would take for each other.
const fn byte(place: u64) -> u8 {
    (place ^ place >> 8 ^ place >> 16 ^ place >> 24) as u8
}

fn pattern(bytes: u64) -> Result<(), Error> {
    let mut written = 0;
    while written < bytes {
        let end = bytes.min(written + CHUNK as u64);
        let chunk: Vec<u8> = (written..end).map(byte).collect();
        stdout().write_all(&chunk)?;
        written = end;
    }
    stdout().flush()
}

fn check(expected: Option<u64>) -> Result<u64, Error> {
    let (mut bytes, mut read) = (vec![0; CHUNK], 0);
    loop {
        let count = stdin().read(&mut bytes)?;
        if count == 0 {
            break;
        }
        let wrong = (read..).zip(&bytes[..count]).find(|(place, seen)| byte(*place) != **seen);
        if let Some((place, seen)) = wrong {
            eprintln!("byte {place} is {seen} instead of {}", byte(place));
            return Ok(1);
        }
        read += count as u64;
    }
    println!("{read} bytes are right");
    Ok(u64::from(expected.is_some_and(|expected| expected != read)))
}
