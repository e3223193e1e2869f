//! Sends packets with which the card has something to do, 30 for each change of drivers: `net-offload net0 CHANGES`. Whoever is at the other end asks for the next one when
//! one has come whole.
#![no_std]
#![no_main]
#![forbid(unsafe_code)]

use core::time::Duration;

use anax::{Error, println};
use anax_devices::{DevicesClient, SERVICE, devices};
use anax_frames::{Event, Received};
use anax_ring::Sleep;
use anax_sys::Deadline;
use anax_sys::object::{Channel, Region};
use frame_echo::packet::packet;
use frame_echo::{Client, NEXT, open};

/// Packets that were not asked for the next one of.
const WINDOW: u16 = 4;
/// Packets for each change.
const EACH: u16 = 30;
/// How long it stays when all is done.
const LINGER: Duration = Duration::from_secs(5);
/// Nobody asks any more.
const SILENCE: Duration = Duration::from_secs(30);

#[anax::main]
fn main() -> Result<(), Error> {
    let mut arguments = anax::arguments().iter();
    let device = arguments.next().ok_or(Error::BadArgument)?.parse().map_err(|_| Error::BadArgument)?;
    let changes = arguments.next().and_then(|text| text.parse::<u16>().ok()).unwrap_or(1);
    let count = changes.saturating_mul(EACH);
    let mut devices = DevicesClient::over(anax::connect(SERVICE, devices::FINGERPRINT)?);
    let (channel, block, pool) = devices.open(device)?;
    let (port, channel) = (anax::port()?, Channel::from_handle(channel.handle));
    channel.bind(port, 0)?;
    let posted = anax_mapped::epoch(channel)?;
    let block = anax_mapped::shared(Region::from_handle(block.handle))?;
    let pool = anax_mapped::shared(Region::from_handle(pool.handle))?;
    let mut client = open(block, pool, posted)?;
    client.ask();
    let (mut offers, mut sent, mut asked, mut out) = (None, 0_u16, 0_u16, 0_u32);
    let mut cut = 0_u32;
    loop {
        loop {
            match client.event().map_err(|_| Error::PeerMisbehaved)? {
                Event::Received(received) => {
                    asked += u16::from(asks(&received, asked));
                    client.release(received.buffer);
                }
                Event::Sent { outcome, .. } => {
                    outcome?;
                    out -= 1;
                }
                Event::About(about) => offers = Some(about.offers),
                Event::Link(_) | Event::Replaced(_) => {}
                Event::Nothing => break,
            }
        }
        if asked == count && out == 0 {
            println!("net-offload: {sent} sent, {cut} to be cut, offered: {offers:?}");
            // Whoever changes drivers meanwhile counts what there is, this program included.
            anax::time::sleep(LINGER);
            return Ok(());
        }
        while let Some(offers) = offers
            && sent < count.min(asked.saturating_add(WINDOW))
        {
            let packet = packet(sent, offers);
            let Some(buffer) = client.buffer_of(packet.bytes.len()) else { break };
            buffer.bytes().copy_in(0, &packet.bytes).map_err(|_| Error::BadAddress)?;
            if let Err(refused) = client.transmit_with(buffer, packet.bytes.len(), packet.offload, 0) {
                client.release(refused.buffer);
                break;
            }
            cut += u32::from(packet.offload.is_some_and(|offload| offload.segmentation.is_some()));
            (sent, out) = (sent + 1, out + 1);
        }
        sleep(&mut client, channel, Deadline::at(anax::time::now().after(SILENCE)))?;
    }
}

fn sleep(client: &mut Client, channel: Channel, until: Deadline) -> Result<(), Error> {
    match client.prepare_to_sleep().map_err(|_| Error::PeerMisbehaved)? {
        Sleep::MoreToDo => Ok(()),
        Sleep::RingFirst => channel.ring(),
        Sleep::MaySleep => anax::port()?.waitport_until(until).map(drop),
    }
}

/// Whether the one behind packet `asked` is asked for.
fn asks(received: &Received<'_>, asked: u16) -> bool {
    let mut bytes = [0; 16];
    let copied = received.frame().copy_out(14, &mut bytes);
    copied.is_ok() && bytes[..8] == *NEXT && bytes[8..] == u64::from(asked).to_be_bytes()
}
