//! Why a successor does not take over.

use anax_ring::AdoptError;

/// Why a record is not gone on with. In all cases but [`Self::Binding`] neither device nor channel was touched, and the predecessor can go
/// on as if nothing had happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The supervisor gave no memory for the record, or too little.
    State = 1,
    /// There is none.
    NoRecord,
    /// One of a version that this program doesn't know.
    Version,
    /// Of a driver that serves something else.
    Kind,
    /// Of another kind of card.
    Card,
    /// Of another epoch: what was in flight is lost.
    Stale,
    /// Positions that the channel does not confirm.
    Channel,
    /// Not one ticket for each request that is not answered.
    Tickets,
    /// Something in flight that can't be: outside of the pool, twice, or too much.
    InFlight,
    /// What the device says does not fit to the record.
    Device,
    /// Interrupts or doorbell could not be bound, when the device had been touched: it has to be fenced.
    Binding,
}

impl Refusal {
    const ALL: [Self; 11] = [
        Self::State,
        Self::NoRecord,
        Self::Version,
        Self::Kind,
        Self::Card,
        Self::Stale,
        Self::Channel,
        Self::Tickets,
        Self::InFlight,
        Self::Device,
        Self::Binding,
    ];

    /// Whether the predecessor can go on.
    #[must_use]
    pub const fn is_untouched(self) -> bool {
        !matches!(self, Self::Binding)
    }

    /// From its number; nothing if it means none.
    #[must_use]
    pub fn from_number(number: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|refusal| *refusal as i64 == number)
    }
}

impl From<AdoptError> for Refusal {
    fn from(error: AdoptError) -> Self {
        match error {
            AdoptError::Stale => Self::Stale,
            AdoptError::Positions => Self::Channel,
            AdoptError::Tickets => Self::Tickets,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_back() {
        for refusal in Refusal::ALL {
            assert_eq!(Refusal::from_number(refusal as i64), Some(refusal));
        }
        assert_eq!(Refusal::from_number(0), None);
        assert_eq!(Refusal::from_number(12), None);
    }
}
