//! What a client asks beside lending buffers, and says: each at most once at a time, and again of a successor.

use anax_abi::Message;

use crate::{ABOUT, ACCEPT, Coalescing, Link, WATCH};

/// Their tokens. Those of buffers are smaller.
pub(super) const QUESTION: u64 = u64::MAX;
const ACCEPTANCE: u64 = u64::MAX - 1;
pub(super) const WATCHING: u64 = u64::MAX - 2;

/// What is to be asked as soon as there is room, and what for.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Questions {
    about: bool,
    accept: bool,
    watch: bool,
    /// What is taken.
    pub(super) accepted: Coalescing,
    /// Whether the link is watched, and how it is as far as the program was told.
    is_watching: bool,
    link: Option<Link>,
}

impl Questions {
    /// Whether that is a token of one of these.
    pub(super) const fn has(token: u64) -> bool {
        token >= WATCHING
    }

    /// It is to be asked, again or for the first time.
    pub(super) const fn ask(&mut self, token: u64) {
        match token {
            QUESTION => self.about = true,
            ACCEPTANCE => self.accept = true,
            _ => (self.watch, self.is_watching) = (true, true),
        }
    }

    /// From now on this is taken.
    pub(super) const fn accept(&mut self, what: Coalescing) {
        (self.accepted, self.accept) = (what, true);
    }

    /// Another driver knows nothing of what the one before was told.
    pub(super) fn renew(&mut self) {
        self.accept |= self.accepted != Coalescing::NONE;
        self.watch |= self.is_watching;
    }

    /// How the link is by a driver's word, if that is something new; it is watched on.
    pub(super) fn told(&mut self, word: u64) -> Option<Link> {
        self.watch = true;
        let link = Link::from_word(word)?;
        (self.link.replace(link) != Some(link)).then_some(link)
    }

    /// The next one to be submitted, which is not to be again unless [`Self::ask`] says so.
    pub(super) fn next(&mut self) -> Option<Message> {
        // What is accepted first: the driver may have to reset its card.
        let (token, command, word) = if self.accept {
            (ACCEPTANCE, ACCEPT, self.accepted.to_word())
        } else if self.about {
            (QUESTION, ABOUT, 0)
        } else if self.watch {
            (WATCHING, WATCH, self.link.map_or(0, Link::to_word))
        } else {
            return None;
        };
        match token {
            ACCEPTANCE => self.accept = false,
            QUESTION => self.about = false,
            _ => self.watch = false,
        }
        Some(Message { token, ..Message::new(command, [word, 0, 0, 0, 0]) })
    }
}
