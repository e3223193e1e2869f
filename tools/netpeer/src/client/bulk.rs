//! Streams with patterns, many at once, either way or both: each byte is verified, by the guest or here.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anax_pattern::{Checker, Direction, Pattern, Report, Request};
use anyhow::{Context as _, anyhow, bail, ensure};

use crate::{Target, Verdict};

/// What is written or read at a time.
const PIECE: usize = 64 << 10;
/// A stream's thread needs little.
const STACK: usize = 256 << 10;

/// What to move.
#[derive(Clone, Copy, Debug)]
pub struct Bulk {
    /// How many streams there are at once.
    pub streams: u64,
    /// The number of the first, so that two runs need not look the same.
    pub first: u64,
    /// Bytes to the guest, of each stream.
    pub to_guest: u64,
    /// Bytes from the guest, of each stream.
    pub from_guest: u64,
    /// How long it is to take at least: for what happens meanwhile.
    pub at_least: Duration,
}

impl Bulk {
    /// As fast as it goes, with the numbers from 0 on.
    #[must_use]
    pub fn new(streams: u64, to_guest: u64, from_guest: u64) -> Self {
        Self { streams, first: 0, to_guest, from_guest, at_least: Duration::ZERO }
    }
}

/// How far it is, for who watches from another thread.
#[derive(Debug, Default)]
pub struct Moved {
    to_guest: AtomicU64,
    from_guest: AtomicU64,
}

impl Moved {
    /// Bytes that the host's kernel has taken, of all streams.
    pub fn to_guest(&self) -> u64 {
        self.to_guest.load(Ordering::Relaxed)
    }

    /// Bytes that were read and right, of all streams.
    pub fn from_guest(&self) -> u64 {
        self.from_guest.load(Ordering::Relaxed)
    }
}

/// Moves it. All streams are connected before the first byte, and what one complains of does not end the others.
pub fn bulk(target: &Target, plan: &Bulk, moved: &Moved) -> Verdict {
    let begin = Instant::now();
    let mut verdict = Verdict::default();
    let numbers = (0..plan.streams).map(|at| plan.first.wrapping_add(at));
    let connected: Vec<_> = numbers.map(|number| (number, target.connect(target.ports.pattern))).collect();
    thread::scope(|scope| {
        let judged = |(number, stream): (u64, anyhow::Result<TcpStream>)| {
            let work = move || Stream { number, socket: stream?, plan, moved, begin }.run();
            (number, thread::Builder::new().stack_size(STACK).spawn_scoped(scope, work))
        };
        let running: Vec<_> = connected.into_iter().map(judged).collect();
        for (number, running) in running {
            let ended = match running {
                Ok(running) => running.join().unwrap_or_else(|_| Err(anyhow!("its thread panicked"))),
                Err(error) => Err(error.into()),
            };
            if let Err(error) = ended {
                verdict.complain(format!("stream {number}: {error:#}"));
            }
        }
    });
    let bytes = moved.to_guest() + moved.from_guest();
    let seconds = begin.elapsed();
    verdict
        .count("streams", plan.streams)
        .count("bytes", bytes)
        .count("to_guest", moved.to_guest())
        .count("from_guest", moved.from_guest())
        .seconds(seconds)
        .with("mb_per_s", bytes as f64 / 1e6 / seconds.as_secs_f64().max(1e-9))
}

/// One of them.
struct Stream<'a> {
    number: u64,
    socket: TcpStream,
    plan: &'a Bulk,
    moved: &'a Moved,
    begin: Instant,
}

impl Stream<'_> {
    fn run(&self) -> anyhow::Result<()> {
        let Bulk { to_guest, from_guest, .. } = *self.plan;
        let request = Request { stream: self.number, to_guest, from_guest };
        (&self.socket).write_all(&request.encode()).context("the request")?;
        if to_guest == 0 || from_guest == 0 {
            self.send()?;
            self.receive()?;
            return self.judge();
        }
        thread::scope(|both| {
            let sent = thread::Builder::new().stack_size(STACK).spawn_scoped(both, || self.send())?;
            let received = self.receive();
            if received.is_err() {
                // So that the other half does not wait for a guest that may never read again.
                let _ = self.socket.shutdown(std::net::Shutdown::Both);
            }
            let sent = sent.join().unwrap_or_else(|_| Err(anyhow!("its sender panicked")));
            // What was read wrong is the cause, if both are at fault.
            received.and(sent)
        })?;
        self.judge()
    }

    /// Waits until this part of the whole is due.
    fn pace(&self, done: u64, of: u64) {
        if !self.plan.at_least.is_zero() {
            let due = self.plan.at_least.mul_f64(done as f64 / of as f64);
            thread::sleep(due.saturating_sub(self.begin.elapsed()));
        }
    }

    fn send(&self) -> anyhow::Result<()> {
        let pattern = Pattern::new(self.number, Direction::ToGuest);
        let all = self.plan.to_guest;
        let mut buffer = vec![0; PIECE];
        let mut sent = 0;
        while sent < all {
            let piece = &mut buffer[..PIECE.min((all - sent).try_into().unwrap_or(PIECE))];
            pattern.fill(sent, piece);
            (&self.socket).write_all(piece).map_err(named).with_context(|| {
                format!("the guest takes no more after {sent} of {all} bytes or a little more")
            })?;
            sent += piece.len() as u64;
            self.moved.to_guest.fetch_add(piece.len() as u64, Ordering::Relaxed);
            self.pace(sent, all);
        }
        Ok(())
    }

    fn receive(&self) -> anyhow::Result<()> {
        let pattern = Pattern::new(self.number, Direction::FromGuest);
        let all = self.plan.from_guest;
        let mut checker = Checker::new(pattern);
        let mut buffer = vec![0; PIECE];
        loop {
            let at = checker.report().received;
            if at == all {
                return Ok(());
            }
            let room = PIECE.min((all - at).try_into().unwrap_or(PIECE));
            let count = match (&self.socket).read(&mut buffer[..room]) {
                Ok(0) => bail!("the guest closed after {at} of {all} bytes"),
                Ok(count) => count,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => {
                    return Err(named(error))
                        .with_context(|| format!("after {at} of {all} bytes from the guest"));
                }
            };
            checker.take(&buffer[..count]);
            if let Some(wrong) = checker.report().first_wrong {
                bail!("{}", describe(pattern, wrong, at, &buffer[..count]));
            }
            self.moved.from_guest.fetch_add(count as u64, Ordering::Relaxed);
            self.pace(at + count as u64, all);
        }
    }

    /// What the guest has seen, and that it ends there.
    fn judge(&self) -> anyhow::Result<()> {
        let mut report = [0; Report::BYTES];
        (&self.socket).read_exact(&mut report).map_err(named).context("the guest's report")?;
        let report = Report::decode(&report);
        if let Some(wrong) = report.first_wrong {
            bail!("the guest found byte {wrong} wrong");
        }
        let sent = self.plan.to_guest;
        ensure!(report.received == sent, "the guest received {} of {sent} bytes", report.received);
        let more = (&self.socket).read(&mut [0]).map_err(named).context("the guest's end")?;
        ensure!(more == 0, "the guest sends more than was asked for");
        Ok(())
    }
}

/// A wrong byte, with those after it: what was expected there, and whether it belongs somewhere near.
fn describe(pattern: Pattern, wrong: u64, at: u64, piece: &[u8]) -> String {
    let found = &piece[(wrong - at) as usize..];
    let found = &found[..found.len().min(16)];
    let mut expected = [0; 16];
    pattern.fill(wrong, &mut expected);
    let mut text = format!(
        "byte {wrong} from the guest is wrong: {found:02x?} instead of {:02x?}",
        &expected[..found.len()]
    );
    let near = wrong.saturating_sub(1 << 20)..wrong.saturating_add(1 << 20);
    if found.len() == 16
        && let Some(place) = near.into_iter().find(|place| pattern.first_wrong(*place, found).is_none())
    {
        text += &format!("; these belong at {place}");
    }
    text
}

/// The kernel's words for a time-out help nobody.
fn named(error: std::io::Error) -> std::io::Error {
    match error.kind() {
        ErrorKind::WouldBlock => std::io::Error::new(ErrorKind::TimedOut, "nothing moves any more"),
        _ => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_of_another_place_are_named() {
        let pattern = Pattern::new(5, Direction::FromGuest);
        let mut piece = [0; 64];
        pattern.fill(1000, &mut piece);
        let mut moved = [0; 32];
        pattern.fill(2460, &mut moved);
        piece[32..].copy_from_slice(&moved);
        let wrong = pattern.first_wrong(1000, &piece).expect("a wrong byte");
        let text = describe(pattern, wrong, 1000, &piece);
        assert!(text.starts_with("byte 1032 ") && text.ends_with("these belong at 2460"), "{text}");
    }
}
