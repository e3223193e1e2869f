//! The build tool's command line, as a newcomer types it: what `cargo xtask run --exec` prints and how it ends.

use std::process::{Command, Output, Stdio};
use std::time::Duration;

use anyhow::{Context as _, ensure};

use crate::context::{Context, SystemTest, Tier};

/// The tests of this module.
pub(crate) const TESTS: &[SystemTest] = &[
    SystemTest {
        name: "exec.status-and-output",
        tier: Tier::Quick,
        needs: &[],
        processors: 2,
        estimate: Duration::from_secs(15),
        run: status_and_output,
    },
    SystemTest {
        name: "exec.wrong-command-lines",
        tier: Tier::Quick,
        needs: &[],
        processors: 1,
        estimate: Duration::from_secs(5),
        run: wrong_command_lines,
    },
];

/// Commands, the exit status and what is printed on stdout.
const RUNS: &[(&str, i32, &str)] = &[
    ("echo alive", 0, "alive\n"),
    ("true", 0, ""),
    ("false", 1, ""),
    ("echo 'a  b' \"c\" d\\ e", 0, "a  b c d e\n"),
    ("true && echo yes; false && echo no; echo end", 0, "yes\nend\n"),
    ("echo first; false", 1, "first\n"),
    ("no-such-program", 127, ""),
];

fn status_and_output(context: &Context<'_>) -> anyhow::Result<()> {
    for &(commands, status, printed) in RUNS {
        let output = xtask(context, &["run", "--exec", commands])?;
        judge(&output, status, printed).with_context(|| format!("--exec '{commands}'"))?;
    }
    Ok(())
}

/// Command lines that can't be served, and a word that the one line of explanation has to contain.
const WRONG: &[(&[&str], &str)] = &[
    (&["run", "--boot", "floppy"], "pvh"),
    (&["run", "--emulator", "vax"], "bochs"),
    (&["run", "--smp", "0", "--exec", "true"], "smp"),
    (&["run", "--disk", "/nowhere/disk.img", "--exec", "true"], "disk"),
    (&["run", "--ip", "10.0.0.1/33", "--exec", "true"], "--ip"),
    (&["run", "--datagrams", "5001", "--exec", "true"], "5001:5002"),
    (&["run", "--peer", "10", "--nic", "none", "--exec", "true"], "--peer"),
    (&["peer", "--guest", "1", "--port", "2", "--size", "9000"], "1514"),
    (&["run", "--with", "nothing", "--exec", "true"], "--with"),
    (&["run", "--nonsense"], "nonsense"),
    (&["bench", "nonsense"], "boot"),
    (&["test", "--long", "--part", "4/3"], "N"),
];

fn wrong_command_lines(context: &Context<'_>) -> anyhow::Result<()> {
    for &(words, cure) in WRONG {
        let output = xtask(context, words)?;
        let explained = String::from_utf8_lossy(&output.stderr);
        judge(&output, 2, "").with_context(|| format!("xtask {}", words.join(" ")))?;
        ensure!(
            explained.contains(cure),
            "xtask {}: '{explained}' does not mention '{cure}'",
            words.join(" ")
        );
    }
    Ok(())
}

fn xtask(context: &Context<'_>, words: &[&str]) -> anyhow::Result<Output> {
    let mut command = Command::new(&context.artefacts.xtask);
    command.current_dir(&context.artefacts.root).args(words).stdin(Stdio::null());
    command.output().with_context(|| context.artefacts.xtask.display().to_string())
}

fn judge(output: &Output, status: i32, printed: &str) -> anyhow::Result<()> {
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let seen = output.status.code();
    ensure!(seen == Some(status), "exit status {seen:?} instead of {status}\n{stderr}");
    ensure!(stdout == printed, "printed {stdout:?} instead of {printed:?}\n{stderr}");
    Ok(())
}
