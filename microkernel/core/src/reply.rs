//! The one-shot reply: who answers a message that reply, abort, time-out and death race for.
//!
//! All of it is one atomic word: a state, a flag "the sender sleeps", and the generation of the use. Whoever wants to end
//! a message compare-exchanges `sent` of *that* generation for its own outcome, so exactly one wins and a reply that comes
//! too late, for a use that is over, finds another generation and loses.
//!
//! ```text
//!          send                 settle                        take
//!   idle ───────► sent(g) ─────────────────► replied │ aborted │ timed out │ peer died ───► idle
//!                   │  claim                     ▲
//!                   └────────► claimed ──publish─┘
//! ```
//!
//! The generation has 60 bits: at a million messages a second it comes round after 36,000 years, so that not even a peer
//! who keeps an old reply for ever meets its generation again.

use crate::sync::{AtomicU64, Ordering, const_unless_loom};

const IDLE: u64 = 0;
const SENT: u64 = 1;
const CLAIMED: u64 = 2;
const STATE_MASK: u64 = 0b111;
const WAITER: u64 = 0b1000;
const GENERATION_SHIFT: u32 = 4;
const GENERATION_MASK: u64 = u64::MAX >> GENERATION_SHIFT;

/// Which use of a reply object: what the kernel notes beside a queued message. At most 60 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Generation(u64);

impl Generation {
    /// From a word that came from [`Generation::to_word`]; any other word is a generation that matches nothing or only
    /// what it names.
    #[must_use]
    pub const fn from_word(word: u64) -> Self {
        Self(word & GENERATION_MASK)
    }

    /// For a word of a crossbar entry.
    #[must_use]
    pub const fn to_word(self) -> u64 {
        self.0
    }
}

/// How a message ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Outcome {
    /// The target replied.
    Replied = 3,
    /// Aborted, and the target agreed.
    Aborted = 4,
    /// The sender's time was up.
    TimedOut = 5,
    /// Whoever had the message has ended.
    PeerDied = 6,
}

impl Outcome {
    const fn of(word: u64) -> Option<Self> {
        match word & STATE_MASK {
            3 => Some(Self::Replied),
            4 => Some(Self::Aborted),
            5 => Some(Self::TimedOut),
            6 => Some(Self::PeerDied),
            _ => None,
        }
    }
}

/// What became of an attempt to end a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Settled {
    /// Somebody else ended it, or that use is long over. Nothing changed.
    Lost,
    /// This call ended it; nobody sleeps on it.
    Quiet,
    /// This call ended it, and the sender announced that it sleeps: wake it, at its CPU. Exactly one caller a generation
    /// gets this.
    Wake,
}

/// What the sender finds when it wants to sleep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Wait {
    /// It is over.
    Settled(Outcome),
    /// Not over; the wish is noted, so whoever settles it will get [`Settled::Wake`].
    Sleep,
    /// This use is over and taken.
    Stale,
}

/// The reply object is still in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Busy;

/// The right to end one message, won by [`Reply::claim`]: nobody else can end it now, and the sender does not look at its
/// buffer before [`Reply::publish`].
#[derive(Debug)]
#[must_use = "the sender waits until the claim is published"]
pub struct Claim(Generation);

/// One reply object. Owned by the sending thread; everybody else comes with a [`Generation`].
#[derive(Debug)]
pub struct Reply(AtomicU64);

impl Reply {
    const_unless_loom! {
        /// Idle, never used.
        #[must_use]
        pub fn new() -> Self {
            Self(AtomicU64::new(IDLE))
        }
    }

    /// Begins a use: idle to sent. Only the owner may call it, before the message becomes visible to anybody.
    ///
    /// # Errors
    /// [`Busy`] unless the last use was taken with [`Reply::take`].
    pub fn send(&self) -> Result<Generation, Busy> {
        let word = self.0.load(Ordering::Relaxed);
        if word & STATE_MASK != IDLE {
            return Err(Busy);
        }
        let generation = Generation((word >> GENERATION_SHIFT).wrapping_add(1) & GENERATION_MASK);
        // Nobody else changes an idle word, so a store is enough.
        self.0.store(word_of(generation, SENT), Ordering::Release);
        Ok(generation)
    }

    /// Ends that use with `outcome`, from any CPU, in any context. What the caller wrote before is visible to a sender that
    /// sees the outcome. Use it where nothing is written into the sender's buffer, or only by a sole replier; else
    /// [`Reply::claim`] first.
    pub fn settle(&self, generation: Generation, outcome: Outcome) -> Settled {
        match self.leave_sent(generation, outcome as u64) {
            None => Settled::Lost,
            Some(word) => wake(word),
        }
    }

    /// Wins the right to end that use without ending it yet, so that the winner alone fills in the sender's buffer; `None`
    /// to all others. Only in a critical section, with [`Reply::publish`] soon after: the sender can't be ended meanwhile.
    pub fn claim(&self, generation: Generation) -> Option<Claim> {
        self.leave_sent(generation, CLAIMED).map(|_| Claim(generation))
    }

    /// Ends a claimed use; never [`Settled::Lost`] for the object that the claim is of.
    pub fn publish(&self, claim: Claim, outcome: Outcome) -> Settled {
        let word = self.0.load(Ordering::Relaxed);
        if word & !WAITER != word_of(claim.0, CLAIMED) {
            return Settled::Lost;
        }
        // Only the flag can change under a claim, and exclusive-or keeps it whichever way it is.
        wake(self.0.fetch_xor(CLAIMED ^ outcome as u64, Ordering::AcqRel))
    }

    /// The sender wants to sleep: announces that and looks again, in one step, so that no wake-up is lost between. Only the
    /// owner may call it. After [`Wait::Sleep`] it blocks; a wake-up that its CPU receives before it is blocked
    /// has to keep it from blocking (a critical section from here to the switch does that, the wake-up being a message to
    /// this CPU). Calling it again after a wake-up for another reason is fine.
    pub fn wait(&self, generation: Generation) -> Wait {
        if self.0.load(Ordering::Relaxed) >> GENERATION_SHIFT != generation.0 {
            return Wait::Stale;
        }
        #[cfg(not(bite = "reply-no-recheck"))]
        let word = self.0.fetch_or(WAITER, Ordering::AcqRel);
        #[cfg(bite = "reply-no-recheck")]
        let word = {
            let before = self.0.load(Ordering::Acquire);
            self.0.fetch_or(WAITER, Ordering::AcqRel);
            before
        };
        match (Outcome::of(word), word & STATE_MASK) {
            (Some(outcome), _) => Wait::Settled(outcome),
            (None, IDLE) => Wait::Stale,
            (None, _) => Wait::Sleep,
        }
    }

    /// The outcome, once there is one; the object is then idle and can be sent again. Only the owner may call it.
    pub fn take(&self, generation: Generation) -> Option<Outcome> {
        let word = self.0.load(Ordering::Acquire);
        if word >> GENERATION_SHIFT != generation.0 {
            return None;
        }
        let outcome = Outcome::of(word)?;
        self.0.store(word_of(generation, IDLE), Ordering::Release);
        Some(outcome)
    }

    /// Whether that use is under way, a claim included. From any CPU; true may be past when it is returned.
    #[must_use]
    pub fn is_pending(&self, generation: Generation) -> bool {
        let word = self.0.load(Ordering::Acquire);
        word >> GENERATION_SHIFT == generation.0 && matches!(word & STATE_MASK, SENT | CLAIMED)
    }

    /// Exchanges `sent` for `state`, for one caller only; returns the word before.
    fn leave_sent(&self, generation: Generation, state: u64) -> Option<u64> {
        let mut word = self.0.load(Ordering::Relaxed);
        // At most three rounds: within one generation a sent word changes once to carry the flag and once to leave `sent`.
        loop {
            #[cfg(not(bite = "reply-no-generation"))]
            let is_this_use = word >> GENERATION_SHIFT == generation.0;
            #[cfg(bite = "reply-no-generation")]
            let is_this_use = generation.0 != 0;
            if !is_this_use || word & STATE_MASK != SENT {
                return None;
            }
            let after = word & !STATE_MASK | state;
            #[cfg(bite = "reply-store")]
            {
                self.0.store(after, Ordering::Release);
                return Some(word);
            }
            #[cfg(not(bite = "reply-store"))]
            match self.0.compare_exchange_weak(word, after, Ordering::AcqRel, Ordering::Relaxed) {
                Ok(_) => return Some(word),
                Err(now) => word = now,
            }
        }
    }
}

impl Default for Reply {
    fn default() -> Self {
        Self::new()
    }
}

const fn word_of(generation: Generation, state: u64) -> u64 {
    generation.0 << GENERATION_SHIFT | state
}

const fn wake(word_before: u64) -> Settled {
    if word_before & WAITER == 0 { Settled::Quiet } else { Settled::Wake }
}
