//! What clients of all devices do: open one by name, work, wait, stop when they are told to.

use core::sync::atomic::Ordering;

use anax::Error;
use anax_devices::{DevicesClient, SERVICE, devices};
use anax_ring::{AtomicU64, Endpoint, Epoch, Geometry, SharedBlock, Side, Sleep};
use anax_sys::object::{Channel, Region};
use anax_sys::{MessageNumber, Port, Received, replymsg};

/// The message that stops a client, which answers when it has finished.
pub const STOP: u32 = 0x2000;
/// How many of the things that it asked for are done (result).
pub const COUNT: u32 = 0x2001;

/// A device that this program uses.
#[derive(Clone, Copy, Debug)]
pub struct Open {
    /// The client's end.
    pub channel: Channel,
    /// Where it waits.
    pub port: Port,
    /// The channel's block.
    pub block: SharedBlock<'static>,
    /// Memory for buffers.
    pub pool: SharedBlock<'static>,
    /// The word with the epoch.
    pub posted: &'static AtomicU64,
}

impl Open {
    /// The device that is the first argument.
    ///
    /// # Errors
    /// There is no such device; those of the way to the device manager.
    pub fn first_argument() -> Result<Self, Error> {
        let device = anax::arguments().first().ok_or(Error::BadArgument)?;
        let device = device.parse().map_err(|_| Error::BadArgument)?;
        let mut devices = DevicesClient::over(anax::connect(SERVICE, devices::FINGERPRINT)?);
        let (channel, block, pool) = devices.open(device)?;
        let (port, channel) = (anax::port()?, Channel::from_handle(channel.handle));
        channel.bind(port, 0)?;
        let shared = |handle| anax_mapped::shared(Region::from_handle(handle));
        let (block, pool) = (shared(block.handle)?, shared(pool.handle)?);
        Ok(Self { channel, port, block, pool, posted: anax_mapped::epoch(channel)? })
    }

    /// The epoch that the kernel names.
    ///
    /// # Errors
    /// `PeerMisbehaved` if it is none.
    pub fn epoch(&self) -> Result<Epoch, Error> {
        let number = u32::try_from(self.posted.load(Ordering::Acquire)).ok();
        number.and_then(Epoch::from_number).ok_or(Error::PeerMisbehaved)
    }

    /// The client's side of the channel, with so many slots each way.
    ///
    /// # Errors
    /// `BadArgument` if it has others.
    pub fn endpoint(&self, slots: u32) -> Result<Endpoint<'static>, Error> {
        let geometry = Geometry::new(slots, slots).map_err(|_| Error::BadArgument)?;
        Endpoint::watching(self.block, Side::Client, geometry, self.epoch()?, self.posted)
            .map_err(|_| Error::BadArgument)
    }
}

/// A kind of device under load.
pub trait Load {
    /// Takes what has come back, and asks for more unless it is to `finish`; how many things it is waiting for.
    ///
    /// # Errors
    /// Something was wrong.
    fn work(&mut self, now: u64, finish: bool) -> Result<usize, Error>;

    /// How many of the things that it asked for are done.
    fn done(&self) -> u64;

    /// As the ring's.
    ///
    /// # Errors
    /// The driver lies, which is none of the client's business: there will be another.
    fn prepare_to_sleep(&mut self) -> Result<Sleep, Error>;
}

/// Works until it is told to stop, and finishes.
///
/// # Errors
/// What the load fails with; those of the kernel.
pub fn run(open: &Open, load: &mut impl Load) -> Result<(), Error> {
    let mut stop = None;
    loop {
        let pending = load.work(anax::time::now().nanoseconds(), stop.is_some())?;
        if let Some(number) = stop.filter(|_| pending == 0) {
            return replymsg(number, Ok(0), [0; 5]);
        }
        match load.prepare_to_sleep()? {
            Sleep::MoreToDo => {}
            Sleep::RingFirst => open.channel.ring()?,
            Sleep::MaySleep => {
                let received = open.port.waitport()?;
                hear(&received, load, &mut stop)?;
            }
        }
        // There is always more to do: a message would never be heard.
        if stop.is_none()
            && let Ok(received) = open.port.getport()
        {
            hear(&received, load, &mut stop)?;
        }
    }
}

fn hear(received: &Received, load: &impl Load, stop: &mut Option<MessageNumber>) -> Result<(), Error> {
    match received.command() {
        STOP => *stop = Some(received.number),
        COUNT => replymsg(received.number, Ok(load.done()), [0; 5])?,
        // The bell.
        _ if received.number.to_word() == 0 => {}
        _ => replymsg(received.number, Err(Error::BadCommand), [0; 5])?,
    }
    Ok(())
}
