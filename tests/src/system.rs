//! The system as it is used: the plain kernel, init, the servers that it starts, and command lines run in user-land.

use std::io::{Read as _, Write as _};
use std::process::{Command, Stdio};
use std::time::Duration;

use anax_vm::{BOCHS_XAPIC, Boot, Emulator, Ending, Event, Machine, Spec};
use anyhow::{Context as _, bail, ensure};

use crate::context::{Context, Need, SystemTest, Tier};
use crate::guest::{self, Seen};

const fn test(
    name: &'static str,
    processors: usize,
    seconds: u64,
    run: fn(&Context<'_>) -> anyhow::Result<()>,
) -> SystemTest {
    SystemTest {
        name,
        tier: Tier::Quick,
        needs: &[],
        processors,
        estimate: Duration::from_secs(seconds),
        run,
    }
}

/// The tests of this module.
pub(crate) const TESTS: &[SystemTest] = &[
    test("system.boots", 2, 5, boots),
    SystemTest {
        needs: &[Need::Bochs, Need::Grub],
        tier: Tier::Plain,
        ..test("system.boots-on-bochs", 1, 60, boots_on_bochs)
    },
    test("system.statuses", 2, 10, statuses),
    test("system.a-panic-names-its-functions", 1, 2, a_panic_names_its_functions),
    test("system.a-fault-ends-one-program", 1, 2, a_fault_ends_one_program),
    test("system.processes-are-listed", 1, 2, processes_are_listed),
    test("system.an-end-is-nobody-else-s", 1, 3, an_end_is_nobody_else_s),
    test("system.names-and-loader-may-die", 2, 20, names_and_loader_may_die),
    test("system.begins-again-after-reboot", 2, 5, begins_again),
    test("system.much-is-printed-whole", 2, 5, much_is_printed_whole),
    test("system.a-person-at-the-console", 2, 5, a_person_at_the_console),
];

fn spec(context: &Context<'_>, cpus: u32) -> Spec {
    Spec { cpus, memory_mib: 128, ..guest::user_spec(context, &format!("cpus-{cpus}")) }
}

fn run(context: &Context<'_>, cpus: u32, commands: &str) -> anyhow::Result<Seen> {
    guest::run(&spec(context, cpus), commands)
}

fn boots(context: &Context<'_>) -> anyhow::Result<()> {
    for cpus in [1, 2, 4] {
        let seen = run(context, cpus, "hello && echo ready")?;
        guest::check_cpus(&seen, cpus)?;
        seen.expect_success("hello from user mode\nready\n").with_context(|| format!("on {cpus} CPUs"))?;
    }
    Ok(())
}

fn boots_on_bochs(context: &Context<'_>) -> anyhow::Result<()> {
    for cpus in [1, 2] {
        let bochs = Spec {
            emulator: Emulator::Bochs,
            boot: Boot::Iso,
            cpu: Some(BOCHS_XAPIC.to_owned()),
            ..spec(context, cpus)
        };
        let seen = guest::run(&bochs, "hello && echo ready")?;
        guest::check_cpus(&seen, cpus)?;
        seen.expect_success("hello from user mode\nready\n").with_context(|| format!("on {cpus} CPUs"))?;
    }
    Ok(())
}

/// A machine that is not ended by its restart has the same system again, and nothing of what was before.
fn begins_again(context: &Context<'_>) -> anyhow::Result<()> {
    let extra = ["-action", "reboot=reset"].map(Into::into).to_vec();
    let mut machine = Machine::start(&Spec { extra, ..spec(context, 2) })?;
    let mut greetings = 0;
    let mut watch = |event: &Event| greetings += u32::from(matches!(event, Event::Hello { .. }));
    for round in 1..=2 {
        let seen = machine.exec("sh -c 'echo before > /f'; reboot", &mut watch);
        ensure!(seen.ending == Ending::Forgotten, "round {round}: {:?}", seen.ending);
    }
    let seen = machine.exec("sh -c '[ -e /f ] || echo it is new'; hello", &mut watch);
    let out = String::from_utf8_lossy(&seen.out).into_owned();
    ensure!(seen.ending == Ending::Exited { status: 0 }, "{:?}: {out}", seen.ending);
    ensure!(out == "it is new\nhello from user mode\n", "printed {out:?}");
    ensure!(greetings == 3, "it came up {greetings} times");
    let ready = machine.console().matches("anax: ready: 2 CPUs").count();
    ensure!(ready == 3, "the kernel said {ready} times that it is ready");
    Ok(())
}

/// Command lines, and the status that each ends with.
const STATUSES: [(&str, u8); 6] = [
    ("hello", 0),
    ("hello exit 7", 7),
    ("hello exit 256", 255),
    ("hello exit", 1),
    ("no-such-program", 127),
    ("power-off 5; echo never", 5),
];

fn statuses(context: &Context<'_>) -> anyhow::Result<()> {
    for (commands, status) in STATUSES {
        let seen = run(context, 2, commands)?;
        ensure!(seen.result.ending == Ending::Exited { status }, "{commands}: {:?}", seen.result.ending);
        ensure!(!String::from_utf8_lossy(&seen.result.out).contains("never"), "it went on");
    }
    Ok(())
}

/// What a program's end was said to be on standard error, with the status 101.
fn broken(context: &Context<'_>, commands: &str, said: &str) -> anyhow::Result<Seen> {
    let seen = run(context, 1, commands)?;
    ensure!(seen.result.ending == Ending::Exited { status: 101 }, "{:?}", seen.result.ending);
    let err = String::from_utf8_lossy(&seen.result.err);
    ensure!(err.starts_with("hello (process ") && err.ends_with(said), "it says {err:?}");
    Ok(seen)
}

fn a_panic_names_its_functions(context: &Context<'_>) -> anyhow::Result<()> {
    let seen = broken(context, "hello 2", "panicked\n")?;
    for expected in ["userland/hello/src/main.rs", "asked to", "hello: backtrace:", " anax_sys::entry::"] {
        ensure!(seen.console().contains(expected), "the console has no {expected:?}");
    }
    Ok(())
}

fn a_fault_ends_one_program(context: &Context<'_>) -> anyhow::Result<()> {
    let seen = broken(context, "hello && hello 3", "faulted (exception 14)\n")?;
    ensure!(seen.console().contains("fault 0xe, code 0x6"), "no report of a write to the guard page");
    ensure!(seen.console().contains("  rip 0x"), "the report has no registers");
    Ok(())
}

fn processes_are_listed(context: &Context<'_>) -> anyhow::Result<()> {
    let seen = run(context, 1, "ps")?;
    ensure!(seen.result.ending == Ending::Exited { status: 0 }, "{:?}", seen.result.ending);
    let printed = seen.printed();
    for name in ["loader", "names", "serial", "control"] {
        let line = printed.lines().find(|line| line.split_whitespace().nth(1) == Some(name));
        let words: Vec<_> = line.unwrap_or_default().split_whitespace().collect();
        ensure!(words.get(2..4) == Some(&["runs", "0"]), "{name} is listed as {line:?}");
        let pages = words.get(4).and_then(|pages| pages.parse::<u32>().ok());
        ensure!(pages.is_some_and(|pages| pages > 0), "{name} uses {pages:?} pages");
    }
    Ok(())
}

/// How often names, or the loader, ended by the console, and the ends that nobody has asked for.
fn ends(seen: &Seen) -> (usize, Vec<&str>) {
    let ended = |line: &&str| line.contains("init: ") && line.contains(" ended with ");
    let (asked, others): (Vec<_>, Vec<_>) =
        seen.console().lines().filter(ended).partition(|line| line.contains("ended with 0x400000000"));
    (asked.len(), others)
}

fn an_end_is_nobody_else_s(context: &Context<'_>) -> anyhow::Result<()> {
    let seen = run(context, 1, &"kill names; sleep 0.1; kill loader; sleep 0.1;".repeat(5))?;
    ensure!(seen.result.ending == Ending::Exited { status: 0 }, "{:?}", seen.result.ending);
    let (asked, others) = ends(&seen);
    ensure!(asked == 10, "{asked} ends instead of 10");
    ensure!(others.is_empty(), "{}", others.join("\n"));
    Ok(())
}

fn names_and_loader_may_die(context: &Context<'_>) -> anyhow::Result<()> {
    for cpus in [1, 2, 4] {
        // 64 commands fit into a line.
        for commands in [
            "kill names; hello; kill loader; hello;".repeat(16),
            "kill names loader; hello; sleep 0.1;".repeat(20),
        ] {
            let seen = run(context, cpus, &commands)?;
            ensure!(seen.result.ending == Ending::Exited { status: 0 }, "{:?}", seen.result.ending);
            let expected = "hello from user mode\n".repeat(commands.matches("hello").count());
            let printed = String::from_utf8_lossy(&seen.result.out);
            ensure!(printed == expected, "on {cpus} CPUs not all programs started: {printed}");
            let (asked, others) = ends(&seen);
            // One that is to be started again is not killed again.
            ensure!(asked >= 20, "on {cpus} CPUs only {asked} servers were killed");
            ensure!(others.is_empty(), "on {cpus} CPUs: {}", others.join("\n"));
        }
    }
    Ok(())
}

/// More than all buffers on the way hold.
fn much_is_printed_whole(context: &Context<'_>) -> anyhow::Result<()> {
    let words = "0123456789abcdef".repeat(50);
    let seen = run(context, 2, &format!("echo {words} && hello && help && ps && help && help && help"))?;
    ensure!(seen.result.ending == Ending::Exited { status: 0 }, "{:?}", seen.result.ending);
    let printed = seen.printed();
    ensure!(printed.starts_with(&format!("{words}\nhello from user mode\n")), "it begins {printed}");
    ensure!(printed.matches("switch the machine off").count() == 4, "something is missing: {printed}");
    Ok(())
}

/// What is typed: each line when the prompt is there.
const TYPED: &str = "echo tpyed\x7f\x7f\x7f\x7fyped\rhello\rno-such-program\rpower-off\r";
const PATIENCE: Duration = Duration::from_secs(60);

fn a_person_at_the_console(context: &Context<'_>) -> anyhow::Result<()> {
    let mut command = Command::new(&context.artefacts.xtask);
    command.current_dir(&context.artefacts.root).args(["run", "--nic", "none"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
    let (mut keys, mut screen) =
        (child.stdin.take().context("no input")?, child.stdout.take().context("no output")?);
    let (sender, shown) = std::sync::mpsc::channel();
    let reader = std::thread::spawn(move || {
        let mut bytes = [0; 256];
        while let Ok(length @ 1..) = screen.read(&mut bytes) {
            let _ = sender.send(String::from_utf8_lossy(&bytes[..length]).into_owned());
        }
    });
    let (mut text, mut typed) = (String::new(), 0);
    let lines: Vec<_> = TYPED.split_inclusive('\r').collect();
    let judged = loop {
        match shown.recv_timeout(PATIENCE) {
            Ok(more) => text.push_str(&more),
            Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => break Ok(()),
            Err(error) => break Err(error).context("the console has fallen silent"),
        }
        if typed < lines.len() && text.matches("anax> ").count() > typed {
            keys.write_all(lines[typed].as_bytes())?;
            typed += 1;
        }
    };
    if judged.is_err() {
        child.kill()?;
    }
    let status = child.wait()?;
    std::fs::write(context.folder.join("console.log"), &text)?;
    judged.with_context(|| text.clone())?;
    if reader.join().is_err() {
        bail!("the reader panicked");
    }
    ensure!(status.success(), "it ended with {status}: {text}");
    for expected in ["\r\ntyped\r\n", "\r\nhello from user mode\r\n", "no-such-program: not found\r\n"] {
        ensure!(text.contains(expected), "there is no {expected:?} in {text:?}");
    }
    Ok(())
}
