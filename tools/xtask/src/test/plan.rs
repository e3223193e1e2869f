//! Which jobs a run consists of.

use std::fs;
use std::path::Path;
use std::str::FromStr;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use system_tests::{Artefacts, Context, Effort, KernelOutcome, KernelTest, Need, SystemTest, Tier};

use super::host;
use super::jobs::Job;
use super::models;
use super::outcome::{Outcome, Verdict};
use super::progress::Progress;
use crate::{bench, build, check};

/// One of several parts of a long run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    /// Counted from 0.
    index: usize,
    count: usize,
}

impl FromStr for Part {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parsed = text
            .split_once('/')
            .and_then(|(index, count)| Some((index.parse::<usize>().ok()?, count.parse::<usize>().ok()?)));
        match parsed {
            Some((index, count)) if (1..=count).contains(&index) => Ok(Self { index: index - 1, count }),
            _ => Err("write it as I/N, such as 2/5, with I from 1 to N"),
        }
    }
}

impl Part {
    /// Takes this part's jobs: the longest first, each to the part that has least to do so far.
    fn take(self, jobs: Vec<Job<'_>>) -> Vec<Job<'_>> {
        let mut loads = vec![Duration::ZERO; self.count];
        let mut jobs = jobs;
        jobs.sort_by(|a, b| b.estimate.cmp(&a.estimate).then_with(|| a.name.cmp(&b.name)));
        jobs.into_iter()
            .filter(|job| {
                let least = (0..self.count).min_by_key(|&part| loads[part]).unwrap_or(0);
                loads[least] += job.estimate;
                least == self.index
            })
            .collect()
    }
}

/// How many requests nobody sane would send each typed server has to bear in a long run (`anax_storm`), and the variable that says so.
const STORM: (&str, &str) = ("STORM_CASES", "1000000");

/// What was asked for.
pub(super) struct Request<'a> {
    pub(super) effort: Effort,
    pub(super) filter: Option<&'a str>,
    /// The filter is one job's name, without its kind (`injected.e1000`).
    pub(super) is_exact: bool,
    pub(super) part: Option<Part>,
}

impl Request<'_> {
    fn wants(&self, name: &str) -> bool {
        self.filter.is_none_or(|filter| {
            if !self.is_exact {
                return name.contains(filter);
            }
            name == filter || name.split_once(' ').is_some_and(|(_, name)| name == filter)
        })
    }
}

/// What a run consists of.
pub(super) struct Planned<'a> {
    pub(super) jobs: Vec<Job<'a>>,
    /// Tests that can't run on this host.
    pub(super) skipped: Vec<Outcome>,
}

/// Builds the host's tests.
pub(super) fn build_host_tests() -> anyhow::Result<()> {
    eprintln!("building the host tests");
    let mut host_tests = build::host_command("test");
    let status = host_tests.args(["--no-run", "--quiet"]).status().context("cargo test --no-run")?;
    if !status.success() {
        bail!("the host tests do not build");
    }
    Ok(())
}

/// Builds all that the tests boot or load.
pub(super) fn build_artefacts() -> anyhow::Result<Artefacts> {
    eprintln!("building the kernel, the programs and the plugin");
    build::artefacts()
}

/// Puts together the jobs of a run.
pub(super) fn jobs<'a>(
    request: &Request<'a>,
    artefacts: &'a Artefacts,
    logs: &'a Path,
    progress: &'a Progress,
) -> anyhow::Result<Planned<'a>> {
    let mut planned = Planned { jobs: Vec::new(), skipped: Vec::new() };
    for test in system_tests::all() {
        let name = system_name(test);
        if !request.effort.includes(test.tier) || !request.wants(&name) {
            continue;
        }
        let missing = test.needs.iter().find_map(|need| need.missing().map(|reason| (*need, reason)));
        match missing {
            // What only root may do no package brings: where it is not allowed, other tests have to do.
            Some((Need::Taps, reason)) => eprintln!("{name} is not run: {reason}"),
            Some((_, reason)) => planned.skipped.push(Outcome::new(name, Verdict::Skipped(reason))),
            None => planned.jobs.push(system_job(test, request.effort, artefacts, logs)),
        }
    }
    // Tests that are found in what is built have no job of their own.
    let kernels = if request.is_exact { &[][..] } else { &system_tests::KERNEL_TEST_CPUS };
    for &cpus in kernels {
        planned.jobs.push(kernel_job(cpus, request, artefacts, logs));
    }
    for step in check::STEPS {
        if request.wants(&format!("check {}", step.0)) {
            planned.jobs.push(check_job(step));
        }
    }
    for group in bench::GROUPS {
        if request.wants(&format!("bench {}", group.name)) {
            planned.jobs.push(bench_job(group, request.effort, artefacts, logs, progress));
        }
    }
    if !request.is_exact {
        planned.jobs.push(host_job(request.filter, request.effort.includes(Tier::Long), logs, progress));
    }
    if !request.is_exact && request.effort.includes(Tier::Plain) {
        planned.jobs.push(models_job(models::all()?, request.filter, logs, progress));
    }
    if let Some(filter) = request.filter.filter(|_| request.is_exact && planned.jobs.is_empty()) {
        ensure!(!planned.skipped.is_empty(), "there is no test of exactly that name in such a run: {filter}");
    }
    if let Some(part) = request.part {
        planned.jobs = part.take(planned.jobs);
    }
    Ok(planned)
}

fn system_name(test: &SystemTest) -> String {
    format!("system {}", test.name)
}

fn system_job<'a>(
    test: &'static SystemTest,
    effort: Effort,
    artefacts: &'a Artefacts,
    logs: &'a Path,
) -> Job<'a> {
    let run = move || vec![run_system_test(test, effort, artefacts, logs)];
    let weight = (2 * test.processors).max(1);
    Job { name: system_name(test), weight, estimate: test.estimate, run: Box::new(run) }
}

/// Runs one system test with a fresh folder for its logs.
pub(super) fn run_system_test(
    test: &SystemTest,
    effort: Effort,
    artefacts: &Artefacts,
    logs: &Path,
) -> Outcome {
    let begin = Instant::now();
    let result = fresh_folder(logs, test.name)
        .and_then(|folder| (test.run)(&Context { artefacts, folder: &folder, effort }));
    let took = begin.elapsed();
    Outcome { name: system_name(test), verdict: verdict(result, logs, test.name), took }
}

fn kernel_job<'a>(cpus: u32, request: &Request<'a>, artefacts: &'a Artefacts, logs: &'a Path) -> Job<'a> {
    let (filter, effort) = (request.filter, request.effort);
    let name = format!("kernel tests with CPUs: {cpus}");
    let run = move || {
        let folder_name = format!("kernel-{cpus}");
        let result = fresh_folder(logs, &folder_name).and_then(|folder| {
            system_tests::kernel_tests(&Context { artefacts, folder: &folder, effort }, cpus, filter)
        });
        match result {
            Ok(results) => results.into_iter().map(|result| kernel_outcome(cpus, result)).collect(),
            Err(error) => {
                let verdict = verdict(Err(error), logs, &folder_name);
                vec![Outcome::new(format!("kernel tests with CPUs: {cpus}"), verdict)]
            }
        }
    };
    Job { name, weight: 2 * cpus as usize, estimate: Duration::from_secs(60), run: Box::new(run) }
}

fn kernel_outcome(cpus: u32, result: KernelTest) -> Outcome {
    let verdict = match result.outcome {
        KernelOutcome::Passed => Verdict::Passed,
        KernelOutcome::Failed => Verdict::Failed(result.detail),
        KernelOutcome::Skipped => Verdict::Skipped(result.detail),
    };
    Outcome::of_kernel_test(&result.name, cpus, verdict, result.took)
}

fn check_job(step: check::Step) -> Job<'static> {
    let (name, run) = step;
    let name = format!("check {name}");
    let outcome_name = name.clone();
    let run = move || {
        let mut findings = check::Findings::default();
        let result = run(build::root(), &mut findings);
        let verdict = match result {
            Err(error) => Verdict::Failed(format!("{error:#}")),
            Ok(()) if findings.failures.is_empty() => Verdict::Passed,
            Ok(()) => Verdict::Failed(findings.failures.join("\n")),
        };
        vec![Outcome::new(outcome_name, verdict)]
    };
    // Most of them compile, which takes all processors there are. The longest goes on beside what sleeps.
    let (weight, seconds) = if name == "check lints, host" { (1, 300) } else { (usize::MAX, 20) };
    Job { name, weight, estimate: Duration::from_secs(seconds), run: Box::new(run) }
}

fn bench_job<'a>(
    group: &'static bench::Group,
    effort: Effort,
    artefacts: &'a Artefacts,
    logs: &'a Path,
    progress: &'a Progress,
) -> Job<'a> {
    let name = format!("bench {}", group.name);
    let run = move || match fresh_folder(logs, &format!("bench-{}", group.name))
        .and_then(|folder| bench::gate(group, artefacts, &folder, effort, |warning| progress.line(warning)))
    {
        Ok(rows) => rows
            .into_iter()
            .map(|(name, result)| {
                Outcome::new(
                    format!("bench {name}"),
                    result.map_or_else(Verdict::Failed, |()| Verdict::Passed),
                )
            })
            .collect(),
        Err(error) => {
            vec![Outcome::new(format!("bench {}", group.name), Verdict::Failed(format!("{error:#}")))]
        }
    };
    // Alone: between two CPUs it is counted how they wait for each other, which others on the same processors would spoil.
    Job { name, weight: usize::MAX, estimate: Duration::from_secs(30), run: Box::new(run) }
}

fn host_job<'a>(filter: Option<&'a str>, is_long: bool, logs: &'a Path, progress: &'a Progress) -> Job<'a> {
    let cargo_test = move |arguments: &[String], log: &str| {
        let mut command = build::host_command("test");
        command.args(arguments);
        if is_long {
            command.env(STORM.0, STORM.1);
        }
        host::run(command, "host", filter, &logs.join(log), progress)
            .unwrap_or_else(|error| vec![Outcome::failed("host cargo test", &error)])
    };
    // One program of tests after the other, and beside them the examples in documentation, of which one is compiled at a time.
    let run = move || {
        thread::scope(|scope| {
            let examples = scope.spawn(|| match host::examples() {
                Ok(arguments) if arguments.is_empty() => Vec::new(),
                Ok(arguments) => cargo_test(&arguments, "host-examples.log"),
                Err(error) => vec![Outcome::failed("host examples", &error)],
            });
            let mut outcomes = cargo_test(&["--tests".to_owned()], "host.log");
            outcomes.extend(examples.join().unwrap_or_else(|_| {
                vec![Outcome::new("host examples".to_owned(), Verdict::Failed("panicked".to_owned()))]
            }));
            outcomes
        })
    };
    let name = "host tests".to_owned();
    Job { name, weight: usize::MAX, estimate: Duration::from_secs(120), run: Box::new(run) }
}

fn models_job<'a>(
    models: models::Models,
    filter: Option<&'a str>,
    logs: &'a Path,
    progress: &'a Progress,
) -> Job<'a> {
    let run = move || models.run(filter, logs, progress);
    let name = "models".to_owned();
    // They are compiled for it, which takes all processors there are.
    Job { name, weight: usize::MAX, estimate: Duration::from_secs(150), run: Box::new(run) }
}

/// An empty folder for a test's logs.
pub(super) fn fresh_folder(logs: &Path, name: &str) -> anyhow::Result<std::path::PathBuf> {
    let folder = logs.join(name);
    if folder.exists() {
        fs::remove_dir_all(&folder).with_context(|| folder.display().to_string())?;
    }
    fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
    Ok(folder)
}

fn verdict(result: anyhow::Result<()>, logs: &Path, folder: &str) -> Verdict {
    match result {
        Ok(()) => Verdict::Passed,
        Err(error) => Verdict::Failed(format!("{error:#}\n  log: {}", logs.join(folder).display())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(name: usize, seconds: u64) -> Job<'static> {
        let estimate = Duration::from_secs(seconds);
        Job { name: name.to_string(), weight: 1, estimate, run: Box::new(Vec::new) }
    }

    #[test]
    fn parts_cover_everything_once_and_evenly() {
        let jobs = || (0..30).map(|number| job(number, number as u64 % 7)).collect::<Vec<_>>();
        let mut names = Vec::new();
        for part in ["1/3", "2/3", "3/3"] {
            let taken = part.parse::<Part>().unwrap().take(jobs());
            let load: u64 = taken.iter().map(|job| job.estimate.as_secs()).sum();
            assert!((25..=33).contains(&load), "{load}");
            names.extend(taken.into_iter().map(|job| job.name));
        }
        names.sort();
        names.dedup();
        assert_eq!(names.len(), 30);
    }

    #[test]
    fn parts_are_checked() {
        for text in ["0/3", "4/3", "1", "a/b", "1/", ""] {
            assert!(text.parse::<Part>().is_err(), "{text}");
        }
    }
}
