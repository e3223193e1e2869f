//! Who pays: a space's accounts, which outlive the space for as long as something is charged to them.

use core::ops::Deref;
use core::sync::atomic::{AtomicU32, Ordering};

use anax_abi::Error;
use microkernel_core::quota::{Limits, Quota, Reservation};

use crate::mm::frames::{self, Promise};
use crate::object::Pool;

static ACCOUNTS: Pool<Accounts> = Pool::new();

struct Accounts {
    quota: Quota,
    references: AtomicU32,
}

/// A counted reference to accounts. Any CPU.
pub(crate) struct Payer(&'static Accounts);

impl Payer {
    /// New accounts with nothing charged; none without memory.
    pub(crate) fn new(limits: Limits) -> Option<Self> {
        const NOTHING: Limits = Limits { pages: 0, handles: 0, threads: 0, messages: 0 };
        let accounts =
            ACCOUNTS.take(|| Accounts { quota: Quota::new(NOTHING), references: AtomicU32::new(0) })?;
        accounts.quota.set_limits(&limits);
        accounts.references.store(1, Ordering::Release);
        Some(Self(accounts))
    }

    /// Charges `pages` and promises `frames` of them; both go back if the results are dropped.
    ///
    /// # Errors
    /// `NoMemory`, by the quota or the machine.
    pub(super) fn reserve(&self, pages: u32, frames: u32) -> Result<(Reservation<'_>, Promise), Error> {
        let charge = self.pages.reserve(pages).map_err(|_| Error::NoMemory)?;
        Ok((charge, frames::promise(u64::from(frames)).ok_or(Error::NoMemory)?))
    }
}

impl Deref for Payer {
    type Target = Quota;

    fn deref(&self) -> &Quota {
        &self.0.quota
    }
}

impl Clone for Payer {
    fn clone(&self) -> Self {
        self.0.references.fetch_add(1, Ordering::Relaxed);
        Self(self.0)
    }
}

impl Drop for Payer {
    fn drop(&mut self) {
        if self.0.references.fetch_sub(1, Ordering::AcqRel) == 1 {
            invariant!(self.0.quota.is_clear(), "something is charged to accounts that nobody refers to");
            ACCOUNTS.put(self.0);
        }
    }
}
