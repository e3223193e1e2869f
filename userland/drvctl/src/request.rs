//! The command line.

use alloc::string::{String, ToString as _};
use alloc::vec::Vec;
use core::fmt;

use anax_system::Name;

/// What there is to say about its use.
pub const HELP: &str = "\
Shows devices and their drivers, and replaces drivers while they work.

  drvctl list                    all devices
  drvctl info DEVICE             one of them, and what its driver has counted
  drvctl swap DEVICE DRIVER      replaces the driver, without a pause that clients need to know of
  drvctl trial DEVICE DRIVER ... ends the driver and starts another with arguments, until that one ends
  drvctl swap-file DEVICE DRIVER the same by a file that came with the command: cargo xtask swap
  drvctl restart DEVICE          ends the driver and starts it from a reset device
  drvctl stop DEVICE             ends the driver; restart starts it again
  drvctl kill DEVICE             ends the driver as if it had died
  drvctl history DEVICE          what has happened to a device
  drvctl log                     what has happened to all of them

A device has a name, such as net0 or blk0. A driver is the program of that name.
";

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// Say how it is used.
    Help,
    /// Show all devices.
    List,
    /// Show one.
    Info(Name),
    /// Replace the driver of a device by a program.
    Swap(Name, Name),
    /// Start another driver with arguments, on trial.
    Trial(Name, Name, Vec<String>),
    /// The same by the file that this program was given.
    SwapFile(Name, Name),
    /// Start its driver anew.
    Restart(Name),
    /// Stop it.
    Stop(Name),
    /// End its driver.
    Kill(Name),
    /// Show what has happened to it.
    History(Name),
    /// Show what has happened.
    Log,
}

/// What is wrong with a command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wrong {
    /// There is no such command.
    Command(String),
    /// The command takes other arguments: how it is used.
    Arguments(&'static str),
    /// That is no name: and why.
    Name(String, anax_system::NameError),
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Command(command) => write!(f, "unknown command '{command}'; drvctl --help lists all"),
            Self::Arguments(usage) => write!(f, "usage: drvctl {usage}"),
            Self::Name(text, error) => write!(f, "'{text}': {error}"),
        }
    }
}

impl core::error::Error for Wrong {}

/// Reads the arguments.
///
/// # Errors
/// What is wrong with them.
pub fn parse(arguments: &[String]) -> Result<Request, Wrong> {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let name = |text: &str| text.parse::<Name>().map_err(|error| Wrong::Name(text.to_string(), error));
    Ok(match words[..] {
        [] | ["--help" | "-h" | "help", ..] => Request::Help,
        ["list"] => Request::List,
        ["list", ..] => return Err(Wrong::Arguments("list")),
        ["info", device] => Request::Info(name(device)?),
        ["info", ..] => return Err(Wrong::Arguments("info DEVICE")),
        ["swap", device, driver] => Request::Swap(name(device)?, name(driver)?),
        ["swap", ..] => return Err(Wrong::Arguments("swap DEVICE DRIVER")),
        ["trial", device, driver, ref rest @ ..] => {
            let arguments = rest.iter().map(|text| text.to_string()).collect();
            Request::Trial(name(device)?, name(driver)?, arguments)
        }
        ["trial", ..] => return Err(Wrong::Arguments("trial DEVICE DRIVER ...")),
        ["swap-file", device, driver] => Request::SwapFile(name(device)?, name(driver)?),
        ["swap-file", ..] => return Err(Wrong::Arguments("swap-file DEVICE DRIVER")),
        ["restart", device] => Request::Restart(name(device)?),
        ["restart", ..] => return Err(Wrong::Arguments("restart DEVICE")),
        ["stop", device] => Request::Stop(name(device)?),
        ["stop", ..] => return Err(Wrong::Arguments("stop DEVICE")),
        ["kill", device] => Request::Kill(name(device)?),
        ["kill", ..] => return Err(Wrong::Arguments("kill DEVICE")),
        ["history", device] => Request::History(name(device)?),
        ["history", ..] => return Err(Wrong::Arguments("history DEVICE")),
        ["log"] => Request::Log,
        ["log", ..] => return Err(Wrong::Arguments("log")),
        [other, ..] => return Err(Wrong::Command(other.to_string())),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    fn of(line: &str) -> Result<Request, Wrong> {
        parse(&line.split_whitespace().map(ToString::to_string).collect::<Vec<_>>())
    }

    #[test]
    fn commands() {
        let net = Name::new("net0");
        assert_eq!(of(""), Ok(Request::Help));
        assert_eq!(of("list"), Ok(Request::List));
        assert_eq!(of("swap net0 e1000"), Ok(Request::Swap(net, Name::new("e1000"))));
        assert_eq!(of("swap-file net0 e1000"), Ok(Request::SwapFile(net, Name::new("e1000"))));
        assert_eq!(of("kill net0"), Ok(Request::Kill(net)));
        assert_eq!(of("log"), Ok(Request::Log));
    }

    #[test]
    fn what_is_wrong_is_said() {
        assert_eq!(of("swap net0").unwrap_err().to_string(), "usage: drvctl swap DEVICE DRIVER");
        assert_eq!(of("list all").unwrap_err().to_string(), "usage: drvctl list");
        assert_eq!(of("drop").unwrap_err().to_string(), "unknown command 'drop'; drvctl --help lists all");
        let name = of("info NET0").unwrap_err().to_string();
        assert_eq!(name, "'NET0': a name consists of a-z, 0-9 and, within it, -");
    }

    #[test]
    fn the_help_names_every_command() {
        for command in
            ["list", "info", "swap", "swap-file", "trial", "restart", "stop", "kill", "history", "log"]
        {
            assert!(HELP.contains(&alloc::format!("drvctl {command}")));
            assert!(!matches!(of(command), Err(Wrong::Command(_))));
        }
    }
}
