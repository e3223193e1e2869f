//! Over a channel in an array, with a driver that is called when the disk waits: it works, dies, lies, is silent.

use std::cell::RefCell;

use anax_abi::{Error, Handle};
use anax_block_disk::{BUFFER_BYTES, BUFFERS, BlockDisk, Complaint, Way, Woken};
use anax_blocks::handover::POOL_BYTES;
use anax_blocks::{Access, Asked, Disk as About, DriverSide, Id, Job, SectorSize, What};
use anax_files::{Failure, Pages};
use anax_ring::{AtomicU64, Endpoint, Epoch, Geometry, SharedBlock, SharedBytes, Side, Supervisor};
use anax_sectors::{Disk, DiskError, MemoryDisk};

const SECTORS: u64 = 4000;
const SLOTS: u32 = 128;
const ABOUT: About = About {
    sectors: SECTORS,
    sector: SectorSize::SMALLEST,
    access: Access::ReadWrite,
    id: Id(*b"a disk for the tests"),
};

/// What a driver does when it is woken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Manner {
    /// Its work, the last first.
    Good,
    /// Half of its work, and then it dies.
    Dies,
    /// It fails what it is asked.
    Fails,
    /// Nothing.
    Silent,
    /// It writes what can't be true.
    Lies,
}

struct World<'a> {
    channel: &'a [AtomicU64],
    pool: SharedBytes<'a>,
    geometry: Geometry,
    supervisor: Supervisor<'a>,
    driver: DriverSide<'a>,
    disk: MemoryDisk,
    manner: Vec<Manner>,
    complaints: Vec<Complaint>,
    most: usize,
}

impl<'a> World<'a> {
    fn replace(&mut self) {
        let epoch = self.supervisor.rebind().unwrap();
        let end = Endpoint::with(SharedBlock::from_words(self.channel), Side::Server, self.geometry, epoch);
        self.driver = DriverSide::new(end.unwrap(), POOL_BYTES, ABOUT);
    }

    fn run(&mut self, job: &Job) {
        let part = |offset: u64, length: u32| self.pool.part(offset as usize, length as usize).unwrap();
        match job.what {
            What::Read(transfer) => {
                let mut bytes = vec![0; transfer.length as usize];
                self.disk.read(transfer.sectors.first(), &mut bytes).unwrap();
                part(transfer.offset, transfer.length).copy_in(0, &bytes).unwrap();
            }
            What::Write(transfer) => {
                let mut bytes = vec![0; transfer.length as usize];
                part(transfer.offset, transfer.length).copy_out(0, &mut bytes).unwrap();
                self.disk.write(transfer.sectors.first(), &bytes).unwrap();
            }
            What::Flush => self.disk.flush().unwrap(),
        }
    }

    fn work(&mut self) -> Woken {
        let manner = self.manner.pop().unwrap_or(Manner::Good);
        match manner {
            Manner::Silent => return Woken::TimedOut,
            Manner::Lies => {
                self.channel[4 * 8].store(1 << 32 | 500, std::sync::atomic::Ordering::Relaxed);
                return Woken::Bell;
            }
            _ => {}
        }
        let mut jobs = Vec::new();
        loop {
            match self.driver.take().unwrap() {
                Asked::Job(job) => jobs.push(job),
                Asked::About(question) => self.driver.answer(question).unwrap(),
                Asked::Nothing => break,
                _ => {}
            }
        }
        self.most = self.most.max(jobs.len());
        let half = if manner == Manner::Dies { jobs.len() / 2 } else { 0 };
        for job in jobs.split_off(half).into_iter().rev() {
            self.run(&job);
            if manner == Manner::Fails { self.driver.failed(job) } else { self.driver.done(job) }.unwrap();
        }
        let _ = self.driver.flush().unwrap();
        if manner == Manner::Dies {
            self.replace();
        }
        Woken::Bell
    }
}

struct Through<'w, 'a>(&'w RefCell<World<'a>>);

impl Way for Through<'_, '_> {
    fn ring(&mut self) -> Result<(), Error> {
        Ok(())
    }

    fn wait(&mut self) -> Result<Woken, Error> {
        Ok(self.0.borrow_mut().work())
    }

    fn complain(&mut self, _epoch: Epoch, complaint: Complaint) {
        let mut world = self.0.borrow_mut();
        world.complaints.push(complaint);
        world.replace();
    }

    fn pool(&self) -> Option<Handle> {
        Some(POOL)
    }
}

/// The pool, by a handle.
const POOL: Handle = Handle::new(7, 1);

/// Pages that are filled from the pool.
struct Lent<'a> {
    pool: SharedBytes<'a>,
    into: RefCell<Vec<u8>>,
}

impl Pages for Lent<'_> {
    fn copy(&self, at: usize, from: (Handle, u64), bytes: usize) -> Result<(), Failure> {
        assert_eq!(from.0, POOL);
        assert!((at | bytes | from.1 as usize).is_multiple_of(4096), "whole pages are copied");
        let copied = self.pool.copy_out(from.1 as usize, &mut self.into.borrow_mut()[at..at + bytes]);
        copied.map_err(|_| Failure::BadArgument)
    }
}

fn with(test: impl FnOnce(&RefCell<World<'_>>, &mut BlockDisk<'_, Through<'_, '_>>)) {
    let geometry = Geometry::new(SLOTS, SLOTS).unwrap();
    let words = |count| (0..count).map(|_| AtomicU64::new(0)).collect::<Vec<_>>();
    let (channel, pool) = (words(geometry.words()), words(POOL_BYTES as usize / 8));
    let pool = SharedBytes::new(SharedBlock::from_words(&pool));
    let supervisor = Supervisor::create(SharedBlock::from_words(&channel), geometry).unwrap();
    let end = |side| Endpoint::open(SharedBlock::from_words(&channel), side).unwrap();
    let driver = DriverSide::new(end(Side::Server), POOL_BYTES, ABOUT);
    let bytes: Vec<u8> = (0..SECTORS * 512).map(|at| (at / 512 * 7) as u8).collect();
    let world = RefCell::new(World {
        channel: &channel,
        pool,
        geometry,
        supervisor,
        driver,
        disk: MemoryDisk::new(bytes, SectorSize::SMALLEST),
        manner: Vec::new(),
        complaints: Vec::new(),
        most: 0,
    });
    let mut disk = BlockDisk::open(end(Side::Client), Epoch::FIRST, pool, Through(&world)).unwrap();
    test(&world, &mut disk);
}

/// Writes, reads and flushes a megabyte, whatever the drivers do in this order.
fn through(manner: &[Manner]) {
    with(|world, disk| {
        world.borrow_mut().manner = manner.iter().rev().copied().collect();
        let bytes: Vec<u8> = (0..1_000_000_u32 / 512 * 512).map(|at| (at / 3) as u8).collect();
        disk.write(17, &bytes).unwrap();
        disk.flush().unwrap();
        let mut read = vec![0; bytes.len()];
        disk.read(17, &mut read).unwrap();
        assert!(read == bytes);
        // The same into pages, less some bytes: whole pages are copied, and what is missing of the last one is zero.
        let less = bytes.len() - 100;
        let pages = Lent { pool: world.borrow().pool, into: RefCell::new(vec![0xff; bytes.len() + 8192]) };
        assert_eq!(disk.read_pages(17, less, &pages, 4096), Ok(true));
        let into = pages.into.into_inner();
        let end = 4096 + less.next_multiple_of(4096);
        assert!(into[4096..][..less] == bytes[..less]);
        assert!(into[..4096].iter().chain(&into[end..]).all(|byte| *byte == 0xff));
        assert!(into[4096 + less..end].iter().all(|byte| *byte == 0));
        assert!(world.borrow().disk.as_bytes()[17 * 512..][..bytes.len()] == bytes);
        assert_eq!(world.borrow().disk.as_bytes()[16 * 512], 16 * 7);
    });
}

#[test]
fn several_are_in_flight() {
    with(|world, disk| {
        assert_eq!(disk.shape().sectors, SECTORS);
        let mut bytes = vec![0; 3 * BUFFERS * BUFFER_BYTES / 2];
        disk.read(0, &mut bytes).unwrap();
        assert!(bytes.iter().enumerate().all(|(at, byte)| *byte == (at / 512 * 7) as u8));
        assert_eq!(world.borrow().most, BUFFERS);
        disk.read(SECTORS, &mut []).unwrap();
        assert_eq!(disk.read(SECTORS, &mut [0; 512]), Err(DiskError::OutOfRange));
        assert_eq!(disk.write(0, &[0; 100]), Err(DiskError::OutOfRange));
    });
}

#[test]
fn drivers_come_and_go() {
    use Manner::{Dies, Good, Silent};
    through(&[]);
    through(&[Dies]);
    // Three drivers that die of it would be too many.
    through(&[Dies, Dies, Good, Dies, Good]);
    through(&[Silent; 19]);
    for at in 0..12 {
        let mut manner = vec![Good; at];
        manner.extend([Dies, Silent, Dies]);
        through(&manner);
    }
}

#[test]
fn liars_are_accused_and_replaced() {
    for at in 0..8 {
        let mut manner = vec![Manner::Good; at];
        manner.push(Manner::Lies);
        through(&manner);
    }
    with(|world, disk| {
        world.borrow_mut().manner.push(Manner::Lies);
        disk.flush().unwrap();
        assert_eq!(world.borrow().complaints, [Complaint::Lies]);
    });
}

#[test]
fn the_silent_are_accused_and_what_fails_fails() {
    with(|world, disk| {
        world.borrow_mut().manner = vec![Manner::Silent; 25];
        disk.read(0, &mut [0; 512]).unwrap();
        assert_eq!(world.borrow().complaints, [Complaint::Silent]);
        world.borrow_mut().manner = vec![Manner::Fails];
        assert_eq!(disk.read(0, &mut [0; 512]), Err(DiskError::Failed));
        world.borrow_mut().manner = vec![Manner::Fails];
        assert_eq!(disk.write(0, &[0; 100 * 512]), Err(DiskError::Failed));
        world.borrow_mut().manner = vec![Manner::Silent; 200];
        assert_eq!(disk.read(0, &mut [0; 512]), Err(DiskError::Failed));
        assert_eq!(disk.flush(), Err(DiskError::Failed));
        // Ends that come too late are nobody's.
        world.borrow_mut().manner.clear();
        let mut bytes = vec![0; 200 * 512];
        disk.read(100, &mut bytes).unwrap();
        assert!(bytes.iter().enumerate().all(|(at, byte)| *byte == ((at / 512 + 100) * 7) as u8));
        disk.flush().unwrap();
    });
}
