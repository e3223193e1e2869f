//! One disk: requests of several partitions, cut into pieces of a buffer each, which go to its driver in turn.

use alloc::collections::VecDeque;
use alloc::rc::Rc;
use alloc::vec::Vec;

use anax_abi::Error;
use anax_block_disk::parts::PartError;
use anax_block_disk::{BUFFER_BYTES, BUFFERS, Complaint, PATIENCE, SILENCE};
use anax_blocks::{ClientSide, Done, Event, Failure, Sectors};
use anax_proto::{Answered, Later};
use anax_ring::{Doorbell, Epoch, Misbehaved, Sleep};
use anax_sectors::Shape;
use anax_system::Name;

use crate::{Line, Room, Way};

/// Events that are taken before others have their turn.
const BUDGET: u32 = 64;

/// What is asked, and whose memory it moves.
#[derive(Debug)]
pub(crate) enum What<R> {
    /// To that byte of the room.
    Read(Rc<R>, usize),
    /// From there.
    Write(Rc<R>, usize),
    Flush,
    /// Sectors of the partition table, for the server itself.
    Look(Vec<u8>),
}

/// Something that was asked and has not ended.
#[derive(Debug)]
struct Request<R> {
    /// The channel's token for it.
    token: u32,
    /// Whose it is: the partition's number in this server.
    part: u64,
    what: What<R>,
    /// Sectors of the disk; a flush counts as one.
    first: u64,
    count: u64,
    /// So many of them were asked for, and so many of those have ended.
    asked: u64,
    ended: u64,
    outcome: Result<(), PartError>,
    /// Who waits; nobody for what the server asks itself.
    later: Option<Later<(), PartError>>,
    /// Ticks.
    age: u32,
}

impl<R> Request<R> {
    const fn wants_more(&self) -> bool {
        self.asked < self.count && self.outcome.is_ok()
    }

    const fn is_over(&self) -> bool {
        self.ended == self.asked && !self.wants_more()
    }
}

/// What has come of it.
#[derive(Debug)]
pub(crate) enum Ended {
    /// The driver has said which disk it is.
    Found,
    /// To be sent.
    Answered(Answered),
    /// Sectors of the table from the first one on, so many; nothing if they can't be read.
    Looked(u64, u64, Option<Vec<u8>>),
}

/// A disk.
#[derive(Debug)]
pub(crate) struct Disk<'a, W, R> {
    pub(crate) name: Name,
    client: ClientSide<'a, BUFFERS>,
    way: W,
    shape: Option<Shape>,
    epoch: Epoch,
    /// Whether this epoch's driver was complained about.
    has_complained: bool,
    /// Ticks without anything from the driver.
    silent: u32,
    requests: VecDeque<Request<R>>,
    tokens: u32,
    /// The partition that had a buffer last.
    turn: u64,
}

impl<'a, W: Way, R: Room> Disk<'a, W, R> {
    /// # Errors
    /// `BadArgument`: the pool is none.
    pub(crate) fn new(name: Name, line: Line<'a, W>) -> Result<Self, Error> {
        let Line { endpoint, epoch, pool, way } = line;
        let client = ClientSide::new(endpoint, pool, BUFFER_BYTES).map_err(|_| Error::BadArgument)?;
        let requests = VecDeque::new();
        let (shape, has_complained, silent, tokens, turn) = (None, false, 0, 0, 0);
        Ok(Self { name, client, way, shape, epoch, has_complained, silent, requests, tokens, turn })
    }

    /// What it is like, once the driver has said so.
    pub(crate) const fn shape(&self) -> Option<Shape> {
        self.shape
    }

    /// Requests of a partition that have not ended.
    pub(crate) fn pending(&self, part: u64) -> usize {
        self.requests.iter().filter(|request| request.part == part).count()
    }

    /// Whether anything has not ended.
    pub(crate) fn is_busy(&self) -> bool {
        !self.requests.is_empty()
    }

    /// Takes a request for sectors that the disk has, which [`work`](Self::work) begins.
    pub(crate) fn ask(
        &mut self,
        part: u64,
        what: What<R>,
        (first, count): (u64, u64),
        later: Option<Later<(), PartError>>,
    ) {
        self.tokens = self.tokens.wrapping_add(1);
        let (token, asked, ended, outcome, age) = (self.tokens, 0, 0, Ok(()), 0);
        self.requests.push_back(Request {
            token,
            part,
            what,
            first,
            count,
            asked,
            ended,
            outcome,
            later,
            age,
        });
    }

    /// Has no use for what a partition has asked. What the driver has of it ends as nobody's.
    pub(crate) fn forget(&mut self, part: u64, ended: &mut impl FnMut(Ended)) {
        let mut place = 0;
        while let Some(request) = self.requests.get(place) {
            if request.part == part {
                self.finish(place, Err(PartError::NotOpen), ended);
            } else {
                place += 1;
            }
        }
    }

    /// Gives the driver what it may have, and takes what it has done. Whether there is more.
    pub(crate) fn work(&mut self, ended: &mut impl FnMut(Ended)) -> bool {
        for _ in 0..BUDGET {
            self.submit();
            match self.client.event() {
                Ok(Event::Nothing) => match self.show() {
                    Ok(true) => {}
                    Ok(false) => return false,
                    Err(Misbehaved) => return self.complain(Complaint::Lies),
                },
                Ok(event) => self.happened(event, ended),
                Err(Misbehaved) => return self.complain(Complaint::Lies),
            }
        }
        true
    }

    /// Shows the driver what was asked. Whether there is more to do.
    fn show(&mut self) -> Result<bool, Misbehaved> {
        if self.client.flush()? == Doorbell::Ring {
            self.way.ring();
        }
        Ok(match self.client.prepare_to_sleep()? {
            Sleep::MaySleep => false,
            Sleep::MoreToDo => true,
            Sleep::RingFirst => {
                self.way.ring();
                true
            }
        })
    }

    /// Says so once. There is nothing more to do before there is another driver.
    fn complain(&mut self, complaint: Complaint) -> bool {
        if !self.has_complained {
            self.has_complained = true;
            self.way.complain(self.epoch, complaint);
        }
        false
    }

    fn happened(&mut self, event: Event<'a>, ended: &mut impl FnMut(Ended)) {
        self.silent = 0;
        match event {
            Event::Nothing => {}
            Event::Replaced(epoch) => (self.epoch, self.has_complained) = (epoch, false),
            Event::Disk(disk) => {
                self.shape = Some(Shape { sectors: disk.sectors, sector: disk.sector, access: disk.access });
                ended(Ended::Found);
            }
            Event::Read(done) | Event::Written(done) => {
                self.moved(&done, ended);
                self.client.release(done.buffer);
            }
            Event::Flushed { token, outcome } => {
                let outcome = outcome.map_err(|_| PartError::Failed);
                if let Some(place) = self.place(token) {
                    self.finish(place, outcome, ended);
                }
            }
        }
    }

    /// A piece has ended; one whose request is gone is nobody's.
    fn moved(&mut self, done: &Done<'_>, ended: &mut impl FnMut(Ended)) {
        let Some(place) = self.place(done.token) else { return };
        let Some((request, shape)) = self.requests.get_mut(place).zip(self.shape) else { return };
        let outcome = done.outcome.map_err(|_: Failure| PartError::Failed);
        let outcome = outcome.and_then(|()| request.receive(done, shape));
        request.ended += u64::from(done.sectors.count());
        request.outcome = request.outcome.and(outcome);
        if request.is_over() {
            let outcome = request.outcome;
            self.finish(place, outcome, ended);
        }
    }

    fn place(&self, token: u32) -> Option<usize> {
        self.requests.iter().position(|request| request.token == token)
    }

    fn finish(&mut self, place: usize, outcome: Result<(), PartError>, ended: &mut impl FnMut(Ended)) {
        let Some(request) = self.requests.remove(place) else { return };
        if let Some(later) = request.later {
            ended(Ended::Answered(later.answer(outcome)));
        }
        if let What::Look(bytes) = request.what {
            ended(Ended::Looked(request.first, request.count, outcome.is_ok().then_some(bytes)));
        }
    }

    /// Whose turn it is: the partition behind the one that had a buffer last, and of that its oldest request that wants more, so that its requests reach the driver in their order.
    fn next(&self, flushes: bool) -> Option<usize> {
        let eligible = self.requests.iter().enumerate().rev().filter(|(place, request)| {
            let is_flush = matches!(request.what, What::Flush);
            let is_first = |earlier: &Request<R>| earlier.part != request.part || !earlier.wants_more();
            let is_next = self.requests.iter().take(*place).all(is_first) || cfg!(bite = "disks-disorder");
            request.wants_more() && (flushes || !is_flush) && is_next
        });
        let whose = eligible.min_by_key(|(_, request)| {
            let had = request.part <= self.turn && cfg!(not(bite = "disks-first-come-all-served"));
            (had, request.part)
        });
        whose.map(|(place, _)| place)
    }

    /// Asks for pieces as long as there are buffers.
    fn submit(&mut self) {
        let Some(shape) = self.shape else { return };
        let mut flushes = true;
        while let Some(place) = self.next(flushes) {
            let Some(request) = self.requests.get_mut(place) else { return };
            if matches!(request.what, What::Flush) {
                // There are several at once at most; whose turn it is then has to wait for one of them.
                flushes = self.client.flush_disk(request.token).is_ok();
                request.asked = u64::from(flushes);
                continue;
            }
            let Some(buffer) = self.client.buffer() else { return };
            self.turn = request.part;
            let count = (request.count - request.asked).min((BUFFER_BYTES / shape.sector_bytes()) as u64);
            let asked = match (Sectors::new(request.first + request.asked, count as u32), &request.what) {
                (None, _) => Err(buffer),
                (Some(sectors), What::Write(room, at)) => {
                    let (from, length) = (
                        at + request.asked as usize * shape.sector_bytes(),
                        count as usize * shape.sector_bytes(),
                    );
                    match room.bytes().part(from, length) {
                        Ok(bytes) => {
                            buffer.bytes().copy_from(bytes, 0);
                            self.client
                                .write(buffer, sectors, request.token)
                                .map_err(|refused| refused.buffer)
                        }
                        Err(_) => Err(buffer),
                    }
                }
                (Some(sectors), _) => {
                    self.client.read(buffer, sectors, request.token).map_err(|refused| refused.buffer)
                }
            };
            match asked {
                Ok(()) => request.asked += count,
                Err(buffer) => {
                    self.client.release(buffer);
                    request.outcome = Err(PartError::Failed);
                }
            }
        }
    }

    /// Some seconds have passed. Who has waited for too long waits no longer, and a driver that says nothing is complained about.
    pub(crate) fn tick(&mut self, is_waited_for: bool, ended: &mut impl FnMut(Ended)) {
        if !is_waited_for && !self.is_busy() {
            self.silent = 0;
            return;
        }
        self.silent += 1;
        if self.silent == SILENCE {
            self.complain(Complaint::Silent);
        }
        for request in &mut self.requests {
            request.age += 1;
        }
        while let Some(place) = self.requests.iter().position(|request| {
            let is_refused = request.is_over() && request.outcome.is_err();
            request.age >= PATIENCE || is_refused
        }) {
            self.finish(place, Err(PartError::Failed), ended);
        }
    }
}

impl<R: Room> Request<R> {
    /// Takes what a piece has brought.
    fn receive(&mut self, done: &Done<'_>, shape: Shape) -> Result<(), PartError> {
        let size = shape.sector_bytes();
        let from = done.sectors.first().checked_sub(self.first).ok_or(PartError::Failed)? as usize * size;
        let length = done.sectors.count() as usize * size;
        match &mut self.what {
            What::Read(room, at) => {
                let into = room.bytes().part(*at + from, length).map_err(|_| PartError::Failed)?;
                into.copy_from(done.buffer.bytes(), 0);
            }
            What::Look(bytes) => {
                let into = bytes.get_mut(from..from + length).ok_or(PartError::Failed)?;
                done.buffer.bytes().copy_out(0, into).map_err(|_| PartError::Failed)?;
            }
            What::Write(..) | What::Flush => {}
        }
        Ok(())
    }
}
