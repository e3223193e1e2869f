//! Both sides over a channel in an array: jobs are answered once, in the client's order where it matters, whoever dies or lies.

use anax_abi::Error;
use anax_blocks::{
    Access, Asked, Buffer, ClientError, ClientSide, Disk, DriverSide, Event, FLUSHES, Failure, Id, Job,
    MAX_ATTEMPTS, SectorSize, Sectors, What,
};
use anax_ring::{AtomicU64, Doorbell, Endpoint, Geometry, SharedBlock, SharedBytes, Side, Sleep, Supervisor};

mod anything;
mod contents;
mod lies;

const BUFFERS: usize = 8;
const BUFFER_BYTES: usize = 4096;
const POOL_BYTES: u64 = (BUFFERS * BUFFER_BYTES) as u64;
const DISK: Disk = Disk {
    sectors: 32,
    sector: SectorSize::SMALLEST,
    access: Access::ReadWrite,
    id: Id(*b"a disk for the tests"),
};
type Client<'a> = ClientSide<'a, BUFFERS>;

struct Memory {
    channel: Vec<AtomicU64>,
    pool: Vec<AtomicU64>,
    geometry: Geometry,
}

impl Memory {
    fn new() -> Self {
        Self::with_slots(8)
    }

    fn with_slots(slots: u32) -> Self {
        let geometry = Geometry::new(slots, slots).expect("powers of two");
        let words = |count| (0..count).map(|_| AtomicU64::new(0)).collect();
        Self { channel: words(geometry.words()), pool: words(BUFFERS * BUFFER_BYTES / 8), geometry }
    }

    fn supervisor(&self) -> Supervisor<'_> {
        Supervisor::create(SharedBlock::from_words(&self.channel), self.geometry).expect("large enough")
    }

    fn end(&self, side: Side) -> Endpoint<'_> {
        Endpoint::open(SharedBlock::from_words(&self.channel), side).expect("a channel")
    }

    fn pool(&self) -> SharedBytes<'_> {
        SharedBytes::new(SharedBlock::from_words(&self.pool))
    }

    fn client(&self) -> Client<'_> {
        ClientSide::new(self.end(Side::Client), self.pool(), BUFFER_BYTES).expect("nothing wrong")
    }

    fn driver(&self, disk: Disk) -> DriverSide<'_> {
        DriverSide::new(self.end(Side::Server), POOL_BYTES, disk)
    }

    /// Both, and the client knows the disk.
    fn sides(&self) -> (Client<'_>, DriverSide<'_>) {
        let (mut client, mut driver) = (self.client(), self.driver(DISK));
        settle(&mut client);
        introduce(&mut driver);
        assert!(matches!(client.event(), Ok(Event::Disk(DISK))));
        (client, driver)
    }
}

fn sectors(first: u64, count: u32) -> Sectors {
    Sectors::new(first, count).expect("some")
}

/// Nothing more happens.
fn settle(client: &mut Client<'_>) {
    assert!(matches!(client.event(), Ok(Event::Nothing)));
    let _ = client.flush().expect("nobody lied");
}

fn introduce(driver: &mut DriverSide<'_>) {
    let Ok(Asked::About(question)) = driver.take() else { panic!("no question") };
    driver.answer(question).expect("nobody lied");
    let _ = driver.flush().expect("nobody lied");
}

fn buffer<'a>(client: &mut Client<'a>) -> Buffer<'a> {
    client.buffer().expect("a free one")
}

fn write(client: &mut Client<'_>, sectors: Sectors, token: u32) {
    let buffer = buffer(client);
    client.write(buffer, sectors, token).expect("it is taken");
    let _ = client.flush().expect("nobody lied");
}

fn read(client: &mut Client<'_>, sectors: Sectors, token: u32) {
    let buffer = buffer(client);
    client.read(buffer, sectors, token).expect("it is taken");
    let _ = client.flush().expect("nobody lied");
}

fn taken(driver: &mut DriverSide<'_>) -> Vec<Job> {
    let mut all = vec![];
    loop {
        match driver.take().expect("nobody lied") {
            Asked::Job(job) => all.push(job),
            Asked::Nothing => return all,
            other => panic!("{other:?}"),
        }
    }
}

/// `r`, `w` or `f`, and the first sector.
fn names(jobs: &[Job]) -> Vec<(char, u64)> {
    let name = |job: &Job| match job.what {
        What::Read(transfer) => ('r', transfer.sectors.first()),
        What::Write(transfer) => ('w', transfer.sectors.first()),
        What::Flush => ('f', 0),
    };
    jobs.iter().map(name).collect()
}

fn all_done(driver: &mut DriverSide<'_>, jobs: Vec<Job>) {
    for job in jobs {
        driver.done(job).expect("nobody lied");
    }
    let _ = driver.flush().expect("nobody lied");
}

/// Ends of requests by token, until there are no more.
fn ends(client: &mut Client<'_>) -> Vec<(u32, Result<(), Failure>)> {
    let mut all = vec![];
    loop {
        match client.event().expect("nobody lied") {
            Event::Read(done) | Event::Written(done) => {
                all.push((done.token, done.outcome));
                client.release(done.buffer);
            }
            Event::Flushed { token, outcome } => all.push((token, outcome)),
            Event::Nothing => break,
            Event::Replaced(_) | Event::Disk(_) => {}
        }
    }
    let _ = client.flush().expect("nobody lied");
    all
}

#[test]
fn a_disk_is_introduced_and_used() {
    let memory = Memory::new();
    let _supervisor = memory.supervisor();
    let mut client = memory.client();
    assert!(client.buffer().is_none() && client.free() == BUFFERS, "the device may still use them");
    assert_eq!(client.flush_disk(0), Err(Error::WouldBlock));
    let (mut client, mut driver) = memory.sides();
    let full = buffer(&mut client);
    full.bytes().write_u64(0, 0xfeed).expect("within");
    client.write(full, sectors(28, 4), 7).expect("it is taken");
    client.flush_disk(8).expect("it is taken");
    settle(&mut client);
    let jobs = taken(&mut driver);
    assert_eq!(names(&jobs), [('f', 0), ('w', 28)]);
    let What::Write(transfer) = jobs[1].what else { panic!("{jobs:?}") };
    assert_eq!((transfer.length, transfer.sectors), (2048, sectors(28, 4)));
    assert_eq!(memory.pool().read_u64(transfer.offset as usize), Ok(0xfeed));
    all_done(&mut driver, jobs);
    assert!(matches!(client.event(), Ok(Event::Flushed { token: 8, outcome: Ok(()) })));
    let Ok(Event::Written(done)) = client.event() else { panic!("not written") };
    assert_eq!((done.token, done.outcome, done.sectors), (7, Ok(()), sectors(28, 4)));
    // It comes back with what is in it, and can be used again at once.
    client.read(done.buffer, sectors(28, 4), 9).expect("it is taken");
    settle(&mut client);
    let jobs = taken(&mut driver);
    assert_eq!(names(&jobs), [('r', 28)]);
    for job in jobs {
        driver.failed(job).expect("nobody lied");
    }
    let _ = driver.flush().expect("nobody lied");
    let Ok(Event::Read(done)) = client.event() else { panic!("not read") };
    assert_eq!((done.outcome, done.buffer.bytes().read_u64(0)), (Err(Failure::Disk), Ok(0xfeed)));
    client.release(done.buffer);
    let counters = client.counters();
    assert_eq!((counters.read, counters.written, counters.flushed, counters.failed), (0, 1, 1, 1));
    assert_eq!(client.free(), BUFFERS);
}

#[test]
fn what_the_disk_or_the_buffer_does_not_hold_is_refused() {
    let memory = Memory::new();
    let _supervisor = memory.supervisor();
    for (bytes, size) in
        [(0, 4096), (4096, 2048), (100, 4096), (4096 * 3, 12288), (4096 * 9, 4096), (1 << 18, 1 << 17)]
    {
        let words: Vec<_> = (0..usize::div_ceil(bytes, 8)).map(|_| AtomicU64::new(0)).collect();
        let pool = SharedBytes::new(SharedBlock::from_words(&words));
        let pool = pool.part(0, bytes).expect("within");
        assert_eq!(
            Client::new(memory.end(Side::Client), pool, size).err(),
            Some(ClientError::Pool),
            "{bytes} {size}"
        );
    }
    assert!(Sectors::new(0, 0).is_none() && Sectors::new(u64::MAX, 1).is_none());
    let (mut client, _driver) = memory.sides();
    for (first, count) in [(32, 1), (31, 2), (0, 9), (u64::MAX - 9, 9), (0, u32::MAX)] {
        let buffer = buffer(&mut client);
        let refused = client.read(buffer, sectors(first, count), 0).expect_err("there is none");
        assert_eq!(refused.reason, Error::BadArgument);
        let refused = client.write(refused.buffer, sectors(first, count), 0).expect_err("there is none");
        client.release(refused.buffer);
    }
    for token in 0..FLUSHES as u32 {
        client.flush_disk(token).expect("there is a place");
    }
    assert_eq!(client.flush_disk(99), Err(Error::Full));
    assert_eq!(client.free(), BUFFERS);

    // One that can't be written.
    let memory = Memory::new();
    let _supervisor = memory.supervisor();
    let (mut client, mut driver) =
        (memory.client(), memory.driver(Disk { access: Access::ReadOnly, ..DISK }));
    settle(&mut client);
    introduce(&mut driver);
    assert!(matches!(client.event(), Ok(Event::Disk(disk)) if disk.access == Access::ReadOnly));
    let buffer = buffer(&mut client);
    let refused = client.write(buffer, sectors(0, 1), 0).expect_err("read-only");
    assert_eq!(refused.reason, Error::NoRights);
    client.release(refused.buffer);
}

/// Also for a second time when the first went down with a driver.
#[test]
fn what_overlaps_a_write_waits() {
    let memory = Memory::new();
    let mut supervisor = memory.supervisor();
    let (mut client, mut driver) = memory.sides();
    write(&mut client, sectors(0, 4), 0);
    write(&mut client, sectors(3, 2), 1);
    read(&mut client, sectors(4, 1), 2);
    read(&mut client, sectors(10, 8), 3);
    write(&mut client, sectors(5, 1), 4);
    for life in 0..2 {
        let jobs = taken(&mut driver);
        // The read of 4 waits for the write of 3 and 4, although that waits itself.
        assert_eq!(names(&jobs), [('w', 0), ('r', 10), ('w', 5)]);
        if life == 1 {
            all_done(&mut driver, jobs);
            break;
        }
        supervisor.rebind().expect("large enough");
        assert!(matches!(client.event(), Ok(Event::Replaced(_))));
        settle(&mut client);
        driver = memory.driver(DISK);
        introduce(&mut driver);
        settle(&mut client);
    }
    assert_eq!(ends(&mut client), [(0, Ok(())), (3, Ok(())), (4, Ok(()))]);
    let jobs = taken(&mut driver);
    assert_eq!(names(&jobs), [('w', 3)]);
    all_done(&mut driver, jobs);
    assert_eq!(ends(&mut client), [(1, Ok(()))]);
    let jobs = taken(&mut driver);
    assert_eq!(names(&jobs), [('r', 4)]);
    all_done(&mut driver, jobs);
    assert_eq!(ends(&mut client), [(2, Ok(()))]);
    assert_eq!((client.free(), client.counters().asked_again), (BUFFERS, 3));
}

#[test]
fn a_write_waits_for_reads() {
    let memory = Memory::new();
    let _supervisor = memory.supervisor();
    let (mut client, mut driver) = memory.sides();
    read(&mut client, sectors(0, 4), 0);
    read(&mut client, sectors(2, 4), 1);
    write(&mut client, sectors(3, 1), 2);
    let mut jobs = taken(&mut driver);
    assert_eq!(names(&jobs), [('r', 0), ('r', 2)], "reads don't wait for each other");
    all_done(&mut driver, vec![jobs.pop().expect("two")]);
    assert_eq!(ends(&mut client), [(1, Ok(()))]);
    assert_eq!(taken(&mut driver).len(), 0);
    all_done(&mut driver, jobs);
    assert_eq!(ends(&mut client), [(0, Ok(()))]);
    assert_eq!(names(&taken(&mut driver)), [('w', 3)]);
}

#[test]
fn a_request_that_kills_every_driver_is_given_up_once() {
    let memory = Memory::new();
    let mut supervisor = memory.supervisor();
    let (mut client, mut driver) = memory.sides();
    write(&mut client, sectors(0, 1), 5);
    write(&mut client, sectors(0, 1), 6);
    client.flush_disk(7).expect("there is a place");
    settle(&mut client);
    for life in 1..=MAX_ATTEMPTS {
        assert_eq!(names(&taken(&mut driver)).len(), 2, "{life}");
        supervisor.rebind().expect("large enough");
        assert!(matches!(client.event(), Ok(Event::Replaced(_))));
        if life < MAX_ATTEMPTS {
            settle(&mut client);
            driver = memory.driver(DISK);
            introduce(&mut driver);
            settle(&mut client);
        }
    }
    assert_eq!(client.prepare_to_sleep(), Ok(Sleep::MoreToDo));
    let died = Err(Failure::Driver(Error::PeerDied));
    assert_eq!(ends(&mut client), [(5, died), (7, died)]);
    // What was held back killed nobody.
    driver = memory.driver(DISK);
    introduce(&mut driver);
    settle(&mut client);
    let jobs = taken(&mut driver);
    assert_eq!(jobs.len(), 1);
    all_done(&mut driver, jobs);
    assert_eq!(ends(&mut client), [(6, Ok(()))]);
    assert_eq!((client.free(), client.counters().failed), (BUFFERS, 2));
}

/// A planned change: however often, nothing is given up.
#[test]
fn what_is_handed_back_goes_to_the_successor() {
    let memory = Memory::new();
    let mut supervisor = memory.supervisor();
    let (mut client, mut driver) = memory.sides();
    write(&mut client, sectors(0, 1), 5);
    for _ in 0..10 {
        for job in taken(&mut driver) {
            driver.hand_back(job).expect("nobody lied");
        }
        let _ = driver.flush().expect("nobody lied");
        assert_eq!(ends(&mut client), []);
        assert_eq!(taken(&mut driver).len(), 0, "it is leaving");
        supervisor.rebind().expect("large enough");
        assert!(matches!(client.event(), Ok(Event::Replaced(_))));
        settle(&mut client);
        driver = memory.driver(DISK);
        introduce(&mut driver);
        settle(&mut client);
    }
    let jobs = taken(&mut driver);
    all_done(&mut driver, jobs);
    assert_eq!(ends(&mut client), [(5, Ok(()))]);
}

/// Fewer slots than buffers: what finds no room goes when there is some, the oldest first.
#[test]
fn small_rings_and_one_doorbell_for_a_batch() {
    let memory = Memory::with_slots(4);
    let _supervisor = memory.supervisor();
    let (mut client, mut driver) = memory.sides();
    assert!(matches!(driver.take(), Ok(Asked::Nothing)));
    assert_eq!(driver.prepare_to_sleep(), Ok(Sleep::MaySleep));
    for token in 0..7 {
        let buffer = buffer(&mut client);
        client.write(buffer, sectors(token, 1), token as u32).expect("it is taken");
    }
    assert_eq!(client.flush(), Ok(Doorbell::Ring));
    assert_eq!(client.flush(), Ok(Doorbell::Quiet));
    let jobs = taken(&mut driver);
    assert_eq!(names(&jobs), [('w', 0), ('w', 1), ('w', 2), ('w', 3)]);
    all_done(&mut driver, jobs);
    assert_eq!(ends(&mut client).len(), 4);
    let jobs = taken(&mut driver);
    assert_eq!(names(&jobs), [('w', 4), ('w', 5), ('w', 6)]);
    all_done(&mut driver, jobs);
    assert_eq!((ends(&mut client).len(), client.free(), driver.outstanding()), (3, BUFFERS, 0));
}
