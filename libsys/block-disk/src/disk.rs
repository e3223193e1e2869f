//! Requests one after the other, cut into pieces of which several are in flight.

use anax_abi::{Error, Handle};
use anax_blocks::handover::POOL_BYTES;
use anax_blocks::{ClientSide, Done, Event, Sectors};
use anax_files::Pages;
use anax_files::files::PAGE;
use anax_ring::{Doorbell, Endpoint, Epoch, Misbehaved, SharedBytes, Sleep};
use anax_sectors::{Disk, DiskError, Shape};

/// Bytes of a piece. The pool is the same however it is cut; fewer and larger pieces cost drivers less.
pub const BUFFER_BYTES: usize = 64 * 1024;
/// Pieces in flight.
pub const BUFFERS: usize = POOL_BYTES as usize / BUFFER_BYTES;

/// Waits without any answer before a request has failed.
pub const PATIENCE: u32 = 60;
/// Before the driver is said to be silent.
pub const SILENCE: u32 = 20;

/// How a wait ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Woken {
    /// There may be something.
    Bell,
    /// It took too long.
    TimedOut,
}

/// What can be said against a driver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Complaint {
    /// What it says on the channel can't be true.
    Lies,
    /// It does not answer.
    Silent,
}

/// What is around the channel.
pub trait Way {
    /// Wakes the driver.
    ///
    /// # Errors
    /// The channel is gone.
    fn ring(&mut self) -> Result<(), Error>;

    /// Waits for the driver, or for its successor, for some seconds.
    ///
    /// # Errors
    /// The channel is gone.
    fn wait(&mut self) -> Result<Woken, Error>;

    /// The driver of that epoch is no good.
    fn complain(&mut self, epoch: Epoch, complaint: Complaint);

    /// The pool as a region that can be copied from, if it is one.
    fn pool(&self) -> Option<Handle> {
        None
    }
}

/// A disk.
#[derive(Debug)]
pub struct BlockDisk<'a, W> {
    client: ClientSide<'a, BUFFERS>,
    way: W,
    shape: Shape,
    epoch: Epoch,
    /// Whether this epoch's driver was complained about.
    has_complained: bool,
    /// The last request had no answer.
    is_lost: bool,
    /// The token of what is asked now. Ends of older requests that failed before are nobody's.
    request: u32,
}

/// What is moved.
enum Bytes<'b> {
    Read(&'b mut [u8]),
    ReadPages { pool: Handle, into: &'b dyn Pages, at: usize, bytes: usize },
    Write(&'b [u8]),
}

impl<'a, W: Way> BlockDisk<'a, W> {
    /// Over an endpoint of that epoch and a pool of [`POOL_BYTES`] that nobody else uses. Waits until the driver has said which disk it is.
    ///
    /// # Errors
    /// `BadArgument`: the pool is none. `TimedOut`: nobody answers. Those of the way.
    pub fn open(endpoint: Endpoint<'a>, epoch: Epoch, pool: SharedBytes<'a>, way: W) -> Result<Self, Error> {
        let client = ClientSide::new(endpoint, pool, BUFFER_BYTES).map_err(|_| Error::BadArgument)?;
        let access = anax_sectors::Access::ReadOnly;
        let shape = Shape { sectors: 0, sector: anax_sectors::SectorSize::SMALLEST, access };
        let mut disk = Self { client, way, shape, epoch, has_complained: false, is_lost: false, request: 0 };
        loop {
            if let Event::Disk(found) = disk.next().map_err(|_| Error::TimedOut)? {
                disk.shape = Shape { sectors: found.sectors, sector: found.sector, access: found.access };
                return Ok(disk);
            }
        }
    }

    /// What the client's side has counted.
    #[must_use]
    pub const fn counters(&self) -> anax_blocks::Counters {
        self.client.counters()
    }

    /// The way.
    pub const fn way(&mut self) -> &mut W {
        &mut self.way
    }

    /// The next event that is one.
    fn next(&mut self) -> Result<Event<'a>, DiskError> {
        // In all, and with the driver that there is.
        let (mut waits, mut silent) = (0, 0);
        // Who was silent for so long is not waited for as long again.
        let patience = if self.is_lost { 1 } else { PATIENCE };
        while waits < patience {
            match self.client.event() {
                Ok(Event::Nothing) => {}
                Ok(Event::Replaced(epoch)) => {
                    (self.epoch, self.has_complained, silent) = (epoch, false, 0);
                    continue;
                }
                Ok(event) => {
                    self.is_lost = false;
                    return Ok(event);
                }
                Err(Misbehaved) => self.complain(Complaint::Lies),
            }
            match self.sleep() {
                Ok(Woken::Bell) => {}
                Ok(Woken::TimedOut) => (waits, silent) = (waits + 1, silent + 1),
                Err(_) => return Err(DiskError::Failed),
            }
            if silent == SILENCE {
                self.complain(Complaint::Silent);
            }
        }
        self.is_lost = true;
        Err(DiskError::Failed)
    }

    /// Shows the driver what was asked, and waits. The bells of one that lies count as time that passes, so that it keeps nobody for ever.
    fn sleep(&mut self) -> Result<Woken, Error> {
        match self.client.flush() {
            Ok(Doorbell::Ring) => self.way.ring()?,
            Ok(_) => {}
            Err(Misbehaved) => return self.way.wait().map(|_| Woken::TimedOut),
        }
        match self.client.prepare_to_sleep() {
            Ok(Sleep::MaySleep) => self.way.wait(),
            Ok(Sleep::MoreToDo) => Ok(Woken::Bell),
            Ok(Sleep::RingFirst) => self.way.ring().map(|()| Woken::Bell),
            Err(Misbehaved) => self.way.wait().map(|_| Woken::TimedOut),
        }
    }

    fn complain(&mut self, complaint: Complaint) {
        if !self.has_complained {
            self.has_complained = true;
            self.way.complain(self.epoch, complaint);
        }
    }

    fn transfer(&mut self, first: u64, mut bytes: Bytes<'_>) -> Result<(), DiskError> {
        let length = match &bytes {
            Bytes::Read(into) => into.len(),
            Bytes::ReadPages { bytes, .. } => bytes.next_multiple_of(self.shape.sector_bytes()),
            Bytes::Write(from) => from.len(),
        };
        let size = self.shape.sector_bytes();
        let (count, most) = (self.shape.holds(first, length)?, (BUFFER_BYTES / size) as u64);
        let (mut asked, mut ended, mut outcome) = (0, 0, Ok(()));
        self.request = self.request.wrapping_add(1);
        while ended < asked || asked < count && outcome.is_ok() {
            while asked < count && outcome.is_ok() {
                let Some(buffer) = self.client.buffer() else { break };
                let part = most.min(count - asked);
                let Some(sectors) = Sectors::new(first + asked, part as u32) else { break };
                let refused = match &bytes {
                    Bytes::Read(_) | Bytes::ReadPages { .. } => {
                        self.client.read(buffer, sectors, self.request)
                    }
                    Bytes::Write(from) => {
                        let start = asked as usize * size;
                        let from = &from[start..start + part as usize * size];
                        outcome = buffer.bytes().copy_in(0, from).map_err(|_| DiskError::Failed);
                        self.client.write(buffer, sectors, self.request)
                    }
                };
                match refused {
                    Ok(()) => asked += part,
                    Err(refused) => {
                        self.client.release(refused.buffer);
                        outcome = Err(DiskError::Failed);
                    }
                }
            }
            if ended == asked && outcome.is_err() {
                break;
            }
            if let Event::Read(done) | Event::Written(done) = self.next()? {
                if done.token == self.request {
                    ended += u64::from(done.sectors.count());
                    outcome = outcome.and(Self::ended(&done, first, size, &mut bytes));
                }
                self.client.release(done.buffer);
            }
        }
        outcome
    }

    /// A piece has ended.
    fn ended(done: &Done<'_>, first: u64, size: usize, bytes: &mut Bytes<'_>) -> Result<(), DiskError> {
        done.outcome.map_err(|_| DiskError::Failed)?;
        let start = (done.sectors.first() - first) as usize * size;
        let (from, length) = (done.buffer.bytes(), done.sectors.count() as usize * size);
        let is_copied = match bytes {
            Bytes::Read(into) => {
                into.get_mut(start..start + length).is_some_and(|part| from.copy_out(0, part).is_ok())
            }
            Bytes::ReadPages { pool, into, at, bytes } => {
                // In the last page there may be more, which is nobody's.
                let wanted = length.min(*bytes - start);
                let pages = wanted.next_multiple_of(PAGE as usize);
                if cfg!(not(bite = "block-disk-shows-the-pool")) {
                    from.part(wanted, pages - wanted).into_iter().for_each(|rest| rest.fill(0));
                }
                let place = u64::from(done.buffer.number()) * BUFFER_BYTES as u64;
                into.copy(*at + start, (*pool, place), pages).is_ok()
            }
            Bytes::Write(_) => true,
        };
        if is_copied { Ok(()) } else { Err(DiskError::Failed) }
    }
}

impl<W: Way> Disk for BlockDisk<'_, W> {
    fn shape(&self) -> Shape {
        self.shape
    }

    fn read(&mut self, first: u64, into: &mut [u8]) -> Result<(), DiskError> {
        self.transfer(first, Bytes::Read(into))
    }

    fn read_pages(
        &mut self,
        first: u64,
        bytes: usize,
        into: &dyn Pages,
        at: usize,
    ) -> Result<bool, DiskError> {
        let Some(pool) = self.way.pool() else { return Ok(false) };
        self.transfer(first, Bytes::ReadPages { pool, into, at, bytes }).map(|()| true)
    }

    fn write(&mut self, first: u64, bytes: &[u8]) -> Result<(), DiskError> {
        if self.is_read_only() {
            return Err(DiskError::ReadOnly);
        }
        self.transfer(first, Bytes::Write(bytes))
    }

    fn flush(&mut self) -> Result<(), DiskError> {
        self.request = self.request.wrapping_add(1);
        let mut is_asked = false;
        loop {
            if !is_asked {
                is_asked = self.client.flush_disk(self.request).is_ok();
            }
            match self.next()? {
                Event::Flushed { token, outcome } if token == self.request => {
                    return outcome.map_err(|_| DiskError::Failed);
                }
                Event::Read(done) | Event::Written(done) => self.client.release(done.buffer),
                _ => {}
            }
        }
    }
}
