//! What the answering side's successor has to know of it, as plain numbers: how far it was, and whom it owed an answer.
//!
//! Both travel through memory that others write, so they are worth nothing by themselves: only
//! [`Responder::adopt`](crate::Responder::adopt), which checks them against the channel, makes a responder and tickets of them.

use crate::Epoch;

/// Where a responder stood when it was suspended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Suspended {
    pub(crate) epoch: Epoch,
    /// Requests that were taken in this epoch, and replies that were published; both run freely.
    pub(crate) taken: u32,
    pub(crate) replied: u32,
}

impl Suspended {
    /// From a record; nothing if there is no such epoch. Foreign until it was adopted.
    #[must_use]
    pub const fn from_words(words: [u64; 2]) -> Option<Self> {
        let [epoch, positions] = words;
        if epoch >> 32 != 0 {
            return None;
        }
        let (taken, replied) = ((positions >> 32) as u32, positions as u32);
        match Epoch::from_number(epoch as u32) {
            Some(epoch) => Some(Self { epoch, taken, replied }),
            None => None,
        }
    }

    /// For a record.
    #[must_use]
    pub const fn to_words(self) -> [u64; 2] {
        [self.epoch.number() as u64, (self.taken as u64) << 32 | self.replied as u64]
    }

    /// The epoch that it was in.
    #[must_use]
    pub const fn epoch(self) -> Epoch {
        self.epoch
    }

    /// Requests that were taken and not replied to: each has one reply.
    #[must_use]
    pub const fn outstanding(self) -> u32 {
        self.taken.wrapping_sub(self.replied)
    }
}

/// A [`Ticket`](crate::Ticket) as plain numbers, which give no right.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TicketWords {
    pub(crate) token: u64,
    pub(crate) epoch: u32,
}

impl TicketWords {
    /// From a record: the token, and the epoch's number. Foreign until it was adopted.
    #[must_use]
    pub const fn new(token: u64, epoch: u32) -> Self {
        Self { token, epoch }
    }

    /// What the client knows the request by.
    #[must_use]
    pub const fn token(self) -> u64 {
        self.token
    }

    /// The number of the epoch in which it was taken.
    #[must_use]
    pub const fn epoch(self) -> u32 {
        self.epoch
    }

    /// Whether no two are for the same request. Takes the square of their number, which is that of what a device holds.
    pub(crate) fn are_distinct(all: impl Iterator<Item = Self> + Clone) -> bool {
        let twice = |(place, ticket): (usize, Self)| all.clone().take(place).any(|other| other == ticket);
        cfg!(bite = "ring-ticket-restored-twice") || !all.clone().enumerate().any(twice)
    }
}
