//! What only drivers hold: interrupts and I/O ports.

use anax_abi::Error;
use anax_abi::object::{IrqCommand, PortsCommand};

use super::{ask, done};
use crate::port::Port;

object! {
    /// An interrupt. It comes as [`notice::INTERRUPT`](anax_abi::object::notice::INTERRUPT) and is off until that is answered.
    Irq
}

impl Irq {
    /// Where it is delivered once it is enabled.
    ///
    /// # Errors
    /// None beside the usual.
    pub fn bind(self, port: Port, badge: u64) -> Result<(), Error> {
        done(ask(self.0, IrqCommand::Bind as u32, [port.handle().to_word(), badge]))
    }

    /// Enables it: at first, and without an answer after the device was fenced.
    ///
    /// # Errors
    /// None beside the usual.
    pub fn enable(self) -> Result<(), Error> {
        done(ask(self.0, IrqCommand::Enable as u32, []))
    }

    /// Disables it.
    ///
    /// # Errors
    /// None beside the usual.
    pub fn disable(self) -> Result<(), Error> {
        done(ask(self.0, IrqCommand::Disable as u32, []))
    }
}

object! {
    /// A range of I/O ports.
    Ports
}

impl Ports {
    /// This program's threads may use them.
    ///
    /// # Errors
    /// None beside the usual.
    pub fn enable(self) -> Result<(), Error> {
        done(ask(self.0, PortsCommand::Enable as u32, []))
    }

    /// They may no longer.
    ///
    /// # Errors
    /// None beside the usual.
    pub fn disable(self) -> Result<(), Error> {
        done(ask(self.0, PortsCommand::Disable as u32, []))
    }
}
