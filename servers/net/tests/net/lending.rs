//! A program that lends: a table, memory of files, and a stream whose bytes lie anywhere. It knows what each byte has to be, and has what is lost put right.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use anax_files::files::{bits, unit};
use anax_proto::Gift;
use anax_socket::ring::Ring;
use anax_socket::{Failure, Lost, Piece, Sockets as _, Stretch};
use net::session::Arena as _;

use crate::streams::{Half, PORT, connect, listen};
use crate::world::{Program, Region, World};

/// Bytes of memory that is shown.
pub(crate) const MEMORY: u64 = 5 * 4096;
/// Bytes of a ring.
pub(crate) const RING: u64 = 8192;

/// What a byte of the stream is.
pub(crate) fn byte(position: u64) -> u8 {
    (position * 7 + position / 251) as u8
}

pub(crate) fn stream(from: u64, length: u64) -> Vec<u8> {
    (from..from + length).map(byte).collect()
}

/// Memory that was shown at its place, as lease of the words with its number times two.
pub(crate) struct Memory {
    pub(crate) region: Arc<Region>,
    pub(crate) gift: Gift,
    pub(crate) number: u64,
    place: u32,
}

pub(crate) struct Lender {
    pub(crate) world: World,
    pub(crate) program: Program,
    pub(crate) table: Arc<Region>,
    pub(crate) one: Half,
    pub(crate) other: Half,
    lost: Option<u64>,
    next: u64,
    pub(crate) taken: u64,
    /// Pieces that are lent: where they begin and end, and of which memory, by its place.
    pub(crate) lent: VecDeque<(u64, u64, u32)>,
    pub(crate) read: u64,
}

impl Lender {
    pub(crate) fn new() -> Self {
        let mut world = World::new(1);
        let mut program = world.attach();
        let listener = listen(&mut world, &mut program, PORT).unwrap();
        let (one, other) = connect(&mut world, &mut program, 0, listener);
        let (table, gift) = world.region(2);
        world.threads[0].0.show_table(program.caller, gift).unwrap();
        // What nobody has written is not to be sent.
        let ring = one.rings.send();
        program.memory.bytes().part(ring.0 as usize, ring.1 as usize).unwrap().fill(0xee);
        let lent = VecDeque::new();
        let mut lender =
            Self { world, program, table, one, other, lost: None, next: 100, taken: 0, lent, read: 0 };
        lender.watch();
        lender
    }

    /// Waits for what is lost.
    pub(crate) fn watch(&mut self) {
        let (later, ticket) = self.world.later();
        self.world.threads[0].0.lost(self.program.caller, later);
        self.lost = Some(ticket);
    }

    /// Memory whose bytes are all there.
    pub(crate) fn show(&mut self, place: u32) -> Memory {
        let (region, gift) = self.world.region(8);
        self.next += 1;
        let memory = Memory { region, gift, number: self.next, place };
        assert_eq!(self.show_at(&memory, place), Ok(()));
        self.stand(&memory);
        memory
    }

    pub(crate) fn show_at(&mut self, memory: &Memory, place: u32) -> Result<(), Failure> {
        // It begins in the middle of a page.
        let stretch = Stretch { number: memory.number, at: 4096 + 24, length: MEMORY };
        self.world.threads[0].0.show(self.program.caller, place, stretch, memory.gift)
    }

    /// Its words say that all of it is there.
    pub(crate) fn stand(&self, memory: &Memory) {
        let words = &self.table.words[2 * memory.place as usize..];
        words[1].store(memory.number, Ordering::SeqCst);
        words[0].store(bits(unit(MEMORY), 0, MEMORY), Ordering::SeqCst);
    }

    /// It is taken away, as the VFS server does: the bits first, then the memory.
    pub(crate) fn take_away(&self, memory: &Memory) {
        self.table.words[2 * memory.place as usize].store(0, Ordering::SeqCst);
        memory.region.bytes().fill(0);
    }

    /// Lends the bytes behind what is written, which lie at that offset of the memory.
    pub(crate) fn lend(&mut self, memory: &Memory, offset: u64, length: u64) -> Result<(), Failure> {
        let from = self.one.written.max(self.lent.back().map_or(0, |last| last.1));
        let at = 4096 + 24 + offset as usize;
        if at + length as usize <= memory.region.words.len() * 8 {
            memory.region.bytes().copy_in(at, &stream(from, length)).unwrap();
        }
        let piece = self.piece(memory, from, offset, length);
        self.world.threads[0].0.piece(self.program.caller, self.one.socket, piece)?;
        self.lent.push_back((from, from + length, memory.place));
        Ok(())
    }

    pub(crate) fn piece(&self, memory: &Memory, from: u64, offset: u64, length: u64) -> Piece {
        let (place, word) = (memory.place, 2 * memory.place);
        Piece { from, length: length as u32, place, offset: offset as u32, word }
    }

    /// So many bytes more are written: into the ring where they don't lie in pieces.
    pub(crate) fn write(&mut self, count: u64) {
        let ring = Ring::new(self.program.memory.bytes(), self.one.rings.send()).unwrap();
        for position in self.one.written..self.one.written + count {
            if !self.lent.iter().any(|(from, end, _)| (*from..*end).contains(&position)) {
                ring.write(position, &[byte(position)]);
            }
        }
        self.one.written += count;
        self.one.exchange(&mut self.world, &self.program).unwrap();
    }

    /// Bytes that there is room for.
    pub(crate) fn room(&mut self) -> u64 {
        let (later, ticket) = self.world.later();
        let question = anax_socket::Question { socket: self.one.socket, knows_end: false };
        let room = self.one.rings.receive().1;
        let thread = &mut self.world.threads[0].0;
        let (own, known) = ((self.one.written, room), (u64::MAX, self.taken));
        thread.exchange(self.program.caller, question, own, known, later);
        if let Some(progress) = self.world.answer::<anax_socket::Progress>(ticket) {
            self.taken = progress.unwrap().taken;
        }
        RING - (self.one.written - self.taken)
    }

    /// What has come at the other end is what was written.
    pub(crate) fn look(&mut self) {
        let bytes = self.other.read(&mut self.world, &self.program).unwrap();
        assert!(bytes == stream(self.read, bytes.len() as u64), "wrong bytes behind {}", self.read);
        self.read += bytes.len() as u64;
    }

    /// The piece that is lost, if somebody was told of one.
    pub(crate) fn told(&mut self) -> Option<u64> {
        let lost: Lost = self.world.answer(self.lost?)?.unwrap();
        assert_eq!(lost.socket, self.one.socket);
        Some(lost.from)
    }

    /// Puts a piece into the ring, as far as it is written.
    pub(crate) fn fill(&mut self, from: u64) {
        self.room();
        let place = self.lent.iter().position(|(begin, ..)| *begin == from).expect("it was lent");
        let (_, end, _) = self.lent.remove(place).unwrap();
        let ring = Ring::new(self.program.memory.bytes(), self.one.rings.send()).unwrap();
        for position in from.max(self.taken)..end.min(self.one.written) {
            ring.write(position, &[byte(position)]);
        }
        let filled = self.world.threads[0].0.filled(self.program.caller, self.one.socket, from);
        // All of it may have been acknowledged, and more of it was not sent.
        assert!(filled.is_ok() || end <= self.one.written);
        self.watch();
    }

    /// Reads, lets time pass and fills what is lost until all has come.
    pub(crate) fn finish(&mut self) {
        for _ in 0..2000 {
            self.look();
            if let Some(lost) = self.told() {
                self.fill(lost);
            }
            if self.read == self.one.written {
                return;
            }
            self.world.pass(std::time::Duration::from_millis(50));
        }
        panic!("{} of {} bytes have come", self.read, self.one.written);
    }
}
