//! Who serves what.

use anax_abi::Error;
use anax_proto::{Caller, Gift, Later};

use crate::Name;

/// The services that there are, by name.
///
/// A service is a port and the number of the process behind it, its *generation*: a successor has a higher one. A process reaches what
/// its manifest says it needs, and that is always of a lower layer, so that servers can't wait for each other in a circle.
#[anax_proto::interface]
pub trait Names {
    /// The port of a service, to send to, and its generation.
    ///
    /// `WouldBlock` if it isn't there now, `NoRights` if the caller's manifest doesn't name it.
    #[idempotent]
    fn look_up(&mut self, caller: Caller, name: Name) -> Result<(Gift, u64), Error>;

    /// The same, but waits until there is one of a generation above `after`: 0 for any, that of a server that has died for its successor.
    fn wait(&mut self, caller: Caller, name: Name, after: u64, later: Later<(Gift, u64), Error>);

    /// The caller serves this by another port than its first one.
    ///
    /// `NoRights` if its manifest doesn't say so.
    fn publish(&mut self, caller: Caller, name: Name, port: Gift) -> Result<(), Error>;

    /// A process has begun, with this port for all that it serves. For init alone, as everything below.
    fn admit(&mut self, caller: Caller, process: u64, layer: u8, port: Gift) -> Result<(), Error>;

    /// It serves this.
    fn serves(&mut self, caller: Caller, process: u64, name: Name) -> Result<(), Error>;

    /// It may reach this.
    fn needs(&mut self, caller: Caller, process: u64, name: Name) -> Result<(), Error>;

    /// A process has ended; whoever waits for its successor goes on waiting.
    fn dismiss(&mut self, caller: Caller, process: u64) -> Result<(), Error>;

    /// There will be no successor: who waits is told `Aborted`, and whoever asks later, until there is one after all.
    fn give_up(&mut self, caller: Caller, name: Name) -> Result<(), Error>;
}
