//! Experiments: the network server with cohorts of other lengths, and with one lock around all that its threads do. They are told, not judged.

use anyhow::{Context as _, ensure};
use system_tests::{Context, Effort};

use super::super::ipc;
use super::super::row::{Better, Counted, Row};
use super::exercises::{self, Exercise};
use super::guest::{self, Kind, Offload};
use super::rounded;
use crate::build::{self, Choice, Instead, KernelBuild, KernelVariant, Packed};

/// A server on so many CPUs, and what its rows are called: instructions of a datagram, of a MB of one stream and of eight, and MB a second of eight.
struct Variant {
    server: &'static str,
    cpus: u32,
    rows: [&'static str; 4],
}

macro_rules! variant {
    ($server:literal, $cpus:literal, $row:literal) => {
        Variant {
            server: $server,
            cpus: $cpus,
            rows: [
                concat!("net.", $row, ".udp_round_trip32"),
                concat!("net.", $row, ".bulk_rx_mb"),
                concat!("net.", $row, ".bulk_rx8_mb"),
                concat!("net.wall.", $row, ".rx8"),
            ],
        }
    };
}

/// All are the same program, which is built to be either; so what differs is what is said here.
const VARIANTS: [Variant; 7] = [
    variant!("net-cohort-1", 1, "cohort.1"),
    variant!("net-cohort-8", 1, "cohort.8"),
    variant!("net-cohort-32", 1, "cohort.32"),
    variant!("net-cohort-128", 1, "cohort.128"),
    variant!("net-one-lock", 1, "one_lock.1cpu"),
    variant!("net-cohort-32", 2, "no_lock.2cpu"),
    variant!("net-one-lock", 2, "one_lock.2cpu"),
];
const EXERCISES: [Exercise; 3] = [Exercise::Datagrams32, Exercise::To, Exercise::To8];

/// The rows of all experiments.
pub(super) fn rows(context: &Context<'_>) -> anyhow::Result<Vec<Row>> {
    let mut rows = Vec::new();
    for variant in &VARIANTS {
        rows.extend(measure(context, variant).with_context(|| variant.rows[0])?);
    }
    Ok(rows)
}

fn measure(context: &Context<'_>, variant: &Variant) -> anyhow::Result<Vec<Row>> {
    let choice = Choice {
        with: vec!["peerd".to_owned()],
        packed: Packed::Also(vec!["peerd".to_owned()]),
        instead: Some(Instead { name: variant.server, of: "net" }),
        ..Choice::default()
    };
    let archive = build::bootable(&KernelBuild::release(KernelVariant::Plain), &choice)?.archive;
    // A CPU that waits for the other one's work is not counted.
    let plugin = [ipc::idle_code(&context.artefacts.user_kernel)?];
    let log = format!("{}-{}", variant.server, variant.cpus);
    let (cpus, archive) = (variant.cpus, Some(&*archive));
    let kind = Kind { log: &log, cpus, offload: Offload::None, plugin: &plugin, archive };
    let (run, told) =
        guest::within(context, &kind, "", |guest| exercises::run(guest, &EXERCISES, Effort::Plain))?;
    let is_it = told.lines().any(|line| line.split_whitespace().nth(1) == Some(variant.server));
    ensure!(is_it, "{} does not run: {told}", variant.server);
    let row = |name, value, unit| Row::new(name, rounded(value), unit, Counted::Reported);
    let mut rows = Vec::new();
    for (name, exercise) in variant.rows.into_iter().zip(EXERCISES) {
        let cost = run.of(exercise)?;
        let expensive = Some(cost.counts_each());
        rows.push(Row { expensive, ..row(name, cost.each(), "instructions") });
    }
    let speed = row(variant.rows[3], run.of(Exercise::To8)?.per_second(), "MB/s");
    rows.push(Row { better: Better::More, ..speed });
    Ok(rows)
}
