//! What files cost: `userland/vfs-bench` measures itself in the file system in memory, by the kernel's clock under icount: a nanosecond is an instruction.

mod sequential;

use std::collections::BTreeMap;
use std::path::Path;

use anax_vm::{Accel, BENCH_CPU, Ending, Spec};
use anyhow::{Context as _, ensure};
use system_tests::{Artefacts, Context, Effort, guest};

use super::Group;
use super::baseline::Baseline;
use super::row::{Counted, Row};
use super::servers::parse;
use crate::build::{self, Choice, KernelBuild, KernelVariant, Packed};

/// The group.
pub(super) const GROUP: Group = Group { name: "vfs", measure, unmet: &[] };

const MEMORY_MIB: u32 = 512;

/// Name, and what a Linux guest takes for the same (the peer's RESULTS): no more is allowed, and half of it the aim.
const ROWS: [(&str, Option<f64>); 5] = [
    ("vfs.open_read_close", Some(7554.0)),
    ("vfs.stat", None),
    ("vfs.read_4k", Some(2684.0)),
    ("vfs.write_4k", None),
    ("vfs.create_unlink", Some(16_742.0)),
];

fn measure(artefacts: &Artefacts, folder: &Path, _: &Baseline, _: Effort) -> anyhow::Result<Vec<Row>> {
    let context = Context { artefacts, folder, effort: Effort::Plain };
    let (cpu, accel, memory_mib) = (Some(BENCH_CPU.to_owned()), Accel::Icount, MEMORY_MIB);
    let packed = Packed::Also(vec!["vfs-bench".to_owned()]);
    let built = build::bootable(
        &KernelBuild::release(KernelVariant::Plain),
        &Choice { packed, ..Choice::default() },
    )?;
    let spec = guest::user_spec(&context, "icount");
    let spec = Spec { cpus: 1, memory_mib, cpu, accel, archive: built.archive, kernel: built.kernel, ..spec };
    let figures = succeed(&spec, "vfs-bench")?;
    let row = |&(name, peer): &(&'static str, Option<f64>)| {
        let (limit, aim) = (peer, peer.map(|peer| peer / 2.0));
        let value = *figures.get(name).with_context(|| format!("nobody reported {name}"))? as f64;
        Ok::<_, anyhow::Error>(Row {
            limit,
            aim,
            peer,
            ..Row::new(name, value, "instructions", Counted::Icount)
        })
    };
    let mut rows = ROWS.iter().map(row).collect::<anyhow::Result<Vec<_>>>()?;
    rows.extend(sequential::rows(&spec, folder)?);
    Ok(rows)
}

/// Runs a command that has to end well: what it reported.
fn succeed(spec: &Spec, command: &str) -> anyhow::Result<BTreeMap<String, u64>> {
    let seen = guest::run(spec, command)?;
    let printed = String::from_utf8_lossy(&seen.result.out);
    ensure!(seen.result.ending == Ending::Exited { status: 0 }, "{:?}: {printed}", seen.result.ending);
    Ok(parse(&printed))
}
