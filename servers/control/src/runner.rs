//! A command line under way.

use alloc::collections::VecDeque;
use alloc::format;
use alloc::string::String;

use anax_abi::Error;
use anax_command::{Step, parse};
use anax_control::Stream;
use anax_system::{Status, explain};

use crate::commands::{self, Begun};
use crate::system::System;

/// Exit status of a command line that can't be parsed, and of a command with wrong arguments, as `sh` has it.
pub const SYNTAX: u8 = 2;
/// Exit status of a command that does not exist.
pub const NOT_FOUND: u8 = 127;
/// Exit status of a program that can't be started.
pub const NOT_STARTED: u8 = 126;
/// Exit status of a line that a person has ended: 128 and the number of the signal that does it elsewhere.
pub const INTERRUPTED: u8 = 130;

/// Runs one command line at a time.
#[derive(Debug, Default)]
pub struct Runner {
    steps: VecDeque<Step>,
    /// Of the step that was run last.
    status: u8,
    doing: Doing,
    /// A person has ended it; its program's end is awaited.
    is_interrupted: bool,
}

#[derive(Debug, Default)]
enum Doing {
    /// There is no command line.
    #[default]
    Nothing,
    /// Between two steps, or behind the last one.
    Steps,
    /// A program runs.
    Program { process: u64, name: String },
    /// The line sleeps until then.
    Until(u64),
}

impl Runner {
    /// Begins with a line; one that is under way is forgotten.
    pub fn begin(&mut self, line: &str, system: &mut impl System) {
        (self.status, self.doing, self.is_interrupted) = (0, Doing::Steps, false);
        match parse(line) {
            Ok(steps) => self.steps = steps.into(),
            Err(error) => {
                system.print(Stream::Err, &format!("anax: {error}\n"));
                self.steps.clear();
                self.status = SYNTAX;
            }
        }
        self.go_on(system);
    }

    /// The status of a line that is done, once.
    pub fn finished(&mut self) -> Option<u8> {
        let is_done = matches!(self.doing, Doing::Steps) && self.steps.is_empty();
        if is_done {
            self.doing = Doing::Nothing;
        }
        is_done.then_some(self.status)
    }

    /// Whether there is a line.
    #[must_use]
    pub const fn is_busy(&self) -> bool {
        !matches!(self.doing, Doing::Nothing)
    }

    /// The program that the line waits for: it has the console.
    #[must_use]
    pub const fn foreground(&self) -> Option<u64> {
        match self.doing {
            Doing::Program { process, .. } => Some(process),
            _ => None,
        }
    }

    /// A person wants the line to end: its program is ended, and what comes behind it is not run.
    pub fn interrupt(&mut self, system: &mut impl System) {
        self.steps.clear();
        match self.doing {
            Doing::Program { process, .. } => {
                self.is_interrupted = true;
                if let Err(error) = system.kill(process) {
                    // It has ended by itself, which is about to be told.
                    self.is_interrupted = error != Error::BadHandle;
                }
            }
            Doing::Until(_) => (self.status, self.doing) = (INTERRUPTED, Doing::Steps),
            Doing::Nothing | Doing::Steps => {}
        }
    }

    /// A process has ended, or nobody will learn how. One that the line does not wait for is of no interest.
    pub fn ended(&mut self, process: u64, how: Result<Status, Error>, system: &mut impl System) {
        let Doing::Program { process: awaited, name } = &self.doing else { return };
        if *awaited != process && cfg!(not(bite = "control-any-end")) {
            return;
        }
        let (status, words) = match how {
            Ok(_) if self.is_interrupted => (INTERRUPTED, Some("was interrupted".into())),
            Ok(status) => explain(status),
            Err(error) => (NOT_STARTED, Some(format!("is lost: {error}"))),
        };
        if let Some(words) = words {
            let line = format!("{name} (process {process}) {words}\n");
            system.print(Stream::Err, &line);
        }
        (self.status, self.doing) = (status, Doing::Steps);
        self.go_on(system);
    }

    /// When to [`tick`](Self::tick), in nanoseconds since boot.
    #[must_use]
    pub const fn due(&self) -> Option<u64> {
        match self.doing {
            Doing::Until(time) => Some(time),
            _ => None,
        }
    }

    /// Goes on with a line whose time has come.
    pub fn tick(&mut self, system: &mut impl System) {
        if self.due().is_some_and(|due| due <= system.now()) {
            self.doing = Doing::Steps;
            self.go_on(system);
        }
    }

    /// As far as it gets without waiting.
    fn go_on(&mut self, system: &mut impl System) {
        while matches!(self.doing, Doing::Steps)
            && let Some(step) = self.steps.pop_front()
        {
            if step.connector.runs_after(self.status) {
                self.step(&step, system);
            }
        }
    }

    fn step(&mut self, step: &Step, system: &mut impl System) {
        let Some((name, arguments)) = step.words.split_first() else { return };
        match commands::run(name, arguments, system) {
            Some(Begun::Done(status)) => self.status = status,
            Some(Begun::Until(time)) => (self.status, self.doing) = (0, Doing::Until(time)),
            None => match system.start(name, arguments) {
                Ok(process) => self.doing = Doing::Program { process, name: name.clone() },
                Err(error) => self.status = not_started(name, error, system),
            },
        }
    }
}

fn not_started(name: &str, error: Error, system: &mut impl System) -> u8 {
    let (status, line) = match error {
        Error::BadArgument => (NOT_FOUND, format!("{name}: not found\n")),
        error => (NOT_STARTED, format!("{name}: does not start: {error}\n")),
    };
    system.print(Stream::Err, &line);
    status
}
