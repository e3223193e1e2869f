//! What the replacement of a driver costs: the pause that its client notices, the instructions from the old driver's last to the new one's first, and
//! what was lost over it. `userland/device-load` keeps the device busy and verifies all that it asked for.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use anax_vm::{Accel, BENCH_CPU, Chipset, Ending, Nic, Spec};
use anyhow::{Context as _, ensure};
use system_tests::{Artefacts, Context, Effort, guest};

use super::Group;
use super::baseline::Baseline;
use super::row::{Counted, Row};

/// The group.
pub(super) const GROUP: Group = Group { name: "swap", measure, unmet: &[] };

/// Changes of each driver.
const CHANGES: u32 = 20;
/// Runs of which the least counts, since the host's own disk and network have their part, but for one in a short measurement; and at most, while a
/// limit or what a row may grow is exceeded.
const RUNS: u32 = 2;
const MOST_RUNS: u32 = 6;
const DISK_BYTES: usize = 8 << 20;

/// A driver, on the machine that has its device.
struct Driver {
    log: &'static str,
    device: &'static str,
    /// Those that follow each other.
    programs: &'static str,
    /// Whether the device's speed is the guest's, or the host's.
    counted: Counted,
    /// What each figure is called, in the order of [`Figures`].
    rows: [&'static str; 4],
}

macro_rules! driver {
    ($name:literal, $device:literal, $programs:literal, $counted:expr) => {
        Driver {
            log: $name,
            device: $device,
            programs: $programs,
            counted: $counted,
            rows: [
                concat!("swap.", $name, ".pause_us.p50"),
                concat!("swap.", $name, ".pause_us.p99"),
                concat!("swap.", $name, ".instructions"),
                concat!("swap.", $name, ".lost"),
            ],
        }
    };
}

const DRIVERS: [Driver; 4] = [
    driver!("virtio-net", "net0", "virtio-net-polling virtio-net", Counted::Crowd),
    driver!("e1000", "net0", "e1000", Counted::Crowd),
    driver!("virtio-blk", "blk0", "virtio-blk", Counted::Host),
    driver!("ata", "ata0", "ata", Counted::Host),
];

/// Unit, limit, aim of each of a driver's rows.
const KINDS: [(&str, f64, Option<f64>); 4] = [
    ("us", 5000.0, Some(1000.0)),
    ("us", 20_000.0, Some(10_000.0)),
    ("instructions", 2_000_000.0, None),
    ("requests", 0.0, Some(0.0)),
];

fn measure(
    artefacts: &Artefacts,
    folder: &Path,
    baseline: &Baseline,
    effort: Effort,
) -> anyhow::Result<Vec<Row>> {
    let context = Context { artefacts, folder, effort };
    let mut rows = Vec::new();
    for driver in &DRIVERS {
        rows.extend(quiet(&context, driver, baseline).with_context(|| driver.log)?);
    }
    Ok(rows)
}

/// The least of each figure of some runs, but the most of what was lost; of more runs while one exceeds what it may.
fn quiet(context: &Context<'_>, driver: &Driver, baseline: &Baseline) -> anyhow::Result<Vec<Row>> {
    let enough = if context.effort == Effort::Long { RUNS } else { 1 };
    let (mut least, mut runs) = (run(context, driver)?, 1);
    loop {
        let rows = rows(driver, least);
        let is_quiet =
            |row: &Row| row.limit.is_none_or(|limit| row.value <= limit) && !baseline.has_outgrown(row);
        if runs == MOST_RUNS || runs >= enough && rows.iter().all(is_quiet) {
            return Ok(rows);
        }
        let [median, worst, pause, lost] = run(context, driver)?;
        runs += 1;
        least = [least[0].min(median), least[1].min(worst), least[2].min(pause), least[3].max(lost)];
    }
}

fn rows(driver: &Driver, figures: Figures) -> Vec<Row> {
    let row = |((name, value), (unit, limit, aim)): ((&'static str, u64), (&'static str, f64, _))| {
        let (value, counted, limit) = (value as f64, driver.counted, Some(limit));
        Row { limit, aim, ..Row::new(name, value, unit, counted) }
    };
    driver.rows.into_iter().zip(figures).zip(KINDS).map(row).collect()
}

/// The median and the worst but one in a hundred of the client's longest waits, the longest pause by the device manager, and what was lost.
type Figures = [u64; 4];

fn run(context: &Context<'_>, driver: &Driver) -> anyhow::Result<Figures> {
    let cpu = Some(BENCH_CPU.to_owned());
    let (cpus, memory_mib, accel) = (1, 256, Accel::Icount);
    let spec = Spec { cpus, memory_mib, cpu, accel, ..guest::user_spec(context, driver.log) };
    let spec = with_device(spec, context.folder, driver.log)?;
    let commands = format!("swap-cycle {} {CHANGES} swap busy-load {}", driver.device, driver.programs);
    let seen = guest::run(&spec, &commands)?;
    let printed = String::from_utf8_lossy(&seen.result.out);
    ensure!(seen.result.ending == Ending::Exited { status: 0 }, "{:?}: {printed}", seen.result.ending);
    parse(&printed).with_context(|| format!("that is no account of {CHANGES} changes: {printed}"))
}

fn with_device(spec: Spec, folder: &Path, driver: &str) -> anyhow::Result<Spec> {
    Ok(match driver {
        "virtio-net" => Spec { nic: Nic::VirtioNet, ..spec },
        "e1000" => Spec { nic: Nic::E1000, ..spec },
        "virtio-blk" => Spec { disk: Some(empty_disk(folder, driver)?), ..spec },
        _ => {
            let drive = format!("file={},if=ide,format=raw", empty_disk(folder, driver)?.display());
            let extra = vec![OsString::from("-drive"), drive.into()];
            Spec { chipset: Chipset::Pc, extra, ..spec }
        }
    })
}

fn empty_disk(folder: &Path, driver: &str) -> anyhow::Result<PathBuf> {
    let path = std::path::absolute(folder.join(format!("{driver}-disk")))?;
    fs::write(&path, vec![0; DISK_BYTES]).with_context(|| path.display().to_string())?;
    Ok(path)
}

/// Of the last lines of client and cycle: `load: 9 done of 9, ... longest: median 1 us, 99% 2 us, ...` and
/// `cycle: 20 times swap, 0 failed, pause: ... (3000 ns); client 0x0, device works`. Nothing if any change was none.
fn parse(printed: &str) -> Option<Figures> {
    let line = |start: &str| printed.lines().find(|line| line.starts_with(start));
    let (load, cycle) = (line("load: ")?, line("cycle: ")?);
    let is_whole = cycle.starts_with(&format!("cycle: {CHANGES} times swap, 0 failed, "))
        && cycle.trim_end().ends_with("; client 0x0, device works");
    let median = between(load, "longest: median ", " us")?;
    let worst = between(load, ", 99% ", " us")?;
    let pause = between(cycle, "(", " ns)")?;
    let lost = between(load, " done of ", ",")?.checked_sub(between(load, "load: ", " done")?)?;
    // A client that has asked for nothing has noticed nothing.
    (is_whole && median > 0).then_some([median, worst, pause, lost])
}

/// The number between two texts.
fn between(line: &str, before: &str, behind: &str) -> Option<u64> {
    line.split_once(before)?.1.split_once(behind)?.0.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOAD: &str =
        "load: 900 done of 901, 0 resent, 0 new epochs, longest: median 12 us, 99% 34 us, most 56 us\n";
    const CYCLE: &str = "cycle: 20 times swap, 0 failed, pause: median 1 us, 99% 2 us, most 2 us (2345 ns); client 0x0, device works\n";

    #[test]
    fn the_lines_of_client_and_cycle() {
        assert_eq!(parse(&format!("{LOAD}{CYCLE}")), Some([12, 34, 2345, 1]));
    }

    #[test]
    fn nothing_of_what_went_wrong() {
        assert_eq!(parse(CYCLE), None);
        for (from, to) in
            [("0 failed", "1 failed"), ("20 times", "2 times"), ("0x0", "0x1"), ("device works", "device")]
        {
            assert_eq!(parse(&format!("{LOAD}{}", CYCLE.replace(from, to))), None, "{to}");
        }
        assert_eq!(parse(&format!("{}{CYCLE}", LOAD.replace("median 12", "median 0"))), None);
    }
}
