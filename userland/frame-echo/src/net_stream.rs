//! Takes the data of TCP connections, as long frames as the card makes of it, and judges it: `net-stream net0 CHANGES [CONNECTIONS]`. Ends when so many have ended, two
//! if nothing is said; the number of changes is whoever calls' affair.
#![no_std]
#![no_main]
#![forbid(unsafe_code)]

extern crate alloc;

use alloc::vec;
use core::time::Duration;

use anax::{Error, println};
use anax_frames::{Checked, Coalesced, Event, MAX_CUT};
use anax_sys::Deadline;
use frame_echo::device::Device;
use frame_echo::stream::Streams;

/// Nobody sends any more.
const SILENCE: Duration = Duration::from_secs(60);
/// How long it stays when all is done: the last one may be asked for again, and whoever changes drivers meanwhile counts what there is, this program included.
const LINGER: Duration = Duration::from_secs(4);

#[anax::main]
fn main() -> Result<(), Error> {
    let connections = anax::arguments().get(2).and_then(|text| text.parse().ok()).unwrap_or(2);
    let mut device = Device::first_argument()?;
    device.client.ask();
    let mut streams = Streams::default();
    let (mut frame, mut length) = (vec![0; MAX_CUT], 0);
    let mut said: (Checked, Option<Coalesced>) = Default::default();
    let mut parts = 0_u64;
    let mut end = None;
    loop {
        match device.client.event().map_err(|_| Error::PeerMisbehaved)? {
            Event::Received(received) => {
                if length == 0 {
                    said = (received.checked, received.coalesced);
                }
                let rest = frame.get_mut(length..).ok_or(Error::BadAddress)?;
                length += received.copy_out(rest).map_err(|_| Error::BadAddress)?;
                parts += u64::from(said.1.is_some());
                let is_whole = received.follow == 0;
                device.client.release(received.buffer);
                if is_whole {
                    answer(&mut device, &mut streams, &frame[..length], said)?;
                    length = 0;
                }
            }
            Event::About(about) => device.client.accept(about.offers.coalesced)?,
            Event::Sent { outcome, .. } => outcome?,
            Event::Link(_) | Event::Replaced(_) => {}
            Event::Nothing => {
                if streams.tally.ended >= connections && end.is_none() {
                    end = Some(Deadline::at(anax::time::now().after(LINGER)));
                }
                let until = end.unwrap_or_else(|| Deadline::at(anax::time::now().after(SILENCE)));
                match device.wait(until) {
                    Err(Error::TimedOut) if end.is_some() => break,
                    waited => waited?,
                }
            }
        }
    }
    let (tally, counted) = (streams.tally, device.client.counters());
    println!(
        "net-stream: {} bytes in {} frames, {} put together in {parts} buffers, the longest of {} bytes; {} wrong, {} bad replies",
        tally.bytes, tally.frames, tally.coalesced, tally.longest, tally.wrong, counted.bad_replies
    );
    if tally.wrong == 0 && counted.bad_replies == 0 { Ok(()) } else { Err(Error::Dropped) }
}

/// Whoever hears no answer sends again.
fn answer(
    device: &mut Device,
    streams: &mut Streams,
    frame: &[u8],
    (checked, coalesced): (Checked, Option<Coalesced>),
) -> Result<(), Error> {
    let Some(answer) = streams.take(frame, checked.transport, coalesced) else { return Ok(()) };
    let Some(buffer) = device.client.buffer() else { return Ok(()) };
    buffer.bytes().copy_in(0, &answer).map_err(|_| Error::BadAddress)?;
    if let Err(refused) = device.client.transmit(buffer, answer.len(), 0) {
        device.client.release(refused.buffer);
    }
    Ok(())
}
