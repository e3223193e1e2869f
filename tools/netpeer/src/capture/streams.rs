//! Per connection and direction: what was sent again, after how long a silence, and how it ended.
//!
//! A capture shows what a host does, not why. So a retransmission counts as one after a time-out if its sender had been silent for longer than
//! [`SILENCE`]: no retransmission timer is shorter than 200 ms in the systems that are looked at, and whatever is sent again for another reason follows
//! something that came. Captures are to be made where the sender's frames are whole, before anything happens to them.

use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use super::Captured;
use super::segment::Segment;

/// What is sent again after this was sent by a timer.
const SILENCE: Duration = Duration::from_millis(190);

/// One end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Endpoint {
    /// Its address.
    pub address: IpAddr,
    /// Its port.
    pub port: u16,
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.address {
            IpAddr::V4(address) => write!(f, "{address}:{}", self.port),
            IpAddr::V6(address) => write!(f, "[{address}]:{}", self.port),
        }
    }
}

/// What one side of one connection has sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flow {
    /// The side.
    pub from: Endpoint,
    /// The other one.
    pub to: Endpoint,
    /// Segments, of all kinds.
    pub segments: u64,
    /// Bytes of payload, each counted once.
    pub bytes: u64,
    /// Segments that had begun before: data, SYN or FIN. Probes of a closed window, and those that only ask whether the other is there, are no such.
    pub again: u64,
    /// How many of these came after a silence: when, since the capture's first frame, and how long it had been.
    pub time_outs: Vec<(Duration, Duration)>,
    /// Probes of a window that was closed.
    pub probes: u64,
    /// Segments that reset the connection.
    pub resets: u64,
    /// Whether it has sent its FIN.
    pub has_ended: bool,
    /// The first sequence number, if its SYN was seen.
    initial: Option<u32>,
    /// Behind the last sequence number that was sent.
    next: Option<u32>,
    /// What the other side has acknowledged, and whether its window was closed then.
    acknowledged: Option<u32>,
    is_closed: bool,
    last: Option<Duration>,
}

impl Flow {
    fn new(from: Endpoint, to: Endpoint) -> Self {
        Self {
            from,
            to,
            segments: 0,
            bytes: 0,
            again: 0,
            time_outs: Vec::new(),
            probes: 0,
            resets: 0,
            has_ended: false,
            initial: None,
            next: None,
            acknowledged: None,
            is_closed: false,
            last: None,
        }
    }

    /// When it sent something that takes sequence numbers last, since the capture's first frame.
    #[must_use]
    pub const fn last(&self) -> Option<Duration> {
        self.last
    }

    fn sends(&mut self, segment: &Segment, at: Duration) {
        self.segments += 1;
        if segment.reset {
            self.resets += 1;
            return;
        }
        if segment.syn {
            self.initial = Some(segment.number);
        }
        self.has_ended |= segment.fin;
        let space = segment.space();
        let end = segment.number.wrapping_add(space);
        let Some(next) = self.next else {
            self.next = Some(end);
            self.bytes += u64::from(segment.length);
            self.last = (space > 0).then_some(at);
            return;
        };
        if space == 0 {
            return;
        }
        if self.is_closed && space == 1 && self.acknowledged == Some(segment.number) && segment.number == next
        {
            // Sent to be refused: when the window opens, it is not sent again, but for the first time.
            self.probes += 1;
            return;
        }
        let ahead = end.wrapping_sub(next) as i32;
        if ahead > 0 {
            self.next = Some(end);
            self.bytes += u64::from(segment.length.min(ahead as u32));
        }
        let is_again = (segment.number.wrapping_sub(next) as i32) < 0;
        let asks = segment.length <= 1 && self.acknowledged == Some(segment.number.wrapping_add(1));
        if is_again && self.is_closed && segment.length > 0 && self.acknowledged == Some(segment.number) {
            self.probes += 1;
        } else if is_again && !asks {
            self.again += 1;
            let silence = self.last.map_or(Duration::ZERO, |last| at.saturating_sub(last));
            if silence > SILENCE {
                self.time_outs.push((at, silence));
            }
        }
        self.last = Some(at);
    }

    /// What its peer says of what has come.
    fn hears(&mut self, segment: &Segment) {
        let Some(acknowledged) = segment.acknowledges else { return };
        if self.acknowledged.is_none_or(|before| acknowledged.wrapping_sub(before) as i32 >= 0) {
            self.acknowledged = Some(acknowledged);
            self.is_closed = segment.window == 0 && !segment.syn;
        }
    }
}

/// What a capture says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Analysis {
    /// Frames, of all kinds.
    pub frames: u64,
    /// Each side of each connection, in the order of their first segments.
    pub flows: Vec<Flow>,
}

impl Analysis {
    /// Segments that were sent again, by all.
    #[must_use]
    pub fn again(&self) -> u64 {
        self.flows.iter().map(|flow| flow.again).sum()
    }

    /// How many of them came after a silence.
    #[must_use]
    pub fn time_outs(&self) -> usize {
        self.flows.iter().map(|flow| flow.time_outs.len()).sum()
    }

    /// Segments that reset a connection.
    #[must_use]
    pub fn resets(&self) -> u64 {
        self.flows.iter().map(|flow| flow.resets).sum()
    }

    /// Only what was sent from this address.
    #[must_use]
    pub fn sent_by(mut self, address: IpAddr) -> Self {
        self.flows.retain(|flow| flow.from.address == address);
        self
    }
}

impl fmt::Display for Analysis {
    /// A line for each flow in which something was remarkable, and one of all.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for flow in &self.flows {
            if flow.again + flow.resets + flow.probes == 0 {
                continue;
            }
            let Flow { from, to, segments, bytes, again, probes, resets, .. } = flow;
            let late = flow.time_outs.len();
            writeln!(
                f,
                "{from} to {to}: segments {segments} bytes {bytes} again {again} time-outs {late} probes {probes} \
                 resets {resets}"
            )?;
            for (at, silence) in &flow.time_outs {
                writeln!(f, "  time-out at {:.6} s after {:.3} s", at.as_secs_f64(), silence.as_secs_f64())?;
            }
        }
        let segments: u64 = self.flows.iter().map(|flow| flow.segments).sum();
        let (again, late, resets) = (self.again(), self.time_outs(), self.resets());
        let (frames, flows) = (self.frames, self.flows.len());
        write!(
            f,
            "capture: frames {frames} flows {flows} segments {segments} again {again} time_outs {late} resets {resets}"
        )
    }
}

/// Follows all connections of a capture.
#[must_use]
pub fn analyse(frames: &[Captured]) -> Analysis {
    let begin = frames.first().map_or(Duration::ZERO, |frame| frame.at);
    let mut analysis = Analysis { frames: frames.len() as u64, flows: Vec::new() };
    let mut places: HashMap<(Endpoint, Endpoint), usize> = HashMap::new();
    for frame in frames {
        let Some(segment) = Segment::read(&frame.bytes) else { continue };
        let at = frame.at.saturating_sub(begin);
        let (there, back) = ((segment.from, segment.to), (segment.to, segment.from));
        let flows = &mut analysis.flows;
        // Ports are used again: a first SYN with another number is another connection.
        let is_other = |flow: &Flow| flow.initial.is_none_or(|initial| initial != segment.number);
        let is_new = segment.syn
            && segment.acknowledges.is_none()
            && places.get(&there).is_some_and(|place| is_other(&flows[*place]));
        if is_new {
            places.remove(&there);
            places.remove(&back);
        }
        let place = *places.entry(there).or_insert_with(|| {
            flows.push(Flow::new(segment.from, segment.to));
            flows.len() - 1
        });
        flows[place].sends(&segment, at);
        if let Some(place) = places.get(&back) {
            flows[*place].hears(&segment);
        }
    }
    analysis
}

#[cfg(test)]
mod tests;
