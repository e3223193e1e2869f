//! What happens when time passes.

use core::time::Duration;

use super::{Around, Connection, Owed, State, Timer};
use crate::congestion::Congestion as _;
use crate::event::Closed;
use crate::segment::Flags;
use crate::seq::SYN;

/// Longest pause between probes of a closed window.
const LONGEST_PERSIST: Duration = Duration::from_secs(60);

impl Connection {
    /// Does what is due.
    pub(crate) fn tick(&mut self, around: &mut Around<'_>) {
        let now = around.now;
        if matches!(self.owed, Owed::By(at) if at <= now) {
            self.owed = Owed::Now;
        }
        if self.state_until.is_some_and(|until| until <= now) {
            return self.end(Closed::Done, around);
        }
        match self.timer {
            Timer::Retransmit if self.timer_at <= now => self.timed_out(around),
            Timer::Persist if self.timer_at <= now => self.persist(around),
            _ => {}
        }
        if self.state != State::Closed && self.keep_alive_at().is_some_and(|at| at <= now) {
            self.keep_alive(around);
        }
    }

    fn patience(&self, around: &Around<'_>) -> Duration {
        if self.state.is_synchronized() {
            self.give_up().unwrap_or(around.common.config.give_up)
        } else {
            self.give_up().unwrap_or(around.common.config.give_up_opening)
        }
    }

    /// Whether the other end has had all the time that it gets.
    fn is_given_up(&self, around: &Around<'_>) -> bool {
        self.stuck_since.is_some_and(|since| around.now >= since + self.patience(around))
    }

    fn timed_out(&mut self, around: &mut Around<'_>) {
        around.common.counters.timeouts += 1;
        if self.is_given_up(around) {
            if let Some(reset) = self.abort(Closed::TimedOut, around) {
                around.common.replies.push_back(reset);
            }
            return;
        }
        let is_first = self.rtt.timeouts() == 0;
        self.rtt.timed_out();
        self.measured = None;
        if self.una == SYN {
            // RFC 5681, 3.1: a first flight of one segment then.
            self.congestion.opening_lost();
        } else {
            let sent = self.sent();
            self.recovery.timed_out(&sent, is_first, &mut self.congestion);
        }
        self.nxt = self.una;
        self.start_timer(around);
    }

    /// The retransmission timer begins anew.
    pub(super) fn start_timer(&mut self, around: &Around<'_>) {
        let timeout = self.rtt.timeout(around.common.config.initial_timeout);
        self.timer = Timer::Retransmit;
        self.timer_at = around.now + self.at_most_patience(timeout, around);
        self.is_sooner = true;
    }

    /// No longer than until the end of all patience.
    fn at_most_patience(&self, pause: Duration, around: &Around<'_>) -> Duration {
        let left = self.stuck_since.map(|since| (since + self.patience(around)).saturating_sub(around.now));
        left.map_or(pause, |left| pause.min(left.max(Duration::from_millis(1))))
    }

    /// A closed window is probed.
    fn persist(&mut self, around: &mut Around<'_>) {
        if self.is_given_up(around) {
            if let Some(reset) = self.abort(Closed::TimedOut, around) {
                around.common.replies.push_back(reset);
            }
            return;
        }
        self.rtt.timed_out();
        self.probe = true;
        self.start_persist(around);
    }

    pub(super) fn start_persist(&mut self, around: &Around<'_>) {
        let pause = self.rtt.timeout(around.common.config.initial_timeout).min(LONGEST_PERSIST);
        self.stuck_since.get_or_insert(around.now);
        self.timer = Timer::Persist;
        self.timer_at = around.now + self.at_most_patience(pause, around);
        self.is_sooner = true;
    }

    /// The state that it is in does not last longer.
    pub(super) fn ends_at(&mut self, at: Duration) {
        (self.state_until, self.is_sooner) = (Some(at), true);
    }

    fn keep_alive(&mut self, around: &mut Around<'_>) {
        let Some(keep) = self.keep_alive_mut() else { return };
        if keep.sent >= keep.most {
            if let Some(reset) = self.abort(Closed::TimedOut, around) {
                around.common.replies.push_back(reset);
            }
            return;
        }
        keep.sent += 1;
        // RFC 9293, 3.8.4: a number that was acknowledged, which draws an acknowledgement.
        let probe = self.header(self.una.saturating_sub(1), Flags::ACK, around.now);
        around.common.replies.push_back(probe);
    }
}
