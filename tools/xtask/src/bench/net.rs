//! What the network costs: a guest with the network server and `peerd`, driven by the host's client and counted by the plugin; the TCP engine itself in
//! virtual time. The same work was counted of a Linux guest in the same emulator, which is the limit.

mod cohort;
mod engine;
mod exercises;
mod guest;
mod http;
mod memory;
mod peer;

use std::path::Path;

use anyhow::Context as _;
use count_format::Counter;
use netpeer::network;
use system_tests::{Artefacts, Context, Effort};

use super::Group;
use super::baseline::Baseline;
use super::row::{Better, Counted, Row};
use exercises::{Cost, Exercise, Run};
use guest::{Kind, Offload};
pub(super) use http::GROUP as HTTP;
pub(super) use peer::compare;

/// The group.
pub(super) const GROUP: Group = Group { name: "net", measure, unmet: &[] };

/// Boots of which a row is the median.
const BOOTS: usize = 3;
/// And at most, while a limit or what a row may grow is exceeded.
const MOST_BOOTS: usize = 5;

/// A row of a guest: what is done, and what of it is told.
struct Known {
    name: &'static str,
    unit: &'static str,
    exercise: Exercise,
    figure: fn(&Cost) -> Option<f64>,
    /// Instructions that a Linux guest takes for the same: more is not allowed, half of it is the aim.
    peer: Option<f64>,
}

const fn each(name: &'static str, exercise: Exercise, peer: f64) -> Known {
    Known { name, unit: "instructions", exercise, figure: |cost| Some(cost.each()), peer: Some(peer) }
}

const fn segment(name: &'static str, exercise: Exercise, peer: f64) -> Known {
    Known { name, unit: "instructions", exercise, figure: Cost::each_segment, peer: Some(peer) }
}

const fn speed(name: &'static str, unit: &'static str, exercise: Exercise) -> Known {
    Known { name, unit, exercise, figure: |cost| Some(cost.per_second()), peer: None }
}

/// Where all is the guest's own work. A Linux guest's segments are full: 1,448 bytes beside time stamps, 690.6 a MB.
const BARE: [Known; 14] = [
    each("net.udp.round_trip", Exercise::Datagram, 21_400.0),
    each("net.udp.round_trip32", Exercise::Datagrams32, 12_570.0),
    each("net.tcp.round_trip", Exercise::RoundTrip, 25_300.0),
    each("net.tcp.connect_close", Exercise::Connection, 60_300.0),
    each("net.tcp.bulk_tx_mb", Exercise::From, 3_700_000.0),
    each("net.tcp.bulk_rx_mb", Exercise::To, 4_400_000.0),
    segment("net.tcp.segment_tx", Exercise::From, 5358.0),
    segment("net.tcp.segment_rx", Exercise::To, 6371.0),
    speed("net.wall.udp_round_trips", "a second", Exercise::Datagram),
    speed("net.wall.udp_round_trips32", "a second", Exercise::Datagrams32),
    speed("net.wall.tcp_round_trips", "a second", Exercise::RoundTrip),
    speed("net.wall.connections", "a second", Exercise::Connection),
    speed("net.wall.tcp_tx", "MB/s", Exercise::From),
    speed("net.wall.tcp_rx", "MB/s", Exercise::To),
];

/// Where the card does what cards can do.
const OFFLOADED: [Known; 4] = [
    each("net.tcp.bulk_tx_mb.offload", Exercise::From, 560_000.0),
    each("net.tcp.bulk_rx_mb.offload", Exercise::To, 540_000.0),
    speed("net.wall.tcp_tx.offload", "MB/s", Exercise::From),
    speed("net.wall.tcp_rx.offload", "MB/s", Exercise::To),
];

fn measure(
    artefacts: &Artefacts,
    folder: &Path,
    baseline: &Baseline,
    effort: Effort,
) -> anyhow::Result<Vec<Row>> {
    let context = Context { artefacts, folder, effort };
    let mut rows = engine::costs(&context)?;
    if effort == Effort::Long {
        // A part of them is a test of the engine's own.
        rows.extend(engine::losses()?);
    }
    match network::missing() {
        Some(reason) => eprintln!("bench net: no guest is measured: {reason}"),
        None => rows.extend(guests(&context, baseline)?),
    }
    Ok(rows)
}

/// The rows of guests.
fn guests(context: &Context<'_>, baseline: &Baseline) -> anyhow::Result<Vec<Row>> {
    let mut bare = boots(context, Offload::None, &Exercise::ALL)?;
    let mut rows = rows(&BARE, &bare)?;
    // A host with other work lets things come one by one that else come together.
    let is_judged = |row: &&Row| row.counted != Counted::Reported;
    let is_more =
        |row: &Row| row.limit.is_some_and(|limit| row.is_worse_than(limit)) || baseline.has_outgrown(row);
    while bare.len() < MOST_BOOTS && rows.iter().filter(is_judged).any(is_more) {
        bare.push(boot(context, Offload::None, &Exercise::ALL, bare.len())?);
        rows = self::rows(&BARE, &bare)?;
    }
    rows.push(median("net.idle_second", "instructions", bare.iter().map(|run| run.idle).collect())?);
    rows.push(memory::row(context)?);
    if context.effort == Effort::Long {
        rows.extend(doorbells(context)?);
        let offloaded = boots(context, Offload::All, &[Exercise::From, Exercise::To])?;
        rows.extend(self::rows(&OFFLOADED, &offloaded)?);
        rows.extend(cohort::rows(context)?);
    }
    Ok(rows)
}

/// Segments of a stream for each store to the card, counted in a boot of its own, since that slows the guest.
fn doorbells(context: &Context<'_>) -> anyhow::Result<Vec<Row>> {
    let plugin = ["mmio=on".to_owned()];
    let kind = Kind { log: "doorbells", cpus: 1, offload: Offload::None, plugin: &plugin, archive: None };
    let both = [Exercise::From, Exercise::To];
    let run = guest::within(context, &kind, "", |guest| exercises::run(guest, &both, Effort::Plain))?.0;
    let names = ["net.segments_per_doorbell", "net.segments_per_doorbell.rx"];
    let row = |(name, exercise): (&'static str, _)| {
        let cost = run.of(exercise)?;
        let doorbells = cost.seen.counts[Counter::UserMmioStore];
        let segments = cost.segments().filter(|_| doorbells > 0).context("no store to the card")?;
        let row = median(name, "segments", vec![segments as f64 / doorbells as f64])?;
        Ok(Row { better: Better::More, ..row })
    };
    names.into_iter().zip(both).map(row).collect()
}

fn boots(context: &Context<'_>, offload: Offload, exercises: &[Exercise]) -> anyhow::Result<Vec<Run>> {
    let boots = if context.effort == Effort::Long { BOOTS } else { 1 };
    (0..boots).map(|number| boot(context, offload, exercises, number)).collect()
}

fn boot(
    context: &Context<'_>,
    offload: Offload,
    exercises: &[Exercise],
    number: usize,
) -> anyhow::Result<Run> {
    let log = format!("{}-{number}", if offload == Offload::None { "bare" } else { "offload" });
    let kind = Kind { log: &log, cpus: 1, offload, plugin: &[], archive: None };
    Ok(guest::within(context, &kind, "", |guest| exercises::run(guest, exercises, context.effort))?.0)
}

fn rows(all: &[Known], runs: &[Run]) -> anyhow::Result<Vec<Row>> {
    let row = |known: &Known| {
        let costs = runs.iter().map(|run| run.of(known.exercise)).collect::<anyhow::Result<Vec<_>>>()?;
        let values = costs.iter().filter_map(|cost| (known.figure)(cost)).collect();
        let row = median(known.name, known.unit, values)?;
        Ok(match known.peer {
            Some(peer) => Row {
                counted: Counted::Crowd,
                expensive: costs.first().map(|cost| cost.counts_each()),
                limit: Some(peer),
                aim: Some(peer / 2.0),
                peer: Some(peer),
                ..row
            },
            None => Row { better: Better::More, ..row },
        })
    };
    all.iter().map(row).collect()
}

/// To three digits behind the point, of which great figures have none.
fn rounded(value: f64) -> f64 {
    if value >= 100.0 { value.round() } else { (value * 1000.0).round() / 1000.0 }
}

/// A row that is told only: the median of some runs, of an even number the lesser one.
fn median(name: &'static str, unit: &'static str, mut values: Vec<f64>) -> anyhow::Result<Row> {
    values.sort_by(f64::total_cmp);
    let middle =
        values.get(values.len().saturating_sub(1) / 2).with_context(|| format!("{name} was not measured"))?;
    let spread = values.first().copied().zip(values.last().copied()).filter(|_| values.len() > 1);
    let spread = spread.map(|(least, most)| (rounded(least), rounded(most)));
    Ok(Row { spread, ..Row::new(name, rounded(*middle), unit, Counted::Reported) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_and_the_ends() {
        let row = median("net.x", "instructions", vec![300.2, 100.0, 200.6]).unwrap();
        assert_eq!((row.value, row.spread), (201.0, Some((100.0, 300.0))));
        assert_eq!(median("net.x", "MB/s", vec![1.23456]).unwrap().spread, None);
        assert!(median("net.x", "MB/s", Vec::new()).is_err());
    }
}
