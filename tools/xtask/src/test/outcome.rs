//! What became of one test, and the lines that say so at the end of a run.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

/// How a test ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It did what it should.
    Passed,
    /// It didn't, and this is what was seen.
    Failed(String),
    /// It could not run here, for this reason.
    Skipped(String),
}

/// One test's result.
#[derive(Clone, Debug)]
pub(crate) struct Outcome {
    /// Kind and name, such as `system boot.pvh`.
    pub(crate) name: String,
    pub(crate) verdict: Verdict,
    pub(crate) took: Duration,
}

impl Outcome {
    /// An outcome that took no time worth mentioning.
    pub(crate) fn new(name: impl Into<String>, verdict: Verdict) -> Self {
        Self { name: name.into(), verdict, took: Duration::ZERO }
    }

    /// Something that could not even be tried.
    pub(crate) fn failed(name: impl Into<String>, error: &anyhow::Error) -> Self {
        Self::new(name, Verdict::Failed(format!("{error:#}")))
    }

    /// The outcome of the kernel test `name` on a machine with so many CPUs.
    pub(crate) fn of_kernel_test(name: &str, cpus: u32, verdict: Verdict, took: Duration) -> Self {
        let plural = if cpus == 1 { "" } else { "s" };
        Self { name: format!("kernel {name} ({cpus} CPU{plural})"), verdict, took }
    }

    /// The kernel test that this is the outcome of, whatever the machine.
    pub(super) fn kernel_test(&self) -> Option<&str> {
        self.name.strip_prefix("kernel ")?.split_once(" (").map(|(name, _)| name)
    }
}

/// Drops the kernel tests that were skipped on one machine but ran on another: that a test which needs two CPUs has
/// nothing to say about one is no gap.
pub(crate) fn drop_covered_skips(outcomes: Vec<Outcome>) -> Vec<Outcome> {
    let ran: BTreeSet<String> = outcomes
        .iter()
        .filter(|outcome| !matches!(outcome.verdict, Verdict::Skipped(_)))
        .filter_map(|outcome| outcome.kernel_test().map(str::to_owned))
        .collect();
    let covered = |outcome: &Outcome| {
        matches!(outcome.verdict, Verdict::Skipped(_))
            && outcome.kernel_test().is_some_and(|name| ran.contains(name))
    };
    outcomes.into_iter().filter(|outcome| !covered(outcome)).collect()
}

/// What a skipped test means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Skips {
    /// It is reported.
    Allowed,
    /// It fails the run: nobody reads the log of a machine that has been skipping for a month.
    Fail,
}

impl Skips {
    /// As the environment says: in CI (`CI=true`) nothing may be skipped.
    pub(crate) fn from_environment() -> Self {
        match std::env::var("CI").as_deref() {
            Ok("true" | "1") => Self::Fail,
            _ => Self::Allowed,
        }
    }
}

/// All results of a run.
pub(crate) struct Summary {
    passed: usize,
    failed: Vec<(String, String)>,
    skipped: Vec<(String, String)>,
}

impl Summary {
    /// Adds up the outcomes.
    pub(crate) fn new(outcomes: impl IntoIterator<Item = Outcome>, skips: Skips) -> Self {
        let mut summary = Self { passed: 0, failed: Vec::new(), skipped: Vec::new() };
        for outcome in outcomes {
            match outcome.verdict {
                Verdict::Passed => summary.passed += 1,
                Verdict::Failed(reason) => summary.failed.push((outcome.name, reason)),
                Verdict::Skipped(reason) if skips == Skips::Fail => {
                    summary
                        .failed
                        .push((outcome.name, format!("skipped, which CI does not allow: {reason}")));
                }
                Verdict::Skipped(reason) => summary.skipped.push((outcome.name, reason)),
            }
        }
        summary
    }

    /// Whether the run as a whole passed: something was tested, and nothing failed.
    pub(crate) fn is_success(&self) -> bool {
        self.failed.is_empty() && self.passed + self.skipped.len() > 0
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.failed.is_empty() && self.passed + self.skipped.len() == 0 {
            writeln!(out, "no test of that name")?;
        }
        for (name, reason) in &self.failed {
            writeln!(out, "FAILED {name}: {}", reason.trim_end())?;
        }
        for (name, reason) in &self.skipped {
            writeln!(out, "SKIPPED {name}: {reason}")?;
        }
        if !self.skipped.is_empty() {
            writeln!(out, "{} SKIPPED", self.skipped.len())?;
        }
        write!(out, "{} passed, {} failed", self.passed, self.failed.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcomes() -> Vec<Outcome> {
        vec![
            Outcome::new("a", Verdict::Passed),
            Outcome::new("b", Verdict::Skipped("no bochs".into())),
            Outcome::new("c", Verdict::Failed("it hung\n".into())),
        ]
    }

    #[test]
    fn the_last_lines() {
        let summary = Summary::new(outcomes(), Skips::Allowed);
        assert_eq!(
            summary.to_string(),
            "FAILED c: it hung\nSKIPPED b: no bochs\n1 SKIPPED\n1 passed, 1 failed"
        );
        assert!(!summary.is_success());
        assert_eq!(Summary::new(outcomes().drain(..1), Skips::Allowed).to_string(), "1 passed, 0 failed");
    }

    #[test]
    fn ci_takes_no_excuse() {
        let summary = Summary::new(outcomes().drain(..2), Skips::Fail);
        assert!(!summary.is_success());
        assert!(summary.to_string().ends_with("\n1 passed, 1 failed"));
    }

    #[test]
    fn a_kernel_test_that_ran_somewhere_is_not_skipped() {
        let on = |name, cpus, verdict| Outcome::of_kernel_test(name, cpus, verdict, Duration::ZERO);
        let skipped = || Verdict::Skipped("needs two CPUs".into());
        let outcomes = vec![on("a", 1, skipped()), on("a", 2, Verdict::Passed), on("b", 1, skipped())];
        let names: Vec<_> = drop_covered_skips(outcomes).into_iter().map(|outcome| outcome.name).collect();
        assert_eq!(names, ["kernel a (2 CPUs)", "kernel b (1 CPU)"]);
    }

    #[test]
    fn nothing_tested_is_no_success() {
        assert!(!Summary::new([], Skips::Allowed).is_success());
    }
}
