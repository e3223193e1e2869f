//! The TCP engine by itself: what it costs, counted under icount in a guest without a network (`userland/tcp-bench`), and what it sends over a link that
//! loses packets, in virtual time on the host (`libsys/tcp/examples/loss.rs`).

use std::collections::BTreeMap;

use anax_vm::{Accel, BENCH_CPU, Ending, Spec};
use anyhow::{Context as _, ensure};
use system_tests::{Context, guest};

use super::super::row::{Better, Counted, Row};
use super::super::servers;
use crate::build;

/// What the program reports, in hundredths of an instruction.
const COSTS: [&str; 5] = [
    "net.tcp.engine.segment_rx",
    "net.tcp.engine.segment_rx_of_10000",
    "net.tcp.engine.segment_tx",
    "net.tcp.engine.accept",
    "net.tcp.engine.connect",
];
/// A segment for one of 10,000 connections may cost so many times what one for one of 10 costs.
const OF_MANY: f64 = 1.05;

/// Segments of a transfer, and seeds from 1 on.
const SEGMENTS: u32 = 100_000;
const SEEDS: u32 = 20;
/// Packets sent for each segment delivered, at most; goodput of what the formula has, at least.
const MOST_SENT: f64 = 1.05;
const LEAST_GOODPUT: f64 = 1.0;

/// What the engine costs.
pub(super) fn costs(context: &Context<'_>) -> anyhow::Result<Vec<Row>> {
    let spec = Spec {
        memory_mib: 256,
        cpu: Some(BENCH_CPU.to_owned()),
        accel: Accel::Icount,
        ..guest::user_spec(context, "engine")
    };
    let seen = guest::run(&spec, "tcp-bench")?;
    let printed = String::from_utf8_lossy(&seen.result.out);
    ensure!(seen.result.ending == Ending::Exited { status: 0 }, "{:?}: {printed}", seen.result.ending);
    cost_rows(&servers::parse(&printed))
}

fn cost_rows(figures: &BTreeMap<String, u64>) -> anyhow::Result<Vec<Row>> {
    let figure = |name: &str| {
        let hundredths = figures.get(name).with_context(|| format!("the program did not report {name}"))?;
        anyhow::Ok(*hundredths as f64 / 100.0)
    };
    let row = |name| anyhow::Ok(Row::new(name, figure(name)?, "instructions", Counted::Icount));
    let mut rows = COSTS.into_iter().map(row).collect::<anyhow::Result<Vec<_>>>()?;
    let [one, many, ..] = COSTS;
    let times = (figure(many)? / figure(one)? * 10_000.0).round() / 10_000.0;
    let of_many = Row::new("net.tcp.segment_rx_10000_of_10", times, "times", Counted::Icount);
    rows.push(Row { limit: Some(OF_MANY), ..of_many });
    Ok(rows)
}

/// What it makes of a link that loses one packet in a hundred each way.
pub(super) fn losses() -> anyhow::Result<Vec<Row>> {
    let mut command = build::host_command("run");
    command.args(["--quiet", "--release", "--package", "anax-tcp", "--example", "loss", "--"]);
    let output =
        command.args([SEGMENTS, SEEDS].map(|number| number.to_string())).output().context("cargo")?;
    let complaint = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "the transfers do not come to their end: {complaint}");
    loss_rows(&String::from_utf8_lossy(&output.stdout))
}

/// Of lines `NAME VALUE`, each the worst of all seeds.
fn loss_rows(printed: &str) -> anyhow::Result<Vec<Row>> {
    let figure = |name: &str| {
        let mut lines = printed.lines().filter_map(|line| line.split_once(' '));
        let value = lines.find(|(known, _)| *known == name).and_then(|(_, value)| value.parse::<f64>().ok());
        value.with_context(|| format!("nobody reported {name}: {printed}"))
    };
    let sent = "net.tcp.sent_per_delivered_1pct";
    let sent = Row::new(sent, figure(sent)?, "packets", Counted::Icount);
    let goodput = figure("net.tcp.goodput_of_mathis_1pct")?;
    let goodput = Row::new("net.tcp.goodput_1pct_of_formula", goodput, "times", Counted::Icount);
    Ok(vec![
        Row { limit: Some(MOST_SENT), ..sent },
        Row { better: Better::More, limit: Some(LEAST_GOODPUT), ..goodput },
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_program_reports() {
        let mut figures = servers::parse("bench net.tcp.engine.segment_rx 100000\n");
        assert!(cost_rows(&figures).is_err());
        figures.extend(COSTS.map(|name| (name.to_owned(), 104_000)));
        figures.insert(COSTS[0].to_owned(), 100_000);
        let rows = cost_rows(&figures).unwrap();
        let last = rows.last().unwrap();
        assert_eq!((last.name, last.value), ("net.tcp.segment_rx_10000_of_10", 1.04));
        assert!(!last.is_worse_than(OF_MANY));
    }

    #[test]
    fn what_the_transfers_report() {
        let printed =
            "net.tcp.sent_per_delivered_1pct 1.0110\nnet.tcp.goodput_of_mathis_1pct 0.9\ndigest 12\n";
        let rows = loss_rows(printed).unwrap();
        assert_eq!((rows[0].value, rows[1].value), (1.011, 0.9));
        assert!(!rows[0].is_worse_than(MOST_SENT) && rows[1].is_worse_than(LEAST_GOODPUT));
        assert!(loss_rows("net.tcp.sent_per_delivered_1pct 1.0\n").is_err());
    }
}
