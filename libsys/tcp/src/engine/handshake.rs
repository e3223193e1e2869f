//! Connections that others ask for: the SYN cache and its cookies.

use core::time::Duration;

use super::Engine;
use crate::connection::{Agreed, Connection, least_mss};
use crate::cookie;
use crate::event::{Event, ListenerId};
use crate::options::Options;
use crate::segment::{Flags, Outgoing, Segment};
use crate::seq::is_older;
use crate::syncache::Opening;
use crate::tuple::Tuple;

impl Engine {
    /// Who waits for connections to that end: whoever named the address, before those who take any.
    pub(super) fn listens(&self, tuple: &Tuple) -> Option<ListenerId> {
        let of = |address| self.ports.get(&(tuple.local.port, address)).copied();
        of(Some(tuple.local.address)).or_else(|| of(None))
    }

    /// A SYN for a listener.
    pub(super) fn asked(&mut self, listener: ListenerId, segment: &Segment, now: Duration) {
        let tuple = segment.tuple;
        let mss = least_mss(segment.options.mss);
        let opening = Opening {
            listener,
            irs: segment.seq,
            iss: cookie::make(&self.keys, &tuple, segment.seq, mss, now),
            mss,
            scale: segment.options.scale,
            sack: self.common.config.sack && segment.options.sack_permitted,
            stamp: segment
                .options
                .timestamps
                .map(|(value, _)| value)
                .filter(|_| self.common.config.timestamps),
            window: segment.window,
            since: now,
            again: 0,
            due: now + self.common.config.initial_timeout,
        };
        self.common.counters.openings_evicted += u64::from(self.openings.put(tuple, opening));
        self.answer(tuple, &opening);
    }

    /// What our time stamps say besides the clock: their low bits are the cookie's when the answer is sent.
    fn stamp_offset(&self, tuple: &Tuple, opening: &Opening) -> u32 {
        let clock = opening.since.as_millis() as u32;
        let first = clock.wrapping_add(self.keys.stamp(tuple));
        let low = (1 << cookie::STAMP_BITS) - 1;
        (first & !low | cookie::stamp(opening.sack, opening.scale)).wrapping_sub(clock)
    }

    /// Answers a SYN. Each answer to it has the first one's stamp: so the cookie stays whole.
    pub(super) fn answer(&mut self, tuple: Tuple, opening: &Opening) {
        let Some(listener) = self.listener(opening.listener).copied() else { return };
        let offset = self.stamp_offset(&tuple, opening);
        let clock = opening.since.as_millis() as u32;
        let answer = Outgoing {
            tuple,
            seq: opening.iss,
            ack: opening.irs.wrapping_add(1),
            flags: Flags::SYN.with(Flags::ACK),
            window: u16::try_from(listener.room).unwrap_or(u16::MAX),
            options: Options {
                mss: Some(self.own_mss(&tuple)),
                scale: opening.scale.map(|_| scale(listener.room)),
                sack_permitted: opening.sack,
                timestamps: opening.stamp.map(|echo| (clock.wrapping_add(offset), echo)),
                ..Options::default()
            },
            payload: None,
            mss: opening.mss,
        };
        self.reply(Some(answer));
    }

    /// A segment for a connection that was asked for and not yet confirmed; whether it was one.
    pub(super) fn confirms(&mut self, segment: &Segment, now: Duration) -> bool {
        let tuple = segment.tuple;
        let Some(opening) = self.openings.get(&tuple).copied() else { return false };
        let flags = segment.flags;
        let next = opening.irs.wrapping_add(1);
        if flags.has(Flags::RST) {
            // RFC 5961: exactly what is expected, or it is doubted.
            if segment.seq == next {
                self.openings.remove(&tuple);
            }
            return true;
        }
        if flags.has(Flags::SYN) {
            if flags.has(Flags::ACK) {
                self.refuse(segment);
            } else if segment.seq == opening.irs {
                self.answer(tuple, &opening);
            } else {
                // Whoever asks anew has forgotten that he asked.
                self.openings.remove(&tuple);
                self.asked(opening.listener, segment, now);
            }
            return true;
        }
        if !flags.has(Flags::ACK) {
            return true;
        }
        if segment.ack != opening.iss.wrapping_add(1) {
            self.refuse(segment);
            return true;
        }
        let stamps = opening.stamp.zip(segment.options.timestamps);
        let is_old = stamps.is_some_and(|(known, (value, _))| is_older(value, known));
        let room = self.listener(opening.listener).map_or(0, |listener| listener.room.min(0xffff));
        if is_old || segment.seq.wrapping_sub(next) > room {
            return true;
        }
        let offset = self.stamp_offset(&tuple, &opening);
        let agreed = Agreed {
            iss: opening.iss,
            irs: opening.irs,
            mss: opening.mss,
            scale: opening.scale,
            sack: opening.sack,
            stamps: opening.stamp.map(|recent| (offset, recent)),
            window: opening.window,
        };
        let since = (opening.again == 0).then_some(opening.since);
        if self.establish(opening.listener, segment, &agreed, since, now) {
            self.openings.remove(&tuple);
        }
        true
    }

    /// A confirmation of what was forgotten: its cookie says what it was. Whether it is one.
    pub(super) fn has_cookie(&mut self, listener: ListenerId, segment: &Segment, now: Duration) -> bool {
        let (iss, irs) = (segment.ack.wrapping_sub(1), segment.seq.wrapping_sub(1));
        let Some(mss) = cookie::check(&self.keys, &segment.tuple, irs, iss, now) else {
            self.common.counters.bad_cookies += 1;
            return false;
        };
        self.common.counters.cookies += 1;
        let stamps = segment.options.timestamps.filter(|_| self.common.config.timestamps);
        let (sack, scale) = stamps.map_or((false, None), |(_, echo)| cookie::offered(echo));
        // The clock of the answer is not known any more: what matters is that ours never goes back.
        let clock = now.as_millis() as u32;
        let stamps = stamps.map(|(value, echo)| (echo.wrapping_add(1).wrapping_sub(clock), value));
        let agreed = Agreed { iss, irs, mss, scale, sack, stamps, window: segment.window };
        self.establish(listener, segment, &agreed, None, now)
    }

    fn establish(
        &mut self,
        id: ListenerId,
        segment: &Segment,
        agreed: &Agreed,
        since: Option<Duration>,
        now: Duration,
    ) -> bool {
        let tuple = segment.tuple;
        let Some(listener) = self.listener(id) else { return false };
        if listener.waiting >= listener.backlog {
            // The other end sends it again.
            self.common.counters.backlog_full += 1;
            return false;
        }
        let room = u64::from(listener.room);
        let own_mss = self.own_mss(&tuple);
        let made = self.add(tuple, now, |around| Connection::confirmed(tuple, agreed, room, own_mss, around));
        let Ok(connection) = made else {
            self.common.counters.backlog_full += 1;
            return false;
        };
        if let Some(listener) = self.listener(id) {
            listener.waiting += 1;
        }
        self.common.events.push_back(Event::Accepted { listener: id, connection, tuple });
        self.with(connection.index, now, |connection, around| connection.began(since, around));
        self.hand_over(connection.index, segment, now);
        true
    }
}

/// The shift for a room of so many bytes.
fn scale(room: u32) -> u8 {
    (0..14).find(|shift| room >> shift <= 0xffff).unwrap_or(14)
}
