//! The private table of requests in flight: the only authority on what completes, how often, and under which name.
//!
//! A token on the wire is a place in the table and the low half of the request's sequence number. What comes back is a hint:
//! it counts if the place is in use, for that very request, in this epoch. Sequence numbers never repeat and give the order of
//! submission, so an epoch change needs no work for each request when it happens: all those below a mark are lost.

use anax_abi::{Error, Message};

/// Requests in flight, at most `N`.
#[derive(Debug)]
pub(super) struct Table<const N: usize> {
    uses: [Use; N],
    /// As submitted, with the caller's own tokens.
    requests: [Message; N],
    /// The first free place, if any: the others hang on it.
    free: Option<u32>,
    in_flight: u32,
    /// The next request's sequence number.
    sequence: u64,
    /// Requests with smaller numbers get no reply any more.
    lost_before: u64,
    lost: u32,
    /// Why they are lost.
    reason: Error,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Use {
    Free { next: Option<u32> },
    InFlight { sequence: u64 },
}

impl<const N: usize> Table<N> {
    pub(super) fn new() -> Self {
        const { assert!(N > 0 && N <= 1 << 16, "a table has 1 to 65,536 places") };
        let chain = |place: usize| Use::Free { next: (place + 1 < N).then_some(place as u32 + 1) };
        Self {
            uses: core::array::from_fn(chain),
            requests: [Message::default(); N],
            free: Some(0),
            in_flight: 0,
            sequence: 0,
            lost_before: 0,
            lost: 0,
            reason: Error::PeerDied,
        }
    }

    /// Places in use, lost ones too.
    pub(super) const fn in_flight(&self) -> u32 {
        self.in_flight
    }

    /// How many wait to be completed as lost.
    pub(super) const fn lost(&self) -> u32 {
        self.lost
    }

    /// Takes a place for a request and returns its token for the wire; nothing if the table is full.
    #[inline]
    pub(super) fn claim(&mut self, request: &Message) -> Option<u64> {
        let place = self.free?;
        let (used, kept) = self.place_mut(place)?;
        let Use::Free { next } = *used else { return None };
        *kept = *request;
        let sequence = self.sequence;
        if let Some((used, _)) = self.place_mut(place) {
            *used = Use::InFlight { sequence };
        }
        self.free = next;
        self.sequence += 1;
        self.in_flight += 1;
        Some(sequence << 32 | u64::from(place))
    }

    /// Ends the request that the peer names; nothing if it names none that waits for a reply.
    #[inline]
    pub(super) fn finish(&mut self, token: u64) -> Option<&Message> {
        let place = token as u32;
        let Use::InFlight { sequence } = *self.uses.get(place as usize)? else { return None };
        let meant = sequence as u32 == (token >> 32) as u32 && sequence >= self.lost_before;
        if !meant && cfg!(not(bite = "ring-token-unchecked")) {
            return None;
        }
        self.give_back(place);
        self.requests.get(place as usize)
    }

    /// Gives up on all requests in flight, for this reason.
    #[cold]
    pub(super) fn lose_all(&mut self, reason: Error) {
        if self.lost < self.in_flight {
            self.reason = reason;
        }
        self.lost_before = self.sequence;
        self.lost = self.in_flight;
    }

    /// Ends the lost request that was submitted first, and says why it is lost.
    #[cold]
    pub(super) fn take_lost(&mut self) -> Option<(Message, Error)> {
        let in_flight = self.uses.iter().enumerate().filter_map(|(place, used)| match *used {
            Use::InFlight { sequence } if sequence < self.lost_before => Some((sequence, place)),
            _ => None,
        });
        let (_, place) = in_flight.min()?;
        let request = *self.requests.get(place)?;
        self.lost -= 1;
        if cfg!(not(bite = "ring-epoch-completes-twice")) {
            self.give_back(place as u32);
        }
        Some((request, self.reason))
    }

    fn give_back(&mut self, place: u32) {
        if let Some(used) = self.uses.get_mut(place as usize) {
            *used = Use::Free { next: self.free };
            self.free = Some(place);
            self.in_flight -= 1;
        }
    }

    fn place_mut(&mut self, place: u32) -> Option<(&mut Use, &mut Message)> {
        let place = place as usize;
        Some((self.uses.get_mut(place)?, self.requests.get_mut(place)?))
    }
}
