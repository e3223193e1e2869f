//! A connection as words: what somebody else has to know of it to go on with it.
//!
//! Whoever runs an engine keeps the records of what has [changed](crate::Engine::changed) where they outlive it, before anything that says so is sent. An engine
//! that [takes them over](crate::Engine::restore) then knows of each byte that the other end was promised. What is left out costs time and no
//! byte: round trips are measured, congestion is found out about, and what had come behind a gap is sent, again (RFC 2018, section 8, allows that).

use core::time::Duration;

use smoltcp::wire::{IpAddress, Ipv4Address, Ipv6Address};

use crate::connection::{Connection, State};
use crate::tuple::{Endpoint, Tuple};

/// Words of a record.
pub const RECORD_WORDS: usize = 20;

/// A connection as words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record(pub [u64; RECORD_WORDS]);

/// What is on or off, from bit 0 on of a byte of the record's fifth word.
pub(crate) const FIN: u8 = 1;
pub(crate) const SACK: u8 = 2;
pub(crate) const OFFERS_SCALE: u8 = 4;
pub(crate) const STAMPS: u8 = 8;
pub(crate) const NO_DELAY: u8 = 16;
pub(crate) const ORPHAN: u8 = 32;
/// The addresses are IPv6's.
const V6: u8 = 64;

const STATES: [State; 8] = [
    State::SynSent,
    State::SynReceived,
    State::Established,
    State::CloseWait,
    State::FinWait1,
    State::FinWait2,
    State::Closing,
    State::LastAck,
];

/// Two halves of a word, the upper one first.
pub(crate) const fn halves(word: u64) -> (u32, u32) {
    ((word >> 32) as u32, word as u32)
}

/// A word of two halves.
pub(crate) const fn word((high, low): (u32, u32)) -> u64 {
    (high as u64) << 32 | low as u64
}

/// Milliseconds that fit; 0 is none.
pub(crate) fn milliseconds(time: Option<Duration>) -> u32 {
    time.map_or(0, |time| u32::try_from(time.as_millis()).unwrap_or(u32::MAX).max(1))
}

/// The same back.
pub(crate) fn time(milliseconds: u32) -> Option<Duration> {
    (milliseconds != 0).then(|| Duration::from_millis(milliseconds.into()))
}

/// What is not counted: who, in which state, and what is on.
pub(crate) struct Head {
    pub(crate) tuple: Tuple,
    pub(crate) state: State,
    pub(crate) flags: u8,
    /// By how much the other end's windows and this one's are shifted.
    pub(crate) scales: (u8, u8),
}

impl Head {
    pub(crate) fn words(&self) -> [u64; 5] {
        let of = |address| match address {
            IpAddress::Ipv4(address) => (0, u64::from(address.to_bits())),
            IpAddress::Ipv6(address) => ((address.to_bits() >> 64) as u64, address.to_bits() as u64),
        };
        let (local, remote) = (of(self.tuple.local.address), of(self.tuple.remote.address));
        let v6 = if matches!(self.tuple.local.address, IpAddress::Ipv6(_)) { V6 } else { 0 };
        let state = STATES.iter().position(|state| *state == self.state).map_or(u8::MAX, |at| at as u8);
        let [a, b] = self.tuple.local.port.to_le_bytes();
        let [c, d] = self.tuple.remote.port.to_le_bytes();
        let last = [a, b, c, d, state, self.flags | v6, self.scales.0, self.scales.1];
        [local.0, local.1, remote.0, remote.1, u64::from_le_bytes(last)]
    }

    /// None, if that is no connection's.
    fn from_words(words: &[u64]) -> Option<Self> {
        let [local_high, local_low, remote_high, remote_low, last] = *words.first_chunk()?;
        let [a, b, c, d, state, flags, send, receive] = u64::to_le_bytes(last);
        let address = |high: u64, low: u64| {
            if flags & V6 == 0 {
                IpAddress::Ipv4(Ipv4Address::from_bits(low as u32))
            } else {
                IpAddress::Ipv6(Ipv6Address::from_bits(u128::from(high) << 64 | u128::from(low)))
            }
        };
        let local = Endpoint::new(address(local_high, local_low), u16::from_le_bytes([a, b]));
        let remote = Endpoint::new(address(remote_high, remote_low), u16::from_le_bytes([c, d]));
        let state = *STATES.get(usize::from(state))?;
        let tuple = Tuple { local, remote };
        (tuple.is_sound() && send <= 14 && receive <= 14).then_some(Self {
            tuple,
            state,
            flags,
            scales: (send, receive),
        })
    }
}

impl Record {
    /// Whose it is; none, if it is no connection's.
    #[must_use]
    pub fn tuple(&self) -> Option<Tuple> {
        self.head().map(|head| head.tuple)
    }

    pub(crate) fn head(&self) -> Option<Head> {
        Head::from_words(&self.0)
    }

    /// The positions to which its streams have got: all before the first has come and was placed, all before the second is the other end's.
    #[must_use]
    pub fn positions(&self) -> (u64, u64) {
        (Connection::position(self.0[RCV]), Connection::position(self.0[UNA]))
    }
}

/// Where what is, behind the head.
pub(crate) const ORIGINS: usize = 5;
pub(crate) const UNA: usize = 6;
pub(crate) const MAX: usize = 7;
pub(crate) const WRITTEN: usize = 8;
pub(crate) const RCV: usize = 9;
pub(crate) const ADVERTISED: usize = 10;
pub(crate) const ROOM: usize = 11;
pub(crate) const WINDOWS: usize = 12;
pub(crate) const WINDOW_SEQ: usize = 13;
pub(crate) const WINDOW_ACK: usize = 14;
pub(crate) const SIZES: usize = 15;
pub(crate) const STAMP: usize = 16;
pub(crate) const ROUND_TRIP: usize = 17;
pub(crate) const KEEP_ALIVE: usize = 18;
pub(crate) const PATIENCE: usize = 19;
