//! Handles that travel beside a message: offered before it is sent, collected after it was received.

use anax_abi::{Error, Handle, MAX_HANDLES, Rights};

use crate::target::outcome;
use crate::trap;

/// What becomes of the sender's own handle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offer {
    /// The sender keeps it.
    Copy = 0,
    /// It is gone once the message is accepted.
    GiveAway = 1,
}

/// Puts `handle` on the list of those that this thread's next message or reply takes along, with at most `rights`.
///
/// # Errors
/// `BadHandle`; `NoRights` without the right to grant; `Full` if there are [`MAX_HANDLES`] already.
pub fn offer(handle: Handle, rights: Rights, offer: Offer) -> Result<(), Error> {
    outcome(trap::offer(handle.to_word(), rights.0.into(), offer as u64))
}

/// Empties that list.
///
/// # Errors
/// None that a caller could do anything about.
pub fn withdraw_offers() -> Result<(), Error> {
    outcome(trap::offer(0, 0, 0))
}

/// The handles that came with the message or reply that this thread received last; to be asked before the next one.
///
/// # Errors
/// `BadHandle` and the like only if the kernel has none to give.
pub fn collect() -> Result<[Option<Handle>; MAX_HANDLES], Error> {
    let (result, words) = trap::collect();
    outcome(result)?;
    Ok(core::array::from_fn(|index| (words[index] != 0).then(|| Handle::from_word(words[index]))))
}

#[cfg(test)]
mod tests {
    use anax_abi::{Envelope, Operation};

    use super::*;
    use crate::trap::{Incoming, fake};

    #[test]
    fn offered_and_collected() {
        let handle = Handle::new(4, 2);
        let back = Incoming {
            outcome: 0,
            number: 0,
            words: [handle.to_word(), 0, 0, 0, 0],
            badge: 0,
            envelope: Envelope(0),
            result: 0,
        };
        fake::answer(back);
        assert_eq!(offer(handle, Rights::SEND.with(Rights::GRANT), Offer::GiveAway), Ok(()));
        let trap = fake::only();
        assert_eq!((trap.operation, trap.handle), (Operation::Offer, handle.to_word()));
        assert_eq!(trap.words, [0b10_0001, 1, 0, 0, 0]);
        assert_eq!(collect(), Ok([Some(handle), None, None, None]));
        assert_eq!(fake::only().operation, Operation::Collect);
        assert_eq!(withdraw_offers(), Ok(()));
        assert_eq!(fake::only().handle, 0);
    }
}
