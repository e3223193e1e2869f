//! The table: look-up from everywhere, changes at home.

use super::{Capability, Object, Slot};
use anax_abi::{Error, Handle, Rights};
use anax_lwkt::sync::{AtomicU32, Ordering, OwnLine, const_unless_loom};
use core::marker::PhantomData;

/// The end of the free list.
const NONE: u32 = u32::MAX;

/// What only the home CPU writes. Atomics because others may read them for a dump, never for a decision.
#[derive(Debug)]
struct Home {
    free: AtomicU32,
    /// Slots from here up were never used and are on no list.
    fresh: AtomicU32,
    used: AtomicU32,
    /// Slots posted for arrivals, claimed ones included.
    set_aside: AtomicU32,
    /// Slots whose generations are used up.
    retired: AtomicU32,
    limit: AtomicU32,
}

/// A capability table over `S`, which is an array of slots or a slice of the kernel's memory.
///
/// "Home" below: only the table's home CPU, in a critical section. "Any": from any CPU. `current` tells an object's
/// generation now; entries whose object has moved on count as revoked.
#[derive(Debug)]
pub struct Table<T, S> {
    slots: S,
    home: OwnLine<Home>,
    /// Posted slots that no sender has claimed yet; the one word that other CPUs write.
    pub(super) posted: OwnLine<AtomicU32>,
    object: PhantomData<fn(T) -> T>,
}

/// How far a bounded walk over a table came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Swept {
    /// Entries removed.
    pub removed: usize,
    /// Where to go on; `None`: the end was reached.
    pub next: Option<u32>,
}

/// What `handle` stands for, whose index is this slot's; see [`Table::lookup`]. Any.
///
/// # Errors
/// As there.
#[inline(always)]
pub fn look_up<T: Object>(
    slot: &Slot,
    handle: Handle,
    needed: Rights,
    current: impl Fn(T) -> u32,
) -> Result<Capability<T>, Error> {
    let capability = slot.read(handle.generation()).ok_or(Error::BadHandle)?;
    if current(capability.object) != capability.generation && cfg!(not(bite = "handles-no-revoke")) {
        return Err(Error::BadHandle);
    }
    if !capability.rights.allows(needed) && cfg!(not(bite = "handles-no-rights")) {
        return Err(Error::NoRights);
    }
    Ok(capability)
}

impl<T: Object, S: AsRef<[Slot]>> Table<T, S> {
    const_unless_loom! {
        /// An empty table over unused slots, of which at most `limit` may be used or set aside.
        #[must_use]
        pub fn new(slots: S, limit: u32) -> Self {
            Self {
                slots,
                home: OwnLine(Home {
                    free: AtomicU32::new(NONE),
                    fresh: AtomicU32::new(0),
                    used: AtomicU32::new(0),
                    set_aside: AtomicU32::new(0),
                    retired: AtomicU32::new(0),
                    limit: AtomicU32::new(limit),
                }),
                posted: OwnLine(AtomicU32::new(0)),
                object: PhantomData,
            }
        }
    }

    /// What `handle` stands for, if it allows at least `needed`. Any.
    ///
    /// # Errors
    /// [`Error::BadHandle`] if it is no handle of this table, was removed, or its object has moved on; [`Error::NoRights`].
    #[inline]
    pub fn lookup(
        &self,
        handle: Handle,
        needed: Rights,
        current: impl Fn(T) -> u32,
    ) -> Result<Capability<T>, Error> {
        look_up(self.slot(handle.index())?, handle, needed, current)
    }

    /// The slots, for [`look_up`]. They don't move.
    #[must_use]
    pub fn slots(&self) -> &[Slot] {
        self.slots.as_ref()
    }

    /// Makes a handle. Home.
    ///
    /// # Errors
    /// [`Error::Quota`] if the limit leaves no slot that is not set aside for arrivals.
    pub fn insert(&self, capability: Capability<T>) -> Result<Handle, Error> {
        #[cfg(not(bite = "handles-ignore-posted"))]
        let available = self.available();
        #[cfg(bite = "handles-ignore-posted")]
        let available = self.available() + self.set_aside();
        if available == 0 {
            return Err(Error::Quota);
        }
        self.fill(capability).ok_or(Error::Quota)
    }

    /// Takes a handle out, whether or not its object has moved on. Home.
    ///
    /// # Errors
    /// [`Error::BadHandle`].
    pub fn remove(&self, handle: Handle) -> Result<Capability<T>, Error> {
        let capability = self.entry(handle)?;
        self.clear(handle.index());
        Ok(capability)
    }

    /// Takes rights away from a handle, in place. Home.
    ///
    /// # Errors
    /// [`Error::BadHandle`].
    pub fn narrow(&self, handle: Handle, to: Rights) -> Result<(), Error> {
        let rights = self.entry(handle)?.rights.narrowed(to);
        self.slot(handle.index())?.set_rights(rights);
        Ok(())
    }

    /// Removes entries whose object has moved on, looking at no more than `budget` slots from slot `from` on, and hands each
    /// to `gone`. Home.
    pub fn sweep(
        &self,
        from: u32,
        budget: u32,
        current: impl Fn(T) -> u32,
        gone: impl FnMut(Capability<T>),
    ) -> Swept {
        self.remove_where(
            from,
            budget,
            |capability| current(capability.object) != capability.generation,
            gone,
        )
    }

    /// Removes all entries, in the same bounded way: for the end of a space. Home.
    pub fn clear_all(&self, from: u32, budget: u32, gone: impl FnMut(Capability<T>)) -> Swept {
        self.remove_where(from, budget, |_| true, gone)
    }

    /// Changes the limit. What is used beyond a lower one stays; nothing new fits. Home.
    pub fn set_limit(&self, limit: u32) {
        self.home.0.limit.store(limit, Ordering::Relaxed);
    }

    /// Slots in use. Exact at home.
    #[must_use]
    pub fn used(&self) -> u32 {
        self.home.0.used.load(Ordering::Relaxed)
    }

    /// Slots set aside for arrivals, claimed or not. Exact at home.
    #[must_use]
    pub fn set_aside(&self) -> u32 {
        self.home.0.set_aside.load(Ordering::Relaxed)
    }

    /// Slots that the limit still allows to use or set aside. Exact at home.
    #[must_use]
    pub fn available(&self) -> u32 {
        let home = &self.home.0;
        let slots = self.slots.as_ref().len() as u32 - home.retired.load(Ordering::Relaxed);
        let limit = home.limit.load(Ordering::Relaxed).min(slots);
        limit.saturating_sub(self.used() + self.set_aside())
    }

    pub(super) fn change_set_aside(&self, change: impl FnOnce(u32) -> u32) {
        self.home.0.set_aside.store(change(self.set_aside()), Ordering::Relaxed);
    }

    /// Uses a free slot; the caller has made sure that there is one.
    pub(super) fn fill(&self, capability: Capability<T>) -> Option<Handle> {
        let home = &self.home.0;
        let free = home.free.load(Ordering::Relaxed);
        let index = if free == NONE { home.fresh.load(Ordering::Relaxed) } else { free };
        let slot = self.slots.as_ref().get(index as usize)?;
        if free == NONE {
            home.fresh.store(index + 1, Ordering::Relaxed);
        } else {
            home.free.store(slot.next_free(), Ordering::Relaxed);
        }
        home.used.store(self.used() + 1, Ordering::Relaxed);
        Some(Handle::new(index, slot.fill(capability)))
    }

    /// Frees a used slot, for ever if its generations are used up.
    pub(super) fn clear(&self, index: u32) {
        let (home, slot) = (&self.home.0, &self.slots.as_ref()[index as usize]);
        home.used.store(self.used() - 1, Ordering::Relaxed);
        if slot.generation() == u32::MAX {
            slot.clear(NONE);
            home.retired.store(home.retired.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
        } else {
            slot.clear(home.free.load(Ordering::Relaxed));
            home.free.store(index, Ordering::Relaxed);
        }
    }

    fn entry(&self, handle: Handle) -> Result<Capability<T>, Error> {
        self.slot(handle.index())?.read(handle.generation()).ok_or(Error::BadHandle)
    }

    fn slot(&self, index: u32) -> Result<&Slot, Error> {
        self.slots.as_ref().get(index as usize).ok_or(Error::BadHandle)
    }

    fn remove_where(
        &self,
        from: u32,
        budget: u32,
        mut condition: impl FnMut(Capability<T>) -> bool,
        mut gone: impl FnMut(Capability<T>),
    ) -> Swept {
        let fresh = self.home.0.fresh.load(Ordering::Relaxed);
        let to = from.saturating_add(budget).min(fresh);
        let mut removed = 0;
        for index in from..to {
            let slot = &self.slots.as_ref()[index as usize];
            let Some(capability) = slot.is_used().then(|| slot.read(slot.generation())).flatten() else {
                continue;
            };
            if condition(capability) {
                self.clear(index);
                removed += 1;
                gone(capability);
            }
        }
        Swept { removed, next: (to < fresh).then_some(to) }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::slots;

    #[test]
    fn a_slot_without_generations_left_is_retired() {
        let table = Table::<u64, _>::new(slots::<2>(), 2);
        table.slots[0].age(u32::MAX - 1);
        let capability = Capability { object: 7, generation: 0, rights: Rights::ALL, badge: 0 };
        let last = table.insert(capability).expect("free");
        assert_eq!((last.index(), last.generation()), (0, u32::MAX));
        assert_eq!(table.remove(last), Ok(capability));
        assert_eq!(table.available(), 1);
        let other = table.insert(capability).expect("the other slot");
        assert_eq!(other.index(), 1);
        assert_eq!(table.insert(capability), Err(Error::Quota));
        assert_eq!(table.lookup(last, Rights::NONE, |_| 0), Err(Error::BadHandle));
    }
}
