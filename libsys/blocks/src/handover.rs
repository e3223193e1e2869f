//! What a supervisor hands to the program of a client, and how large channel and pool are, which its driver is told, too.

use anax_abi::Handle;

/// Its end of the channel.
pub const CHANNEL: Handle = Handle::new(1, 1);
/// The channel's block, a region.
pub const BLOCK: Handle = Handle::new(2, 1);
/// The pool, a region.
pub const POOL: Handle = Handle::new(3, 1);

/// Slots of each of the channel's rings.
pub const SLOTS: u32 = 128;
/// Buffers of the pool.
pub const BUFFERS: usize = 64;
/// Bytes of each.
pub const BUFFER_BYTES: usize = 4096;
/// Bytes of the pool.
pub const POOL_BYTES: u64 = (BUFFERS * BUFFER_BYTES) as u64;
