//! Standard streams of programs: what is typed is read, both outputs stay apart, and pipes carry bytes between programs that may die.

use std::io::{Read as _, Write as _};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use anax_vm::{Ending, Spec};
use anyhow::{Context as _, bail, ensure};

use crate::context::{Context, SystemTest, Tier};
use crate::guest::{self, Seen};

const fn test(name: &'static str, seconds: u64, run: fn(&Context<'_>) -> anyhow::Result<()>) -> SystemTest {
    SystemTest {
        name,
        tier: Tier::Quick,
        needs: &[],
        processors: 2,
        estimate: Duration::from_secs(seconds),
        run,
    }
}

/// The tests of this module.
pub(crate) const TESTS: &[SystemTest] = &[
    test("streams.outputs-are-apart", 3, outputs_are_apart),
    test("streams.pipes-carry-and-break", 10, pipes_carry_and_break),
    SystemTest {
        tier: Tier::Plain,
        ..test("streams.pipes-leave-nothing-behind", 30, pipes_leave_nothing_behind)
    },
    test("streams.a-person-types", 10, a_person_types),
    test("streams.a-file-is-read", 10, a_file_is_read),
];

fn run(context: &Context<'_>, cpus: u32, commands: &str) -> anyhow::Result<Seen> {
    let spec = Spec { cpus, memory_mib: 128, ..guest::user_spec(context, &format!("cpus-{cpus}")) };
    guest::run(&spec, commands)
}

fn outputs_are_apart(context: &Context<'_>) -> anyhow::Result<()> {
    let seen = run(context, 2, "upper && hello && cat")?;
    seen.expect_success("hello from user mode\n")?;
    let err = String::from_utf8_lossy(&seen.result.err);
    ensure!(err == "0 lines\n", "standard error has {err:?}");
    Ok(())
}

fn pipes_carry_and_break(context: &Context<'_>) -> anyhow::Result<()> {
    for cpus in [1, 2] {
        let trials = "filters pipe 1048576 && filters shared && filters reader-dies && filters writer-dies && filters null";
        let seen = run(context, cpus, trials)?;
        seen.expect_success("1048576 bytes are right\n").with_context(|| format!("on {cpus} CPUs"))?;
    }
    Ok(())
}

fn pipes_leave_nothing_behind(context: &Context<'_>) -> anyhow::Result<()> {
    for cpus in [1, 2] {
        let seen = run(context, cpus, &format!("filters often {}", context.effort.repetitions(100)))?;
        let out = String::from_utf8_lossy(&seen.result.out);
        let is_over = seen.result.ending == Ending::Exited { status: 0 };
        ensure!(is_over, "on {cpus} CPUs: {:?}\n{out}", seen.result.ending);
    }
    Ok(())
}

/// Lines of a file that takes more than one part, and lies in no piece whole.
const LINES: usize = 500;

fn a_file_is_read(context: &Context<'_>) -> anyhow::Result<()> {
    let lines: String = (0..LINES).map(|line| format!("line {line} of what is read\n")).collect();
    let file = context.folder.join("input");
    std::fs::write(&file, &lines)?;
    let mut command = Command::new(&context.artefacts.xtask);
    // The second program goes on where the first one has ended, which read all.
    let words = ["run", "--nic", "none", "--exec", "upper; cat", "--input"];
    command.current_dir(&context.artefacts.root).args(words).arg(&file).stdin(Stdio::null());
    let output = command.output()?;
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    ensure!(output.status.success(), "it ended with {}: {err}", output.status);
    ensure!(out == lines.to_uppercase(), "it printed {out:?}");
    ensure!(err.lines().any(|line| line == "500 lines"), "standard error has {err:?}");
    Ok(())
}

/// The longest that the screen may be still while something is waited for.
const PATIENCE: Duration = Duration::from_secs(60);

/// A person at the console.
pub(crate) struct Person {
    child: Child,
    keys: ChildStdin,
    shown: Receiver<String>,
    /// All that was shown.
    text: String,
    /// Up to here it was looked at.
    seen: usize,
}

impl Person {
    pub(crate) fn sit_down(context: &Context<'_>) -> anyhow::Result<Self> {
        let mut command = Command::new(&context.artefacts.xtask);
        command.current_dir(&context.artefacts.root).args(["run", "--all", "--nic", "none"]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
        let keys = child.stdin.take().context("no input")?;
        let mut screen = child.stdout.take().context("no output")?;
        let (sender, shown) = channel();
        std::thread::spawn(move || {
            let mut bytes = [0; 256];
            while let Ok(length @ 1..) = screen.read(&mut bytes) {
                let _ = sender.send(String::from_utf8_lossy(&bytes[..length]).into_owned());
            }
        });
        Ok(Self { child, keys, shown, text: String::new(), seen: 0 })
    }

    pub(crate) fn types(&mut self, keys: &str) -> anyhow::Result<()> {
        self.keys.write_all(keys.as_bytes()).context("nobody takes keys")
    }

    /// Waits until that is shown, behind all that was waited for before.
    pub(crate) fn sees(&mut self, expected: &str) -> anyhow::Result<()> {
        let until = Instant::now() + PATIENCE;
        loop {
            if let Some(at) = self.text[self.seen..].find(expected) {
                self.seen += at + expected.len();
                return Ok(());
            }
            let left = until.saturating_duration_since(Instant::now());
            match self.shown.recv_timeout(left) {
                Ok(more) => self.text.push_str(&more),
                Err(error) => bail!("{expected:?} is not shown: {error}"),
            }
        }
    }

    /// Waits until the machine has ended, or ends it: its status, and all that was shown.
    pub(crate) fn leave(
        &mut self,
        context: &Context<'_>,
        is_to_be_ended: bool,
    ) -> anyhow::Result<(ExitStatus, String)> {
        if is_to_be_ended {
            self.child.kill()?;
        }
        let status = self.child.wait()?;
        std::fs::write(context.folder.join("console.log"), &self.text)?;
        Ok((status, self.text.clone()))
    }

    fn work(&mut self) -> anyhow::Result<()> {
        self.sees("anax> ")?;
        // A line is read when it is complete, with what was wrong taken back, and shown once.
        self.types("upper\r")?;
        self.sees("upper\r\n")?;
        self.types("some linf\x7fe\r")?;
        self.sees("some linf\u{8} \u{8}e\r\nSOME LINE\r\n")?;
        self.types("another\r")?;
        self.sees("another\r\nANOTHER\r\n")?;
        self.types("\x04")?;
        self.sees("2 lines\r\nanax> ")?;
        // Nothing that was for the program reaches the prompt, and what was typed ahead does.
        self.types("cat\recho\r\x04echo ahead\r")?;
        self.sees("cat\r\necho\r\necho\r\nanax> echo ahead\r\nahead\r\nanax> ")?;
        // Ctrl-C ends a program that reads, one that computes, one that waits, and what comes behind it.
        for line in ["cat; echo never", "filters pattern 1 1000", "filters check"] {
            self.types(&format!("{line}\r"))?;
            self.sees(&format!("{line}\r\n"))?;
            self.types("x")?;
            if !line.contains("pattern") {
                self.sees("x")?;
            }
            self.types("\x03")?;
            self.sees("^C\r\nanax> ")?;
        }
        self.types("sleep 1000\r")?;
        self.sees("sleep 1000\r\n")?;
        self.types("\x03")?;
        self.sees("^C\r\nanax> ")?;
        // Who is not in the foreground reads nothing: the children's input is a pipe, or none.
        self.types("filters null\r")?;
        self.sees("filters null\r\nanax> ")?;
        self.types("power-off\r")?;
        Ok(())
    }
}

fn a_person_types(context: &Context<'_>) -> anyhow::Result<()> {
    let mut person = Person::sit_down(context)?;
    let worked = person.work();
    let (status, text) = person.leave(context, worked.is_err())?;
    worked.with_context(|| text.clone())?;
    ensure!(status.success(), "it ended with {status}: {text}");
    ensure!(!text.contains("never\r\nnever"), "it went on: {text}");
    Ok(())
}
