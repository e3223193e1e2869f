//! What it takes until a person is asked for a command: instructions, and memory.

use std::time::{Duration, Instant};

use anax_vm::{Accel, BENCH_CPU, ControlLine, Ending, Machine, Plugin, Spec};
use anyhow::{Context as _, ensure};
use system_tests::{Context, guest};

use super::super::row::{Counted, Row};
use crate::build::{self, Choice, KernelBuild, KernelVariant};

const MEMORY_MIB: u32 = 256;
/// What the shell writes first.
const PROMPT: &str = "\nanax> ";
/// The host may be busy.
const PATIENCE: Duration = Duration::from_secs(120);
/// How often the console is looked at: meanwhile the guest looks for keys, which costs a thousandth of the figure at most.
const LOOK: Duration = Duration::from_millis(1);

/// What a Linux guest takes, an uncompressed kernel with one static program, until that has printed a line.
const PEER_INSTRUCTIONS: f64 = 1427e6;
/// What of its 256 MiB is in use then.
const PEER_KIB: f64 = 76.0 * 1024.0;
const AIM_KIB: f64 = 15.0 * 1024.0;

/// Both rows.
pub(super) fn rows(context: &Context<'_>) -> anyhow::Result<[Row; 2]> {
    let usual = build::bootable(&KernelBuild::release(KernelVariant::Plain), &Choice::default())?;
    let cpu = Some(BENCH_CPU.to_owned());
    let spec = Spec { cpus: 1, memory_mib: MEMORY_MIB, cpu, ..guest::spec(context, "prompt") };
    let spec = Spec { archive: usual.archive, kernel: usual.kernel, ..spec };
    let boot = Row {
        limit: Some(PEER_INSTRUCTIONS),
        aim: Some(PEER_INSTRUCTIONS / 10.0),
        peer: Some(PEER_INSTRUCTIONS),
        ..Row::new("boot.prompt", instructions(context, &spec)? as f64, "instructions", Counted::Plugin)
    };
    let memory = Row {
        limit: Some(PEER_KIB),
        aim: Some(AIM_KIB),
        peer: Some(PEER_KIB),
        ..Row::new("memory.prompt_kib", kib(context, &spec)? as f64, "KiB", Counted::Icount)
    };
    Ok([boot, memory])
}

/// Counted by the plugin, which is asked when the prompt is seen. Time goes by instructions while the guest works, and by the host's clock while it sleeps: else
/// it would do in that moment what a person's long wait takes.
fn instructions(context: &Context<'_>, spec: &Spec) -> anyhow::Result<u64> {
    let socket = context.folder.join("prompt.socket");
    // Of an earlier run.
    let _ = std::fs::remove_file(&socket);
    let out = context.folder.join("prompt.counts");
    let args = vec![format!("out={}", out.display()), format!("ask={}", socket.display())];
    let plugins = vec![Plugin { path: context.artefacts.plugin.clone(), args }];
    let extra = ["-icount", "shift=0,sleep=on"].map(Into::into).to_vec();
    let control = ControlLine::Unused;
    let mut machine = Machine::start(&Spec { plugins, extra, control, ..spec.clone() })?;
    let begun = Instant::now();
    while !machine.console().contains(PROMPT) {
        machine.next_event(LOOK);
        ensure!(begun.elapsed() < PATIENCE, "there is no prompt: {}", machine.console());
    }
    Ok(count_format::ask(&socket).context("the counting plugin")?.instructions())
}

/// All of the machine's memory that is not free while a shell runs, but for what the program has that tells it.
fn kib(context: &Context<'_>, spec: &Spec) -> anyhow::Result<u64> {
    let log = Some(context.folder.join("memory.log"));
    let seen = guest::run(&Spec { accel: Accel::Icount, log, ..spec.clone() }, "sh -c 'free -p'")?;
    let printed = String::from_utf8_lossy(&seen.result.out);
    ensure!(seen.result.ending == Ending::Exited { status: 0 }, "{:?}: {printed}", seen.result.ending);
    let [free, own] = parse(&printed).with_context(|| format!("free printed {printed}"))?;
    (u64::from(MEMORY_MIB) << 10).checked_sub(free + own).context("more is free than there is")
}

/// KiB that are free, and those of the program `free`. A shell is among the programs.
fn parse(printed: &str) -> Option<[u64; 2]> {
    let (all, programs) = printed.split_once("\n\n")?;
    let of = |lines: &str, name: &str| {
        let mut rows = lines.lines().filter_map(|line| line.split_once(char::is_whitespace));
        rows.find(|(first, _)| *first == name)?.1.trim().parse::<u64>().ok()
    };
    of(programs, "sh")?;
    Some([of(all, "free")?, of(programs, "free")?])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_free_prints_is_read() {
        let printed =
            "memory  size\nall      300\nused     100\nfree     200\n\nsh        40\nfree       7\n";
        assert_eq!(parse(printed), Some([200, 7]));
        assert_eq!(parse(&printed.replace("sh ", "vfs")), None);
    }
}
