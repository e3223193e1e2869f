//! The commands that are no programs.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use anax_abi::Error;
use anax_control::Stream;
use anax_system::Condition;

use crate::runner::SYNTAX;
use crate::system::{Finish, System};

/// What became of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Begun {
    /// It is done, with that status.
    Done(u8),
    /// It is done at that time, in nanoseconds since boot, with success.
    Until(u64),
}

/// Names and what they do, for `help`.
const HELP: &[(&str, &str)] = &[
    ("echo WORD...", "print the words"),
    ("true", "end with status 0"),
    ("false", "end with status 1"),
    ("help", "print this list"),
    ("kill PROCESS...", "end processes, by number or program"),
    ("power-off [STATUS]", "switch the machine off"),
    ("ps", "list the processes"),
    ("reboot", "start the machine again"),
    ("sleep SECONDS", "wait"),
    ("PROGRAM WORD...", "run a program of the boot archive, and wait for its end"),
];

/// The longest sleep, in milliseconds: a day.
const LONGEST_SLEEP: u64 = 24 * 60 * 60 * 1000;

/// Runs the command of that name, if there is one.
pub(crate) fn run(name: &str, arguments: &[String], system: &mut impl System) -> Option<Begun> {
    let status = match (name, arguments) {
        ("echo", words) => {
            system.print(Stream::Out, &format!("{}\n", words.join(" ")));
            0
        }
        ("true", _) => 0,
        ("false", _) => 1,
        ("help", _) => help(system),
        ("ps", []) => ps(system),
        ("kill", [_, ..]) => arguments.iter().map(|whom| kill(whom, system)).max().unwrap_or(0),
        ("power-off", []) => finish(Finish::PowerOff(0), system),
        ("power-off", [status]) => match status.parse() {
            Ok(status) => finish(Finish::PowerOff(status), system),
            Err(_) => wrong(name, system),
        },
        ("reboot", []) => finish(Finish::Reboot, system),
        ("sleep", [time]) => match milliseconds(time) {
            Some(time) => return Some(Begun::Until(system.now() + time * 1_000_000)),
            None => wrong(name, system),
        },
        ("kill" | "power-off" | "ps" | "reboot" | "sleep", _) => wrong(name, system),
        _ => return None,
    };
    Some(Begun::Done(status))
}

fn wrong(name: &str, system: &mut impl System) -> u8 {
    let usage = HELP.iter().find(|(usage, _)| usage.split(' ').next() == Some(name));
    let usage = usage.map_or(name, |(usage, _)| usage);
    system.print(Stream::Err, &format!("usage: {usage}\n"));
    SYNTAX
}

fn help(system: &mut impl System) -> u8 {
    for (usage, about) in HELP {
        system.print(Stream::Out, &format!("{usage:20} {about}\n"));
    }
    0
}

fn failed(name: &str, error: Error, system: &mut impl System) -> u8 {
    system.print(Stream::Err, &format!("{name}: {error}\n"));
    1
}

fn ps(system: &mut impl System) -> u8 {
    let all = match system.list() {
        Ok(all) => all,
        Err(error) => return failed("ps", error, system),
    };
    system.print(
        Stream::Out,
        "process  program                   state     restarts  CPU ms  memory KiB  messages\n",
    );
    for report in all {
        let state = match report.condition {
            Condition::Prepared => "prepared",
            Condition::Runs => "runs",
            Condition::Waits(_) => "waits",
            Condition::Ended(_) => "ended",
        };
        let line = format!(
            "{:7}  {:24}  {state:8}  {:8}  {:6}  {:10}  {:8}\n",
            report.process,
            report.name,
            report.restarts,
            report.time_ns / 1_000_000,
            4 * report.pages,
            report.waiting
        );
        system.print(Stream::Out, &line);
    }
    0
}

/// Ends the process of that number, or all that run of the program of that name.
fn kill(whom: &str, system: &mut impl System) -> u8 {
    let all = match whom.parse() {
        Ok(number) => Vec::from([number]),
        Err(_) => match system.list() {
            Ok(all) => {
                let of = all.iter().filter(|one| one.name == whom && one.condition == Condition::Runs);
                of.map(|one| one.process).collect()
            }
            Err(error) => return failed("kill", error, system),
        },
    };
    if all.is_empty() {
        system.print(Stream::Err, &format!("kill: {whom} does not run\n"));
        return 1;
    }
    let mut status = 0;
    for process in all {
        if let Err(error) = system.kill(process) {
            status = failed(&format!("kill {whom}"), error, system);
        }
    }
    status
}

fn finish(how: Finish, system: &mut impl System) -> u8 {
    let error = system.finish(how);
    failed("the machine does not end", error, system)
}

/// Of a number of seconds with at most three decimals.
fn milliseconds(text: &str) -> Option<u64> {
    let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(part) || part.len() > 3 {
        return None;
    }
    let part = format!("{part:0<3}").parse::<u64>().ok()?;
    let time = whole.parse::<u64>().ok()?.checked_mul(1000)?.checked_add(part)?;
    (time <= LONGEST_SLEEP).then_some(time)
}
