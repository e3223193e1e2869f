//! Measures what the kernel costs a program, in instructions: under `-icount shift=0` the time stamp counter counts them.
//!
//! Each figure is logged as `bench NAME HUNDREDTHS`, with ID and TIMES behind it where the counting plugin can see it done TIMES times between
//! each two marks ID, and only if the work behind it was seen to have been done. The cost of an
//! empty loop of the same shape is taken off. Everything runs on CPU 0. "Remote" is a second address space, which holds a
//! copy of this program. Argument 1: what goes on between two CPUs, for the plugin alone.
#![no_std]
#![no_main]

mod bench;
mod child;
mod cross;
mod rings;
mod typed;
mod uthreads;

use anax_sys::object::Machine;
use anax_sys::{Error, log};

anax_sys::main!(main);

fn main(argument: u64) -> Result<(), Error> {
    log::to(Machine::FIRST);
    if argument == 1 { cross::all() } else { bench::all() }
}
