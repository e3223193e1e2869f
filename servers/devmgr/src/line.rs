//! What lies between a client and the drivers of its device, and outlives them: channel, buffers, memory of the device's queues.

use anax_abi::{Error, Handle, Rights};
use anax_driver::handover::{DEVICE_WORDS, Numbers, Start};
use anax_frames::BUFFER_BYTES;
use anax_pci::Kind;
use anax_proto::Gift;
use anax_ring::{AtomicU64, Epoch, Geometry, Supervisor};
use anax_sys::object::{Channel, Region, RegionKind, Space};

use crate::hardware::Parts;
use crate::keep::Keep;

const SHARED: Rights = Rights::SEND.with(Rights::READ).with(Rights::WRITE);
const END: Rights = Rights::SEND.with(Rights::RECEIVE);
/// Bytes of memory for a device's queues, and of a driver's record for its successor.
const QUEUES: u64 = 16 * 1024;
const STATE: u64 = 16 * 1024;

/// A device's channel and memory.
pub(crate) struct Line {
    client: Channel,
    driver: Channel,
    block: Region,
    pool: Region,
    queues: Region,
    numbers: Region,
    state: Region,
    supervisor: Supervisor<'static>,
    /// Whether the driver moves the data itself, and so gets the pool.
    moves: bool,
}

impl Line {
    /// For a device of that kind; none if clients don't use it by a channel.
    ///
    /// # Errors
    /// `Quota`, `NoMemory`.
    pub(crate) fn take(kind: Kind, keep: &mut Keep<'_>) -> Result<Option<Self>, Error> {
        let (slots, bytes) = match kind {
            Kind::Network => {
                let buffers = anax_frames::handover::BUFFERS as u32;
                (buffers, u64::from(buffers) * BUFFER_BYTES as u64)
            }
            Kind::Block | Kind::Ata => (anax_blocks::handover::SLOTS, anax_blocks::handover::POOL_BYTES),
            _ => return Ok(None),
        };
        let geometry = Geometry::new(slots, slots).map_err(|_| Error::BadArgument)?;
        let size = geometry.bytes() as u64;
        let mut region = |bytes, kind| {
            let made = keep.object(|| Ok(Space::SELF.create_region(bytes, kind)?.handle()));
            made.map(Region::from_handle)
        };
        let block = region(size, RegionKind::Pinned)?;
        let pool = region(bytes, RegionKind::Dma)?;
        let queues = region(QUEUES, RegionKind::Dma)?;
        let numbers = region(4096, RegionKind::Pinned)?;
        let state = region(STATE, RegionKind::Pinned)?;
        let mut is_found = true;
        let [client, driver] = keep
            .pair(|| {
                is_found = false;
                let (client, driver) = Space::SELF.create_channel(block, size)?;
                Ok([client.handle(), driver.handle()])
            })?
            .map(Channel::from_handle);

        let mapped = anax_mapped::shared(block)?;
        // The kernel's word is what the sides believe; this one keeps step with it.
        let posted: &'static AtomicU64 = alloc::boxed::Box::leak(alloc::boxed::Box::new(AtomicU64::new(0)));
        let supervisor = if is_found {
            Supervisor::inherit(mapped, geometry, posted, current(client)?)
        } else {
            Supervisor::posting(mapped, geometry, posted)
        };
        let supervisor = supervisor.map_err(|_| Error::NoMemory)?;
        let moves = kind == Kind::Ata;
        Ok(Some(Self { client, driver, block, pool, queues, numbers, state, supervisor, moves }))
    }

    /// What the next driver has to know of the device's view, and how it is to start.
    ///
    /// # Errors
    /// Those of the kernel.
    pub(crate) fn write_numbers(&self, start: Start, device: [u64; DEVICE_WORDS]) -> Result<(), Error> {
        let page = anax_mapped::Mapping::new(self.numbers, 4096)?;
        let bytes = page.bytes()?;
        let (memory, pool) = (self.queues.device_address(0)?, self.pool.device_address(0)?);
        let numbers = Numbers { memory, pool, start, device };
        for (place, word) in numbers.to_words().into_iter().enumerate() {
            bytes.write_u64(8 * place, word).map_err(|_| Error::BadArgument)?;
        }
        Ok(())
    }

    /// What a driver is given of it.
    pub(crate) fn parts(&self) -> Parts {
        let mut parts = alloc::vec![
            ("channel", self.driver.handle(), END),
            ("block", self.block.handle(), SHARED),
            ("queues", self.queues.handle(), SHARED),
            ("numbers", self.numbers.handle(), SHARED),
            ("state", self.state.handle(), SHARED),
        ];
        if self.moves {
            parts.push(("pool", self.pool.handle(), SHARED));
        }
        parts
    }

    /// What a client is given of it.
    pub(crate) fn open(&self) -> (Gift, Gift, Gift) {
        let gift = |handle: Handle, rights| Gift::copy(handle, rights);
        (gift(self.client.handle(), END), gift(self.block.handle(), SHARED), gift(self.pool.handle(), SHARED))
    }

    /// The number of the epoch.
    pub(crate) fn epoch(&self) -> u32 {
        self.supervisor.epoch().number()
    }

    /// Both sides learn that the other has died.
    ///
    /// # Errors
    /// `PeerMisbehaved` if the kernel counts otherwise.
    pub(crate) fn new_epoch(&mut self) -> Result<(), Error> {
        self.supervisor.rebind().map_err(|_| Error::NoMemory)?;
        let epoch = self.client.new_epoch()?;
        if epoch == u64::from(self.supervisor.epoch().number()) { Ok(()) } else { Err(Error::PeerMisbehaved) }
    }
}

/// The epoch that the kernel names.
fn current(channel: Channel) -> Result<Epoch, Error> {
    let posted = anax_mapped::epoch(channel)?.load(core::sync::atomic::Ordering::Acquire);
    u32::try_from(posted).ok().and_then(Epoch::from_number).ok_or(Error::PeerMisbehaved)
}
