//! What goes into a queue, and how the two sides disturb each other.

use anax_device::DmaAddress;

/// What a device does with a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// It reads.
    Read,
    /// It writes.
    Write,
}

/// Memory for a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Its beginning.
    pub address: DmaAddress,
    /// Bytes.
    pub length: u32,
    /// What the device does with it.
    pub access: Access,
}

/// How each side tells the other not to disturb.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Suppression {
    /// By ring position, with `VIRTIO_F_EVENT_IDX`.
    EventIndex,
    /// By a flag.
    Flags,
}

/// Whether the device is to be notified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a device that is not notified may not look"]
pub enum Kick {
    /// Yes, by [`Transport::notify`](crate::Transport::notify).
    Needed,
    /// It looks by itself, or there is nothing.
    Unneeded,
}
