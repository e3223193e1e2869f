//! What programs show this thread so that their streams can be sent from there, and what becomes of it.

use alloc::collections::VecDeque;
use alloc::sync::Arc;
use alloc::vec::Vec;

use anax_files::files::TABLE;
use anax_proto::{Caller, Gift, Later};
use anax_socket::{Failure, LONGEST_SHOWN, Lost, MOST_SHOWN, Piece, Socket, Stretch};
use anax_tcp::{Outgoing, Payload};

use super::{Host, Open, Role, Shard};
use crate::pieces::{Pieces, Shown, Table};

/// Pieces of memory that are mapped for all programs together, by all threads; and by each at least.
const MOST_MAPPED: usize = 512;
const LEAST_MAPPED: usize = 16;

/// What a program has shown.
pub(super) struct Showing {
    table: Arc<Table>,
    places: Vec<Option<Arc<Shown>>>,
    /// Who is told of the next piece that is lost.
    waiting: Option<Later<Lost, Failure>>,
    /// Those that nobody was told of. A stream has few pieces, and each is here once.
    lost: VecDeque<Lost>,
}

/// Whether pieces lie there.
fn is_used(shown: Option<&Arc<Shown>>) -> bool {
    shown.is_some_and(|shown| Arc::strong_count(shown) > 1)
}

/// What became of bytes that were to be copied.
pub(super) enum Copied {
    All,
    /// The connection has no bytes any more.
    Nobody,
    /// The piece that begins there is not there any more.
    Lost(u64),
}

impl<H: Host> Shard<H> {
    /// See [`anax_socket::Sockets::show_table`].
    pub fn show_table(&mut self, caller: Caller, table: Gift) -> Result<(), Failure> {
        // Whatever comes of it, the handle is gone with this.
        let memory = self.host.show(table, 0, (TABLE * size_of::<u64>()) as u64)?;
        let number = self.session(caller)?.number;
        let before = self.shown.get(&number);
        if before.is_some_and(|showing| showing.places.iter().any(|place| is_used(place.as_ref()))) {
            return Err(Failure::BadState);
        }
        if before.is_none() {
            self.may_map()?;
        }
        let table = Table::new(memory, &self.mapped);
        match self.shown.get_mut(&number) {
            Some(showing) => (showing.table, showing.places) = (table, Vec::new()),
            None => {
                let showing = Showing { table, places: Vec::new(), waiting: None, lost: VecDeque::new() };
                self.shown.insert(number, showing);
            }
        }
        Ok(())
    }

    /// Whether this thread may map one piece of memory more.
    fn may_map(&self) -> Result<(), Failure> {
        let most = (MOST_MAPPED / self.port.threads() as usize).max(LEAST_MAPPED);
        // This thread's own count is one.
        if Arc::strong_count(&self.mapped) > most { Err(Failure::Full) } else { Ok(()) }
    }

    /// See [`anax_socket::Sockets::show`].
    pub fn show(
        &mut self,
        caller: Caller,
        place: u32,
        stretch: Stretch,
        memory: Gift,
    ) -> Result<(), Failure> {
        let pages = Shown::pages(&stretch).filter(|_| (1..=LONGEST_SHOWN).contains(&stretch.length));
        let (at, bytes) = pages.unwrap_or((0, 0));
        let memory = self.host.show(memory, at, bytes)?;
        let number = self.session(caller)?.number;
        let is_full = self.may_map();
        let showing = self.shown.get_mut(&number).ok_or(Failure::BadState)?;
        if place >= MOST_SHOWN || pages.is_none() {
            return Err(Failure::BadArgument);
        }
        let place = place as usize;
        let before = showing.places.get(place).and_then(Option::as_ref);
        if is_used(before) {
            return Err(Failure::BadState);
        }
        if before.is_none() {
            is_full?;
        }
        if showing.places.len() <= place {
            showing.places.resize(place + 1, None);
        }
        showing.places[place] = Some(Shown::new(stretch, memory, &showing.table, &self.mapped));
        Ok(())
    }

    /// See [`anax_socket::Sockets::piece`].
    pub fn piece(&mut self, caller: Caller, socket: Socket, piece: Piece) -> Result<(), Failure> {
        let shown = self.shown.get(&caller.0).and_then(|showing| showing.places.get(piece.place as usize));
        let shown = shown.cloned().flatten();
        let Open { rings, role: Role::Stream(stream), .. } = self.find(caller, socket)? else {
            return Err(Failure::BadState);
        };
        if stream.closing.is_some() || stream.ended.is_some() {
            return Err(Failure::BadState);
        }
        let shown = shown.ok_or(Failure::BadArgument)?;
        if piece.from > stream.progress.taken.saturating_add(rings.send().1) {
            return Err(Failure::BadArgument);
        }
        stream.pieces.get_or_insert_default().push(piece, stream.written, &shown)
    }

    /// See [`anax_socket::Sockets::lost`].
    pub fn lost(&mut self, caller: Caller, later: Later<Lost, Failure>) {
        let answered = match self.next_lost(caller) {
            Ok(Some(lost)) => later.answer(Ok(lost)),
            Ok(None) => {
                let showing = self.shown.get_mut(&caller.0);
                let Some(before) = showing.and_then(|showing| showing.waiting.replace(later)) else { return };
                before.answer(Err(anax_abi::Error::Aborted.into()))
            }
            Err(failure) => later.answer(Err(failure)),
        };
        self.answer(&answered);
    }

    /// The next piece of a program's that is still lost.
    fn next_lost(&mut self, caller: Caller) -> Result<Option<Lost>, Failure> {
        loop {
            let showing = self.shown.get_mut(&caller.0).ok_or(Failure::BadState)?;
            let Some(lost) = showing.lost.pop_front() else { return Ok(None) };
            if let Ok(pieces) = self.pieces(caller, lost.socket)
                && pieces.is_lost(Some(lost.from))
            {
                return Ok(Some(lost));
            }
        }
    }

    fn pieces(&mut self, caller: Caller, socket: Socket) -> Result<&mut Pieces, Failure> {
        match &mut self.find(caller, socket)?.role {
            Role::Stream(stream) => stream.pieces.as_deref_mut().ok_or(Failure::BadArgument),
            _ => Err(Failure::BadState),
        }
    }

    /// See [`anax_socket::Sockets::filled`].
    pub fn filled(&mut self, caller: Caller, socket: Socket, from: u64) -> Result<(), Failure> {
        let held = self.pieces(caller, socket)?.fill(from).ok_or(Failure::BadArgument)?;
        self.ahead.extend(held);
        Ok(())
    }

    /// Shows the bytes of a payload, run by run, from where they lie.
    pub(super) fn copy_payload(
        &self,
        payload: &Payload,
        mut each: impl FnMut(anax_ring::SharedBytes<'_>),
    ) -> Copied {
        let Some(ring) = self.ring(payload.connection, true) else { return Copied::Nobody };
        let (position, length) = (payload.position, payload.length as usize);
        match self.pieces_of(payload) {
            None => {
                ring.pieces(position, length).into_iter().for_each(each);
                Copied::All
            }
            Some(pieces) => match pieces.copy(ring, (position, length), &mut each) {
                Ok(()) => Copied::All,
                Err(from) => Copied::Lost(from),
            },
        }
    }

    fn pieces_of(&self, payload: &Payload) -> Option<&Pieces> {
        let index = self.of_connection.get(payload.connection)?;
        match &self.sockets[index as usize].socket.as_ref()?.role {
            Role::Stream(stream) => stream.pieces.as_deref(),
            _ => None,
        }
    }

    /// A segment can't be sent, since a piece is lost: it waits, and the program is told. A stream whose program has ended does so, too.
    pub(super) fn piece_lost(&mut self, segment: Outgoing, from: u64) {
        let Some(index) = segment.payload.and_then(|payload| self.of_connection.get(payload.connection))
        else {
            return;
        };
        let place = &mut self.sockets[index as usize];
        let socket = super::name(self.port.own(), index, place.generation);
        let Some(Open { session, role: Role::Stream(stream), .. }) = place.socket.as_deref_mut() else {
            return;
        };
        let is_news = stream.pieces.as_mut().is_some_and(|pieces| pieces.lose(from, segment));
        let number = session.number;
        let Some(showing) = self.shown.get_mut(&number) else {
            return self.cut_off(index);
        };
        if !is_news {
            return;
        }
        self.counters.pieces_lost += 1;
        let lost = Lost { socket, from };
        match showing.waiting.take() {
            Some(later) => self.answer(&later.answer(Ok(lost))),
            None => showing.lost.push_back(lost),
        }
    }

    /// A program is gone: what it has shown is let go, but for what its streams still send from there.
    pub(super) fn forget_shown(&mut self, number: u64) {
        if cfg!(bite = "net-shown-for-ever") {
            return;
        }
        if let Some(showing) = self.shown.remove(&number)
            && let Some(later) = showing.waiting
        {
            self.answer(&later.answer(Err(Failure::Gone)));
        }
    }

    /// Nobody will fill what a stream has lost: it ends, if there is any.
    pub(super) fn end_if_lost(&mut self, index: u32) {
        if let Some(Open { role: Role::Stream(stream), .. }) = self.sockets[index as usize].socket.as_deref()
            && stream.pieces.as_ref().is_some_and(|pieces| pieces.is_lost(None))
        {
            self.cut_off(index);
        }
    }

    /// Ends a stream that can't go on: the other end is told, and what it promised never comes.
    fn cut_off(&mut self, index: u32) {
        let Some(Open { role: Role::Stream(stream), .. }) = self.sockets[index as usize].socket.as_deref()
        else {
            return;
        };
        let connection = stream.connection;
        self.of_connection.remove(connection);
        // One that has just ended has told the other end.
        let _ = self.engine.abort(connection, self.now);
        self.events();
        self.remove(index);
    }

    /// Pieces of memory that this thread has mapped for programs.
    #[must_use]
    pub fn mapped(&self) -> usize {
        Arc::strong_count(&self.mapped) - 1
    }
}
