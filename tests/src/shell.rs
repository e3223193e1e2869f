//! A person at the shell: what is typed is edited, completed, found again, and ended.

use std::time::Duration;

use anyhow::{Context as _, ensure};

use crate::context::{Context, SystemTest, Tier};
use crate::streams::Person;

/// The tests of this module.
pub(crate) const TESTS: &[SystemTest] = &[SystemTest {
    name: "shell.a-person-types",
    tier: Tier::Quick,
    needs: &[],
    processors: 2,
    estimate: Duration::from_secs(20),
    run: a_person_types,
}];

const PROMPT: &str = "\r\nanax> ";

fn work(person: &mut Person) -> anyhow::Result<()> {
    person.sees("type 'help' for the commands\r\nanax> ")?;
    // Editing: in the middle of the line, cut and put in, words.
    person.types("echo ac\x1b[Db\r")?;
    person.sees("\r\nabc\r\nanax> ")?;
    person.types("two one\x17\x1b[Hecho \x19 \r")?;
    person.sees("\r\none two\r\nanax> ")?;
    // Completion: commands, paths with what is special in them, variables.
    person.types("hell\t\r")?;
    person.sees("\r\nhello from user mode\r\nanax> ")?;
    person.types("mkdir \"/some where\"\r")?;
    person.sees(PROMPT)?;
    person.types("cd /som\t\r")?;
    person.sees("cd /some\\ where/\r\nanax> ")?;
    person.types("echo \"$PW\t\"\r")?;
    person.sees("\r\n/some where\r\nanax> ")?;
    person.types("net\t\t")?;
    person.sees("\r\nnet")?;
    person.types("\x03")?;
    person.sees("^C\r\nanax> ")?;
    // History, by arrows and by searching.
    person.types("\x1b[A\x1b[A\r")?;
    person.sees("cd /some\\ where/\r\n")?;
    person.sees("anax> ")?;
    person.types("\x12ab")?;
    person.sees("(search 'ab') echo abc")?;
    person.types("\r")?;
    person.sees("\r\nabc\r\nanax> ")?;
    // A command in several lines.
    person.types("for i in 1 2\r")?;
    person.sees("\r\n> ")?;
    person.types("do echo \"<$i>\"; done\r")?;
    person.sees("<1>\r\n<2>\r\nanax> ")?;
    // Ctrl-C ends a program, a pipeline, what the shell does itself, and nothing else.
    for (line, sign) in [
        ("cat", "x"),
        ("cat | upper | cat; echo never", "x"),
        ("while true; do :; done", ""),
        ("sleep 1000", ""),
    ] {
        person.types(&format!("{line}\r{sign}"))?;
        person.sees(&format!("{line}\r\n{sign}"))?;
        person.types("\x03")?;
        person.sees("^C\r\nanax> ")?;
        person.types("echo $?\r")?;
        person.sees("\r\n130\r\nanax> ")?;
    }
    // Jobs.
    person.types("sleep 1000 &\r")?;
    person.sees("[1] ")?;
    person.types("jobs\r")?;
    person.sees("[1] runs (")?;
    person.sees("): sleep 1000\r\nanax> ")?;
    person.types("kill %1; wait %1; echo = $?\r")?;
    person.sees("= 137\r\n")?;
    // What is wrong is said, with its place.
    person.types("echo a | | b\r")?;
    person.sees("sh: line 1, column 10: a command is missing here\r\nanax> ")?;
    person.types("PS1='in $PWD: '\r")?;
    person.sees("in /some where: ")?;
    // Another shell, which ends; then this one, after which there is a new one.
    person.types("sh\r")?;
    person.sees("anax> ")?;
    person.types("exit 5\r")?;
    person.sees("in /some where: ")?;
    person.types("echo = $?\r")?;
    person.sees("= 5\r\nin /some where: ")?;
    person.types("exit\r")?;
    person.sees("type 'help' for the commands\r\nanax> ")?;
    person.types("poweroff\r")?;
    Ok(())
}

fn a_person_types(context: &Context<'_>) -> anyhow::Result<()> {
    let mut person = Person::sit_down(context)?;
    let worked = work(&mut person);
    let (status, text) = person.leave(context, worked.is_err())?;
    worked.with_context(|| text.clone())?;
    ensure!(status.success(), "it ended with {status}: {text}");
    ensure!(!text.contains("\r\nnever"), "it went on: {text}");
    Ok(())
}
