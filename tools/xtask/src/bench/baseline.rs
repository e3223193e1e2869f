//! Committed figures to compare with, and the versions they hold for.
//!
//! Another compiler lays out other code and another QEMU starts machines otherwise; a figure that was measured with
//! either says little about a change of ours, so growth against it is reported but doesn't fail.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, bail};
use serde::{Deserialize, Serialize};

use super::report::Judged;
use super::row::{Better, Counted, Row};

/// What a figure depends on besides this tree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Versions {
    rustc: String,
    qemu: String,
    cpu: String,
}

impl Versions {
    /// Those of this host, with a pinned CPU model.
    pub(super) fn of_this_host(cpu: &str) -> anyhow::Result<Self> {
        let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
        Ok(Self {
            rustc: first_line(Command::new(rustc).arg("--version"))?,
            qemu: first_line(Command::new("qemu-system-x86_64").arg("--version"))?,
            cpu: cpu.to_owned(),
        })
    }
}

fn first_line(command: &mut Command) -> anyhow::Result<String> {
    let name = command.get_program().display().to_string();
    let output = command.output().with_context(|| name.clone())?;
    if !output.status.success() {
        bail!("{name} --version failed");
    }
    Ok(String::from_utf8_lossy(&output.stdout).lines().next().unwrap_or_default().to_owned())
}

/// The committed figures of one group.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Baseline {
    versions: Option<Versions>,
    values: BTreeMap<String, f64>,
}

/// How a figure relates to its baseline.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Growth {
    /// It has not grown beyond the allowance, or there is nothing to compare with.
    Within,
    /// It has, with the same versions.
    TooMuch(String),
    /// It has, but the versions differ.
    OtherVersions(String),
}

impl Baseline {
    /// The baseline that measured rows make; those that are only told make none.
    pub(super) fn new<'a>(versions: &Versions, rows: impl Iterator<Item = &'a Row>) -> Self {
        let judged = rows.filter(|row| row.counted != Counted::Reported);
        let values = judged.map(|row| (row.name.to_owned(), row.value)).collect();
        Self { versions: Some(versions.clone()), values }
    }

    /// Reads the file; a missing one is an empty baseline.
    pub(super) fn read(path: &Path) -> anyhow::Result<Self> {
        if !path.exists() {
            return Ok(Self { versions: None, values: BTreeMap::new() });
        }
        let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
        serde_json::from_str(&text).with_context(|| path.display().to_string())
    }

    /// Writes the file.
    pub(super) fn write(&self, path: &Path) -> anyhow::Result<()> {
        let text = serde_json::to_string_pretty(self)? + "\n";
        fs::write(path, text).with_context(|| path.display().to_string())
    }

    /// Whether a row is worse than its figure by more than it may.
    pub(super) fn has_outgrown(&self, row: &Row) -> bool {
        let allowed = |before: f64| match row.better {
            Better::Less => before * row.counted.allowance(),
            Better::More => before / row.counted.allowance(),
        };
        self.values.get(row.name).is_some_and(|before| row.is_worse_than(allowed(*before)))
    }

    /// Compares a row.
    pub(super) fn judge(&self, row: Row, versions: &Versions) -> Judged {
        let baseline = self.values.get(row.name).copied();
        let growth = match baseline {
            Some(before) if self.has_outgrown(&row) => {
                let percent = (row.value / before - 1.0) * 100.0;
                let how = if row.better == Better::Less { "grew" } else { "changed" };
                let text = format!("{} {how} by {percent:.1} %, from {before} to {}", row.name, row.value);
                if self.versions.as_ref() == Some(versions) {
                    Growth::TooMuch(text)
                } else {
                    Growth::OtherVersions(format!("{text}, but the baseline is of other versions"))
                }
            }
            _ => Growth::Within,
        };
        Judged { row, baseline, growth }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(value: f64) -> Row {
        Row::new("boot.x", value, "instructions", Counted::Icount)
    }

    fn versions(rustc: &str) -> Versions {
        Versions { rustc: rustc.into(), qemu: "7.2".into(), cpu: "max".into() }
    }

    #[test]
    fn growth_beyond_the_allowance() {
        let baseline = Baseline::new(&versions("a"), [row(1000.0)].iter());
        let judge = |value, rustc| baseline.judge(row(value), &versions(rustc)).growth;
        assert_eq!(judge(1010.0, "a"), Growth::Within);
        assert_eq!(judge(1.0, "a"), Growth::Within);
        assert!(matches!(judge(1011.0, "a"), Growth::TooMuch(_)));
        assert!(matches!(judge(1011.0, "b"), Growth::OtherVersions(_)));
        let told = Row { counted: Counted::Reported, ..row(1e9) };
        assert_eq!(baseline.judge(told.clone(), &versions("a")).growth, Growth::Within);
        assert!(Baseline::new(&versions("a"), [told].iter()).values.is_empty());
        let more = |value| Row { better: Better::More, ..row(value) };
        assert!(baseline.has_outgrown(&more(989.0)) && !baseline.has_outgrown(&more(2000.0)));
    }

    #[test]
    fn a_file_comes_back_and_a_missing_one_is_empty() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("boot.json");
        assert!(Baseline::read(&path).unwrap().values.is_empty());
        Baseline::new(&versions("a"), [row(1000.0)].iter()).write(&path).unwrap();
        let read = Baseline::read(&path).unwrap();
        assert_eq!(read.versions, Some(versions("a")));
        assert_eq!(read.judge(row(5.0), &versions("a")).baseline, Some(1000.0));
        fs::write(&path, "{").unwrap();
        assert!(Baseline::read(&path).is_err());
    }
}
