//! How the kernel ends when it must: with a report that helps, all CPUs stopped, and a status that says so.

use std::time::Duration;

use anax_vm::Spec;
use anyhow::{Context as _, ensure};

use crate::context::{Context, SystemTest, Tier};
use crate::guest::{self, Seen};

/// The tests of this module.
pub(crate) const TESTS: &[SystemTest] = &[
    SystemTest {
        name: "faults.reports",
        tier: Tier::Quick,
        needs: &[],
        processors: 1,
        estimate: Duration::from_secs(10),
        run: reports,
    },
    SystemTest {
        name: "faults.all-cpus-stop",
        tier: Tier::Quick,
        needs: &[],
        processors: 4,
        estimate: Duration::from_secs(3),
        run: all_cpus_stop,
    },
    SystemTest {
        name: "faults.a-program-restarts-the-machine",
        tier: Tier::Quick,
        needs: &[],
        processors: 2,
        estimate: Duration::from_secs(3),
        run: a_program_restarts_the_machine,
    },
    SystemTest {
        name: "faults.a-programs-panic-has-names",
        tier: Tier::Quick,
        needs: &[],
        processors: 1,
        estimate: Duration::from_secs(3),
        run: a_programs_panic_has_names,
    },
];

/// What a kind of fault leads to.
struct Kind {
    command: &'static str,
    /// What the `anax: panic:` line has to mention, in lower case.
    meaning: &'static str,
    /// The function that the backtrace has to name: the nearest one with a frame of its own that is still there.
    function: &'static str,
    report: Report,
}

/// What a report consists of besides its backtrace.
#[derive(PartialEq, Eq)]
enum Report {
    /// The CPU's registers: it faulted.
    Registers,
    /// A place in the source: the code noticed by itself.
    Source,
}

const KINDS: &[Kind] = &[
    Kind { command: "panic", meaning: "asked for", function: "runner::", report: Report::Source },
    Kind {
        command: "fault double-free",
        meaning: "given back twice",
        function: "frames::give",
        report: Report::Source,
    },
    Kind { command: "fault divide", meaning: "divi", function: "fault::divide", report: Report::Registers },
    Kind {
        command: "fault execute-data",
        meaning: "execut",
        function: "fault::run",
        report: Report::Registers,
    },
    Kind {
        command: "fault general-protection",
        meaning: "general protection",
        function: "fault::general_protection",
        report: Report::Registers,
    },
    Kind {
        command: "fault invalid-opcode",
        meaning: "invalid instruction",
        function: "fault::invalid_opcode",
        report: Report::Registers,
    },
    Kind {
        command: "fault read-null",
        meaning: "read",
        function: "fault::read_null",
        report: Report::Registers,
    },
    Kind {
        command: "fault write-text",
        meaning: "wrote to",
        function: "fault::write_text",
        report: Report::Registers,
    },
    Kind {
        command: "fault stack-overflow",
        meaning: "stack",
        function: "fault::stack_overflow",
        report: Report::Registers,
    },
];

fn reports(context: &Context<'_>) -> anyhow::Result<()> {
    for kind in KINDS {
        let log = kind.command.replace(' ', "-");
        let seen = guest::run(&guest::spec(context, &log), kind.command)?;
        check(&seen, kind).with_context(|| format!("{} (log: {log})", kind.command))?;
    }
    Ok(())
}

/// The emulator ends where a machine would begin anew, and not by the door that a status goes out by.
fn a_program_restarts_the_machine(context: &Context<'_>) -> anyhow::Result<()> {
    let spec = Spec { cpus: 2, ..guest::spec(context, "restart") };
    let seen = guest::run(&spec, "program hello 1")?;
    ensure!(seen.emulator_status() == Some(0), "QEMU ended with {:?}", seen.emulator_status());
    ensure!(seen.console().contains("hello from user mode"), "the program did not come so far");
    Ok(())
}

/// A program's bug ends the program alone, says where it is, and which functions led there: so far that the whole chain was followed.
fn a_programs_panic_has_names(context: &Context<'_>) -> anyhow::Result<()> {
    let seen = guest::run(&guest::spec(context, "panic"), "program hello 2; program hello 5 && echo alive")?;
    let (before, after) = seen.console().split_once("hello: panic at ").context("there is no panic")?;
    ensure!(before.contains("hello: hello from user mode"), "the program did not come so far");
    let (place, _) = after.split_once(": asked to").context("the panic does not say why")?;
    ensure!(place.starts_with("userland/hello/src/main.rs:"), "the panic was at {place}");
    let backtrace = after.split_once("hello: backtrace:").context("there is no backtrace")?.1;
    for function in ["hello::fail+", "anax_main+", "_start+"] {
        ensure!(backtrace.contains(function), "the backtrace does not name {function}");
    }
    seen.expect_success("alive\n").context("more than the program has ended")
}

fn check(seen: &Seen, kind: &Kind) -> anyhow::Result<()> {
    seen.expect_panic()?;
    let line = seen.console_line("anax: panic: ").context("there is no line 'anax: panic: ...'")?;
    ensure!(line.to_lowercase().contains(kind.meaning), "'{line}' does not mention '{}'", kind.meaning);
    let backtrace = seen.console().split_once("backtrace:").context("there is no backtrace")?.1;
    ensure!(backtrace.contains(kind.function), "the backtrace does not name {}", kind.function);
    let registers = ["rax", "rsp", "rip", "cr2"].iter().all(|name| seen.console().contains(name));
    ensure!(registers || kind.report == Report::Source, "the registers are missing");
    ensure!(
        line.contains(".rs:") || kind.report == Report::Registers,
        "'{line}' names no place in the source"
    );
    Ok(())
}

fn all_cpus_stop(context: &Context<'_>) -> anyhow::Result<()> {
    let seen = guest::run(&Spec { cpus: 4, ..guest::spec(context, "boot") }, "panic")?;
    seen.expect_panic()?;
    ensure!(
        seen.console().contains("3 other CPUs stopped"),
        "the log does not say that three other CPUs stopped"
    );
    Ok(())
}
