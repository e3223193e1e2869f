//! What clocks say, and a storm.

use std::cell::Cell;

use anax_abi::Error;
use anax_calendar::{Date, WallClock as _, wall_clock};
use anax_device::Ports;
use anax_storm::{cases, storm};
use rtc::{Clock, read};

/// A clock: registers by number, of which the seconds go on while it is updated.
struct Model {
    registers: [u8; 128],
    index: Cell<usize>,
    /// Looks for which it is being updated.
    updates: Cell<u32>,
    /// Each look at the seconds is another second.
    is_mad: bool,
    looks: Cell<u8>,
}

fn model(time: [u8; 7], status: u8) -> Model {
    let mut registers = [0; 128];
    for (number, value) in [0, 2, 4, 7, 8, 9, 0x32].into_iter().zip(time) {
        registers[number] = value;
    }
    registers[0x0b] = status;
    Model { registers, index: Cell::new(0), updates: Cell::new(3), is_mad: false, looks: Cell::new(0) }
}

impl Ports for Model {
    fn read8(&self, offset: u16) -> u8 {
        assert_eq!(offset, 1);
        match self.index.get() {
            0x0a if self.updates.get() > 0 => {
                self.updates.set(self.updates.get() - 1);
                0x80
            }
            0 if self.is_mad => {
                self.looks.set(self.looks.get().wrapping_add(1));
                self.looks.get()
            }
            number => self.registers[number],
        }
    }

    fn write8(&self, offset: u16, value: u8) {
        assert_eq!(offset, 0);
        self.index.set(value.into());
    }

    fn read16(&self, _: u16) -> u16 {
        unreachable!()
    }

    fn write16(&self, _: u16, _: u16) {
        unreachable!()
    }
}

#[test]
fn all_ways_to_say_it() {
    let said = |time, status| read(&model(time, status)).map(|seconds| Date::of(seconds).to_string());
    let right = Ok("2024-02-29 23:58:59".to_string());
    assert_eq!(said([0x59, 0x58, 0x23, 0x29, 0x02, 0x24, 0x20], 0x02), right, "decimal");
    assert_eq!(said([59, 58, 23, 29, 2, 24, 20], 0x06), right, "binary");
    assert_eq!(said([0x59, 0x58, 0x91, 0x29, 0x02, 0x24, 0x20], 0x00), right, "to 12");
    assert_eq!(said([59, 58, 0x8b, 29, 2, 24, 0], 0x04), right, "binary, to 12, without a century");
    let midnight = said([0, 0, 0x12, 1, 1, 0, 0x20], 0x00);
    assert_eq!(midnight, Ok("2000-01-01 00:00:00".into()));
    assert_eq!(
        said([0x59, 0x58, 0x23, 0x30, 0x02, 0x24, 0x20], 0x02),
        Err(Error::BadArgument),
        "no such day"
    );
    assert_eq!(said([0xff; 7], 0xff), Err(Error::BadArgument), "there is none");
    let mad = Model { is_mad: true, ..model([0; 7], 0) };
    assert_eq!(read(&mad), Err(Error::TimedOut));
}

#[test]
fn time_goes_on() {
    let now = Cell::new(5);
    let mut clock = Clock::new(Ok(1000), || now.get());
    assert_eq!(clock.now(), Ok(1_000_000_000_000));
    now.set(25);
    assert_eq!(clock.now(), Ok(1_000_000_000_020));
    assert_eq!(Clock::new(Err(Error::TimedOut), || 0).now(), Err(Error::BadArgument));
    assert_eq!(Clock::new(Ok(u64::MAX), || 0).now(), Err(Error::BadArgument));
}

#[test]
fn a_storm_of_requests() {
    let mut time = 0;
    let clock = Clock::new(Ok(1000), || {
        time += 1;
        time
    });
    let mut answers = 0_u64;
    storm(&mut wall_clock::Serve(clock), 1, cases(), &["wall-clock"], |_, case| {
        answers += u64::from(case.reply.code == 0);
    });
    assert!(answers > 0, "nobody sane was among them");
}
