//! What command lines do to the system.

use alloc::string::String;
use alloc::vec::Vec;

use anax_abi::Error;
use anax_control::Stream;
use anax_system::Report;

/// How the machine ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finish {
    /// It is switched off; an emulator passes the status on.
    PowerOff(u8),
    /// It starts again.
    Reboot,
}

/// The system, and where a command line's output goes.
pub trait System {
    /// Nanoseconds since boot.
    fn now(&self) -> u64;

    /// Starts a program of the boot archive: its process. Its end is told to [`Runner::ended`](crate::Runner::ended).
    ///
    /// # Errors
    /// `BadArgument`: there is none of that name, or it can't be loaded. Those of init.
    fn start(&mut self, program: &str, arguments: &[String]) -> Result<u64, Error>;

    /// Ends a process.
    ///
    /// # Errors
    /// `BadHandle`: there is none.
    fn kill(&mut self, process: u64) -> Result<(), Error>;

    /// All processes.
    ///
    /// # Errors
    /// Those of the way to init.
    fn list(&mut self) -> Result<Vec<Report>, Error>;

    /// Prints.
    fn print(&mut self, stream: Stream, text: &str);

    /// Ends the machine: it returns only if that fails.
    fn finish(&mut self, how: Finish) -> Error;
}
