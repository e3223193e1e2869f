//! `ps`, `kill`.

use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use anax::process::{kill as end, list as reports};
use anax_system::{Condition, Report};
use utilities::{Options, table};

use crate::data::each_path;
use crate::{Done, Stop, out, usage};

pub(super) const PS: &str = "\
Lists processes.

  ps [-r] [PROGRAM...]

-r those that run only; of the programs named, if there are any.
";

/// In a word.
pub(super) fn state(report: &Report) -> &'static str {
    match report.condition {
        Condition::Prepared => "prepared",
        Condition::Runs => "runs",
        Condition::Waits(_) => "waits",
        Condition::Ended(_) => "ended",
    }
}

pub(super) fn list(words: &[String]) -> Done {
    let options = Options::of(words, "rae")?;
    let headings =
        ["-process", "program", "state", "-restarts", "-CPU ms", "-memory KiB", "-handles", "-messages"];
    let mut rows: Vec<Vec<String>> = [headings.map(String::from).to_vec()].into();
    for report in reports()? {
        let is_meant = options.words.is_empty() || options.words.contains(&report.name);
        if !is_meant || options.has('r') && report.condition != Condition::Runs {
            continue;
        }
        let numbers = [
            report.restarts.into(),
            report.time_ns / 1_000_000,
            4 * report.pages,
            report.handles,
            report.waiting,
        ];
        let mut row = [report.process.to_string(), report.name.clone(), state(&report).into()].to_vec();
        row.extend(numbers.map(|number: u64| number.to_string()));
        rows.push(row);
    }
    let is_found = rows.len() > 1;
    out(table(&rows).as_bytes())?;
    Ok(u64::from(!is_found))
}

pub(super) const KILL: &str = "\
Ends processes, by their numbers or programs.

  kill PROCESS|PROGRAM...

Servers start again, as their manifests say; 'svc stop' keeps them down. A shell's jobs are ended by its own 'kill %1'.
";

pub(super) fn kill(words: &[String]) -> Done {
    let options = Options::of(words, "9")?;
    if options.words.is_empty() {
        return usage("PROCESS|PROGRAM...");
    }
    let all = reports()?;
    Ok(each_path(&options.words, |whom| -> Result<(), Stop> {
        if let Ok(number) = whom.parse() {
            return end(number).map_err(|error| match error {
                anax::Error::BadHandle => Stop::Failed("there is no such process".into()),
                other => other.into(),
            });
        }
        let mut its =
            all.iter().filter(|report| report.name == whom && report.condition == Condition::Runs).peekable();
        if its.peek().is_none() {
            return Err(Stop::Failed("does not run".into()));
        }
        for report in its {
            end(report.process)
                .map_err(|error| Stop::Failed(format!("process {}: {error}", report.process)))?;
        }
        Ok(())
    }))
}
