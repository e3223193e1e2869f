//! Sockets that wait for connections: the same on every thread, each with the connections that are this thread's.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use anax_proto::{Caller, Later};
use anax_socket::ring::Ring;
use anax_socket::{Failure, Rings, Socket, Standing};
use anax_tcp::{Closed, ConnectionId, Endpoint, ListenerId, Tuple};

use super::stream::Stream;
use super::{Host, Open, Role, Shard, place_of};
use crate::item::Listening;
use crate::session::{Arena, Held};

/// Accepts that wait at one socket.
const MOST_ACCEPTS: usize = 256;
/// Room that a connection is given before anybody has accepted it, which is this server's own memory.
const MOST_EARLY: u32 = 16 << 10;

/// Who waits for a connection.
type Accept = Later<(Socket, anax_socket::End), Failure>;

/// A listening socket on this thread.
#[derive(Debug)]
pub(super) struct Listener {
    pub(super) session: u64,
    id: ListenerId,
    pub(super) local: Endpoint,
    room: u32,
    /// Connections that nobody has accepted.
    waiting: VecDeque<ConnectionId>,
    accepts: VecDeque<(Rings, Accept)>,
}

/// A connection that nobody has accepted yet, and what has come for it.
#[derive(Debug)]
pub(super) struct Early {
    listener: Socket,
    tuple: Tuple,
    bytes: Vec<u8>,
    pub(super) received: u64,
    pub(super) peer_closed: bool,
    ended: Option<Closed>,
}

impl Early {
    /// Where the bytes of a segment go, if they are within the room that it was given.
    pub(super) fn room(&mut self, position: u64, length: usize) -> Option<&mut [u8]> {
        let start = usize::try_from(position).ok()?;
        let end = start.checked_add(length).filter(|end| *end <= MOST_EARLY as usize)?;
        if self.bytes.len() < end {
            self.bytes.resize(end, 0);
        }
        self.bytes.get_mut(start..end)
    }
}

impl<H: Host> Shard<H> {
    /// Listens on this thread.
    ///
    /// # Errors
    /// `InUse`, `BadArgument`.
    pub fn listen_here(&mut self, listening: &Listening) -> Result<(), Failure> {
        let Listening { socket, session, address, port, backlog, room } = *listening;
        let room = room.min(MOST_EARLY);
        let id = self.engine.listen(address, port, backlog, room).map_err(|error| match error {
            anax_tcp::Error::InUse => Failure::InUse,
            _ => Failure::BadArgument,
        })?;
        let any = smoltcp::wire::IpAddress::v4(0, 0, 0, 0);
        let local = Endpoint::new(address.unwrap_or(any), port);
        let (waiting, accepts) = Default::default();
        self.listeners.insert(socket, Listener { session, id, local, room, waiting, accepts });
        Ok(())
    }

    /// Does not listen any more; who waits for connections is told, and those that nobody has accepted are reset.
    pub fn unlisten(&mut self, socket: Socket) {
        let Some(listener) = self.listeners.remove(&socket) else { return };
        let _ = self.engine.unlisten(listener.id);
        for (_, later) in listener.accepts {
            let answered = later.answer(Err(Failure::Gone));
            self.answer(&answered);
        }
        for connection in listener.waiting {
            self.early.remove(&connection);
            let _ = self.engine.abort(connection, self.now);
        }
    }

    /// A connection has come in.
    pub(super) fn accepted(&mut self, id: ListenerId, connection: ConnectionId, tuple: Tuple) {
        let found = self.listeners.iter_mut().find(|(_, listener)| listener.id == id);
        let Some((name, listener)) = found else {
            let _ = self.engine.abort(connection, self.now);
            return;
        };
        let name = *name;
        let (bytes, received) = (Vec::new(), 0);
        let early = Early { listener: name, tuple, bytes, received, peer_closed: false, ended: None };
        listener.waiting.push_back(connection);
        self.early.insert(connection, early);
        self.match_up(name);
    }

    /// A connection that nobody has accepted is over.
    pub(super) fn early_ended(&mut self, connection: ConnectionId, how: Closed) {
        let Some(early) = self.early.get_mut(&connection) else { return };
        early.ended = Some(how);
        let has_something = early.received > 0 && how == Closed::Done;
        if has_something {
            return;
        }
        let listener = early.listener;
        self.early.remove(&connection);
        if let Some(listener) = self.listeners.get_mut(&listener) {
            listener.waiting.retain(|one| *one != connection);
            let _ = self.engine.accepted(listener.id);
        }
    }

    /// What `accept` asks for.
    pub(super) fn accept_on(
        &mut self,
        caller: Caller,
        socket: Socket,
        rings: Rings,
        later: Later<(Socket, anax_socket::End), Failure>,
    ) {
        let refused = match self.session(caller) {
            Ok(session) if !rings.fit(session.arena.bytes().len()) => Some(Failure::BadArgument),
            Ok(_) => None,
            Err(failure) => Some(failure),
        };
        let listener = self.listeners.get_mut(&socket).filter(|listener| listener.session == caller.0);
        let failure = match (refused, listener) {
            (Some(failure), _) => failure,
            (None, None) => Failure::Gone,
            (None, Some(listener)) if rings.receive().1 < u64::from(listener.room) => Failure::BadArgument,
            (None, Some(listener)) if listener.accepts.len() >= MOST_ACCEPTS => Failure::Full,
            (None, Some(listener)) => {
                listener.accepts.push_back((rings, later));
                return self.match_up(socket);
            }
        };
        let answered = later.answer(Err(failure));
        self.answer(&answered);
    }

    /// Gives connections that wait to those who wait for connections.
    fn match_up(&mut self, name: Socket) {
        loop {
            let Some(listener) = self.listeners.get_mut(&name) else { return };
            if listener.waiting.is_empty() || listener.accepts.is_empty() {
                return;
            }
            let Some(connection) = listener.waiting.pop_front() else { return };
            let _ = self.engine.accepted(listener.id);
            let number = listener.session;
            let Some((rings, later)) = listener.accepts.pop_front() else { return };
            let Some(early) = self.early.remove(&connection) else { continue };
            let Some(session) = self.sessions.get(&number).cloned() else { return };
            let remote = crate::convert::end(early.tuple.remote);
            match self.adopt(session, rings, connection, early) {
                Ok(socket) => self.answer(&later.answer(Ok((socket, remote)))),
                Err(failure) => {
                    let _ = self.engine.abort(connection, self.now);
                    self.answer(&later.answer(Err(failure)));
                }
            }
        }
    }

    fn adopt(
        &mut self,
        session: Held<H::Arena>,
        rings: Rings,
        connection: ConnectionId,
        early: Early,
    ) -> Result<Socket, Failure> {
        let receive = rings.receive();
        if let Ok(ring) = Ring::new(session.arena.bytes(), receive) {
            ring.write(0, &early.bytes);
        }
        let mut stream = Stream::new(connection, early.tuple, receive.1);
        stream.progress.received = early.received;
        stream.progress.standing = Standing { peer_closed: early.peer_closed };
        stream.ended = early.ended;
        let is_over = early.ended.is_some();
        let socket = self.insert(Open { session, rings, role: Role::Stream(stream) })?;
        if !is_over {
            self.of_connection.insert(connection, place_of(socket));
            let _ = self.engine.make_room(connection, receive.1, self.now);
        }
        Ok(socket)
    }
}
