//! The program, all but how it begins: what [`anax_disk::program`] does with an ATA disk.
//!
//! Its numbers are the first port of the command block, of the control block, and which device of the channel: 0 or 1.

use anax_blocks::Job;
use anax_device::IoPorts;
use anax_disk::program;
use anax_driver::program::{Given, instant, now};
use anax_driver::{Turns, Wake};
use anax_ring::SharedBytes;
use anax_sys::object::{Ports, Region, Thread};
use anax_sys::{Error, Handle};

use crate::{Ata, Channel, Starting, Unit};

type Disk = Ata<'static, IoPorts, Job>;

/// Serves as [`program::run`] does.
///
/// # Errors
/// As there.
pub fn run(given: &Given<impl Turns>) -> Result<u64, Error> {
    let [command, control, unit, ..] = given.numbers.device;
    let range = |handle: Handle, first: u64, count| {
        let first = u16::try_from(first).map_err(|_| Error::BadArgument)?;
        anax_mapped::ports(Ports::from_handle(handle), first, count)
    };
    let (command, control) = (range(given.registers, command, 8)?, range(given.control, control, 1)?);
    let unit = if unit == 0 { Unit::Master } else { Unit::Slave };
    let channel = || Channel::new(command, control, unit);
    let pool = SharedBytes::new(anax_mapped::shared(Region::from_handle(given.pool))?);
    program::run(
        given,
        &[(given.irq, Wake::Queues)],
        || start(channel(), pool),
        |words| Disk::adopt(channel(), pool, words),
    )
}

/// Resets the channel and asks the disk what it is. There are no interrupts yet: it is looked at from time to time.
fn start(channel: Channel<IoPorts>, pool: SharedBytes<'static>) -> Result<Option<Disk>, Error> {
    let mut starting = Starting::new(channel, now());
    loop {
        let now = now();
        match starting.poll(now) {
            Ok(Some(identity)) => return Ok(Some(Ata::new(starting, identity, pool))),
            Ok(None) => Thread::sleep(instant(starting.look_again(now)))?,
            Err(_) => return Ok(None),
        }
    }
}
