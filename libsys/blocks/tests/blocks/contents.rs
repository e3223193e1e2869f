//! Any steps, drivers that die in the middle of anything, and lies that are caught: the disk holds what the program's order says.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering::Relaxed;

use anax_blocks::{Asked, DriverSide, Event, Job, Sectors, What};
use anax_ring::{SharedBytes, Supervisor};
use proptest::prelude::*;

use crate::{BUFFERS, Client, DISK, Memory, introduce};

const SECTOR: usize = 512;

/// Sectors are told apart by the number of the write that made them. Above is the cache that a loss of power empties.
#[derive(Default)]
struct Model {
    cache: [u64; DISK.sectors as usize],
    lasting: [u64; DISK.sectors as usize],
}

impl Model {
    /// Does the first `share` sectors of a job, or all.
    fn run(&mut self, what: What, pool: SharedBytes<'_>, share: u32) {
        let (What::Read(transfer) | What::Write(transfer)) = what else {
            self.lasting = self.cache;
            return;
        };
        for at in 0..transfer.sectors.count().min(share) {
            let sector = &mut self.cache[(transfer.sectors.first() + u64::from(at)) as usize];
            let place = transfer.offset as usize + at as usize * SECTOR;
            let bytes = pool.part(place, SECTOR).expect("within");
            if matches!(what, What::Write(_)) {
                *sector = whole(bytes);
            } else {
                fill(bytes, *sector);
            }
        }
    }
}

fn fill(bytes: SharedBytes<'_>, number: u64) {
    for at in (0..SECTOR).step_by(8) {
        bytes.write_u64(at, number).expect("within");
    }
}

/// The number in a sector, all of which has to be of the same write.
fn whole(bytes: SharedBytes<'_>) -> u64 {
    let first = bytes.read_u64(0).expect("within");
    for at in (8..SECTOR).step_by(8) {
        assert_eq!(bytes.read_u64(at), Ok(first), "a torn sector");
    }
    first
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Read(u64, u32),
    Write(u64, u32),
    Flush,
    Client,
    Take,
    /// Does and answers a job, whichever.
    Do(usize),
    Fail(usize, u32),
    HandBack(usize),
    Show,
    /// The driver dies; of its jobs so many sectors are done.
    Die(u32),
    /// It writes what can't be true.
    Lie(usize),
}

fn step() -> impl Strategy<Value = Step> {
    let range = || (0..12_u64, 1..6_u32);
    prop_oneof![
        6 => range().prop_map(|(first, count)| Step::Read(first, count)),
        8 => range().prop_map(|(first, count)| Step::Write(first, count)),
        2 => Just(Step::Flush),
        8 => Just(Step::Client),
        8 => Just(Step::Take),
        10 => (0..8_usize).prop_map(Step::Do),
        1 => (0..8_usize, 0..4_u32).prop_map(|(which, share)| Step::Fail(which, share)),
        1 => (0..8_usize).prop_map(Step::HandBack),
        8 => Just(Step::Show),
        2 => (0..6_u32).prop_map(Step::Die),
        1 => (0..4_usize).prop_map(Step::Lie),
    ]
}

/// What the program knows.
#[derive(Default)]
struct Program {
    next: u32,
    /// Contents when all that was asked for is done, by the number of the write.
    expected: [u64; DISK.sectors as usize],
    /// The last write of each sector that has ended well.
    ended: [u64; DISK.sectors as usize],
    /// What each read has to find, and what each flush has to make last.
    reads: BTreeMap<u32, Vec<u64>>,
    flushes: BTreeMap<u32, [u64; DISK.sectors as usize]>,
    writes: BTreeSet<u32>,
    /// Writes that failed: their sectors may hold anything.
    unknown: BTreeSet<u64>,
}

impl Program {
    fn write(&mut self, client: &mut Client<'_>, sectors: Sectors) {
        let Some(buffer) = client.buffer() else { return };
        self.next += 1;
        for at in 0..sectors.count() as usize {
            fill(buffer.bytes().part(at * SECTOR, SECTOR).expect("within"), self.next.into());
        }
        client.write(buffer, sectors, self.next).expect("it is taken");
        self.writes.insert(self.next);
        self.expected[range(sectors)].fill(self.next.into());
    }

    fn read(&mut self, client: &mut Client<'_>, sectors: Sectors) {
        let Some(buffer) = client.buffer() else { return };
        self.next += 1;
        client.read(buffer, sectors, self.next).expect("it is taken");
        self.reads.insert(self.next, self.expected[range(sectors)].to_vec());
    }

    fn flush(&mut self, client: &mut Client<'_>) {
        if client.flush_disk(self.next + 1).is_ok() {
            self.next += 1;
            self.flushes.insert(self.next, self.ended);
        }
    }

    /// Takes events until there are none, or the driver is caught.
    fn run(&mut self, client: &mut Client<'_>, disk: &RefCell<Model>) {
        // One for each buffer and flush, and some for drivers.
        for _ in 0..4 * BUFFERS {
            match client.event() {
                Ok(Event::Written(done)) => {
                    assert!(self.writes.remove(&done.token), "it ends once");
                    match done.outcome {
                        Ok(()) => self.ended[range(done.sectors)].fill(done.token.into()),
                        Err(_) => {
                            self.unknown.insert(done.token.into());
                        }
                    }
                    client.release(done.buffer);
                }
                Ok(Event::Read(done)) => {
                    let expected = self.reads.remove(&done.token).expect("it ends once");
                    for (at, number) in expected.into_iter().enumerate() {
                        let found = done.buffer.bytes().part(at * SECTOR, SECTOR).expect("within");
                        if done.outcome.is_ok() && !self.unknown.contains(&number) {
                            assert_eq!(whole(found), number, "read {} of {:?}", done.token, done.sectors);
                        }
                    }
                    client.release(done.buffer);
                }
                Ok(Event::Flushed { token, outcome }) => {
                    let ended = self.flushes.remove(&token).expect("it ends once");
                    let lasting = disk.borrow().lasting;
                    // Something younger may be there.
                    let lasts = ended.iter().zip(lasting).all(|(ended, lasting)| lasting >= *ended);
                    assert!(outcome.is_err() || lasts, "flush {token}: {ended:?} {lasting:?}");
                }
                Ok(Event::Nothing) | Err(_) => break,
                Ok(Event::Disk(_) | Event::Replaced(_)) => {}
            }
        }
        let _ = client.flush();
    }
}

fn range(sectors: Sectors) -> std::ops::Range<usize> {
    sectors.first() as usize..sectors.end() as usize
}

/// A driver and what it was given.
struct Driver<'a> {
    side: DriverSide<'a>,
    jobs: Vec<Job>,
}

impl<'a> Driver<'a> {
    fn new(memory: &'a Memory) -> Self {
        Self { side: memory.driver(DISK), jobs: vec![] }
    }

    fn take(&mut self) {
        loop {
            match self.side.take() {
                Ok(Asked::Job(job)) => self.jobs.push(job),
                Ok(Asked::About(question)) => self.side.answer(question).expect("the client is honest"),
                Ok(Asked::Nothing) => break,
                other => panic!("{other:?}"),
            }
        }
        // Whatever it has may be done in any order.
        for (at, job) in self.jobs.iter().enumerate() {
            for other in &self.jobs[at + 1..] {
                match (job.what, other.what) {
                    (What::Read(_), What::Read(_)) | (What::Flush, _) | (_, What::Flush) => {}
                    (What::Read(a) | What::Write(a), What::Read(b) | What::Write(b)) => {
                        assert!(!a.sectors.overlap(b.sectors), "{job:?} {other:?}");
                    }
                }
            }
        }
    }

    fn job(&mut self, which: usize) -> Option<Job> {
        (which < self.jobs.len()).then(|| self.jobs.swap_remove(which))
    }

    fn do_job(&mut self, which: usize, disk: &RefCell<Model>, pool: SharedBytes<'_>) {
        if let Some(job) = self.job(which) {
            disk.borrow_mut().run(job.what, pool, u32::MAX);
            self.side.done(job).expect("the client is honest");
        }
    }
}

fn replace<'a>(
    memory: &'a Memory,
    driver: &mut Driver<'a>,
    supervisor: &mut Supervisor<'_>,
    disk: &RefCell<Model>,
    share: u32,
) {
    // Its device is fenced; what it had begun is done, in part.
    for job in &driver.jobs {
        let may = !matches!(job.what, What::Flush);
        disk.borrow_mut().run(job.what, memory.pool(), if may { share } else { 0 });
    }
    supervisor.rebind().expect("large enough");
    *driver = Driver::new(memory);
}

fn scenario(steps: &[Step]) {
    let memory = Memory::new();
    let mut supervisor = memory.supervisor();
    let disk = RefCell::new(Model::default());
    let (mut client, mut driver) = (memory.client(), Driver::new(&memory));
    let mut program = Program::default();
    program.run(&mut client, &disk);
    introduce(&mut driver.side);
    program.run(&mut client, &disk);
    let sectors = |first, count| Sectors::new(first, count).expect("some");
    for step in steps {
        match *step {
            Step::Read(first, count) => program.read(&mut client, sectors(first, count)),
            Step::Write(first, count) => program.write(&mut client, sectors(first, count)),
            Step::Flush => program.flush(&mut client),
            Step::Client => program.run(&mut client, &disk),
            Step::Take => driver.take(),
            Step::Do(which) => driver.do_job(which, &disk, memory.pool()),
            Step::Fail(which, share) => {
                if let Some(job) = driver.job(which) {
                    let share = if matches!(job.what, What::Flush) { 0 } else { share };
                    disk.borrow_mut().run(job.what, memory.pool(), share);
                    driver.side.failed(job).expect("the client is honest");
                }
            }
            Step::HandBack(which) => {
                if let Some(job) = driver.job(which) {
                    driver.side.hand_back(job).expect("the client is honest");
                }
            }
            Step::Show => {
                let _ = driver.side.flush().expect("the client is honest");
            }
            Step::Die(share) => replace(&memory, &mut driver, &mut supervisor, &disk, share),
            Step::Lie(how) => {
                // What it sent, what it took, and flags: positions that nobody can be at, and no flags.
                let (word, value) = [(4 * 8, 77), (5 * 8, 99), (6 * 8, 2), (3 * 8, 7)][how];
                let epoch = u64::from(supervisor.epoch().number()) << 32;
                memory.channel[word].store(epoch | value, Relaxed);
                program.run(&mut client, &disk);
                replace(&memory, &mut driver, &mut supervisor, &disk, how as u32);
            }
        }
    }
    // A driver that works, at last.
    replace(&memory, &mut driver, &mut supervisor, &disk, 0);
    for _ in 0..100 {
        program.run(&mut client, &disk);
        driver.take();
        while !driver.jobs.is_empty() {
            driver.do_job(0, &disk, memory.pool());
        }
        let _ = driver.side.flush().expect("the client is honest");
    }
    assert!(program.reads.is_empty() && program.flushes.is_empty() && program.writes.is_empty());
    assert_eq!(client.free(), BUFFERS);
    for (at, (found, expected)) in disk.borrow().cache.iter().zip(program.expected).enumerate() {
        assert!(
            *found == expected || program.unknown.contains(&expected),
            "sector {at}: {found}, not {expected}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    /// Reads find what was written before them, flushes make it last, and in the end all is as asked.
    #[test]
    fn contents_are_as_the_program_says(steps in prop::collection::vec(step(), 0..250)) {
        scenario(&steps);
    }
}
