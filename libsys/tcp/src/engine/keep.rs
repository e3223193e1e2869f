//! What outlives an engine.

use core::time::Duration;

use super::{Engine, Error};
use crate::connection::Connection;
use crate::event::ConnectionId;
use crate::owner::owner;
use crate::record::Record;

impl Engine {
    /// A connection that has changed since it was last told here: its [place](ConnectionId::place), its number and its record; without them, the connection that had the
    /// place is no more. To be asked when all is done and before what [`Engine::transmit`] has given is sent.
    pub fn changed(&mut self) -> Option<(u32, Option<(ConnectionId, Record)>)> {
        let index = self.changed.pop()?;
        let slot = self.slots.get_mut(index as usize)?;
        slot.is_changed = false;
        let id = ConnectionId { index, generation: slot.generation };
        Some((index, slot.connection.as_deref().map(|connection| (id, connection.record()))))
    }

    /// Takes over a connection as another engine has left it. What was not acknowledged is sent again.
    ///
    /// # Errors
    /// `BadAddress`: it is no connection. `NotMine`, `InUse`, `Full`.
    pub fn restore(&mut self, record: &Record, now: Duration) -> Result<ConnectionId, Error> {
        let tuple = record.tuple().ok_or(Error::BadAddress)?;
        let (own, count) = self.common.config.owner;
        let owner = owner(&tuple, count);
        if owner != own {
            return Err(Error::NotMine(owner));
        }
        if self.has(&tuple) {
            return Err(Error::InUse);
        }
        let nobody = ConnectionId { index: u32::MAX, generation: 0 };
        let connection =
            Connection::restored(record, &self.common.around(nobody, now)).ok_or(Error::BadAddress)?;
        self.add(tuple, now, |_| connection)
    }
}
