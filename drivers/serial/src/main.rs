//! The driver's program: the second serial line.
#![no_std]
#![no_main]
#![forbid(unsafe_code)]

use anax::object::{Irq, Ports};
use anax::time::{self, Deadline, Duration};
use anax_abi::object::notice;
use anax_abi::{Error, WORDS};
use anax_manifest::Capability;
use anax_service::{send, serve_one};
use anax_tty::terminal;
use serial::Line;

/// The second line's registers, as the manifest asks for them.
const FIRST: u16 = 0x2f8;
const COUNT: u16 = 8;

/// By which the interrupt is known: no process has this number.
const INTERRUPT: u64 = u64::MAX;

#[anax::main]
fn main() -> Result<(), Error> {
    let port = anax::port()?;
    let ports = anax::handle(Capability::IO_PORTS).ok_or(Error::BadHandle)?;
    let ports = anax_mapped::ports(Ports::from_handle(ports), FIRST, COUNT)?;
    let irq = Irq::from_handle(anax::handle(Capability::IRQ).ok_or(Error::BadHandle)?);
    irq.bind(port, INTERRUPT)?;
    // Before the device is looked at: an edge that nobody listens to is not kept.
    irq.enable()?;
    let Ok(line) = Line::open(ports) else {
        // None will come: it is not started again.
        anax::log::warn!("there is no 16550 at {FIRST:#x}");
        return Ok(());
    };
    let mut server = terminal::Serve(line);
    loop {
        server.0.answers().into_iter().for_each(send);
        let deadline = match server.0.patience() {
            None => Deadline::NEVER,
            Some(patience) => time::within(Duration::from_nanos(patience)),
        };
        match port.waitport_until(deadline) {
            Ok(received) if received.command() == notice::INTERRUPT && received.badge == INTERRUPT => {
                server.0.look();
                anax::message::replymsg(received.number, Ok(0), [0; WORDS])?;
            }
            Ok(received) => serve_one(&mut server, &received),
            Err(Error::TimedOut) => server.0.look(),
            Err(error) => return Err(error),
        }
    }
}
