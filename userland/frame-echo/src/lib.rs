//! Sends each frame back to where it came from: source and destination address swapped, in the buffer it came in.
//!
//! Drivers may die: their successors get from the channel what they left behind, and this does nothing about it.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

#[cfg(feature = "bin")]
pub mod device;
pub mod packet;
pub mod stream;

use core::sync::atomic::Ordering;

use anax_abi::Error;
use anax_frames::handover::BUFFERS;
use anax_frames::{ClientSide, Event, Received};
use anax_ring::{
    AtomicU64, Endpoint, Epoch, Geometry, Misbehaved, OutOfRange, SharedBlock, SharedBytes, Side,
};

/// What a frame begins with, behind its Ethernet header, that asks for the packet behind the one whose number follows.
pub const NEXT: &[u8; 8] = b"ANAXNEXT";

/// Buffers lent for receiving; the others are for what waits to be sent.
const RECEIVE: usize = 64;

/// The client's side of a card's channel.
pub type Client = ClientSide<'static, BUFFERS>;

/// The epoch that the kernel names.
///
/// # Errors
/// `PeerMisbehaved` if it is none.
pub fn current(posted: &AtomicU64) -> Result<Epoch, Error> {
    let number = u32::try_from(posted.load(Ordering::Acquire)).ok();
    number.and_then(Epoch::from_number).ok_or(Error::PeerMisbehaved)
}

/// Opens the channel in that block, with that pool.
///
/// # Errors
/// `BadArgument` if they are too small.
pub fn open(
    block: SharedBlock<'static>,
    pool: SharedBlock<'static>,
    posted: &'static AtomicU64,
) -> Result<Client, Error> {
    let geometry = Geometry::new(BUFFERS as u32, BUFFERS as u32).map_err(|_| Error::BadArgument)?;
    let endpoint = Endpoint::watching(block, Side::Client, geometry, current(posted)?, posted)
        .map_err(|_| Error::BadArgument)?;
    ClientSide::new(endpoint, SharedBytes::new(pool), RECEIVE).map_err(|_| Error::BadArgument)
}

/// Sends back all that has come.
///
/// # Errors
/// The driver lies.
pub fn echo(client: &mut Client) -> Result<(), Misbehaved> {
    loop {
        match client.event()? {
            Event::Received(received) => {
                if swap(&received).is_err() {
                    client.release(received.buffer);
                } else if let Err(refused) = client.transmit(received.buffer, received.length, 0) {
                    client.release(refused.buffer);
                }
            }
            Event::Nothing => return Ok(()),
            Event::Sent { .. } | Event::About(_) | Event::Link(_) | Event::Replaced(_) => {}
        }
    }
}

/// To where it came from.
fn swap(received: &Received<'_>) -> Result<(), OutOfRange> {
    let mut addresses = [0; 12];
    received.frame().copy_out(0, &mut addresses)?;
    addresses.rotate_left(6);
    received.frame().copy_in(0, &addresses)
}
