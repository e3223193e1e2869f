//! Boots a guest, gives it a command line, and judges what was seen.

use std::time::Duration;

use anax_vm::{Accel, Boot, Ending, Event, ExecResult, Limits, Machine, Ready, Spec};
use anyhow::{Context as _, bail, ensure};

use crate::context::Context;

/// The machine that tests start from: one CPU and 64 MiB under QEMU, without KVM, so that a test means the same on every
/// host. Its console is logged as `LOG.log` in the test's folder.
pub fn spec(context: &Context<'_>, log: &str) -> Spec {
    let minutes = |count: u64| Duration::from_secs(60 * count);
    Spec {
        cpus: 1,
        memory_mib: 64,
        accel: Accel::Tcg,
        log: Some(context.folder.join(format!("{log}.log"))),
        limits: Limits { ready: minutes(3), silence: minutes(3), total: Some(minutes(15)) },
        ..Spec::new(&context.artefacts.kernel, &context.artefacts.archive)
    }
}

/// The same machine with the system as it is used: the plain kernel, init, and what that starts.
pub fn user_spec(context: &Context<'_>, log: &str) -> Spec {
    let kernel = context.artefacts.user_kernel.clone();
    let archive = context.artefacts.user_archive.clone();
    Spec { kernel, archive, ..spec(context, log) }
}

/// What a guest did.
#[derive(Debug)]
pub struct Seen {
    /// What the kernel said of itself when it was up, if it got so far.
    pub ready: Option<Ready>,
    /// How the commands ended and what they printed.
    pub result: ExecResult,
    console: String,
    emulator_status: Option<i32>,
}

/// Boots `spec` and runs `commands` there.
///
/// # Errors
/// If the emulator cannot be started; whatever the guest does is for the caller to judge.
pub fn run(spec: &Spec, commands: &str) -> anyhow::Result<Seen> {
    run_observed(spec, commands, |_| {})
}

/// [`run`], which shows every event to `watch` as it happens.
///
/// # Errors
/// As `run`.
pub fn run_observed(spec: &Spec, commands: &str, mut watch: impl FnMut(&Event)) -> anyhow::Result<Seen> {
    let mut machine = Machine::start(spec)?;
    let mut ready = None;
    let result = machine.exec(commands, &mut |event| {
        if let Event::Ready(said) = event {
            ready = Some(*said);
        }
        watch(event);
    });
    Ok(Seen { ready, result, console: machine.console(), emulator_status: machine.emulator_status() })
}

impl Seen {
    /// All that the console said.
    pub fn console(&self) -> &str {
        &self.console
    }

    /// What the commands printed, and behind it what they said on standard error: programs name the error there by which they end.
    pub fn printed(&self) -> String {
        [&self.result.out[..], &self.result.err[..]].map(String::from_utf8_lossy).concat()
    }

    /// The emulator's exit status, if it has ended by itself.
    pub fn emulator_status(&self) -> Option<i32> {
        self.emulator_status
    }

    /// The first line of the console that begins with `start`.
    pub fn console_line(&self, start: &str) -> Option<&str> {
        self.console.lines().find(|line| line.starts_with(start))
    }

    /// The commands ended with status 0 and printed `out`.
    ///
    /// # Errors
    /// What happened instead.
    pub fn expect_success(&self, out: &str) -> anyhow::Result<()> {
        ensure!(self.result.ending == Ending::Exited { status: 0 }, "{}", self.describe_ending());
        let printed = String::from_utf8_lossy(&self.result.out);
        ensure!(printed == out, "printed {printed:?} instead of {out:?}");
        Ok(())
    }

    /// The kernel refused to boot, on both lines and with status 3; returns the reason.
    ///
    /// # Errors
    /// What happened instead.
    pub fn expect_refusal(&self) -> anyhow::Result<String> {
        let Ending::Refused { status: 3, reason } = &self.result.ending else {
            bail!("no refusal with status 3 but: {}", self.describe_ending());
        };
        ensure!(self.result.status() == 3, "the tool would end with {}", self.result.status());
        let line = self.console_line("anax: refused: ").context("there is no line 'anax: refused: ...'")?;
        ensure!(line.trim_end().ends_with(reason), "the console says '{line}', the control line '{reason}'");
        ensure!(self.emulator_status == Some(3), "QEMU ended with {:?} instead of 3", self.emulator_status);
        Ok(reason.clone())
    }

    /// The kernel panicked, and the machine was switched off with a status that says so.
    ///
    /// # Errors
    /// What happened instead.
    pub fn expect_panic(&self) -> anyhow::Result<()> {
        let panicked = matches!(self.result.ending, Ending::Panicked { .. });
        ensure!(panicked, "no panic but: {}", self.describe_ending());
        ensure!(self.result.status() != 0, "the tool would end with 0");
        ensure!(self.emulator_status.is_some_and(|status| status != 0), "QEMU ended as if nothing had been");
        Ok(())
    }

    fn describe_ending(&self) -> String {
        let mut text = self.result.ending.complaint().unwrap_or_else(|| format!("{:?}", self.result.ending));
        if !self.result.err.is_empty() {
            text = format!("{text}\n{}", String::from_utf8_lossy(&self.result.err));
        }
        text
    }
}

/// The kernel came up with this many CPUs.
///
/// # Errors
/// What happened instead.
pub fn check_cpus(seen: &Seen, cpus: u32) -> anyhow::Result<()> {
    let ready = seen.ready.with_context(|| format!("the kernel is not up: {}", seen.describe_ending()))?;
    ensure!(ready.cpus == cpus, "{} CPUs run instead of {cpus}", ready.cpus);
    Ok(())
}

/// The kernel came up with what the machine has, and said so on the console too.
///
/// # Errors
/// What happened instead.
pub fn check_ready(seen: &Seen, cpus: u32, memory_mib: u32, boot: Boot) -> anyhow::Result<()> {
    check_cpus(seen, cpus)?;
    let ready = seen.ready.context("the kernel is not up")?;
    // Firmware keeps some memory for itself: UEFI much more than a BIOS.
    let firmware_mib = if boot == Boot::Uefi { 64 } else { 16 };
    let usable_mib = ready.memory_kib >> 10;
    let plausible = u64::from(memory_mib - firmware_mib)..=u64::from(memory_mib);
    ensure!(plausible.contains(&usable_mib), "{usable_mib} MiB of {memory_mib} are usable");
    ensure!(ready.ready_tsc > ready.entry_tsc && ready.tsc_hz > 0, "that can't be: {ready:?}");

    let line = seen.console_line("anax: ready: ").context("there is no line 'anax: ready: ...'")?;
    let protocol = if boot == Boot::Pvh { "PVH" } else { "multiboot2" };
    let plural = if cpus == 1 { "" } else { "s" };
    let expected = format!("anax: ready: {cpus} CPU{plural}, {usable_mib} MiB usable, {protocol}, ");
    ensure!(line.starts_with(&expected), "the console says '{line}' instead of '{expected}...'");
    Ok(())
}

/// The console has a warning about `subject`.
///
/// # Errors
/// That it has none.
pub fn check_warning(seen: &Seen, subject: &str) -> anyhow::Result<()> {
    let warned = |line: &str| line.to_lowercase().contains("warn") && line.contains(subject);
    ensure!(seen.console.lines().any(warned), "the console has no warning about {subject}");
    Ok(())
}
