//! A person at the console: the shell, and what it and its programs read. The kernel has the console's device, so that its keys are looked for
//! from time to time.
//!
//! The shell is a program like any other (`userland/sh`), started again when it has ended. Where there is none, or it does not get on, there is a prompt of this server's own, which
//! knows no more than the control line does.

use anax::object::Machine;
use anax::stream::Lender;
use anax::time::Duration;
use anax_abi::Error;
use anax_control::Stream;
use anax_sys::Port;
use control::{Editor, Finish, Input, NOT_STARTED, Pressed, Sink, Typed};

use crate::{Beside, Shell};

/// How often: the 16 bytes that a 16550 holds take 1.4 ms at 115,200 baud, but nobody types like that.
const LOOK: Duration = Duration::from_millis(3);

/// Bytes of one look.
const KEYS: usize = 64;

/// The key that ends what is under way.
const CONTROL_C: u8 = 3;

const PROMPT: &[u8] = b"anax> ";

struct Console(Machine);

impl Sink for Console {
    /// Ends lines as terminals like them.
    fn print(&mut self, _: Stream, bytes: &[u8]) {
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            let (text, end) = match line.split_last() {
                Some((b'\n', text)) => (text, &b"\r\n"[..]),
                _ => (line, &[][..]),
            };
            // A console that takes nothing is no reason to stop.
            let _ = text.chunks(1024).chain([end]).try_for_each(|part| self.0.console_write(part));
        }
    }

    fn finish(&mut self, _: Finish) {}
}

pub(crate) fn serve(port: Port, machine: Machine, beside: Beside) -> Result<(), Error> {
    let mut shell = Shell::new(port, machine, Console(machine));
    shell.beside = beside;
    shell.input = Input::typed();
    shell.start_beside();
    let mut editor = Editor::default();
    let mut attempts = Some(0);
    begin_shell(&mut shell, &mut attempts);
    loop {
        shell.wait(Some(LOOK))?;
        let mut keys = [0; KEYS];
        let count = shell.world.machine().console_read(&mut keys)?;
        for key in &keys[..count] {
            // What is typed while a line is under way waits for its programs, and then for the prompt.
            if shell.input.press(*key, shell.runner.foreground()) == Pressed::Interrupt {
                interrupt(&mut shell, &mut editor);
            }
        }
        while !shell.runner.is_busy()
            && let Some(key) = shell.input.typed_ahead()
        {
            typed(&mut shell, editor.key(key));
            prompt(&mut shell, &mut attempts);
        }
        shell.let_read();
        prompt(&mut shell, &mut attempts);
    }
}

/// How often the shell is started after it has failed.
const MOST_ATTEMPTS: u32 = 3;

/// Starts the shell, or prompts if it was given up; `attempts` says how often it has failed.
fn begin_shell(shell: &mut Shell<Console>, attempts: &mut Option<u32>) {
    if attempts.is_some_and(|attempts| attempts < MOST_ATTEMPTS) {
        shell.begin("sh", None);
        return;
    }
    if attempts.take().is_some() {
        shell.world.sink.print(Stream::Out, b"there is no shell; type 'help' for the commands\n");
    }
    shell.world.sink.print(Stream::Out, PROMPT);
}

/// After the end of a line, or of the shell: that it was ended by a person's mistake, or left, is no failure.
fn prompt(shell: &mut Shell<Console>, attempts: &mut Option<u32>) {
    if let Some(status) = shell.runner.finished() {
        if let Some(attempts) = attempts {
            *attempts = if status < NOT_STARTED { 0 } else { *attempts + 1 };
        }
        begin_shell(shell, attempts);
    }
}

/// Ends the line that runs, or is typed. What a shell has started, it ends itself.
fn interrupt(shell: &mut Shell<Console>, editor: &mut Editor) {
    if shell.input.interrupt(&mut Lender) {
        shell.world.sink.print(Stream::Out, b"^C\n");
    } else if shell.runner.is_busy() {
        shell.world.sink.print(Stream::Out, b"^C\n");
        shell.runner.interrupt(&mut shell.world);
    } else {
        typed(shell, editor.key(CONTROL_C));
    }
}

fn typed(shell: &mut Shell<Console>, typed: Typed) {
    let console = &mut shell.world.sink;
    match typed {
        Typed::Nothing => {}
        Typed::Echo(text) => console.print(Stream::Out, text.as_bytes()),
        Typed::GivenUp => {
            console.print(Stream::Out, b"^C\n");
            console.print(Stream::Out, PROMPT);
        }
        Typed::Line(line) => {
            console.print(Stream::Out, b"\n");
            shell.begin(&line, None);
        }
    }
}
