//! Thread 0's part: all that is not shared out among protocol threads, wired together.
//!
//! Frames that are not some socket's come in here, and what the parts want of each other is settled here: an address that was granted is checked, one that is free is used
//! and told of, an answer waits until its neighbour is found. What is for others comes out as [`Output`].

mod addresses;
mod input;
mod link;
mod send;

use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;
use core::cell::Cell;
use core::time::Duration;

use smoltcp::wire::{EthernetAddress, IpAddress, IpCidr, Ipv4Address};

use crate::detection::Detection;
use crate::dns::{Asked, Kind as NameKind, Name, NoAnswer, QuestionId, Resolver};
use crate::fragments::{Freed, Placed, Reassembly};
use crate::icmp::{About, Echo};
use crate::neighbours::{Neighbours, Resolution, Token};
use crate::routers::Routers;
use crate::{
    Assigned, Change, Counters, Full, Hop, InterfaceId, Kind, Limit, Random, Standing, Tables, dhcp,
};

pub use send::Sending;

/// How an interface comes by its addresses, beside those that are set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Configuration {
    /// By DHCP.
    pub dhcp: bool,
    /// For IPv6: one for the link, and those that routers tell of.
    pub v6: bool,
    /// The lease that a predecessor had.
    pub kept: dhcp::Kept,
    /// An address of its own from the beginning.
    pub own: Option<IpCidr>,
}

/// What is for others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// A frame to be sent.
    Frame(InterfaceId, Vec<u8>),
    /// For the replicas: this one's [tables](Control::tables) have it already.
    Change(Change),
    /// Somebody's packet can be sent to that neighbour.
    Ready(Token, EthernetAddress),
    /// It cannot: its hop is not there.
    Failed(Token, Hop),
    /// A buffer of fragments that is free again.
    Freed(Freed),
    /// What somebody says about a packet of ours, which was known.
    Error(About),
    /// Somebody answers an echo of ours.
    Answered(Echo, IpAddress, usize),
    /// The answer to a question.
    Resolved(QuestionId, Result<Vec<IpAddress>, NoAnswer>),
    /// Somebody else has an address that was to be ours, or was: it is not any more.
    Conflict(InterfaceId, IpAddress),
}

/// What became of a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It is done with.
    Done,
    /// It is TCP's, UDP's or another protocol's, for whoever has its ports.
    Others,
    /// It is a fragment: its bytes are to be copied. If it is the last one, what [comes of it](crate::frame::reassembled) is to be put in as a packet.
    Place(Placed),
}

/// Tokens of this object's own packets; the caller's are below.
const OWN: u64 = 1 << 63;

#[derive(Debug)]
struct Interface {
    dhcp: Option<dhcp::Client>,
    routers: Option<Routers>,
    v6: bool,
    servers: Vec<IpAddress>,
    servers_v6: Vec<(IpAddress, Duration)>,
}

/// All of it.
#[derive(Debug)]
pub struct Control {
    tables: Tables,
    neighbours: Neighbours,
    detection: Detection,
    reassembly: Reassembly,
    resolver: Resolver,
    interfaces: BTreeMap<InterfaceId, Interface>,
    errors: Limit,
    counters: Counters,
    random: Random,
    waiting: BTreeMap<u64, (Hop, Vec<u8>)>,
    next_token: u64,
    output: VecDeque<Output>,
    /// When there is something to do, once that was found out; forgotten by all that may change it.
    due: Cell<Option<Option<Duration>>>,
}

impl Control {
    /// Without an interface.
    #[must_use]
    pub fn new(mut random: Random) -> Self {
        Self {
            tables: Tables::new(random.key()),
            neighbours: Neighbours::new(random.split()),
            detection: Detection::new(random.split()),
            reassembly: Reassembly::new(),
            resolver: Resolver::new(random.split()),
            interfaces: BTreeMap::new(),
            // As Linux: a host has no reason to say more.
            errors: Limit::new(100, 50),
            counters: Counters::default(),
            waiting: BTreeMap::new(),
            next_token: OWN,
            output: VecDeque::new(),
            due: Cell::new(None),
            random,
        }
    }

    /// The owner's tables.
    #[must_use]
    pub const fn tables(&self) -> &Tables {
        &self.tables
    }

    /// What was dropped here.
    #[must_use]
    pub const fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Packets under way in fragments and bytes that they take, neighbours, packets that wait for one, questions: what others can make this host hold.
    #[must_use]
    pub fn load(&self) -> [usize; 5] {
        let (packets, bytes) = self.reassembly.load();
        [packets, bytes, self.neighbours.count(), self.waiting.len(), self.resolver.load().0]
    }

    /// What is for others, the oldest first. To be asked until there is nothing, after each call.
    pub fn output(&mut self) -> Option<Output> {
        self.output.pop_front()
    }

    /// An interface is there, or begins anew.
    ///
    /// # Errors
    /// There are too many.
    pub fn add_interface(
        &mut self,
        now: Duration,
        id: InterfaceId,
        (kind, mtu): (Kind, u16),
        configuration: Configuration,
    ) -> Result<(), Full> {
        self.due.take();
        self.change(Change::Interface(id, kind, mtu))?;
        let link = match kind {
            Kind::Ethernet(link) => Some(link),
            Kind::Loopback => None,
        };
        let dhcp = link.filter(|_| configuration.dhcp);
        let dhcp =
            dhcp.map(|link| dhcp::Client::resumed(now, link, self.random.split(), &configuration.kept));
        let (servers, servers_v6) = Default::default();
        let interface = Interface { dhcp, routers: None, v6: configuration.v6, servers, servers_v6 };
        self.interfaces.insert(id, interface);
        if let Some(own) = configuration.own {
            self.assign(now, id, own)?;
        }
        match link {
            Some(link) if configuration.v6 => {
                self.assign(now, id, IpCidr::Ipv6(crate::routers::link_local(link)))?;
            }
            Some(_) => {}
            None => {
                for address in
                    [(IpAddress::v4(127, 0, 0, 1), 8), (IpAddress::v6(0, 0, 0, 0, 0, 0, 0, 1), 128)]
                {
                    let address = IpCidr::new(address.0, address.1);
                    self.change(Change::Address(id, Assigned { address, standing: Standing::Preferred }))?;
                }
            }
        }
        self.poll(now);
        Ok(())
    }

    /// The interface's lease, for a successor.
    #[must_use]
    pub fn kept(&self, id: InterfaceId) -> dhcp::Kept {
        let client = self.interfaces.get(&id).and_then(|interface| interface.dhcp.as_ref());
        client.map(dhcp::Client::kept).unwrap_or_default()
    }

    /// An interface is gone.
    pub fn remove_interface(&mut self, now: Duration, id: InterfaceId) {
        self.due.take();
        self.interfaces.remove(&id);
        self.neighbours.forget(id);
        let own: Vec<IpAddress> = self
            .tables
            .interface(id)
            .map(|interface| interface.addresses.iter().map(|own| own.address.address()).collect())
            .unwrap_or_default();
        for address in own {
            self.detection.forget(id, address);
        }
        self.settle(now);
        let _ = self.change(Change::InterfaceGone(id));
        self.choose_servers(now);
    }

    /// Gives an interface an address, which is used as soon as it is known that nobody else has it.
    ///
    /// # Errors
    /// It has too many.
    pub fn assign(&mut self, now: Duration, id: InterfaceId, address: IpCidr) -> Result<(), Full> {
        self.due.take();
        self.change(Change::Address(id, Assigned { address, standing: Standing::Tentative }))?;
        self.detection.begin(now, id, address.address());
        self.settle(now);
        Ok(())
    }

    /// Makes a change that somebody wants: a route, a group, an address that is to go.
    ///
    /// # Errors
    /// There is no place.
    pub fn change(&mut self, change: Change) -> Result<(), Full> {
        self.due.take();
        self.tables.apply(change)?;
        self.output.push_back(Output::Change(change));
        Ok(())
    }

    /// Somebody has a packet for that hop. Tokens are below 2^63.
    pub fn resolve(&mut self, now: Duration, hop: Hop, token: Token) -> Resolution {
        self.due.take();
        let resolution = self.neighbours.resolve(now, hop, token);
        self.settle(now);
        resolution
    }

    /// A replica has sent to a neighbour that was marked as perhaps gone.
    pub fn used(&mut self, now: Duration, hop: Hop) {
        self.due.take();
        self.neighbours.used(now, hop);
        self.settle(now);
    }

    /// A transport has heard something new from there.
    pub fn confirmed(&mut self, now: Duration, hop: Hop) {
        self.due.take();
        self.neighbours.confirmed(now, hop);
        self.settle(now);
    }

    /// Asks for a name's addresses.
    pub fn ask(&mut self, now: Duration, name: &Name, kind: NameKind) -> Asked {
        self.due.take();
        let asked = self.resolver.ask(now, name, kind);
        self.settle(now);
        asked
    }

    /// Whom the resolver asks beside those that DHCP and routers tell of is nobody; this says whom, until one of these does.
    pub fn set_servers(&mut self, servers: &[IpAddress]) {
        self.due.take();
        self.resolver.set_servers(servers.iter().copied());
    }

    /// There is a link again, perhaps to somewhere else: neighbours are looked for anew, and whoever gives addresses is asked.
    pub fn plugged_in(&mut self, now: Duration, id: InterfaceId) {
        self.due.take();
        self.neighbours.forget(id);
        if let Some(interface) = self.interfaces.get_mut(&id) {
            if let Some(client) = &mut interface.dhcp {
                client.restart(now);
            }
            if let Some(routers) = &mut interface.routers {
                routers.ask_again(now);
            }
        }
        self.poll(now);
    }

    /// When [`poll`](Self::poll) has something to do.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Duration> {
        if let Some(due) = self.due.get() {
            return due;
        }
        let of_interface = |interface: &Interface| {
            let dhcp = interface.dhcp.as_ref().map(dhcp::Client::next_deadline);
            let routers = interface.routers.as_ref().and_then(Routers::next_deadline);
            let servers = interface.servers_v6.iter().map(|(_, until)| *until).min();
            [dhcp, routers, servers].into_iter().flatten().min()
        };
        let parts = [
            self.neighbours.next_deadline(),
            self.detection.next_deadline(),
            self.reassembly.next_deadline(),
            self.resolver.next_deadline(),
        ];
        let interfaces = self.interfaces.values().filter_map(of_interface);
        let due = parts.into_iter().flatten().chain(interfaces).min();
        self.due.set(Some(due));
        due
    }

    /// Does what is due at `now`.
    pub fn poll(&mut self, now: Duration) {
        self.due.take();
        self.neighbours.poll(now);
        self.detection.poll(now);
        self.reassembly.poll(now);
        self.resolver.poll(now);
        for interface in self.interfaces.values_mut() {
            if let Some(client) = &mut interface.dhcp {
                client.poll(now);
            }
            if let Some(routers) = &mut interface.routers {
                routers.poll(now);
            }
        }
        self.expire_servers(now);
        self.settle(now);
    }

    /// Carries what the parts want to each other, until they want nothing more.
    fn settle(&mut self, now: Duration) {
        // Each turn is caused by an effect of the one before, and none causes itself: this is far more than the longest chain.
        for _ in 0..64 {
            let is_quiet = !self.settle_link(now) & !self.settle_addresses(now) & !self.settle_resolver(now);
            while let Some(freed) = self.reassembly.freed() {
                self.counters.count(freed.why);
                self.output.push_back(Output::Freed(freed));
            }
            if is_quiet {
                return;
            }
        }
    }

    fn settle_resolver(&mut self, now: Duration) -> bool {
        let mut did = false;
        while let Some(query) = self.resolver.transmit(now) {
            did = true;
            self.send_query(now, &query);
        }
        while let Some((id, answer)) = self.resolver.answer() {
            did = true;
            self.output.push_back(Output::Resolved(id, answer));
        }
        did
    }
}

/// Everybody on the link, without knowing which link.
const EVERYBODY: IpAddress = IpAddress::Ipv4(Ipv4Address::BROADCAST);
