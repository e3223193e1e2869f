//! Numbered datagrams that come back: what is lost, doubled or damaged on the way is counted.

use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, UdpSocket};
use std::time::{Duration, Instant};

use anax_pattern::{Direction, Pattern};
use anyhow::{Context as _, ensure};

use crate::{Target, Verdict};

/// A datagram's number.
const NUMBER: usize = 8;
/// The largest of IPv4; IPv6 would allow a little more.
const LONGEST: usize = 65_507;
/// How many bytes are under way at most, if it is not a single one.
const UNDER_WAY: usize = 64 << 10;

/// What to send.
#[derive(Clone, Copy, Debug)]
pub struct Datagrams {
    /// How many.
    pub count: u64,
    /// Bytes of each, from 8 to 65,507; those that do not fit into a frame are fragmented.
    pub size: usize,
    /// How many are under way at most; fewer of long ones, so that all of them find room in a socket of either side.
    pub window: usize,
    /// A datagram that has not come back after this is lost, and the next may go.
    pub lost_after: Duration,
    /// Whether the network may lose some. What comes has to be right anyway.
    pub may_be_lost: bool,
}

impl Datagrams {
    /// 16 under way, none to be lost within 5 s.
    #[must_use]
    pub fn new(count: u64, size: usize) -> Self {
        Self { count, size, window: 16, lost_after: Duration::from_secs(5), may_be_lost: false }
    }
}

/// Sends them, and judges what comes back.
pub fn datagrams(target: &Target, plan: &Datagrams) -> Verdict {
    let begin = Instant::now();
    let mut run = Run { plan, under_way: BTreeMap::new(), back: BTreeSet::new(), seen: Seen::default() };
    let ended = run.go(target);
    let Seen { sent, lost, wrong, doubled, mut times } = run.seen;
    let mut verdict = Verdict::default();
    if let Err(error) = ended {
        verdict.complain(format!("{error:#}"));
    }
    if wrong > 0 {
        verdict.complain(format!("{wrong} datagrams came back that were never sent"));
    }
    if lost > 0 && !plan.may_be_lost {
        verdict.complain(format!("{lost} of {sent} datagrams are lost"));
    }
    if times.is_empty() {
        verdict.complain(format!("none of {sent} datagrams came back"));
    }
    verdict
        .count("datagrams", sent)
        .count("came", times.len() as u64)
        .count("lost", lost)
        .count("doubled", doubled)
        .count("wrong", wrong)
        .seconds(begin.elapsed())
        .times(&mut times)
}

#[derive(Default)]
struct Seen {
    sent: u64,
    lost: u64,
    wrong: u64,
    doubled: u64,
    times: Vec<Duration>,
}

struct Run<'a> {
    plan: &'a Datagrams,
    under_way: BTreeMap<u64, Instant>,
    back: BTreeSet<u64>,
    seen: Seen,
}

impl Run<'_> {
    fn go(&mut self, target: &Target) -> anyhow::Result<()> {
        let plan = self.plan;
        ensure!((NUMBER..=LONGEST).contains(&plan.size), "datagrams have {NUMBER} to {LONGEST} bytes");
        let any = match target.address {
            IpAddr::V4(_) => IpAddr::from(Ipv4Addr::UNSPECIFIED),
            IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
        };
        let socket = UdpSocket::bind((any, 0))?;
        socket.connect(target.at(target.ports.datagrams))?;
        socket.set_read_timeout(Some(Duration::from_millis(20)))?;
        let mut buffer = vec![0; LONGEST + 1];
        let window = plan.window.min(UNDER_WAY / plan.size).max(1);
        while self.seen.sent < plan.count || !self.under_way.is_empty() {
            while self.seen.sent < plan.count && self.under_way.len() < window {
                let number = self.seen.sent;
                // The other side may have no such port yet, which counts as lost.
                socket.send(&datagram(number, plan.size)).or_else(refused).context("cannot send")?;
                self.under_way.insert(number, Instant::now());
                self.seen.sent += 1;
            }
            match socket.recv(&mut buffer) {
                Ok(length) => self.came(&buffer[..length], Instant::now()),
                Err(error) => drop(refused(error).context("cannot receive")?),
            }
            let late: Vec<u64> = self
                .under_way
                .iter()
                .filter(|(_, sent)| sent.elapsed() > plan.lost_after)
                .map(|(number, _)| *number)
                .collect();
            for number in late {
                self.under_way.remove(&number);
                self.seen.lost += 1;
            }
        }
        Ok(())
    }

    fn came(&mut self, bytes: &[u8], now: Instant) {
        let number = bytes.first_chunk().map(|number| u64::from_le_bytes(*number));
        let Some(number) = number.filter(|number| *number < self.seen.sent) else {
            self.seen.wrong += 1;
            return;
        };
        if bytes != datagram(number, self.plan.size) {
            self.seen.wrong += 1;
        } else if !self.back.insert(number) {
            self.seen.doubled += 1;
        } else if let Some(sent) = self.under_way.remove(&number) {
            self.seen.times.push(now - sent);
        } else {
            // It was given up, and is not lost after all.
            self.seen.lost -= 1;
            self.seen.times.push(self.plan.lost_after);
        }
    }
}

fn datagram(number: u64, size: usize) -> Vec<u8> {
    let mut bytes = vec![0; size];
    bytes[..NUMBER].copy_from_slice(&number.to_le_bytes());
    Pattern::new(number, Direction::ToGuest).fill(0, &mut bytes[NUMBER..]);
    bytes
}

/// Nothing for now: nothing there, or nobody.
fn refused(error: std::io::Error) -> std::io::Result<usize> {
    match error.kind() {
        ErrorKind::WouldBlock
        | ErrorKind::TimedOut
        | ErrorKind::Interrupted
        | ErrorKind::ConnectionRefused => Ok(0),
        _ => Err(error),
    }
}
