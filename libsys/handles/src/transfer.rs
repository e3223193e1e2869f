//! Handles that travel with a message: up to four, all or none, from a table of one CPU to a table of another.
//!
//! ```text
//!   receiver's home: post(n)          slots set aside, counted in `posted`
//!   sender's home:   pack(offers)     checks everything, claims slots of the receiver, then takes the handles out
//!        message + parcel ─────────►
//!   receiver's home: unpack(parcel)   fills the claimed slots; objects revoked on the way arrive as a bad handle
//! ```
//!
//! A parcel that is never delivered (the receiver died, the message was dropped) is given to [`Table::discard`] of the
//! *receiving* table, if that still exists; the handles in it are gone, as after any message that was sent.

use super::{Capability, Object, Slot, Table};
use anax_abi::{Error, Handle, MAX_HANDLES, Rights};
use anax_lwkt::sync::Ordering;
use arrayvec::ArrayVec;

/// Whether the sender keeps its handle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transfer {
    /// It is gone from the sender's table.
    Move,
    /// The sender keeps it.
    Copy,
}

/// One handle that a sender offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offer {
    /// A handle with the right to pass it on ([`Rights::GRANT`]).
    pub handle: Handle,
    /// The rights that arrive, at most.
    pub rights: Rights,
    /// Whether the sender keeps it.
    pub transfer: Transfer,
}

/// Handles on their way, with the claim to as many slots of the receiver.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "the receiver's slots stay claimed until the parcel is unpacked or discarded"]
pub struct Parcel<T>(ArrayVec<Capability<T>, MAX_HANDLES>);

impl<T> Parcel<T> {
    /// Handles in it.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether it holds none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What it holds, in the order offered.
    #[must_use]
    pub fn capabilities(&self) -> &[Capability<T>] {
        &self.0
    }
}

/// The handles that arrived, in the order offered. `Handle::from_word(0)`, never a good one, stands for an object that was
/// revoked on the way.
pub type Received = ArrayVec<Handle, MAX_HANDLES>;

impl<T: Object, S: AsRef<[Slot]>> Table<T, S> {
    /// Sets `count` slots aside for handles that arrive. Home.
    ///
    /// # Errors
    /// [`Error::Quota`] if the limit does not allow it; nothing is set aside.
    pub fn post(&self, count: u32) -> Result<(), Error> {
        if count > self.available() {
            return Err(Error::Quota);
        }
        self.change_set_aside(|set_aside| set_aside + count);
        self.posted.0.fetch_add(count, Ordering::AcqRel);
        Ok(())
    }

    /// Gives up to `count` posted slots back to general use; returns how many, fewer if senders have claimed the others. Home.
    pub fn withdraw(&self, count: u32) -> u32 {
        let withdrawn = self.take_posted(|posted| posted.min(count));
        self.change_set_aside(|set_aside| set_aside - withdrawn);
        withdrawn
    }

    /// Posted slots that nobody has claimed. Any; past when it is returned.
    #[must_use]
    pub fn posted(&self) -> u32 {
        self.posted.0.load(Ordering::Acquire)
    }

    /// Takes the offered handles out of this table for `target`, or does nothing at all. Home of *this* table; the target's
    /// may be another CPU.
    ///
    /// # Errors
    /// [`Error::BadArgument`] for more than [`MAX_HANDLES`]; [`Error::BadHandle`] for a bad or revoked one, and for one that is
    /// offered again though it is moved; [`Error::NoRights`] for one that may not be passed on; [`Error::NoSlot`] if the
    /// target has not posted enough.
    pub fn pack<R: AsRef<[Slot]>>(
        &self,
        offers: &[Offer],
        target: &Table<T, R>,
        current: impl Fn(T) -> u32,
    ) -> Result<Parcel<T>, Error> {
        if offers.len() > MAX_HANDLES {
            return Err(Error::BadArgument);
        }
        let mut parcel = ArrayVec::new();
        for (position, offer) in offers.iter().enumerate() {
            let capability = self.lookup(offer.handle, Rights::GRANT, &current)?;
            let again = |other: &Offer| {
                other.handle == offer.handle
                    && (other.transfer == Transfer::Move || offer.transfer == Transfer::Move)
            };
            if offers[..position].iter().any(again) {
                return Err(Error::BadHandle);
            }
            parcel.push(Capability { rights: capability.rights.narrowed(offer.rights), ..capability });
            #[cfg(bite = "handles-half-transfer")]
            if offer.transfer == Transfer::Move {
                self.clear(offer.handle.index());
            }
        }
        target.claim(offers.len() as u32)?;
        #[cfg(not(bite = "handles-half-transfer"))]
        for offer in offers.iter().filter(|offer| offer.transfer == Transfer::Move) {
            self.clear(offer.handle.index());
        }
        Ok(Parcel(parcel))
    }

    /// Passes one handle on to `target` at once, or does nothing at all; `added` is told of a handle that is there twice from then on.
    /// Home of both tables.
    ///
    /// # Errors
    /// As [`Table::pack`].
    #[inline(always)]
    pub fn hand_over<R: AsRef<[Slot]>>(
        &self,
        offer: &Offer,
        target: &Table<T, R>,
        current: impl Fn(T) -> u32,
        added: impl FnOnce(&Capability<T>),
    ) -> Result<Handle, Error> {
        let capability = self.lookup(offer.handle, Rights::GRANT, &current)?;
        target.claim(1)?;
        match offer.transfer {
            Transfer::Move => self.clear(offer.handle.index()),
            Transfer::Copy => added(&capability),
        }
        target.change_set_aside(|set_aside| set_aside - 1);
        let narrowed = Capability { rights: capability.rights.narrowed(offer.rights), ..capability };
        Ok(target.fill(narrowed).unwrap_or(Handle::from_word(0)))
    }

    /// Puts a parcel packed for this table into the slots claimed for it. Home.
    pub fn unpack(&self, parcel: Parcel<T>, current: impl Fn(T) -> u32) -> Received {
        self.change_set_aside(|set_aside| set_aside.saturating_sub(parcel.len() as u32));
        let place = |capability: Capability<T>| {
            let live = current(capability.object) == capability.generation;
            // A claimed slot is there to be filled; a bad handle rather than a panic should that ever be wrong.
            live.then(|| self.fill(capability)).flatten().unwrap_or(Handle::from_word(0))
        };
        parcel.0.into_iter().map(place).collect()
    }

    /// Gives the slots claimed for an undelivered parcel back to the next sender. Any.
    pub fn discard(&self, parcel: Parcel<T>) {
        self.posted.0.fetch_add(parcel.len() as u32, Ordering::AcqRel);
    }

    /// Claims `count` posted slots for a sender. Any.
    fn claim(&self, count: u32) -> Result<(), Error> {
        let claimed = self.take_posted(|posted| if posted >= count { count } else { 0 });
        if claimed == count { Ok(()) } else { Err(Error::NoSlot) }
    }

    /// Lowers `posted` by what `wanted` says of it; returns by how much.
    fn take_posted(&self, wanted: impl Fn(u32) -> u32) -> u32 {
        let mut posted = self.posted.0.load(Ordering::Relaxed);
        // Each round that fails is another sender's success, and slots are few.
        loop {
            let count = wanted(posted);
            if count == 0 {
                return 0;
            }
            #[cfg(bite = "handles-claim-store")]
            {
                self.posted.0.store(posted - count, Ordering::Release);
                return count;
            }
            #[cfg(not(bite = "handles-claim-store"))]
            match self.posted.0.compare_exchange_weak(
                posted,
                posted - count,
                Ordering::AcqRel,
                Ordering::Relaxed,
            ) {
                Ok(_) => return count,
                Err(now) => posted = now,
            }
        }
    }
}
