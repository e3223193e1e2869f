//! Thread 0's part: what is not shared out among the threads.

mod names;
mod network;
mod output;
mod sessions;

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;
use core::time::Duration;

use anax_frames::{About, Link};
use anax_inet::control::{Configuration, Taken};
use anax_inet::fragments::BufferId;
use anax_inet::frame::{parse, reassembled};
use anax_inet::icmp::Problem;
use anax_inet::neighbours::{Resolution, Token};
use anax_inet::{Control, Drop, Hop, Ingress, InterfaceId, Kind, Random, What};
use anax_proto::{Gift, Later};
use anax_socket::{Failure, Socket};
use smoltcp::wire::{EthernetAddress, IpProtocol};

use crate::cards::{Cards, Told};
use crate::frame::Frame;
use crate::item::{Arrived, Item};
use crate::kept::Leases;
use crate::shard::{Host, LOOPBACK, Shard, Wire as _};
use crate::thread::stock;

pub use names::MOST_LOOKUPS;

/// Bytes of the longest packet that this host says to itself.
const MTU_INSIDE: u16 = 65_535;

/// What thread 0 needs of its program beside.
pub trait ZeroHost: Host {
    /// Makes a program's memory reachable, and sees to it that the end of `hold` is told.
    ///
    /// # Errors
    /// It is no such region.
    fn attach(&mut self, number: u64, arena: Gift, hold: Gift) -> Result<Self::Arena, Failure>;

    /// A handle for that session's requests to a thread.
    ///
    /// # Errors
    /// There is no room for it.
    fn handle(&mut self, thread: u32, number: u64) -> Result<Gift, Failure>;
}

/// What is to be done when all threads have confirmed something.
#[derive(Debug)]
struct Round {
    missing: u32,
    then: Then,
}

#[derive(Debug)]
enum Then {
    Attached(u64, Later<(Gift, u32), Failure>),
    Listens(Later<(), Failure>),
}

/// An echo that was asked for.
#[derive(Debug)]
struct Echo {
    session: u64,
    since: Duration,
    until: Duration,
    later: Later<u64, Failure>,
}

/// A card's interface.
#[derive(Clone, Copy, Debug)]
struct Card {
    interface: InterfaceId,
    is_up: bool,
    /// Whether others know of it.
    about: Option<About>,
    configuration: Configuration,
}

/// Thread 0's part.
pub struct Zero<A> {
    control: Control,
    now: Duration,
    random: Random,
    cards: Vec<Card>,
    sessions: Vec<u64>,
    last_session: u64,
    rounds: BTreeMap<u64, Round>,
    next_round: u64,
    listening: Vec<Socket>,
    resolving: BTreeMap<u64, (u32, Hop)>,
    next_token: u64,
    fragments: BTreeMap<BufferId, Vec<u8>>,
    frames: VecDeque<(InterfaceId, Vec<u8>)>,
    echoes: BTreeMap<(u16, u16), Echo>,
    lookups: BTreeMap<u64, names::Lookup>,
    next_lookup: u64,
    /// Buffers that threads are to be given, of so many bytes.
    owed: Vec<(u32, InterfaceId, usize)>,
    readies: Vec<(u8, Later<(), Failure>)>,
    drops: anax_inet::Counters,
    leases: Option<Leases>,
    arena: core::marker::PhantomData<fn() -> A>,
}

impl<A: crate::session::Arena> Zero<A> {
    /// Without a card; the interface by which this host speaks to itself is there.
    pub fn new<H: ZeroHost<Arena = A>>(mut random: Random, now: Duration, shard: &mut Shard<H>) -> Self {
        let mut zero = Self {
            control: Control::new(random.split()),
            now,
            random,
            cards: Vec::new(),
            sessions: Vec::new(),
            last_session: 0,
            rounds: BTreeMap::new(),
            next_round: 1,
            listening: Vec::new(),
            resolving: BTreeMap::new(),
            next_token: 1,
            fragments: BTreeMap::new(),
            frames: VecDeque::new(),
            echoes: BTreeMap::new(),
            lookups: BTreeMap::new(),
            next_lookup: 1,
            owed: Vec::new(),
            readies: Vec::new(),
            drops: anax_inet::Counters::default(),
            leases: None,
            arena: core::marker::PhantomData,
        };
        // There is room for the first one.
        let _ =
            zero.control.add_interface(now, LOOPBACK, (Kind::Loopback, MTU_INSIDE), Configuration::default());
        zero.output(shard);
        zero
    }

    /// From now on leases are kept there; cards that are added go on with those that they had.
    pub fn keep(&mut self, leases: Leases) {
        self.leases = Some(leases);
    }

    /// A card that will tell what it is.
    pub fn add_card(&mut self, interface: InterfaceId, mut configuration: Configuration) {
        if let Some(leases) = &self.leases {
            configuration.kept = leases.of(self.cards.len());
        }
        self.cards.push(Card { interface, is_up: false, about: None, configuration });
    }

    /// The owner's part of the tables and all that.
    #[must_use]
    pub const fn control(&self) -> &Control {
        &self.control
    }

    /// The time from now on. The beginning of a cohort.
    pub fn set_time(&mut self, now: Duration) {
        self.now = self.now.max(now);
    }

    /// When something is to be done, if nothing comes before.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Duration> {
        let echo = self.echoes.values().map(|echo| echo.until).min();
        [self.control.next_deadline(), echo].into_iter().flatten().min()
    }

    /// What a card tells.
    pub fn told<H: ZeroHost<Arena = A>>(
        &mut self,
        interface: InterfaceId,
        told: Told,
        shard: &mut Shard<H>,
        cards: &mut Cards,
    ) {
        match told {
            Told::Frame(frame) => self.received(interface, frame, shard, cards),
            Told::About(about) => self.about(interface, about, shard),
            Told::Link(link) => {
                let Some(card) = self.cards.iter_mut().find(|card| card.interface == interface) else {
                    return;
                };
                let is_up = link == Link::Up;
                let is_again = is_up && !core::mem::replace(&mut card.is_up, is_up) && card.about.is_some();
                card.is_up = is_up;
                if is_again {
                    self.control.plugged_in(self.now, interface);
                    self.output(shard);
                }
            }
        }
    }

    fn about<H: ZeroHost<Arena = A>>(&mut self, interface: InterfaceId, about: About, shard: &mut Shard<H>) {
        let Some(card) = self.cards.iter_mut().find(|card| card.interface == interface) else { return };
        let is_known = card.about.is_some_and(|known| known.mac == about.mac);
        (card.about, card.is_up) = (Some(about), about.link == Link::Up);
        let configuration = card.configuration;
        broadcast(shard, || Item::Card(interface, about.offers));
        if !is_known {
            let threads = shard.port().threads();
            let each =
                |thread| stock(threads, about.offers.cuts()).map(move |bytes| (thread, interface, bytes));
            self.owed.extend((1..threads).flat_map(each));
            let kind = Kind::Ethernet(EthernetAddress(about.mac.0));
            let mtu = about.max_frame.saturating_sub(18).max(576);
            // There is room for as many as there are cards.
            let _ = self.control.add_interface(self.now, interface, (kind, mtu), configuration);
            self.output(shard);
        }
    }

    /// A frame has come in by a card.
    fn received<H: ZeroHost<Arena = A>>(
        &mut self,
        interface: InterfaceId,
        frame: Frame,
        shard: &mut Shard<H>,
        cards: &mut Cards,
    ) {
        let parsed = match frame.verified() {
            Some(verified) => parse(interface, &frame, verified),
            None => Err(Drop::TransportSum),
        };
        match parsed {
            Ok(ingress) => self.arrived(Box::new(Arrived { ingress, frame }), shard, cards),
            Err(why) => {
                self.drops.count(why);
                frame.buffers(|buffer| cards.free(interface, buffer));
            }
        }
    }

    /// A frame that was looked at.
    pub fn arrived<H: ZeroHost<Arena = A>>(
        &mut self,
        arrived: Box<Arrived>,
        shard: &mut Shard<H>,
        cards: &mut Cards,
    ) {
        let Ingress { interface, to, what, .. } = &arrived.ingress;
        if let What::Packet(packet) = what
            && packet.ports.is_some()
            && packet.fragment.is_none()
        {
            if let Err(why) = self.control.tables().admit(*interface, *to, packet) {
                self.drops.count(why);
                shard.done(*arrived, cards);
                return;
            }
            if let Some(Item::Unclaimed(arrived)) = shard.packet(arrived, cards) {
                self.unclaimed(*arrived, shard, cards);
            }
            return;
        }
        self.unclaimed(*arrived, shard, cards);
    }

    /// What no socket takes: this thread's own, or refused.
    fn unclaimed<H: ZeroHost<Arena = A>>(
        &mut self,
        arrived: Arrived,
        shard: &mut Shard<H>,
        cards: &mut Cards,
    ) {
        let Arrived { ingress, frame } = &arrived;
        let taken = self.control.input(self.now, ingress, frame, |about| {
            // Of TCP, the connection's owner knows; others are bounded by what was sent.
            about.protocol == IpProtocol::Tcp || about.protocol == IpProtocol::Udp
        });
        match taken {
            Ok(Taken::Done) | Err(_) => {}
            Ok(Taken::Others) => {
                let is_udp =
                    matches!(&ingress.what, What::Packet(packet) if packet.protocol == IpProtocol::Udp);
                let problem = if is_udp { Problem::Port } else { Problem::Protocol };
                self.control.refuse(self.now, ingress, frame, problem);
            }
            Ok(Taken::Place(placed)) => {
                let buffer = self.fragments.entry(placed.buffer).or_default();
                let end = placed.offset + placed.from.len();
                if buffer.len() < end {
                    buffer.resize(end, 0);
                }
                anax_inet::Bytes::copy(frame, placed.from.start, &mut buffer[placed.offset..end]);
                if let Some(complete) = placed.complete {
                    let bytes = self.fragments.remove(&placed.buffer).unwrap_or_default();
                    let (interface, from, to) = (ingress.interface, ingress.from, ingress.to);
                    match reassembled(&complete.first, bytes.as_slice(), complete.length) {
                        Ok(packet) => {
                            let what = What::Packet(packet);
                            let ingress = Ingress { interface, from, to, what };
                            let whole = Box::new(Arrived { ingress, frame: Frame::Own(bytes) });
                            self.arrived(whole, shard, cards);
                        }
                        Err(why) => self.drops.count(why),
                    }
                }
            }
        }
        shard.done(arrived, cards);
        self.output(shard);
    }

    /// What another thread, or this one's shard, has for thread 0.
    pub fn item<H: ZeroHost<Arena = A>>(&mut self, item: Item<A>, shard: &mut Shard<H>, cards: &mut Cards) {
        match item {
            Item::Unclaimed(arrived) => self.unclaimed(*arrived, shard, cards),
            Item::Send(thread, departing) => {
                self.owed.push((thread, departing.interface, departing.buffer.bytes().len()));
                cards.send(departing);
            }
            Item::Free(interface, buffer) => cards.free(interface, buffer),
            Item::Confirm(ticket) => self.confirmed(ticket, shard),
            Item::Resolve(thread, hop) => self.resolve(thread, hop, shard),
            Item::Used(hop) => self.control.used(self.now, hop),
            _ => {}
        }
        self.output(shard);
    }

    /// Somebody looks for a neighbour.
    fn resolve<H: ZeroHost<Arena = A>>(&mut self, thread: u32, hop: Hop, shard: &mut Shard<H>) {
        let token = self.next_token;
        self.next_token += 1;
        match self.control.resolve(self.now, hop, Token(token)) {
            Resolution::Known(link) => hand(shard, thread, Item::Ready(hop, link)),
            Resolution::Waits => _ = self.resolving.insert(token, (thread, hop)),
        }
    }
}

/// Hands something to a thread, perhaps this one.
fn hand<H: Host>(shard: &mut Shard<H>, thread: u32, item: Item<H::Arena>) {
    if thread == 0 {
        let _ = shard.item(item, &mut Nowhere);
    } else {
        shard.port().send(thread, item);
    }
}

/// Hands something to all threads.
fn broadcast<H: Host>(shard: &mut Shard<H>, item: impl Fn() -> Item<H::Arena>) {
    (0..shard.port().threads()).for_each(|thread| hand(shard, thread, item()));
}

/// For what is never sent.
struct Nowhere;

impl crate::shard::Wire for Nowhere {
    fn buffer(&mut self, _: InterfaceId, _: usize) -> Option<anax_frames::Buffer<'static>> {
        None
    }

    fn is_sending(&mut self, _: InterfaceId) -> bool {
        false
    }

    fn send(&mut self, _: crate::item::Departing) {}

    fn free(&mut self, _: InterfaceId, _: anax_frames::Buffer<'static>) {}
}
