//! What a supervisor hands to the program of a client, and where that says how far it is.

use anax_abi::Handle;

use crate::Counters;

/// Its end of the channel.
pub const CHANNEL: Handle = Handle::new(1, 1);
/// The channel's block, a region.
pub const BLOCK: Handle = Handle::new(2, 1);
/// The pool, a region.
pub const POOL: Handle = Handle::new(3, 1);
/// The status page, a region.
pub const STATUS: Handle = Handle::new(4, 1);

/// Slots of each of the channel's rings, and buffers of the pool.
pub const BUFFERS: usize = 128;

/// The status page's word that the supervisor makes 1 to have the client end; it then rings the channel.
pub const STOP: usize = 0;
/// The words from here on are the client's [`Counters`].
pub const COUNTERS: usize = 1;
/// How many there are.
pub const COUNTER_WORDS: usize = 5;

impl Counters {
    /// For the status page.
    #[must_use]
    pub const fn to_words(self) -> [u64; COUNTER_WORDS] {
        [self.received, self.sent, self.resent, self.dropped, self.bad_replies]
    }

    /// From the status page.
    #[must_use]
    pub const fn from_words(words: [u64; COUNTER_WORDS]) -> Self {
        let [received, sent, resent, dropped, bad_replies] = words;
        Self { received, sent, resent, dropped, bad_replies }
    }
}
