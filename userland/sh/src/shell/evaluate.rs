//! Commands, one in the other (POSIX XCU 2.9).

use alloc::format;
use alloc::rc::Rc;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use super::{BUILTINS, Flow, INTERRUPTED, NOT_FOUND, NOT_STARTED, Run, Shell};
use crate::syntax::{
    AndOr, Command, Compound, Connector, Item, List, Redirect, Simple, Until, Waiting, Word,
};
use crate::world::{NotStarted, Program, World};

/// A simple command with its words expanded.
#[derive(Clone, Debug)]
pub(super) struct Ready {
    pub(super) words: Vec<String>,
    pub(super) assignments: Vec<(String, String)>,
    pub(super) redirects: Vec<Redirect>,
}

impl<W: World> Shell<W> {
    pub(super) fn list(&mut self, list: &List) -> Run {
        let mut status = 0;
        for item in &list.0 {
            status = self.item(item)?;
        }
        Ok(status)
    }

    fn item(&mut self, item: &Item) -> Run {
        if item.waiting == Waiting::Background {
            let status = self.background(item)?;
            self.status = status;
            return Ok(status);
        }
        self.and_or(&item.and_or)
    }

    pub(super) fn and_or(&mut self, and_or: &AndOr) -> Run {
        let all = [(None, &and_or.first)]
            .into_iter()
            .chain(and_or.rest.iter().map(|(tie, next)| (Some(*tie), next)));
        let count = and_or.rest.len() + 1;
        let mut status = 0;
        for (place, (tie, pipeline)) in all.enumerate() {
            let is_skipped = match tie {
                None => false,
                Some(Connector::And) => status != 0,
                Some(Connector::Or) => status == 0,
            };
            if is_skipped {
                continue;
            }
            let is_condition = place + 1 < count || pipeline.is_negated;
            self.conditions += usize::from(is_condition);
            let done = self.pipeline(pipeline);
            self.conditions -= usize::from(is_condition);
            status = done?;
            self.status = status;
            if status != 0 && self.options.ends_on_error && self.conditions == 0 && !is_condition {
                return Err(Flow::Exit(status));
            }
        }
        Ok(status)
    }

    pub(super) fn command(&mut self, command: &Command) -> Run {
        if self.world.is_interrupted() {
            return Err(Flow::Abandon(INTERRUPTED));
        }
        match command {
            Command::Simple(simple) => {
                let ready = self.ready(simple)?;
                self.simple(ready)
            }
            Command::Compound(compound, redirects) => {
                let streams = self.streams.clone();
                let Some(redirected) = self.redirected(redirects, streams)? else { return Ok(1) };
                let before = core::mem::replace(&mut self.streams, redirected);
                let done = self.deeper(|shell| shell.compound(compound));
                self.streams = before;
                done
            }
            Command::Function(function) => {
                self.functions.insert(function.name.clone(), Rc::clone(function));
                Ok(0)
            }
        }
    }

    /// Expands the words of a simple command.
    pub(super) fn ready(&mut self, simple: &Simple) -> Result<Ready, Flow> {
        self.substituted = None;
        let words = self.fields(&simple.words)?;
        let mut assignments = Vec::new();
        for (name, word) in &simple.assignments {
            let value = self.text(word)?;
            if words.is_empty() {
                // The next one may use it.
                self.variables.set(name, &value);
            }
            assignments.push((name.clone(), value));
        }
        Ok(Ready { words, assignments, redirects: simple.redirects.clone() })
    }

    /// Whether that runs in this shell.
    pub(super) fn is_own(&self, name: &str) -> bool {
        self.functions.contains_key(name) || BUILTINS.iter().any(|(builtin, ..)| *builtin == name)
    }

    pub(super) fn simple(&mut self, ready: Ready) -> Run {
        self.trace(&ready);
        let streams = self.streams.clone();
        let Some(redirected) = self.redirected(&ready.redirects, streams)? else { return Ok(1) };
        let Some((name, arguments)) = ready.words.split_first() else {
            return Ok(self.substituted.unwrap_or(0));
        };
        if !self.is_own(name) {
            // What is wrong is said where the program would have said it.
            let before = core::mem::replace(&mut self.streams, redirected.clone());
            let started = self.start(&ready, &redirected);
            self.streams = before;
            let process = match started {
                Ok(process) => process,
                Err(status) => return Ok(status),
            };
            // Files are closed when the program has ended that has them.
            drop(redirected);
            return self.wait_foreground(&[(process, name.clone())]);
        }
        let before = core::mem::replace(&mut self.streams, redirected);
        let aside: Vec<_> =
            ready.assignments.iter().map(|(name, _)| (name, self.variables.take_aside(name))).collect();
        for (name, value) in &ready.assignments {
            self.variables.set(name, value);
        }
        let done = match self.functions.get(name).cloned() {
            Some(function) => self.call(&function.body, arguments),
            None => self.builtin(name, arguments),
        };
        for (name, aside) in aside.into_iter().rev() {
            self.variables.put_back(name, aside);
        }
        // What `exec` has done to them stays.
        if name != "exec" || !arguments.is_empty() {
            self.streams = before;
        }
        done
    }

    fn trace(&mut self, ready: &Ready) {
        if self.options.traces {
            let assignments = ready.assignments.iter().map(|(name, value)| format!("{name}={value}"));
            let words: Vec<String> = assignments.chain(ready.words.iter().cloned()).collect();
            // As `complain`.
            let _ = self.world.write(&self.streams[2], format!("+ {}\n", words.join(" ")).as_bytes());
        }
    }

    /// Starts a program: its process, or the exit status that stands for it.
    pub(super) fn start(&mut self, ready: &Ready, streams: &[W::Stream; 3]) -> Result<u64, u8> {
        let Some((name, arguments)) = ready.words.split_first() else { return Err(0) };
        let mut environment = self.variables.environment();
        for (name, value) in &ready.assignments {
            environment.retain(|(of, _)| of != name);
            environment.push((name.clone(), value.clone()));
        }
        let started = match self.script(name) {
            None => self.world.start(&Program { name, arguments, environment, streams }),
            Some(Ok(())) => {
                let arguments: Vec<String> = ready.words.clone();
                self.world.start(&Program { name: "sh", arguments: &arguments, environment, streams })
            }
            Some(Err((status, why))) => {
                self.complain(&format!("{name}: {why}"));
                return Err(status);
            }
        };
        started.map_err(|not| match not {
            NotStarted::NotFound => {
                self.complain(&format!("{name}: not found"));
                NOT_FOUND
            }
            NotStarted::Other(why) => {
                self.complain(&format!("{name}: does not start: {why}"));
                NOT_STARTED
            }
        })
    }

    /// Whether a name is the path of a script. Programs are started by their names.
    fn script(&mut self, name: &str) -> Option<Result<(), (u8, String)>> {
        if !name.contains('/') {
            return None;
        }
        Some(match self.world.load(name) {
            Err(why) => Err((NOT_FOUND, why)),
            Ok(bytes) if bytes.starts_with(b"\x7fELF") => {
                Err((NOT_STARTED, "programs are started by their names alone".into()))
            }
            Ok(bytes) if core::str::from_utf8(&bytes).is_err() => {
                Err((NOT_STARTED, "this is no script".into()))
            }
            Ok(_) => Ok(()),
        })
    }

    fn compound(&mut self, compound: &Compound) -> Run {
        match compound {
            Compound::Group(list) => self.list(list),
            Compound::Subshell(list) => self.subshell(|shell| shell.list(list)),
            Compound::If(branches, otherwise) => {
                for (condition, body) in branches {
                    if self.condition(condition)? == 0 {
                        return self.list(body);
                    }
                }
                otherwise.as_ref().map_or(Ok(0), |body| self.list(body))
            }
            Compound::Loop(until, condition, body) => {
                let mut status = 0;
                loop {
                    if (self.condition(condition)? == 0) != (*until == Until::Failure) {
                        return Ok(status);
                    }
                    match self.round(body)? {
                        Round::Next(of) => status = of,
                        Round::Leave => return Ok(0),
                    }
                }
            }
            Compound::For(variable, words, body) => self.each(variable, words.as_deref(), body),
            Compound::Case(word, arms) => {
                let text = self.text(word)?;
                for (patterns, list) in arms {
                    for pattern in patterns {
                        if self.pattern(pattern)?.matches(&text) {
                            return self.list(list);
                        }
                    }
                }
                Ok(0)
            }
        }
    }

    fn condition(&mut self, condition: &List) -> Run {
        self.conditions += 1;
        let done = self.list(condition);
        self.conditions -= 1;
        done
    }

    fn each(&mut self, variable: &str, words: Option<&[Word]>, body: &List) -> Run {
        let values = match words {
            Some(words) => self.fields(words)?,
            None => self.arguments.clone(),
        };
        let mut status = 0;
        for value in values {
            self.variables.set(variable, &value);
            match self.round(body)? {
                Round::Next(of) => status = of,
                Round::Leave => return Ok(0),
            }
        }
        Ok(status)
    }

    /// Once through a loop.
    fn round(&mut self, body: &List) -> Result<Round, Flow> {
        if self.world.is_interrupted() {
            return Err(Flow::Abandon(INTERRUPTED));
        }
        self.loops += 1;
        let done = self.list(body);
        self.loops -= 1;
        match done {
            Ok(status) => Ok(Round::Next(status)),
            Err(Flow::Continue(1)) => Ok(Round::Next(0)),
            Err(Flow::Break(1)) => Ok(Round::Leave),
            Err(Flow::Continue(count)) => Err(Flow::Continue(count - 1)),
            Err(Flow::Break(count)) => Err(Flow::Break(count - 1)),
            Err(other) => Err(other),
        }
    }

    /// Calls a function.
    fn call(&mut self, body: &Command, arguments: &[String]) -> Run {
        let before = core::mem::replace(&mut self.arguments, arguments.to_vec());
        let loops = core::mem::take(&mut self.loops);
        self.locals.push(Vec::new());
        let done = self.deeper(|shell| shell.command(body));
        for (name, aside) in self.locals.pop().unwrap_or_default().into_iter().rev() {
            self.variables.put_back(&name, aside);
        }
        (self.arguments, self.loops) = (before, loops);
        match done {
            Err(Flow::Return(status)) => Ok(status),
            Err(Flow::Break(_) | Flow::Continue(_)) => Ok(0),
            done => done,
        }
    }

    /// The letters of what is switched on, `$-`.
    pub(super) fn options_text(&self) -> String {
        let options = self.options;
        let all = [
            (options.ends_on_error, 'e'),
            (options.no_patterns, 'f'),
            (self.is_interactive, 'i'),
            (options.unset_is_error, 'u'),
            (options.traces, 'x'),
        ];
        all.into_iter().filter(|(is_on, _)| *is_on).map(|(_, letter)| letter.to_string()).collect()
    }
}

/// What a loop does behind a round.
enum Round {
    Next(u8),
    Leave,
}
