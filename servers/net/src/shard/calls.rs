//! What sockets are asked.

use alloc::boxed::Box;
use core::time::Duration;

use anax_proto::{Caller, Later};
use anax_socket::{Choice, End, Failure, Kind, Progress, Question, Rings, Socket};
use anax_tcp::{Endpoint, Tuple, local_port};

use super::datagram::Datagram;
use super::stream::Stream;
use super::{Host, Open, Options, PLACE_BITS, Role, Shard, place_of};
use crate::convert::{end, endpoint};
use crate::session::Arena;

/// Ports that are chosen for who chooses none (RFC 6335).
const EPHEMERAL: core::ops::RangeInclusive<u16> = 49_152..=65_535;
/// Bounds of probes of a connection that is to be kept alive.
const PROBES: u8 = 9;

const fn refused(error: anax_tcp::Error) -> Failure {
    match error {
        anax_tcp::Error::Gone => Failure::Gone,
        anax_tcp::Error::InUse => Failure::InUse,
        anax_tcp::Error::Full => Failure::Full,
        anax_tcp::Error::BadAddress => Failure::BadArgument,
        anax_tcp::Error::NotMine(thread) => Failure::Elsewhere(thread),
        anax_tcp::Error::Shut => Failure::BadState,
    }
}

impl<H: Host> Shard<H> {
    /// See [`anax_socket::Sockets::open`].
    pub fn open(&mut self, caller: Caller, kind: Kind, rings: Rings) -> Result<Socket, Failure> {
        let session = self.session(caller)?;
        if !rings.fit(session.arena.bytes().len()) {
            return Err(Failure::BadArgument);
        }
        let role = match kind {
            Kind::Stream => Role::Fresh(None, Options::default()),
            Kind::Datagram => Role::Datagram(Box::new(Datagram::new(rings.receive().1))),
        };
        self.insert(Open { session, rings, role })
    }

    /// See [`anax_socket::Sockets::bind`].
    pub fn bind(&mut self, caller: Caller, socket: Socket, local: End) -> Result<(), Failure> {
        let local = endpoint(local);
        let is_here = self.is_here(local.address);
        match &mut self.find(caller, socket)?.role {
            Role::Datagram(datagram) if datagram.local.is_none() => {
                self.bind_datagram(place_of(socket), local)
            }
            Role::Fresh(None, _) if !is_here => Err(Failure::NoAddress),
            Role::Fresh(bound @ None, _) => {
                *bound = Some(local);
                Ok(())
            }
            _ => Err(Failure::BadState),
        }
    }

    /// See [`anax_socket::Sockets::connect`].
    pub fn connect(&mut self, caller: Caller, socket: Socket, remote: End, later: Later<(), Failure>) {
        let outcome = match self.find(caller, socket).map(|open| &open.role) {
            Ok(Role::Datagram(datagram)) if datagram.remote.is_none() => {
                self.connect_datagram(place_of(socket), endpoint(remote)).map(Some)
            }
            Ok(Role::Fresh(..)) => self.begin(place_of(socket), endpoint(remote)).map(|()| None),
            Ok(_) => Err(Failure::BadState),
            Err(failure) => Err(failure),
        };
        let answered = match outcome {
            Ok(None) => {
                // Answered when it is open, or not; it may be both already.
                if let Some(Open { role: Role::Stream(stream), .. }) =
                    self.sockets[place_of(socket) as usize].socket.as_deref_mut()
                {
                    stream.connecting = Some(later);
                }
                return self.events();
            }
            Ok(Some(())) => later.answer(Ok(())),
            Err(failure) => later.answer(Err(failure)),
        };
        self.answer(&answered);
    }

    /// Asks the engine for a connection.
    fn begin(&mut self, index: u32, remote: Endpoint) -> Result<(), Failure> {
        let Some(Open { role: Role::Fresh(bound, options), rings, .. }) =
            self.sockets[index as usize].socket.as_deref()
        else {
            return Err(Failure::BadState);
        };
        let (bound, options, room) = (*bound, *options, rings.receive().1);
        let (_, source) = self.tables.route(remote.address, None).map_err(|_| Failure::NoRoute)?;
        let source = bound.map(|local| local.address).filter(|own| !own.is_unspecified()).unwrap_or(source);
        let chosen = match bound.map(|local| local.port).filter(|port| *port != 0) {
            Some(port) => port,
            None => {
                self.next_port = self.next_port.wrapping_add(1);
                let span = EPHEMERAL.end() - EPHEMERAL.start() + 1;
                let start = EPHEMERAL.start() + self.next_port % span;
                let own = (self.port.own(), self.port.threads());
                let engine = &self.engine;
                let is_free = |port| !engine.has(&Tuple { local: Endpoint::new(source, port), remote });
                local_port((source, remote), EPHEMERAL, start, own, is_free).ok_or(Failure::Full)?
            }
        };
        self.next_port = chosen;
        let tuple = Tuple { local: Endpoint::new(source, chosen), remote };
        let room32 = u32::try_from(room).unwrap_or(u32::MAX);
        let connection = self.engine.connect(tuple, room32, self.now).map_err(refused)?;
        self.of_connection.insert(connection, index);
        if let Some(open) = &mut self.sockets[index as usize].socket {
            open.role = Role::Stream(Stream::new(connection, tuple, room));
        }
        self.apply(connection, &options);
        Ok(())
    }

    fn apply(&mut self, connection: anax_tcp::ConnectionId, options: &Options) {
        // One that is gone is told of by its event.
        if options.no_delay {
            let _ = self.engine.set_no_delay(connection, true, self.now);
        }
        if let Some(idle) = options.keep_alive {
            let keep = Some((idle, idle.max(Duration::from_secs(1)), PROBES));
            let _ = self.engine.set_keep_alive(connection, keep, self.now);
        }
        if options.user_timeout.is_some() {
            let _ = self.engine.set_give_up(connection, options.user_timeout, self.now);
        }
    }

    /// What is to listen: a stream that is bound and nothing else.
    pub(crate) fn listens(&mut self, caller: Caller, socket: Socket) -> Result<Endpoint, Failure> {
        match self.find(caller, socket)?.role {
            Role::Fresh(Some(local), _) if local.port != 0 => Ok(local),
            _ => Err(Failure::BadState),
        }
    }

    /// See [`anax_socket::Sockets::accept`].
    pub fn accept(
        &mut self,
        caller: Caller,
        listener: Socket,
        rings: Rings,
        later: Later<(Socket, End), Failure>,
    ) {
        self.accept_on(caller, listener, rings, later);
    }

    /// See [`anax_socket::Sockets::exchange`].
    pub fn exchange(
        &mut self,
        caller: Caller,
        question: Question,
        positions: (u64, u64),
        known: (u64, u64),
        later: Later<Progress, Failure>,
    ) {
        let index = place_of(question.socket);
        let failure = match self.find(caller, question.socket).map(|open| &open.role) {
            Ok(Role::Stream(_)) => return self.exchange_stream(index, question, positions, known, later),
            Ok(Role::Datagram(_)) => return self.exchange_datagram(index, question, positions, known, later),
            Ok(Role::Fresh(..)) => Failure::BadState,
            Err(failure) => failure,
        };
        let answered = later.answer(Err(failure));
        self.answer(&answered);
    }

    /// See [`anax_socket::Sockets::shut_down`].
    pub fn shut_down(&mut self, caller: Caller, socket: Socket) -> Result<(), Failure> {
        match &self.find(caller, socket)?.role {
            Role::Stream(stream) => {
                let connection = stream.connection;
                self.engine.shut_down(connection, self.now).map_err(refused)
            }
            _ => Err(Failure::BadState),
        }
    }

    /// See [`anax_socket::Sockets::close`].
    pub fn close(&mut self, caller: Caller, socket: Socket, later: Later<(), Failure>) {
        match self.find(caller, socket) {
            Ok(_) => self.close_at(place_of(socket), Some(later)),
            Err(failure) => {
                let answered = later.answer(Err(failure));
                self.answer(&answered);
            }
        }
    }

    /// Closes a socket, for its program or because that is gone.
    pub(super) fn close_at(&mut self, index: u32, later: Option<Later<(), Failure>>) {
        let own = self.port.own();
        let Some(place) = self.sockets.get_mut(index as usize) else { return };
        let name = Socket { index: index | own << PLACE_BITS, generation: place.generation };
        let Some(open) = &mut place.socket else { return };
        match &mut open.role {
            Role::Stream(stream) => {
                // Asked twice: the first time counts.
                if stream.closing.is_some() {
                    if let Some(later) = later {
                        let answered = later.answer(Err(Failure::Gone));
                        self.answer(&answered);
                    }
                    return;
                }
                stream.closing = Some(later);
                let (connection, waiters, progress) =
                    (stream.connection, core::mem::take(&mut stream.waiters), stream.progress);
                let _ = self.engine.close(connection, self.now);
                waiters.into_iter().for_each(|waiter| {
                    let answered = waiter.later.answer(Ok(progress));
                    self.answer(&answered);
                });
                self.events();
                self.touch(index);
            }
            role => {
                if matches!(role, Role::Datagram(_)) {
                    self.unbind_datagram(index);
                }
                self.remove(index);
                if self.listeners.contains_key(&name) {
                    self.unlisten(name);
                }
                if let Some(later) = later {
                    let answered = later.answer(Ok(()));
                    self.answer(&answered);
                }
            }
        }
    }

    /// See [`anax_socket::Sockets::abort`].
    pub fn abort(&mut self, caller: Caller, socket: Socket) -> Result<(), Failure> {
        let open = self.find(caller, socket)?;
        match &mut open.role {
            Role::Stream(stream) => {
                let (connection, progress) = (stream.connection, stream.progress);
                let waiters = core::mem::take(&mut stream.waiters);
                let connecting = stream.connecting.take();
                let closing = stream.closing.take().flatten();
                for waiter in waiters.into_iter() {
                    let answered = waiter.later.answer(Ok(progress));
                    self.answer(&answered);
                }
                if let Some(later) = connecting {
                    let answered = later.answer(Err(Failure::Aborted));
                    self.answer(&answered);
                }
                if let Some(later) = closing {
                    let answered = later.answer(Ok(()));
                    self.answer(&answered);
                }
                self.of_connection.remove(connection);
                let _ = self.engine.abort(connection, self.now);
                self.events();
                self.remove(place_of(socket));
                Ok(())
            }
            _ => {
                self.close_at(place_of(socket), None);
                Ok(())
            }
        }
    }

    /// See [`anax_socket::Sockets::choose`].
    pub fn choose(
        &mut self,
        caller: Caller,
        socket: Socket,
        choice: Choice,
        value: u64,
    ) -> Result<(), Failure> {
        let open = self.find(caller, socket)?;
        let is_datagrams = matches!(choice, Choice::Broadcast | Choice::HopLimit);
        if is_datagrams != matches!(open.role, Role::Datagram(_)) {
            return Err(Failure::BadArgument);
        }
        let (options, connection) = match &mut open.role {
            Role::Fresh(_, options) => (options, None),
            Role::Stream(stream) => (&mut Options::default(), Some(stream.connection)),
            Role::Datagram(datagram) => (&mut datagram.options, None),
        };
        let time = (value > 0).then(|| Duration::from_millis(value));
        match (choice, value) {
            (Choice::NoDelay, 0 | 1) => options.no_delay = value == 1,
            (Choice::Broadcast, 0 | 1) => options.broadcast = value == 1,
            (Choice::KeepAlive, _) => options.keep_alive = time,
            (Choice::UserTimeout, _) => options.user_timeout = time,
            (Choice::HopLimit, 1..=255) => options.hop_limit = Some(value as u8),
            _ => return Err(Failure::BadArgument),
        }
        let options = *options;
        let Some(connection) = connection else { return Ok(()) };
        match choice {
            Choice::NoDelay => self.engine.set_no_delay(connection, options.no_delay, self.now),
            Choice::KeepAlive => {
                let keep = options.keep_alive.map(|idle| (idle, idle.max(Duration::from_secs(1)), PROBES));
                self.engine.set_keep_alive(connection, keep, self.now)
            }
            Choice::UserTimeout => self.engine.set_give_up(connection, options.user_timeout, self.now),
            Choice::Broadcast | Choice::HopLimit => return Err(Failure::BadArgument),
        }
        .map_err(refused)
    }

    /// See [`anax_socket::Sockets::local`].
    pub fn local(&mut self, caller: Caller, socket: Socket) -> Result<End, Failure> {
        if let Some(listener) = self.listeners.get(&socket).filter(|one| one.session == caller.0) {
            return Ok(end(listener.local));
        }
        match &self.find(caller, socket)?.role {
            Role::Fresh(Some(local), _) => Ok(end(*local)),
            Role::Stream(stream) => Ok(end(stream.tuple.local)),
            Role::Datagram(datagram) => datagram.local.map(end).ok_or(Failure::BadState),
            Role::Fresh(None, _) => Err(Failure::BadState),
        }
    }

    /// See [`anax_socket::Sockets::remote`].
    pub fn remote(&mut self, caller: Caller, socket: Socket) -> Result<End, Failure> {
        match &self.find(caller, socket)?.role {
            Role::Stream(stream) => Ok(end(stream.tuple.remote)),
            Role::Datagram(datagram) => datagram.remote.map(end).ok_or(Failure::BadState),
            Role::Fresh(..) => Err(Failure::BadState),
        }
    }
}
