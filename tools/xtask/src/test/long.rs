//! `docs/long-results.md`: what the long run last said of each test.
//!
//! A long run takes hours and is done in parts, on different days; each part replaces the rows of its own tests.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::Context;

use super::outcome::{Outcome, Verdict};

const HEAD: &str = "# Results of the long run\n\n\
    Written by `cargo xtask test --long`: the repetition counts that the requirements state. Each part of a run\n\
    replaces the rows of its tests.\n\n\
    | test | result | seconds |\n|---|---|---|\n";

/// Merges the outcomes into the file.
pub(super) fn record(file: &Path, outcomes: &[Outcome]) -> anyhow::Result<()> {
    let before = fs::read_to_string(file).unwrap_or_default();
    fs::write(file, merge(&before, outcomes)).with_context(|| file.display().to_string())
}

fn merge(before: &str, outcomes: &[Outcome]) -> String {
    let mut rows: BTreeMap<String, String> = before.lines().filter_map(row).collect();
    for outcome in outcomes.iter().filter(|outcome| is_worth_a_row(outcome)) {
        let result = match &outcome.verdict {
            Verdict::Passed => "passed".to_owned(),
            Verdict::Failed(reason) => format!("FAILED: {}", cell(reason)),
            Verdict::Skipped(reason) => format!("skipped: {}", cell(reason)),
        };
        rows.insert(outcome.name.clone(), format!("{result} | {}", outcome.took.as_secs()));
    }
    let mut text = HEAD.to_owned();
    for (name, rest) in rows {
        text += &format!("| {name} | {rest} |\n");
    }
    text
}

/// Whether a long run says more of it than any other run does: of what is repeated in a machine, or of a failure.
fn is_worth_a_row(outcome: &Outcome) -> bool {
    let repeated = ["system ", "kernel "].iter().any(|kind| outcome.name.starts_with(kind));
    repeated || matches!(outcome.verdict, Verdict::Failed(_))
}

/// Name and rest of a row of results.
fn row(line: &str) -> Option<(String, String)> {
    let (name, rest) = line.strip_prefix("| ")?.strip_suffix(" |")?.split_once(" | ")?;
    (name != "test").then(|| (name.to_owned(), rest.to_owned()))
}

/// One line without the character that ends a cell.
fn cell(text: &str) -> String {
    text.lines().next().unwrap_or_default().replace('|', "/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_add_up() {
        let passed = |name| Outcome::new(name, Verdict::Passed);
        let first = merge("", &[passed("kernel a"), passed("system b"), passed("host c")]);
        let second = merge(&first, &[Outcome::new("system b", Verdict::Failed("x | y\nmore".into()))]);
        assert!(second.starts_with(HEAD));
        assert!(
            second.ends_with("|---|---|---|\n| kernel a | passed | 0 |\n| system b | FAILED: x / y | 0 |\n"),
            "{second}"
        );
    }
}
