//! One pipe: what it holds, and who waits at either end.

use alloc::collections::VecDeque;

use anax_abi::{Error, Handle};
use anax_proto::{Answered, Later};

use crate::pipes::Host;
use crate::ring::Ring;
use crate::{BULK, PIECE, Piece};

/// Bytes that a pipe holds; beyond that a writer waits.
pub const CAPACITY: usize = 32 << 10;

/// Requests of each kind that can wait at one end. Who has waited longest is told `Aborted` then: he may have died over it.
pub const MOST_WAITING: usize = 16;

/// What a waiting reader is to get.
type Bytes = Later<(u8, [u64; PIECE / 8]), Error>;

/// A pipe, as long as anybody holds an end of it.
#[derive(Debug)]
pub(crate) struct Pipe {
    ring: Ring,
    readers: VecDeque<(usize, Bytes)>,
    writers: VecDeque<(Piece, Later<(), Error>)>,
    /// Who waits until he can read, and until he can write.
    ready: [VecDeque<Later<(), Error>>; 2],
    /// Whether anybody holds the end to read from, and the end to write to.
    held: [bool; 2],
}

/// The places of both ends in these arrays.
const READING: usize = 0;
const WRITING: usize = 1;

impl Pipe {
    pub(crate) fn new() -> Self {
        Self {
            ring: Ring::default(),
            readers: VecDeque::new(),
            writers: VecDeque::new(),
            ready: Default::default(),
            held: [true; 2],
        }
    }

    /// Nobody holds that end any more. Whether the pipe is over.
    pub(crate) fn gone(&mut self, end: usize, host: &mut impl Host) -> bool {
        self.held[end] = false;
        self.settle(host);
        self.held == [false; 2]
    }

    pub(crate) fn write(&mut self, piece: Option<Piece>, later: Later<(), Error>, host: &mut impl Host) {
        let piece = piece.ok_or(Error::BadArgument).and_then(|piece| {
            self.can_be_written()?;
            self.ring.grow()?;
            Ok(piece)
        });
        match piece {
            Ok(piece) => {
                wait(&mut self.writers, (piece, later), |(_, first)| first.answer(Err(Error::Aborted)), host);
                self.settle(host);
            }
            Err(error) => _ = host.answer(&later.answer(Err(error))),
        }
    }

    pub(crate) fn read(&mut self, most: usize, later: Bytes, host: &mut impl Host) {
        if most == 0 {
            host.answer(&later.answer(Err(Error::BadArgument)));
            return;
        }
        wait(&mut self.readers, (most, later), |(_, first)| first.answer(Err(Error::Aborted)), host);
        self.settle(host);
    }

    pub(crate) fn ready(&mut self, end: usize, later: Later<(), Error>, host: &mut impl Host) {
        wait(&mut self.ready[end], later, |first| first.answer(Err(Error::Aborted)), host);
        self.settle(host);
    }

    /// Some bytes of lent memory.
    pub(crate) fn write_from(
        &mut self,
        length: u64,
        memory: Handle,
        host: &mut impl Host,
    ) -> Result<u64, Error> {
        let length = bulk(length)?;
        self.can_be_written()?;
        // Nobody overtakes who waits.
        if self.ring.room() == 0 || !self.writers.is_empty() {
            return Err(Error::WouldBlock);
        }
        self.ring.grow()?;
        let gap = self.ring.gap();
        let count = gap.len().min(length);
        host.copy_out(memory, &mut gap[..count])?;
        self.ring.filled(count);
        self.settle(host);
        Ok(count as u64)
    }

    /// Some bytes to lent memory.
    pub(crate) fn read_into(
        &mut self,
        most: u64,
        memory: Handle,
        host: &mut impl Host,
    ) -> Result<u64, Error> {
        let most = bulk(most)?;
        if self.ring.is_empty() {
            return if self.held[WRITING] { Err(Error::WouldBlock) } else { Ok(0) };
        }
        let front = self.ring.front();
        let count = front.len().min(most);
        host.copy_in(memory, &front[..count])?;
        self.ring.consumed(count);
        self.settle(host);
        Ok(count as u64)
    }

    fn can_be_written(&self) -> Result<(), Error> {
        let is_whole = self.held == [true; 2] || cfg!(bite = "stream-nobody-reads");
        if is_whole { Ok(()) } else { Err(Error::PeerDied) }
    }

    /// Lets go on who can.
    fn settle(&mut self, host: &mut impl Host) {
        if self.can_be_written().is_err() {
            // Where the end to write to is gone, whoever waited there is dead; his bytes were not taken.
            for (_, later) in self.writers.drain(..) {
                host.answer(&later.answer(Err(Error::PeerDied)));
            }
        }
        if !self.held[READING] {
            self.ring.clear();
            for (_, later) in self.readers.drain(..) {
                host.answer(&later.answer(Err(Error::PeerDied)));
            }
        }
        loop {
            let written = self.let_a_writer_in(host);
            if !self.feed_a_reader(host) && !written {
                break;
            }
        }
        let is_broken = self.can_be_written().is_err();
        if !self.ring.is_empty() || is_broken {
            tell(&mut self.ready[READING], host);
        }
        if self.ring.room() > 0 && self.writers.is_empty() || is_broken {
            tell(&mut self.ready[WRITING], host);
        }
    }

    fn let_a_writer_in(&mut self, host: &mut impl Host) -> bool {
        let room = self.ring.room();
        let fits = |(piece, _): &mut (Piece, Later<(), Error>)| {
            piece.bytes().len() <= room || cfg!(bite = "stream-writers-never-wait")
        };
        let Some((piece, later)) = self.writers.pop_front_if(fits) else { return false };
        self.ring.push(piece.bytes());
        host.answer(&later.answer(Ok(())));
        true
    }

    fn feed_a_reader(&mut self, host: &mut impl Host) -> bool {
        if self.ring.is_empty() && (self.held[WRITING] || cfg!(bite = "stream-endless")) {
            return false;
        }
        let Some((most, later)) = self.readers.pop_front() else { return false };
        let mut bytes = [0; PIECE];
        let count = self.ring.peek(&mut bytes[..most.min(PIECE)]);
        // One who has died over the question takes nothing with him.
        if host.answer(&later.answer(Ok(Piece::beginning(&bytes[..count]).words())))
            || cfg!(bite = "stream-fed-to-the-dead")
        {
            self.ring.consumed(count);
        }
        true
    }
}

/// How much of a lent region is meant.
fn bulk(length: u64) -> Result<usize, Error> {
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    if length == 0 || length > BULK { Err(Error::BadArgument) } else { Ok(length) }
}

/// Lets somebody wait, in place of who has waited longest if there are too many.
fn wait<T>(line: &mut VecDeque<T>, one: T, refuse: impl FnOnce(T) -> Answered, host: &mut impl Host) {
    if line.len() >= MOST_WAITING
        && let Some(first) = line.pop_front()
    {
        host.answer(&refuse(first));
    }
    line.push_back(one);
}

fn tell(line: &mut VecDeque<Later<(), Error>>, host: &mut impl Host) {
    for later in line.drain(..) {
        host.answer(&later.answer(Ok(())));
    }
}
