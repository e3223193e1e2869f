//! What the device manager does to the machine, to init and to drivers.

use alloc::rc::Rc;
use alloc::string::String;

use anax_abi::{Error, Handle};
use anax_devices::{Statistics, Why};
use anax_manifest::{Manifest, Restart};
use anax_proto::Gift;

/// A driver's process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Driver {
    /// Its number.
    pub process: u64,
    /// To send to it.
    pub port: Handle,
}

/// Where a driver's file and its manifest are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Image {
    /// In the boot archive, under the driver's name.
    Archive,
    /// At the beginning of a region, how many bytes, and the manifest that came along.
    Region(Handle, u64, Rc<Manifest>),
}

/// Why a driver was not started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotStarted {
    /// For people.
    pub why: Why,
    /// As it came from whoever failed.
    pub error: Error,
}

/// How a driver starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// With a device that is fenced, which it resets: until it serves.
    Fresh,
    /// With a device that another drives: until it stands by, and has touched nothing.
    Standby,
}

/// Why a successor does not take over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It does not like the record, and has touched nothing.
    Untouched,
    /// It has died, hangs, or has touched the device already.
    Touched,
}

/// A device as the machine has it, which the logic knows by its place only.
pub type Hardware = usize;

/// The machine, init and drivers. Nothing here waits for longer than a limit.
pub trait System {
    /// Nanoseconds since boot.
    fn now(&self) -> u64;

    /// The policy of a driver's manifest; none if there is no such program, or it is no driver.
    fn policy(&self, driver: &str, image: &Image) -> Option<Restart>;

    /// Whether a driver's manifest names the device.
    fn fits(&self, device: Hardware, driver: &str, image: &Image) -> bool;

    /// Starts a driver for the device, and waits until it is where it is to be. It is told the device's name, and then `arguments`. What fails has left
    /// no process.
    ///
    /// # Errors
    /// It does not come up, or not in time.
    fn start(
        &mut self,
        device: Hardware,
        driver: &str,
        image: &Image,
        how: How,
        arguments: &[String],
    ) -> Result<Driver, NotStarted>;

    /// Ends a driver; when this returns, none of its threads runs.
    fn end(&mut self, driver: Driver);

    /// Whether drivers of the device hand it over to each other: those whose clients use a channel do. Others serve an interface of their own, and are
    /// never asked to quiesce, resume, take over, or for statistics.
    fn hands_over(&self, device: Hardware) -> bool;

    /// Lets a driver stop and write its record, and waits until it has.
    ///
    /// # Errors
    /// It does not, or not in time.
    fn quiesce(&mut self, driver: Driver) -> Result<(), Error>;

    /// Lets one that has stopped go on.
    ///
    /// # Errors
    /// It does not, or not in time.
    fn resume(&mut self, driver: Driver) -> Result<(), Error>;

    /// Lets a driver that stands by take over what the record says, and waits until it serves.
    ///
    /// # Errors
    /// [`Refusal`].
    fn take_over(&mut self, driver: Driver) -> Result<(), Refusal>;

    /// What a driver has counted.
    ///
    /// # Errors
    /// It does not answer.
    fn statistics(&mut self, driver: Driver) -> Result<Statistics, Error>;

    /// The device reaches no memory, whatever its dead driver told it; interrupts that nobody answered count as answered.
    ///
    /// # Errors
    /// It does not stop; then it stays off the bus.
    fn fence(&mut self, device: Hardware) -> Result<(), Error>;

    /// The channel's client learns that its peer has died.
    ///
    /// # Errors
    /// Those of the kernel.
    fn new_epoch(&mut self, device: Hardware) -> Result<(), Error>;

    /// The number of the channel's epoch; none of a device without a channel.
    fn epoch(&self, device: Hardware) -> Option<u32>;

    /// Client's end, memory that the channel lies in, memory for buffers.
    ///
    /// # Errors
    /// `BadArgument` for a device without a channel, `Quota`.
    fn open(&mut self, device: Hardware) -> Result<(Gift, Gift, Gift), Error>;

    /// Whether that process runs.
    fn lives(&mut self, process: u64) -> bool;

    /// Writes down who has opened the device, for a successor of this program.
    fn remember_client(&mut self, device: Hardware, client: Option<u64>);

    /// Gives a file up.
    fn close(&mut self, image: &Image);

    /// Writes down who drives what, by which program, so that a successor of this program finds it.
    fn remember(&mut self, device: Hardware, driver: Option<(Driver, String, Image)>);

    /// Writes a line to the log.
    fn say(&mut self, line: core::fmt::Arguments<'_>);
}
