//! The device: its queue, brought up, asked, stopped.
//!
//! Each request is a chain of three (5.2.6): the header, the data, which lies wherever the caller says, and a byte for the
//! status; a flush has no data. Header and status lie in the driver's own memory, one of each for each place of the queue, so
//! that no client reaches them. What was asked is kept besides: after a reset it is written again, not read back.

use core::sync::atomic::Ordering;

use anax_blocks::Disk;
use anax_device::{DmaAddress, DmaBlock, Reach, Registers};
use anax_driver::Refusal;
use anax_virtio::{
    Access, Broken, Doorbell, Features, Kick, Positions, Queue, Segment, SetupError, Suppression, Transport,
};

use crate::config::{BLK_SIZE, Config, FLUSH, RO, SEG_MAX};

const WANTED: Features = SEG_MAX
    .with(RO)
    .with(BLK_SIZE)
    .with(FLUSH)
    .with(Features::EVENT_IDX)
    .with(Features::ACCESS_PLATFORM)
    .with(Features::ORDER_PLATFORM);

/// The only queue (5.2.2), without VIRTIO_BLK_F_MQ.
const REQUESTS: u16 = 0;

/// Bytes and words of the header, words from one status to the next, and where data for the driver itself may lie.
const HEADER_BYTES: u32 = 16;
const HEADER_WORDS: usize = 2;
const STATUS_WORDS: usize = 1;
const SCRATCH_WORDS: usize = DmaBlock::LINE / size_of::<u64>();

/// Success, and no status at all.
const OK: u8 = 0;
const UNANSWERED: u8 = 0xff;

/// How the device interrupts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interrupts {
    /// By its line, which [`Blk::acknowledge`](crate::Blk::acknowledge) takes down.
    Line,
    /// By these entries of its MSI-X table, which may be the same one.
    MsiX {
        /// For the queue.
        queues: u16,
        /// For changes of the configuration.
        configuration: u16,
    },
}

/// What is asked (5.2.6).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Header {
    /// The type of request.
    pub(crate) kind: u32,
    /// The first sector, in units of 512 bytes.
    pub(crate) sector: u64,
    /// Bytes that the device has to write before the status.
    pub(crate) read: u32,
}

/// How a request ended.
pub(crate) enum Status {
    Ok,
    Failed,
}

/// A device with up to `N` requests in flight.
#[derive(Debug)]
pub(crate) struct Device<'a, R, T, const N: usize> {
    pub(crate) transport: Transport<R>,
    pub(crate) interrupts: Interrupts,
    queue: Queue<'a, T, N, 3>,
    headers: DmaBlock<'a>,
    statuses: DmaBlock<'a>,
    /// A line for the driver's own questions.
    pub(crate) scratch: DmaBlock<'a>,
    asked: [Header; N],
    /// While the device runs.
    doorbell: Option<Doorbell>,
    pub(crate) features: Features,
}

impl<'a, R: Registers, T, const N: usize> Device<'a, R, T, N> {
    /// Bytes of memory that both reach.
    pub(crate) const MEMORY_BYTES: usize = {
        const LINE: usize = DmaBlock::LINE / size_of::<u64>();
        let headers = (N * HEADER_WORDS).next_multiple_of(LINE);
        let statuses = (N * STATUS_WORDS).next_multiple_of(LINE);
        (Queue::<'a, T, N, 3>::WORDS + headers + statuses + SCRATCH_WORDS) * size_of::<u64>()
    };

    /// Resets the device, whatever state it was left in.
    pub(crate) fn new(
        transport: Transport<R>,
        memory: DmaBlock<'a>,
        reach: Reach,
        interrupts: Interrupts,
    ) -> Result<Self, SetupError> {
        transport.reset()?;
        Self::over(transport, memory, reach, interrupts)
    }

    /// Without a word to the device but for its queue's size.
    fn over(
        transport: Transport<R>,
        memory: DmaBlock<'a>,
        reach: Reach,
        interrupts: Interrupts,
    ) -> Result<Self, SetupError> {
        let size = transport.queue_size(REQUESTS);
        let part = |memory: DmaBlock<'a>, words| memory.split(words).ok_or(SetupError::Memory);
        let (queue, memory) = part(memory, Queue::<'a, T, N, 3>::WORDS)?;
        let (headers, memory) = part(memory, N * HEADER_WORDS)?;
        let (statuses, memory) = part(memory, N * STATUS_WORDS)?;
        let (scratch, _) = part(memory, SCRATCH_WORDS)?;
        let queue = Queue::new(queue, size, reach).ok_or(SetupError::Queue)?;
        let (asked, features) = ([Header::default(); N], Features::NONE);
        Ok(Self { transport, interrupts, queue, headers, statuses, scratch, asked, doorbell: None, features })
    }

    /// Stops it: when this returns, it touches no memory any more.
    pub(crate) fn quiesce(&mut self) -> Result<(), SetupError> {
        self.doorbell = None;
        self.transport.reset()
    }

    /// Brings it up after a reset. What was in flight is so again, in order. Returns the disk without its name.
    pub(crate) fn bring_up(&mut self) -> Result<Disk, SetupError> {
        let brought_up = self.try_bring_up();
        if brought_up.is_err() {
            self.transport.fail();
            self.quiesce()?;
        }
        brought_up
    }

    fn try_bring_up(&mut self) -> Result<Disk, SetupError> {
        self.features = self.transport.negotiate(WANTED)?;
        for place in 0..N as u16 {
            self.write_fixed(place);
        }
        let (suppression, fixed) = (self.suppression(), self.fixed());
        self.queue.restart(suppression, fixed);
        let (queues, configuration) = match self.interrupts {
            Interrupts::Line => (None, None),
            Interrupts::MsiX { queues, configuration } => (Some(queues), Some(configuration)),
        };
        self.transport.set_configuration_vector(configuration)?;
        let addresses = self.queue.addresses().ok_or(SetupError::Memory)?;
        let doorbell = self.transport.enable_queue(REQUESTS, addresses, queues)?;
        let disk = self.read_disk()?;
        self.transport.run();
        self.doorbell = Some(doorbell);
        self.flush();
        Ok(disk)
    }

    fn suppression(&self) -> Suppression {
        let has_index = self.features.contains(Features::EVENT_IDX);
        if has_index { Suppression::EventIndex } else { Suppression::Flags }
    }

    /// Where a place's header and status are.
    fn fixed(&self) -> impl Fn(u16, usize) -> Segment + use<R, T, N> {
        let (headers, statuses) = (self.headers.start(), self.statuses.start());
        move |place, part| match part {
            0 => segment(headers, place, HEADER_WORDS, HEADER_BYTES, Access::Read),
            _ => segment(statuses, place, STATUS_WORDS, 1, Access::Write),
        }
    }

    fn read_disk(&self) -> Result<Disk, SetupError> {
        let features = self.features;
        self.transport.configuration(|device| Config::read(device, features))?.disk(features)
    }

    /// Goes on where a driver with the same `N` was suspended with nothing in flight. Returns the disk without its name.
    ///
    /// # Errors
    /// [`Refusal::Device`] if registers, memory and record do not agree. Nothing was changed then.
    pub(crate) fn adopt(
        transport: Transport<R>,
        memory: DmaBlock<'a>,
        reach: Reach,
        interrupts: Interrupts,
        (features, positions): (u64, Positions),
    ) -> Result<(Self, Disk), Refusal> {
        let mut device = Self::over(transport, memory, reach, interrupts).map_err(|_| Refusal::Device)?;
        device.features = device.transport.agreed().map_err(|_| Refusal::Device)?;
        // A driver of this kind agrees on nothing that this one does not know.
        let known = device.features.common(WANTED.with(Features::VERSION_1)) == device.features;
        if !known || device.features.bits() != features || !device.features.contains(Features::VERSION_1) {
            return Err(Refusal::Device);
        }
        let (suppression, fixed) = (device.suppression(), device.fixed());
        device.queue.adopt(suppression, positions, fixed, []).ok_or(Refusal::Device)?;
        let addresses = device.queue.addresses().ok_or(Refusal::Device)?;
        let doorbell = device.transport.adopt_queue(REQUESTS, addresses).map_err(|_| Refusal::Device)?;
        let disk = device.read_disk().map_err(|_| Refusal::Device)?;
        device.doorbell = Some(doorbell);
        Ok((device, disk))
    }

    /// How far the queue is, which has to be empty.
    pub(crate) const fn positions(&self) -> Positions {
        self.queue.positions()
    }

    /// Asks, after [`Self::flush`]; gives the token back if the queue is full. No data is data of no bytes.
    #[inline]
    pub(crate) fn submit(&mut self, header: Header, data: Segment, token: T) -> Result<(), T> {
        let Some(place) = self.queue.next_place() else { return Err(token) };
        if let Some(asked) = self.asked.get_mut(usize::from(place)) {
            *asked = header;
        }
        self.write_fixed(place);
        self.queue.submit(data, token)
    }

    /// Shows the device what was asked.
    #[inline]
    pub(crate) fn flush(&mut self) {
        let Some(doorbell) = self.doorbell else { return };
        if self.queue.publish() == Kick::Needed {
            self.transport.notify(doorbell);
        }
    }

    /// The next request that has ended.
    ///
    /// # Errors
    /// [`Broken`] if there is none like that, or none of the statuses there are.
    #[inline]
    pub(crate) fn take(&mut self) -> Result<Option<(T, Status)>, Broken> {
        if self.doorbell.is_none() {
            return Ok(None);
        }
        let Some((place, completed)) = self.queue.take_placed()? else { return Ok(None) };
        let status = self.statuses.words().get(usize::from(place) * STATUS_WORDS);
        let status = status.map_or(UNANSWERED, |word| word.load(Ordering::Relaxed) as u8);
        let read = self.asked.get(usize::from(place)).map_or(0, |asked| asked.read);
        // Of a buffer nothing counts but what the device says that it wrote (2.7.8.2).
        let short = read > 0 && completed.written <= read && cfg!(not(bite = "blk-short-read-believed"));
        // What is neither OK nor IOERR nor UNSUPP (5.2.6) is no success either: a token has to come back in any case.
        let ok = status == OK && !short || cfg!(bite = "blk-status-unchecked");
        let status = if ok { Status::Ok } else { Status::Failed };
        Ok(Some((completed.token, status)))
    }

    /// Asks for no interrupts.
    pub(crate) fn disarm(&mut self) {
        self.queue.disarm();
    }

    /// Asks for an interrupt at the next end; whether there is one already.
    pub(crate) fn arm(&mut self) -> Result<bool, Broken> {
        if self.doorbell.is_some() { self.queue.arm(1) } else { Ok(false) }
    }

    /// Takes back the oldest request, while the device is stopped.
    pub(crate) fn take_back(&mut self) -> Option<T> {
        if self.doorbell.is_some() { None } else { self.queue.take_lost() }
    }

    pub(crate) const fn in_flight(&self) -> u16 {
        self.queue.in_flight()
    }
    pub(crate) const fn is_running(&self) -> bool {
        self.doorbell.is_some()
    }

    /// Writes a place's header as it was asked, and no status.
    #[inline]
    fn write_fixed(&self, place: u16) {
        let number = usize::from(place);
        let Some(Header { kind, sector, .. }) = self.asked.get(number).copied() else { return };
        let words = self.headers.words().iter().skip(number * HEADER_WORDS);
        words.zip([u64::from(kind), sector]).for_each(|(word, value)| word.store(value, Ordering::Relaxed));
        if let Some(status) = self.statuses.words().get(number * STATUS_WORDS) {
            status.store(UNANSWERED.into(), Ordering::Relaxed);
        }
    }
}

/// A place's part of a block.
fn segment(start: DmaAddress, place: u16, words: usize, length: u32, access: Access) -> Segment {
    let offset = u64::from(place) * (words * size_of::<u64>()) as u64;
    // Within the block, whose last address `DmaBlock` checked.
    Segment { address: start.checked_add(offset).unwrap_or(start), length, access }
}
