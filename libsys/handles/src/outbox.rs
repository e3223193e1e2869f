//! What a thread's next message is to take along.
//!
//! Offers are noted one at a time and taken all at once when the message is made. The parcel holds copies whatever was asked
//! for, so that a message that cannot be sent has taken nothing away; the handles that were given away leave once it is under way.

use anax_abi::{Error, Handle, MAX_HANDLES};
use arrayvec::ArrayVec;

use crate::{Offer, Transfer};

/// Handles that one thread's next message takes along.
#[derive(Debug, Default)]
pub struct Outbox {
    offers: ArrayVec<Offer, MAX_HANDLES>,
    leaving: ArrayVec<Handle, MAX_HANDLES>,
}

impl Outbox {
    /// Nothing offered.
    #[must_use]
    pub const fn new() -> Self {
        Self { offers: ArrayVec::new_const(), leaving: ArrayVec::new_const() }
    }

    /// Notes one more; how many these are.
    ///
    /// # Errors
    /// `Full`; `BadHandle` if it is offered already and can't be given away twice.
    pub fn offer(&mut self, offer: Offer) -> Result<u64, Error> {
        let moves = offer.transfer == Transfer::Move;
        if moves && self.offers.iter().any(|other| other.handle == offer.handle) {
            return Err(Error::BadHandle);
        }
        self.offers.try_push(offer).map_err(|_| Error::Full)?;
        Ok(self.offers.len() as u64)
    }

    /// Nothing is offered any more.
    pub fn clear(&mut self) {
        self.offers.clear();
    }

    /// The offers, as copies all of them, for a message that is about to be sent; they are forgotten here, but for what
    /// [`Outbox::leaving`] takes away once it is.
    #[must_use]
    pub fn take(&mut self) -> ArrayVec<Offer, MAX_HANDLES> {
        let mut offers = core::mem::take(&mut self.offers);
        self.leaving = offers
            .iter()
            .filter(|offer| offer.transfer == Transfer::Move)
            .map(|offer| offer.handle)
            .collect();
        offers.iter_mut().for_each(|offer| offer.transfer = Transfer::Copy);
        offers
    }

    /// The handles that have been given away with the message that was made last, each once.
    #[must_use]
    pub fn leaving(&mut self) -> ArrayVec<Handle, MAX_HANDLES> {
        core::mem::take(&mut self.leaving)
    }
}

#[cfg(test)]
mod tests {
    use anax_abi::Rights;

    use super::*;

    fn offer(word: u64, transfer: Transfer) -> Offer {
        Offer { handle: Handle::from_word(word), rights: Rights::ALL, transfer }
    }

    #[test]
    fn what_is_given_away_leaves_once_and_after_the_message() {
        let mut outbox = Outbox::new();
        assert_eq!(outbox.offer(offer(1, Transfer::Move)), Ok(1));
        assert_eq!(outbox.offer(offer(2, Transfer::Copy)), Ok(2));
        let taken = outbox.take();
        assert!(taken.iter().all(|offer| offer.transfer == Transfer::Copy));
        assert_eq!(taken.len(), 2);
        assert_eq!(outbox.leaving().as_slice(), [Handle::from_word(1)]);
        assert!(outbox.leaving().is_empty());
        assert!(outbox.take().is_empty());
    }

    #[test]
    fn a_message_that_is_not_sent_takes_nothing_away() {
        let mut outbox = Outbox::new();
        assert_eq!(outbox.offer(offer(1, Transfer::Move)), Ok(1));
        assert_eq!(outbox.take().len(), 1);
        assert_eq!(outbox.take().len(), 0);
        assert!(outbox.leaving().is_empty());
    }

    #[test]
    fn nothing_is_given_away_twice_and_not_more_than_fits() {
        let mut outbox = Outbox::new();
        assert_eq!(outbox.offer(offer(1, Transfer::Copy)), Ok(1));
        assert_eq!(outbox.offer(offer(1, Transfer::Move)), Err(Error::BadHandle));
        for word in 2..=MAX_HANDLES as u64 {
            assert_eq!(outbox.offer(offer(word, Transfer::Move)), Ok(word));
        }
        assert_eq!(outbox.offer(offer(9, Transfer::Copy)), Err(Error::Full));
        outbox.clear();
        assert!(outbox.take().is_empty());
    }
}
