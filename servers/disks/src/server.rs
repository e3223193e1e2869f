//! The server: who uses which partition.

use alloc::rc::Rc;
use alloc::vec;
use alloc::vec::Vec;

use anax_abi::Error;
use anax_block_disk::PATIENCE;
use anax_block_disk::parts::{MOST_REQUESTS, Opened, PartError, Parts, ROOM_BYTES};

use anax_partitions::Table;
use anax_proto::{Answered, Caller, Gift, Later};
use anax_sectors::{Access, Shape};
use anax_system::Name;

use crate::disk::{Disk, Ended, What};
use crate::holders::Holders;
use crate::table::{Reading, Step};
use crate::{Claim, Record, System};

/// Partitions that are used at once, and programs that wait for one.
pub const MOST_PARTS: usize = 32;
/// Of one program.
const MOST_EACH: usize = 8;
/// Disks at once.
const MOST_DISKS: usize = 8;
/// The number of no partition: what the server asks for itself.
const OWN: u64 = 0;

/// A partition that somebody uses.
#[derive(Debug)]
struct Part<R> {
    claim: Claim,
    /// What requests call it; [`OWN`] while its user has not asked for it since this server began.
    number: u64,
    room: Option<Rc<R>>,
    first: u64,
    shape: Shape,
}

/// A program that waits until its disk's table is known.
#[derive(Debug)]
struct Waiter<R> {
    claim: Claim,
    room: Rc<R>,
    later: Later<Opened, PartError>,
    age: u32,
}

/// What is known of a disk.
#[derive(Debug)]
enum Known {
    /// Its driver has not said which it is.
    Nothing,
    /// Its table is being read; so much was asked for.
    Some(Reading, usize),
    /// Its table; nothing if that can't be read.
    All(Option<Table>),
}

/// A disk, and what is known of it.
#[derive(Debug)]
struct Shared<'a, S: System<'a>> {
    disk: Disk<'a, S::Way, S::Room>,
    known: Known,
}

/// The server.
#[derive(Debug)]
pub struct Disks<'a, S: System<'a>> {
    system: S,
    disks: Vec<Shared<'a, S>>,
    parts: Vec<Part<S::Room>>,
    waiters: Vec<Waiter<S::Room>>,
    holders: Holders,
    answers: Vec<Answered>,
    numbers: u64,
}

impl<'a, S: System<'a>> Disks<'a, S> {
    /// The server, whose predecessor has left `record`: its clients' partitions are theirs, and their disks are opened at once, so that no other program takes one.
    pub fn new(system: S, record: &Record) -> Self {
        let (disks, parts, waiters, holders) = (Vec::new(), Vec::new(), Vec::new(), Holders::new());
        let numbers = if cfg!(bite = "disks-numbers-again") { OWN } else { record.numbers };
        let mut own = Self { system, disks, parts, waiters, holders, answers: Vec::new(), numbers };
        for (place, process) in &record.holders {
            own.holders.put(*place, *process, 0);
        }
        for (place, process) in &record.holders {
            let token = own.holders.token();
            match own.system.watch_again(*place, token) {
                Ok(()) => own.holders.put(*place, *process, token),
                Err(_) => own.holders.remove(*place),
            }
        }
        for claim in record.claims.iter().take(MOST_PARTS) {
            let is_known = cfg!(not(bite = "disks-successor-knows-nobody"));
            if is_known && own.holders.knows(claim.process) && own.disk(claim.disk).is_ok() {
                let shape =
                    Shape { sectors: 0, sector: anax_blocks::SectorSize::SMALLEST, access: Access::ReadOnly };
                own.parts.push(Part { claim: *claim, number: OWN, room: None, first: 0, shape });
            }
        }
        own.remember();
        own
    }

    /// What it does to the machine.
    pub const fn system(&mut self) -> &mut S {
        &mut self.system
    }

    /// Answers that are to be sent, oldest first.
    pub fn answers(&mut self) -> Vec<Answered> {
        core::mem::take(&mut self.answers)
    }

    /// Whether somebody waits for a disk, so that [`tick`](Self::tick) is to be called in time.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        !self.waiters.is_empty() || self.disks.iter().any(|shared| shared.disk.is_busy())
    }

    /// Does what can be done now. Whether there is more.
    pub fn work(&mut self) -> bool {
        let mut more = false;
        for place in 0..self.disks.len() {
            let mut ended = Vec::new();
            more |= self.disks[place].disk.work(&mut |one| ended.push(one));
            more |= self.take(place, ended);
        }
        self.close_unused();
        more
    }

    /// [`TICK`](crate::TICK) has passed.
    pub fn tick(&mut self) {
        for place in 0..self.disks.len() {
            let name = self.disks[place].disk.name;
            let is_waited_for = self.waiters.iter().any(|waiter| waiter.claim.disk == name);
            let mut ended = Vec::new();
            self.disks[place].disk.tick(is_waited_for, &mut |one| ended.push(one));
            self.take(place, ended);
        }
        for waiter in &mut self.waiters {
            waiter.age += 1;
        }
        let answers = &mut self.answers;
        for waiter in self.waiters.extract_if(.., |waiter| waiter.age >= PATIENCE) {
            answers.push(waiter.later.answer(Err(PartError::Failed)));
        }
        self.close_unused();
    }

    /// The port of that token, which a program has given to [`Parts::open`], has ended, and so has the program.
    pub fn left(&mut self, token: u64) {
        let Some((place, process)) = self.holders.left(token) else { return };
        self.system.let_go(place);
        let numbers: Vec<_> =
            self.parts.iter().filter(|part| part.claim.process == process).map(|part| part.number).collect();
        for number in numbers {
            self.drop_requests(number);
        }
        if cfg!(not(bite = "disks-keeps-for-the-dead")) {
            self.parts.retain(|part| part.claim.process != process);
        }
        let answers = &mut self.answers;
        for waiter in self.waiters.extract_if(.., |waiter| waiter.claim.process == process) {
            answers.push(waiter.later.answer(Err(PartError::NotOpen)));
        }
        self.close_unused();
        self.remember();
    }

    /// What has come of a disk's work. Whether it has led to more.
    fn take(&mut self, place: usize, all: Vec<Ended>) -> bool {
        let mut more = false;
        for ended in all {
            match ended {
                Ended::Found => more = true,
                Ended::Answered(answered) => self.answers.push(answered),
                Ended::Looked(first, sectors, bytes) => {
                    let Shared { disk, known: Known::Some(reading, asked) } = &mut self.disks[place] else {
                        continue;
                    };
                    let size = disk.shape().map_or(0, |shape| shape.sector_bytes());
                    reading.came(first, sectors, bytes.as_deref(), size);
                    *asked -= 1;
                    more = true;
                }
            }
        }
        if more {
            self.look(place);
        }
        more
    }

    /// Goes on with a disk's table, as far as that is known.
    fn look(&mut self, place: usize) {
        let Shared { disk, known } = &mut self.disks[place];
        let Some(shape) = disk.shape() else { return };
        if matches!(known, Known::Nothing) {
            *known = Known::Some(Reading::default(), 0);
        }
        if let Known::Some(reading, 0) = known {
            match reading.next(shape) {
                Step::Known(table) => *known = Known::All(Some(table)),
                Step::Unreadable => *known = Known::All(None),
                Step::Read(ranges) => {
                    *known = Known::Some(core::mem::take(reading), ranges.len());
                    for range in ranges {
                        let sectors = range.end - range.start;
                        let bytes = vec![0; sectors as usize * shape.sector_bytes()];
                        disk.ask(OWN, What::Look(bytes), (range.start, sectors), None);
                    }
                }
            }
        }
        if matches!(known, Known::All(_)) {
            self.admit(place);
        }
    }

    /// Answers all who have waited for a disk's table. Whether the disk is used any more is the caller's to look at.
    fn admit(&mut self, place: usize) {
        let name = self.disks[place].disk.name;
        let waiting: Vec<_> = self.waiters.extract_if(.., |waiter| waiter.claim.disk == name).collect();
        for Waiter { claim, room, later, .. } in waiting {
            let admitted = self.give(place, claim, room);
            self.answers.push(later.answer(admitted));
        }
        self.remember();
    }

    /// The partition is that program's.
    fn give(&mut self, place: usize, claim: Claim, room: Rc<S::Room>) -> Result<Opened, PartError> {
        let Shared { disk, known: Known::All(Some(table)) } = &self.disks[place] else {
            return Err(PartError::NoPart);
        };
        let whole = disk.shape().ok_or(PartError::NoPart)?;
        let part = table.partitions.iter().find(|part| part.number == claim.part).ok_or(PartError::NoPart)?;
        let (first, shape) = (part.first, Shape { sectors: part.sectors, ..whole });
        self.is_free(&claim)?;
        if let Some(before) = self.parts.iter().position(|part| part.claim == claim) {
            let before = self.parts.swap_remove(before);
            self.drop_requests(before.number);
        }
        self.numbers += 1;
        let number = self.numbers;
        self.parts.push(Part { claim, number, room: Some(room), first, shape });
        Ok(Opened { number, shape })
    }

    /// Whether nobody else uses it.
    fn is_free(&self, claim: &Claim) -> Result<(), PartError> {
        let is_it = |part: &Part<_>| part.claim.disk == claim.disk && part.claim.part == claim.part;
        let other = self.parts.iter().any(|part| is_it(part) && part.claim.process != claim.process);
        if other && cfg!(not(bite = "disks-gives-to-two")) { Err(PartError::InUse) } else { Ok(()) }
    }

    /// A disk's place; it is opened if it is not.
    fn disk(&mut self, name: Name) -> Result<usize, PartError> {
        if let Some(place) = self.disks.iter().position(|shared| shared.disk.name == name) {
            return Ok(place);
        }
        if self.disks.len() >= MOST_DISKS {
            return Err(PartError::Way(Error::Full));
        }
        let line = self.system.open(name).map_err(|error| match error {
            Error::BadArgument => PartError::NoDisk,
            Error::Exists => PartError::InUse,
            other => PartError::Way(other),
        })?;
        let disk = Disk::new(name, line).map_err(PartError::Way)?;
        self.disks.push(Shared { disk, known: Known::Nothing });
        Ok(self.disks.len() - 1)
    }

    /// A disk of which nobody uses a partition is anybody's.
    fn close_unused(&mut self) {
        let Self { disks, parts, waiters, .. } = self;
        disks.retain(|Shared { disk, .. }| {
            let uses = |claim: &Claim| claim.disk == disk.name;
            parts.iter().any(|part| uses(&part.claim)) || waiters.iter().any(|waiter| uses(&waiter.claim))
        });
    }

    fn drop_requests(&mut self, number: u64) {
        if number == OWN {
            return;
        }
        let answers = &mut self.answers;
        for Shared { disk, .. } in &mut self.disks {
            disk.forget(number, &mut |ended| {
                if let Ended::Answered(answered) = ended {
                    answers.push(answered);
                }
            });
        }
    }

    fn remember(&mut self) {
        let mut record = Record { numbers: self.numbers, ..Record::default() };
        record.claims.extend(self.parts.iter().map(|part| part.claim));
        self.holders.write(&mut record);
        self.system.remember(&record);
    }

    /// Sees to it that the end of a program is known.
    fn hold(&mut self, process: u64, hold: Gift) -> Result<(), PartError> {
        if self.holders.knows(process) {
            self.system.give_back(hold);
            return Ok(());
        }
        let Some(place) = self.holders.free() else {
            self.system.give_back(hold);
            return Err(PartError::Way(Error::Full));
        };
        let token = self.holders.token();
        self.system.hold(place, token, hold)?;
        self.holders.put(place, process, token);
        Ok(())
    }

    /// Lets a program wait for its partition.
    fn begin(&mut self, claim: Claim, room: Gift, hold: Gift) -> Result<(usize, Rc<S::Room>), PartError> {
        let of_it = |other: &Claim| other.process == claim.process;
        let waiting = self.waiters.iter().filter(|waiter| of_it(&waiter.claim)).count();
        let used = self.parts.iter().filter(|part| of_it(&part.claim) && part.claim != claim).count();
        let fits = self.parts.len() + self.waiters.len() < MOST_PARTS && waiting + used < MOST_EACH;
        let allowed = if fits { self.is_free(&claim) } else { Err(PartError::Way(Error::Full)) };
        if let Err(error) = allowed {
            [room, hold].into_iter().for_each(|gift| self.system.give_back(gift));
            return Err(error);
        }
        let held = self.hold(claim.process, hold);
        if let Err(error) = held {
            self.system.give_back(room);
            return Err(error);
        }
        let room = Rc::new(self.system.map(room)?);
        Ok((self.disk(claim.disk)?, room))
    }

    /// A request's partition and its disk, if it is the caller's.
    fn part(
        &mut self,
        caller: Caller,
        number: u64,
    ) -> Result<(&Part<S::Room>, &mut Shared<'a, S>), PartError> {
        let is_it = |part: &&Part<_>| part.number == number && part.claim.process == caller.0;
        let part = self.parts.iter().find(is_it).filter(|_| number != OWN).ok_or(PartError::NotOpen)?;
        let shared = self.disks.iter_mut().find(|shared| shared.disk.name == part.claim.disk);
        let shared = shared.ok_or(PartError::NotOpen)?;
        if shared.disk.pending(number) >= MOST_REQUESTS {
            return Err(PartError::Way(Error::Full));
        }
        Ok((part, shared))
    }

    /// Takes a request that moves sectors.
    fn transfer(
        &mut self,
        (caller, number): (Caller, u64),
        (first, sectors): (u64, u32),
        later: Later<(), PartError>,
        what: impl FnOnce(&Part<S::Room>) -> Result<What<S::Room>, PartError>,
    ) {
        self.take_or_answer(later, |own, later| {
            let (part, shared) = own.part(caller, number)?;
            let what = what(part)?;
            let (What::Read(_, at) | What::Write(_, at)) = &what else { return Err(PartError::OutOfRange) };
            let length = u64::from(sectors) * part.shape.sector_bytes() as u64;
            let fits = *at as u64 + length <= ROOM_BYTES;
            let end = first.checked_add(u64::from(sectors)).filter(|end| *end <= part.shape.sectors);
            if (end.is_none() || !fits) && cfg!(not(bite = "disks-no-window")) {
                return Err(PartError::OutOfRange);
            }
            let first = part.first.checked_add(first).ok_or(PartError::OutOfRange)?;
            if sectors > 0 {
                shared.disk.ask(number, what, (first, u64::from(sectors)), later.take());
            }
            Ok(())
        });
    }

    /// Takes a request, or answers it.
    fn take_or_answer(
        &mut self,
        later: Later<(), PartError>,
        take: impl FnOnce(&mut Self, &mut Option<Later<(), PartError>>) -> Result<(), PartError>,
    ) {
        let mut waits = Some(later);
        let taken = take(self, &mut waits);
        // Whoever was not taken, or asked for nothing, has his answer.
        self.answers.extend(waits.map(|later| later.answer(taken)));
    }
}

impl<'a, S: System<'a>> Parts for Disks<'a, S> {
    fn open(
        &mut self,
        caller: Caller,
        disk: Name,
        part: u32,
        room: Gift,
        hold: Gift,
        later: Later<Opened, PartError>,
    ) {
        let claim = Claim { disk, part, process: caller.0 };
        match self.begin(claim, room, hold) {
            Ok((place, room)) => {
                self.waiters.push(Waiter { claim, room, later, age: 0 });
                self.look(place);
            }
            Err(error) => self.answers.push(later.answer(Err(error))),
        }
        self.close_unused();
    }

    fn read(
        &mut self,
        caller: Caller,
        number: u64,
        first: u64,
        sectors: u32,
        at: u32,
        later: Later<(), PartError>,
    ) {
        self.transfer((caller, number), (first, sectors), later, |part| {
            let room = part.room.clone().ok_or(PartError::NotOpen)?;
            Ok(What::Read(room, at as usize))
        });
    }

    fn write(
        &mut self,
        caller: Caller,
        number: u64,
        first: u64,
        sectors: u32,
        at: u32,
        later: Later<(), PartError>,
    ) {
        self.transfer((caller, number), (first, sectors), later, |part| {
            if part.shape.access == Access::ReadOnly {
                return Err(PartError::ReadOnly);
            }
            let room = part.room.clone().ok_or(PartError::NotOpen)?;
            Ok(What::Write(room, at as usize))
        });
    }

    fn flush(&mut self, caller: Caller, number: u64, later: Later<(), PartError>) {
        self.take_or_answer(later, |own, later| {
            let (_, shared) = own.part(caller, number)?;
            shared.disk.ask(number, What::Flush, (0, 1), later.take());
            Ok(())
        });
    }

    fn close(&mut self, caller: Caller, number: u64) -> Result<(), PartError> {
        let is_it = |part: &Part<_>| part.number == number && part.claim.process == caller.0;
        let place = self.parts.iter().position(is_it).filter(|_| number != OWN);
        self.parts.swap_remove(place.ok_or(PartError::NotOpen)?);
        self.drop_requests(number);
        self.close_unused();
        self.remember();
        Ok(())
    }
}
