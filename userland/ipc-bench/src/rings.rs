//! Channels between two threads of this program: rings in memory, and a doorbell when the other side sleeps.

use core::ptr::{self, NonNull};

use anax_abi::Message;
use anax_abi::object::priority;
use anax_ring::{
    Completion, Doorbell, Endpoint, Geometry, Requester, Responder, SharedBlock, Side, Sleep, Supervisor,
    Taken,
};
use anax_service::ChannelTransport;
use anax_sys::object::{Channel, RegionKind, Space, Thread};
use anax_sys::{Error, Handle, Port};

use crate::bench::{report_marked, sum, verify};
use crate::child::{self, READ_WRITE, Word, get, set};
use crate::typed;

const SLOTS: u32 = 64;
const BATCHES: u64 = 32;
const ROUNDS: usize = 4;
/// Ends the server.
const STOP: u32 = 2;
const MESSAGE: u32 = 1;

/// One-way messages and calls, in batches of 32 and one by one.
pub(crate) fn all() -> Result<(), Error> {
    measure::<16>("channel.batch32", consumer, 32)?;
    measure::<17>("channel.batch1", consumer, 1)?;
    measure::<18>("channel.call32", responder, 32)?;
    measure::<19>("channel.call1", responder, 1)?;
    measure::<0x1b>("typed.batch32", typed::by_channel, 32)
}

fn measure<const ID: u16>(name: &str, server: child::Entry, batch: u64) -> Result<(), Error> {
    let geometry = Geometry::new(SLOTS, SLOTS).map_err(|_| Error::BadArgument)?;
    let bytes = (geometry.bytes() as u64).next_multiple_of(4096);
    let memory = Space::SELF.create_region(bytes, RegionKind::Pinned)?;
    let block = Space::SELF.map(memory, 0, bytes, READ_WRITE)?;
    Supervisor::create(self::block(block)?, geometry).map_err(|_| Error::BadArgument)?;
    let (bell, other) = Space::SELF.create_channel(memory, bytes)?;
    set(Word::Block, block);
    set(Word::Channel, other.handle().to_word());
    set(Word::Done, 0);
    let port = child::serve(Space::SELF, child::CPU, server, priority::SERVER + 1)?;
    other.bind(port, 0)?;
    let client = Endpoint::open(self::block(block)?, Side::Client).map_err(|_| Error::BadArgument)?;
    let figure = if server as usize == consumer as child::Entry as usize {
        one_way::<ID>(client, bell, batch)?
    } else if server as usize == typed::by_channel as child::Entry as usize {
        typed_calls::<ID>(client, bell, batch)?
    } else {
        calls::<ID>(client, bell, batch)?
    };
    report_marked::<ID>(name, figure, BATCHES * batch);
    Ok(())
}

fn block(address: u64) -> Result<SharedBlock<'static>, Error> {
    let start = NonNull::new(ptr::with_exposed_provenance_mut(address as usize)).ok_or(Error::BadAddress)?;
    // SAFETY: mapped for good, and used by blocks alone.
    unsafe {
        SharedBlock::from_raw(start, Geometry::new(SLOTS, SLOTS).map_err(|_| Error::BadArgument)?.bytes())
    }
    .map_err(|_| Error::BadAddress)
}

fn ring(bell: Channel, doorbell: Doorbell) -> Result<(), Error> {
    if doorbell == Doorbell::Ring { bell.ring() } else { Ok(()) }
}

fn misbehaved<E>(_: E) -> Error {
    Error::PeerMisbehaved
}

/// Hundredths of instructions a message, of the best of some rounds of batches, each of which `send` sends and sums up.
fn best<const ID: u16>(
    batch: u64,
    mut send: impl FnMut() -> Result<u64, Error>,
    mut check: impl FnMut(u64) -> Result<(), Error>,
) -> Result<u64, Error> {
    let mut least = u64::MAX;
    for _ in 0..=ROUNDS {
        let (ticks, seen) = sum::<ID>(BATCHES, |_| send().unwrap_or(u64::MAX / 3));
        check(seen)?;
        least = least.min(ticks);
    }
    Ok(least * 100 / (BATCHES * batch))
}

fn message(command: u32, number: u64) -> Message {
    Message::new(command, [number, 2, 3, 4, 5])
}

/// Push, publish and doorbell here; pop, release and sleep there. The figure includes the client's loop.
fn one_way<const ID: u16>(mut client: Endpoint<'_>, bell: Channel, batch: u64) -> Result<u64, Error> {
    let mut rounds = 0;
    let per_round = BATCHES * batch * (batch - 1) / 2 + BATCHES * batch;
    let send = || {
        for number in 0..batch {
            client.producer.push(&message(MESSAGE, number)).map_err(misbehaved)?;
        }
        ring(bell, client.producer.publish().map_err(misbehaved)?)?;
        Ok(0)
    };
    let figure = best::<ID>(batch, send, |seen| {
        rounds += 1;
        verify(seen, 0)?;
        verify(get(Word::Done), rounds * per_round)
    })?;
    client.producer.push(&message(STOP, 0)).map_err(misbehaved)?;
    ring(bell, client.producer.publish().map_err(misbehaved)?)?;
    Ok(figure)
}

fn calls<const ID: u16>(client: Endpoint<'_>, bell: Channel, batch: u64) -> Result<u64, Error> {
    let mut client = Requester::<{ SLOTS as usize }>::new(client);
    let send = || {
        for number in 0..batch {
            client.submit(&message(MESSAGE, number)).map_err(misbehaved)?;
        }
        ring(bell, client.flush().map_err(misbehaved)?)?;
        let mut sum = 0;
        while let Completion::Reply(reply) = client.complete().map_err(misbehaved)? {
            sum += reply.words[0];
        }
        Ok(sum)
    };
    let figure = best::<ID>(batch, send, |seen| verify(seen, BATCHES * batch * (batch + 1) / 2))?;
    client.submit(&message(STOP, 0)).map_err(misbehaved)?;
    ring(bell, client.flush().map_err(misbehaved)?)?;
    Ok(figure)
}

/// The same as [`calls`] by a typed interface.
fn typed_calls<const ID: u16>(client: Endpoint<'_>, bell: Channel, batch: u64) -> Result<u64, Error> {
    let port = Port::initport(Thread::SELF, 0)?;
    bell.bind(port, 0)?;
    let requester = Requester::<{ SLOTS as usize }>::new(client);
    let way = ChannelTransport::open(requester, bell, port, typed::echo::FINGERPRINT)?;
    let mut client = typed::EchoClient::over(way);
    typed::dropped(&mut client)?;
    let send = || typed::batch(&mut client, batch);
    let figure = best::<ID>(batch, send, |seen| verify(seen, BATCHES * batch * (batch + 1) / 2))?;
    Ok(figure)
}

/// This side's endpoint, and its bell.
pub(crate) fn served() -> Result<(Endpoint<'static>, Channel), Error> {
    let endpoint = Endpoint::open(block(get(Word::Block))?, Side::Server).map_err(misbehaved)?;
    Ok((endpoint, Channel::from_handle(Handle::from_word(get(Word::Channel)))))
}

/// Receives, and adds up number + 1 of each message.
extern "C" fn consumer(port: u64) -> ! {
    let port = Port::from_handle(Handle::from_word(port));
    let run = || -> Result<(), Error> {
        let (mut server, bell) = served()?;
        let mut total = 0;
        loop {
            while let Some(message) = server.consumer.pop().map_err(misbehaved)? {
                if message.command == STOP {
                    return Ok(());
                }
                total += message.words[0] + 1;
            }
            set(Word::Done, total);
            match server.prepare_to_sleep().map_err(misbehaved)? {
                Sleep::MaySleep => drop(port.waitport()?),
                Sleep::MoreToDo => {}
                Sleep::RingFirst => bell.ring()?,
            }
        }
    };
    Thread::exit(run().is_err().into())
}

/// Replies to each request with number + 1.
extern "C" fn responder(port: u64) -> ! {
    let port = Port::from_handle(Handle::from_word(port));
    let run = || -> Result<(), Error> {
        let (server, bell) = served()?;
        let mut server = Responder::new(server);
        loop {
            while let Taken::Request(request, ticket) = server.take().map_err(misbehaved)? {
                if request.command == STOP {
                    return Ok(());
                }
                let mut reply = request;
                reply.words[0] += 1;
                server.reply(ticket, &reply).map_err(misbehaved)?;
            }
            match server.prepare_to_sleep().map_err(misbehaved)? {
                Sleep::MaySleep => drop(port.waitport()?),
                Sleep::MoreToDo => {}
                Sleep::RingFirst => bell.ring()?,
            }
        }
    };
    Thread::exit(run().is_err().into())
}
