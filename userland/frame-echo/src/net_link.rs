//! Says how a card's link is, and each time that it is told of another: `net-link net0 CHANGES [TIMES]`. Ends when it was told so often, four times if
//! nothing is said; the number of changes of drivers is whoever calls' affair.
#![no_std]
#![no_main]
#![forbid(unsafe_code)]

use core::time::Duration;

use anax::{Error, println};
use anax_frames::{Event, Link};
use anax_sys::Deadline;
use frame_echo::device::Device;

/// The link stays as it is.
const SILENCE: Duration = Duration::from_secs(60);
/// How long it stays when it was told all: whoever changes drivers meanwhile counts what there is, this program included.
const LINGER: Duration = Duration::from_secs(5);

#[anax::main]
fn main() -> Result<(), Error> {
    let times: u32 = anax::arguments().get(2).and_then(|text| text.parse().ok()).unwrap_or(4);
    let are_changed = anax::arguments().get(1).is_some_and(|changes| changes != "0");
    let mut device = Device::first_argument()?;
    device.client.watch();
    let mut told = 0;
    while told < times {
        match device.client.event().map_err(|_| Error::PeerMisbehaved)? {
            Event::Link(link) => {
                println!("net-link: {}", if link == Link::Up { "up" } else { "down" });
                told += 1;
            }
            Event::Received(received) => device.client.release(received.buffer),
            Event::Sent { .. } | Event::About(_) | Event::Replaced(_) => {}
            Event::Nothing => device.wait(Deadline::at(anax::time::now().after(SILENCE)))?,
        }
    }
    if are_changed {
        anax::time::sleep(LINGER);
    }
    Ok(())
}
