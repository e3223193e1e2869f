//! The tests that run on the host: plain `cargo test`, whose lines are read to count them.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::{fs, thread};

use anyhow::Context;

use super::models;
use super::outcome::{Outcome, Verdict};
use super::progress::Progress;

/// Runs `cargo test`, given as a command without a filter; keeps all it prints in `log`. What it runs is called `kind`.
pub(super) fn run(
    mut command: Command,
    kind: &'static str,
    filter: Option<&str>,
    log: &Path,
    progress: &Progress,
) -> anyhow::Result<Vec<Outcome>> {
    command
        .arg("--no-fail-fast")
        .args(filter)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut log = fs::File::create(log).with_context(|| log.display().to_string())?;
    let mut child = command.spawn().context("cargo test")?;
    let errors = child
        .stderr
        .take()
        .map(|errors| thread::spawn(move || std::io::read_to_string(errors).unwrap_or_default()));
    let mut reader = Reader { kind, ..Reader::default() };
    for line in child.stdout.take().into_iter().flat_map(|output| BufReader::new(output).split(b'\n')) {
        let line = line?;
        let line = String::from_utf8_lossy(&line);
        writeln!(log, "{line}")?;
        if let Some(worth_showing) = reader.line(&line) {
            progress.line(&worth_showing);
        }
    }
    let status = child.wait()?;
    let errors = errors.and_then(|thread| thread.join().ok()).unwrap_or_default();
    log.write_all(errors.as_bytes())?;
    let mut outcomes = reader.outcomes;
    if !status.success() && !outcomes.iter().any(|outcome| matches!(outcome.verdict, Verdict::Failed(_))) {
        outcomes.push(Outcome::new(format!("{kind} cargo test"), Verdict::Failed(tail(&errors))));
    }
    Ok(outcomes)
}

/// What makes `cargo test` run the examples in documentation, of those packages that have any; nothing if none has.
pub(super) fn examples() -> anyhow::Result<Vec<String>> {
    let mut arguments = Vec::new();
    for package in models::metadata()?.workspace_packages() {
        let of_library = |target: &&cargo_metadata::Target| target.doctest;
        for target in package.targets.iter().filter(of_library) {
            let folder = target.src_path.parent().context("no folder")?;
            if has_examples(folder.as_std_path())? {
                arguments.extend(["--package".to_owned(), package.name.to_string()]);
            }
        }
    }
    if !arguments.is_empty() {
        arguments.push("--doc".to_owned());
    }
    Ok(arguments)
}

/// Whether a comment of documentation in that folder has a fence.
fn has_examples(folder: &Path) -> anyhow::Result<bool> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let has = if path.is_dir() {
            has_examples(&path)?
        } else {
            let is_source = path.extension().is_some_and(|extension| extension == "rs");
            let is_fence = |line: &str| {
                let text = line.trim_start();
                let text = text.strip_prefix("///").or_else(|| text.strip_prefix("//!"));
                text.is_some_and(|text| text.trim_start().starts_with("```"))
            };
            is_source && fs::read_to_string(&path)?.lines().any(is_fence)
        };
        if has {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The last lines of what cargo had to say.
fn tail(text: &str) -> String {
    let lines: Vec<_> = text.lines().collect();
    lines[lines.len().saturating_sub(30)..].join("\n")
}

/// Reads what libtest prints.
#[derive(Default)]
struct Reader {
    /// What the tests are called, such as `host`.
    kind: &'static str,
    outcomes: Vec<Outcome>,
    /// The test whose captured output is being read, by its position among the outcomes.
    failed: Option<usize>,
}

impl Reader {
    /// Takes one line; returns what of it a person wants to see at once.
    fn line(&mut self, line: &str) -> Option<String> {
        if let Some((name, result)) = test_line(line) {
            self.failed = None;
            let verdict = match result {
                "ok" => Verdict::Passed,
                "FAILED" => Verdict::Failed(String::new()),
                _ => {
                    Verdict::Skipped(result.trim_start_matches("ignored").trim_start_matches(", ").to_owned())
                }
            };
            let shown = (verdict != Verdict::Passed).then(|| line.to_owned());
            self.outcomes.push(Outcome::new(format!("{} {name}", self.kind), verdict));
            return shown;
        }
        if let Some(name) = line.strip_prefix("---- ").and_then(|line| line.strip_suffix(" stdout ----")) {
            let name = format!("{} {name}", self.kind);
            self.failed = self
                .outcomes
                .iter()
                .rposition(|outcome| outcome.name == name && matches!(outcome.verdict, Verdict::Failed(_)));
            return None;
        }
        if line == "failures:" || line.starts_with("test result: ") {
            self.failed = None;
            let tested =
                line.starts_with("test result: ") && !line.contains("ok. 0 passed; 0 failed; 0 ignored");
            return tested.then(|| format!("{:8} {line}", self.kind));
        }
        if let Some(outcome) = self.failed.and_then(|index| self.outcomes.get_mut(index))
            && let Verdict::Failed(output) = &mut outcome.verdict
        {
            output.push_str(line);
            output.push('\n');
        }
        None
    }
}

/// Name and result of a line such as `test a::b ... ok`.
fn test_line(line: &str) -> Option<(&str, &str)> {
    let (name, result) = line.strip_prefix("test ")?.rsplit_once(" ... ")?;
    let known = result == "ok" || result == "FAILED" || result.starts_with("ignored");
    known.then(|| (name.trim_end_matches(" - should panic"), result))
}

#[cfg(test)]
mod tests {
    use super::*;

    const OUTPUT: &str = "
running 4 tests
test a::good ... ok
test a::bad ... FAILED
test a::dear ... ignored, takes an hour
test a::panics - should panic ... ok

failures:

---- a::bad stdout ----
thread 'a::bad' panicked at src/lib.rs:1:1:
left is not right


failures:
    a::bad

test result: FAILED. 2 passed; 1 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s
";

    #[test]
    fn counts_what_libtest_says() {
        let mut reader = Reader { kind: "host", ..Reader::default() };
        let shown: Vec<_> = OUTPUT.lines().filter_map(|line| reader.line(line)).collect();
        assert_eq!(shown.len(), 3, "{shown:?}");
        let verdicts: Vec<_> =
            reader.outcomes.iter().map(|outcome| (&*outcome.name, &outcome.verdict)).collect();
        assert_eq!(verdicts[0], ("host a::good", &Verdict::Passed));
        let failed =
            Verdict::Failed("thread 'a::bad' panicked at src/lib.rs:1:1:\nleft is not right\n\n\n".into());
        assert_eq!(verdicts[1], ("host a::bad", &failed));
        assert_eq!(verdicts[2], ("host a::dear", &Verdict::Skipped("takes an hour".into())));
        assert_eq!(verdicts[3], ("host a::panics", &Verdict::Passed));
    }

    #[test]
    fn output_of_a_test_is_no_result() {
        assert_eq!(test_line("test of something ... perhaps"), None);
        assert_eq!(test_line("testing ... ok"), None);
    }
}
