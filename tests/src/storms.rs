//! Requests that nobody sane would send, to every server that runs: `userland/storm`.

use std::ffi::OsString;
use std::time::Duration;

use anax_vm::{Ending, Nic, Spec};
use anyhow::ensure;

use crate::context::{Context, SystemTest, Tier};
use crate::disk_files;
use crate::guest;

/// The tests of this module.
pub(crate) const TESTS: &[SystemTest] = &[
    test("storms.every-server", Tier::Quick, 30, every_server),
    test("storms.network-server", Tier::Plain, 10, network_server),
];

const fn test(
    name: &'static str,
    tier: Tier,
    seconds: u64,
    run: fn(&Context<'_>) -> anyhow::Result<()>,
) -> SystemTest {
    SystemTest { name, tier, needs: &[], processors: 2, estimate: Duration::from_secs(seconds), run }
}

/// Requests to each server in a quick run, and in any other.
const FEW: u32 = 500;
const MANY: u32 = 10_000;

/// Those that have to be there; the program says of all others that they do not run.
const SERVERS: [&str; 15] = [
    "init",
    "names",
    "loader",
    "devices",
    "disks",
    "serial",
    "control",
    "control-input",
    "vfs",
    "wall-clock",
    "tmpfs",
    "devfs",
    "sysfs",
    "visitor-count",
    "edu-device",
];

fn every_server(context: &Context<'_>) -> anyhow::Result<()> {
    let extra = ["-device", "edu"].map(OsString::from).to_vec();
    let disk = Some(disk_files::in_two(context)?);
    let spec = Spec { nic: Nic::VirtioNet, extra, disk, ..guest::user_spec(context, "boot") };
    storm(context, spec, "all", &SERVERS)
}

/// In other tests cards are the tests' own.
fn network_server(context: &Context<'_>) -> anyhow::Result<()> {
    let archive = context.artefacts.network_archive.clone();
    storm(context, Spec { archive, ..guest::user_spec(context, "boot") }, "net", &["net"])
}

fn storm(context: &Context<'_>, spec: Spec, what: &str, servers: &[&str]) -> anyhow::Result<()> {
    let count = if context.effort.includes(Tier::Plain) { MANY } else { FEW };
    let spec = Spec { cpus: 2, memory_mib: 256, ..spec };
    let seen = guest::run(&spec, &format!("storm {what} {count} 1"))?;
    let printed = seen.printed();
    // What the storm itself has printed is of no interest.
    let said: Vec<_> =
        printed.lines().filter_map(|line| line.find("storm: ").map(|at| &line[at..])).collect();
    ensure!(seen.result.ending == Ending::Exited { status: 0 }, "{:?}: {said:#?}", seen.result.ending);
    ensure!(said.last().is_some_and(|line| line.ends_with("nothing is lost")), "{said:#?}");
    for server in servers {
        let start = format!("storm: {server}: ");
        let sent =
            said.iter().find_map(|line| line.strip_prefix(&start)).and_then(|line| line.split_once(" sent"));
        let sent = sent.and_then(|(sent, _)| sent.parse::<u32>().ok());
        ensure!(sent.is_some_and(|sent| sent >= count), "{server} was sent {sent:?}: {said:#?}");
    }
    Ok(())
}
