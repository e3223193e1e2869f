//! Runs what a script says.
//!
//! What POSIX has a process of the shell's own do, a subshell, runs in this one, and what it has changed is taken back: there is no `fork`. So of
//! a pipeline's commands those that are no programs run one after the other, and the bytes between two of them lie in memory.

mod arithmetic;
mod builtins;
mod evaluate;
mod expand;
mod jobs;
mod paths;
mod pipeline;
mod redirect;
mod test;
mod variables;

pub use builtins::BUILTINS;
pub use variables::Variables;

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::rc::Rc;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use crate::syntax::{Function, SyntaxError, parse, parse_text};
use crate::world::{StreamError, World};
use jobs::Jobs;

/// Exit status of a script that is none, and of a builtin with wrong arguments.
const USAGE: u8 = 2;
/// Exit status of a program that can't be started.
pub const NOT_STARTED: u8 = 126;
/// Exit status of a program that there is not.
pub const NOT_FOUND: u8 = 127;
/// Exit status of what a person has ended: 128 and the number of the signal that does it elsewhere.
pub const INTERRUPTED: u8 = 130;
/// Exit status of what writes to nobody.
const BROKEN_PIPE: u8 = 141;

/// How deep commands may be run within others: functions, brackets, substitutions.
const MAX_RUNNING: usize = 96;

/// What ends more than one command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flow {
    /// So many loops.
    Break(u32),
    /// So many loops but the last, which goes on.
    Continue(u32),
    /// A function or a sourced script.
    Return(u8),
    /// The shell, or a subshell.
    Exit(u8),
    /// All that was typed: an error that can't be gone on from.
    Abandon(u8),
}

type Run = Result<u8, Flow>;

/// What `set` switches on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Options {
    /// `-e`: a command that fails ends the shell.
    ends_on_error: bool,
    /// `-u`: a variable that is not set is an error.
    unset_is_error: bool,
    /// `-x`: commands are shown.
    traces: bool,
    /// `-f`: no patterns.
    no_patterns: bool,
}

/// A shell.
pub struct Shell<W: World> {
    /// The system.
    pub world: W,
    /// Its variables.
    pub variables: Variables,
    functions: BTreeMap<String, Rc<Function>>,
    name: String,
    arguments: Vec<String>,
    status: u8,
    options: Options,
    streams: [W::Stream; 3],
    jobs: Jobs,
    depth: usize,
    loops: u32,
    /// Conditions, in which failure is no error.
    conditions: usize,
    /// Of the substitution that was expanded last.
    substituted: Option<u8>,
    /// What local variables of functions under way were before.
    locals: Vec<Vec<(String, variables::Aside)>>,
    /// Lines that were typed, for `history`.
    pub history: Vec<String>,
    is_interactive: bool,
}

/// What of a shell a subshell leaves as it was.
struct Saved<S> {
    variables: Variables,
    functions: BTreeMap<String, Rc<Function>>,
    arguments: Vec<String>,
    options: Options,
    streams: [S; 3],
    loops: u32,
}

/// What came of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Its status.
    Status(u8),
    /// The shell is to end with that status.
    Exit(u8),
}

impl<W: World> Shell<W> {
    /// A shell of that name with these arguments, and the environment's variables.
    pub fn new(
        mut world: W,
        name: &str,
        arguments: Vec<String>,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Self {
        let streams = [0, 1, 2].map(|number| world.own(number));
        Self {
            world,
            variables: Variables::new(environment),
            functions: BTreeMap::new(),
            name: name.into(),
            arguments,
            status: 0,
            options: Options::default(),
            streams,
            jobs: Jobs::default(),
            depth: 0,
            loops: 0,
            conditions: 0,
            substituted: None,
            locals: Vec::new(),
            history: Vec::new(),
            is_interactive: false,
        }
    }

    /// Somebody types what it runs.
    pub const fn set_interactive(&mut self) {
        self.is_interactive = true;
    }

    /// The status of the last command.
    #[must_use]
    pub const fn status(&self) -> u8 {
        self.status
    }

    /// Runs a script.
    ///
    /// # Errors
    /// What is wrong with it; nothing was run.
    pub fn run(&mut self, script: &str) -> Result<Outcome, SyntaxError> {
        let list = parse(script)?;
        (self.loops, self.conditions, self.depth) = (0, 0, 0);
        let outcome = match self.list(&list) {
            Ok(status) | Err(Flow::Return(status)) => Outcome::Status(status),
            Err(Flow::Break(_) | Flow::Continue(_)) => Outcome::Status(0),
            Err(Flow::Abandon(status)) if self.is_interactive => Outcome::Status(status),
            Err(Flow::Exit(status) | Flow::Abandon(status)) => Outcome::Exit(status),
        };
        let (Outcome::Status(status) | Outcome::Exit(status)) = outcome;
        self.status = status;
        Ok(outcome)
    }

    /// The same; what is wrong with it is said.
    pub fn run_or_complain(&mut self, script: &str) -> Outcome {
        match self.run(script) {
            Ok(outcome) => outcome,
            Err(error) => {
                self.complain(&format!("{error}"));
                self.status = USAGE;
                if self.is_interactive { Outcome::Status(USAGE) } else { Outcome::Exit(USAGE) }
            }
        }
    }

    /// A prompt: the value of that variable, in which parameters are put in, or that text.
    pub fn prompt(&mut self, variable: &str, otherwise: &str) -> String {
        let Some(text) = self.variables.value(variable) else { return otherwise.into() };
        let Ok(word) = parse_text(text) else { return otherwise.into() };
        self.text(&word).unwrap_or_else(|_| otherwise.into())
    }

    /// Options, as `set` takes them.
    pub fn set_options(&mut self, letters: &str) -> bool {
        for letter in letters.chars() {
            match letter {
                'e' => self.options.ends_on_error = true,
                'f' => self.options.no_patterns = true,
                'u' => self.options.unset_is_error = true,
                'x' => self.options.traces = true,
                _ => return false,
            }
        }
        true
    }

    /// The functions that there are.
    pub(crate) fn function_names(&self) -> impl Iterator<Item = String> {
        self.functions.keys().cloned()
    }

    /// Says what is wrong.
    pub fn complain(&mut self, what: &str) {
        let name = self.name.rsplit('/').next().unwrap_or_default().to_string();
        // There is nobody to tell that nobody hears it.
        let _ = self.world.write(&self.streams[2], format!("{name}: {what}\n").as_bytes());
    }

    /// Prints, as a builtin: what its status is if that does not go.
    fn print(&mut self, text: &str) -> Result<(), Flow> {
        match self.world.write(&self.streams[1], text.as_bytes()) {
            Ok(()) => Ok(()),
            Err(StreamError::Gone) => Err(Flow::Exit(BROKEN_PIPE)),
            Err(StreamError::Interrupted) => Err(Flow::Abandon(INTERRUPTED)),
            Err(StreamError::TooMuch) => {
                self.complain("this prints more than memory can take");
                Err(Flow::Abandon(1))
            }
            Err(StreamError::Failed) => {
                self.complain("what is printed can't be written");
                Err(Flow::Abandon(1))
            }
        }
    }

    fn save(&self) -> Saved<W::Stream> {
        Saved {
            variables: self.variables.clone(),
            functions: self.functions.clone(),
            arguments: self.arguments.clone(),
            options: self.options,
            streams: self.streams.clone(),
            loops: self.loops,
        }
    }

    fn restore(&mut self, saved: Saved<W::Stream>) {
        let Saved { variables, functions, arguments, options, streams, loops } = saved;
        let was = self.variables.value("PWD").map(String::from);
        (self.variables, self.functions, self.arguments) = (variables, functions, arguments);
        (self.options, self.streams, self.loops) = (options, streams, loops);
        let is = self.variables.value("PWD").map(String::from);
        if let Some(is) = is
            && was.as_deref() != Some(&*is)
        {
            // It was there when this shell was there.
            let _ = self.world.change_directory(&is);
        }
    }

    /// Runs something whose changes to the shell are taken back: its status.
    fn subshell(&mut self, act: impl FnOnce(&mut Self) -> Run) -> Run {
        let saved = self.save();
        self.loops = 0;
        let done = act(self);
        self.restore(saved);
        match done {
            Ok(status) | Err(Flow::Exit(status) | Flow::Return(status)) => Ok(status),
            Err(Flow::Break(_) | Flow::Continue(_)) => Ok(0),
            Err(Flow::Abandon(INTERRUPTED)) => Err(Flow::Abandon(INTERRUPTED)),
            Err(Flow::Abandon(status)) => Ok(status),
        }
    }

    /// One level further in.
    fn deeper<T>(&mut self, act: impl FnOnce(&mut Self) -> Result<T, Flow>) -> Result<T, Flow> {
        if self.depth == MAX_RUNNING {
            self.complain("commands are too deep in each other");
            return Err(Flow::Abandon(1));
        }
        self.depth += 1;
        let done = act(self);
        self.depth -= 1;
        done
    }
}
