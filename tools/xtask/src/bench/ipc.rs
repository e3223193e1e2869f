//! What the kernel's calls cost a program: `userland/ipc-bench` measures itself, by the time stamp counter under icount.

use std::collections::BTreeMap;
use std::path::Path;

use anax_vm::{Accel, BENCH_CPU, Spec};
use anyhow::{Context as _, ensure};
use system_tests::{Artefacts, Context, Effort, guest};

use super::Group;
use super::row::{Counted, Row};

/// The group.
pub(super) const GROUP: Group = Group { name: "ipc", measure, unmet: &[] };

/// Name, limit, aim, and the same figure of Linux or seL4 in this emulator.
type Known = (&'static str, Option<f64>, Option<f64>, Option<f64>);

const fn limited(name: &'static str, limit: f64, aim: f64, peer: f64) -> Known {
    (name, Some(limit), Some(aim), Some(peer))
}

const fn unmatched(name: &'static str, limit: f64, aim: f64) -> Known {
    (name, Some(limit), Some(aim), None)
}

const fn reported(name: &'static str) -> Known {
    (name, None, None, None)
}

/// All that the program reports; docs/measuring.md says what each is.
const ROWS: [Known; 20] = [
    limited("syscall.null", 60.0, 45.0, 337.0),
    unmatched("syscall.batch32", 40.0, 25.0),
    limited("ipc.call_reply.remote", 400.0, 300.0, 408.0),
    limited("ipc.call_reply.local", 380.0, 280.0, 404.0),
    reported("port.kernel_served"),
    reported("port.user_thread"),
    limited("notify.wake", 400.0, 300.0, 509.0),
    reported("notify.round_trip"),
    limited("irq.to_user", 350.0, 280.0, 355.0),
    limited("fault.round_trip", 1000.0, 800.0, 1303.0),
    limited("thread.yield.remote", 270.0, 200.0, 270.0),
    limited("thread.create_exit", 5000.0, 3000.0, 40940.0),
    limited("vm.map_page", 700.0, 500.0, 734.0),
    reported("vm.unmap_page"),
    limited("vm.fault_page", 2000.0, 1500.0, 4646.0),
    unmatched("msg.region_4k", 1000.0, 700.0),
    unmatched("channel.batch32", 100.0, 50.0),
    unmatched("channel.batch1", 500.0, 400.0),
    reported("channel.call32"),
    reported("channel.call1"),
];

fn measure(artefacts: &Artefacts, folder: &Path) -> anyhow::Result<Vec<Row>> {
    let context = Context { artefacts, folder, effort: Effort::Plain };
    let figures = run(&context, "icount-1")?;
    let again = run(&context, "icount-2")?;
    ensure!(figures == again, "two runs differ: {figures:?} and {again:?}");
    let row = |&(name, limit, aim, peer): &Known| {
        let value = *figures.get(name).with_context(|| format!("the program did not report {name}"))?;
        let (unit, counted, expensive) = ("instructions", Counted::Icount, None);
        Ok(Row { name, value, unit, counted, expensive, limit, aim, peer })
    };
    ROWS.iter().map(row).collect()
}

/// Runs the program on one CPU; what it reported. It reports only what it has verified, and the end only if all was.
fn run(context: &Context<'_>, log: &str) -> anyhow::Result<BTreeMap<String, f64>> {
    let cpu = Some(BENCH_CPU.to_owned());
    let spec = Spec { cpus: 1, memory_mib: 256, cpu, accel: Accel::Icount, ..guest::spec(context, log) };
    let seen = guest::run(&spec, "program ipc-bench")?;
    seen.expect_success("")?;
    let figures = parse(seen.console());
    ensure!(figures.contains_key("end"), "the program did not say that it came to its end");
    Ok(figures)
}

/// Lines `... bench NAME HUNDREDTHS` of the console.
fn parse(console: &str) -> BTreeMap<String, f64> {
    let figure = |line: &str| {
        let (_, text) = line.split_once("] bench ")?;
        let (name, hundredths) = text.trim_end().split_once(' ')?;
        Some((name.to_owned(), hundredths.parse::<f64>().ok()? / 100.0))
    };
    console.lines().filter_map(figure).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_found_among_other_lines() {
        let figures =
            parse("anax: ready\n[    0.02] bench a.b 1234\r\n[    0.03] bench failed: 3 instead of 4\n");
        assert_eq!(figures, BTreeMap::from([("a.b".to_owned(), 12.34)]));
    }
}
