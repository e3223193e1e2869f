//! The program of a disk's driver, all but its disk: [`anax_driver::program`] with the service of a drive.

use anax_blocks::Job;
use anax_blocks::handover::{POOL_BYTES, SLOTS};
use anax_driver::program::{self, Given};
use anax_driver::{CARD_WORDS, Refusal, Turns, Wake};
use anax_ring::Geometry;
use anax_sys::{Error, Handle};

use crate::{Drive, Service};

/// Serves the client with the drive that `start` brings up, in which no job is, or that `adopt` goes on with, by the interrupts `irqs`. To be
/// called by the program's only thread. Returns the exit status [`NO_DEVICE`](program::NO_DEVICE) when the device is past help.
///
/// # Errors
/// As [`program::run`].
pub fn run<D: Drive<Job>>(
    given: &Given<impl Turns>,
    irqs: &[(Handle, Wake)],
    start: impl FnOnce() -> Result<Option<D>, Error>,
    adopt: impl Fn([u64; CARD_WORDS]) -> Result<D, Refusal>,
) -> Result<u64, Error> {
    let geometry = Geometry::new(SLOTS, SLOTS).map_err(|_| Error::BadArgument)?;
    let fresh = || {
        let Some(drive) = start()? else { return Ok(None) };
        Ok(Some(Service::new(drive, given.endpoint(geometry)?, POOL_BYTES)))
    };
    program::run(given, irqs, fresh, |record| {
        Service::adopt(record, given.unarrived(geometry)?, POOL_BYTES, &adopt)
    })
}
