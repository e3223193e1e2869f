//! Whether somebody else has an address that is to be ours (RFC 4862 5.4, RFC 5227), and what to do if somebody uses it later.
//!
//! RFC 5227 waits for five to seven seconds before an address may be used; nobody's boot does. Here IPv4 asks three times, 100 ms apart.

use alloc::collections::{BTreeMap, VecDeque};
use core::time::Duration;

use smoltcp::wire::IpAddress;

use crate::{InterfaceId, Random};

/// Addresses that are looked after at once.
pub const TENTATIVE: usize = 32;

const V4: (u8, Duration) = (3, Duration::from_millis(100));
const V6: (u8, Duration) = (1, Duration::from_secs(1));
/// DEFEND_INTERVAL.
const DEFEND: Duration = Duration::from_secs(10);

/// What the caller has to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Ask, from no address, whether anybody has it.
    Ask(InterfaceId, IpAddress),
    /// Nobody has: it can be used, and everybody may hear of it.
    Free(InterfaceId, IpAddress),
    /// Somebody has: it must not be used.
    Taken(InterfaceId, IpAddress),
    /// Somebody uses it although it is ours: say so, once.
    Defend(InterfaceId, IpAddress),
    /// Again within ten seconds: give it up.
    GiveUp(InterfaceId, IpAddress),
}

#[derive(Debug)]
struct Tentative {
    left: u8,
    due: Duration,
}

/// Addresses that are looked after; thread 0's.
#[derive(Debug)]
pub struct Detection {
    tentative: BTreeMap<(InterfaceId, IpAddress), Tentative>,
    defended: BTreeMap<(InterfaceId, IpAddress), Duration>,
    effects: VecDeque<Effect>,
    random: Random,
}

impl Detection {
    /// None yet.
    #[must_use]
    pub const fn new(random: Random) -> Self {
        let effects = VecDeque::new();
        Self { tentative: BTreeMap::new(), defended: BTreeMap::new(), effects, random }
    }

    /// What is to be done, the oldest first.
    pub fn effect(&mut self) -> Option<Effect> {
        self.effects.pop_front()
    }

    /// When [`poll`](Self::poll) has something to do.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Duration> {
        self.tentative.values().map(|tentative| tentative.due).min()
    }

    /// Begins with an address. The first question comes a little later, since all machines of a house may have been switched on together. With too many addresses
    /// under way this one counts as taken.
    pub fn begin(&mut self, now: Duration, interface: InterfaceId, address: IpAddress) {
        if self.tentative.len() >= TENTATIVE {
            self.effects.push_back(Effect::Taken(interface, address));
            return;
        }
        let (left, every) = timing(address);
        let due = now + self.random.between(Duration::ZERO, every / 4);
        self.tentative.insert((interface, address), Tentative { left, due });
    }

    /// The address is not wanted any more.
    pub fn forget(&mut self, interface: InterfaceId, address: IpAddress) {
        self.tentative.remove(&(interface, address));
        self.defended.remove(&(interface, address));
    }

    /// Whether it is being asked for.
    #[must_use]
    pub fn is_tentative(&self, interface: InterfaceId, address: IpAddress) -> bool {
        self.tentative.contains_key(&(interface, address))
    }

    /// Somebody else says that it has the address, or asks for it from none as we do.
    pub fn conflict(&mut self, now: Duration, interface: InterfaceId, address: IpAddress) {
        let key = (interface, address);
        if self.tentative.remove(&key).is_some() {
            self.effects.push_back(Effect::Taken(interface, address));
            return;
        }
        self.defended.retain(|_, when| now < *when + DEFEND);
        if self.defended.remove(&key).is_some() {
            self.effects.push_back(Effect::GiveUp(interface, address));
        } else if self.defended.len() < TENTATIVE {
            self.defended.insert(key, now);
            self.effects.push_back(Effect::Defend(interface, address));
        }
    }

    /// Does what is due at `now`.
    pub fn poll(&mut self, now: Duration) {
        let due = |tentative: &Tentative| tentative.due <= now;
        while let Some((key, tentative)) = self.tentative.iter_mut().find(|(_, one)| due(one)) {
            let key = *key;
            if tentative.left > 0 {
                tentative.left -= 1;
                tentative.due = now + timing(key.1).1;
                self.effects.push_back(Effect::Ask(key.0, key.1));
            } else {
                self.tentative.remove(&key);
                self.effects.push_back(Effect::Free(key.0, key.1));
            }
        }
    }
}

const fn timing(address: IpAddress) -> (u8, Duration) {
    match address {
        IpAddress::Ipv4(_) => V4,
        IpAddress::Ipv6(_) => V6,
    }
}
