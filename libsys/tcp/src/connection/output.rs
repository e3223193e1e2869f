//! What a connection sends next.

use super::{Around, Connection, Owed, State, Timer};
use crate::congestion::Congestion as _;
use crate::options::Sack;
use crate::ranges::Range;
use crate::recovery::Next;
use crate::segment::{Flags, Outgoing, Payload};
use crate::seq::{FIRST, SYN};

impl Connection {
    /// The next segment to send, if there is one now; to be asked again then.
    pub(crate) fn output(&mut self, around: &mut Around<'_>) -> Option<Outgoing> {
        match self.state {
            State::Closed | State::TimeWait => return None,
            State::SynSent | State::SynReceived if self.una == SYN => return self.opening(around),
            _ => {}
        }
        // Nothing to send, or to send again: what only receives gets no further.
        let has_data = self.una != self.max || self.nxt != self.end_of_stream();
        if has_data && let Some(segment) = self.data(around) {
            self.last_sent = around.now;
            return Some(segment);
        }
        if self.owed != Owed::Now {
            return None;
        }
        self.last_sent = around.now;
        Some(self.acknowledge(around))
    }

    /// A SYN, or its answer.
    fn opening(&mut self, around: &mut Around<'_>) -> Option<Outgoing> {
        if self.nxt != SYN {
            if self.owed == Owed::Now && self.state == State::SynReceived {
                self.owed = Owed::Nothing;
                return Some(self.header(self.nxt, Flags::ACK, around.now));
            }
            return None;
        }
        let is_answer = self.state == State::SynReceived;
        self.advertised = self.rcv + (self.room - self.rcv).min(0xffff);
        let flags = if is_answer { Flags::SYN.with(Flags::ACK) } else { Flags::SYN };
        let mut syn = self.header(SYN, flags, around.now);
        // The window of a SYN is never shifted (RFC 7323, 2.2).
        syn.window = (self.advertised - self.rcv) as u16;
        if !is_answer {
            syn.ack = 0;
        }
        syn.options.mss = Some(self.own_mss);
        syn.options.sack_permitted = self.sack;
        syn.options.scale = self.offers_scale.then_some(self.scale);
        (self.nxt, self.max) = (FIRST, FIRST);
        self.owed = Owed::Nothing;
        if self.rtt.timeouts() == 0 {
            self.measured = Some((FIRST, around.now));
        } else {
            around.common.counters.retransmitted += 1;
        }
        if self.timer == Timer::Off {
            self.start_timer(around);
        }
        self.last_sent = around.now;
        Some(syn)
    }

    /// Behind the last number that there is to send: the FIN's, if there is one.
    pub(super) fn end_of_stream(&self) -> u64 {
        self.written + u64::from(self.fin)
    }

    fn data(&mut self, around: &mut Around<'_>) -> Option<Outgoing> {
        if self.una == self.max && self.nxt < self.end_of_stream() && self.is_idle(around) {
            // RFC 5681, 4.1.
            self.congestion.idle();
        }
        if let Some(range) = self.recovery.take_due(&self.sent()) {
            around.common.counters.fast_retransmits += 1;
            return Some(self.send(range, true, around));
        }
        let allowance = self.recovery.allowance(&self.sent(), &self.congestion);
        let mss = u64::from(self.payload_mss());
        let limit = self.una + u64::from(self.window);
        if self.recovery.is_fast() {
            if allowance < mss {
                return None;
            }
            let has_new = self.max < self.end_of_stream() && self.max < limit;
            match self.recovery.next(&self.sent(), has_new) {
                Some(Next::Again(range)) => return Some(self.send(range, true, around)),
                // Without SACK the window's inflation lets new segments out, as does NextSeg's second rule.
                Some(Next::New) => {}
                None if self.recovery.knows() => return None,
                None => {}
            }
        }
        let hole = if self.nxt < self.max {
            self.recovery.skip(self.nxt)
        } else {
            Range { from: self.nxt, to: u64::MAX }
        };
        let from = if hole.from > self.max { self.max } else { hole.from };
        let again = from < self.max;
        let mut to = self.end_of_stream().min(hole.to);
        if again {
            // What is sent again ends where it did, or with what was written since: never across what is known to have arrived.
            to = to.min(self.max.max(from + mss));
        }
        let tso = u64::from(around.common.config.tso);
        let most = if tso < 2 * mss { mss } else { tso / mss * mss };
        let within = limit.min(from + allowance).min(from + most);
        let sendable = to.min(within);
        // A FIN needs no window.
        let fin_alone = self.fin && from == self.written && from < to;
        if from >= to {
            return None;
        }
        if self.probe && sendable > from {
            self.probe = false;
            // It was waited long enough for a larger one.
            return Some(self.send(Range { from, to: sendable }, again, around));
        }
        if sendable <= from && !fin_alone {
            return self.blocked(limit <= from, around);
        }
        let mut end = if fin_alone { self.end_of_stream() } else { sendable };
        if end - from > mss && end < self.end_of_stream() && !again {
            // Whole segments, the rest with what follows.
            let whole = (end - from) / mss * mss;
            if end == within || !self.may_send_small(from + whole, end) {
                end = from + whole;
            }
        } else if end - from < mss && !again && !self.may_send_small(from, end) {
            return self.blocked(limit <= from, around);
        }
        self.nxt = self.nxt.max(from);
        Some(self.send(Range { from, to: end }, again, around))
    }

    /// Whether a segment that is not full may go: RFC 9293, 3.8.6.2.1 with Nagle (3.7.4).
    fn may_send_small(&self, from: u64, to: u64) -> bool {
        let is_all = to == self.end_of_stream();
        let is_last = self.fin && is_all;
        let is_alone = self.una == self.max && from == self.max;
        is_last
            || is_all && (self.no_delay || is_alone)
            || to - from >= u64::from(self.most_window / 2).max(1)
                && to - from < u64::from(self.payload_mss())
    }

    fn is_idle(&self, around: &Around<'_>) -> bool {
        around.now >= self.last_sent + self.rtt.timeout(around.common.config.initial_timeout)
    }

    /// Nothing can go. If that is the other end's window, it is probed.
    fn blocked(&mut self, by_window: bool, around: &mut Around<'_>) -> Option<Outgoing> {
        if core::mem::take(&mut self.probe) && by_window {
            // One byte beyond the window (RFC 9293, 3.8.6.1).
            let range = Range { from: self.una, to: self.una + 1 };
            let mut probe = self.header(range.from, Flags::ACK, around.now);
            if range.from < self.written {
                probe.payload =
                    Some(Payload { connection: around.id, position: Self::position(range.from), length: 1 });
            } else {
                probe.flags = probe.flags.with(Flags::FIN);
            }
            self.max = self.max.max(range.to);
            return Some(probe);
        }
        let small = u64::from(self.window) < u64::from(self.payload_mss());
        if (by_window || small) && self.una == self.nxt && self.timer == Timer::Off {
            self.start_persist(around);
        }
        None
    }

    /// Sends the numbers of that range.
    #[inline]
    fn send(&mut self, range: Range, again: bool, around: &mut Around<'_>) -> Outgoing {
        let mut segment = self.header(range.from, Flags::ACK, around.now);
        let bytes_end = range.to.min(self.written);
        if range.from < bytes_end {
            segment.payload = Some(Payload {
                connection: around.id,
                position: Self::position(range.from),
                length: (bytes_end - range.from) as u32,
            });
            if bytes_end == self.written {
                segment.flags = segment.flags.with(Flags::PSH);
            }
        }
        if range.to > self.written {
            segment.flags = segment.flags.with(Flags::FIN);
        }
        self.open_window(&mut segment);
        if again {
            around.common.counters.retransmitted += 1;
            // Karn: whose acknowledgement it would be, nobody knows.
            if self.measured.is_some_and(|(end, _)| end > range.from) {
                self.measured = None;
            }
        }
        if range.to > self.max && !again && self.measured.is_none() && self.stamps.is_none() {
            self.measured = Some((range.to, around.now));
        }
        if range.from <= self.nxt && range.to > self.nxt {
            self.nxt = range.to;
        }
        self.max = self.max.max(range.to);
        self.stuck_since.get_or_insert(around.now);
        if self.timer != Timer::Retransmit {
            self.start_timer(around);
        }
        self.acknowledged_now();
        segment
    }

    /// How far the other end may send.
    pub(super) fn window_now(&self) -> u64 {
        let most = 0xffff_u64 << self.scale;
        let edge = self.rcv + (self.room.saturating_sub(self.rcv)).min(most);
        // What the shift cuts off is not offered.
        let edge = self.rcv + ((edge - self.rcv) >> self.scale << self.scale);
        edge.max(self.advertised)
    }

    /// Tells the window as it is now, if it is worth telling that it has become larger (RFC 9293, 3.8.6.2.2).
    fn open_window(&mut self, segment: &mut Outgoing) {
        let now = self.window_now();
        let worth = u64::from(self.mss).min((self.room.saturating_sub(self.rcv)) / 2).max(1);
        if now >= self.advertised + worth {
            self.advertised = now;
        }
        segment.window = self.wire_window();
    }

    fn acknowledged_now(&mut self) {
        self.owed = Owed::Nothing;
        self.unacknowledged = 0;
        self.last_ack = self.rcv;
    }

    /// An acknowledgement.
    #[inline]
    pub(super) fn acknowledge(&mut self, around: &mut Around<'_>) -> Outgoing {
        let mut segment = self.header(self.nxt.max(self.una), Flags::ACK, around.now);
        // A byte that probed a closed window is beyond it, and so would this segment be, which nobody takes then: not what it acknowledges either.
        let is_probing = self.timer == Timer::Persist && cfg!(not(bite = "tcp-acknowledges-beyond"));
        segment.seq = self.out.wire(if is_probing { self.nxt } else { self.max.max(self.nxt) });
        self.open_window(&mut segment);
        segment.options.sack = self.blocks();
        self.acknowledged_now();
        segment
    }

    /// What is told of what has arrived behind a gap: what came last first, a duplicate before all (RFC 2018, section 4; RFC 2883).
    fn blocks(&mut self) -> Sack {
        let mut blocks = Sack::new();
        if !self.sack {
            return blocks;
        }
        let wire = |range: Range| (self.incoming.wire(range.from), self.incoming.wire(range.to));
        let told = self.told;
        let is_duplicate = core::mem::take(&mut self.is_duplicate);
        if is_duplicate {
            blocks.push(wire(told));
        }
        let Some(behind) = &self.behind else { return blocks };
        let first = behind.iter().find(|range| range.from <= told.from && told.to <= range.to);
        let others = behind.iter().rev().filter(|range| Some(*range) != first);
        let room = blocks.remaining_capacity();
        blocks.extend(first.into_iter().chain(others).take(room).map(wire));
        blocks
    }
}
