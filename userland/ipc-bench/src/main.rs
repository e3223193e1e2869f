//! Measures what the kernel costs a program, in instructions: under `-icount shift=0` the time stamp counter counts them.
//!
//! Each figure is logged as `bench NAME HUNDREDTHS`, and only if the work behind it was seen to have been done. The cost of an
//! empty loop of the same shape is taken off. Everything runs on CPU 0. "Remote" is a second address space, which holds a
//! copy of this program.
#![no_std]
#![no_main]

mod bench;
mod child;
mod rings;

use anax_sys::object::Machine;
use anax_sys::{Error, log};

anax_sys::main!(main);

fn main(_argument: u64) -> Result<(), Error> {
    log::to(Machine::FIRST);
    bench::all()
}
