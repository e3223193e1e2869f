//! Who waits for connections.

use smoltcp::wire::IpAddress;

/// What a listener says of the connections that it wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Listener {
    /// Its address; none: all of this host's.
    pub(crate) address: Option<IpAddress>,
    pub(crate) port: u16,
    /// Connections that wait to be taken, at most.
    pub(crate) backlog: u32,
    /// How many do.
    pub(crate) waiting: u32,
    /// The room that each begins with, in bytes.
    pub(crate) room: u32,
}
