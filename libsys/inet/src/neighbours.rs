//! Where the neighbours on a link are, and whether they are still there: RFC 4861's states, for IPv4 as well.
//!
//! Both protocols ask and answer the same questions; only the packets differ, which are made elsewhere. What can be provoked from outside is bounded: entries,
//! those among them of whom nothing is known, packets that wait for one of these, and requests by the second. Nobody is learnt of unasked, but for those who ask us.

mod entry;

use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use core::time::Duration;

use smoltcp::wire::{EthernetAddress, IpAddress};

use crate::{Change, Hop, InterfaceId, Known, Limit, Random};
use entry::{Entry, State};

/// Neighbours that are known or looked for.
pub const NEIGHBOURS: usize = 512;
/// Those among them that are looked for.
pub const SOUGHT: usize = 128;
/// Packets that wait for one of those. One more, and the oldest has to go.
pub const WAITING: usize = 4;

const ASK_EVERY: Duration = Duration::from_secs(1);
const ASK_TIMES: u8 = 3;
const REACHABLE: Duration = Duration::from_secs(30);
const DELAY: Duration = Duration::from_secs(5);
/// How long somebody is remembered whom nobody speaks to.
const FORGET: Duration = Duration::from_secs(1200);

/// A packet that waits, as the caller names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token(pub u64);

/// What the caller has to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Ask where the next hop is: everybody, or whoever is there to be asked whether it still is.
    Ask(Hop, Option<EthernetAddress>),
    /// A packet that waited can be sent there.
    Ready(Token, EthernetAddress),
    /// A packet that waited cannot be sent.
    Failed(Token, Hop),
    /// What the replicas have to know.
    Change(Change),
}

/// What is known of the next hop of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resolution {
    /// It is there.
    Known(EthernetAddress),
    /// The packet waits: an [`Effect::Ready`] or [`Effect::Failed`] tells of it.
    Waits,
}

/// In which way something was heard of a neighbour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// It asked us, or for routers, and said where it is.
    Asking,
    /// It said where it is, asked or not.
    Saying {
        /// Whether it says that it was asked by us.
        is_answer: bool,
        /// Whether that is to replace what was known.
        replaces: bool,
    },
}

/// The table; thread 0's.
#[derive(Debug)]
pub struct Neighbours {
    entries: BTreeMap<Hop, Entry>,
    deadlines: BTreeSet<(Duration, Hop)>,
    effects: VecDeque<Effect>,
    sought: usize,
    requests: Limit,
    random: Random,
}

impl Neighbours {
    /// An empty one.
    #[must_use]
    pub fn new(random: Random) -> Self {
        Self {
            entries: BTreeMap::new(),
            deadlines: BTreeSet::new(),
            effects: VecDeque::new(),
            sought: 0,
            requests: Limit::new(100, 50),
            random,
        }
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.entries.len()
    }

    /// What is to be done, the oldest first. To be asked until there is nothing.
    pub fn effect(&mut self) -> Option<Effect> {
        self.effects.pop_front()
    }

    /// When [`poll`](Self::poll) has something to do.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Duration> {
        self.deadlines.first().map(|(due, _)| *due)
    }

    /// Somebody has a packet for that hop.
    pub fn resolve(&mut self, now: Duration, hop: Hop, token: Token) -> Resolution {
        if !self.entries.contains_key(&hop) {
            self.make_room(hop, true);
            self.put(now, hop, Entry::sought(), ASK_EVERY);
            self.ask(now, hop, None);
        }
        self.used(now, hop);
        let Some(entry) = self.entries.get_mut(&hop) else { return Resolution::Waits };
        if let Some(link) = entry.link {
            return Resolution::Known(link);
        }
        if let Some(displaced) = entry.wait(token) {
            self.effects.push_back(Effect::Failed(displaced, hop));
        }
        Resolution::Waits
    }

    /// Something was sent to a neighbour that is perhaps not there any more: a replica's, which was told that it [is stale](Known::is_stale).
    pub fn used(&mut self, now: Duration, hop: Hop) {
        if self.entries.get(&hop).is_some_and(|entry| entry.state == State::Stale) {
            self.change(now, hop, State::Delay, DELAY);
        }
    }

    /// A transport has heard from it something new, so that it need not be asked.
    pub fn confirmed(&mut self, now: Duration, hop: Hop) {
        if self.entries.get(&hop).is_some_and(|entry| entry.link.is_some()) {
            let lasts = self.lasts();
            self.change(now, hop, State::Reachable, lasts);
        }
    }

    /// Something was heard of a neighbour.
    pub fn heard(&mut self, now: Duration, hop: Hop, link: EthernetAddress, how: Heard) {
        if !link.is_unicast() {
            return;
        }
        let Some(entry) = self.entries.get(&hop) else {
            if how == Heard::Asking || cfg!(bite = "inet-learns-unasked") {
                self.make_room(hop, false);
                self.put(now, hop, Entry { link: Some(link), ..Entry::sought() }, FORGET);
                self.change(now, hop, State::Stale, FORGET);
            }
            return;
        };
        let (differs, is_known) = (entry.link != Some(link), entry.link.is_some());
        // Only who was asked can answer, whatever it says.
        let was_asked = matches!(entry.state, State::Sought(_) | State::Probe(_));
        let (is_answer, replaces) = match how {
            Heard::Asking => (false, true),
            Heard::Saying { is_answer, replaces } => (is_answer && was_asked, replaces),
        };
        if is_known && differs && !replaces {
            if entry.state == State::Reachable {
                self.change(now, hop, State::Stale, FORGET);
            }
            return;
        }
        if let Some(entry) = self.entries.get_mut(&hop) {
            entry.link = Some(link);
        }
        if is_answer {
            let lasts = self.lasts();
            self.change(now, hop, State::Reachable, lasts);
        } else if differs {
            self.change(now, hop, State::Stale, FORGET);
        }
        self.release(now, hop, link);
    }

    /// An interface is gone: all who wait for its neighbours wait no more.
    pub fn forget(&mut self, interface: InterfaceId) {
        let gone: alloc::vec::Vec<Hop> =
            self.entries.keys().filter(|hop| hop.interface == interface).copied().collect();
        for hop in gone {
            self.remove(hop);
        }
    }

    /// Does what is due at `now`.
    pub fn poll(&mut self, now: Duration) {
        while let Some((_, hop)) = self.deadlines.first().copied().filter(|(due, _)| *due <= now) {
            let Some(entry) = self.entries.get(&hop) else {
                self.deadlines.pop_first();
                continue;
            };
            match entry.state {
                State::Reachable => self.change(now, hop, State::Stale, FORGET),
                State::Stale => self.remove(hop),
                State::Delay => {
                    let link = entry.link;
                    self.change(now, hop, State::Probe(1), ASK_EVERY);
                    self.ask(now, hop, link);
                }
                State::Sought(asked) | State::Probe(asked) if asked >= ASK_TIMES => self.remove(hop),
                State::Sought(asked) => {
                    self.change(now, hop, State::Sought(asked + 1), ASK_EVERY);
                    self.ask(now, hop, None);
                }
                State::Probe(asked) => {
                    let link = entry.link;
                    self.change(now, hop, State::Probe(asked + 1), ASK_EVERY);
                    self.ask(now, hop, link);
                }
            }
        }
    }

    /// What was to be asked too often is not asked: the next turn comes.
    fn ask(&mut self, now: Duration, hop: Hop, link: Option<EthernetAddress>) {
        if self.requests.take(now) || cfg!(bite = "inet-asks-without-limit") {
            self.effects.push_back(Effect::Ask(hop, link));
        }
    }

    fn lasts(&mut self) -> Duration {
        self.random.between(REACHABLE / 2, REACHABLE * 3 / 2)
    }

    fn put(&mut self, now: Duration, hop: Hop, mut entry: Entry, lasts: Duration) {
        entry.due = now + lasts;
        self.deadlines.insert((entry.due, hop));
        self.sought += usize::from(matches!(entry.state, State::Sought(_)));
        self.entries.insert(hop, entry);
    }

    /// Another state for so long; the replicas hear of what matters to them.
    fn change(&mut self, now: Duration, hop: Hop, state: State, lasts: Duration) {
        let Some(entry) = self.entries.get_mut(&hop) else { return };
        let was_sought = matches!(entry.state, State::Sought(_));
        self.deadlines.remove(&(entry.due, hop));
        (entry.state, entry.due) = (state, now + lasts);
        self.deadlines.insert((entry.due, hop));
        self.sought -= usize::from(was_sought);
        self.sought += usize::from(matches!(state, State::Sought(_)));
        let known = entry.link.map(|link| Known { link, is_stale: state == State::Stale });
        if known != entry.told {
            entry.told = known;
            let change = known.map(|known| Change::Neighbour(hop.interface, hop.next, known));
            self.effects.extend(change.map(Effect::Change));
        }
    }

    fn release(&mut self, now: Duration, hop: Hop, link: EthernetAddress) {
        let Some(entry) = self.entries.get_mut(&hop) else { return };
        if entry.waiting.is_empty() {
            return;
        }
        let ready = core::mem::take(&mut entry.waiting);
        self.effects.extend(ready.into_iter().map(|token| Effect::Ready(token, link)));
        self.used(now, hop);
    }

    fn remove(&mut self, hop: Hop) {
        let Some(entry) = self.entries.remove(&hop) else { return };
        self.deadlines.remove(&(entry.due, hop));
        self.sought -= usize::from(matches!(entry.state, State::Sought(_)));
        self.effects.extend(entry.waiting.into_iter().map(|token| Effect::Failed(token, hop)));
        if entry.told.is_some() {
            let change = Change::NeighbourGone(hop.interface, hop.next);
            self.effects.push_back(Effect::Change(change));
        }
    }

    /// Makes room for one more: whoever is perhaps not there goes first, then whoever is looked for, then the one whose time is up next.
    fn make_room(&mut self, hop: Hop, is_sought: bool) {
        let is_of = |state: fn(State) -> bool| {
            move |(_, hop): &&(Duration, Hop), entries: &BTreeMap<Hop, Entry>| {
                entries.get(hop).is_some_and(|entry| state(entry.state))
            }
        };
        let first = |wanted: fn(State) -> bool| {
            let wanted = is_of(wanted);
            self.deadlines.iter().find(|place| wanted(place, &self.entries)).map(|(_, hop)| *hop)
        };
        let seeks = |state| matches!(state, State::Sought(_));
        let victim = if is_sought && self.sought >= SOUGHT {
            first(seeks)
        } else if self.entries.len() >= NEIGHBOURS {
            first(|state| state == State::Stale).or_else(|| first(seeks)).or_else(|| first(|_| true))
        } else {
            None
        };
        debug_assert!(victim != Some(hop), "it is not there yet");
        if let Some(victim) = victim {
            self.remove(victim);
        }
    }
}

impl Hop {
    /// The next hop of that address on that interface.
    #[must_use]
    pub const fn new(interface: InterfaceId, next: IpAddress) -> Self {
        Self { interface, next }
    }
}
