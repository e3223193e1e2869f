//! Sends each frame back to where it came from: source and destination address swapped, in the buffer it came in.
//!
//! Drivers may die: their successors get from the channel what they left behind, and this program does nothing about it.
#![no_std]
#![no_main]
#![forbid(unsafe_code)]

use core::sync::atomic::Ordering;

use anax_frames::handover::{self, BUFFERS};
use anax_frames::{ClientSide, Event, Received};
use anax_ring::{AtomicU64, Endpoint, Epoch, Geometry, OutOfRange, SharedBytes, Side, Sleep};
use anax_sys::object::{Channel, Region, Thread};
use anax_sys::{Error, Port};

anax_sys::main!(main);

/// Buffers lent for receiving; the others are for what waits to be sent.
const RECEIVE: usize = 64;

type Client = ClientSide<'static, BUFFERS>;

fn main(_argument: u64) -> Result<(), Error> {
    let port = Port::initport(Thread::SELF, 0)?;
    let channel = Channel::from_handle(handover::CHANNEL);
    channel.bind(port, 0)?;
    let status = anax_mapped::shared(Region::from_handle(handover::STATUS))?.words();
    let (stop, counters) = (status.get(handover::STOP), status.get(handover::COUNTERS..));
    let (stop, counters) = stop.zip(counters).ok_or(Error::BadArgument)?;
    let posted = anax_mapped::epoch(channel)?;
    let mut client = open(posted)?;
    while stop.load(Ordering::Acquire) == 0 {
        let told = client.counters().to_words();
        counters.iter().zip(told).for_each(|(word, value)| word.store(value, Ordering::Relaxed));
        let sleep = match echo(&mut client) {
            Ok(()) => client.prepare_to_sleep(),
            Err(misbehaved) => Err(misbehaved),
        };
        match sleep {
            Ok(Sleep::MoreToDo) => {}
            // Without a driver there will be one, and a new epoch.
            Ok(Sleep::RingFirst) => _ = channel.ring(),
            Ok(Sleep::MaySleep) => _ = port.waitport()?,
            // A driver that lies is ignored until it is replaced.
            Err(_) => {
                port.waitport()?;
                client.rebind(current(posted)?);
            }
        }
    }
    Ok(())
}

fn current(posted: &AtomicU64) -> Result<Epoch, Error> {
    let number = u32::try_from(posted.load(Ordering::Acquire)).ok();
    number.and_then(Epoch::from_number).ok_or(Error::PeerMisbehaved)
}

fn open(posted: &'static AtomicU64) -> Result<Client, Error> {
    let block = anax_mapped::shared(Region::from_handle(handover::BLOCK))?;
    let pool = SharedBytes::new(anax_mapped::shared(Region::from_handle(handover::POOL))?);
    let geometry = Geometry::new(BUFFERS as u32, BUFFERS as u32).map_err(|_| Error::BadArgument)?;
    let endpoint = Endpoint::watching(block, Side::Client, geometry, current(posted)?, posted)
        .map_err(|_| Error::BadArgument)?;
    ClientSide::new(endpoint, pool, RECEIVE).map_err(|_| Error::BadArgument)
}

/// Sends back all that has come.
fn echo(client: &mut Client) -> Result<(), anax_ring::Misbehaved> {
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
            Event::Sent { .. } | Event::About(_) | Event::Replaced(_) => {}
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
