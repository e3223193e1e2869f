//! What the user of a connection asks for (RFC 9293, 3.9.1).

use core::time::Duration;

use super::{Around, Connection, KeepAlive, Owed, State};
use crate::event::Closed;
use crate::segment::{Flags, Outgoing};
use crate::seq::FIRST;

impl Connection {
    /// The stream is written up to that position. False: it can't be any more, or was further.
    pub(crate) fn write(&mut self, upto: u64) -> bool {
        let upto = FIRST + upto;
        let may = !self.fin
            && matches!(
                self.state,
                State::SynSent | State::SynReceived | State::Established | State::CloseWait
            );
        if may && upto >= self.written {
            self.written = upto;
            return true;
        }
        false
    }

    /// There is room up to that position. It never becomes less.
    pub(crate) fn make_room(&mut self, upto: u64) {
        self.room = self.room.max(FIRST + upto);
        // RFC 9293, 3.8.6.2.2: the other end is told of what is worth it.
        let worth = 2 * u64::from(self.mss).min(self.room.saturating_sub(self.rcv) / 2).max(1);
        if self.state.may_receive()
            && self.state.is_synchronized()
            && self.window_now() >= self.advertised + worth
        {
            self.owed = Owed::Now;
        }
    }

    /// Nothing more is written.
    pub(crate) fn shut_down(&mut self) {
        if self.fin {
            return;
        }
        self.fin = true;
        self.state = match self.state {
            State::SynReceived | State::Established => State::FinWait1,
            State::CloseWait => State::LastAck,
            other => other,
        };
    }

    /// Nothing more is written, and nobody reads: what comes from now on is refused.
    pub(crate) fn close(&mut self, around: &mut Around<'_>) {
        self.is_orphan = true;
        if self.state == State::SynSent {
            return self.end(Closed::Aborted, around);
        }
        self.shut_down();
        if self.state == State::FinWait2 {
            self.ends_at(around.now + around.common.config.fin_wait);
        }
    }

    /// Ends at once; what the other end is to be told.
    pub(crate) fn abort(&mut self, how: Closed, around: &mut Around<'_>) -> Option<Outgoing> {
        let tells = self.state.is_synchronized() || self.state == State::SynReceived;
        // Behind all that was ever sent, also if it is being sent again: below what the other end has got, a reset is none (RFC 5961, section 3.2).
        let at = if cfg!(bite = "tcp-resets-where-it-sends") { self.nxt } else { self.max };
        let reset = tells.then(|| self.header(at, Flags::RST.with(Flags::ACK), around.now));
        self.end(how, around);
        reset
    }

    /// It has begun by a handshake that took from `since` to now, where that is known.
    pub(crate) fn began(&mut self, since: Option<Duration>, around: &Around<'_>) {
        if let Some(since) = since {
            self.rtt.measured(around.now.saturating_sub(since));
        }
    }

    /// The network says that what has this number can't be delivered.
    pub(crate) fn unreachable(&mut self, seq: u32, around: &mut Around<'_>) {
        let at = self.out.at(seq, self.una);
        let is_ours = (self.una..self.max).contains(&at);
        if is_ours && !self.state.is_synchronized() {
            self.end(Closed::Unreachable, around);
        }
    }

    /// Whether small segments are sent while others are under way (no Nagle).
    pub(crate) fn set_no_delay(&mut self, no_delay: bool) {
        self.no_delay = no_delay;
    }

    /// Probes from now on whenever nothing was heard for `idle`.
    pub(crate) fn set_keep_alive(&mut self, keep: Option<(Duration, Duration, u8)>) {
        let keep = keep.map(|(idle, interval, most)| KeepAlive { idle, interval, most, sent: 0 });
        self.wish(|wishes| wishes.keep_alive = keep);
    }

    /// How long data may stay unacknowledged (RFC 9293, 3.9.1: user time-out).
    pub(crate) fn set_give_up(&mut self, after: Option<Duration>) {
        self.wish(|wishes| wishes.give_up = after);
    }
}
