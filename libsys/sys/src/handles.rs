//! Handles that travel beside a message. One goes in a register of the call that sends it ([`Beside`]) and comes out in one; several are
//! offered before the message is sent, and collected after it was received.

use anax_abi::{Along, Envelope, Error, Flags, Handle, MAX_HANDLES, Rights};

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

/// A handle that goes along with one message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Beside {
    /// The handle, which has to carry the right to grant.
    pub handle: Handle,
    /// The rights that arrive, at most.
    pub rights: Rights,
    /// What becomes of the sender's.
    pub offer: Offer,
}

impl Beside {
    /// A handle that the sender keeps.
    #[must_use]
    pub const fn copy(handle: Handle, rights: Rights) -> Self {
        Self { handle, rights, offer: Offer::Copy }
    }

    /// A handle that the sender loses, with all its rights.
    #[must_use]
    pub const fn given(handle: Handle) -> Self {
        Self { handle, rights: Rights::ALL, offer: Offer::GiveAway }
    }

    /// As a register says it.
    #[inline(always)]
    pub(crate) const fn along(self, flags: Flags) -> Along {
        match self.offer {
            Offer::Copy => Along::copied(flags, self.rights),
            Offer::GiveAway => Along::given(flags, self.rights),
        }
    }
}

/// The handles that came along with a message or a reply; to be taken before this thread's next one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Came {
    count: u8,
    first: u64,
}

impl Came {
    /// Of what was received with that envelope, and that register beside it.
    #[inline(always)]
    pub(crate) const fn new(envelope: Envelope, register: u64) -> Self {
        Self { count: envelope.handles(), first: register }
    }

    /// How many.
    #[must_use]
    pub const fn count(self) -> u8 {
        self.count
    }

    /// The first one, the only one as a rule.
    ///
    /// # Errors
    /// As [`collect`]; `BadHandle` if none came, or its object was revoked on the way.
    #[inline]
    pub fn one(self) -> Result<Handle, Error> {
        match (self.count, self.first) {
            (1, first) if first != 0 => Ok(Handle::from_word(first)),
            _ => self.all()?[0].ok_or(Error::BadHandle),
        }
    }

    /// All of them, in the order in which they were offered.
    ///
    /// # Errors
    /// As [`collect`].
    pub fn all(self) -> Result<[Option<Handle>; MAX_HANDLES], Error> {
        match (self.count, self.first) {
            (0, _) => Ok([None; MAX_HANDLES]),
            (1, first) if first != 0 => Ok([Some(Handle::from_word(first)), None, None, None]),
            _ => collect(),
        }
    }
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

/// The handles that came with the message or reply that this thread received last, unless a register had it ([`Came`] knows); to be
/// asked before the next one.
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
            came: 0,
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

    #[test]
    fn one_comes_in_a_register_and_more_are_collected() {
        let (first, second) = (Handle::new(4, 2), Handle::new(5, 2));
        let words = [first.to_word(), second.to_word(), 0, 0, 0];
        let envelope = Envelope(0);
        fake::answer(Incoming { outcome: 0, number: 0, words, badge: 0, envelope, result: 0, came: 0 });
        let came = |count, register| Came::new(Envelope::new(0, Flags::NONE, count), register);
        assert_eq!(came(0, 99).all(), Ok([None; MAX_HANDLES]));
        assert_eq!(came(1, first.to_word()).one(), Ok(first));
        fake::none();
        assert_eq!(came(1, 0).one(), Ok(first));
        assert_eq!(fake::only().operation, Operation::Collect);
        assert_eq!(came(2, 77).all(), Ok([Some(first), Some(second), None, None]));
        assert_eq!(fake::only().operation, Operation::Collect);
    }

    #[test]
    fn the_way_of_a_handle_in_a_register() {
        let rights = Rights::SEND.with(Rights::GRANT);
        let along = Beside::copy(Handle::new(4, 2), rights).along(Flags::PRIORITY);
        assert_eq!((along.flags(), along.rights(), along.is_given()), (Flags::PRIORITY, rights, false));
        let along = Beside::given(Handle::new(4, 2)).along(Flags::NONE);
        assert_eq!((along.flags(), along.rights(), along.is_given()), (Flags::NONE, Rights::ALL, true));
    }
}
