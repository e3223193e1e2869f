//! Attacks the kernel from user mode: the system test `hostile` and whoever doubts an isolation run it.
//!
//! The program is a supervisor. Each case makes a child space, runs an attacker there, and compares how that ended with what was
//! to be expected; then a server in a third space must still answer, and the supervisor's accounts must be what they were. The
//! exit status is the number of cases that did not hold, 127 at most. Argument 0: all of it; N: N rounds of making and
//! ending every kind of object and nothing else.
#![no_std]
#![no_main]

mod batches;
mod cases;
mod cycles;
mod functional;
mod gifts;
mod lab;
mod machine;
mod moves;
mod quarrels;
mod raw;
mod script;
mod urgency;
mod waits;

use anax_sys::object::Machine;
use anax_sys::{Error, log};

use crate::lab::Lab;

/// Rounds of making and ending when all is run.
const ROUNDS: u64 = 1_000;

anax_sys::main!(main);

/// The stack's pages are charged when they are first used: not in the middle of a case.
#[inline(never)]
fn use_stack() {
    let mut stack = [0_u8; 32 * 1024];
    core::hint::black_box(&mut stack);
}

fn main(argument: u64) -> Result<u64, Error> {
    log::to(Machine::FIRST);
    use_stack();
    let mut lab = Lab::open()?;
    if argument == 0 {
        functional::run(&mut lab);
        waits::run(&mut lab);
        urgency::run(&mut lab);
        machine::run(&mut lab);
        gifts::run(&mut lab);
        batches::run(&mut lab);
        raw::run(&mut lab);
        cases::run(&mut lab);
        quarrels::run(&mut lab);
        moves::run(&mut lab);
        cycles::run(&mut lab, ROUNDS);
    } else {
        cycles::run(&mut lab, argument);
    }
    let failed = lab.close();
    Ok(failed.min(127))
}
