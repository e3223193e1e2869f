//! `cargo xtask test --bite`: do the tests notice what they are for?

use std::path::Path;
use std::time::Instant;

use anyhow::bail;
use system_tests::{BITES, Context, Effort};

use super::outcome::{Outcome, Verdict};
use super::plan::fresh_folder;
use super::progress::Progress;
use crate::build;

/// Builds every variant, or the one called `name`, and runs the test that has to fail.
pub(super) fn run(name: Option<&str>, logs: &Path) -> anyhow::Result<Vec<Outcome>> {
    let chosen: Vec<_> = BITES.iter().filter(|bite| name.is_none_or(|name| name == bite.name)).collect();
    if chosen.is_empty() {
        let known: Vec<_> = BITES.iter().map(|bite| bite.name).collect();
        bail!("there is no variant of that name; there are: {}", known.join(", "));
    }
    let progress = Progress::new();
    progress.expect(chosen.len());
    let mut outcomes = Vec::new();
    for bite in chosen {
        progress.started(bite.name);
        let begin = Instant::now();
        let result = build::artefacts(build::KernelVariant::Test, Some(bite.name)).and_then(|artefacts| {
            let folder = fresh_folder(logs, &format!("bite-{}", bite.name))?;
            bite.run(&Context { artefacts: &artefacts, folder: &folder, effort: Effort::Plain })
        });
        let verdict = result.map_or_else(|error| Verdict::Failed(format!("{error:#}")), |()| Verdict::Passed);
        let outcome = Outcome { name: format!("bite {}", bite.name), verdict, took: begin.elapsed() };
        progress.ended(bite.name, std::slice::from_ref(&outcome));
        outcomes.push(outcome);
    }
    Ok(outcomes)
}
