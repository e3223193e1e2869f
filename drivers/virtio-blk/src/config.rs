//! What the device says of its disk (5.2.4): how large, in which units, whether it can be written.

use anax_blocks::{Access, Disk, Id, SectorSize};
use anax_device::Registers;
use anax_virtio::{Features, SetupError};

/// Feature bits of 5.2.3.
pub(crate) const SEG_MAX: Features = Features::bit(2);
pub(crate) const RO: Features = Features::bit(5);
pub(crate) const BLK_SIZE: Features = Features::bit(6);
pub(crate) const FLUSH: Features = Features::bit(9);

/// Offsets in `struct virtio_blk_config`.
const CAPACITY: usize = 0;
const CAPACITY_HIGH: usize = 4;
const SEG_MAX_AT: usize = 12;
const BLK_SIZE_AT: usize = 20;

/// Bytes of the sectors that requests and capacity count in, whatever the disk's own are.
pub(crate) const UNIT: u32 = SectorSize::SMALLEST.bytes();

/// The configuration as it was read at one time, none of it believed yet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Config {
    capacity: u64,
    seg_max: u32,
    blk_size: u32,
}

impl Config {
    /// Reads what the agreed features say is there.
    pub(crate) fn read(device: &impl Registers, features: Features) -> Self {
        let field = |feature, offset, otherwise| {
            if features.contains(feature) { device.read32(offset) } else { otherwise }
        };
        let high = device.read32(CAPACITY_HIGH);
        Self {
            capacity: u64::from(high) << 32 | u64::from(device.read32(CAPACITY)),
            seg_max: field(SEG_MAX, SEG_MAX_AT, 1),
            blk_size: field(BLK_SIZE, BLK_SIZE_AT, UNIT),
        }
    }

    /// The disk, but for its name.
    ///
    /// # Errors
    /// [`SetupError::Configuration`] if there is no such disk, or none that takes a request of one segment.
    pub(crate) fn disk(self, features: Features) -> Result<Disk, SetupError> {
        let sector = SectorSize::from_bytes(self.blk_size).ok_or(SetupError::Configuration)?;
        let sectors = self.capacity / u64::from(sector.bytes() / UNIT);
        let access = if features.contains(RO) { Access::ReadOnly } else { Access::ReadWrite };
        let disk = Disk { sectors, sector, access, id: Id::default() };
        // As the client will check it.
        Disk::from_words(disk.to_words()).filter(|_| self.seg_max > 0).ok_or(SetupError::Configuration)
    }
}
