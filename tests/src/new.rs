//! What the tutorials promise: each of their runs prints what stands below it, also after server or driver was killed.

use std::fs;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, ensure};

use crate::context::{Context, SystemTest, Tier};

/// The tests of this module.
pub(crate) const TESTS: &[SystemTest] = &[
    SystemTest {
        name: "new.server-answers-and-dies",
        tier: Tier::Quick,
        needs: &[],
        processors: 2,
        estimate: Duration::from_secs(10),
        run: server,
    },
    SystemTest {
        name: "new.driver-answers-and-dies",
        tier: Tier::Quick,
        needs: &[],
        processors: 2,
        estimate: Duration::from_secs(10),
        run: driver,
    },
    SystemTest {
        name: "new.key-value",
        tier: Tier::Quick,
        needs: &[],
        processors: 2,
        estimate: Duration::from_secs(10),
        run: key_value,
    },
    SystemTest {
        name: "new.file-system",
        tier: Tier::Quick,
        needs: &[],
        processors: 2,
        estimate: Duration::from_secs(10),
        run: file_system,
    },
    SystemTest {
        name: "new.web",
        tier: Tier::Plain,
        needs: &[],
        processors: 2,
        estimate: Duration::from_secs(10),
        run: web,
    },
];

/// How a run begins in a tutorial.
const RUN: &str = "    $ cargo xtask run ";
/// Runs that a tutorial has at least, one of them with a kill.
const RUNS: usize = 1;

fn server(context: &Context<'_>) -> anyhow::Result<()> {
    as_printed(context, "docs/tutorial-server.md")
}

fn driver(context: &Context<'_>) -> anyhow::Result<()> {
    as_printed(context, "docs/tutorial-driver.md")
}

fn key_value(context: &Context<'_>) -> anyhow::Result<()> {
    as_printed(context, "docs/tutorial-key-value.md")
}

fn file_system(context: &Context<'_>) -> anyhow::Result<()> {
    as_printed(context, "docs/tutorial-file-system.md")
}

fn web(context: &Context<'_>) -> anyhow::Result<()> {
    as_printed(context, "docs/tutorial-web.md")
}

/// Does what a tutorial says.
fn as_printed(context: &Context<'_>, page: &str) -> anyhow::Result<()> {
    let text = fs::read_to_string(context.artefacts.root.join(page)).context(page.to_owned())?;
    let runs = runs(&text);
    ensure!(runs.len() >= RUNS, "{page} has no runs");
    ensure!(runs.iter().any(|(words, _)| words.contains("kill ")), "nothing is killed in {page}");
    for (words, printed) in runs {
        let xtask = context.artefacts.xtask.display();
        let mut command = Command::new("sh");
        command.args(["-c", &format!("exec '{xtask}' run {words}")]);
        command.current_dir(&context.artefacts.root).stdin(Stdio::null());
        let output = command.output()?;
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        ensure!(output.status.success(), "{page}: run {words}: {}\n{err}", output.status);
        ensure!(out == printed, "{page}: run {words}: printed {out:?} instead of {printed:?}\n{err}");
    }
    Ok(())
}

/// The runs of a page: what stands behind `run`, and what is printed.
fn runs(page: &str) -> Vec<(&str, String)> {
    let mut lines = page.lines().peekable();
    let mut runs = Vec::new();
    while let Some(line) = lines.next() {
        if let Some(words) = line.strip_prefix(RUN) {
            let mut printed = String::new();
            while let Some(line) =
                lines.next_if(|line| line.starts_with("    ") && !line.starts_with("    $"))
            {
                printed += line.trim_start();
                printed.push('\n');
            }
            runs.push((words, printed));
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_found() {
        let page = "x\n\n    $ cargo xtask run --exec 'a b'\n    1\n    2\n    $ cargo xtask run c\n\ntext\n    $ cargo test\n    3\n";
        assert_eq!(runs(page), [("--exec 'a b'", "1\n2\n".to_owned()), ("c", String::new())]);
    }
}
