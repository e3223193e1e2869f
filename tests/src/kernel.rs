//! The kernel's own tests, run inside the booted kernel by its command `ktest`.

use std::time::{Duration, Instant};

use anax_vm::{Ending, Event, Outcome, Spec};
use anyhow::{bail, ensure};

use crate::context::{Context, Effort};
use crate::guest;

/// The numbers of CPUs that the kernel's tests are run on.
pub const KERNEL_TEST_CPUS: [u32; 3] = [1, 2, 4];

/// How a kernel test ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KernelOutcome {
    /// All held.
    Passed,
    /// Something did not hold, or the kernel went down.
    Failed,
    /// The machine lacks what it needs, such as a second CPU.
    Skipped,
}

/// One kernel test's result.
#[derive(Clone, Debug)]
pub struct KernelTest {
    /// Module and name.
    pub name: String,
    /// How it ended.
    pub outcome: KernelOutcome,
    /// Why, if it did not pass.
    pub detail: String,
    /// How long it took.
    pub took: Duration,
}

/// Boots a machine with `cpus` CPUs and runs the kernel tests whose name contains `filter` there. A test that takes the
/// kernel down has failed. An error means that it is not known what was tested.
pub fn kernel_tests(
    context: &Context<'_>,
    cpus: u32,
    filter: Option<&str>,
) -> anyhow::Result<Vec<KernelTest>> {
    let percent = if context.effort == Effort::Long { 100 } else { 10 };
    if let Some(odd) =
        filter.and_then(|filter| filter.chars().find(|&c| !(c.is_alphanumeric() || "_:-. ".contains(c))))
    {
        bail!("'{odd}' is in no kernel test's name");
    }
    let commands = format!("ktest --rounds {percent} '{}'", filter.unwrap_or_default());
    let spec = Spec { cpus, memory_mib: 256, ..guest::spec(context, "boot") };
    let mut results = Vec::new();
    let mut running: Option<(String, Instant)> = None;
    let seen = guest::run_observed(&spec, &commands, |event| match event {
        Event::TestStarted { name } => running = Some((name.clone(), Instant::now())),
        Event::TestEnded { name, outcome, detail } => {
            let took = running.take().map_or(Duration::ZERO, |(_, begin)| begin.elapsed());
            let outcome = match outcome {
                Outcome::Passed => KernelOutcome::Passed,
                Outcome::Failed => KernelOutcome::Failed,
                Outcome::Skipped => KernelOutcome::Skipped,
            };
            results.push(KernelTest { name: name.clone(), outcome, detail: detail.clone(), took });
        }
        _ => {}
    })?;
    if let Some((name, begin)) = running {
        let detail = seen.result.ending.complaint().unwrap_or_else(|| format!("{:?}", seen.result.ending));
        results.push(KernelTest { name, outcome: KernelOutcome::Failed, detail, took: begin.elapsed() });
        return Ok(results);
    }
    let any_failed = results.iter().any(|result| result.outcome == KernelOutcome::Failed);
    match seen.result.ending {
        Ending::Exited { status } => {
            // ktest ends with 2 if no name matches: that is for the whole run to judge.
            let expected = if results.is_empty() && filter.is_some() { 2 } else { u8::from(any_failed) };
            ensure!(status == expected, "ktest ended with status {status} instead of {expected}");
        }
        ending => bail!("{}", ending.complaint().unwrap_or_else(|| format!("ktest did not end: {ending:?}"))),
    }
    ensure!(filter.is_some() || !results.is_empty(), "no kernel test was run");
    Ok(results)
}
