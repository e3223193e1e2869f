//! What the network server's program does: its threads, its cards, and the programs that attach.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;

use anax::log;
use anax::lwkt::{Cpu, Prepared, Thread as Kernel, lwkt_alloc};
use anax::owned::Owned;
use anax_abi::object::priority;
use anax_abi::{Error, Rights};
use anax_archive::ADDRESSES;
use anax_devices::{DevicesClient, SERVICE as DEVICES, devices};
use anax_frames::handover::BUFFERS;
use anax_inet::{InterfaceId, Random};
use anax_proto::Gift;
use anax_ring::{Doorbell, Endpoint, Epoch, Geometry, SharedBytes, Side, Sleep};
use anax_service::serve_one;
use anax_socket::sockets::Serve;
use anax_sys::object::{Channel, Region, RegionKind, Space};
use anax_sys::{Deadline, Instant, Port, Received};
use net::addresses::configuration;
use net::cards::{Card, Cards, Client, RECEIVE};
use net::crossbar::Crossbar;
use net::kept::{self, Entry, Found, Leases};
use net::shard::Shard;
use net::thread::{Stock, Thread};
use net::zero::Zero;

use crate::machine::{self, Bell, Machine, Posted};

/// Messages, packets and items that a thread takes before it rolls up.
pub(crate) const COHORT: usize = 32;
/// Bytes of a thread's stack.
const STACK: u64 = 128 << 10;
/// Replies that a thread can wait for: of thread 0, one for each program.
const REPLIES: u32 = 8;
/// The badge of notices: no program has it.
const BELL: u64 = u32::MAX as u64;
/// Handles that programs pass along with their requests, which have to have room: two each.
const SLOTS: u32 = 64;

/// The number under which init keeps what outlives this server.
const KEPT: u64 = 1;
/// Connections that outlive this server, of all threads together.
const CONNECTIONS: u32 = 32_768;
/// Bytes of a page.
const PAGE: usize = 4096;

/// Who may work at the same time as other threads do.
pub(crate) trait Turn: Clone + Send + 'static {
    /// Does a cohort's work.
    fn during<R>(&self, work: impl FnOnce() -> R) -> R;
}

/// Every thread, at any time: nothing is shared.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Free;

impl Turn for Free {
    fn during<R>(&self, work: impl FnOnce() -> R) -> R {
        work()
    }
}

type Ring = Crossbar<net::item::Item<machine::Memory>, Bell>;

fn now() -> Duration {
    Duration::from_nanos(anax::time::now().nanoseconds())
}

fn deadline(at: Option<Duration>) -> Deadline {
    at.map_or(Deadline::NEVER, |at| Deadline::at(Instant::from_nanoseconds(at.as_nanos() as u64)))
}

/// A source of numbers that nobody can guess.
fn random() -> Random {
    let mut seed = [0; 16];
    anax::random::fill(&mut seed);
    let (words, _) = seed.as_chunks::<8>();
    Random::new((u64::from_le_bytes(words[0]), u64::from_le_bytes(words[1])))
}

/// Serves for ever, by cohorts of so many.
pub(crate) fn run<T: Turn>(turn: &T, cohort: usize) -> Result<(), Error> {
    let port = anax::port()?;
    let (cards, posted) = open_cards(port)?;
    let others = other_threads()?;
    let ports: Vec<Port> = core::iter::once(port).chain(others.iter().map(Prepared::port)).collect();
    let bells = ports.iter().map(|port| Bell::new(*port, BELL)).collect::<Result<_, _>>()?;
    let ring: Ring = Crossbar::new(bells);
    let Found { threads, leases, left } = keep(ports.len() as u32)?;
    let left: Arc<[Entry]> = left.into();
    let mut kept = threads.into_iter();
    let own = kept.next().ok_or(Error::BadArgument)?;
    for ((number, thread), kept) in (1..).zip(others).zip(kept) {
        let (ring, ports, turn, left) = (ring.clone(), ports.clone(), turn.clone(), left.clone());
        thread.start(move |port| {
            let mut shard = shard(number, &ring, ports);
            shard.keep(kept, &left);
            drop(left);
            run_other(shard, port, (&turn, cohort));
        })?;
    }
    Space::SELF.post_slots(SLOTS)?;
    let mut shard = shard(0, &ring, ports);
    shard.keep(own, &left);
    run_zero(shard, port, (cards, &posted), leases, (turn, cohort))
}

/// A thread's, without sockets.
fn shard(number: u32, ring: &Ring, ports: Vec<Port>) -> Shard<Machine> {
    Shard::new(Machine::new(ports), ring.port(number), random(), now(), Default::default())
}

/// The region that outlives this server, which init keeps.
fn keep(threads: u32) -> Result<Found, Error> {
    let connections = CONNECTIONS.div_ceil(threads);
    let bytes = kept::bytes(threads, connections).next_multiple_of(PAGE) as u64;
    let mut init = anax::process::system()?;
    let fresh = || Space::SELF.create_region(bytes, RegionKind::Lazy);
    let mut region = match init.kept(KEPT) {
        Ok(gift) => Region::from_handle(gift.handle),
        Err(Error::WouldBlock) => fresh()?,
        Err(error) => return Err(error),
    };
    if region.size()? < bytes {
        // Another version's.
        region = fresh()?;
    }
    init.keep(KEPT, Gift::copy(region.handle(), Rights::ALL))?;
    let found = kept::open(SharedBytes::new(anax_mapped::shared(region)?), threads, connections);
    found.ok_or(Error::BadArgument)
}

/// A thread on each other CPU.
fn other_threads() -> Result<Vec<Prepared>, Error> {
    let own = Kernel::SELF.inspect()?.words[0];
    let mut threads = Vec::new();
    for cpu in 0.. {
        if u64::from(cpu) == own {
            continue;
        }
        match lwkt_alloc(Cpu(cpu), priority::SERVER, REPLIES, STACK) {
            Ok(thread) => threads.push(thread),
            // There is no such CPU.
            Err(Error::BadArgument) => break,
            Err(error) => return Err(error),
        }
    }
    Ok(threads)
}

/// All cards, and where the kernel posts the epochs of their channels.
fn open_cards(port: Port) -> Result<(Cards, Vec<Posted>), Error> {
    let mut devices = DevicesClient::over(anax::connect(DEVICES, devices::FINGERPRINT)?);
    let (mut cards, mut posted) = (Cards::default(), Vec::new());
    let mut first = 0;
    loop {
        let some = devices.list(first)?;
        if some.is_empty() {
            return Ok((cards, posted));
        }
        first += some.len() as u32;
        for device in some.iter().filter(|device| device.name.starts_with("net")) {
            let interface = InterfaceId(cards.all.len() as u8 + 1);
            match open_card(&mut devices, &device.name, port) {
                Ok((client, channel)) => {
                    cards.all.push(Card::new(interface, client));
                    posted.push(channel);
                }
                Err(error) => log::warn!("{} can't be used: {error}", device.name),
            }
        }
    }
}

/// What the boot archive says of addresses.
fn said() -> &'static str {
    let said = anax::archive().ok().and_then(|archive| core::str::from_utf8(archive.get(ADDRESSES)?).ok());
    said.unwrap_or_default()
}

fn open_card(
    devices: &mut DevicesClient<anax::Service>,
    name: &str,
    port: Port,
) -> Result<(Client, Posted), Error> {
    let device = name.parse().map_err(|_| Error::BadArgument)?;
    let (channel, block, pool) = devices.open(device)?;
    let channel = Channel::from_handle(channel.handle);
    channel.bind(port, BELL)?;
    let configuration = configuration(said(), name);
    let posted = Posted { channel, word: anax_mapped::epoch(channel)?, configuration };
    let shared = |handle| anax_mapped::shared(Region::from_handle(handle));
    let (block, pool) = (shared(block.handle)?, shared(pool.handle)?);
    let geometry = Geometry::new(BUFFERS as u32, BUFFERS as u32).map_err(|_| Error::BadArgument)?;
    let endpoint = Endpoint::watching(block, Side::Client, geometry, posted.epoch()?, posted.word);
    let endpoint = endpoint.map_err(|_| Error::BadArgument)?;
    let client = Client::new(endpoint, SharedBytes::new(pool), RECEIVE).map_err(|_| Error::BadArgument)?;
    Ok((client, posted))
}

/// A thread other than 0.
fn run_other<T: Turn>(shard: Shard<Machine>, port: Port, (turn, cohort): (&T, usize)) {
    let mut server = Serve(Thread { shard, zero: None });
    let mut stock = Stock::default();
    let mut asked = Asked::Perhaps;
    loop {
        let (done, is_all) = turn.during(|| {
            server.0.shard.set_time(now());
            let mut done = 0;
            while done < cohort
                && let Some(item) = server.0.shard.port().take()
            {
                server.0.item(item, &mut stock);
                done += 1;
            }
            while let Some(received) = asked.next(port, done < cohort) {
                serve_one(&mut server, &received);
                done += 1;
            }
            (done, server.0.roll_up(&mut stock))
        });
        asked = Asked::Perhaps;
        if done == cohort || !is_all || !server.0.shard.port().may_sleep() {
            continue;
        }
        let received = port.waitport_until(deadline(server.0.next_deadline()));
        server.0.shard.port().awake();
        match received {
            Ok(received) => asked = Asked::of(received),
            Err(Error::TimedOut) => asked = Asked::Nobody,
            // The port is gone: so is this program.
            Err(_) => return,
        }
    }
}

/// Thread 0.
fn run_zero<T: Turn>(
    mut shard: Shard<Machine>,
    port: Port,
    (mut cards, posted): (Cards, &[Posted]),
    leases: Leases,
    (turn, cohort): (&T, usize),
) -> Result<(), Error> {
    let mut zero = Zero::new(random(), now(), &mut shard);
    zero.keep(leases);
    for (card, posted) in cards.all.iter().zip(posted) {
        zero.add_card(card.interface, posted.configuration);
    }
    let mut server = Serve(Thread { shard, zero: Some(Box::new(zero)) });
    let mut asked = Asked::Perhaps;
    loop {
        let (done, is_all) = turn.during(|| {
            set_time(&mut server.0);
            let mut done = take_frames(&mut server.0, &mut cards, cohort);
            while done < cohort
                && let Some(item) = server.0.shard.port().take()
            {
                server.0.item_zero(item, &mut cards);
                done += 1;
            }
            while let Some(received) = asked.next(port, done < cohort) {
                serve(&mut server, &received);
                done += 1;
            }
            (done, server.0.roll_up_zero(&mut cards))
        });
        asked = Asked::Perhaps;
        if done >= cohort || !is_all {
            show(&mut cards, posted);
            continue;
        }
        if !may_sleep(&mut cards, posted) || !server.0.shard.port().may_sleep() {
            continue;
        }
        let received = port.waitport_until(deadline(server.0.next_deadline()));
        server.0.shard.port().awake();
        match received {
            Ok(received) => asked = Asked::of(received),
            Err(Error::TimedOut) => asked = Asked::Nobody,
            Err(error) => return Err(error),
        }
        for (card, posted) in cards.all.iter_mut().zip(posted).filter(|(card, _)| card.has_lied) {
            // A driver that lies is ignored until it is replaced.
            card.client.rebind(posted.epoch()?);
        }
    }
}

/// Who has asked something of this thread since it last slept.
#[derive(Debug)]
enum Asked {
    /// Somebody, this, and perhaps others.
    This(Received),
    /// Whoever has will be heard of: it is the next thing that is waited for.
    Nobody,
    /// The port has to be looked at.
    Perhaps,
}

impl Asked {
    /// By what the thread was woken.
    fn of(received: Received) -> Self {
        let is_bell = !received.is_reply() && received.badge == BELL;
        if is_bell { Self::Nobody } else { Self::This(received) }
    }

    /// The next request, if there is one and `may` says that it may be taken now. One that was received is, in any case.
    fn next(&mut self, port: Port, may: bool) -> Option<Received> {
        match core::mem::replace(self, Self::Nobody) {
            Self::This(received) => {
                *self = Self::Perhaps;
                Some(received)
            }
            Self::Perhaps if may => {
                let received = port.getport().ok()?;
                *self = Self::Perhaps;
                Some(received)
            }
            _ => None,
        }
    }
}

fn set_time(thread: &mut Thread<Machine>) {
    let now = now();
    thread.shard.set_time(now);
    if let Some(zero) = &mut thread.zero {
        zero.set_time(now);
    }
}

fn serve(server: &mut Serve<Thread<Machine>>, received: &Received) {
    if received.is_reply() {
        // A program's hold has ended, and it with it.
        let Thread { shard, zero: Some(zero) } = &mut server.0 else { return };
        zero.detach(received.badge, shard);
    } else {
        serve_one(server, received);
    }
}

/// Takes what cards tell, a cohort at most; how much it was.
fn take_frames(thread: &mut Thread<Machine>, cards: &mut Cards, cohort: usize) -> usize {
    let mut done = 0;
    for number in 0..cards.all.len() {
        while done < cohort {
            let Some(card) = cards.all.get_mut(number) else { break };
            let interface = card.interface;
            let Some(told) = card.told() else { break };
            let Thread { shard, zero: Some(zero) } = &mut *thread else { break };
            zero.told(interface, told, shard, cards);
            done += 1;
        }
    }
    done
}

/// Shows the drivers what there is for them.
fn show(cards: &mut Cards, posted: &[Posted]) {
    for (card, posted) in cards.all.iter_mut().zip(posted) {
        if card.client.flush() == Ok(Doorbell::Ring) {
            // A driver that has died has a successor.
            let _ = posted.channel.ring();
        }
    }
}

/// The same. Whether there is nothing from them.
fn may_sleep(cards: &mut Cards, posted: &[Posted]) -> bool {
    let mut may = true;
    for (card, posted) in cards.all.iter_mut().zip(posted) {
        match card.client.prepare_to_sleep() {
            Ok(Sleep::MaySleep) => {}
            Ok(Sleep::MoreToDo) => may = false,
            Ok(Sleep::RingFirst) => {
                let _ = posted.channel.ring();
                // What was shown is shown: there is nothing to ring for a second time.
                may &= card.client.prepare_to_sleep() == Ok(Sleep::MaySleep);
            }
            // There is nothing to be had before a new epoch, of which the doorbell tells.
            Err(_) => card.has_lied = true,
        }
    }
    may
}

/// The bell's block has no use but that a channel has one.
pub(crate) fn bell(port: Port, badge: u64) -> Result<(Channel, Owned<Channel>), Error> {
    const BYTES: u64 = 4096;
    let block = Space::SELF.create_region(BYTES, RegionKind::Lazy)?;
    let (ringing, heard) = Space::SELF.create_channel(block, BYTES)?;
    heard.bind(port, badge)?;
    let _ = Space::SELF.close(block.handle());
    Ok((ringing, Owned::new(heard)))
}

/// The epoch of a word.
pub(crate) fn epoch(word: u64) -> Result<Epoch, Error> {
    u32::try_from(word).ok().and_then(Epoch::from_number).ok_or(Error::PeerMisbehaved)
}
