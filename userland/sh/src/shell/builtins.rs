//! The commands that are no programs.

mod printing;
mod variables;

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::{Flow, INTERRUPTED, NOT_FOUND, Outcome, Run, Shell, USAGE};
use crate::syntax::parse;
use crate::world::{Program, World};

/// Names, arguments, and what they do.
pub const BUILTINS: &[(&str, &str, &str)] = &[
    (".", "FILE [WORD...]", "run a script in this shell"),
    (":", "[WORD...]", "do nothing"),
    ("[", "EXPRESSION ]", "test, as 'test'"),
    ("break", "[COUNT]", "leave a loop"),
    ("cd", "[DIRECTORY | -]", "change the current directory"),
    ("command", "[-v] NAME [WORD...]", "run a program or builtin, or say which it is"),
    ("continue", "[COUNT]", "go on with a loop's next round"),
    ("echo", "[-n] [WORD...]", "print the words"),
    ("eval", "[WORD...]", "run the words as a script"),
    ("exec", "[NAME WORD...]", "run a program in place of the shell; redirections alone stay"),
    ("exit", "[STATUS]", "end the shell"),
    ("export", "[NAME[=VALUE]...]", "let programs have variables"),
    ("false", "", "fail"),
    ("fg", "[%JOB]", "wait for a job"),
    ("help", "[NAME]", "list the builtins and programs"),
    ("history", "", "list what was typed"),
    ("jobs", "", "list what runs in the background"),
    ("kill", "%JOB... | PROCESS...", "end jobs; programs of others by the program 'kill'"),
    ("local", "NAME[=VALUE]...", "variables of a function"),
    ("printf", "FORMAT [WORD...]", "print by a format: %s %d %i %u %x %o %c %b %%"),
    ("pwd", "", "print the current directory"),
    ("read", "[-r] [-p PROMPT] [NAME...]", "read a line into variables"),
    ("return", "[STATUS]", "leave a function or a script"),
    ("set", "[-efux] [+efux] [--] [WORD...]", "options and arguments; variables if there is nothing"),
    ("shift", "[COUNT]", "drop arguments"),
    ("source", "FILE [WORD...]", "run a script in this shell"),
    ("test", "EXPRESSION", "compare: = != -eq -ne -lt -le -gt -ge -n -z -e -f -d -s ! -a -o ( )"),
    ("true", "", "succeed"),
    ("type", "NAME...", "say what would be run"),
    ("unset", "[-f] NAME...", "forget variables or functions"),
    ("wait", "[%JOB | PROCESS]...", "wait for jobs; for all if none is named"),
];

impl<W: World> Shell<W> {
    pub(super) fn builtin(&mut self, name: &str, arguments: &[String]) -> Run {
        let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
        if words == ["--help"] && !matches!(name, "echo" | ":" | "true" | "false" | "test" | "[") {
            return self.help(name);
        }
        match (name, &words[..]) {
            (":" | "true", _) => Ok(0),
            ("false", _) => Ok(1),
            ("echo", words) => self.echo(words),
            ("printf", [format, words @ ..]) => self.printf(format, words),
            ("test", _) => self.test(name, arguments),
            ("[", [.., "]"]) => self.test(name, &arguments[..arguments.len() - 1]),
            ("[", _) => self.wrong("[", "a ']' is missing"),
            ("cd", [] | [_]) => self.cd(words.first().copied()),
            ("pwd", []) => {
                let directory = self.variables.value("PWD").map_or("/".into(), String::from);
                self.print(&format!("{directory}\n")).map(|()| 0)
            }
            ("exit", [] | [_]) => Err(Flow::Exit(self.status_of(name, &words)?)),
            ("return", [] | [_]) => Err(Flow::Return(self.status_of(name, &words)?)),
            ("break" | "continue", [] | [_]) => self.leave(name, words.first().copied()),
            ("export", words) => self.export(words),
            ("local", [_, ..]) => self.local(&words),
            ("unset", words) => Ok(self.unset(words)),
            ("set", words) => self.set(words),
            ("shift", [] | [_]) => self.shift(words.first().copied()),
            ("read", words) => self.read(words),
            ("eval", words) => self.eval(&words.join(" ")),
            ("." | "source", [path, rest @ ..]) => self.source(path, rest),
            ("exec", []) => Ok(0),
            ("exec", _) => {
                let status = self.run_named(arguments)?;
                Err(Flow::Exit(status))
            }
            ("command", ["-v", name]) => self.describe(name, Describe::Short),
            ("command", [_, ..]) => self.run_named(arguments),
            ("type", [_, ..]) => {
                let mut status = 0;
                for name in &words {
                    status = status.max(self.describe(name, Describe::Long)?);
                }
                Ok(status)
            }
            ("jobs", []) => self.list_jobs(),
            ("fg", [] | [_]) => self.foreground(words.first().copied().unwrap_or("%")),
            ("wait", words) => self.wait_builtin(words),
            ("kill", [_, ..]) => self.kill(arguments),
            ("history", []) => {
                let lines = core::mem::take(&mut self.history);
                let text: String = lines
                    .iter()
                    .enumerate()
                    .map(|(place, line)| format!("{:4}  {line}\n", place + 1))
                    .collect();
                self.history = lines;
                self.print(&text).map(|()| 0)
            }
            ("help", []) => self.help_all(),
            ("help", [name]) => self.help(name),
            _ => self.usage(name),
        }
    }

    /// How a builtin is used.
    fn usage(&mut self, name: &str) -> Run {
        let known = BUILTINS.iter().find(|(of, ..)| *of == name);
        let usage = known.map_or(String::from(name), |(name, arguments, _)| format!("{name} {arguments}"));
        self.complain(&format!("usage: {}", usage.trim_end()));
        Ok(USAGE)
    }

    /// A builtin has wrong arguments.
    fn wrong(&mut self, name: &str, why: &str) -> Run {
        self.complain(&format!("{name}: {why}"));
        Ok(USAGE)
    }

    /// A builtin fails.
    fn failed(&mut self, name: &str, why: &str) -> Run {
        self.complain(&format!("{name}: {why}"));
        Ok(1)
    }

    fn help(&mut self, name: &str) -> Run {
        match BUILTINS.iter().find(|(of, ..)| *of == name) {
            Some((name, arguments, what)) => {
                let usage = format!("{name} {arguments}");
                self.print(&format!("{}: {what}\n", usage.trim_end())).map(|()| 0)
            }
            None => self.failed("help", &format!("{name} is no builtin; perhaps '{name} --help' says more")),
        }
    }

    fn help_all(&mut self) -> Run {
        let mut text = String::new();
        for (name, arguments, what) in BUILTINS {
            let usage = format!("{name} {arguments}");
            text.push_str(&format!("{usage:34} {what}\n"));
        }
        text.push_str("\nPrograms, which say more by --help:\n");
        let programs = self.world.programs();
        let width = programs.iter().map(String::len).max().unwrap_or(0) + 2;
        for (place, name) in programs.iter().enumerate() {
            let is_last = (place + 1).is_multiple_of((78 / width).max(1)) || place + 1 == programs.len();
            text.push_str(&if is_last { format!("{name}\n") } else { format!("{name:width$}") });
        }
        self.print(&text).map(|()| 0)
    }

    fn test(&mut self, name: &str, words: &[String]) -> Run {
        match self.holds(words) {
            Ok(holds) => Ok(u8::from(!holds)),
            Err(why) => self.wrong(name, &why),
        }
    }

    /// The status that is named, or the last one.
    fn status_of(&mut self, name: &str, words: &[&str]) -> Result<u8, Flow> {
        let Some(word) = words.first() else { return Ok(self.status) };
        match word.parse::<u64>() {
            Ok(status) => Ok((status & 0xff) as u8),
            Err(_) => {
                self.complain(&format!("{name}: '{word}' is no status"));
                Ok(USAGE)
            }
        }
    }

    fn leave(&mut self, name: &str, count: Option<&str>) -> Run {
        let Ok(count) = count.unwrap_or("1").parse::<u32>() else { return self.usage(name) };
        if count == 0 {
            return self.usage(name);
        }
        if self.loops == 0 {
            return self.failed(name, "there is no loop here");
        }
        let count = count.min(self.loops);
        Err(if name == "break" { Flow::Break(count) } else { Flow::Continue(count) })
    }

    fn cd(&mut self, to: Option<&str>) -> Run {
        let (to, is_shown) = match to {
            None => (self.variables.value("HOME").unwrap_or("/").into(), false),
            Some("-") => match self.variables.value("OLDPWD") {
                Some(before) => (String::from(before), true),
                None => return self.failed("cd", "there is no directory before this one"),
            },
            Some(to) => (String::from(to), false),
        };
        match self.world.change_directory(&to) {
            Ok(directory) => {
                let before = self.variables.value("PWD").map_or("/".into(), String::from);
                self.variables.set("OLDPWD", &before);
                self.variables.set("PWD", &directory);
                self.variables.export("PWD");
                if is_shown { self.print(&format!("{directory}\n")).map(|()| 0) } else { Ok(0) }
            }
            Err(why) => self.failed("cd", &format!("{to}: {why}")),
        }
    }

    fn eval(&mut self, script: &str) -> Run {
        match parse(script) {
            Ok(list) => self.deeper(|shell| shell.list(&list)),
            Err(error) => self.wrong("eval", &format!("{error}")),
        }
    }

    fn source(&mut self, path: &str, rest: &[&str]) -> Run {
        let text = match self.world.load(path) {
            Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            Err(why) => return self.failed(".", &format!("{path}: {why}")),
        };
        let list = match parse(&text) {
            Ok(list) => list,
            Err(error) => return self.wrong(".", &format!("{path}: {error}")),
        };
        let arguments: Vec<String> = rest.iter().map(|word| String::from(*word)).collect();
        let before = (!arguments.is_empty()).then(|| core::mem::replace(&mut self.arguments, arguments));
        let done = self.deeper(|shell| shell.list(&list));
        if let Some(before) = before {
            self.arguments = before;
        }
        match done {
            Err(Flow::Return(status)) => Ok(status),
            done => done,
        }
    }

    /// Runs a builtin or program, whatever functions there are.
    fn run_named(&mut self, words: &[String]) -> Run {
        let Some((name, arguments)) = words.split_first() else { return Ok(0) };
        if BUILTINS.iter().any(|(builtin, ..)| builtin == name) {
            return self.deeper(|shell| shell.builtin(name, arguments));
        }
        let ready =
            super::evaluate::Ready { words: words.to_vec(), assignments: Vec::new(), redirects: Vec::new() };
        let streams = self.streams.clone();
        match self.start(&ready, &streams) {
            Ok(process) => self.wait_foreground(&[(process, name.clone())]),
            Err(status) => Ok(status),
        }
    }

    fn describe(&mut self, name: &str, how: Describe) -> Run {
        let what = if self.functions.contains_key(name) {
            "a function"
        } else if BUILTINS.iter().any(|(builtin, ..)| *builtin == name) {
            "a builtin of the shell"
        } else if self.world.programs().iter().any(|program| program == name) {
            "a program"
        } else {
            if how == Describe::Long {
                self.complain(&format!("{name}: not found"));
            }
            return Ok(if how == Describe::Long { NOT_FOUND } else { 1 });
        };
        let text = if how == Describe::Long { format!("{name} is {what}\n") } else { format!("{name}\n") };
        self.print(&text).map(|()| 0)
    }

    fn list_jobs(&mut self) -> Run {
        self.look_at_jobs();
        let mut text = String::new();
        for job in &self.jobs.all {
            let state = match (job.runs(), job.status()) {
                (true, _) => String::from("runs"),
                (false, 0) => String::from("done"),
                (false, status) => format!("status {status}"),
            };
            let processes: Vec<String> =
                job.processes.iter().map(|(process, _)| format!("{process}")).collect();
            text.push_str(&format!("[{}] {state} ({}): {}\n", job.number, processes.join(" "), job.text));
        }
        self.print(&text)?;
        self.jobs.all.retain(super::jobs::Job::runs);
        Ok(0)
    }

    fn foreground(&mut self, whom: &str) -> Run {
        let Some(place) = self.jobs.find(whom) else { return self.failed("fg", "there is no such job") };
        let text = format!("{}\n", self.jobs.all[place].text);
        self.print(&text)?;
        match self.wait_for(place) {
            Some(status) => Ok(status),
            None => {
                let processes: Vec<(u64, String)> = self.jobs.all[place]
                    .processes
                    .iter()
                    .filter(|(_, ended)| ended.is_none())
                    .map(|(process, _)| (*process, String::new()))
                    .collect();
                for (process, _) in &processes {
                    // One that has ended by itself is no harm.
                    let _ = self.world.kill(*process);
                }
                Err(Flow::Abandon(INTERRUPTED))
            }
        }
    }

    fn wait_builtin(&mut self, whom: &[&str]) -> Run {
        let mut status = 0;
        if whom.is_empty() {
            while !self.jobs.all.is_empty() {
                if self.wait_for(0).is_none() {
                    return Err(Flow::Abandon(INTERRUPTED));
                }
            }
        }
        for whom in whom {
            status = match self.jobs.find(whom) {
                Some(place) => match self.wait_for(place) {
                    Some(status) => status,
                    None => return Err(Flow::Abandon(INTERRUPTED)),
                },
                None => NOT_FOUND,
            };
        }
        Ok(status)
    }

    fn kill(&mut self, whom: &[String]) -> Run {
        if !whom.iter().any(|whom| whom.starts_with('%')) {
            let environment = self.variables.environment();
            let streams = self.streams.clone();
            let program = Program { name: "kill", arguments: whom, environment, streams: &streams };
            return match self.world.start(&program) {
                Ok(process) => self.wait_foreground(&[(process, "kill".into())]),
                Err(_) => self.failed("kill", "there is no program of that name"),
            };
        }
        let mut status = 0;
        for whom in whom {
            let processes = match self.jobs.find(whom) {
                Some(place) => self.jobs.all[place].processes.clone(),
                None => {
                    status = self.failed("kill", &format!("{whom}: there is no such job"))?;
                    continue;
                }
            };
            for (process, _) in processes.into_iter().filter(|(_, ended)| ended.is_none()) {
                if let Err(why) = self.world.kill(process) {
                    status = self.failed("kill", &format!("{whom}: {why}"))?;
                }
            }
        }
        Ok(status)
    }
}

/// How much is said of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Describe {
    Short,
    Long,
}

impl From<Outcome> for u8 {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Status(status) | Outcome::Exit(status) => status,
        }
    }
}
