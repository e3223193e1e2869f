//! What a request to the web server costs: the whole guest, with pages from memory, driven by the host's client. A Linux guest with nginx was measured in the same way,
//! with a file of as many bytes.

use std::path::Path;

use netpeer::{Ports, Target, network};
use system_tests::{Artefacts, Context, Effort};

use super::super::Group;
use super::super::baseline::Baseline;
use super::super::row::{Counted, Row};
use super::exercises::{self, Exercise, Run};
use super::guest::{self, Guest, Kind, Offload};
use super::{BOOTS, Known, MOST_BOOTS, each, rows, speed};

/// The group.
pub(in super::super) const GROUP: Group = Group { name: "http", measure, unmet: &[] };

const EXERCISES: [Exercise; 3] = [Exercise::Request, Exercise::RequestClose, Exercise::Body];

const ROWS: [Known; 5] = [
    each("http.request_keepalive", Exercise::Request, 45_500.0),
    each("http.request_close", Exercise::RequestClose, 99_000.0),
    speed("http.wall.request_keepalive", "a second", Exercise::Request),
    speed("http.wall.request_close", "a second", Exercise::RequestClose),
    Known {
        name: "http.wall.body",
        unit: "MB/s",
        exercise: Exercise::Body,
        figure: |cost| Some(cost.megabytes_per_second()),
        peer: None,
    },
];

fn measure(
    artefacts: &Artefacts,
    folder: &Path,
    baseline: &Baseline,
    effort: Effort,
) -> anyhow::Result<Vec<Row>> {
    if let Some(reason) = network::missing() {
        eprintln!("bench http: nothing is measured: {reason}");
        return Ok(Vec::new());
    }
    let context = Context { artefacts, folder, effort };
    let mut runs = Vec::new();
    let least = if effort == Effort::Long { BOOTS } else { 1 };
    loop {
        runs.push(boot(&context, runs.len())?);
        if runs.len() < least {
            continue;
        }
        let rows = rows(&ROWS, &runs)?;
        let is_more =
            |row: &Row| row.limit.is_some_and(|limit| row.is_worse_than(limit)) || baseline.has_outgrown(row);
        // A host with other work lets requests come one by one that else come together.
        let is_judged = |row: &&Row| row.counted != Counted::Reported;
        if runs.len() >= MOST_BOOTS || !rows.iter().filter(is_judged).any(is_more) {
            return Ok(rows);
        }
    }
}

fn boot(context: &Context<'_>, number: usize) -> anyhow::Result<Run> {
    let log = format!("web-{number}");
    let archive = Some(&*context.artefacts.web_archive);
    let kind = Kind { log: &log, cpus: 1, offload: Offload::None, plugin: &[], archive };
    let measure = |guest: &Guest| {
        // The others of its services may be there before this one.
        let ports = Ports { close: exercises::WEB, ..Ports::STANDARD };
        Target { ports, ..guest.target }.wait_until_up(guest::PATIENCE)?;
        exercises::run(guest, &EXERCISES, context.effort)
    };
    Ok(guest::within(context, &kind, "", measure)?.0)
}
