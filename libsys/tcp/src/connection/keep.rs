//! A connection becomes a [`Record`], and one again.

use core::time::Duration;

use super::{Around, Connection, KeepAlive, Owed, Stamps, State};
use crate::congestion::NewReno;
use crate::record::{self, Head, RECORD_WORDS, Record, halves, word};
use crate::rtt::Rtt;
use crate::seq::{FIRST, Origin, SYN};

/// Streams are shorter: what is beyond is no position.
const END: u64 = 1 << 62;
/// No window is larger.
const MOST_ROOM: u64 = 1 << 32;

impl Connection {
    /// What has to be known of it.
    pub(crate) fn record(&self) -> Record {
        let flag = |is_on, flag| if is_on { flag } else { 0 };
        let flags = flag(self.fin, record::FIN)
            | flag(self.sack, record::SACK)
            | flag(self.offers_scale, record::OFFERS_SCALE)
            | flag(self.stamps.is_some(), record::STAMPS)
            | flag(self.no_delay, record::NO_DELAY)
            | flag(self.is_orphan, record::ORPHAN);
        let (tuple, state, scales) = (self.tuple, self.state, (self.send_scale, self.scale));
        let mut words = [0; RECORD_WORDS];
        words[..5].copy_from_slice(&Head { tuple, state, flags, scales }.words());
        let stamps = self.stamps.map_or((0, 0), |stamps| (stamps.offset, stamps.recent));
        let wishes = self.wishes.as_deref().copied().unwrap_or_default();
        let keep = wishes.keep_alive.map(|keep| (keep.idle, keep.interval, keep.most));
        let most = keep.map_or(0, |(_, _, most)| most);
        words[record::ORIGINS] = word((self.out.wire(SYN), self.incoming.wire(SYN)));
        words[record::UNA] = self.una;
        words[record::MAX] = self.max;
        words[record::WRITTEN] = self.written;
        words[record::RCV] = self.rcv;
        words[record::ADVERTISED] = self.advertised;
        words[record::ROOM] = self.room;
        words[record::WINDOWS] = word((self.window, self.most_window));
        words[record::WINDOW_SEQ] = self.window_from.0;
        words[record::WINDOW_ACK] = self.window_from.1;
        words[record::SIZES] = word((self.mss.into(), self.own_mss.into()));
        words[record::STAMP] = word(stamps);
        words[record::ROUND_TRIP] = word(self.rtt.known());
        words[record::KEEP_ALIVE] = word((
            record::milliseconds(keep.map(|(idle, _, _)| idle)),
            record::milliseconds(keep.map(|(_, interval, _)| interval)),
        ));
        words[record::PATIENCE] = word((record::milliseconds(wishes.give_up), most.into()));
        Record(words)
    }

    /// It goes on: what is not acknowledged is sent again, and the other end hears at once that somebody is there. None, if it can't be a connection.
    pub(crate) fn restored(record: &Record, around: &Around<'_>) -> Option<Self> {
        let words = &record.0;
        let head = record.head()?;
        let is_on = |flag| head.flags & flag != 0;
        let mut new = Self::new(head.tuple, head.state, 0, 0, around);
        let (iss, irs) = halves(words[record::ORIGINS]);
        (new.out, new.incoming) = (Origin::new(iss), Origin::new(irs));
        (new.una, new.max, new.written) = (words[record::UNA], words[record::MAX], words[record::WRITTEN]);
        (new.rcv, new.advertised, new.room) =
            (words[record::RCV], words[record::ADVERTISED], words[record::ROOM]);
        new.fin = is_on(record::FIN);
        if !new.has_sound_positions() {
            return None;
        }
        (new.window, new.most_window) = halves(words[record::WINDOWS]);
        new.window_from = (words[record::WINDOW_SEQ], words[record::WINDOW_ACK]);
        let (mss, own_mss) = halves(words[record::SIZES]);
        (new.mss, new.own_mss) = (u16::try_from(mss).ok()?.max(1), u16::try_from(own_mss).ok()?.max(1));
        (new.send_scale, new.scale) = head.scales;
        new.sack = is_on(record::SACK);
        new.offers_scale = is_on(record::OFFERS_SCALE);
        let (offset, recent) = halves(words[record::STAMP]);
        new.stamps = is_on(record::STAMPS).then_some(Stamps { offset, recent, recent_at: around.now });
        new.last_ack = new.rcv;
        new.rtt = Rtt::again(around.common.config.least_timeout, halves(words[record::ROUND_TRIP]));
        new.congestion = NewReno::new(new.payload_mss(), around.common.config.initial_window);
        (new.no_delay, new.is_orphan) = (is_on(record::NO_DELAY), is_on(record::ORPHAN));
        let (idle, interval) = halves(words[record::KEEP_ALIVE]);
        let (give_up, most) = halves(words[record::PATIENCE]);
        let keep_alive = record::time(idle).zip(record::time(interval)).map(|(idle, interval)| KeepAlive {
            idle,
            interval,
            most: most as u8,
            sent: 0,
        });
        new.wish(|wishes| (wishes.keep_alive, wishes.give_up) = (keep_alive, record::time(give_up)));
        new.go_on(around);
        Some(new)
    }

    /// Whether its positions can be a connection's.
    fn has_sound_positions(&self) -> bool {
        let end = self.written.saturating_add(1);
        let sends = SYN <= self.una && self.una <= self.max && self.max <= end.max(FIRST) && end < END;
        // A FIN that has come stands behind the room.
        let receives = FIRST <= self.rcv
            && self.rcv <= self.advertised
            && self.room < END
            && self.advertised <= self.room + 1
            && self.room.saturating_sub(self.rcv) < MOST_ROOM;
        let is_open = !self.state.is_synchronized() || self.una >= FIRST;
        sends && receives && is_open && self.written >= FIRST
    }

    /// As after a time-out, without waiting for one.
    fn go_on(&mut self, around: &Around<'_>) {
        self.nxt = self.una;
        if self.una != self.max && self.una != SYN {
            let sent = self.sent();
            self.recovery.timed_out(&sent, true, &mut self.congestion);
        }
        if self.una != self.max {
            self.stuck_since = Some(around.now);
            self.start_timer(around);
        }
        if self.state.is_synchronized() {
            self.owed = Owed::Now;
        }
        if self.state == State::FinWait2 && self.is_orphan {
            self.ends_at(around.now + around.common.config.fin_wait);
        }
        self.last_heard = around.now;
        self.last_sent = around.now.saturating_sub(Duration::from_millis(1));
    }
}
