//! The driver's program in which one bit flips at some time, as its arguments say: device, seed, and `polling` if it is to be the one that looks
//! from time to time. See `anax_inject`.
#![no_std]
#![no_main]
#![forbid(unsafe_code)]

use anax_driver::program::Given;
use anax_inject::{Injector, Places};
use anax_sys::Error;
use virtio_net::program::{self, Queue};

#[anax::main]
fn main() -> Result<u64, Error> {
    let given = Given::find()?;
    let (receive, rest) = given.memory.split(Queue::WORDS).ok_or(Error::BadArgument)?;
    let places = Places::new(given.block, anax_nic::BUFFERS)
        .with_words(receive, Queue::steering())
        .with_words(rest, Queue::steering());
    let given = given.with(Injector::from_arguments(places));
    if anax::arguments().get(2).is_some_and(|way| way == "polling") {
        program::run_looking(&given)
    } else {
        program::run_hearing(&given)
    }
}
