//! Segments that come in: whose they are.

use core::time::Duration;

use super::{Engine, MOST_REPLIES, Taken};
use crate::connection::After;
use crate::event::ListenerId;
use crate::options::Options;
use crate::owner::owner;
use crate::segment::{Flags, Outgoing, Segment};
use crate::timewait::Rest;

impl Engine {
    /// Takes a segment whose checksum was right.
    pub fn input(&mut self, segment: &Segment, now: Duration) -> Taken {
        let (tuple, flags) = (segment.tuple, segment.flags);
        // A SYN that ends something is nobody's (RFC 9293 knows none; xmas trees do).
        let is_odd = flags.has(Flags::SYN) && (flags.has(Flags::FIN) || flags.has(Flags::RST));
        // The ends of a connection that is here are sound, and this thread's.
        if !is_odd && let Some(index) = self.number_of(&tuple) {
            self.common.counters.segments_in += 1;
            self.hand_over(index, segment, now);
            return Taken::Here;
        }
        let (own, count) = self.common.config.owner;
        let owner = owner(&tuple, count);
        let takes_all = cfg!(any(bite = "tcp-takes-all", bite = "net-nobody-forwards"));
        if owner != own && !takes_all {
            self.common.counters.not_mine += 1;
            return Taken::NotMine(owner);
        }
        self.common.counters.segments_in += 1;
        if !tuple.is_sound() || is_odd {
            self.common.counters.not_sound += 1;
            return Taken::Here;
        }
        if self.in_time_wait(segment, now) || self.confirms(segment, now) {
            return Taken::Here;
        }
        match self.listens(&tuple) {
            _ if flags.has(Flags::RST) => {}
            Some(listener) if flags.has(Flags::ACK) => {
                let may_be = !flags.has(Flags::SYN) && self.has_cookie(listener, segment, now);
                if !may_be && !self.is_full(listener) {
                    self.refuse(segment);
                }
            }
            Some(listener) if flags.has(Flags::SYN) => self.asked(listener, segment, now),
            Some(_) => {}
            None => self.refuse(segment),
        }
        Taken::Here
    }

    /// Whether a listener has as many connections waiting as it may: what confirms one more is not wrong then.
    fn is_full(&mut self, listener: ListenerId) -> bool {
        self.listener(listener).is_some_and(|listener| listener.waiting >= listener.backlog)
    }

    /// Hands a segment to its connection.
    pub(super) fn hand_over(&mut self, index: u32, segment: &Segment, now: Duration) {
        match self.with(index, now, |connection, around| connection.input(segment, around)) {
            Some(After::Challenge) => {
                if !self.challenges.take(now, self.common.config.challenges_a_second) {
                    self.common.counters.challenges_withheld += 1;
                    return;
                }
                self.common.counters.challenges += 1;
                let challenge = self.with(index, now, |connection, around| connection.challenge(around));
                self.reply(challenge);
            }
            Some(After::Reset) => self.refuse(segment),
            _ => {}
        }
    }

    /// What is for a connection in TIME-WAIT; false: it is for nobody there, or begins a successor.
    fn in_time_wait(&mut self, segment: &Segment, now: Duration) -> bool {
        let Some(rest) = self.waiting.get(&segment.tuple).copied() else { return false };
        let flags = segment.flags;
        if flags.has(Flags::RST) {
            // RFC 1337: a reset ends no waiting.
            return true;
        }
        if flags.has(Flags::SYN) && !flags.has(Flags::ACK) {
            let stamp = segment.options.timestamps.map(|(value, _)| value);
            if rest.is_succeeded_by(segment.seq, stamp) {
                self.waiting.remove(&segment.tuple);
                return false;
            }
        }
        if flags.has(Flags::FIN) {
            // Its acknowledgement was lost: the waiting begins anew.
            let until = now + self.common.config.time_wait;
            self.waiting.put(segment.tuple, Rest { until, ..rest });
        }
        let clock = now.as_millis() as u32;
        let timestamps = rest.stamps.map(|(offset, recent)| (clock.wrapping_add(offset), recent));
        let answer = Outgoing {
            tuple: segment.tuple,
            seq: rest.seq,
            ack: rest.ack,
            flags: Flags::ACK,
            window: rest.window,
            options: Options { timestamps, ..Options::default() },
            payload: None,
            mss: 536,
        };
        if segment.span() > 0 && self.challenges.take(now, self.common.config.challenges_a_second) {
            self.reply(Some(answer));
        }
        true
    }

    /// Tells the other end that there is nothing (RFC 9293, 3.10.7.1).
    pub(super) fn refuse(&mut self, segment: &Segment) {
        if segment.flags.has(Flags::RST) {
            return;
        }
        let (seq, ack, flags) = if segment.flags.has(Flags::ACK) {
            (segment.ack, 0, Flags::RST)
        } else {
            (0, segment.seq.wrapping_add(segment.span()), Flags::RST.with(Flags::ACK))
        };
        self.common.counters.resets_out += 1;
        let (tuple, options) = (segment.tuple, Options::default());
        self.reply(Some(Outgoing { tuple, seq, ack, flags, window: 0, options, payload: None, mss: 536 }));
    }

    pub(super) fn reply(&mut self, reply: Option<Outgoing>) {
        if self.common.replies.len() < MOST_REPLIES {
            self.common.replies.extend(reply);
        }
    }
}
