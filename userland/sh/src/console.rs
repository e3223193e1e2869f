//! Lines that are typed, or come from another input.

use alloc::string::String;
use alloc::vec::Vec;

use anax::stdin;
use anax::stream::Typing;
use sh::editor::{Editor, Typed};
use sh::syntax::parse;
use sh::{Outcome, Shell, World as _};

use crate::goes_on;
use crate::system::System;

const PROMPT: &str = "anax> ";
const MORE: &str = "> ";
/// Bytes of the longest command in several lines.
const MAX_COMMAND: usize = 64 << 10;

/// What was asked for.
enum Asked {
    Line(String),
    GivenUp,
    End,
}

/// Runs what comes, until its end: the exit status.
pub(crate) fn run(shell: &mut Shell<System>) -> u8 {
    if stdin().typing(Typing::Keys).is_err() {
        return run_lines(shell);
    }
    shell.set_interactive();
    shell.world.watch_for_interrupts();
    let mut editor = Editor::default();
    match shell.variables.value("COLUMNS").and_then(|columns| columns.parse().ok()) {
        Some(columns) => editor.set_columns(columns),
        None => show(shell, Editor::ask_columns()),
    }
    show(shell, "type 'help' for the commands\n");
    loop {
        shell.report_jobs();
        let command = match command(shell, &mut editor) {
            Asked::Line(command) => command,
            Asked::GivenUp => continue,
            Asked::End => return shell.status(),
        };
        if command.trim().is_empty() {
            continue;
        }
        shell.history.push(command.clone());
        let columns = alloc::format!("{}", editor.columns());
        shell.variables.set("COLUMNS", &columns);
        shell.variables.export("COLUMNS");
        // What is typed now is the program's, and Ctrl-C ends it.
        let _is_gone = stdin().typing(Typing::Lines);
        let outcome = shell.run_or_complain(&command);
        let _was_asked = shell.world.is_interrupted();
        if stdin().typing(Typing::Keys).is_err() || !goes_on(outcome) {
            return outcome.into();
        }
    }
}

/// A command, which may have several lines.
fn command(shell: &mut Shell<System>, editor: &mut Editor) -> Asked {
    let mut command = String::new();
    loop {
        let prompt = if command.is_empty() { shell.prompt("PS1", PROMPT) } else { shell.prompt("PS2", MORE) };
        match line(shell, editor, &prompt) {
            Asked::Line(line) => {
                editor.remember(&line);
                command.push_str(&line);
            }
            Asked::End if !command.is_empty() => return Asked::Line(command),
            other => return other,
        }
        let is_complete = parse(&command).err().is_none_or(|error| !error.is_incomplete());
        if is_complete || command.len() > MAX_COMMAND {
            return Asked::Line(command);
        }
        command.push('\n');
    }
}

fn line(shell: &mut Shell<System>, editor: &mut Editor, prompt: &str) -> Asked {
    let mut out = String::new();
    editor.begin(prompt, &mut out);
    loop {
        show(shell, &out);
        out.clear();
        let input = shell.world.own(0);
        // One by one: what is behind the end of the line is the program's that it runs.
        let byte = match shell.world.read(&input, 1) {
            Ok(bytes) => bytes.first().copied(),
            Err(sh::StreamError::Interrupted) => return Asked::GivenUp,
            Err(_) => None,
        };
        let Some(byte) = byte else { return Asked::End };
        let typed = editor.byte(byte, shell, &mut out);
        if typed != Typed::Nothing {
            show(shell, &out);
        }
        match typed {
            Typed::Nothing => {}
            Typed::Line(line) => return Asked::Line(line),
            Typed::GivenUp => return Asked::GivenUp,
            Typed::End => return Asked::End,
        }
    }
}

/// The console ends lines itself.
fn show(shell: &mut Shell<System>, text: &str) {
    let out = shell.world.own(1);
    // Nobody is left who could miss it.
    let _ = shell.world.write(&out, text.replace("\r\n", "\n").as_bytes());
}

/// Runs the lines of an input that nobody types.
fn run_lines(shell: &mut Shell<System>) -> u8 {
    let (mut command, mut line) = (String::new(), Vec::new());
    loop {
        let input = shell.world.own(0);
        let next = shell.world.read(&input, 1).ok().and_then(|bytes| bytes.first().copied());
        line.extend(next);
        if next.is_some_and(|byte| byte != b'\n') && line.len() < MAX_COMMAND {
            continue;
        }
        command.push_str(&String::from_utf8_lossy(&line));
        line.clear();
        let is_incomplete = parse(&command).err().is_some_and(|error| error.is_incomplete());
        if is_incomplete && next.is_some() && command.len() < MAX_COMMAND {
            continue;
        }
        let outcome = shell.run_or_complain(&command);
        command.clear();
        if next.is_none() || !goes_on(outcome) {
            let (Outcome::Status(status) | Outcome::Exit(status)) = outcome;
            return status;
        }
    }
}
