//! What a server does with pieces, and memory that can be shown to it.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::rc::Rc;

use anax_abi::{Handle, Rights};
use anax_net::{Failure, Lying, Reading, Source};
use anax_proto::{Answered, Gift, Later};
use anax_socket::{Lost, MOST_PIECES, MOST_SHOWN, Piece, Socket, Stretch};
use anax_task::EventLoop;

use crate::world::ENDED;

thread_local! {
    /// All regions of a test, by their handles.
    static REGIONS: RefCell<HashMap<u64, Rc<Region>>> = RefCell::default();
}

/// A region: of bytes, or a table.
#[derive(Default)]
pub(crate) struct Region {
    pub(crate) bytes: RefCell<Vec<u8>>,
    pub(crate) words: RefCell<[u64; 2]>,
}

impl Region {
    pub(crate) fn new(bytes: Vec<u8>) -> (Rc<Self>, Handle) {
        let region = Rc::new(Self { bytes: RefCell::new(bytes), words: RefCell::default() });
        let handle = REGIONS.with_borrow_mut(|all| {
            let word = 5 << 32 | (all.len() as u64 + 1);
            all.insert(word, region.clone());
            Handle::from_word(word)
        });
        (region, handle)
    }

    fn of(gift: Gift) -> Result<Rc<Self>, Failure> {
        assert_eq!(gift.rights, Rights::READ, "nothing more is given than is needed");
        let region = REGIONS.with_borrow(|all| all.get(&gift.handle.to_word()).cloned());
        region.ok_or(Failure::BadArgument)
    }
}

/// A file of one memory, which lies there until it is taken away. It reads slowly.
pub(crate) struct TestFile {
    pub(crate) content: Vec<u8>,
    pub(crate) memory: Rc<Region>,
    pub(crate) table: (Rc<Region>, Handle),
    pub(crate) number: u64,
    memory_handle: Handle,
    events: EventLoop,
    /// How long a read takes.
    pub(crate) delay: Cell<u64>,
    pub(crate) fails: Cell<bool>,
    pub(crate) shown: Cell<u32>,
    /// Its memory is no more when it is to be shown.
    pub(crate) has_ended: Cell<bool>,
}

impl TestFile {
    pub(crate) fn new(events: &EventLoop, number: u64, content: Vec<u8>) -> Rc<Self> {
        let (memory, memory_handle) = Region::new(content.clone());
        let table = Region::new(Vec::new());
        *table.0.words.borrow_mut() = [1, number];
        let (delay, fails, shown) = (Cell::new(50), Cell::new(false), Cell::new(0));
        let events = events.clone();
        let has_ended = Cell::new(false);
        Rc::new(Self {
            content,
            memory,
            table,
            number,
            memory_handle,
            events,
            delay,
            fails,
            shown,
            has_ended,
        })
    }

    /// With another one's table.
    pub(crate) fn beside(events: &EventLoop, number: u64, other: &Self) -> Rc<Self> {
        let file = Self::new(events, number, other.content.clone());
        Rc::new(Self { table: other.table.clone(), ..Rc::into_inner(file).unwrap() })
    }

    pub(crate) fn lying(&self, offset: u64) -> Lying {
        Lying { memory: self.number, at: 0, length: self.content.len() as u64, word: 0, offset }
    }

    pub(crate) fn take_away(&self) {
        self.table.0.words.borrow_mut()[0] = 0;
        self.memory.bytes.borrow_mut().fill(0);
    }

    /// The same bytes lie there again, as other memory.
    pub(crate) fn put_back(&self) {
        self.memory.bytes.borrow_mut().copy_from_slice(&self.content);
        self.table.0.words.borrow_mut()[0] = 1;
    }
}

impl Source for TestFile {
    fn table(&self) -> Option<Handle> {
        Some(self.table.1)
    }

    fn with_memory(
        &self,
        number: u64,
        with: &mut dyn FnMut(Handle) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        assert_eq!(number, self.number);
        self.shown.set(self.shown.get() + 1);
        with(if self.has_ended.get() { ENDED } else { self.memory_handle })
    }

    fn read<'a>(&'a self, from: u64, into: &'a mut [u8]) -> Reading<'a> {
        Box::pin(async move {
            self.events.sleep(std::time::Duration::from_nanos(self.delay.get())).await;
            if self.fails.get() {
                return None;
            }
            let rest = &self.content[from as usize..];
            // Never all at once.
            let count = rest.len().min(into.len()).min(700);
            into[..count].copy_from_slice(&rest[..count]);
            Some(count)
        })
    }
}

struct Held {
    piece: Piece,
    memory: Rc<Region>,
    table: Rc<Region>,
    number: u64,
    is_lost: bool,
}

/// Of a server's threads and sockets.
#[derive(Default)]
pub(crate) struct Lending {
    tables: BTreeMap<u32, Rc<Region>>,
    places: BTreeMap<(u32, u32), (Rc<Region>, Stretch)>,
    pieces: BTreeMap<u32, (u32, VecDeque<Held>)>,
    waiting: BTreeMap<u32, Later<Lost, Failure>>,
    due: VecDeque<(u32, Lost)>,
    /// Pieces that were lost.
    pub(crate) lost: u32,
    /// Bytes that came out of pieces.
    pub(crate) sent: u64,
}

impl Lending {
    fn is_used(&self, memory: &Rc<Region>) -> bool {
        self.pieces.values().flat_map(|(_, all)| all).any(|held| Rc::ptr_eq(&held.memory, memory))
    }

    pub(crate) fn show_table(&mut self, thread: u32, table: Gift) -> Result<(), Failure> {
        let table = Region::of(table)?;
        let is_used = self.pieces.values().any(|(of, all)| *of == thread && !all.is_empty());
        if is_used {
            return Err(Failure::BadState);
        }
        self.tables.insert(thread, table);
        self.places.retain(|(of, _), _| *of != thread);
        Ok(())
    }

    pub(crate) fn show(
        &mut self,
        thread: u32,
        place: u32,
        stretch: Stretch,
        memory: Gift,
    ) -> Result<(), Failure> {
        let memory = Region::of(memory)?;
        assert!(place < MOST_SHOWN && self.tables.contains_key(&thread));
        if self.places.get(&(thread, place)).is_some_and(|(before, _)| self.is_used(before)) {
            return Err(Failure::BadState);
        }
        self.places.insert((thread, place), (memory, stretch));
        Ok(())
    }

    pub(crate) fn piece(
        &mut self,
        (thread, socket): (u32, u32),
        written: u64,
        piece: Piece,
    ) -> Result<(), Failure> {
        let (memory, stretch) =
            self.places.get(&(thread, piece.place)).cloned().ok_or(Failure::BadArgument)?;
        let table = self.tables[&thread].clone();
        let (_, all) = self.pieces.entry(socket).or_insert_with(|| (thread, VecDeque::new()));
        let least =
            all.back().map_or(written, |last| (last.piece.from + u64::from(last.piece.length)).max(written));
        if piece.from < least || u64::from(piece.offset) + u64::from(piece.length) > stretch.length {
            return Err(Failure::BadArgument);
        }
        if all.len() == MOST_PIECES {
            return Err(Failure::Full);
        }
        all.push_back(Held { piece, memory, table, number: stretch.number, is_lost: false });
        Ok(())
    }

    /// Who waited before.
    pub(crate) fn wait(&mut self, thread: u32, later: Later<Lost, Failure>) -> Option<Later<Lost, Failure>> {
        self.waiting.insert(thread, later)
    }

    pub(crate) fn forget_waiting(&mut self, ticket: u64) {
        self.waiting.retain(|_, later| later.ticket() != ticket);
    }

    pub(crate) fn filled(&mut self, socket: u32, from: u64) -> Result<(), Failure> {
        let (_, all) = self.pieces.get_mut(&socket).ok_or(Failure::BadArgument)?;
        let before = all.len();
        all.retain(|held| held.piece.from != from);
        if all.len() == before { Err(Failure::BadArgument) } else { Ok(()) }
    }

    pub(crate) fn taken(&mut self, socket: u32, upto: u64) {
        if let Some((_, all)) = self.pieces.get_mut(&socket) {
            all.retain(|held| held.piece.from + u64::from(held.piece.length) > upto);
        }
    }

    pub(crate) fn forget(&mut self, socket: u32) {
        self.pieces.remove(&socket);
    }

    /// Puts the bytes of pieces over what was read from the ring. If one is lost, whom that is told.
    pub(crate) fn read(&mut self, socket: u32, position: u64, bytes: &mut [u8]) -> Result<(), Vec<Answered>> {
        let Some((thread, all)) = self.pieces.get_mut(&socket) else { return Ok(()) };
        let thread = *thread;
        let end = position + bytes.len() as u64;
        let mut is_lost = false;
        for held in all {
            let Piece { from, length, offset, .. } = held.piece;
            let (first, last) = (from.max(position), (from + u64::from(length)).min(end));
            if first >= last {
                continue;
            }
            if *held.table.words.borrow() != [1, held.number] {
                is_lost = true;
                if !std::mem::replace(&mut held.is_lost, true) {
                    self.lost += 1;
                    self.due
                        .push_back((thread, Lost { socket: Socket { index: socket, generation: 1 }, from }));
                }
                continue;
            }
            let at = (u64::from(offset) + first - from) as usize;
            let count = (last - first) as usize;
            self.sent += count as u64;
            let to = (first - position) as usize;
            bytes[to..to + count].copy_from_slice(&held.memory.bytes.borrow()[at..at + count]);
        }
        if !is_lost {
            return Ok(());
        }
        let mut answers = Vec::new();
        self.due.retain(|(thread, lost)| match self.waiting.remove(thread) {
            Some(later) => {
                answers.push(later.answer(Ok(*lost)));
                false
            }
            None => true,
        });
        Err(answers)
    }
}
