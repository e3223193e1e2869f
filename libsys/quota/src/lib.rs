//! Quotas: what a space may use, and exact accounts of what it does use.
//!
//! The kernel allocates nothing on a user's behalf without charging it here first. An [`Account`] is one atomic word with
//! two sums, committed and reserved, so that both are exact at any moment and their total never exceeds the limit on
//! however many CPUs the space has threads. Charging goes in two steps: reserve, do what may fail, commit; a
//! [`Reservation`] that is dropped instead gives everything back, which makes error paths right by themselves.
//!
//! Accounts have no parents here: the kernel takes a space's limits from its maker's accounts when the space is made, and gives
//! them back when it ends.

#![cfg_attr(not(loom), no_std)]
#![forbid(unsafe_code)]

pub mod interrupts;

use anax_lwkt::sync::{AtomicU32, AtomicU64, Ordering, const_unless_loom};
use core::fmt;

/// Bytes of a page, the unit in which memory is charged.
pub const PAGE_BYTES: u64 = 4096;

/// The limit does not allow it; nothing was charged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exceeded;

impl From<Exceeded> for anax_abi::Error {
    fn from(_: Exceeded) -> Self {
        Self::Quota
    }
}

impl fmt::Display for Exceeded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("quota exceeded")
    }
}

/// An account's state at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Units in use.
    pub committed: u32,
    /// Units promised and not yet in use.
    pub reserved: u32,
}

impl Usage {
    /// Units that count against the limit.
    #[must_use]
    pub const fn total(self) -> u64 {
        self.committed as u64 + self.reserved as u64
    }

    const fn of(word: u64) -> Self {
        Self { committed: (word >> 32) as u32, reserved: word as u32 }
    }

    const fn word(self) -> u64 {
        (self.committed as u64) << 32 | self.reserved as u64
    }
}

/// The account of one resource of one space. All functions may be called from any CPU.
#[derive(Debug)]
pub struct Account {
    /// Committed units in the high half, reserved ones in the low half.
    charged: AtomicU64,
    limit: AtomicU32,
}

impl Account {
    const_unless_loom! {
        /// Nothing charged, `limit` units allowed.
        #[must_use]
        pub fn new(limit: u32) -> Self {
            Self { charged: AtomicU64::new(0), limit: AtomicU32::new(limit) }
        }
    }

    /// Reserves `units` until the reservation is committed or dropped.
    ///
    /// # Errors
    /// [`Exceeded`] if committed and reserved together would pass the limit.
    pub fn reserve(&self, units: u32) -> Result<Reservation<'_>, Exceeded> {
        let limit = u64::from(self.limit.load(Ordering::Relaxed));
        let mut word = self.charged.load(Ordering::Relaxed);
        // Each round that fails is another CPU's success on behalf of the same space.
        loop {
            let usage = Usage::of(word);
            if usage.total() + u64::from(units) > limit {
                return Err(Exceeded);
            }
            let after = Usage { reserved: usage.reserved + units, ..usage }.word();
            #[cfg(bite = "quota-check-then-add")]
            {
                self.charged.fetch_add(u64::from(units), Ordering::AcqRel);
                let _ = after;
                return Ok(Reservation { account: self, units });
            }
            #[cfg(not(bite = "quota-check-then-add"))]
            match self.charged.compare_exchange_weak(word, after, Ordering::AcqRel, Ordering::Relaxed) {
                Ok(_) => return Ok(Reservation { account: self, units }),
                Err(now) => word = now,
            }
        }
    }

    /// Reserves and commits in one.
    ///
    /// # Errors
    /// As [`Account::reserve`].
    pub fn charge(&self, units: u32) -> Result<(), Exceeded> {
        self.reserve(units).map(Reservation::commit)
    }

    /// Gives committed units back.
    ///
    /// # Panics
    /// If fewer are committed: a defect in the kernel's accounts.
    pub fn release(&self, units: u32) {
        let before = Usage::of(self.charged.fetch_sub(u64::from(units) << 32, Ordering::AcqRel));
        assert!(before.committed >= units, "released {units} of {before:?}");
    }

    /// Commits units out of a reservation that was [kept](Reservation::keep): a page of a region is touched.
    ///
    /// # Panics
    /// If fewer are reserved.
    pub fn commit_kept(&self, units: u32) {
        // One addition moves them: up in the high half, down in the low half.
        let step = (u64::from(units) << 32).wrapping_sub(u64::from(units));
        let before = Usage::of(self.charged.fetch_add(step, Ordering::AcqRel));
        assert!(before.reserved >= units, "committed {units} of {before:?}");
    }

    /// Gives units of a kept reservation back: the rest of a region that was never touched.
    ///
    /// # Panics
    /// If fewer are reserved.
    pub fn release_kept(&self, units: u32) {
        let before = Usage::of(self.charged.fetch_sub(u64::from(units), Ordering::AcqRel));
        assert!(before.reserved >= units, "gave back {units} of {before:?}");
    }

    /// What is charged now, both sums of the same moment.
    #[must_use]
    pub fn usage(&self) -> Usage {
        Usage::of(self.charged.load(Ordering::Acquire))
    }

    /// Units allowed.
    #[must_use]
    pub fn limit(&self) -> u32 {
        self.limit.load(Ordering::Relaxed)
    }

    /// Changes the limit for reservations from now on. What is charged beyond a lower one stays.
    pub fn set_limit(&self, limit: u32) {
        self.limit.store(limit, Ordering::Relaxed);
    }
}

/// Units promised by an account. Dropping it gives them back.
#[derive(Debug)]
#[must_use = "a reservation that is dropped is given back"]
pub struct Reservation<'a> {
    account: &'a Account,
    units: u32,
}

impl Reservation<'_> {
    /// Units in it.
    #[must_use]
    pub const fn units(&self) -> u32 {
        self.units
    }

    /// They are in use now, until [`Account::release`].
    pub fn commit(mut self) {
        self.account.commit_kept(core::mem::take(&mut self.units));
    }

    /// Commits `units` of it and leaves the rest reserved. More than there are: all.
    pub fn commit_part(&mut self, units: u32) {
        let units = units.min(self.units);
        self.units -= units;
        self.account.commit_kept(units);
    }

    /// Leaves them reserved without this guard, for an object that will commit them bit by bit with
    /// [`Account::commit_kept`] and give the rest back with [`Account::release_kept`]: a region with lazily zeroed pages.
    pub fn keep(mut self) {
        self.units = 0;
    }
}

impl Drop for Reservation<'_> {
    fn drop(&mut self) {
        if self.units != 0 && cfg!(not(bite = "quota-drop-leaks")) {
            self.account.release_kept(self.units);
        }
    }
}

/// The limits of a space, each by its own account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Pages of memory, page tables and kernel objects included.
    pub pages: u32,
    /// Handles, posted slots included.
    pub handles: u32,
    /// Threads.
    pub threads: u32,
    /// Messages sent and not yet answered.
    pub messages: u32,
}

/// The accounts of one space.
#[derive(Debug)]
pub struct Quota {
    /// Memory, in pages of [`PAGE_BYTES`].
    pub pages: Account,
    /// Handles.
    pub handles: Account,
    /// Threads.
    pub threads: Account,
    /// Outstanding messages.
    pub messages: Account,
}

impl Quota {
    const_unless_loom! {
        /// Nothing charged.
        #[must_use]
        pub fn new(limits: Limits) -> Self {
            Self {
                pages: Account::new(limits.pages),
                handles: Account::new(limits.handles),
                threads: Account::new(limits.threads),
                messages: Account::new(limits.messages),
            }
        }
    }

    /// Changes all limits for reservations from now on.
    pub fn set_limits(&self, limits: &Limits) {
        self.pages.set_limit(limits.pages);
        self.handles.set_limit(limits.handles);
        self.threads.set_limit(limits.threads);
        self.messages.set_limit(limits.messages);
    }

    /// Reserves what a space with such limits costs its maker: all but handles, which are memory.
    ///
    /// # Errors
    /// [`Exceeded`], and then nothing is reserved.
    pub fn reserve(&self, limits: &Limits) -> Result<[Reservation<'_>; 3], Exceeded> {
        Ok([
            self.pages.reserve(limits.pages)?,
            self.threads.reserve(limits.threads)?,
            self.messages.reserve(limits.messages)?,
        ])
    }

    /// Gives that back once it has been committed.
    ///
    /// # Panics
    /// If less is committed.
    pub fn release(&self, limits: &Limits) {
        self.pages.release(limits.pages);
        self.threads.release(limits.threads);
        self.messages.release(limits.messages);
    }

    /// Whether nothing at all is charged: what has to hold when a space is freed.
    #[must_use]
    pub fn is_clear(&self) -> bool {
        [&self.pages, &self.handles, &self.threads, &self.messages]
            .iter()
            .all(|account| account.usage() == Usage::default())
    }
}

/// Pages that `bytes` take up; [`Exceeded`] for more than any account holds (16 TiB).
///
/// # Errors
/// [`Exceeded`].
pub const fn pages_for(bytes: u64) -> Result<u32, Exceeded> {
    let pages = bytes.div_ceil(PAGE_BYTES);
    if pages <= u32::MAX as u64 { Ok(pages as u32) } else { Err(Exceeded) }
}
