//! A rendezvous: one CPU has several stop, all do something, and all go on.
//!
//! Nothing here waits by itself: `wait` is what a CPU does meanwhile, a pause or serving others.

use crate::sync::{AtomicU32, Ordering, const_unless_loom};

/// One meeting. Its caller keeps it until [`Rendezvous::hold`] has returned.
#[derive(Debug)]
pub struct Rendezvous {
    arrived: AtomicU32,
    go: AtomicU32,
    left: AtomicU32,
}

impl Rendezvous {
    const_unless_loom! {
        /// Nobody there.
        #[must_use]
        pub fn new() -> Self {
            Self { arrived: AtomicU32::new(0), go: AtomicU32::new(0), left: AtomicU32::new(0) }
        }
    }

    /// The caller's part: waits for `others`, lets them go and does `body` with them; returns when the last of them has left, so that
    /// nobody uses the rendezvous any more.
    pub fn hold(&self, others: u32, mut wait: impl FnMut(), body: impl FnOnce()) {
        while self.arrived.load(Ordering::Acquire) < others {
            wait();
        }
        self.go.store(1, Ordering::Release);
        body();
        while self.left.load(Ordering::Acquire) < others {
            wait();
        }
    }

    /// Another's part: waits until all are there, and does `body`.
    pub fn attend(&self, mut wait: impl FnMut(), body: impl FnOnce()) {
        self.arrived.fetch_add(1, Ordering::AcqRel);
        while self.go.load(Ordering::Acquire) == 0 {
            wait();
        }
        body();
        // The last access: the caller may take it away now.
        self.left.fetch_add(1, Ordering::AcqRel);
    }
}

impl Default for Rendezvous {
    fn default() -> Self {
        Self::new()
    }
}
