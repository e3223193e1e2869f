//! What the kernel's calls cost a program: `userland/ipc-bench` measures itself, by the time stamp counter under icount, and is
//! counted by the plugin: what is dear on real hardware, and what goes on between two CPUs.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use anax_vm::{Accel, BENCH_CPU, Plugin, Spec};
use anyhow::{Context as _, ensure};
use count_format::{Counter, Counts, Recording};
use system_tests::{Artefacts, Context, Effort, guest};

use super::Group;
use super::baseline::Baseline;
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
const ROWS: [Known; 25] = [
    limited("syscall.null", 60.0, 45.0, 337.0),
    unmatched("syscall.batch32", 40.0, 25.0),
    limited("ipc.call_reply.remote", 400.0, 300.0, 408.0),
    limited("ipc.call_reply.local", 380.0, 280.0, 404.0),
    reported("port.kernel_served"),
    reported("port.user_thread"),
    limited("typed.call", 512.0, 430.0, 450.0),
    reported("typed.batch32"),
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
    unmatched("uthread.switch", 200.0, 120.0),
    reported("uthread.signal_block"),
    reported("uthread.create_exit"),
];

/// What goes on between two CPUs: counted by the plugin, over both, but for the time in which a CPU waits for work.
const BETWEEN: [Known; 7] = [
    unmatched("ipc.call_reply.cross_cpu", 1500.0, 900.0),
    unmatched("port.user_thread.alone", 1500.0, 900.0),
    unmatched("port.kernel_served.alone", 1500.0, 900.0),
    unmatched("port.kernel_thread.alone", 1500.0, 900.0),
    reported("port.user_thread.queued"),
    reported("port.kernel_served.queued"),
    reported("port.kernel_thread.queued"),
];
/// A message to a thread of the kernel's costs at most so many times what a call of the kernel's own costs, if both are queued.
const NO_APPRECIABLE_DIFFERENCE: f64 = 1.1;
/// Runs of which the least counts, where two CPUs and the host's timing have their part: whoever is not disturbed shows the cost.
const RUNS: usize = 3;
/// And at most, while a limit or what a row may grow is exceeded: on a host with other work all of the first few may be disturbed.
const MOST_RUNS: usize = 12;

/// A line of the program's.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Figure {
    value: f64,
    /// The marks around what was done, and how often it was done between two of them.
    marked: Option<(u16, u64)>,
}

fn measure(artefacts: &Artefacts, folder: &Path, baseline: &Baseline, _: Effort) -> anyhow::Result<Vec<Row>> {
    let context = Context { artefacts, folder, effort: Effort::Plain };
    let figures = run(&context, "icount-1", Accel::Icount, Vec::new(), 1)?;
    let again = run(&context, "icount-2", Accel::Icount, Vec::new(), 1)?;
    ensure!(figures == again, "two runs differ: {figures:?} and {again:?}");
    let (_, recording) = counted(&context, "plugin", 1)?;
    let row = |&(name, limit, aim, peer): &Known| {
        let figure = figures.get(name).with_context(|| format!("the program did not report {name}"))?;
        let least = figure.marked.map(|marked| least(&recording, name, marked)).transpose()?;
        let expensive = least.map(|least| each(least, figure.marked));
        let (value, unit, counted) = (figure.value, "instructions", Counted::Icount);
        Ok(Row { expensive, limit, aim, peer, ..Row::new(name, value, unit, counted) })
    };
    let mut rows = ROWS.iter().map(row).collect::<anyhow::Result<Vec<_>>>()?;
    let remote = rows.iter().find(|row| row.name == "ipc.call_reply.remote").and_then(|row| row.expensive);
    let remote = remote.context("a remote call was not counted")?;
    let dear = [Counter::Cr3, Counter::Wrmsr, Counter::Xsave].map(|counter| remote[counter]);
    ensure!(dear == [2, 0, 0], "a remote call and its reply take {dear:?} writes of CR3, wrmsr and xsave");
    rows.extend(between(&context, baseline)?);
    Ok(rows)
}

/// The rows between two CPUs.
fn between(context: &Context<'_>, baseline: &Baseline) -> anyhow::Result<Vec<Row>> {
    let mut runs = Vec::new();
    loop {
        runs.push(counted(context, &format!("plugin-2-{}", runs.len()), 2)?);
        let rows =
            BETWEEN.iter().map(|known| row_between(known, &runs)).collect::<anyhow::Result<Vec<_>>>()?;
        let rows = with_the_same_limit(rows);
        let is_quiet =
            |row: &Row| row.limit.is_none_or(|limit| row.value <= limit) && !baseline.has_outgrown(row);
        if runs.len() == MOST_RUNS || runs.len() >= RUNS && rows.iter().all(is_quiet) {
            return Ok(rows);
        }
    }
}

fn row_between(
    &(name, limit, aim, peer): &Known,
    runs: &[(BTreeMap<String, Figure>, Recording)],
) -> anyhow::Result<Row> {
    let count = |(figures, recording): &(BTreeMap<String, Figure>, Recording)| {
        let figure = figures.get(name).with_context(|| format!("the program did not report {name}"))?;
        let marked = figure.marked.with_context(|| format!("{name} has no marks"))?;
        Ok((least(recording, name, marked)?, marked.1))
    };
    let counts = runs.iter().map(count).collect::<anyhow::Result<Vec<_>>>()?;
    let least = counts.into_iter().min_by_key(|(counts, _)| counts.instructions());
    let (least, times) = least.context("there was no run")?;
    let value = (least.instructions() * 100 / times) as f64 / 100.0;
    let counted = if name.ends_with(".queued") { Counted::Crowd } else { Counted::Plugin };
    let (unit, expensive) = ("instructions", Some(each(least, Some((0, times)))));
    Ok(Row { expensive, limit, aim, peer, ..Row::new(name, value, unit, counted) })
}

/// A thread of the kernel's has a limit by what the kernel itself takes.
fn with_the_same_limit(mut rows: Vec<Row>) -> Vec<Row> {
    let served = rows.iter().find(|row| row.name == "port.kernel_served.queued").map(|row| row.value);
    let thread = rows.iter_mut().find(|row| row.name == "port.kernel_thread.queued");
    if let (Some(thread), Some(served)) = (thread, served) {
        thread.limit = Some(served * NO_APPRECIABLE_DIFFERENCE);
    }
    rows
}

/// The least that was counted between two marks of that row, over all CPUs: the first round does what happens once only, others may be
/// interrupted.
fn least(recording: &Recording, name: &str, (id, _): (u16, u64)) -> anyhow::Result<Counts> {
    let marks: Vec<_> = recording.snapshots.iter().filter(|snapshot| snapshot.marker == Some(id)).collect();
    let rounds = marks.chunks_exact(2).map(|pair| pair[1].total() - pair[0].total());
    rounds
        .min_by_key(Counts::instructions)
        .with_context(|| format!("{name}: the marks {id} were not executed"))
}

/// What each one took, to the nearest whole number.
fn each(counts: Counts, marked: Option<(u16, u64)>) -> Counts {
    let times = marked.map_or(1, |(_, times)| times);
    let mut each = Counts::default();
    for counter in Counter::ALL {
        each[counter] = (counts[counter] + times / 2) / times;
    }
    each
}

/// Runs the program with the plugin: what it reported, and what was counted.
fn counted(
    context: &Context<'_>,
    log: &str,
    cpus: u32,
) -> anyhow::Result<(BTreeMap<String, Figure>, Recording)> {
    let path = context.folder.join(format!("{log}-counts"));
    let args = vec![format!("out={}", path.display()), idle_code(&context.artefacts.kernel)?];
    let plugin = Plugin { path: context.artefacts.plugin.clone(), args };
    // One CPU is counted under icount, too: whoever is interrupted by time takes turns that a figure does not have.
    let accel = if cpus == 1 { Accel::Icount } else { Accel::Tcg };
    let figures = run(context, log, accel, vec![plugin], cpus)?;
    Ok((figures, count_format::read(BufReader::new(File::open(&path)?))?))
}

/// Where the kernel's code lies in which a CPU waits for work, for the plugin, which leaves it out.
pub(super) fn idle_code(kernel: &Path) -> anyhow::Result<String> {
    let file = std::fs::read(kernel)?;
    let elf = goblin::elf::Elf::parse(&file)?;
    let named = |name: &str| {
        let mut symbols = elf.syms.iter();
        symbols.find(|symbol| elf.strtab.get_at(symbol.st_name) == Some(name)).map(|symbol| symbol.st_value)
    };
    let (start, end) =
        named("idle_start").zip(named("idle_end")).context("the kernel does not say where it idles")?;
    Ok(format!("idle={start:x}-{end:x}"))
}

/// Runs the program; what it reported. It reports only what it has verified, and the end only if all was.
fn run(
    context: &Context<'_>,
    log: &str,
    accel: Accel,
    plugins: Vec<Plugin>,
    cpus: u32,
) -> anyhow::Result<BTreeMap<String, Figure>> {
    let cpu = Some(BENCH_CPU.to_owned());
    let spec = Spec { cpus, memory_mib: 256, cpu, accel, plugins, ..guest::spec(context, log) };
    let seen = guest::run(&spec, if cpus == 1 { "program ipc-bench" } else { "program ipc-bench 1" })?;
    seen.expect_success("")?;
    let figures = parse(seen.console());
    ensure!(figures.contains_key("end"), "the program did not say that it came to its end");
    Ok(figures)
}

/// Lines `... bench NAME HUNDREDTHS [ID TIMES]` of the console.
fn parse(console: &str) -> BTreeMap<String, Figure> {
    let figure = |line: &str| {
        let (_, text) = line.split_once("] bench ")?;
        let mut words = text.split_whitespace();
        // A name has a dot, the words of a failure have none.
        let name = words.next().filter(|name| name.contains('.') || *name == "end")?;
        let value = words.next()?.parse::<f64>().ok()? / 100.0;
        let mut marked = || Some((words.next()?.parse().ok()?, words.next()?.parse().ok()?));
        Some((name.to_owned(), Figure { value, marked: marked() }))
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
        assert_eq!(figures, BTreeMap::from([("a.b".to_owned(), Figure { value: 12.34, marked: None })]));
        let figures = parse("[    0.02] bench a.b 1234 7 256\r\n");
        assert_eq!(figures["a.b"], Figure { value: 12.34, marked: Some((7, 256)) });
    }
}
