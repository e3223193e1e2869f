//! Feature bits: what device and driver agree on (2.2).

/// A set of feature bits, as in 6 and in each device's section.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Features(u64);

impl Features {
    /// None.
    pub const NONE: Self = Self(0);
    /// VIRTIO_F_EVENT_IDX: interrupts and notifications are asked for by ring position.
    pub const EVENT_IDX: Self = Self::bit(29);
    /// VIRTIO_F_VERSION_1: not a device of before 1.0.
    pub const VERSION_1: Self = Self::bit(32);
    /// VIRTIO_F_ACCESS_PLATFORM: addresses are the platform's, through an IOMMU where there is one.
    pub const ACCESS_PLATFORM: Self = Self::bit(33);
    /// VIRTIO_F_ORDER_PLATFORM: memory is ordered as for a real device, for which this crate's fences are.
    pub const ORDER_PLATFORM: Self = Self::bit(36);

    /// Bit `number`, 0 to 63.
    #[must_use]
    pub const fn bit(number: u32) -> Self {
        Self(1 << number)
    }

    /// As a device shows them.
    #[must_use]
    pub const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    /// All 64 bits.
    #[must_use]
    pub const fn bits(self) -> u64 {
        self.0
    }

    /// Those in either.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Those in both.
    #[must_use]
    pub const fn common(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Whether all of `other` are among these.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}
