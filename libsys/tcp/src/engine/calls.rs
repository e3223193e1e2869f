//! What users ask for.

use core::time::Duration;

use smoltcp::wire::IpAddress;

use super::{Engine, Error};
use crate::connection::{Around, Connection};
use crate::event::{Closed, ConnectionId, ListenerId};
use crate::listener::Listener;
use crate::owner::owner;
use crate::tuple::Tuple;

impl Engine {
    /// Waits for connections to a port, of one of this host's addresses or of all; each begins with so many bytes of room. `backlog`: how many may
    /// wait to be [taken](Engine::accepted).
    ///
    /// # Errors
    /// `InUse`, `BadAddress` for port 0.
    pub fn listen(
        &mut self,
        address: Option<IpAddress>,
        port: u16,
        backlog: u32,
        room: u32,
    ) -> Result<ListenerId, Error> {
        if port == 0 {
            return Err(Error::BadAddress);
        }
        if self.ports.contains_key(&(port, address)) {
            return Err(Error::InUse);
        }
        let new = Listener { address, port, backlog, waiting: 0, room };
        let index = self.listeners.iter().position(|(_, listener)| listener.is_none()).unwrap_or_else(|| {
            self.listeners.push((0, None));
            self.listeners.len() - 1
        });
        let (generation, listener) = &mut self.listeners[index];
        *listener = Some(new);
        let id = ListenerId { index: index as u32, generation: *generation };
        self.ports.insert((port, address), id);
        Ok(id)
    }

    /// Does not wait any more. Connections that were accepted stay.
    ///
    /// # Errors
    /// `Gone`.
    pub fn unlisten(&mut self, id: ListenerId) -> Result<(), Error> {
        let Listener { address, port, .. } = *self.listener(id).ok_or(Error::Gone)?;
        self.ports.remove(&(port, address));
        let (generation, listener) = &mut self.listeners[id.index as usize];
        (*generation, *listener) = (generation.wrapping_add(1), None);
        self.openings.forget(id);
        Ok(())
    }

    /// The user has taken one of the connections that a listener was told of: there is room for another.
    ///
    /// # Errors
    /// `Gone`.
    pub fn accepted(&mut self, id: ListenerId) -> Result<(), Error> {
        let listener = self.listener(id).ok_or(Error::Gone)?;
        listener.waiting = listener.waiting.saturating_sub(1);
        Ok(())
    }

    /// Opens a connection, with so many bytes of room for what comes.
    ///
    /// # Errors
    /// `BadAddress`, `InUse`, `NotMine`, `Full`.
    pub fn connect(&mut self, tuple: Tuple, room: u32, now: Duration) -> Result<ConnectionId, Error> {
        if !tuple.is_sound() {
            return Err(Error::BadAddress);
        }
        let (own, count) = self.common.config.owner;
        let owner = owner(&tuple, count);
        if owner != own {
            return Err(Error::NotMine(owner));
        }
        if self.number_of(&tuple).is_some() || self.openings.get(&tuple).is_some() {
            return Err(Error::InUse);
        }
        let mut iss = self.keys.sequence(&tuple, now);
        if let Some(rest) = self.waiting.get(&tuple) {
            // RFC 6191 from this side: with time stamps a successor can be told from its predecessor at once.
            if rest.stamps.is_none() {
                return Err(Error::InUse);
            }
            iss = rest.seq.wrapping_add(1 << 17);
            self.waiting.remove(&tuple);
        }
        let (stamp, mss) = (self.keys.stamp(&tuple), self.own_mss(&tuple));
        self.add(tuple, now, |around| Connection::asked_for(tuple, iss, stamp, (room.into(), mss), around))
    }

    fn call<R>(
        &mut self,
        id: ConnectionId,
        now: Duration,
        what: impl FnOnce(&mut Connection, &mut Around<'_>) -> R,
    ) -> Result<R, Error> {
        let slot = self.slots.get(id.index as usize).filter(|slot| slot.generation == id.generation);
        slot.ok_or(Error::Gone)?;
        self.with(id.index, now, what).ok_or(Error::Gone)
    }

    /// The stream is written up to this position, from 0 on: so far its bytes can be asked for until they are acknowledged.
    ///
    /// # Errors
    /// `Gone`; `Shut`, also if it was written further.
    pub fn write(&mut self, id: ConnectionId, upto: u64, now: Duration) -> Result<(), Error> {
        self.call(id, now, |connection, _| connection.write(upto))?.then_some(()).ok_or(Error::Shut)
    }

    /// There is room for what comes up to this position. Less than before changes nothing.
    ///
    /// # Errors
    /// `Gone`.
    pub fn make_room(&mut self, id: ConnectionId, upto: u64, now: Duration) -> Result<(), Error> {
        self.call(id, now, |connection, _| connection.make_room(upto))
    }

    /// Nothing more is written: the other end is told behind the last byte.
    ///
    /// # Errors
    /// `Gone`.
    pub fn shut_down(&mut self, id: ConnectionId, now: Duration) -> Result<(), Error> {
        self.call(id, now, |connection, _| connection.shut_down())
    }

    /// Nothing more is written or read. What was written still arrives; what comes is refused.
    ///
    /// # Errors
    /// `Gone`.
    pub fn close(&mut self, id: ConnectionId, now: Duration) -> Result<(), Error> {
        self.call(id, now, Connection::close)
    }

    /// Ends it at once; the other end is told.
    ///
    /// # Errors
    /// `Gone`.
    pub fn abort(&mut self, id: ConnectionId, now: Duration) -> Result<(), Error> {
        let reset = self.call(id, now, |connection, around| connection.abort(Closed::Aborted, around))?;
        self.reply(reset);
        Ok(())
    }

    /// Whether small segments are sent while others are under way.
    ///
    /// # Errors
    /// `Gone`.
    pub fn set_no_delay(&mut self, id: ConnectionId, no_delay: bool, now: Duration) -> Result<(), Error> {
        self.call(id, now, |connection, _| connection.set_no_delay(no_delay))
    }

    /// Probes whenever nothing was heard for the first time, in pauses of the second, so often before it is given up; or not at all.
    ///
    /// # Errors
    /// `Gone`.
    pub fn set_keep_alive(
        &mut self,
        id: ConnectionId,
        keep: Option<(Duration, Duration, u8)>,
        now: Duration,
    ) -> Result<(), Error> {
        self.call(id, now, |connection, _| connection.set_keep_alive(keep))
    }

    /// How long data may stay unacknowledged before the connection is given up; none: as configured.
    ///
    /// # Errors
    /// `Gone`.
    pub fn set_give_up(
        &mut self,
        id: ConnectionId,
        after: Option<Duration>,
        now: Duration,
    ) -> Result<(), Error> {
        self.call(id, now, |connection, _| connection.set_give_up(after))
    }

    /// The network says that a segment of this number could not be delivered. Believed where a connection is being opened with that number; one
    /// that is open goes on, since that may pass (RFC 9293, 3.9.2.2; RFC 5927).
    pub fn unreachable(&mut self, tuple: &Tuple, seq: u32, now: Duration) {
        let Some(index) = self.number_of(tuple) else { return };
        self.with(index, now, |connection, around| connection.unreachable(seq, around));
    }
}
