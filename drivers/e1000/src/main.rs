//! The driver's program: what [`anax_nic::program`] does with an 82540EM, which has one interrupt, by its line.
#![no_std]
#![no_main]
#![forbid(unsafe_code)]

use anax_nic::handover::IRQ;
use anax_nic::program::{self, Wake};
use anax_sys::Error;
use e1000::{Nic, Throttle};

anax_sys::main!(main);

/// Descriptors in each direction.
const DESCRIPTORS: usize = 128;
/// Between interrupts. While there is work the driver polls anyway.
const THROTTLE: Throttle = Throttle::from_microseconds(20);

fn main(_argument: u64) -> Result<u64, Error> {
    program::run(&[(IRQ, Wake::Line)], |given| {
        Ok(Nic::<_, _, DESCRIPTORS>::start(given.registers, given.queues, THROTTLE).ok())
    })
}
