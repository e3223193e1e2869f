//! The driver's program that waits for no interrupt and looks at the card from time to time: soon after there was something, more
//! rarely while there is nothing. It costs a little all the time and nothing more under load. What the client asks for wakes it.
#![no_std]
#![no_main]
#![forbid(unsafe_code)]

use anax_driver::program::Given;
use anax_sys::Error;

#[anax::main]
fn main() -> Result<u64, Error> {
    virtio_net::program::run_looking(&Given::find()?)
}
