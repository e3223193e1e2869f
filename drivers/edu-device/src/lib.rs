//! What clients can ask of edu-device, and how the device is driven. Nothing here needs the machine: the tests play the device.
//!
//! The registers are those of QEMU's teaching device (its `docs/specs/edu`), which computes factorials and interrupts when it is done.
#![no_std]
#![forbid(unsafe_code)]

use anax_abi::Error;
use anax_device::Registers;
use anax_proto::{Answered, Later};

/// What the device can do for clients.
#[anax_proto::interface]
pub trait EduDevice {
    /// The factorial of a number up to 12. `Full` while the device computes for somebody else.
    #[idempotent]
    fn factorial(&mut self, number: u32, later: Later<u32, Error>);
}

/// Registers: what is to be computed, and then the result; what the device does; why it interrupts; what of that has been seen to.
const FACTORIAL: usize = 0x08;
const STATUS: usize = 0x20;
const REASON: usize = 0x24;
const ACKNOWLEDGE: usize = 0x64;

/// In `STATUS`: it computes; it is to interrupt when that is done.
const COMPUTES: u32 = 0x01;
const INTERRUPTS: u32 = 0x80;
/// The largest number whose factorial has 32 bits.
const LARGEST: u32 = 12;

/// The driver: its device, the client that waits for it, and the answer that is to be sent.
#[derive(Debug)]
pub struct Driver<R> {
    registers: R,
    waiting: Option<Later<u32, Error>>,
    answer: Option<Answered>,
}

impl<R: Registers> Driver<R> {
    /// Takes the device over as a predecessor may have left it: with an interrupt that nobody has seen to.
    #[must_use]
    pub fn new(registers: R) -> Self {
        registers.write32(ACKNOWLEDGE, registers.read32(REASON));
        registers.write32(STATUS, INTERRUPTS);
        Self { registers, waiting: None, answer: None }
    }

    fn computes(&self) -> bool {
        self.registers.read32(STATUS) & COMPUTES != 0
    }

    /// The device has interrupted. If it still computes, that was for a predecessor.
    pub fn interrupted(&mut self) {
        self.registers.write32(ACKNOWLEDGE, self.registers.read32(REASON));
        if !self.computes() {
            let result = self.registers.read32(FACTORIAL);
            self.answer = self.waiting.take().map(|later| later.answer(Ok(result)));
        }
    }

    /// The answer that is due now.
    pub fn answer(&mut self) -> Option<Answered> {
        self.answer.take()
    }
}

impl<R: Registers> EduDevice for Driver<R> {
    fn factorial(&mut self, number: u32, later: Later<u32, Error>) {
        if number > LARGEST || self.waiting.is_some() || self.computes() {
            let error = if number > LARGEST { Error::BadArgument } else { Error::Full };
            self.answer = Some(later.answer(Err(error)));
            return;
        }
        self.waiting = Some(later);
        self.registers.write32(FACTORIAL, number);
    }
}

#[cfg(test)]
mod tests {
    use core::cell::Cell;

    use anax_proto::{Caller, Loopback, Mood};
    use anax_storm::{Promises, cases, storm};

    use super::*;

    /// The device as the driver sees it.
    #[derive(Debug, Default)]
    struct Model {
        number: Cell<u32>,
        status: Cell<u32>,
        reason: Cell<u32>,
    }

    impl Model {
        /// It has computed. Whether it interrupts now.
        fn finish(&self) -> bool {
            self.number.set((1..=self.number.get()).product());
            self.status.set(self.status.get() & !COMPUTES);
            self.reason.set(self.status.get() >> 7);
            self.reason.get() != 0
        }
    }

    impl Registers for &Model {
        fn length(&self) -> usize {
            0x100
        }

        fn read32(&self, offset: usize) -> u32 {
            match offset {
                FACTORIAL => self.number.get(),
                STATUS => self.status.get(),
                REASON => self.reason.get(),
                _ => panic!("no register to read at {offset:#x}"),
            }
        }

        fn write32(&self, offset: usize, value: u32) {
            match offset {
                // It takes no other number while it computes.
                FACTORIAL if self.status.get() & COMPUTES != 0 => {}
                FACTORIAL => {
                    self.number.set(value);
                    self.status.set(self.status.get() | COMPUTES);
                }
                STATUS => self.status.set(self.status.get() & COMPUTES | value & INTERRUPTS),
                ACKNOWLEDGE => self.reason.set(self.reason.get() & !value),
                _ => panic!("no register to write at {offset:#x}"),
            }
        }

        fn read8(&self, _: usize) -> u8 {
            panic!("all registers have 32 bits")
        }

        fn read16(&self, _: usize) -> u16 {
            panic!("all registers have 32 bits")
        }

        fn write8(&self, _: usize, _: u8) {
            panic!("all registers have 32 bits")
        }

        fn write16(&self, _: usize, _: u16) {
            panic!("all registers have 32 bits")
        }
    }

    /// What a driver answers: to whom, and what.
    fn answer(driver: &mut Driver<&Model>) -> Option<(u64, Result<u64, Error>)> {
        let Answered { ticket, reply, .. } = driver.answer()?;
        let is_well = reply.code >= 0;
        Some((ticket, if is_well { Ok(reply.words[0]) } else { Err(Error::from_code(reply.code)) }))
    }

    #[test]
    fn it_answers_when_the_device_interrupts() {
        let model = Model::default();
        let mut driver = Driver::new(&model);
        driver.factorial(5, Later::new(1));
        assert_eq!(answer(&mut driver), None);
        assert!(model.finish());
        driver.interrupted();
        assert_eq!(answer(&mut driver), Some((1, Ok(120))));
        assert_eq!(model.reason.get(), 0, "it would interrupt for ever");
    }

    #[test]
    fn what_it_can_not_do_it_says_at_once() {
        let model = Model::default();
        let mut driver = Driver::new(&model);
        driver.factorial(13, Later::new(1));
        assert_eq!(answer(&mut driver), Some((1, Err(Error::BadArgument))));
        driver.factorial(12, Later::new(2));
        driver.factorial(3, Later::new(3));
        assert_eq!(answer(&mut driver), Some((3, Err(Error::Full))));
        model.finish();
        driver.interrupted();
        assert_eq!(answer(&mut driver), Some((2, Ok(479_001_600))));
    }

    #[test]
    fn nobody_gets_what_a_predecessor_has_asked_for() {
        let model = Model::default();
        Driver::new(&model).factorial(4, Later::new(1));
        let mut driver = Driver::new(&model);
        driver.factorial(5, Later::new(2));
        assert_eq!(answer(&mut driver), Some((2, Err(Error::Full))));
        model.finish();
        driver.factorial(5, Later::new(3));
        driver.interrupted();
        assert_eq!(answer(&mut driver), None);
        model.finish();
        driver.interrupted();
        assert_eq!(answer(&mut driver), Some((3, Ok(120))));
    }

    #[test]
    fn a_driver_that_dies_is_asked_again() {
        let model = Model::default();
        let way = Loopback::new(edu_device::Serve(Driver::new(&model)), Caller(1));
        let mut client = EduDeviceClient::over(way);
        client.transport().set_mood(Mood::DiesBefore);
        // So says the loopback where an answer comes later.
        assert_eq!(client.factorial(5), Err(Error::WouldBlock));
        assert_eq!(client.transport().deaths(), 1);
    }

    #[test]
    fn a_storm_of_requests() {
        let model = Model::default();
        let (mut server, mut promises) = (edu_device::Serve(Driver::new(&model)), Promises::new());
        storm(&mut server, 1, cases(), &["edu-device"], |edu_device::Serve(driver), case| {
            promises.asked(case);
            driver.answer().iter().for_each(|answered| promises.answered(answered));
            if case.wild.words[1] % 2 == 0 && driver.computes() && model.finish() {
                driver.interrupted();
            }
            driver.answer().iter().for_each(|answered| promises.answered(answered));
            assert!(promises.owed() <= 1, "only one waits at a time");
        });
    }
}
