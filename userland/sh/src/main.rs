//! The shell's program.
#![no_std]
#![no_main]
#![forbid(unsafe_code)]

extern crate alloc;

mod console;
mod events;
mod served;
mod system;

use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use anax::{eprintln, print};
use sh::{Outcome, Shell, World as _};

use system::System;

const HELP: &str = "\
The shell: runs commands that a person types, or a script.

  sh                                    what is typed; of another input, its lines
  sh [-efux] FILE [WORD...]             a script
  sh [-efux] -c SCRIPT [NAME [WORD...]]

-e ends it when a command fails, -f takes no patterns, -u makes variables that are not set an error,
-x shows commands. 'help' in a shell lists what it knows.
";

/// Exit status of a command line that makes no sense.
const USAGE: u64 = 2;

/// What is to be run.
enum Task {
    Script { text: String, name: String, words: Vec<String> },
    File { path: String, words: Vec<String> },
    Input,
}

#[anax::main]
fn main() -> u64 {
    let mut options = String::new();
    let task = match task(anax::arguments(), &mut options) {
        Ok(Some(task)) => task,
        Ok(None) => {
            print!("{HELP}");
            return 0;
        }
        Err(why) => {
            eprintln!("sh: {why}");
            return USAGE;
        }
    };
    let system = match System::new() {
        Ok(system) => system,
        Err(error) => {
            eprintln!("sh: {error}");
            return u64::from(sh::NOT_STARTED);
        }
    };
    let environment = anax::environment().iter().filter_map(|variable| variable.split_once('='));
    let environment: Vec<(String, String)> =
        environment.map(|(name, value)| (name.to_string(), value.to_string())).collect();
    let (name, words) = match &task {
        Task::Script { name, words, .. } => (name.as_str(), words.clone()),
        Task::File { path, words } => (path.as_str(), words.clone()),
        Task::Input => ("sh", Vec::new()),
    };
    let mut shell = Shell::new(system, name, words, environment);
    if !shell.set_options(&options) {
        eprintln!("sh: -{options}: there are the options -c -e -f -u -x");
        return USAGE;
    }
    if let Some(directory) = anax::variable("PWD").filter(|directory| *directory != "/") {
        // One that is gone is none: paths are seen from the root then.
        let _ = anax_fs::set_current_directory(directory);
    }
    let directory = anax_fs::current_directory();
    shell.variables.set("PWD", &directory);
    shell.variables.export("PWD");
    let status: u8 = match task {
        Task::Script { text, .. } => shell.run_or_complain(&text).into(),
        Task::File { path, .. } => match shell.world.load(&path) {
            Ok(bytes) => shell.run_or_complain(&String::from_utf8_lossy(&bytes)).into(),
            Err(why) => {
                shell.complain(&why);
                sh::NOT_FOUND
            }
        },
        Task::Input => console::run(&mut shell),
    };
    status.into()
}

fn task(words: &[String], options: &mut String) -> Result<Option<Task>, &'static str> {
    let mut words = words;
    loop {
        match words {
            [word, ..] if word == "--help" => return Ok(None),
            [word, rest @ ..] if word == "-c" => {
                let [text, rest @ ..] = rest else { return Err("a script is missing behind -c") };
                let (name, words) = match rest {
                    [name, words @ ..] => (name.clone(), words.to_vec()),
                    [] => ("sh".into(), Vec::new()),
                };
                return Ok(Some(Task::Script { text: text.clone(), name, words }));
            }
            [word, rest @ ..] if word.len() > 1 && word.starts_with('-') => {
                options.push_str(&word[1..]);
                words = rest;
            }
            [path, rest @ ..] => return Ok(Some(Task::File { path: path.clone(), words: rest.to_vec() })),
            [] => return Ok(Some(Task::Input)),
        }
    }
}

/// Whether the shell is to go on after a line.
fn goes_on(outcome: Outcome) -> bool {
    matches!(outcome, Outcome::Status(_))
}
