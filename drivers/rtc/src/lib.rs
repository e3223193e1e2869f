//! The PC's real-time clock, a Motorola MC146818 or what takes itself for one: ten registers of time behind an index and a data port (data sheet of 1984; ACPI 6.5, 4.8.2.4
//! for the century).
//!
//! It is read once: from then on the kernel's clock counts, which is finer, and nobody else sets this one. UTC is assumed, as emulators have it.
#![no_std]
#![forbid(unsafe_code)]

use anax_abi::Error;
use anax_calendar::{Date, WallClock};
use anax_device::Ports;

/// Offsets of the ports.
const INDEX: u16 = 0;
const DATA: u16 = 1;

const SECONDS: u8 = 0x00;
const MINUTES: u8 = 0x02;
const HOURS: u8 = 0x04;
const DAY: u8 = 0x07;
const MONTH: u8 = 0x08;
const YEAR: u8 = 0x09;
const STATUS_A: u8 = 0x0a;
const STATUS_B: u8 = 0x0b;
/// Where PCs keep it.
const CENTURY: u8 = 0x32;

/// Of status A: the registers are about to change.
const UPDATING: u8 = 0x80;
/// Of status B: numbers are binary, hours go to 24.
const BINARY: u8 = 0x04;
const HOURS_24: u8 = 0x02;
/// Of the hours, if they go to 12.
const AFTERNOON: u8 = 0x80;

/// How often it is read until it says the same twice. An update takes 2 ms, and a look some microseconds.
const MOST_LOOKS: u32 = 20_000;
/// The century of a clock that names none that can be.
const THIS_CENTURY: u8 = 20;

const SECOND: u64 = 1_000_000_000;

fn register(ports: &impl Ports, number: u8) -> u8 {
    ports.write8(INDEX, number);
    ports.read8(DATA)
}

/// What the clock says: seconds since 1970 began.
///
/// # Errors
/// `TimedOut`: it never says the same twice. `BadArgument`: that is no time.
pub fn read(ports: &impl Ports) -> Result<u64, Error> {
    let look = || [SECONDS, MINUTES, HOURS, DAY, MONTH, YEAR, CENTURY].map(|number| register(ports, number));
    let mut last = None;
    for _ in 0..MOST_LOOKS {
        if register(ports, STATUS_A) & UPDATING != 0 {
            last = None;
            continue;
        }
        let seen = look();
        if last == Some(seen) {
            return seconds(seen, register(ports, STATUS_B)).ok_or(Error::BadArgument);
        }
        last = Some(seen);
    }
    Err(Error::TimedOut)
}

fn seconds([second, minute, hour, day, month, year, century]: [u8; 7], status: u8) -> Option<u64> {
    let number = |register: u8| {
        let is_decimal = register >> 4 < 10 && register & 0xf < 10;
        if status & BINARY != 0 {
            Some(u64::from(register))
        } else {
            is_decimal.then(|| u64::from(register >> 4) * 10 + u64::from(register & 0xf))
        }
    };
    let hour = if status & HOURS_24 != 0 {
        number(hour)?
    } else {
        // 12 in the morning is 0.
        number(hour & !AFTERNOON)? % 12 + if hour & AFTERNOON != 0 { 12 } else { 0 }
    };
    let century =
        number(century).filter(|century| (19..=99).contains(century)).unwrap_or(THIS_CENTURY.into());
    let year = century * 100 + number(year)?;
    let date = Date {
        year,
        month: number(month)?,
        day: number(day)?,
        hour,
        minute: number(minute)?,
        second: number(second)?,
    };
    date.seconds()
}

/// Serves the time: what the clock has said, and what the kernel's has counted since.
#[derive(Debug)]
pub struct Clock<N> {
    /// Nanoseconds since 1970 began when the kernel's clock was 0, if that is known.
    zero: Option<u64>,
    now: N,
}

impl<N: FnMut() -> u64> Clock<N> {
    /// From what the clock has said; `now` is the kernel's, in nanoseconds since boot.
    pub fn new(said: Result<u64, Error>, mut now: N) -> Self {
        let zero = said.ok().and_then(|seconds| seconds.checked_mul(SECOND)?.checked_sub(now()));
        Self { zero, now }
    }
}

impl<N: FnMut() -> u64> WallClock for Clock<N> {
    fn now(&mut self) -> Result<u64, Error> {
        let zero = self.zero.ok_or(Error::BadArgument)?;
        zero.checked_add((self.now)()).ok_or(Error::BadArgument)
    }
}
