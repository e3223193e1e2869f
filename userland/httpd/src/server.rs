//! What all connections of a thread share: files, limits, and buffers that are used for one answer at a time.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::cell::{Cell, RefCell};
use core::fmt;
use core::time::Duration;

use crate::date::{Date, LENGTH};
use crate::journal::Record;
use crate::limits::Limits;

/// The time, both kinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// Since some moment in the past; never goes back.
    pub elapsed: Duration,
    /// What a calendar and a clock show, if there is one that is right. A server without one says no date (RFC 9110, section 6.6.1).
    pub date: Option<Date>,
}

/// Where lines of the access log go.
pub type Journal = Box<dyn Fn(&Record<'_>)>;

/// What connections share.
pub struct Server<F> {
    pub(crate) files: F,
    pub(crate) limits: Limits,
    pub(crate) journal: Option<Journal>,
    /// For a head.
    pub(crate) text: RefCell<Vec<u8>>,
    date: Cell<(Date, [u8; LENGTH])>,
    requests: Cell<u64>,
}

impl<F> Server<F> {
    /// Of these files. Each request that was answered is told to the journal, if there is one.
    #[must_use]
    pub fn new(files: F, limits: Limits, journal: Option<Journal>) -> Self {
        Self {
            files,
            limits,
            journal,
            text: RefCell::new(Vec::with_capacity(1024)),
            date: Cell::new((Date(0), Date(0).text())),
            requests: Cell::new(0),
        }
    }

    /// Its limits.
    #[must_use]
    pub const fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Requests that were answered.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.requests.get()
    }

    pub(crate) fn count(&self) -> u64 {
        self.requests.set(self.requests.get() + 1);
        self.requests.get()
    }

    /// The date as text, made once a second.
    pub(crate) fn date(&self, now: &Now) -> Option<[u8; LENGTH]> {
        let date = now.date?;
        let (known, text) = self.date.get();
        if known == date {
            return Some(text);
        }
        let text = date.text();
        self.date.set((date, text));
        Some(text)
    }
}

impl<F> fmt::Debug for Server<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("limits", &self.limits)
            .field("requests", &self.requests)
            .finish_non_exhaustive()
    }
}
