//! What a network server has to be able to do, seen from outside, and how much of it.

use std::time::Duration;

use anyhow::Context as _;
use netpeer::client::{self, Bulk, Moved};
use netpeer::{Target, Verdict};

use crate::context::Effort;

/// How much.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scale {
    /// Bytes each way of one stream, where there are 64.
    pub(crate) bytes: u64,
    /// Connections that are held open.
    pub(crate) held: u64,
    /// Connections that are opened and closed.
    pub(crate) opened: u64,
    /// Datagrams and round trips.
    pub(crate) pieces: u64,
    /// Whether datagrams may be lost.
    pub(crate) may_be_lost: bool,
}

impl Scale {
    /// A tenth if it is not a long run.
    pub(crate) fn of(effort: Effort) -> Self {
        let times = |stated| u64::from(effort.repetitions(stated));
        let (held, opened, pieces) = (times(2_000), times(20_000), times(5_000));
        Self { bytes: times(2_000) * 1_000, held, opened, pieces, may_be_lost: false }
    }

    /// So many times less, for a network in which each loss costs a part of a second or more.
    pub(crate) fn disturbed(self, times: u64) -> Self {
        Self {
            bytes: self.bytes / times,
            held: self.held / times,
            opened: self.opened / times,
            pieces: self.pieces / times,
            may_be_lost: true,
        }
    }
}

/// All of them, one after the other.
///
/// # Errors
/// What was wrong in the first that did not go well.
pub(crate) fn all(target: &Target, scale: &Scale) -> anyhow::Result<()> {
    let lost_after = Duration::from_secs(2);
    let datagrams = |size, count| client::Datagrams {
        lost_after,
        may_be_lost: scale.may_be_lost,
        ..client::Datagrams::new(count, size)
    };
    let bulk = |streams, to_guest, from_guest| {
        client::bulk(target, &Bulk::new(streams, to_guest, from_guest), &Moved::default())
    };
    let one = scale.bytes * 10;
    let exercises: [(&str, &dyn Fn() -> Verdict); 12] = [
        ("ping", &|| client::ping(target, 20, 56, lost_after)),
        ("ping, fragmented", &|| client::ping(target, 20, 4_000, lost_after)),
        ("datagrams", &|| client::datagrams(target, &datagrams(64, scale.pieces))),
        ("datagrams, fragmented", &|| {
            client::datagrams(target, &datagrams(6_000, (scale.pieces / 20).max(20)))
        }),
        ("round trips", &|| client::round_trips(target, scale.pieces / 5, 64)),
        ("round trips of many segments", &|| client::round_trips(target, 3, 100_000)),
        ("a stream to the guest", &|| bulk(1, one, 0)),
        ("a stream from the guest", &|| bulk(1, 0, one)),
        ("64 streams to the guest", &|| bulk(64, scale.bytes, 0)),
        ("64 streams from the guest", &|| bulk(64, 0, scale.bytes)),
        ("64 streams both ways", &|| bulk(64, scale.bytes / 2, scale.bytes / 2)),
        ("connections", &|| client::open_close(target, scale.opened, 16)),
    ];
    for (name, exercise) in exercises {
        let seen = exercise().expect_good().with_context(|| name.to_owned())?;
        eprintln!("{name}: {seen}");
    }
    let seen = client::hold(target, scale.held, Duration::ZERO, || {}).expect_good().context("held")?;
    eprintln!("held: {seen}");
    Ok(())
}
