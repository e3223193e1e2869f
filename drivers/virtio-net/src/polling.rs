//! The driver's program that waits for no interrupt and looks at the card from time to time: soon after there was something, more
//! rarely while there is nothing. It costs a little all the time and nothing more under load. What the client asks for wakes it.
#![no_std]
#![no_main]
#![forbid(unsafe_code)]

use core::time::Duration;

use anax_driver::Pace;
use anax_driver::program::Given;
use anax_nic::program::Hears;
use anax_sys::Error;

/// Between two looks: after something has happened, and at most.
const SHORTEST: Duration = Duration::from_micros(100);
const LONGEST: Duration = Duration::from_millis(1);

#[anax::main]
fn main() -> Result<u64, Error> {
    virtio_net::program::run(&Given::find()?, Hears::Pace(Pace::new(SHORTEST, LONGEST)))
}
