//! The program of a network driver, all but its card: [`anax_driver::program`] with the service of a card.

use anax_device::{DmaAddress, Reach};
use anax_driver::program::{self, Given};
use anax_driver::{Pace, Refusal, Turns, Wake};
use anax_frames::{BUFFER_BYTES, DriverSide, Loan};
use anax_ring::Geometry;
use anax_sys::{Error, Handle};

use crate::{BUFFERS, Card, Handed, Service};

/// How the program hears of its device.
#[derive(Clone, Copy, Debug)]
pub enum Hears<'a> {
    /// By these interrupts.
    Interrupts(&'a [(Handle, Wake)]),
    /// By looking, so often.
    Pace(Pace),
}

/// What the driver may name to its card.
///
/// # Errors
/// No pool can lie where it is said to.
pub fn reach(given: &Given<impl Turns>) -> Result<Reach, Error> {
    given.reach(u64::from(BUFFERS) * BUFFER_BYTES as u64)
}

/// Serves the client with the card that `start` brings up, in which nothing is in flight, or that `adopt` goes on with. To be called by
/// the program's only thread. Returns the exit status [`NO_DEVICE`](program::NO_DEVICE) when the device is past help.
///
/// # Errors
/// As [`program::run`].
pub fn run<C: Card<Token = Loan>>(
    given: &Given<impl Turns>,
    hears: Hears<'_>,
    start: impl FnOnce() -> Result<Option<C>, Error>,
    adopt: impl Fn(Handed<Loan>) -> Result<C, Refusal>,
) -> Result<u64, Error> {
    let geometry = Geometry::new(BUFFERS, BUFFERS).map_err(|_| Error::BadArgument)?;
    let pool = DmaAddress::new(given.numbers.pool);
    let (irqs, pace) = match hears {
        Hears::Interrupts(irqs) => (irqs, None),
        Hears::Pace(pace) => (&[][..], Some(pace)),
    };
    let paced = |service: Service<'static, C>| match pace {
        Some(pace) => service.paced(pace),
        None => service,
    };
    let fresh = || {
        let Some(card) = start()? else { return Ok(None) };
        let client = DriverSide::new(given.endpoint(geometry)?, BUFFERS);
        Service::new(card, client, pool).ok_or(Error::BadArgument).map(paced).map(Some)
    };
    program::run(given, irqs, fresh, |record| {
        Service::adopt(record, given.unarrived(geometry)?, BUFFERS, pool, &adopt).map(paced)
    })
}
