//! What the host's client does with a guest, and what each piece of it took there.

use std::thread;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use count_format::{Counter, Counts};
use netpeer::client::{self, Datagrams, Load, Page, Reuse, Until};
use netpeer::{Target, Verdict};
use system_tests::Effort;

use super::guest::{Guest, Seen};

/// Bytes of a round trip, of either protocol.
const SMALL: usize = 64;
/// Bytes of a page, of a long one, and the web server's port.
const PAGE: u32 = 128;
const BODY: u32 = 65_536;
pub(super) const WEB: u16 = 80;
/// A MB, as whoever measured the other system counts it.
const MEGABYTE: u64 = 1_000_000;

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Exercise {
    /// A datagram there and back before the next one.
    Datagram,
    /// The same, 32 under way.
    Datagrams32,
    /// The same on a connection.
    RoundTrip,
    /// A connection that the guest closes at once.
    Connection,
    /// A stream from the guest.
    From,
    /// A stream to it.
    To,
    /// Eight of them at once.
    To8,
    /// A request to the web server, and its response, of [`PAGE`] bytes: one of 16 connections that stay.
    Request,
    /// The same with a connection each, eight at a time.
    RequestClose,
    /// A response of [`BODY`] bytes, on one of four connections that stay.
    Body,
}

impl Exercise {
    /// Those of which the rows are made, in the order in which they are done.
    pub(super) const ALL: [Self; 6] =
        [Self::Datagram, Self::Datagrams32, Self::RoundTrip, Self::Connection, Self::From, Self::To];

    /// How many pieces are done: round trips, connections, MB.
    pub(super) fn pieces(self, effort: Effort) -> u64 {
        let all = match self {
            Self::Datagram | Self::RoundTrip => 4000,
            Self::Datagrams32 => 12_000,
            Self::Connection | Self::RequestClose | Self::Body => 2000,
            Self::Request => 8000,
            Self::From | Self::To | Self::To8 => 40,
        };
        if effort == Effort::Long { all } else { all / 4 }
    }

    /// Does so many of them, all verified.
    pub(super) fn run(self, target: &Target, pieces: u64) -> Verdict {
        let datagrams =
            |window| client::datagrams(target, &Datagrams { window, ..Datagrams::new(pieces, SMALL) });
        match self {
            Self::Datagram => datagrams(1),
            Self::Datagrams32 => datagrams(32),
            Self::RoundTrip => client::round_trips(target, pieces, SMALL),
            Self::Connection => client::open_close(target, pieces, 1),
            Self::From => client::source(target, 1, pieces * MEGABYTE),
            Self::To => client::sink(target, 1, pieces * MEGABYTE),
            Self::To8 => client::sink(target, 8, pieces * MEGABYTE / 8),
            Self::Request => requests(target, (pieces, PAGE), 16, Reuse::Stay),
            Self::RequestClose => requests(target, (pieces, PAGE), 8, Reuse::Close),
            Self::Body => requests(target, (pieces, BODY), 4, Reuse::Stay),
        }
    }
}

fn requests(target: &Target, (pieces, bytes): (u64, u32), connections: usize, reuse: Reuse) -> Verdict {
    let (pages, until) = (vec![Page::pattern(bytes)], Until::Requests(pieces));
    client::http(target, &Load { port: WEB, pages, connections, reuse, until }, &client::Seen::default())
}

/// What each piece took.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cost {
    pub(super) exercise: Exercise,
    pub(super) pieces: u64,
    pub(super) seen: Seen,
    /// Instructions of all of it that the guest would have executed anyway.
    idle: f64,
}

impl Cost {
    /// Instructions of all pieces.
    fn all(&self) -> f64 {
        (self.seen.counts.instructions() as f64 - self.idle).max(0.0)
    }

    /// Instructions of a piece.
    pub(super) fn each(&self) -> f64 {
        self.all() / self.pieces as f64
    }

    /// Instructions of a frame with payload, where the pieces were MB; nothing where no frame was seen.
    pub(super) fn each_segment(&self) -> Option<f64> {
        self.segments().map(|frames| self.all() / frames as f64)
    }

    /// Frames in the direction in which the payload goes.
    pub(super) fn segments(&self) -> Option<u64> {
        let frames = match self.exercise {
            Exercise::From => self.seen.frames.from_guest,
            Exercise::To | Exercise::To8 => self.seen.frames.to_guest,
            _ => 0,
        };
        (frames > 0).then_some(frames)
    }

    /// All counters, of a piece, to the nearest whole number.
    pub(super) fn counts_each(&self) -> Counts {
        let mut each = Counts::default();
        for counter in Counter::ALL {
            each[counter] = (self.seen.counts[counter] + self.pieces / 2) / self.pieces;
        }
        each
    }

    /// MB a second of the host's time, of bodies.
    pub(super) fn megabytes_per_second(&self) -> f64 {
        self.per_second() * f64::from(BODY) / MEGABYTE as f64
    }

    /// Pieces a second of the host's time.
    pub(super) fn per_second(&self) -> f64 {
        self.pieces as f64 / self.seen.took.as_secs_f64()
    }
}

/// What one boot showed.
#[derive(Clone, Debug, Default)]
pub(super) struct Run {
    /// Instructions a second while nothing happens.
    pub(super) idle: f64,
    pub(super) costs: Vec<Cost>,
}

impl Run {
    pub(super) fn of(&self, exercise: Exercise) -> anyhow::Result<&Cost> {
        self.costs.iter().find(|cost| cost.exercise == exercise).context("that was not measured")
    }
}

/// Does each of `exercises` once unmeasured and small, and then counts.
pub(super) fn run(guest: &Guest, exercises: &[Exercise], effort: Effort) -> anyhow::Result<Run> {
    for exercise in exercises {
        exercise
            .run(&guest.target, (exercise.pieces(effort) / 20).max(1))
            .expect_good()
            .context("warming up")?;
    }
    // What was opened has been forgotten, what had to be told is told.
    thread::sleep(Duration::from_millis(700));
    let at_rest = guest.over(|| {
        thread::sleep(Duration::from_millis(1000));
        Ok(())
    })?;
    let idle = at_rest.counts.instructions() as f64 / at_rest.took.as_secs_f64();
    let mut run = Run { idle, costs: Vec::new() };
    for &exercise in exercises {
        let pieces = exercise.pieces(effort);
        let seen = guest.over(|| {
            let verdict = exercise.run(&guest.target, pieces).expect_good()?;
            ensure!(verdict.figure("lost").unwrap_or(0.0) == 0.0, "{verdict}");
            Ok(())
        });
        let seen = seen.with_context(|| format!("{exercise:?}"))?;
        run.costs.push(Cost { exercise, pieces, seen, idle: idle * seen.took.as_secs_f64() });
    }
    Ok(run)
}
