//! Small programs, one file under their names: which it is, its name says.
#![no_std]
#![no_main]
#![forbid(unsafe_code)]

extern crate alloc;

mod data;
mod programs;

use alloc::format;
use alloc::string::{String, ToString as _};

use anax::{Error, eprintln, print, stdout};
use anax_fs::Failure;
use utilities::Wrong;

use programs::ALL;

/// Exit statuses: it did not come to what was asked for; the command line makes no sense; nobody reads what is printed.
const FAILED: u64 = 1;
const USAGE: u64 = 2;
const BROKEN_PIPE: u64 = 141;

/// Why a program ends before its time.
#[derive(Debug)]
enum Stop {
    /// The command line makes no sense.
    Usage(String),
    /// Something does not go.
    Failed(String),
    /// Nobody reads what is printed.
    Gone,
}

/// Its exit status.
type Done = Result<u64, Stop>;

impl From<Wrong> for Stop {
    fn from(wrong: Wrong) -> Self {
        Self::Usage(wrong.to_string())
    }
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Failed(error.to_string())
    }
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure.to_string())
    }
}

/// A program.
struct Utility {
    name: &'static str,
    help: &'static str,
    run: fn(&[String]) -> Done,
}

#[anax::main]
fn main() -> u64 {
    let name = anax::name();
    let Some(utility) = ALL.iter().find(|utility| utility.name == name) else {
        for utility in ALL {
            print!("{}", utility.help.lines().next().unwrap_or_default().trim_end());
            print!("  ({})\n", utility.name);
        }
        return 0;
    };
    let words = anax::arguments();
    // Words that are for itself: behind a program's name they are that one's.
    let own = match name {
        "echo" | "true" | "false" => 0,
        "env" => 1,
        _ => words.len(),
    };
    if words.iter().take(own).take_while(|word| *word != "--").any(|word| word == "--help") {
        print!("{}", utility.help);
        return 0;
    }
    let done = (utility.run)(words);
    let done = match (done, stdout().flush()) {
        (Ok(_), Err(Error::PeerDied)) => Err(Stop::Gone),
        (done, _) => done,
    };
    match done {
        Ok(status) => status,
        Err(Stop::Gone) => BROKEN_PIPE,
        Err(Stop::Failed(why)) => {
            eprintln!("{name}: {why}");
            FAILED
        }
        Err(Stop::Usage(why)) => {
            eprintln!("{name}: {why}; '{name} --help' says more");
            USAGE
        }
    }
}

/// Says what does not go, and goes on.
fn complain(what: &str, why: impl core::fmt::Display) {
    eprintln!("{}: {what}: {why}", anax::name());
}

/// The command line is to have these words.
fn usage<T>(words: &str) -> Result<T, Stop> {
    Err(Stop::Usage(format!("usage: {} {words}", anax::name())))
}

/// What goes wrong with something.
fn of<E: core::fmt::Display>(what: &str) -> impl Fn(E) -> Stop {
    move |why| Stop::Failed(format!("{what}: {why}"))
}

/// Prints.
fn out(bytes: &[u8]) -> Result<(), Stop> {
    stdout().write_all(bytes).map_err(|error| match error {
        Error::PeerDied => Stop::Gone,
        other => Stop::Failed(format!("what is printed can't be written: {other}")),
    })
}
