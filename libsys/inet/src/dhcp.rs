//! The DHCP client (RFC 2131, 2132): who gives us an address, and for how long.
//!
//! A machine that says what is to be sent and what was granted: UDP and addresses are somebody else's. An address that was granted is used only when nobody else
//! has it: the caller finds that out and says so.

mod kept;
mod message;

use core::time::Duration;

use alloc::vec::Vec;

use arrayvec::ArrayVec;
use smoltcp::wire::{EthernetAddress, Ipv4Address, Ipv4Cidr};

use crate::Random;
pub use kept::{KEPT_WORDS, Kept};
use message::{Kind, Offer};

/// Name servers, and routers, of a lease.
pub const SERVERS: usize = 3;
/// The port servers have.
pub const SERVER_PORT: u16 = 67;
/// Ours.
pub const CLIENT_PORT: u16 = 68;

const FIRST_RETRY: Duration = Duration::from_secs(1);
const LAST_RETRY: Duration = Duration::from_secs(64);
/// After a refusal or a conflict (RFC 2131, 3.1, 5).
const COOL: Duration = Duration::from_secs(10);
/// REQUESTs for an offer before another one is looked for.
const REQUESTS: u8 = 4;
/// Between two REQUESTs of a lease that is to be renewed at least that much passes (RFC 2131, 4.4.5).
const RENEW_LEAST: Duration = Duration::from_secs(60);
/// A lease is taken to be at least so long, else it would be nothing but asking.
const LEASE_LEAST: Duration = Duration::from_secs(60);

/// What was granted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The address and its net.
    pub address: Ipv4Cidr,
    /// Routers, the best first.
    pub routers: ArrayVec<Ipv4Address, SERVERS>,
    /// Name servers, the best first.
    pub servers: ArrayVec<Ipv4Address, SERVERS>,
    /// Who granted it.
    pub by: Ipv4Address,
    /// Until when.
    pub until: Duration,
}

/// What the caller has to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Send this from port 68 to port 67, without an address of ours if `from` is none.
    Send {
        /// From which address.
        from: Option<Ipv4Address>,
        /// To whom; nobody in particular if it is none: to all on the link.
        to: Option<Ipv4Address>,
        /// The message.
        message: Vec<u8>,
    },
    /// Find out whether anybody has this address, and say [`free`](Client::free) or [`taken`](Client::taken).
    Check(Ipv4Address),
    /// Use it from now on, and until it is over.
    Bound(Lease),
    /// Do not use it any more.
    Over(Ipv4Cidr),
}

/// RFC 2131, figure 5. REBOOTING is missing: nothing is remembered of an earlier boot, and what the same boot has [kept](Kept) was in use all the time.
#[derive(Clone, Debug, PartialEq, Eq)]
enum State {
    /// INIT.
    Init,
    /// SELECTING.
    Selecting,
    /// REQUESTING what was offered; so many times.
    Requesting(Offer, u8),
    /// Granted, but perhaps somebody has it.
    Checking(Granted),
    /// BOUND, RENEWING and REBINDING are one but for the time.
    Bound(Granted),
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Granted {
    lease: Lease,
    renew: Duration,
    rebind: Duration,
}

/// A client, of one interface; thread 0's.
#[derive(Debug)]
pub struct Client {
    link: EthernetAddress,
    random: Random,
    state: State,
    /// When there is something to do.
    due: Duration,
    /// Until the next retry.
    retry: Duration,
    transaction: u32,
    began: Duration,
    effects: Vec<Effect>,
}

impl Client {
    /// A client that begins at `now`.
    #[must_use]
    pub fn new(now: Duration, link: EthernetAddress, random: Random) -> Self {
        let (state, effects) = (State::Init, Vec::new());
        Self { link, random, state, due: now, retry: FIRST_RETRY, transaction: 0, began: now, effects }
    }

    /// When [`poll`](Self::poll) has something to do.
    #[must_use]
    pub const fn next_deadline(&self) -> Duration {
        self.due
    }

    /// The lease in use.
    #[must_use]
    pub const fn lease(&self) -> Option<&Lease> {
        match &self.state {
            State::Bound(granted) => Some(&granted.lease),
            _ => None,
        }
    }

    /// What is to be done, in this order.
    pub fn effects(&mut self) -> impl Iterator<Item = Effect> + '_ {
        self.effects.drain(..)
    }

    /// The cable was plugged in again, perhaps elsewhere: begins anew.
    pub fn restart(&mut self, now: Duration) {
        self.lose();
        (self.state, self.due, self.retry) = (State::Init, now, FIRST_RETRY);
    }

    /// Does what is due at `now`.
    pub fn poll(&mut self, now: Duration) {
        if now < self.due {
            return;
        }
        match self.state.clone() {
            State::Init => {
                self.transaction = self.random.draw() as u32;
                (self.began, self.retry) = (now, FIRST_RETRY);
                self.state = State::Selecting;
                self.discover(now);
            }
            State::Selecting => self.discover(now),
            State::Requesting(offer, times) if times < REQUESTS => self.request(now, offer, times + 1),
            State::Requesting(..) => {
                self.state = State::Init;
                self.poll(now);
            }
            // Nobody says whether it is free: then it is not used.
            State::Checking(_) => {
                self.restart(now);
                self.poll(now);
            }
            State::Bound(granted) if now >= granted.lease.until => {
                self.restart(now);
                self.poll(now);
            }
            State::Bound(granted) => self.renew(now, &granted),
        }
    }

    /// A datagram for port 68. What is no answer to what was asked last is dropped in silence.
    pub fn input(&mut self, now: Duration, payload: &[u8]) {
        let Some((kind, offer)) = message::parse(payload, self.link, self.transaction) else { return };
        match (self.state.clone(), kind) {
            (State::Selecting, Kind::Offer) => {
                self.retry = FIRST_RETRY;
                self.request(now, offer, 1);
            }
            (State::Requesting(asked, _), Kind::Ack)
                if offer.address == asked.address && offer.by == asked.by =>
            {
                let granted = granted(now, &offer);
                self.effects.push(Effect::Check(offer.address));
                self.state = State::Checking(granted);
                self.due = now + COOL;
            }
            (State::Requesting(asked, _), Kind::Nak) if offer.by == asked.by => self.cool(now),
            (State::Bound(old), Kind::Ack)
                if now >= old.renew && offer.address == old.lease.address.address() =>
            {
                let granted = granted(now, &offer);
                if old.lease.address != granted.lease.address {
                    self.effects.push(Effect::Over(old.lease.address));
                }
                self.bind(granted);
            }
            (State::Bound(old), Kind::Nak)
                if now >= old.renew && (now >= old.rebind || offer.by == old.lease.by) =>
            {
                self.lose();
                self.cool(now);
            }
            _ => {}
        }
    }

    /// Nobody has the address that was to be checked.
    pub fn free(&mut self, address: Ipv4Address) {
        if let State::Checking(granted) = &self.state
            && granted.lease.address.address() == address
        {
            self.bind(granted.clone());
        }
    }

    /// Somebody has the address that was to be checked, or that is in use: it is declined, and another one looked for a little later.
    pub fn taken(&mut self, now: Duration, address: Ipv4Address) {
        let (State::Checking(granted) | State::Bound(granted)) = &self.state else { return };
        if granted.lease.address.address() != address {
            return;
        }
        let message = message::decline(self.link, self.random.draw() as u32, address, granted.lease.by);
        self.lose();
        self.effects.push(Effect::Send { from: None, to: None, message });
        self.cool(now);
    }

    /// The address is not wanted any more.
    pub fn release(&mut self, now: Duration) {
        if let State::Bound(granted) = &self.state {
            let (address, by) = (granted.lease.address.address(), granted.lease.by);
            let message = message::release(self.link, self.random.draw() as u32, address, by);
            self.effects.push(Effect::Send { from: Some(address), to: Some(by), message });
        }
        self.restart(now);
        self.due = Duration::MAX;
    }

    fn discover(&mut self, now: Duration) {
        let message = message::discover(self.link, self.transaction, now - self.began);
        self.broadcast(message);
        self.back_off(now);
    }

    fn request(&mut self, now: Duration, offer: Offer, times: u8) {
        let message = message::request(self.link, self.transaction, now - self.began, &offer);
        self.broadcast(message);
        self.state = State::Requesting(offer, times);
        self.back_off(now);
    }

    /// Asks who granted the lease for more of it, later everybody.
    fn renew(&mut self, now: Duration, granted: &Granted) {
        let own = granted.lease.address.address();
        self.transaction = self.random.draw() as u32;
        let message = message::renew(self.link, self.transaction, own);
        let is_rebinding = now >= granted.rebind;
        let to = (!is_rebinding).then_some(granted.lease.by);
        self.effects.push(Effect::Send { from: Some(own), to, message });
        let next = if is_rebinding { granted.lease.until } else { granted.rebind };
        let wait = ((next - now) / 2).max(RENEW_LEAST);
        self.due = (now + wait).min(next);
    }

    fn broadcast(&mut self, message: Vec<u8>) {
        self.effects.push(Effect::Send { from: None, to: None, message });
    }

    /// The next try is twice as far away, more or less (RFC 2131, 4.1).
    fn back_off(&mut self, now: Duration) {
        let jitter = self.retry / 4;
        self.due = now + self.random.between(self.retry - jitter, self.retry + jitter);
        self.retry = (self.retry * 2).min(LAST_RETRY);
    }

    fn cool(&mut self, now: Duration) {
        (self.state, self.due) = (State::Init, now + COOL);
    }

    fn bind(&mut self, granted: Granted) {
        self.effects.push(Effect::Bound(granted.lease.clone()));
        self.due = granted.renew;
        self.state = State::Bound(granted);
    }

    fn lose(&mut self) {
        if let State::Bound(granted) = &self.state {
            self.effects.push(Effect::Over(granted.lease.address));
        }
        self.state = State::Init;
    }
}

/// The times of a grant: 1/2 and 7/8 of it unless the server says others that make sense (RFC 2131, 4.4.5).
fn granted(now: Duration, offer: &Offer) -> Granted {
    let lasts = offer.lasts.max(LEASE_LEAST);
    let rebind = offer.rebind.filter(|rebind| *rebind < lasts).unwrap_or(lasts * 7 / 8);
    let renew = offer.renew.filter(|renew| *renew < rebind).unwrap_or(lasts / 2);
    let lease = Lease {
        address: Ipv4Cidr::new(offer.address, offer.prefix),
        routers: offer.routers.clone(),
        servers: offer.servers.clone(),
        by: offer.by,
        until: now + lasts,
    };
    // A server's renewal time may be none at all: not before a minute has passed or half of what is left.
    let renew = now + renew.max(RENEW_LEAST.min(rebind / 2));
    Granted { lease, renew, rebind: now + rebind }
}
