//! Sends each frame of a network card back: `net-echo net0`. When none has come for some seconds, it says what it has counted, and ends.
#![no_std]
#![no_main]
#![forbid(unsafe_code)]

use core::time::Duration;

use anax::{Error, println};
use anax_devices::{DevicesClient, SERVICE, devices};
use anax_ring::Sleep;
use anax_sys::Deadline;
use anax_sys::object::{Channel, Region};
use frame_echo::{current, echo, open};

/// Nobody sends anything any more: longer than a sender waits for a lost frame.
const SILENCE: Duration = Duration::from_secs(5);

#[anax::main]
fn main() -> Result<(), Error> {
    let device = anax::arguments().first().map_or("net0", |name| name.as_str());
    let device = device.parse().map_err(|_| Error::BadArgument)?;
    let mut devices = DevicesClient::over(anax::connect(SERVICE, devices::FINGERPRINT)?);
    let (channel, block, pool) = devices.open(device)?;
    let (port, channel) = (anax::port()?, Channel::from_handle(channel.handle));
    channel.bind(port, 0)?;
    let posted = anax_mapped::epoch(channel)?;
    let block = anax_mapped::shared(Region::from_handle(block.handle))?;
    let pool = anax_mapped::shared(Region::from_handle(pool.handle))?;
    let mut client = open(block, pool, posted)?;
    let (mut seen, mut since) = (0, anax::time::now());
    loop {
        let sleep = match echo(&mut client) {
            Ok(()) => client.prepare_to_sleep(),
            Err(misbehaved) => Err(misbehaved),
        };
        let received = client.counters().received;
        if received != seen {
            (seen, since) = (received, anax::time::now());
        }
        let deadline = Deadline::at(since.after(SILENCE));
        let waited = match sleep {
            Ok(Sleep::MoreToDo) => continue,
            Ok(Sleep::RingFirst) => channel.ring(),
            Ok(Sleep::MaySleep) => port.waitport_until(deadline).map(drop),
            Err(_) => {
                // A driver that lies is ignored until it is replaced.
                let waited = port.waitport_until(deadline).map(drop);
                client.rebind(current(posted)?);
                waited
            }
        };
        if waited == Err(Error::TimedOut) {
            let counted = client.counters();
            println!(
                "net-echo: {} received, {} sent, {} resent, {} dropped, {} bad replies",
                counted.received, counted.sent, counted.resent, counted.dropped, counted.bad_replies
            );
            return if counted.dropped == 0 && counted.bad_replies == 0 {
                Ok(())
            } else {
                Err(Error::Dropped)
            };
        }
    }
}
