//! How far a socket is: positions in its two rings, what the server was told of them, and what it has told.
//!
//! Positions count bytes from 0 on and never go back. What the server says is believed only as far as it can be true, so that no bytes are read
//! that are not there, and none written that are still to be sent.

use anax_socket::Progress;

/// Of a receive ring so much is told at once: a message for each quarter, if there is none to go with.
const QUARTER: u64 = 4;

/// The server has said what can't be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lie;

/// The positions.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Flow {
    receive: u64,
    send: u64,
    /// Complete up to there.
    received: u64,
    /// The program is done with what is before.
    consumed: u64,
    told_room: u64,
    written: u64,
    told_written: u64,
    /// The server is done with what is before.
    taken: u64,
    peer_closed: bool,
}

impl Flow {
    /// With rings of so many bytes; nothing was told.
    pub(crate) const fn new(receive: u64, send: u64) -> Self {
        Self {
            receive,
            send,
            received: 0,
            consumed: 0,
            told_room: 0,
            written: 0,
            told_written: 0,
            taken: 0,
            peer_closed: false,
        }
    }

    pub(crate) const fn received(&self) -> u64 {
        self.received
    }

    pub(crate) const fn consumed(&self) -> u64 {
        self.consumed
    }

    pub(crate) const fn written(&self) -> u64 {
        self.written
    }

    pub(crate) const fn taken(&self) -> u64 {
        self.taken
    }

    pub(crate) const fn peer_closed(&self) -> bool {
        self.peer_closed
    }

    /// Bytes that can be read.
    pub(crate) const fn readable(&self) -> usize {
        (self.received - self.consumed) as usize
    }

    /// Bytes that can be written.
    pub(crate) const fn writable(&self) -> usize {
        (self.send - (self.written - self.taken)) as usize
    }

    /// Nothing more will be readable.
    pub(crate) const fn has_ended(&self) -> bool {
        self.peer_closed && self.readable() == 0
    }

    /// Bytes of the ring for what is written.
    pub(crate) const fn send_size(&self) -> u64 {
        self.send
    }

    /// Up to where the server may write.
    pub(crate) const fn room(&self) -> u64 {
        self.consumed + self.receive
    }

    /// # Panics
    /// For more than can be read.
    pub(crate) fn consume(&mut self, count: usize) {
        assert!(count <= self.readable(), "more is consumed than has come");
        self.consumed += count as u64;
    }

    /// # Panics
    /// For more than can be written.
    pub(crate) fn commit(&mut self, count: usize) {
        assert!(count <= self.writable(), "more is written than there is room for");
        self.written += count as u64;
    }

    /// Whether the server waits for something that it does not know: what was written, or much room.
    pub(crate) const fn has_untold(&self) -> bool {
        self.written > self.told_written || self.owes_room()
    }

    const fn owes_room(&self) -> bool {
        !self.peer_closed && self.room() - self.told_room >= self.receive / QUARTER
    }

    /// Whether what was written was told.
    pub(crate) const fn is_told(&self) -> bool {
        self.told_written == self.written
    }

    /// It goes out with a message: up to where was written, and the room.
    pub(crate) const fn tell(&mut self) -> (u64, u64) {
        (self.told_written, self.told_room) = (self.written, self.room());
        (self.told_written, self.told_room)
    }

    /// That message was not sent. Telling twice does no harm.
    pub(crate) const fn untell(&mut self) {
        (self.told_written, self.told_room) = (self.taken, self.consumed);
    }

    /// What the server says. Answers may come in another order than they were given in, so that less than is known is no lie.
    pub(crate) fn hear(&mut self, progress: Progress) -> Result<(), Lie> {
        let Progress { received, taken, standing } = progress;
        let has_room = received <= self.room() || cfg!(bite = "net-overrun-believed");
        let was_written = taken <= self.written || cfg!(bite = "net-taken-believed");
        let is_after_end = self.peer_closed && received > self.received;
        // An answer from after the end knows all that came before it.
        let is_short = standing.peer_closed && received < self.received;
        if !has_room || !was_written || is_after_end || is_short {
            return Err(Lie);
        }
        self.received = self.received.max(received);
        self.taken = self.taken.max(taken);
        self.peer_closed |= standing.peer_closed;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use anax_socket::Standing;
    use proptest::prelude::*;

    use super::*;

    fn progress(received: u64, taken: u64, peer_closed: bool) -> Progress {
        Progress { received, taken, standing: Standing { peer_closed } }
    }

    #[test]
    fn what_can_not_be_is_a_lie() {
        let mut flow = Flow::new(4096, 4096);
        assert_eq!(flow.hear(progress(4097, 0, false)), Err(Lie));
        assert_eq!(flow.hear(progress(0, 1, false)), Err(Lie));
        flow.commit(10);
        assert_eq!(flow.hear(progress(100, 10, false)), Ok(()));
        assert_eq!((flow.readable(), flow.writable()), (100, 4096));
        assert_eq!(flow.hear(progress(50, 5, false)), Ok(()), "an older answer");
        assert_eq!((flow.readable(), flow.writable()), (100, 4096));
        assert_eq!(flow.hear(progress(99, 10, true)), Err(Lie), "the end is not before what came");
        assert_eq!(flow.hear(progress(100, 10, true)), Ok(()));
        assert_eq!(flow.hear(progress(101, 10, true)), Err(Lie), "nor does anything come behind it");
        assert!(!flow.has_ended());
        flow.consume(100);
        assert!(flow.has_ended());
    }

    #[test]
    fn room_is_told_by_quarters() {
        let mut flow = Flow::new(4096, 4096);
        assert!(flow.has_untold());
        assert_eq!(flow.tell(), (0, 4096));
        flow.hear(progress(4096, 0, false)).unwrap();
        flow.consume(1023);
        assert!(!flow.has_untold());
        flow.consume(1);
        assert!(flow.has_untold());
        assert_eq!(flow.tell(), (0, 5120));
        flow.commit(1);
        assert!(flow.has_untold() && !flow.is_told());
        assert_eq!(flow.tell(), (1, 5120));
        assert!(flow.is_told());
        flow.untell();
        assert!(flow.has_untold() && !flow.is_told());
    }

    #[test]
    #[should_panic(expected = "more is consumed")]
    fn nothing_is_consumed_that_has_not_come() {
        Flow::new(4096, 4096).consume(1);
    }

    proptest! {
        #[test]
        fn whatever_a_server_says_positions_stay_within_their_rings(
            steps in proptest::collection::vec((0u8..3, 0u64..20_000, 0u64..20_000, any::<bool>()), 1..200)
        ) {
            let mut flow = Flow::new(8192, 4096);
            for (step, a, b, end) in steps {
                match step {
                    0 => _ = flow.hear(progress(a, b, end && a % 7 == 0)),
                    1 => flow.consume((a as usize).min(flow.readable())),
                    _ => flow.commit((a as usize).min(flow.writable())),
                }
                prop_assert!(flow.readable() <= 8192 && flow.writable() <= 4096);
                prop_assert!(flow.consumed() <= flow.received() && flow.taken() <= flow.written());
            }
        }
    }
}
