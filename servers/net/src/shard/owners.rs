//! Which socket a connection has: asked for each segment.

use alloc::vec::Vec;

use anax_tcp::ConnectionId;

/// Places of sockets, by their connections' places; with each, which connection of that place it has.
#[derive(Debug, Default)]
pub(super) struct Owners(Vec<(u32, u32)>);

/// No socket has that place.
const NOBODY: u32 = u32::MAX;

impl Owners {
    /// The socket of a connection, if it has one.
    pub(super) fn get(&self, connection: ConnectionId) -> Option<u32> {
        let (generation, socket) = *self.0.get(connection.place() as usize)?;
        (generation == connection.generation() && socket != NOBODY).then_some(socket)
    }

    /// It has that one from now on.
    pub(super) fn insert(&mut self, connection: ConnectionId, socket: u32) {
        let place = connection.place() as usize;
        if self.0.len() <= place {
            self.0.resize(place + 1, (0, NOBODY));
        }
        self.0[place] = (connection.generation(), socket);
    }

    /// It has none any more.
    pub(super) fn remove(&mut self, connection: ConnectionId) {
        if self.get(connection).is_some() {
            self.0[connection.place() as usize] = (0, NOBODY);
        }
    }
}
