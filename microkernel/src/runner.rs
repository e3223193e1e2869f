//! The command runner of the test kernel: takes command lines from the build tool on COM2, or from a person on COM1.
//!
//! It stands in for the shell until there is user-land, and exists under the `test` feature only. Both lines are polled,
//! a few thousand times a second while waiting, asleep in between.

mod commands;
mod console;
mod control;
mod fault;

use alloc::string::String;
use core::fmt::Write;

use anax_command::parse;
use anax_control::Stream;
use microkernel_core::cmdline::Control;

use crate::arch::power;
use crate::lwkt::{Waiters, lwkt_block, lwkt_signal};
use crate::percpu::CpuId;
use crate::start::Machine;
use crate::time::clock::{self, Nanos};
use crate::time::timer::{self, Deadline};

pub(crate) use control::{panicked, refused, test_ended, test_started};

/// Exit status of a command line that cannot be parsed, as `sh` has it.
const STATUS_SYNTAX: u8 = 2;
/// How often the lines are looked at: the 16 bytes that a 16550 holds take 1.4 ms at 115,200 baud.
const POLL: Nanos = Nanos(300_000);

/// Where a command's output goes.
pub(crate) enum Sink {
    /// Frames to the build tool, for the command line with this id.
    Control(u32),
    /// The console.
    Console,
}

impl Sink {
    /// Prints `text` to the stream.
    pub(crate) fn print(&mut self, stream: Stream, text: &str) {
        match self {
            Self::Control(id) => control::output(*id, stream, text.as_bytes()),
            Self::Console => console::print(text),
        }
    }
}

/// One stream of a sink, for formatting.
pub(crate) struct Out<'a>(pub(crate) &'a mut Sink, pub(crate) Stream);

impl Write for Out<'_> {
    fn write_str(&mut self, text: &str) -> core::fmt::Result {
        self.0.print(self.1, text);
        Ok(())
    }
}

/// The first thread's work: never returns.
pub(crate) fn run(machine: &'static Machine) -> ! {
    match machine.options.control {
        Control::Com2 => {
            let (id, commands) = control::wait_for_commands(machine);
            let status = execute(&commands, &mut Sink::Control(id));
            control::exit(id, status);
            power::off(status)
        }
        Control::None | Control::Both => console::interact(),
    }
}

/// Runs a command line; the status of the last command that ran.
fn execute(line: &str, sink: &mut Sink) -> u8 {
    let steps = match parse(line) {
        Ok(steps) => steps,
        Err(error) => {
            let _ = writeln!(Out(sink, Stream::Err), "anax: {error}");
            return STATUS_SYNTAX;
        }
    };
    let mut status = 0;
    for step in steps {
        if !step.connector.runs_after(status) {
            continue;
        }
        // Words reach the commands as plain strings, the name first.
        let words: alloc::vec::Vec<&str> = step.words.iter().map(String::as_str).collect();
        status = commands::run(&words, sink);
    }
    status
}

/// Sleeps until the next look at the lines is due.
fn wait_a_little() {
    static DUE: Waiters = Waiters::new(CpuId::BOOT);
    static NEXT_LOOK: Deadline = Deadline::new(|_| lwkt_signal(&DUE, usize::MAX));
    let seen = DUE.generation();
    timer::set(&NEXT_LOOK, Nanos(clock::now().0 + POLL.0));
    lwkt_block(&DUE, seen);
}
