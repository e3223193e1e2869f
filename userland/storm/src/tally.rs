//! What came of all that was sent, counted by the senders in memory of their parent's.

use core::fmt;
use core::ops::AddAssign;

use anax_sys::Error;

use anax::Mapping;

/// Under which name a sender finds it.
pub(crate) const HANDLE: &str = "tally";
const WORDS: usize = 6;

/// How many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) sent: u64,
    /// Answered well.
    pub(crate) done: u64,
    /// Answered with an error, the kernel's or the server's.
    pub(crate) refused: u64,
    /// Not answered as long as the sender had patience.
    pub(crate) late: u64,
    /// Not waited for.
    pub(crate) left: u64,
    /// Answered by the server's end.
    pub(crate) died: u64,
}

impl Tally {
    fn words(&mut self) -> [&mut u64; WORDS] {
        let Self { sent, done, refused, late, left, died } = self;
        [sent, done, refused, late, left, died]
    }

    /// Puts it where the parent looks.
    pub(crate) fn write(mut self, to: &Mapping) -> Result<(), Error> {
        for (at, word) in self.words().into_iter().enumerate() {
            to.bytes().write_u64(at * 8, *word).map_err(|_| Error::BadArgument)?;
        }
        Ok(())
    }

    /// Takes it from there, where nothing is left.
    pub(crate) fn take(from: &Mapping) -> Result<Self, Error> {
        let mut tally = Self::default();
        for (at, word) in tally.words().into_iter().enumerate() {
            *word = from.bytes().read_u64(at * 8).map_err(|_| Error::BadArgument)?;
        }
        Self::default().write(from)?;
        Ok(tally)
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, mut other: Self) {
        for (word, other) in self.words().into_iter().zip(other.words()) {
            *word += *other;
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { sent, done, refused, late, left, died } = self;
        write!(f, "{sent} sent, {done} done, {refused} refused, {late} late, {left} left, {died} died")
    }
}
