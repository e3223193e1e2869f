//! A planned change of drivers, as their supervisor sees it: the client notices nothing.

use anax_driver::handover::Start;
use anax_driver::{DriverClient, DriverError, Mode, Refusal, driver};
use anax_ring::SharedBytes;
use anax_service::PortTransport;
use anax_sys::{Error, Port, Target, log};

use crate::{Demo, Running};

/// Bytes from the record's beginning to its version.
const VERSION: usize = 8;

/// Asks a driver by its port.
type Asks<F> = DriverClient<PortTransport<F>>;

fn ask(port: Port) -> Result<Asks<impl FnMut() -> Result<Target, Error>>, Error> {
    // There is no successor to be found by itself.
    let mut target = Some(Target::from_handle(port.handle()));
    let transport = PortTransport::open(move || target.take().ok_or(Error::PeerDied), driver::FINGERPRINT)?;
    Ok(DriverClient::over(transport))
}

impl Demo<'_> {
    /// Has a successor take the place of `old`, which is ended. With `spoilt`, the record is no record: the successor has to refuse, and the old
    /// one goes on.
    ///
    /// # Errors
    /// `PeerMisbehaved` if one of the two did not do as it should.
    pub(crate) fn change(&self, old: Running, name: &str, spoilt: Spoilt) -> Result<Running, Error> {
        let told = |step: &str, error: DriverError| {
            log!("{step}: {error:?}");
            Error::PeerMisbehaved
        };
        self.write_numbers(Start::Standby)?;
        let new = self.driver(name)?;
        let mut successor = ask(new.asked)?;
        let mut predecessor = ask(old.asked)?;
        let health = successor.health().map_err(|error| told("standby", error))?;
        if health.mode != Mode::Standby {
            return Err(Error::PeerMisbehaved);
        }
        predecessor.quiesce().map_err(|error| told("quiesce", error))?;
        if spoilt == Spoilt::Yes {
            let state = SharedBytes::new(anax_mapped::shared(self.state)?);
            state.write_u64(VERSION, u64::MAX).map_err(|_| Error::BadArgument)?;
            let refused = successor.take_over();
            self.end(&new)?;
            predecessor.resume().map_err(|error| told("resume", error))?;
            let as_it_should = refused == Err(DriverError::Refused(Refusal::Version));
            return if as_it_should { Ok(old) } else { Err(Error::PeerMisbehaved) };
        }
        if let Err(error) = successor.take_over() {
            told("take over", error);
            self.end(&new)?;
            predecessor.resume().map_err(|error| told("resume", error))?;
            return Err(Error::PeerMisbehaved);
        }
        self.end(&old)?;
        Ok(new)
    }

    /// Waits until a driver answers.
    pub(crate) fn listens(&self, running: &Running) -> Result<(), Error> {
        ask(running.asked).map(|_| ())
    }

    /// Says what a driver has counted.
    pub(crate) fn tell(&self, running: &Running) -> Result<(), Error> {
        let mut driver = ask(running.asked)?;
        if let (Ok(traffic), Ok(events), Ok(link)) = (driver.traffic(), driver.events(), driver.link()) {
            log!("{traffic:?} {events:?} link {link:?}");
        }
        Ok(())
    }
}

/// Whether a record is made unreadable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Spoilt {
    /// It is.
    Yes,
    /// It is left alone.
    No,
}
