//! What of a thread outlives it, and what it does about what its predecessor had.

use anax_inet::Change;
use anax_tcp::owner;

use super::{Host, Shard};
use crate::kept::{Entry, Kept, Owner};

impl<H: Host> Shard<H> {
    /// From now on its connections are kept there. Of those that a predecessor had, the other ends are told that they are no more, as soon as this host has their address
    /// again: nobody here knows of them. Those that are other threads' are left out.
    pub fn keep(&mut self, kept: Kept, left: &[Entry]) {
        let (own, threads) = (self.port.own(), self.port.threads());
        let is_own = |entry: &&Entry| entry.record.tuple().is_some_and(|tuple| owner(&tuple, threads) == own);
        self.left = left.iter().filter(is_own).map(|entry| entry.record).collect();
        self.kept = Some(kept);
        self.reset_left();
    }

    /// Writes down what has changed, before anybody is shown what is sent.
    pub(super) fn write_down(&mut self) {
        while let Some((place, now)) = self.engine.changed() {
            let Some(kept) = &mut self.kept else { continue };
            let entry = now.map(|(connection, record)| {
                let socket = self.of_connection.get(connection);
                let open = socket.and_then(|index| {
                    let place = self.sockets.get(index as usize)?;
                    Some((index, place.generation, place.socket.as_ref()?))
                });
                let owner = open.map(|(index, generation, open)| Owner {
                    session: open.session.number,
                    socket: super::name(self.port.own(), index, generation),
                    rings: open.rings,
                });
                Entry { record, owner }
            });
            self.counters.not_kept += u64::from(!kept.note(place, entry.as_ref()));
        }
    }

    /// What a change of the tables means for what a predecessor has left.
    pub(super) fn changed(&mut self, change: &Change) {
        if !self.left.is_empty() && matches!(change, Change::Address(..)) {
            self.reset_left();
        }
    }

    /// Tells the other ends of connections that nobody has.
    fn reset_left(&mut self) {
        let (tables, engine, now) = (&self.tables, &mut self.engine, self.now);
        self.left.retain(|record| {
            if !record.tuple().is_some_and(|tuple| tables.is_own(tuple.local.address)) {
                return true;
            }
            if cfg!(not(bite = "net-left-untold"))
                && let Ok(connection) = engine.restore(record, now)
            {
                // It was there a moment ago.
                let _ = engine.abort(connection, now);
            }
            false
        });
    }
}
