//! The disk: a [`Drive`] whose jobs are requests to the device.

use core::sync::atomic::Ordering;
use core::time::Duration;

use anax_blocks::{Disk, Id, Transfer, What};
use anax_device::{DmaAddress, DmaBlock, Reach, Registers};
use anax_disk::{Drive, Ended, Polled, Submitted};
use anax_driver::{CARD_WORDS, Name, NotSuspended, Refusal};
use anax_virtio::{Access, Broken, Cause, Features, Positions, Segment, SetupError, Transport};

use crate::config::{FLUSH, UNIT};
use crate::device::{Device, Header, Interrupts, Status};

/// Types of requests (5.2.6).
const T_IN: u32 = 0;
const T_OUT: u32 = 1;
const T_FLUSH: u32 = 4;
const T_GET_ID: u32 = 8;

/// A virtio disk with up to `N` requests in flight, and a token of the caller's for each.
#[derive(Debug)]
pub struct Blk<'a, R, T, const N: usize> {
    /// Its own question has no token.
    device: Device<'a, R, Option<T>, N>,
    disk: Disk,
    /// Where the device finds the pool.
    pool: DmaAddress,
}

impl<'a, R: Registers, T, const N: usize> Blk<'a, R, T, N> {
    /// Bytes of memory that both reach. It must be mapped nowhere else.
    pub const MEMORY_BYTES: usize = Device::<'a, R, Option<T>, N>::MEMORY_BYTES;

    /// Resets the device and brings it up, whatever state it was left in. It finds the pool, so many bytes, there. It is asked for its name; while it has
    /// not answered, `wait` may wait, and says whether to look again. Bus mastering and memory access are on.
    ///
    /// # Errors
    /// [`SetupError`].
    pub fn start(
        transport: Transport<R>,
        memory: DmaBlock<'a>,
        interrupts: Interrupts,
        (pool, pool_bytes): (DmaAddress, u64),
        wait: impl FnMut() -> bool,
    ) -> Result<Self, SetupError> {
        let reach = Reach::new(memory, pool, pool_bytes).ok_or(SetupError::Memory)?;
        let mut device = Device::new(transport, memory, reach, interrupts)?;
        let disk = device.bring_up()?;
        let mut blk = Self { device, disk, pool };
        match blk.ask_id(wait) {
            Ok(id) => blk.disk.id = id,
            Err(Broken) => {
                blk.quiesce()?;
                return Err(SetupError::Configuration);
            }
        }
        Ok(blk)
    }

    /// Goes on where a driver with the same `N` was suspended, with the same memory, interrupts and pool: `words` are what that said. No reset.
    ///
    /// # Errors
    /// [`Refusal::Device`] if registers, memory and words do not agree. Nothing was changed then.
    pub fn adopt(
        transport: Transport<R>,
        memory: DmaBlock<'a>,
        interrupts: Interrupts,
        (pool, pool_bytes): (DmaAddress, u64),
        words: [u64; CARD_WORDS],
    ) -> Result<Self, Refusal> {
        let reach = Reach::new(memory, pool, pool_bytes).ok_or(Refusal::Device)?;
        let [features, positions, name @ ..] = words;
        let was = (features, Positions::from_word(positions));
        let (device, mut disk) = Device::adopt(transport, memory, reach, interrupts, was)?;
        let bytes = name.into_iter().flat_map(u64::to_le_bytes);
        disk.id.0.iter_mut().zip(bytes).for_each(|(to, from)| *to = from);
        Ok(Self { device, disk, pool })
    }

    /// Takes an interrupt by the line down and says what it was for; by MSI-X there is nothing to do.
    pub fn acknowledge(&self) -> Option<Cause> {
        (self.device.interrupts == Interrupts::Line).then(|| self.device.transport.cause())
    }

    /// Requests that the device has.
    pub const fn in_flight(&self) -> u16 {
        self.device.in_flight()
    }

    /// What was agreed on with the device.
    pub const fn features(&self) -> Features {
        self.device.features
    }

    /// The disk's name, while nothing else is asked. One that the device does not tell is none.
    fn ask_id(&mut self, mut wait: impl FnMut() -> bool) -> Result<Id, Broken> {
        let scratch = self.device.scratch;
        scratch.clear();
        let data = Segment { address: scratch.start(), length: Id::BYTES as u32, access: Access::Write };
        let header = Header { kind: T_GET_ID, sector: 0, read: Id::BYTES as u32 };
        if self.device.submit(header, data, None).is_err() {
            return Err(Broken);
        }
        self.device.flush();
        let status = loop {
            match self.device.take()? {
                Some((_, status)) => break status,
                None if wait() => {}
                None => return Err(Broken),
            }
        };
        let mut id = Id::default();
        if matches!(status, Status::Ok) {
            let words = scratch.words().iter().map(|word| word.load(Ordering::Relaxed));
            id.0.iter_mut().zip(words.flat_map(u64::to_le_bytes)).for_each(|(to, from)| *to = from);
        }
        Ok(id)
    }

    fn ask(&mut self, header: Header, data: Segment, token: T) -> Submitted<T> {
        match self.device.submit(header, data, Some(token)) {
            Ok(()) => Submitted::Taken,
            Err(token) => token.map_or(Submitted::Taken, Submitted::NoRoom),
        }
    }
}

impl<R: Registers, T, const N: usize> Drive<T> for Blk<'_, R, T, N> {
    const NAME: Name = Name::new("virtio-blk");

    type Error = SetupError;

    fn disk(&self) -> Disk {
        self.disk
    }

    #[inline]
    fn submit(&mut self, what: What, token: T, _now: Duration) -> Submitted<T> {
        let (kind, transfer, access) = match what {
            What::Read(transfer) => (T_IN, transfer, Access::Write),
            What::Write(transfer) => (T_OUT, transfer, Access::Read),
            What::Flush if self.features().contains(FLUSH) => {
                let no_data = Segment { address: self.pool, length: 0, access: Access::Read };
                return self.ask(Header { kind: T_FLUSH, ..Header::default() }, no_data, token);
            }
            // A device that has nothing to flush answers writes when they will last (5.2.6.2).
            What::Flush => return Submitted::Done(token),
        };
        let Transfer { sectors, offset, length } = transfer;
        let sector = sectors.first() * u64::from(self.disk.sector.bytes() / UNIT);
        let read = if kind == T_IN { length } else { 0 };
        // It never overflows: the whole pool has addresses, as `start` checked, and a transfer is in it.
        let address = self.pool.checked_add(offset).unwrap_or(self.pool);
        self.ask(Header { kind, sector, read }, Segment { address, length, access }, token)
    }

    #[inline]
    fn flush(&mut self) {
        self.device.flush();
    }

    fn poll(
        &mut self,
        _now: Duration,
        budget: u32,
        mut each: impl FnMut(Ended<T>),
    ) -> Result<Polled, Broken> {
        self.device.disarm();
        for _ in 0..budget {
            match self.device.take()? {
                None => return Ok(Polled::Idle),
                Some((Some(token), Status::Ok)) => each(Ended::Done(token)),
                Some((Some(token), Status::Failed)) => each(Ended::Failed(token)),
                // A question that was given up.
                Some((None, _)) => {}
            }
        }
        Ok(Polled::More)
    }

    fn prepare_to_wait(&mut self) -> Result<Polled, Broken> {
        Ok(if self.device.arm()? { Polled::More } else { Polled::Idle })
    }

    fn quiesce(&mut self) -> Result<(), SetupError> {
        self.device.quiesce()
    }

    fn restart(&mut self, _now: Duration) -> Result<(), SetupError> {
        self.quiesce()?;
        let disk = self.device.bring_up()?;
        if (Disk { id: self.disk.id, ..disk }) == self.disk {
            return Ok(());
        }
        self.quiesce()?;
        Err(SetupError::Configuration)
    }

    fn check(&self) -> Result<(), Broken> {
        if self.device.is_running() { self.device.transport.check() } else { Ok(()) }
    }

    fn take_back(&mut self) -> Option<T> {
        self.device.take_back().flatten()
    }

    /// None: what a virtual disk takes long for is its host's business, and a hang is judged by the supervisor.
    fn deadline(&self) -> Option<Duration> {
        None
    }

    fn suspend(&mut self) -> Result<[u64; CARD_WORDS], NotSuspended> {
        if !self.device.is_running() || self.device.transport.check().is_err() {
            return Err(NotSuspended::Device);
        }
        if self.device.in_flight() > 0 && cfg!(not(bite = "disk-suspended-with-jobs")) {
            return Err(NotSuspended::Unfinished);
        }
        self.device.disarm();
        // After the features and the positions, the name.
        let mut words = [self.features().bits(), self.device.positions().to_word(), 0, 0, 0, 0, 0, 0];
        for (word, bytes) in words.iter_mut().skip(2).zip(self.disk.id.0.chunks(size_of::<u64>())) {
            *word = bytes.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte));
        }
        Ok(words)
    }
}
