//! A segment has arrived (RFC 9293, 3.10.7, with RFC 5961 and RFC 7323).

use core::num::NonZeroU64;
use core::time::Duration;

use super::{Agreed, Around, Connection, Owed, Stamps, State, Timer};
use crate::event::{Closed, Event, Place};
use crate::ranges::Range;
use crate::segment::{Flags, Outgoing, Segment};
use crate::seq::{FIRST, SYN, is_older};

/// A time stamp of an idle connection is no longer believed after that (RFC 7323, 5.5).
const STAMP_AGE: Duration = Duration::from_secs(24 * 24 * 60 * 60);

/// What is to become of a connection after a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum After {
    /// It goes on.
    GoesOn,
    /// A challenge is to be sent, if there have not been too many (RFC 5961).
    Challenge,
    /// The other end is to be told that this makes no sense.
    Reset,
}

impl Connection {
    /// Takes a segment.
    pub(crate) fn input(&mut self, segment: &Segment, around: &mut Around<'_>) -> After {
        match self.state {
            State::Established if self.is_next(segment, around.now) => self.next(segment, around),
            State::SynSent => self.in_syn_sent(segment, around),
            State::Closed | State::TimeWait => After::GoesOn,
            _ => self.synchronized(segment, around),
        }
    }

    /// Whether a segment is what most are that carry data: the next bytes, within the window, and nothing else that is news. [`Connection::next`] is
    /// enough for it then, and does the same as [`Connection::synchronized`] would.
    fn is_next(&self, segment: &Segment, now: Duration) -> bool {
        let stamps = match (self.stamps, segment.options.timestamps) {
            (None, _) => true,
            (Some(stamps), Some((value, _))) => {
                !is_older(value, stamps.recent) && now < stamps.recent_at + STAMP_AGE
            }
            (Some(_), None) => false,
        };
        segment.flags.without(Flags::PSH) == Flags::ACK
            && (segment.seq == self.incoming.wire(self.rcv) || cfg!(bite = "tcp-any-is-next"))
            && segment.ack == self.out.wire(self.una)
            && u32::from(segment.window) << self.send_scale == self.window
            && segment.length > 0
            && self.rcv + u64::from(segment.length) <= self.advertised
            && stamps
            && segment.options.sack.is_empty()
            && self.behind.is_none()
            && self.peer_fin.is_none()
            && !self.is_orphan
            && !self.is_duplicate
            && cfg!(not(bite = "tcp-places-again"))
    }

    /// Takes a segment that [is next](Connection::is_next).
    fn next(&mut self, segment: &Segment, around: &mut Around<'_>) -> After {
        let seq = self.rcv;
        self.last_heard = around.now;
        if let Some(keep) = self.keep_alive_mut() {
            keep.sent = 0;
        }
        self.take_stamp(segment, seq, around);
        // The window that it says is the same, but said later.
        if self.window_from.0 <= seq {
            self.window_from = (seq, self.una);
        }
        let (connection, position) = (around.id, Self::position(seq));
        self.rcv += u64::from(segment.length);
        around.common.places.push_back(Place { connection, position, from: 0, length: segment.length });
        around.common.events.push_back(Event::Received { connection, upto: Self::position(self.rcv) });
        self.owe_soon(segment, around);
        After::GoesOn
    }

    /// RFC 9293, 3.10.7.3.
    fn in_syn_sent(&mut self, segment: &Segment, around: &mut Around<'_>) -> After {
        let ack = self.out.at(segment.ack, self.max);
        let acks = segment.flags.has(Flags::ACK);
        if acks && (ack <= SYN || ack > self.max) {
            return if segment.flags.has(Flags::RST) { After::GoesOn } else { After::Reset };
        }
        if segment.flags.has(Flags::RST) {
            if acks {
                self.end(Closed::Refused, around);
            }
            return After::GoesOn;
        }
        if !segment.flags.has(Flags::SYN) {
            return After::GoesOn;
        }
        let options = &segment.options;
        let offset = self.stamps.map(|stamps| stamps.offset);
        let agreed = Agreed {
            iss: self.out.wire(SYN),
            irs: segment.seq,
            mss: least_mss(options.mss),
            scale: options.scale,
            sack: self.sack && options.sack_permitted,
            stamps: offset.zip(options.timestamps.map(|(value, _)| value)),
            window: segment.window,
        };
        let (lost, scale) = (self.rtt.timeouts() > 0, self.scale);
        self.agree(&agreed, self.own_mss, around);
        self.offers_scale = agreed.scale.is_some();
        if self.offers_scale {
            self.scale = scale;
        }
        if lost {
            use crate::congestion::Congestion as _;
            self.congestion.opening_lost();
        }
        (self.rcv, self.advertised) = (FIRST, self.advertised.max(FIRST));
        self.last_heard = around.now;
        // The window of a SYN is never shifted.
        self.mark_window(segment.window.into(), FIRST, ack.max(SYN));
        if acks {
            self.measure(ack, segment, around);
            self.una = ack;
            self.settle();
            self.state = if self.fin { State::FinWait1 } else { State::Established };
            around.common.events.push_back(Event::Connected(around.id));
            self.owed = Owed::Now;
        } else {
            // Both ends have asked (RFC 9293, 3.5: simultaneous open). The answer is a SYN again.
            self.state = State::SynReceived;
            (self.nxt, self.una) = (SYN, SYN);
        }
        self.text_and_fin(segment, FIRST, around)
    }

    /// Nothing is due any more.
    fn settle(&mut self) {
        (self.timer, self.stuck_since) = (Timer::Off, None);
        self.rtt.progressed();
    }

    /// RFC 9293, 3.10.7.4.
    fn synchronized(&mut self, segment: &Segment, around: &mut Around<'_>) -> After {
        let flags = segment.flags;
        let syn = flags.has(Flags::SYN);
        let seq = self.incoming.at(segment.seq, self.rcv) + u64::from(syn);
        if let Some(after) = self.stamp_is_old(segment, seq, around) {
            return after;
        }
        if !self.is_acceptable(seq, u64::from(segment.length) + u64::from(flags.has(Flags::FIN))) {
            around.common.counters.out_of_window += 1;
            if flags.has(Flags::RST) {
                return After::GoesOn;
            }
            if syn {
                return After::Challenge;
            }
            // What was all there already is told as a duplicate (RFC 2883).
            self.note_duplicate(seq, (seq + u64::from(segment.length)).min(self.rcv));
            self.last_heard = around.now;
            if flags.has(Flags::ACK) && seq < self.rcv {
                self.old_acknowledgement(segment, around);
            }
            if self.state != State::Closed {
                let reply = self.acknowledge(around);
                around.common.replies.push_back(reply);
            }
            return After::GoesOn;
        }
        if flags.has(Flags::RST) {
            // RFC 5961, 3.2: only the very next number resets.
            if seq != self.rcv && cfg!(not(bite = "tcp-resets-within-the-window")) {
                return After::Challenge;
            }
            let how = if self.state == State::SynReceived { Closed::Refused } else { Closed::Reset };
            self.end(how, around);
            return After::GoesOn;
        }
        if syn {
            // RFC 5961, 4.2. In SYN-RECEIVED, with an acknowledgement, it answers this end's when both have asked, and without one it says that
            // this end's answer was lost.
            let is_first = self.state == State::SynReceived && seq == FIRST;
            if !is_first {
                return After::Challenge;
            }
            if !flags.has(Flags::ACK) {
                self.nxt = SYN;
                return After::GoesOn;
            }
        }
        if !flags.has(Flags::ACK) {
            return After::GoesOn;
        }
        let ack = self.out.at(segment.ack, self.una);
        if self.state == State::SynReceived {
            if ack <= SYN || ack > self.max {
                return After::Reset;
            }
            self.state = if self.fin { State::FinWait1 } else { State::Established };
            self.mark_window(u32::from(segment.window) << if syn { 0 } else { self.send_scale }, seq, ack);
            around.common.events.push_back(Event::Connected(around.id));
        }
        // RFC 5961, 5.2: what acknowledges too little or too much is nobody's.
        if ack > self.max || ack + u64::from(self.most_window) < self.una {
            return After::Challenge;
        }
        self.last_heard = around.now;
        if let Some(keep) = self.keep_alive_mut() {
            keep.sent = 0;
        }
        self.take_stamp(segment, seq, around);
        self.acknowledged(ack, seq, segment, around);
        if self.state == State::Closed {
            return After::GoesOn;
        }
        self.text_and_fin(segment, seq, around)
    }

    /// PAWS (RFC 7323, 5.3): what carries an older time stamp than the last is an old duplicate.
    fn stamp_is_old(&mut self, segment: &Segment, seq: u64, around: &mut Around<'_>) -> Option<After> {
        let stamps = self.stamps?;
        if segment.flags.has(Flags::RST) || segment.flags.has(Flags::SYN) {
            return None;
        }
        let Some((value, _)) = segment.options.timestamps else {
            // RFC 7323, 3.2: one without is dropped, unless the other end is a stack that forgets them in an acknowledgement alone.
            return (segment.length > 0).then_some(After::GoesOn);
        };
        let is_fresh = around.now < stamps.recent_at + STAMP_AGE;
        if !is_older(value, stamps.recent) || !is_fresh {
            return None;
        }
        around.common.counters.paws += 1;
        self.note_duplicate(seq, seq + u64::from(segment.length).min(self.rcv.saturating_sub(seq)));
        if segment.length > 0 || segment.flags.has(Flags::FIN) {
            let reply = self.acknowledge(around);
            around.common.replies.push_back(reply);
        }
        Some(After::GoesOn)
    }

    /// Remembers the time stamp that the next acknowledgement echoes (RFC 7323, 4.3).
    fn take_stamp(&mut self, segment: &Segment, seq: u64, around: &Around<'_>) {
        let last_ack = self.last_ack;
        if let (Some(stamps), Some((value, _))) = (&mut self.stamps, segment.options.timestamps)
            && !is_older(value, stamps.recent)
            && seq <= last_ack
        {
            *stamps = Stamps { recent: value, recent_at: around.now, ..*stamps };
        }
    }

    /// RFC 9293, 3.4: whether some of it is within the window.
    fn is_acceptable(&self, seq: u64, length: u64) -> bool {
        let edge = self.advertised.max(self.rcv);
        match (length, edge - self.rcv) {
            (0, 0) => seq == self.rcv,
            (0, _) => (self.rcv..edge).contains(&seq) || seq == edge,
            // A closed window takes no data, but what comes with it counts.
            (_, 0) => seq == self.rcv || seq < self.rcv && seq + length > self.rcv,
            _ => seq < edge && seq + length > self.rcv,
        }
    }

    /// What comes with a segment that lies before the window: both ends may have closed, and each wait for the other.
    fn old_acknowledgement(&mut self, segment: &Segment, around: &mut Around<'_>) {
        let ack = self.out.at(segment.ack, self.una);
        if ack <= self.max
            && ack + u64::from(self.most_window) >= self.una
            && self.state != State::SynReceived
        {
            let seq = self.incoming.at(segment.seq, self.rcv);
            self.acknowledged(ack, seq, segment, around);
        }
    }

    /// What an acknowledgement says.
    fn acknowledged(&mut self, ack: u64, seq: u64, segment: &Segment, around: &mut Around<'_>) {
        use crate::congestion::Congestion as _;
        let window =
            u32::from(segment.window) << if segment.flags.has(Flags::SYN) { 0 } else { self.send_scale };
        let news = self.sack && !segment.options.sack.is_empty() && {
            let (origin, una) = (self.out, self.una.max(ack));
            let blocks = segment.options.sack.iter();
            let blocks =
                blocks.map(|(from, to)| Range { from: origin.at(*from, una), to: origin.at(*to, una) });
            self.recovery.note(&self.sent(), blocks)
        };
        if ack > self.una {
            let sent = self.sent();
            let was_limited = sent.max - sent.una + u64::from(sent.mss) > u64::from(self.congestion.window());
            let acked = ack - self.una;
            self.measure(ack, segment, around);
            self.una = ack;
            self.nxt = self.nxt.max(ack);
            let sent = self.sent();
            let restarts = self.recovery.advanced(&sent, acked, was_limited, &mut self.congestion);
            self.rtt.progressed();
            self.stuck_since = (self.una < self.max).then_some(around.now);
            match (self.una == self.max, restarts) {
                (true, _) => self.timer = Timer::Off,
                (false, true) => self.start_timer(around),
                _ => {}
            }
            let bytes = Self::position(ack.min(self.written));
            if ack > FIRST && self.una - acked < self.written {
                around.common.events.push_back(Event::Acknowledged { connection: around.id, upto: bytes });
            }
        } else if ack == self.una && self.una < self.max {
            let is_bare = segment.length == 0 && !segment.flags.has(Flags::FIN) && window == self.window;
            let is_duplicate = if self.sack { news } else { is_bare };
            if is_duplicate {
                let sent = self.sent();
                if self.recovery.duplicate(&sent, &mut self.congestion) {
                    self.start_timer(around);
                }
            }
        }
        let (from, acked) = self.window_from;
        if ack >= self.una && (from < seq || from == seq && acked <= ack) {
            let was = self.window;
            self.mark_window(window, seq, ack);
            if self.timer == Timer::Persist && window > was {
                self.settle();
            }
        }
        if self.fin && self.una == self.written + 1 {
            self.fin_acknowledged(around);
        }
    }

    fn fin_acknowledged(&mut self, around: &mut Around<'_>) {
        match self.state {
            State::FinWait1 => {
                self.state = State::FinWait2;
                if self.is_orphan {
                    self.ends_at(around.now + around.common.config.fin_wait);
                }
            }
            State::Closing => self.state = State::TimeWait,
            State::LastAck => self.end(Closed::Done, around),
            _ => {}
        }
    }

    /// A round trip, by the time stamp that came back or by a segment that was sent once (RFC 7323, 4.1; RFC 6298).
    fn measure(&mut self, ack: u64, segment: &Segment, around: &Around<'_>) {
        if let (Some(stamps), Some((_, echo))) = (self.stamps, segment.options.timestamps)
            && self.una > SYN
        {
            let now = (around.now.as_millis() as u32).wrapping_add(stamps.offset);
            let took = now.wrapping_sub(echo);
            // What did not come from here says nothing.
            if echo != 0 && took < 1 << 24 {
                self.rtt.measured(Duration::from_millis(took.max(1).into()));
            }
            return;
        }
        if let Some((_, at)) = self.measured.filter(|(end, _)| *end <= ack) {
            self.rtt.measured(around.now.saturating_sub(at));
            self.measured = None;
        }
    }

    fn note_duplicate(&mut self, from: u64, to: u64) {
        if from < to {
            (self.told, self.is_duplicate) = (Range { from, to }, true);
        }
    }

    /// The segment's bytes and its FIN (RFC 9293, 3.10.7.4, seventh and eighth).
    fn text_and_fin(&mut self, segment: &Segment, seq: u64, around: &mut Around<'_>) -> After {
        let end = seq + u64::from(segment.length);
        let fin = segment.flags.has(Flags::FIN);
        if !self.state.may_receive() || segment.length == 0 && !fin {
            return After::GoesOn;
        }
        if self.is_orphan && segment.length > 0 && end > self.rcv {
            // RFC 9293, 3.6.1: what nobody will read is refused, so that the other end knows.
            self.end(Closed::Done, around);
            return After::Reset;
        }
        let edge = self.advertised.max(self.rcv);
        let first = if cfg!(bite = "tcp-places-again") { seq } else { seq.max(self.rcv) };
        let part = Range { from: first, to: end.min(edge) };
        if seq < self.rcv && segment.length > 0 {
            self.note_duplicate(seq, end.min(self.rcv));
        }
        let is_within = part.from < part.to;
        let before = self.rcv;
        if is_within && !self.take(part, seq, around) {
            around.common.counters.no_room += 1;
            self.owed = Owed::Now;
            return After::GoesOn;
        }
        if fin && end <= edge {
            self.peer_fin = self.peer_fin.or(NonZeroU64::new(end));
        }
        if self.rcv > before {
            around
                .common
                .events
                .push_back(Event::Received { connection: around.id, upto: Self::position(self.rcv) });
        }
        let fills = self.rcv > part.to && segment.length > 0;
        if self.peer_fin.is_some_and(|end| end.get() == self.rcv) {
            self.peer_closed(around);
        }
        self.owe(part.from > before || fills, segment, around);
        After::GoesOn
    }

    /// Takes bytes; false if they lie behind a gap and there is no room to remember that.
    fn take(&mut self, part: Range, seq: u64, around: &mut Around<'_>) -> bool {
        if part.from > self.rcv {
            let behind = self.behind.get_or_insert_default();
            let known = behind.covers(part);
            if behind.insert(part).is_none() {
                return false;
            }
            (self.told, self.is_duplicate) = (part, known);
            if known {
                return true;
            }
        } else {
            self.rcv = part.to;
            if let Some(behind) = &mut self.behind {
                let mut twice = None;
                while let Some(to) = behind.take_at(self.rcv) {
                    twice = twice.or(Some(self.rcv));
                    self.rcv = self.rcv.max(to);
                }
                if behind.is_empty() {
                    self.behind = None;
                }
            }
        }
        around.common.places.push_back(Place {
            connection: around.id,
            position: Self::position(part.from),
            from: (part.from - seq) as u32,
            length: (part.to - part.from) as u32,
        });
        true
    }

    fn peer_closed(&mut self, around: &mut Around<'_>) {
        // The FIN's number.
        self.rcv += 1;
        self.advertised = self.advertised.max(self.rcv);
        self.peer_fin = None;
        self.owed = Owed::Now;
        around.common.events.push_back(Event::PeerClosed(around.id));
        self.state = match self.state {
            State::FinWait1 => State::Closing,
            State::FinWait2 => State::TimeWait,
            _ => State::CloseWait,
        };
    }

    /// When the segment is acknowledged (RFC 5681, 4.2): what lies behind a gap, fills one or came twice at once, else every second one.
    fn owe(&mut self, is_odd: bool, segment: &Segment, around: &mut Around<'_>) {
        let at_once = is_odd || self.is_duplicate || self.behind.is_some();
        if at_once && self.state != State::Closed {
            // Each by itself: the sender counts them.
            let reply = self.acknowledge(around);
            around.common.replies.push_back(reply);
            return;
        }
        self.owe_soon(segment, around);
    }

    /// Every second one, or after a while.
    fn owe_soon(&mut self, segment: &Segment, around: &Around<'_>) {
        self.unacknowledged += segment.length;
        let enough = u64::from(self.unacknowledged) >= 2 * u64::from(self.payload_mss());
        self.owed = match self.owed {
            Owed::Now => Owed::Now,
            _ if enough || segment.flags.has(Flags::FIN) => Owed::Now,
            Owed::By(at) => Owed::By(at),
            Owed::Nothing => {
                self.is_sooner = cfg!(not(bite = "tcp-forgets-deadlines"));
                Owed::By(around.now + around.common.config.delayed_ack)
            }
        };
    }

    /// What is still owed when the connection becomes a record.
    pub(crate) fn last_words(&mut self, around: &mut Around<'_>) -> Option<Outgoing> {
        (self.owed != Owed::Nothing).then(|| self.acknowledge(around))
    }

    /// What is sent to somebody whose segment makes one doubt whether he means this connection (RFC 5961).
    pub(crate) fn challenge(&mut self, around: &mut Around<'_>) -> Outgoing {
        self.acknowledge(around)
    }
}

/// The other end's largest segment: 536 if it says nothing (RFC 9293, 3.7.1), and never so little that headers were most of what is sent.
pub(crate) fn least_mss(said: Option<u16>) -> u16 {
    said.unwrap_or(536).max(64)
}
