//! Bytes that are sent from where they lie: pieces of a stream that the network server reads from a file's memory, and what puts them into the ring if that is taken away before they are acknowledged.
//!
//! What was shown to a thread of the server stays shown, since the same memory is often sent again; if there is too much, what was used longest ago goes. One task for each thread that was shown anything waits for
//! what is lost there. It belongs to the session and not to a stream, which may be dropped, and is then closed only when all of it was sent.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, VecDeque};
use alloc::rc::{Rc, Weak};
use alloc::vec::Vec;
use core::cell::{Cell, RefCell};
use core::fmt;
use core::pin::Pin;

use anax_abi::{Handle, Rights};
use anax_proto::Gift;
use anax_socket::{Failure, Lost, MOST_SHOWN, Piece, Rings, Socket, Stretch, sockets};

use super::attachment::{Attachment, PAUSE, is_crowded};
use crate::arena::Arena;

/// Bytes that are put into a ring at once.
const CHUNK: u64 = 8192;

/// Where bytes lie: in memory that others may take away, as a table says that both the program and the server read (`anax_files::files`, leases).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lying {
    /// The memory's number.
    pub memory: u64,
    /// Where it begins in its region.
    pub at: u64,
    /// Bytes of it.
    pub length: u64,
    /// Where in the table its two words are.
    pub word: u32,
    /// Where in the memory the bytes begin.
    pub offset: u64,
}

/// What a read of a [`Source`] comes to: how many bytes, none at its end; nothing if it can't be read.
pub type Reading<'a> = Pin<Box<dyn Future<Output = Option<usize>> + 'a>>;

/// Something of which bytes are sent from where they lie, as a file. It is kept until they are acknowledged, and is dropped in the middle of something: then it is not to use the stream.
pub trait Source {
    /// The table (READ, GRANT) that says which memory is there. Nothing if nobody can be shown any.
    fn table(&self) -> Option<Handle>;

    /// Calls `with` with memory of its own, by its number (READ, GRANT): a handle that is good for as long.
    ///
    /// # Errors
    /// What `with` fails with; `Gone`: it has no such memory any more.
    fn with_memory(
        &self,
        number: u64,
        with: &mut dyn FnMut(Handle) -> Result<(), Failure>,
    ) -> Result<(), Failure>;

    /// Reads from there on, however long that takes, at least a byte if there is one: for what is to be sent and does not lie where it did.
    fn read<'a>(&'a self, from: u64, into: &'a mut [u8]) -> Reading<'a>;
}

/// Bytes that are to be sent from where they lie.
#[derive(Clone)]
pub struct Loan {
    /// What they are of.
    pub source: Rc<dyn Source>,
    /// Where in that they begin.
    pub from: u64,
    /// How many.
    pub length: u64,
    /// Where they lie.
    pub lying: Lying,
}

impl fmt::Debug for Loan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { from, length, lying, .. } = self;
        f.debug_struct("Loan")
            .field("from", from)
            .field("length", length)
            .field("lying", lying)
            .finish_non_exhaustive()
    }
}

/// A piece of a stream.
struct Lent {
    from: u64,
    end: u64,
    source: Rc<dyn Source>,
    /// Where in the source it begins.
    at: u64,
    is_lost: bool,
    /// The memory is in use.
    _use: Rc<()>,
}

/// Those of a stream that are not known to be acknowledged.
pub(crate) struct Sending {
    arena: Rc<Arena>,
    rings: Rings,
    pieces: RefCell<VecDeque<Lent>>,
    written: Cell<u64>,
    taken: Cell<u64>,
    /// Its rings may be another socket's.
    is_over: Cell<bool>,
}

impl Sending {
    fn new(arena: &Rc<Arena>, rings: Rings, (written, taken): (u64, u64)) -> Rc<Self> {
        Rc::new(Self {
            arena: arena.clone(),
            rings,
            pieces: RefCell::default(),
            written: Cell::new(written),
            taken: Cell::new(taken),
            is_over: Cell::new(false),
        })
    }

    /// How far the stream is written.
    pub(crate) fn write(&self, upto: u64) {
        self.written.set(upto);
        if cfg!(bite = "net-source-dropped-early") {
            self.pieces.borrow_mut().retain(|piece| piece.end > upto);
        }
    }

    /// How far it is acknowledged: what lies before is over.
    pub(crate) fn take(&self, upto: u64) {
        self.taken.set(upto);
        let pieces = &mut *self.pieces.borrow_mut();
        while pieces.front().is_some_and(|first| first.end <= upto) {
            pieces.pop_front();
        }
    }

    /// Nothing of it is needed any more.
    pub(crate) fn end(&self) {
        self.is_over.set(true);
        self.pieces.borrow_mut().clear();
    }

    /// What is acknowledged before the last piece is over; `None` if there is none.
    pub(crate) fn before_end(&self) -> Option<u64> {
        self.pieces.borrow().back().map(|last| last.end.saturating_sub(1))
    }

    /// Bytes from a position on that lie in a piece.
    pub(crate) fn lent(&self, position: u64) -> u64 {
        let pieces = self.pieces.borrow();
        let here = pieces.iter().find(|piece| (piece.from..piece.end).contains(&position) && !piece.is_lost);
        here.map_or(0, |piece| piece.end - position)
    }

    /// The piece that begins there is lost: nothing more of it is to be written. Its source, where it begins in that, and where it ends.
    fn lose(&self, from: u64) -> Option<(Rc<dyn Source>, u64, u64)> {
        let pieces = &mut *self.pieces.borrow_mut();
        let piece = pieces.iter_mut().find(|piece| piece.from == from)?;
        piece.is_lost = true;
        piece.end = piece.end.min(self.written.get().max(from));
        Some((piece.source.clone(), piece.at, piece.end))
    }

    /// Puts bytes where they belong in the ring, but for those that are acknowledged: others may have their place.
    fn put(&self, position: u64, bytes: &[u8]) {
        let done = if cfg!(bite = "net-fills-what-was-taken") {
            0
        } else {
            self.taken.get().saturating_sub(position).min(bytes.len() as u64)
        };
        self.arena.ring(self.rings.send()).write(position + done, &bytes[done as usize..]);
    }
}

/// Memory that was shown.
struct Place {
    memory: (u64, u64, u64),
    used_at: u64,
    uses: Rc<()>,
}

/// What was shown to a thread.
#[derive(Default)]
struct Shown {
    table: Option<Handle>,
    places: Vec<Option<Place>>,
    /// Counts uses.
    clock: u64,
    /// Somebody waits for what is lost.
    is_watched: bool,
}

impl Shown {
    /// The place of memory that was shown already.
    fn find(&mut self, memory: (u64, u64, u64)) -> Option<usize> {
        let is_it = |place: &Option<Place>| place.as_ref().is_some_and(|place| place.memory == memory);
        self.places.iter().position(is_it)
    }

    /// A place for more: one that is free, or that was used longest ago and where nothing lies.
    fn choose(&self) -> Option<usize> {
        if let Some(free) = self.places.iter().position(Option::is_none) {
            return Some(free);
        }
        if self.places.len() < MOST_SHOWN as usize {
            return Some(self.places.len());
        }
        let used = self.places.iter().enumerate().filter_map(|(at, place)| Some((at, place.as_ref()?)));
        let unused = used.filter(|(_, place)| Rc::strong_count(&place.uses) == 1);
        unused.min_by_key(|(_, place)| place.used_at).map(|(at, _)| at)
    }
}

/// What a session has shown, and its streams that have pieces.
#[derive(Default)]
pub(crate) struct Lending {
    threads: RefCell<BTreeMap<u32, Shown>>,
    streams: RefCell<BTreeMap<(u32, Socket), Rc<Sending>>>,
}

impl Lending {
    fn of(&self, thread: u32, socket: Socket) -> Option<Rc<Sending>> {
        self.streams.borrow().get(&(thread, socket)).cloned()
    }

    /// A socket is closed, and its rings are free.
    pub(crate) fn over(&self, thread: u32, socket: Socket) {
        if let Some(sending) = self.streams.borrow_mut().remove(&(thread, socket))
            && cfg!(not(bite = "net-fills-after-the-end"))
        {
            sending.end();
        }
    }

    /// A stream has its first piece.
    pub(crate) fn begin(
        &self,
        arena: &Rc<Arena>,
        (thread, socket): (u32, Socket),
        rings: Rings,
        positions: (u64, u64),
    ) -> Rc<Sending> {
        let sending = Sending::new(arena, rings, positions);
        self.streams.borrow_mut().insert((thread, socket), sending.clone());
        sending
    }
}

impl Attachment {
    /// Tells the server that bytes of a stream, from a position on that is not written yet, lie elsewhere.
    pub(crate) fn lend(
        self: &Rc<Self>,
        (thread, socket): (u32, Socket),
        sending: &Sending,
        from: u64,
        loan: &Loan,
    ) -> Result<(), Failure> {
        let (place, uses) = self.show(thread, loan)?;
        self.watch(thread)?;
        let length = u32::try_from(loan.length).unwrap_or(u32::MAX);
        let offset = u32::try_from(loan.lying.offset).map_err(|_| Failure::BadArgument)?;
        let piece = Piece { from, length, place, offset, word: loan.lying.word };
        self.ask(thread, |server| server.piece(socket, piece))?;
        let (end, source, at) = (from + u64::from(length), loan.source.clone(), loan.from);
        sending.pieces.borrow_mut().push_back(Lent { from, end, source, at, is_lost: false, _use: uses });
        Ok(())
    }

    /// Shows a thread the memory in which something lies, if it was not: its place, and what keeps it there.
    fn show(&self, thread: u32, loan: &Loan) -> Result<(u32, Rc<()>), Failure> {
        let threads = &mut *self.lending.threads.borrow_mut();
        let shown = threads.entry(thread).or_default();
        let table = loan.source.table().ok_or(Failure::BadState)?;
        if shown.table != Some(table) {
            self.ask_with(thread, |server| server.show_table(Gift::copy(table, Rights::READ)))?;
            (shown.table, shown.places) = (Some(table), Vec::new());
        }
        let Lying { memory, at, length, .. } = loan.lying;
        let known = (memory, at, length);
        let place = match shown.find(known) {
            Some(place) => place,
            None => {
                let place = shown.choose().ok_or(Failure::Full)?;
                let stretch = Stretch { number: memory, at, length };
                if let Some(before) = shown.places.get_mut(place) {
                    *before = None;
                } else {
                    shown.places.push(None);
                }
                loan.source.with_memory(memory, &mut |handle| {
                    let gift = Gift::copy(handle, Rights::READ);
                    self.ask_with(thread, |server| server.show(place as u32, stretch, gift))
                })?;
                shown.places[place] = Some(Place { memory: known, used_at: 0, uses: Rc::new(()) });
                place
            }
        };
        shown.clock += 1;
        let used = shown.places[place].as_mut().ok_or(Failure::BadState)?;
        used.used_at = shown.clock;
        Ok((place as u32, used.uses.clone()))
    }

    /// Sees to it that somebody waits for what is lost on a thread.
    fn watch(self: &Rc<Self>, thread: u32) -> Result<(), Failure> {
        let is_watched = self.lending.threads.borrow().get(&thread).is_some_and(|shown| shown.is_watched);
        if !is_watched {
            self.events.spawn(watch(Rc::downgrade(self), thread))?;
            if let Some(shown) = self.lending.threads.borrow_mut().get_mut(&thread) {
                shown.is_watched = true;
            }
        }
        Ok(())
    }
}

/// Waits for what is lost on a thread, as long as there is a session.
async fn watch(attachment: Weak<Attachment>, thread: u32) {
    loop {
        let Some(question) = attachment.upgrade().map(|own| own.call(thread, sockets::LOST, ())) else {
            return;
        };
        let (reply, ()) = question.await;
        let Some(own) = attachment.upgrade() else { return };
        let events = own.events.clone();
        let lost = own.outcome::<Lost>(reply);
        drop(own);
        match lost {
            Ok(lost) => {
                // One that waits for its disk keeps no other from going on, if there is room for a task.
                if events.spawn(fill(attachment.clone(), thread, lost)).is_err() {
                    fill(attachment.clone(), thread, lost).await;
                }
            }
            Err(failure) if is_crowded(failure) => events.sleep(PAUSE).await,
            Err(_) => break,
        }
    }
    if let Some(own) = attachment.upgrade()
        && let Some(shown) = own.lending.threads.borrow_mut().get_mut(&thread)
    {
        shown.is_watched = false;
    }
}

/// Puts a piece into its ring, or ends the connection if that can't be.
async fn fill(attachment: Weak<Attachment>, thread: u32, lost: Lost) {
    let Lost { socket, from } = lost;
    let Some(sending) = attachment.upgrade().and_then(|own| own.lending.of(thread, socket)) else { return };
    let Some((source, begin, end)) = sending.lose(from) else { return };
    let mut buffer = alloc::vec![0; CHUNK.min(end - from) as usize];
    let mut at = from;
    while at.max(sending.taken.get()) < end {
        at = at.max(sending.taken.get());
        let most = CHUNK.min(end - at) as usize;
        let read = source.read(begin + (at - from), &mut buffer[..most]).await;
        if sending.is_over.get() {
            return;
        }
        match read {
            Some(count) if (1..=most).contains(&count) => {
                sending.put(at, &buffer[..count]);
                at += count as u64;
            }
            // What was promised can't be sent. Whoever uses the stream learns that it has gone.
            _ => {
                let _ = attachment.upgrade().map(|own| own.ask(thread, |server| server.abort(socket)));
                return;
            }
        }
    }
    if let Some(own) = attachment.upgrade() {
        // It may have ended meanwhile.
        let _ = own.ask(thread, |server| server.filled(socket, from));
        sending.pieces.borrow_mut().retain(|piece| piece.from != from);
    }
}
