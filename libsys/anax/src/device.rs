//! A driver that serves an interface of its own: registers and interrupt by the names under which the device manager gives them, and a loop for both.
//!
//! Drivers of network cards and disks, whose clients use channels and see nothing when a driver is replaced, stand on `anax-driver` instead.

use anax_abi::object::notice;
use anax_abi::{Error, WORDS};
use anax_device::Mmio;
use anax_proto::{Answered, Dispatch};
use anax_service::{send, serve_one};
use anax_sys::object::{Irq, Region};
use anax_sys::replymsg;

/// The badge of the device's interrupts at the program's port: no process has that number.
const INTERRUPT: u64 = u64::MAX;

/// What has happened to a driver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A client has asked, and the interface's method has returned.
    Asked,
    /// The device has interrupted; it is not to assert its line any more when this has been seen to.
    Interrupted,
}

/// The device's registers of that name, mapped for as long as the program runs: `registers` is its first window, `bar0` to `bar5` are all that it has.
///
/// # Errors
/// `BadHandle` in a program that was not given them; `NoMemory`, `Quota`.
pub fn registers(name: &str) -> Result<Mmio, Error> {
    let region = crate::handle(name).ok_or(Error::BadHandle)?;
    anax_mapped::registers(Region::from_handle(region))
}

/// Serves what comes to the program's own port, and the interrupt of the name `irq`, for ever. After each, `events` sees to the device and says which
/// answers are due that were to come [later](anax_proto::Later).
///
/// # Errors
/// `BadHandle` in a program that has no device; those of [`Irq::bind`].
pub fn drive<S: Dispatch, A: IntoIterator<Item = Answered>>(
    server: &mut S,
    mut events: impl FnMut(&mut S, Event) -> A,
) -> Result<(), Error> {
    let port = crate::port()?;
    let irq = Irq::from_handle(crate::handle("irq").ok_or(Error::BadHandle)?);
    irq.bind(port, INTERRUPT)?;
    irq.enable()?;
    loop {
        let received = port.waitport()?;
        if received.command() == notice::INTERRUPT && received.badge == INTERRUPT {
            events(server, Event::Interrupted).into_iter().for_each(send);
            // The answer lets the next one in.
            replymsg(received.number, Ok(0), [0; WORDS])?;
        } else {
            serve_one(server, &received);
            events(server, Event::Asked).into_iter().for_each(send);
        }
    }
}
