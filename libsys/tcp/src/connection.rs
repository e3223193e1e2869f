//! One connection: its state (RFC 9293, 3.3.1) and what is common to all that is done to it.

mod calls;
mod input;
mod keep;
mod output;
mod timers;

pub(crate) use input::{After, least_mss};

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use core::num::NonZeroU64;
use core::time::Duration;

use crate::config::Config;
use crate::congestion::{Congestion as _, NewReno};
use crate::counters::Counters;
use crate::event::{Closed, ConnectionId, Event, Place};
use crate::options::{MOST_BYTES, Options};
use crate::ranges::{Range, Ranges};
use crate::recovery::{Recovery, Sent};
use crate::rtt::Rtt;
use crate::segment::{Flags, HEADER, Outgoing};
use crate::seq::{FIRST, Origin, SYN};
use crate::tuple::Tuple;

/// Ranges that may lie behind a gap: a segment that would make one more is not taken.
const MOST_RANGES: usize = 32;

/// RFC 9293, 3.3.2. CLOSED and LISTEN are no connection's, TIME-WAIT is a [record](crate::timewait).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs, reason = "the standard's names")]
pub enum State {
    SynSent,
    SynReceived,
    Established,
    CloseWait,
    FinWait1,
    FinWait2,
    Closing,
    LastAck,
    TimeWait,
    Closed,
}

impl State {
    /// Both ends have agreed on where the streams begin.
    pub(crate) fn is_synchronized(self) -> bool {
        !matches!(self, Self::SynSent | Self::SynReceived)
    }

    /// The other end may still send.
    pub(crate) fn may_receive(self) -> bool {
        matches!(self, Self::SynReceived | Self::Established | Self::FinWait1 | Self::FinWait2)
    }
}

/// Time stamps (RFC 7323), where both ends use them.
#[derive(Clone, Copy, Debug)]
struct Stamps {
    /// What ours say besides the clock's milliseconds.
    offset: u32,
    /// The other end's last, and when it came.
    recent: u32,
    recent_at: Duration,
}

/// What is owed to the other end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Owed {
    Nothing,
    /// An acknowledgement by then.
    By(Duration),
    /// One at once.
    Now,
}

/// Probes of a connection on which nothing happens.
#[derive(Clone, Copy, Debug)]
struct KeepAlive {
    idle: Duration,
    interval: Duration,
    most: u8,
    sent: u8,
}

/// What few connections have otherwise than others: by itself, since there are thousands of the others.
#[derive(Clone, Copy, Debug, Default)]
struct Wishes {
    keep_alive: Option<KeepAlive>,
    give_up: Option<Duration>,
}

/// Why the retransmission timer runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Timer {
    Off,
    /// Something is not acknowledged.
    Retransmit,
    /// The other end has no room.
    Persist,
}

/// What all connections of an engine share.
#[derive(Debug)]
pub(crate) struct Common {
    pub(crate) config: Config,
    pub(crate) events: VecDeque<Event>,
    pub(crate) places: VecDeque<Place>,
    pub(crate) counters: Counters,
    /// What is to go out before all else.
    pub(crate) replies: VecDeque<Outgoing>,
}

impl Common {
    pub(crate) fn new(config: Config) -> Self {
        let (events, places, replies) = (VecDeque::new(), VecDeque::new(), VecDeque::new());
        Self { config, events, places, counters: Counters::default(), replies }
    }

    /// To handle that connection with.
    pub(crate) const fn around(&mut self, id: ConnectionId, now: Duration) -> Around<'_> {
        Around { id, now, common: self }
    }
}

/// What a connection is handled with.
pub(crate) struct Around<'a> {
    pub(crate) id: ConnectionId,
    pub(crate) now: Duration,
    pub(crate) common: &'a mut Common,
}

/// What an opening has come to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Agreed {
    pub(crate) iss: u32,
    pub(crate) irs: u32,
    /// The other end's largest segment.
    pub(crate) mss: u16,
    pub(crate) scale: Option<u8>,
    pub(crate) sack: bool,
    /// What our stamps say besides the clock, and the other end's last.
    pub(crate) stamps: Option<(u32, u32)>,
    pub(crate) window: u16,
}

/// A connection.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) tuple: Tuple,
    pub(crate) state: State,
    // Sending.
    out: Origin,
    una: u64,
    nxt: u64,
    max: u64,
    /// Behind the last byte that the user has written.
    written: u64,
    /// The user writes no more: a FIN stands at `written`.
    fin: bool,
    window: u32,
    /// The segment that the window is from: its number and what it acknowledged.
    window_from: (u64, u64),
    most_window: u32,
    /// Of payload in a segment without options, as both ends can have it; and what this one takes.
    mss: u16,
    own_mss: u16,
    send_scale: u8,
    // Receiving.
    incoming: Origin,
    rcv: u64,
    /// The end of the window that the other end knows of.
    advertised: u64,
    /// Behind the last byte that the user has room for.
    room: u64,
    scale: u8,
    peer_fin: Option<NonZeroU64>,
    behind: Option<Box<Ranges<MOST_RANGES>>>,
    /// What the next acknowledgement tells first: what came last, or twice. Empty at first.
    told: Range,
    is_duplicate: bool,
    // What was agreed on.
    sack: bool,
    offers_scale: bool,
    stamps: Option<Stamps>,
    /// What the last segment that was sent acknowledged.
    last_ack: u64,
    // Control.
    rtt: Rtt,
    congestion: NewReno,
    recovery: Recovery,
    /// A segment whose round trip is measured: its end, and when it was sent. Without time stamps.
    measured: Option<(u64, Duration)>,
    owed: Owed,
    /// Bytes of whole segments since the last acknowledgement.
    unacknowledged: u32,
    timer: Timer,
    /// Until when.
    timer_at: Duration,
    /// Since when nothing was acknowledged that is due, or the window is closed.
    stuck_since: Option<Duration>,
    last_sent: Duration,
    last_heard: Duration,
    wishes: Option<Box<Wishes>>,
    no_delay: bool,
    /// Nobody reads.
    is_orphan: bool,
    /// A deadline of the state's: FIN-WAIT-2 of an orphan.
    state_until: Option<Duration>,
    /// When the engine's wheel says so: at or before its deadline.
    pub(crate) armed: Option<Duration>,
    /// A deadline was set since [`Connection::deadline`] was last looked at: perhaps one that is earlier.
    pub(crate) is_sooner: bool,
    probe: bool,
    pub(crate) is_ready: bool,
}

/// What tests and diagnostic programs see of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the standards' names")]
pub struct Snapshot {
    pub state: State,
    pub cwnd: u32,
    pub ssthresh: u32,
    pub flight: u64,
    pub snd_wnd: u32,
    pub mss: u16,
    pub timeout: Duration,
    pub smoothed: Option<Duration>,
    pub is_recovering: bool,
}

impl Connection {
    fn new(tuple: Tuple, state: State, iss: u32, room: u64, around: &Around<'_>) -> Self {
        let config = &around.common.config;
        // As large as the whole room may become: the shift can't be changed later.
        let scale = (0..14).find(|shift| room >> shift <= 0xffff).unwrap_or(14);
        Self {
            tuple,
            state,
            out: Origin::new(iss),
            una: SYN,
            nxt: SYN,
            max: SYN,
            written: FIRST,
            fin: false,
            window: 0,
            window_from: (0, 0),
            most_window: 0,
            mss: 536,
            own_mss: 536,
            send_scale: 0,
            incoming: Origin::new(0),
            rcv: FIRST,
            advertised: FIRST,
            room: FIRST + room,
            scale,
            peer_fin: None,
            behind: None,
            told: Range { from: 0, to: 0 },
            is_duplicate: false,
            sack: false,
            offers_scale: true,
            stamps: None,
            last_ack: FIRST,
            rtt: Rtt::new(config.least_timeout),
            congestion: NewReno::new(536, config.initial_window),
            recovery: Recovery::new(),
            measured: None,
            owed: Owed::Nothing,
            unacknowledged: 0,
            timer: Timer::Off,
            timer_at: Duration::ZERO,
            stuck_since: None,
            last_sent: around.now,
            last_heard: around.now,
            wishes: None,
            no_delay: false,
            is_orphan: false,
            state_until: None,
            armed: None,
            is_sooner: false,
            probe: false,
            is_ready: false,
        }
    }

    /// One that this end asks for.
    pub(crate) fn asked_for(
        tuple: Tuple,
        iss: u32,
        stamp: u32,
        (room, mss): (u64, u16),
        around: &Around<'_>,
    ) -> Self {
        let mut new = Self::new(tuple, State::SynSent, iss, room, around);
        (new.mss, new.own_mss) = (mss, mss);
        let (recent, recent_at) = (0, around.now);
        new.stamps = around.common.config.timestamps.then_some(Stamps { offset: stamp, recent, recent_at });
        new.sack = around.common.config.sack;
        new.stuck_since = Some(around.now);
        new
    }

    /// One that the other end has asked for and confirmed.
    pub(crate) fn confirmed(
        tuple: Tuple,
        agreed: &Agreed,
        room: u64,
        own_mss: u16,
        around: &Around<'_>,
    ) -> Self {
        let mut new = Self::new(tuple, State::Established, agreed.iss, room, around);
        (new.una, new.nxt, new.max) = (FIRST, FIRST, FIRST);
        new.agree(agreed, own_mss, around);
        // The window on a SYN is not shifted, that on its confirmation is; the caller hands that one in.
        new.advertised = FIRST + room.min(0xffff);
        new.mark_window(u32::from(agreed.window) << new.send_scale, FIRST, FIRST);
        new
    }

    /// Takes over what both ends have said of themselves. `own_mss`: what this end can send at most.
    fn agree(&mut self, agreed: &Agreed, own_mss: u16, around: &Around<'_>) {
        self.incoming = Origin::new(agreed.irs);
        match agreed.scale {
            Some(shift) => self.send_scale = shift,
            None => (self.scale, self.send_scale) = (0, 0),
        }
        self.sack = agreed.sack;
        self.stamps = agreed.stamps.map(|(offset, recent)| Stamps { offset, recent, recent_at: around.now });
        (self.mss, self.own_mss) = (agreed.mss.min(own_mss), own_mss);
        self.congestion = NewReno::new(self.payload_mss(), around.common.config.initial_window);
    }

    /// Bytes of payload that fit into a segment with the options that each has.
    fn payload_mss(&self) -> u16 {
        let options = if self.stamps.is_some() { 12 } else { 0 };
        self.mss.saturating_sub(options).max(1)
    }

    fn sent(&self) -> Sent {
        Sent { una: self.una, nxt: self.nxt, max: self.max, mss: self.payload_mss().into() }
    }

    fn mark_window(&mut self, window: u32, seq: u64, ack: u64) {
        self.window = window;
        self.window_from = (seq, ack);
        self.most_window = self.most_window.max(window);
    }

    /// Milliseconds as this connection's time stamps say them.
    fn stamp(&self, now: Duration) -> Option<(u32, u32)> {
        self.stamps.map(|stamps| ((now.as_millis() as u32).wrapping_add(stamps.offset), stamps.recent))
    }

    /// What is between the position of a byte and what counts inside.
    pub(crate) const fn position(at: u64) -> u64 {
        at.saturating_sub(FIRST)
    }

    /// It is no more.
    fn end(&mut self, how: Closed, around: &mut Around<'_>) {
        if self.state != State::Closed {
            self.state = State::Closed;
            around.common.events.push_back(Event::Ended { connection: around.id, how });
        }
    }

    /// Nothing, where it is as with all others.
    fn keep_alive_mut(&mut self) -> Option<&mut KeepAlive> {
        self.wishes.as_mut()?.keep_alive.as_mut()
    }

    fn give_up(&self) -> Option<Duration> {
        self.wishes.as_ref()?.give_up
    }

    /// Changes what few have otherwise.
    fn wish(&mut self, what: impl FnOnce(&mut Wishes)) {
        let mut wishes = self.wishes.take().unwrap_or_default();
        what(&mut wishes);
        let is_special = wishes.keep_alive.is_some() || wishes.give_up.is_some();
        self.wishes = is_special.then_some(wishes);
    }

    /// Whether [`Connection::deadline`] may have become earlier since [`Connection::is_sooner`] was taken back.
    pub(crate) const fn may_be_due_sooner(&self) -> bool {
        self.is_sooner || self.wishes.is_some()
    }

    /// The earliest of its deadlines.
    pub(crate) fn deadline(&self) -> Option<Duration> {
        let earlier = |one: Option<Duration>, at: Duration| Some(one.map_or(at, |one| one.min(at)));
        let mut first = (self.timer != Timer::Off).then_some(self.timer_at);
        if let Owed::By(at) = self.owed {
            first = earlier(first, at);
        }
        if let Some(at) = self.keep_alive_at() {
            first = earlier(first, at);
        }
        match self.state_until {
            None => first,
            Some(at) => earlier(first, at),
        }
    }

    /// Whether it has something to send, or might have: then [`Connection::output`] is to be asked. False: it has nothing, and asking changes nothing.
    pub(crate) fn wants_to_send(&self) -> bool {
        self.una != self.max
            || self.nxt != self.end_of_stream()
            || self.owed == Owed::Now
            || self.una == SYN
            || self.probe
    }

    fn keep_alive_at(&self) -> Option<Duration> {
        let keep = self.wishes.as_ref()?.keep_alive.as_ref()?;
        if !self.state.is_synchronized() || self.una != self.max {
            return None;
        }
        Some(self.last_heard + keep.idle + keep.interval * u32::from(keep.sent))
    }

    /// What is seen of it from outside.
    pub(crate) fn snapshot(&self, config: &Config) -> Snapshot {
        Snapshot {
            state: self.state,
            cwnd: self.congestion.window(),
            ssthresh: self.congestion.threshold(),
            flight: self.max - self.una,
            snd_wnd: self.window,
            mss: self.payload_mss(),
            timeout: self.rtt.timeout(config.initial_timeout),
            smoothed: self.rtt.smoothed(),
            is_recovering: self.recovery.is_fast(),
        }
    }

    /// What it leaves behind in TIME-WAIT.
    pub(crate) fn rest(&self, now: Duration, config: &Config) -> crate::timewait::Rest {
        crate::timewait::Rest {
            seq: self.out.wire(self.max),
            ack: self.incoming.wire(self.rcv),
            window: self.wire_window(),
            stamps: self.stamps.map(|stamps| (stamps.offset, stamps.recent)),
            until: now + config.time_wait,
        }
    }

    /// The window that the other end was told, as a header says it.
    fn wire_window(&self) -> u16 {
        u16::try_from(self.advertised.saturating_sub(self.rcv) >> self.scale).unwrap_or(u16::MAX)
    }

    /// A segment of this connection's without anything in it.
    fn header(&self, seq: u64, flags: Flags, now: Duration) -> Outgoing {
        Outgoing {
            tuple: self.tuple,
            seq: self.out.wire(seq),
            ack: self.incoming.wire(self.rcv),
            flags,
            window: self.wire_window(),
            options: Options { timestamps: self.stamp(now), ..Options::default() },
            payload: None,
            mss: self.payload_mss(),
        }
    }
}

const _: () = assert!(size_of::<Connection>() <= 640 && HEADER + MOST_BYTES == 60);
