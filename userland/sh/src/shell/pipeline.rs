//! Pipelines and what runs in the background.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::evaluate::Ready;
use super::{Flow, INTERRUPTED, Run, Shell};
use crate::syntax::{Command, Item, Part, Pipeline};
use crate::world::{NotStarted, Program, World};

/// Commands of one pipeline.
const MAX_COMMANDS: usize = 32;

/// The streams of a stage, until it is begun.
type Own<W> = Option<[<W as World>::Stream; 3]>;

/// A command of a pipeline.
enum Stage<'a> {
    /// A program, with its words expanded.
    Program(Ready),
    /// A builtin or function, with its words expanded.
    Own(Ready),
    /// Anything else.
    Other(&'a Command),
}

impl<W: World> Shell<W> {
    pub(super) fn pipeline(&mut self, pipeline: &Pipeline) -> Run {
        let status = match &pipeline.commands[..] {
            [command] => self.command(command)?,
            commands => self.stages(commands)?,
        };
        Ok(if pipeline.is_negated { u8::from(status == 0) } else { status })
    }

    fn stages(&mut self, commands: &[Command]) -> Run {
        if commands.len() > MAX_COMMANDS {
            self.complain("too many commands in a pipeline");
            return Err(Flow::Abandon(1));
        }
        let stages = self.prepare(commands)?;
        let Some(mut streams) = self.connect(&stages)? else { return Ok(1) };
        let mut started = Vec::new();
        let mut last = 0;
        for (place, stage) in stages.iter().enumerate() {
            let Stage::Program(ready) = stage else { continue };
            let own = streams[place].take();
            let Some(own) = own else { continue };
            self.trace_stage(ready);
            match self.redirected(&ready.redirects, own) {
                Ok(Some(own)) => match self.start(ready, &own) {
                    Ok(process) => started.push((process, ready.words[0].clone(), place)),
                    Err(status) => last = if place + 1 == stages.len() { status } else { last },
                },
                Ok(None) => last = u8::from(place + 1 == stages.len()),
                Err(flow) => {
                    self.end_all(&started);
                    return Err(flow);
                }
            }
        }
        // Those of this shell's own run now, beside the programs.
        for (place, stage) in stages.iter().enumerate() {
            let Some(own) = streams[place].take() else { continue };
            let (output, is_followed) = (own[1].clone(), self.feeds(&stages, place));
            let done = self.subshell(|shell| {
                shell.streams = own;
                match stage {
                    Stage::Program(_) => Ok(0),
                    Stage::Own(ready) => shell.simple(ready.clone()),
                    Stage::Other(command) => shell.command(command),
                }
            });
            let status = match done {
                Ok(status) => status,
                Err(flow) => {
                    drop(streams);
                    self.end_all(&started);
                    return Err(flow);
                }
            };
            if place + 1 == stages.len() {
                last = status;
            }
            if is_followed && let Some(Some(next)) = streams.get_mut(place + 1) {
                let written = self.world.written(&output);
                let source = match written {
                    Some(bytes) => self.world.source(bytes),
                    None => Err("a command prints more than memory can take".into()),
                };
                match source {
                    Ok(source) => next[0] = source,
                    Err(why) => {
                        self.complain(&why);
                        drop(streams);
                        self.end_all(&started);
                        return Err(Flow::Abandon(1));
                    }
                }
            }
        }
        drop(streams);
        let is_last = started.last().is_some_and(|(.., place)| place + 1 == stages.len());
        let processes: Vec<(u64, String)> =
            started.into_iter().map(|(process, name, _)| (process, name)).collect();
        let status = self.wait_foreground(&processes)?;
        Ok(if is_last { status } else { last })
    }

    fn trace_stage(&mut self, ready: &Ready) {
        if self.options.traces {
            let line = format!("+ {}\n", ready.words.join(" "));
            // As `complain`.
            let _ = self.world.write(&self.streams[2], line.as_bytes());
        }
    }

    /// Whether what a stage prints lies in memory until the next one reads it.
    fn feeds(&self, stages: &[Stage<'_>], place: usize) -> bool {
        let is_program = |stage: &Stage<'_>| matches!(stage, Stage::Program(_));
        stages.get(place + 1).is_some_and(|next| !is_program(next)) && !is_program(&stages[place])
    }

    fn prepare<'a>(&mut self, commands: &'a [Command]) -> Result<Vec<Stage<'a>>, Flow> {
        let stage = |command: &'a Command| {
            // One of assignments alone sets nothing here either.
            let Command::Simple(simple) = command else { return Ok(Stage::Other(command)) };
            if simple.words.is_empty() {
                return Ok(Stage::Other(command));
            }
            let ready = self.ready(simple)?;
            let is_program = ready.words.first().is_some_and(|name| !self.is_own(name));
            Ok(if is_program { Stage::Program(ready) } else { Stage::Own(ready) })
        };
        commands.iter().map(stage).collect()
    }

    /// The streams of all stages.
    fn connect(&mut self, stages: &[Stage<'_>]) -> Result<Option<Vec<Own<W>>>, Flow> {
        let mut streams: Vec<Own<W>> = Vec::new();
        let mut input = self.streams[0].clone();
        for place in 0..stages.len() {
            let mut own = self.streams.clone();
            own[0] = input.clone();
            if place + 1 < stages.len() {
                let made = if self.feeds(stages, place) {
                    self.world.sink().map(|sink| (self.world.null(), sink))
                } else {
                    self.world.pipe()
                };
                match made {
                    Ok((from, to)) => (input, own[1]) = (from, to),
                    Err(why) => {
                        self.complain(&format!("no pipe: {why}"));
                        return Ok(None);
                    }
                }
            }
            streams.push(Some(own));
        }
        Ok(Some(streams))
    }

    /// Ends what a pipeline has started, and waits for it.
    fn end_all(&mut self, started: &[(u64, String, usize)]) {
        for (process, ..) in started {
            // One that has ended by itself is no harm.
            let _ = self.world.kill(*process);
        }
        for (process, ..) in started {
            self.wait_killed(*process);
        }
    }

    /// Waits for the end of a process that was killed, whatever the person wants.
    fn wait_killed(&mut self, process: u64) {
        for _ in 0..MAX_COMMANDS {
            if self.world.wait(process).is_some() {
                return;
            }
        }
    }

    /// Waits for processes: the status of the last one. If the person wants that, they are ended.
    pub(super) fn wait_foreground(&mut self, processes: &[(u64, String)]) -> Run {
        let mut status = 0;
        for (place, (process, name)) in processes.iter().enumerate() {
            let Some(ended) = self.world.wait(*process) else {
                for (process, _) in &processes[place..] {
                    // As `end_all`.
                    let _ = self.world.kill(*process);
                }
                for (process, _) in &processes[place..] {
                    self.wait_killed(*process);
                }
                return Err(Flow::Abandon(INTERRUPTED));
            };
            status = ended.status;
            if let Some(words) = ended.words {
                let line = format!("{name} (process {process}) {words}\n");
                // As `complain`.
                let _ = self.world.write(&self.streams[2], line.as_bytes());
            }
        }
        Ok(status)
    }

    /// Starts something that is not waited for: programs by themselves, all else by a shell of its own.
    pub(super) fn background(&mut self, item: &Item) -> Run {
        let before = self.streams.clone();
        self.streams[0] = self.world.null();
        let started = self.start_background(item);
        self.streams = before;
        let processes = match started? {
            Ok(processes) => processes,
            Err(status) => return Ok(status),
        };
        let number = self.jobs.add(&processes, &item.text);
        if self.is_interactive
            && let Some(process) = processes.last()
        {
            let line = format!("[{number}] {process}\n");
            // As `complain`.
            let _ = self.world.write(&self.streams[2], line.as_bytes());
        }
        Ok(0)
    }

    fn start_background(&mut self, item: &Item) -> Result<Result<Vec<u64>, u8>, Flow> {
        let (first, rest) = (&item.and_or.first, &item.and_or.rest);
        let are_programs = first.commands.iter().all(|command| self.is_program(command));
        if rest.is_empty() && !first.is_negated && first.commands.len() <= MAX_COMMANDS && are_programs {
            let stages = self.prepare(&first.commands)?;
            return self.start_programs(&stages);
        }
        let functions: String =
            self.functions.values().map(|function| format!("{}\n", function.text)).collect();
        let script = format!("{functions}{}", item.text);
        let mut arguments = Vec::from([String::from("-c"), script, self.name.clone()]);
        arguments.extend(self.arguments.iter().cloned());
        let environment =
            self.variables.all().map(|(name, value)| (String::from(name), String::from(value))).collect();
        let streams = self.streams.clone();
        let program = Program { name: "sh", arguments: &arguments, environment, streams: &streams };
        Ok(match self.world.start(&program) {
            Ok(process) => Ok([process].into()),
            Err(not) => {
                let why = match not {
                    NotStarted::NotFound => "there is none".into(),
                    NotStarted::Other(why) => why,
                };
                self.complain(&format!("no shell for the background: {why}"));
                Err(super::NOT_STARTED)
            }
        })
    }

    /// Whether a command is a program's, as far as can be seen before anything is expanded.
    fn is_program(&self, command: &Command) -> bool {
        let Command::Simple(simple) = command else { return false };
        let Some([Part::Text(name, _)]) = simple.words.first().map(|word| &word.parts[..]) else {
            return false;
        };
        !self.is_own(name)
    }

    fn start_programs(&mut self, stages: &[Stage<'_>]) -> Result<Result<Vec<u64>, u8>, Flow> {
        let Some(streams) = self.connect(stages)? else { return Ok(Err(1)) };
        let mut processes = Vec::new();
        for (stage, own) in stages.iter().zip(streams) {
            let (Stage::Program(ready), Some(own)) = (stage, own) else { continue };
            let Some(own) = self.redirected(&ready.redirects, own)? else { return Ok(Err(1)) };
            match self.start(ready, &own) {
                Ok(process) => processes.push(process),
                Err(status) => return Ok(Err(status)),
            }
        }
        Ok(Ok(processes))
    }
}
