//! The driver's program.
#![no_std]
#![no_main]
#![forbid(unsafe_code)]

use anax::object::Ports;
use anax::{Error, log};
use anax_calendar::wall_clock;
use anax_manifest::Capability;
use rtc::{Clock, read};

/// The registers, as the manifest asks for them.
const FIRST: u16 = 0x70;
const COUNT: u16 = 2;

#[anax::main]
fn main() -> Result<(), Error> {
    let ports = anax::handle(Capability::IO_PORTS).ok_or(Error::BadHandle)?;
    let ports = anax_mapped::ports(Ports::from_handle(ports), FIRST, COUNT)?;
    let said = read(&ports);
    if let Err(error) = said {
        // Whoever asks is told; the machine gets on without.
        log::warn!("the real-time clock says no time: {error}");
    }
    anax::serve(&mut wall_clock::Serve(Clock::new(said, || anax::time::now().nanoseconds())))
}
