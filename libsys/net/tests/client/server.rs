//! A network server of one program, whose whole network is this host: what `anax_socket` promises, and it looks whether the program keeps its own promises.

use std::collections::{BTreeMap, VecDeque};

use anax_abi::Error;
use anax_net::{Failure, InterfaceReport, LinkKind, Memory as _, NeighbourReport, RouteReport};
use anax_proto::{Answered, Caller, Gift, Later};
use anax_socket::datagram::{HEADER, Header, record};
use anax_socket::ring::Ring;
use anax_socket::{
    Address, Choice, End, Kind, Lost, MOST_WAITING, Piece, Progress, Question, Rings, Socket, Sockets,
    Standing, Stretch,
};

use crate::lending::Lending;
use crate::world::{Random, Words};

struct Waiting {
    knows_end: bool,
    received: u64,
    taken: u64,
    later: Later<Progress, Failure>,
}

/// On which thread, with which rings.
type Accept = (u32, Rings, Later<(Socket, End), Failure>);

struct Listener {
    room: u64,
    /// Sockets that have connected and wait to be accepted.
    connected: VecDeque<u32>,
    accepts: VecDeque<Accept>,
}

struct Open {
    thread: u32,
    kind: Kind,
    rings: Rings,
    local: Option<End>,
    remote: Option<End>,
    /// The socket at the other end.
    peer: Option<u32>,
    written: u64,
    taken: u64,
    room: u64,
    received: u64,
    is_shut: bool,
    peer_closed: bool,
    ended: Option<Failure>,
    waiting: VecDeque<Waiting>,
    closing: Option<Later<(), Failure>>,
    listener: Option<Listener>,
}

/// It.
pub(crate) struct Server {
    memory: Words,
    threads: u32,
    /// Whose message it is.
    pub(crate) thread: u32,
    sockets: BTreeMap<u32, Open>,
    next: u32,
    next_port: u16,
    pub(crate) answered: Vec<Answered>,
    random: Random,
    /// What the next answers say instead.
    pub(crate) lie: Option<Progress>,
    /// What an earlier datagram has come to: the next question about its socket is answered with it, and says nothing else.
    pub(crate) fate: Option<Failure>,
    /// All moves at once, and not in pieces.
    pub(crate) is_swift: bool,
    /// Nothing moves.
    pub(crate) is_frozen: bool,
    /// Who asks to connect on this thread is sent to that one.
    pub(crate) elsewhere: Option<(u32, u32)>,
    looked_up: BTreeMap<u64, Vec<Address>>,
    choices: Vec<(Choice, u64)>,
    pub(crate) lending: Lending,
}

impl Server {
    pub(crate) fn new(memory: Words, threads: u32, seed: u64) -> Self {
        Self {
            memory,
            threads,
            thread: 0,
            sockets: BTreeMap::new(),
            next: 1,
            next_port: 49_152,
            answered: Vec::new(),
            random: Random::new(seed),
            lie: None,
            fate: None,
            is_swift: false,
            is_frozen: false,
            elsewhere: None,
            looked_up: BTreeMap::new(),
            choices: Vec::new(),
            lending: Lending::default(),
        }
    }

    /// Sockets that have not been closed.
    pub(crate) fn open_sockets(&self) -> usize {
        self.sockets.len()
    }

    pub(crate) fn choices(&self) -> &[(Choice, u64)] {
        &self.choices
    }

    /// Ends all connections.
    pub(crate) fn reset_all(&mut self) {
        for open in self.sockets.values_mut().filter(|open| open.remote.is_some()) {
            open.ended = Some(Failure::Reset);
        }
    }

    /// Somebody has asked for the end of that question.
    pub(crate) fn forget(&mut self, ticket: u64) {
        self.lending.forget_waiting(ticket);
        for open in self.sockets.values_mut() {
            open.waiting.retain(|waiting| waiting.later.ticket() != ticket);
            if let Some(listener) = &mut open.listener {
                listener.accepts.retain(|(_, _, later)| later.ticket() != ticket);
            }
        }
    }

    fn socket(&mut self, socket: Socket) -> Result<&mut Open, Failure> {
        let thread = self.thread;
        assert_eq!(socket.generation, 1);
        let open = self.sockets.get_mut(&socket.index).ok_or(Failure::Gone)?;
        assert!(open.thread == thread || open.listener.is_some(), "another thread's socket");
        Ok(open)
    }

    fn insert(&mut self, thread: u32, kind: Kind, rings: Rings) -> Result<u32, Failure> {
        if !rings.fit(self.memory.bytes().len()) {
            return Err(Failure::BadArgument);
        }
        let pages = |rings: &Rings| rings.page()..rings.page() + rings.pages();
        for open in self.sockets.values() {
            let (old, new) = (pages(&open.rings), pages(&rings));
            assert!(old.end <= new.start || new.end <= old.start, "rings are used by two sockets");
        }
        let index = self.next;
        self.next += 1;
        let open = Open {
            thread,
            kind,
            rings,
            local: None,
            remote: None,
            peer: None,
            written: 0,
            taken: 0,
            room: rings.receive().1,
            received: 0,
            is_shut: false,
            peer_closed: false,
            ended: None,
            waiting: VecDeque::new(),
            closing: None,
            listener: None,
        };
        self.sockets.insert(index, open);
        Ok(index)
    }

    /// Accepts who waits, moves bytes, answers; whether it has moved any.
    pub(crate) fn step(&mut self) -> bool {
        self.accept_all();
        let far = |server: &Self| -> u64 { server.sockets.values().map(|open| open.taken).sum() };
        let before = far(self);
        let all: Vec<u32> = self.sockets.keys().copied().collect();
        if !self.is_frozen {
            for index in &all {
                match self.sockets[index].kind {
                    Kind::Stream => self.move_bytes(*index),
                    Kind::Datagram => self.move_datagrams(*index),
                }
            }
        }
        let has_moved = far(self) != before;
        for index in all {
            self.answer(index);
            let open = &self.sockets[&index];
            if open.closing.is_some() && (open.taken == open.written || open.ended.is_some()) {
                self.close_now(index);
            }
        }
        has_moved
    }

    fn accept_all(&mut self) {
        let listeners: Vec<u32> = self
            .sockets
            .iter()
            .filter(|(_, open)| open.listener.is_some())
            .map(|(index, _)| *index)
            .collect();
        for index in listeners {
            loop {
                let which = self.random.below(usize::MAX);
                let (local, listener) = {
                    let open = self.sockets.get_mut(&index).unwrap();
                    (open.local, open.listener.as_mut().unwrap())
                };
                if listener.accepts.is_empty() || listener.connected.is_empty() {
                    break;
                }
                let count = listener.accepts.len();
                let (thread, rings, later) = listener.accepts.remove(which % count).unwrap();
                let (client, room) = (listener.connected.pop_front().unwrap(), listener.room);
                let child = match self.insert(thread, Kind::Stream, rings) {
                    Ok(child) => child,
                    Err(failure) => {
                        self.answered.push(later.answer(Err(failure)));
                        continue;
                    }
                };
                let from = self.sockets.get(&client).and_then(|client| client.local);
                let from = from.unwrap_or(End::new([127, 0, 0, 1], 1));
                if let Some(client) = self.sockets.get_mut(&client) {
                    client.peer = Some(child);
                }
                let open = self.sockets.get_mut(&child).unwrap();
                (open.local, open.remote, open.peer, open.room) = (local, Some(from), Some(client), room);
                let socket = Socket { index: child, generation: 1 };
                self.answered.push(later.answer(Ok((socket, from))));
            }
        }
    }

    fn move_bytes(&mut self, index: u32) {
        let open = &self.sockets[&index];
        let Some(peer) = open.peer else { return };
        let (ended, is_shut) = (open.ended.is_some(), open.is_shut);
        let Some(other) = self.sockets.get(&peer).filter(|_| !ended) else {
            // Nobody is there any more: what is sent is lost, and answered by a reset.
            let open = self.sockets.get_mut(&index).unwrap();
            if open.written > open.taken {
                open.ended.get_or_insert(Failure::Reset);
            }
            open.peer_closed = true;
            return;
        };
        let most = (open.written - open.taken).min(other.room - other.received);
        let count = match most as usize {
            0 => 0,
            most if self.is_swift => most,
            most => 1 + self.random.below(most),
        };
        let open = &self.sockets[&index];
        let mut bytes = vec![0; count];
        let memory = self.memory.clone();
        Ring::new(memory.bytes(), open.rings.send()).unwrap().read(open.taken, &mut bytes);
        if let Err(lost) = self.lending.read(index, open.taken, &mut bytes) {
            self.answered.extend(lost);
            return;
        }
        Ring::new(memory.bytes(), other.rings.receive()).unwrap().write(other.received, &bytes);
        let open = self.sockets.get_mut(&index).unwrap();
        open.taken += count as u64;
        self.lending.taken(index, open.taken);
        let is_at_end = is_shut && open.taken == open.written;
        let other = self.sockets.get_mut(&peer).unwrap();
        other.received += count as u64;
        other.peer_closed |= is_at_end;
    }

    fn move_datagrams(&mut self, index: u32) {
        let memory = self.memory.clone();
        loop {
            let open = &self.sockets[&index];
            if open.taken == open.written {
                return;
            }
            let from = Ring::new(memory.bytes(), open.rings.send()).unwrap();
            let header = Header::read(from, open.taken, open.written).expect("programs write datagrams");
            let to = header.end.or(open.remote).expect("datagrams go to somebody");
            let mut payload = vec![0; header.length];
            from.read(open.taken + HEADER as u64, &mut payload);
            let local = open.local;
            self.sockets.get_mut(&index).unwrap().taken += record(header.length) as u64;
            let is_for = |open: &&mut Open| {
                open.kind == Kind::Datagram && open.local.is_some_and(|local| local.port == to.port)
            };
            let Some(other) = self.sockets.values_mut().find(is_for) else { continue };
            let length = record(payload.len()) as u64;
            if other.room - other.received < length {
                continue;
            }
            let ring = Ring::new(memory.bytes(), other.rings.receive()).unwrap();
            Header { length: payload.len(), end: local }.write(ring, other.received);
            ring.write(other.received + HEADER as u64, &payload);
            other.received += length;
        }
    }

    fn answer(&mut self, index: u32) {
        let open = self.sockets.get_mut(&index).unwrap();
        let progress = Progress {
            received: open.received,
            taken: open.taken,
            standing: Standing { peer_closed: open.peer_closed },
        };
        let is_lie = self.lie.is_some() && !open.waiting.is_empty();
        let mut waiting = std::mem::take(&mut open.waiting);
        let mut left = waiting.len();
        while let Some(one) = waiting.pop_front() {
            let is_news = open.received > one.received
                || open.taken > one.taken
                || open.peer_closed != one.knows_end
                || left > MOST_WAITING;
            left -= 1;
            let answer = match (open.ended, is_lie) {
                (Some(failure), _) => Err(failure),
                (None, true) => Ok(self.lie.unwrap()),
                (None, false) if is_news => Ok(progress),
                _ => {
                    left += 1;
                    open.waiting.push_back(one);
                    continue;
                }
            };
            self.answered.push(one.later.answer(answer));
        }
        if is_lie {
            self.lie = None;
        }
    }

    fn close_now(&mut self, index: u32) {
        self.lending.forget(index);
        let open = self.sockets.remove(&index).unwrap();
        for one in open.waiting {
            self.answered.push(one.later.answer(Err(Failure::Gone)));
        }
        if let Some(listener) = open.listener {
            for (_, _, later) in listener.accepts {
                self.answered.push(later.answer(Err(Failure::Gone)));
            }
        }
        if let Some(closing) = open.closing {
            self.answered.push(closing.answer(Ok(())));
        }
        if let Some(peer) = open.peer.and_then(|peer| self.sockets.get_mut(&peer)) {
            peer.peer_closed = true;
        }
    }

    fn port(&mut self) -> u16 {
        self.next_port += 1;
        self.next_port
    }
}

impl Sockets for Server {
    fn attach(&mut self, _: Gift, _: Gift, _: Later<(Gift, u32), Failure>) {
        unreachable!("the world attaches")
    }

    fn thread(&mut self, _: Caller, _: u32) -> Result<Gift, Failure> {
        unreachable!("the world attaches")
    }

    fn open(&mut self, _: Caller, kind: Kind, rings: Rings) -> Result<Socket, Failure> {
        let index = self.insert(self.thread, kind, rings)?;
        Ok(Socket { index, generation: 1 })
    }

    fn bind(&mut self, _: Caller, socket: Socket, mut local: End) -> Result<(), Failure> {
        if let Some((here, there)) = self.elsewhere
            && self.thread == here
        {
            return Err(Failure::Elsewhere(there));
        }
        if local.port == 0 {
            local.port = self.port();
        }
        let kind = self.socket(socket)?.kind;
        let is_same = |open: &Open| {
            open.kind == kind && open.remote.is_none() && open.local.is_some_and(|end| end.port == local.port)
        };
        if self.sockets.values().any(is_same) {
            return Err(Failure::InUse);
        }
        self.socket(socket)?.local = Some(local);
        Ok(())
    }

    fn connect(&mut self, _: Caller, socket: Socket, remote: End, later: Later<(), Failure>) {
        let answer = match self.elsewhere {
            Some((here, there)) if self.thread == here => Err(Failure::Elsewhere(there)),
            _ => self.socket(socket).map(|open| (open.kind, open.local)),
        };
        let answer = answer.and_then(|(kind, local)| {
            let port = self.port();
            let local = local.unwrap_or(End::new([127, 0, 0, 1], port));
            if kind == Kind::Stream {
                let is_it =
                    |open: &&mut Open| open.listener.is_some() && open.local.unwrap().port == remote.port;
                let listener = self.sockets.values_mut().find(is_it).ok_or(Failure::Refused)?;
                listener.listener.as_mut().unwrap().connected.push_back(socket.index);
            }
            let open = self.socket(socket)?;
            (open.local, open.remote) = (Some(local), Some(remote));
            Ok(())
        });
        self.answered.push(later.answer(answer));
    }

    fn listen(&mut self, _: Caller, socket: Socket, _: u32, room: u32, later: Later<(), Failure>) {
        assert_eq!(self.thread, 0, "thread 0 is asked to listen");
        let listener = Listener { room: room.into(), connected: VecDeque::new(), accepts: VecDeque::new() };
        let answer = self.socket(socket).map(|open| open.listener = Some(listener));
        self.answered.push(later.answer(answer));
    }

    fn accept(&mut self, _: Caller, listener: Socket, rings: Rings, later: Later<(Socket, End), Failure>) {
        let thread = self.thread;
        match self.socket(listener).map(|open| open.listener.as_mut()) {
            Ok(Some(listener)) => listener.accepts.push_back((thread, rings, later)),
            Ok(None) => self.answered.push(later.answer(Err(Failure::BadState))),
            Err(failure) => self.answered.push(later.answer(Err(failure))),
        }
    }

    fn exchange(
        &mut self,
        _: Caller,
        question: Question,
        (written, room): (u64, u64),
        (received, taken): (u64, u64),
        later: Later<Progress, Failure>,
    ) {
        let fate = self.fate;
        let open = match self.socket(question.socket) {
            Ok(open) if open.kind == Kind::Datagram && fate.is_some() => {
                self.fate = None;
                return self.answered.push(later.answer(Err(fate.unwrap())));
            }
            Ok(open) => open,
            Err(failure) => return self.answered.push(later.answer(Err(failure))),
        };
        let (receive, send) = (open.rings.receive().1, open.rings.send().1);
        assert!(written >= open.written && written <= open.taken + send, "written {written}");
        assert!(room >= open.room && room <= open.received + receive, "room {room}");
        assert!(
            written == open.written || (!open.is_shut && open.closing.is_none()),
            "written after the end"
        );
        (open.written, open.room) = (written, room);
        open.waiting.push_back(Waiting { knows_end: question.knows_end, received, taken, later });
    }

    fn show_table(&mut self, _: Caller, table: Gift) -> Result<(), Failure> {
        self.lending.show_table(self.thread, table)
    }

    fn show(&mut self, _: Caller, place: u32, stretch: Stretch, memory: Gift) -> Result<(), Failure> {
        self.lending.show(self.thread, place, stretch, memory)
    }

    fn piece(&mut self, _: Caller, socket: Socket, piece: Piece) -> Result<(), Failure> {
        let (thread, written) = (self.thread, self.socket(socket)?.written);
        self.lending.piece((thread, socket.index), written, piece)
    }

    fn lost(&mut self, _: Caller, later: Later<Lost, Failure>) {
        let before = self.lending.wait(self.thread, later);
        assert!(before.is_none(), "one task waits");
    }

    fn filled(&mut self, _: Caller, socket: Socket, from: u64) -> Result<(), Failure> {
        self.socket(socket)?;
        self.lending.filled(socket.index, from)
    }

    fn shut_down(&mut self, _: Caller, socket: Socket) -> Result<(), Failure> {
        self.socket(socket)?.is_shut = true;
        Ok(())
    }

    fn close(&mut self, _: Caller, socket: Socket, later: Later<(), Failure>) {
        match self.socket(socket) {
            Ok(open) => {
                assert!(open.closing.is_none(), "closed twice");
                (open.is_shut, open.closing) = (true, Some(later));
            }
            Err(failure) => self.answered.push(later.answer(Err(failure))),
        }
    }

    fn abort(&mut self, _: Caller, socket: Socket) -> Result<(), Failure> {
        self.socket(socket)?;
        let peer = self.sockets[&socket.index].peer;
        self.close_now(socket.index);
        if let Some(peer) = peer.and_then(|peer| self.sockets.get_mut(&peer)) {
            peer.ended = Some(Failure::Reset);
        }
        Ok(())
    }

    fn choose(&mut self, _: Caller, socket: Socket, choice: Choice, value: u64) -> Result<(), Failure> {
        self.socket(socket)?;
        self.choices.push((choice, value));
        Ok(())
    }

    fn local(&mut self, _: Caller, socket: Socket) -> Result<End, Failure> {
        self.socket(socket)?.local.ok_or(Failure::BadState)
    }

    fn remote(&mut self, _: Caller, socket: Socket) -> Result<End, Failure> {
        self.socket(socket)?.remote.ok_or(Failure::BadState)
    }

    fn echo(&mut self, _: Caller, _: Address, length: u16, _: u32, later: Later<u64, Failure>) {
        self.answered.push(later.answer(Ok(u64::from(length) * 1000)));
    }

    fn look_up(&mut self, _: Caller, name: &str, version: u8) -> Result<u64, Failure> {
        let number = self.looked_up.len() as u64 + 1;
        let all = [Address([10, 0, 0, 1].into()), Address([10, 0, 0, 2].into())];
        let found = if name == "example.com" && version != 6 { all.to_vec() } else { Vec::new() };
        self.looked_up.insert(number, found);
        Ok(number)
    }

    fn looked_up(&mut self, _: Caller, number: u64, later: Later<u32, Failure>) {
        let answer = match self.looked_up.get(&number) {
            None => Err(Failure::Gone),
            Some(found) if found.is_empty() => Err(Failure::NoName),
            Some(found) => Ok(found.len() as u32),
        };
        self.answered.push(later.answer(answer));
    }

    fn found(&mut self, _: Caller, number: u64, which: u32) -> Result<Address, Failure> {
        let found = self.looked_up.get(&number).ok_or(Failure::Gone)?;
        found.get(which as usize).copied().ok_or(Failure::BadArgument)
    }

    fn ready(&mut self, _: Caller, _: u8, later: Later<(), Failure>) {
        self.answered.push(later.answer(Ok(())));
    }

    fn interfaces(&mut self, first: u32) -> Result<Vec<InterfaceReport>, Failure> {
        let report = |number| InterfaceReport {
            number,
            kind: LinkKind::Loopback,
            is_up: true,
            mtu: 65_535,
            addresses: vec![],
        };
        Ok((first..3).take(2).map(report).collect())
    }

    fn routes(&mut self, _: u32) -> Result<Vec<RouteReport>, Failure> {
        Ok(Vec::new())
    }

    fn neighbours(&mut self, _: u32) -> Result<Vec<NeighbourReport>, Failure> {
        Err(Error::PeerMisbehaved.into())
    }

    fn assign(&mut self, _: u32, _: Address, _: u8, _: bool) -> Result<(), Failure> {
        Ok(())
    }

    fn route(&mut self, _: Address, _: u8, _: Address, _: bool) -> Result<(), Failure> {
        Err(Failure::NoRoute)
    }

    fn counter(&mut self, number: u32) -> Result<(String, u64), Failure> {
        let threads = self.threads;
        if number < 3 { Ok((format!("count{number}"), threads.into())) } else { Err(Failure::BadArgument) }
    }
}
