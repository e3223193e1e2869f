//! The client of `echo-demo`, which gives it the channel and watches it by a page.
#![no_std]
#![no_main]
#![forbid(unsafe_code)]

use core::sync::atomic::Ordering;

use anax_frames::handover;
use anax_ring::Sleep;
use anax_sys::object::{Channel, Region, Thread};
use anax_sys::{Error, Port};
use frame_echo::{current, echo, open};

anax_sys::main!(main);

fn main(_argument: u64) -> Result<(), Error> {
    let port = Port::initport(Thread::SELF, 0)?;
    let channel = Channel::from_handle(handover::CHANNEL);
    channel.bind(port, 0)?;
    let status = anax_mapped::shared(Region::from_handle(handover::STATUS))?.words();
    let (stop, counters) = (status.get(handover::STOP), status.get(handover::COUNTERS..));
    let (stop, counters) = stop.zip(counters).ok_or(Error::BadArgument)?;
    let posted = anax_mapped::epoch(channel)?;
    let shared = |handle| anax_mapped::shared(Region::from_handle(handle));
    let mut client = open(shared(handover::BLOCK)?, shared(handover::POOL)?, posted)?;
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
