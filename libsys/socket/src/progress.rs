//! How far a socket is.

use anax_proto::{Fixed, Reader, Writer};

/// What a socket can do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Nothing more comes: `received` is the stream's end.
    pub peer_closed: bool,
}

/// How far the server is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// The receive ring is complete up to there.
    pub received: u64,
    /// The send ring is free up to there: by an acknowledgement, or since it was sent.
    pub taken: u64,
    /// What has changed beside.
    pub standing: Standing,
}

/// Three words.
impl Fixed for Progress {
    const WORDS: usize = 3;

    fn put(self, to: &mut Writer) {
        to.word(self.received);
        to.word(self.taken);
        to.word(self.standing.peer_closed.into());
    }

    fn take(from: &mut Reader) -> Option<Self> {
        let (received, taken) = (from.word()?, from.word()?);
        let peer_closed = bool::take(from)?;
        Some(Self { received, taken, standing: Standing { peer_closed } })
    }
}
