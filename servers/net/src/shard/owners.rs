//! Which socket a connection has: asked for each segment.

use alloc::vec::Vec;

use anax_tcp::ConnectionId;

/// Places of sockets, by their connections' places.
#[derive(Debug, Default)]
pub(super) struct Owners(Vec<Option<(ConnectionId, u32)>>);

impl Owners {
    /// The socket of a connection, if it has one.
    pub(super) fn get(&self, connection: ConnectionId) -> Option<u32> {
        let (of, socket) = (*self.0.get(connection.place() as usize)?)?;
        (of == connection).then_some(socket)
    }

    /// It has that one from now on.
    pub(super) fn insert(&mut self, connection: ConnectionId, socket: u32) {
        let place = connection.place() as usize;
        if self.0.len() <= place {
            self.0.resize(place + 1, None);
        }
        self.0[place] = Some((connection, socket));
    }

    /// It has none any more.
    pub(super) fn remove(&mut self, connection: ConnectionId) {
        if self.get(connection).is_some() {
            self.0[connection.place() as usize] = None;
        }
    }
}
