//! What a protocol thread has: its connections, its sockets, replicas of what thread 0 decides, and who waits for what.

mod calls;
mod datagram;
mod deliver;
mod keeping;
mod listener;
mod output;
mod owners;
mod shown;
mod stream;

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, VecDeque};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;

use anax_frames::{Buffer, Offers};
use anax_inet::udp::Demux;
use anax_inet::{Hop, InterfaceId, Keyed, Random, Tables};
use anax_proto::{Answered, Caller, Gift};
use anax_socket::{Failure, Socket};
use anax_tcp::{Config, ConnectionId, Engine, Outgoing, Record};
use hashbrown::HashMap;
use smoltcp::wire::{EthernetAddress, IpAddress};

use crate::crossbar::{Bell, Port};
use crate::item::{Departing, Item};
use crate::kept::Kept;
use crate::session::{Arena, Foreign, Held};

use datagram::Datagram;
use listener::{Early, Listener};
use owners::Owners;
use shown::Showing;
use stream::Stream;

/// The interface by which this host speaks to itself.
pub const LOOPBACK: InterfaceId = InterfaceId(0);
/// Bytes of payload in a frame that a card cuts: what fits into sixteen buffers, in whole segments of the usual size.
pub(crate) const MOST_CUT: u32 = 22 * 1448;
/// Sockets of a thread.
const MOST_SOCKETS: usize = 32_768;
/// Bits of a socket's name that say its place; those above say its thread, so that no two sockets of the server have the same.
const PLACE_BITS: u32 = 20;
const _: () = assert!(MOST_SOCKETS <= 1 << PLACE_BITS);

/// The name of a thread's socket.
const fn name(thread: u32, index: u32, generation: u32) -> Socket {
    Socket { index: index | thread << PLACE_BITS, generation }
}

/// A socket's place on its thread.
const fn place_of(socket: Socket) -> u32 {
    socket.index & ((1 << PLACE_BITS) - 1)
}
/// Packets that wait for one neighbour.
const MOST_UNRESOLVED: usize = 64;

/// What a protocol thread needs of the program that it is in.
pub trait Host {
    /// Programs' memory.
    type Arena: Arena;
    /// How threads are woken.
    type Bell: Bell;

    /// Sends an answer. Whether who asked is still there to get it.
    fn answer(&mut self, answered: &Answered) -> bool;

    /// Maps whole pages of memory that a program has shown, to be read. The handle is gone with it, also if that fails.
    ///
    /// # Errors
    /// `BadArgument`: there are no such pages, or none that may be read. `Full`: there is no room.
    fn show(&mut self, memory: Gift, at: u64, bytes: u64) -> Result<Box<dyn Foreign>, Failure>;
}

/// Where frames to be sent get their buffers, and go.
pub trait Wire {
    /// A buffer for a frame of so many bytes, by that card.
    fn buffer(&mut self, interface: InterfaceId, bytes: usize) -> Option<Buffer<'static>>;

    /// Whether buffers come back from that card without more to be done.
    fn is_sending(&mut self, interface: InterfaceId) -> bool;

    /// Sends it, behind all others.
    fn send(&mut self, departing: Departing);

    /// Has back a buffer that was not used.
    fn free(&mut self, interface: InterfaceId, buffer: Buffer<'static>);
}

/// What a socket is.
#[derive(Debug)]
enum Role {
    /// A stream that is not open yet, with the end that it is bound to.
    Fresh(Option<anax_tcp::Endpoint>, Options),
    /// A stream.
    Stream(Stream),
    /// Datagrams.
    Datagram(Box<Datagram>),
}

/// What was chosen.
#[derive(Clone, Copy, Debug, Default)]
struct Options {
    no_delay: bool,
    keep_alive: Option<Duration>,
    user_timeout: Option<Duration>,
    broadcast: bool,
    hop_limit: Option<u8>,
}

struct Place<A> {
    generation: u32,
    /// By itself, so that a table with room for more costs little.
    socket: Option<Box<Open<A>>>,
    /// Whether it is on the list of those that are to be looked at.
    is_touched: bool,
}

struct Open<A> {
    session: Held<A>,
    rings: anax_socket::Rings,
    role: Role,
}

/// The way to an address, as the tables had it in that version.
#[derive(Clone, Copy, Debug)]
struct Way {
    to: IpAddress,
    version: u32,
    hop: Hop,
    /// Which of this host's addresses it is spoken to by, if there is one.
    source: Option<IpAddress>,
    /// The neighbour, if it answers.
    link: Option<EthernetAddress>,
}

/// Ways that are remembered.
const WAYS: usize = 16;

/// What waits for a neighbour to be found.
#[derive(Debug)]
enum Waiting {
    Segment(Outgoing),
    Datagram(u32),
}

/// One protocol thread.
pub struct Shard<H: Host> {
    host: H,
    port: Port<Item<H::Arena>, H::Bell>,
    engine: Engine,
    /// The server's time, and that of the present cohort.
    now: Duration,
    tables: Tables,
    /// Counts what the tables have become, so that what was looked up there is known to be old.
    version: u32,
    ways: [Option<Way>; WAYS],
    cards: BTreeMap<InterfaceId, Offers>,
    demux: Demux<u32>,
    random: Random,
    sessions: HashMap<u64, Held<H::Arena>, Keyed>,
    /// What programs have shown, by their numbers; and a count of what is mapped for that.
    shown: BTreeMap<u64, Showing>,
    mapped: Arc<()>,
    sockets: Vec<Place<H::Arena>>,
    free: Vec<u32>,
    /// The socket of each connection; none for those that nobody has accepted, or that nobody has any more.
    of_connection: Owners,
    early: HashMap<ConnectionId, Early, Keyed>,
    listeners: BTreeMap<Socket, Listener>,
    touched: Vec<u32>,
    unresolved: BTreeMap<Hop, Vec<Waiting>>,
    /// What this host says to itself.
    inside: VecDeque<Vec<u8>>,
    /// A segment for which there was no buffer, and since when a long one waits for some that lie side by side.
    stuck: Option<Outgoing>,
    stuck_since: Option<Duration>,
    /// Segments that go before those that the engine has: their neighbour was found, or they are pieces.
    ahead: VecDeque<Outgoing>,
    /// Datagram sockets that may have something to send.
    senders: VecDeque<u32>,
    counters: Counted,
    next_port: u16,
    /// Where connections are kept for a successor, and what a predecessor had.
    kept: Option<Kept>,
    left: Vec<Record>,
}

/// What was counted by a thread.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counted {
    /// Packets that this thread has taken.
    pub packets_in: u64,
    /// Of these, those that had come to another thread first.
    pub forwarded: u64,
    /// Frames that were sent.
    pub frames_out: u64,
    /// Datagrams for which their socket had no room.
    pub datagrams_dropped: u64,
    /// Packets that waited for a neighbour in vain, or of which there were too many.
    pub unresolved_dropped: u64,
    /// Pieces of streams whose bytes were taken away before they were acknowledged.
    pub pieces_lost: u64,
    /// Times that a connection was not kept, since there are too many.
    pub not_kept: u64,
}

impl<H: Host> Shard<H> {
    /// One without sockets.
    pub fn new(
        host: H,
        port: Port<Item<H::Arena>, H::Bell>,
        mut random: Random,
        now: Duration,
        config: Config,
    ) -> Self {
        let mut seed = [0; 32];
        for chunk in seed.chunks_exact_mut(8) {
            chunk.copy_from_slice(&random.draw().to_le_bytes());
        }
        let config = Config { owner: (port.own(), port.threads()), ..config };
        Self {
            host,
            engine: Engine::new(config, seed),
            now,
            tables: Tables::new(random.key()),
            version: 0,
            ways: [None; WAYS],
            cards: BTreeMap::new(),
            demux: Demux::new(&mut random),
            sessions: HashMap::with_hasher(random.key()),
            shown: BTreeMap::new(),
            mapped: Arc::new(()),
            sockets: Vec::new(),
            free: Vec::new(),
            of_connection: Owners::default(),
            early: HashMap::with_hasher(random.key()),
            listeners: BTreeMap::new(),
            touched: Vec::new(),
            unresolved: BTreeMap::new(),
            inside: VecDeque::new(),
            stuck: None,
            stuck_since: None,
            ahead: VecDeque::new(),
            senders: VecDeque::new(),
            counters: Counted::default(),
            next_port: random.draw() as u16,
            kept: None,
            left: Vec::new(),
            port,
            random,
        }
    }

    /// This thread's end of the crossbar.
    pub const fn port(&mut self) -> &mut Port<Item<H::Arena>, H::Bell> {
        &mut self.port
    }

    /// The program that it is in.
    pub const fn host(&mut self) -> &mut H {
        &mut self.host
    }

    /// Its replica.
    #[must_use]
    pub const fn tables(&self) -> &Tables {
        &self.tables
    }

    /// What was counted.
    #[must_use]
    pub const fn counters(&self) -> Counted {
        self.counters
    }

    /// The engine, to be looked at.
    #[must_use]
    pub const fn engine(&self) -> &Engine {
        &self.engine
    }

    /// The time from now on, which never goes back. The beginning of a cohort.
    pub fn set_time(&mut self, now: Duration) {
        self.now = self.now.max(now);
    }

    /// When [`roll_up`](Self::roll_up) has something to do, if nothing comes before.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Duration> {
        self.engine.next_deadline()
    }

    /// Whether something is left to do at once: a frame waits for a buffer or for this host itself.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        !self.inside.is_empty()
    }

    /// Sockets, connections that nobody has accepted, and listening sockets.
    #[must_use]
    pub fn population(&self) -> [usize; 3] {
        let sockets = self.sockets.iter().filter(|place| place.socket.is_some()).count();
        [sockets, self.early.len(), self.listeners.len()]
    }

    fn answer(&mut self, answered: &Answered) {
        // Whoever asked may be gone: its session ends soon.
        let _is_there = self.host.answer(answered);
    }

    fn insert(&mut self, open: Open<H::Arena>) -> Result<Socket, Failure> {
        let index = match self.free.pop() {
            Some(index) => index,
            None if self.sockets.len() < MOST_SOCKETS => {
                self.sockets.push(Place { generation: 0, socket: None, is_touched: false });
                self.sockets.len() as u32 - 1
            }
            None => return Err(Failure::Full),
        };
        let place = &mut self.sockets[index as usize];
        place.socket = Some(Box::new(open));
        let generation = place.generation;
        Ok(name(self.port.own(), index, generation))
    }

    fn remove(&mut self, index: u32) {
        let place = &mut self.sockets[index as usize];
        place.socket = None;
        place.generation = (place.generation + 1) & (u32::MAX >> 1);
        self.free.push(index);
    }

    /// The socket of that name, if it is that session's.
    fn find(&mut self, caller: Caller, socket: Socket) -> Result<&mut Open<H::Arena>, Failure> {
        if socket.index >> PLACE_BITS != self.port.own() {
            return Err(Failure::Gone);
        }
        let place = self.sockets.get_mut(place_of(socket) as usize).ok_or(Failure::Gone)?;
        let open = place.socket.as_deref_mut().filter(|_| place.generation == socket.generation);
        open.filter(|open| open.session.number == caller.0).ok_or(Failure::Gone)
    }

    /// It is to be looked at when the cohort is over.
    fn touch(&mut self, index: u32) {
        if let Some(place) = self.sockets.get_mut(index as usize)
            && !core::mem::replace(&mut place.is_touched, true)
        {
            self.touched.push(index);
        }
    }

    /// A program has attached.
    pub fn attached(&mut self, session: Held<H::Arena>) {
        self.sessions.insert(session.number, session);
    }

    /// It is gone: what it has written still goes out, and nothing else.
    pub fn detached(&mut self, number: u64) {
        self.sessions.remove(&number);
        self.forget_shown(number);
        let of_session =
            |place: &Place<H::Arena>| place.socket.as_ref().is_some_and(|open| open.session.number == number);
        let all: Vec<u32> =
            (0..).zip(&self.sockets).filter(|(_, place)| of_session(place)).map(|(index, _)| index).collect();
        for index in all {
            self.close_at(index, None);
            self.end_if_lost(index);
        }
        let listening: Vec<Socket> =
            self.listeners.iter().filter(|(_, one)| one.session == number).map(|(name, _)| *name).collect();
        listening.into_iter().for_each(|socket| self.unlisten(socket));
    }

    /// Sees to what another thread has handed over. What is thread 0's comes back.
    pub fn item(&mut self, item: Item<H::Arena>, wire: &mut impl Wire) -> Option<Item<H::Arena>> {
        match item {
            Item::Packet(arrived) => {
                self.counters.forwarded += 1;
                return self.packet(arrived, wire);
            }
            Item::Card(interface, offers) => {
                // Others wait until they are given a long buffer.
                if self.port.own() == 0 && offers.cuts() {
                    self.sends_long();
                }
                self.cards.insert(interface, offers);
            }
            Item::Change(change) => {
                // The owner has found room for it.
                let _ = self.tables.apply(change);
                self.version = self.version.wrapping_add(1);
                self.changed(&change);
            }
            Item::Attached(session, ticket) => {
                self.attached(session);
                self.port.send(0, Item::Confirm(ticket));
            }
            Item::Detached(number) => self.detached(number),
            Item::Listen(listening, ticket) => {
                // Thread 0's answer counts, whose table is the same.
                let _ = self.listen_here(&listening);
                self.port.send(0, Item::Confirm(ticket));
            }
            Item::Unlisten(socket) => self.unlisten(socket),
            Item::Ready(hop, _) => self.resolved(hop, true),
            Item::Failed(hop) => self.resolved(hop, false),
            Item::Error(about) => self.heard(&about),
            other => return Some(other),
        }
        None
    }

    /// From now on segments may be long: a card cuts them, and there are buffers for them.
    pub(crate) fn sends_long(&mut self) {
        self.engine.set_tso(MOST_CUT);
    }

    fn session(&self, caller: Caller) -> Result<Held<H::Arena>, Failure> {
        self.sessions.get(&caller.0).cloned().ok_or(Failure::Gone)
    }

    /// The way to an address, remembered until the tables change.
    fn way(&mut self, to: IpAddress) -> Option<Way> {
        let place = match to {
            IpAddress::Ipv4(address) => address.octets()[3],
            IpAddress::Ipv6(address) => address.octets()[15],
        };
        let version = self.version;
        let place = usize::from(place) % WAYS;
        if let Some(way) = self.ways[place].filter(|way| way.to == to && way.version == version) {
            return Some(way);
        }
        let hop = self.tables.hop(to, None).ok()?;
        // One that may be gone is told of each time that it is used.
        let link = self.tables.neighbour(hop).filter(|known| !known.is_stale).map(|known| known.link);
        let source = self.tables.route(to, None).ok().map(|(_, source)| source);
        let way = Way { to, version, hop, source, link };
        self.ways[place] = Some(way);
        Some(way)
    }

    /// Where the neighbour is, if that is known; else what waits for it is kept, and thread 0 is asked.
    fn neighbour(&mut self, hop: Hop, waiting: impl FnOnce() -> Waiting) -> Option<EthernetAddress> {
        if let Some(known) = self.tables.neighbour(hop) {
            if known.is_stale {
                self.port.send(0, Item::Used(hop));
            }
            return Some(known.link);
        }
        let all = self.unresolved.entry(hop).or_default();
        if all.len() < MOST_UNRESOLVED {
            all.push(waiting());
        } else {
            self.counters.unresolved_dropped += 1;
        }
        if all.len() == 1 {
            let own = self.port.own();
            self.port.send(0, Item::Resolve(own, hop));
        }
        None
    }
}
