//! Memory of a fixed size that can be mapped.

use anax_abi::Error;
use anax_abi::object::{RegionCommand, region};

use super::{ask, done, number};

object! {
    /// A region. It is mapped by [`Space::map`](super::Space::map).
    Region
}

/// How a region's pages come about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RegionKind {
    /// Zeroed, taken when first touched out of a reservation.
    Lazy,
    /// All there from the start.
    Pinned,
    /// Pinned and contiguous, for devices.
    Dma,
    /// A copy of another region, page by page when written.
    Copy(Region),
}

impl RegionKind {
    /// As two words of a message: the kind, and the source's handle or 0.
    pub(super) const fn words(self) -> (u64, u64) {
        match self {
            Self::Lazy => (region::LAZY, 0),
            Self::Pinned => (region::PINNED, 0),
            Self::Dma => (region::DMA, 0),
            Self::Copy(source) => (region::COPY, source.0.to_word()),
        }
    }
}

impl Region {
    /// Its size in bytes.
    ///
    /// # Errors
    /// None beside the usual.
    pub fn size(self) -> Result<u64, Error> {
        number(ask(self.0, RegionCommand::Size as u32, []))
    }

    /// The address that a device sees at `offset` of a DMA region.
    ///
    /// # Errors
    /// `BadArgument` beyond its end or if it is of another kind.
    pub fn device_address(self, offset: u64) -> Result<u64, Error> {
        number(ask(self.0, RegionCommand::DeviceAddress as u32, [offset]))
    }

    /// Copies `bytes` of another region from `from` on to `to` and on in this one: whole pages, at most [`region::MOST_COPIED`] bytes. Neither need be mapped, and a page that is not there yet
    /// is not zeroed before.
    ///
    /// # Errors
    /// `BadArgument`: they are not whole pages, not all in both, too many, or a device's.
    pub fn copy(self, to: u64, source: Self, from: u64, bytes: u64) -> Result<(), Error> {
        done(ask(self.0, RegionCommand::Copy as u32, [source.0.to_word(), to, from, bytes]))
    }
}
