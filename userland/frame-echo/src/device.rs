//! The card that a program's first argument names.

use anax_devices::{DevicesClient, SERVICE, devices};
use anax_ring::{AtomicU64, Sleep};
use anax_sys::object::{Channel, Region};
use anax_sys::{Deadline, Error};

use crate::{Client, current, open};

/// An open card.
#[derive(Debug)]
pub struct Device {
    /// Its client's side.
    pub client: Client,
    channel: Channel,
    posted: &'static AtomicU64,
}

impl Device {
    /// Opens it, to be waited for at the program's port.
    ///
    /// # Errors
    /// There is none of that name, or it has a client.
    pub fn first_argument() -> Result<Self, Error> {
        let device = anax::arguments().first().map_or("net0", |name| name.as_str());
        let device = device.parse().map_err(|_| Error::BadArgument)?;
        let mut devices = DevicesClient::over(anax::connect(SERVICE, devices::FINGERPRINT)?);
        let (channel, block, pool) = devices.open(device)?;
        let channel = Channel::from_handle(channel.handle);
        channel.bind(anax::port()?, 0)?;
        let posted = anax_mapped::epoch(channel)?;
        let block = anax_mapped::shared(Region::from_handle(block.handle))?;
        let pool = anax_mapped::shared(Region::from_handle(pool.handle))?;
        Ok(Self { client: open(block, pool, posted)?, channel, posted })
    }

    /// Waits until there may be an event.
    ///
    /// # Errors
    /// `TimedOut`.
    pub fn wait(&mut self, until: Deadline) -> Result<(), Error> {
        match self.client.prepare_to_sleep() {
            Ok(Sleep::MoreToDo) => Ok(()),
            Ok(Sleep::RingFirst) => self.channel.ring(),
            Ok(Sleep::MaySleep) => anax::port()?.waitport_until(until).map(drop),
            // A driver that lies is ignored until it is replaced.
            Err(_) => {
                anax::port()?.waitport_until(until)?;
                self.client.rebind(current(self.posted)?);
                Ok(())
            }
        }
    }
}
