//! The crate `log`, to the kernel's log: `NAME: text`, with the level before the text where it is not `info`.
//!
//! Nothing is allocated, so that a program can say that it has no memory. A program without the handle `log` says it to nobody.

use core::fmt;

use anax_startup::{Start, handles};
use anax_sys::object::Machine;
use log::{Level, LevelFilter, Log, Metadata, Record};

/// The argument that chooses the level: `log=debug`.
const ARGUMENT: &str = "log=";

struct Lines;

impl Log for Lines {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.level() <= log::max_level()
    }

    fn log(&self, record: &Record<'_>) {
        if self.enabled(record.metadata()) {
            let line = Line { name: crate::name(), level: record.level(), text: record.args() };
            anax_sys::log::line(format_args!("{line}"));
        }
    }

    fn flush(&self) {}
}

/// Begins to log.
pub(crate) fn begin(start: &'static Start) {
    if let Some(machine) = start.handle(handles::LOG) {
        anax_sys::log::to(Machine::from_handle(machine));
    }
    // A second logger is refused: there is none before start-up.
    let _ = log::set_logger(&Lines);
    log::set_max_level(level(start));
}

/// Of the last argument that names one; `info` if there is none.
fn level(start: &Start) -> LevelFilter {
    let mut named =
        start.arguments.iter().rev().filter_map(|argument| argument.strip_prefix(ARGUMENT)?.parse().ok());
    named.next().unwrap_or(LevelFilter::Info)
}

/// A line as it is written.
struct Line<'a> {
    name: &'a str,
    level: Level,
    text: &'a fmt::Arguments<'a>,
}

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let level = match self.level {
            Level::Error => "error: ",
            Level::Warn => "warning: ",
            Level::Info => "",
            Level::Debug => "debug: ",
            Level::Trace => "trace: ",
        };
        write!(f, "{}: {level}{}", self.name, self.text)
    }
}

#[cfg(test)]
mod tests {
    use std::string::ToString as _;

    use super::*;

    #[test]
    fn lines() {
        let line = |level| Line { name: "vfs", level, text: &format_args!("{} files", 3) }.to_string();
        assert_eq!(line(Level::Info), "vfs: 3 files");
        assert_eq!(line(Level::Warn), "vfs: warning: 3 files");
        assert_eq!(line(Level::Error), "vfs: error: 3 files");
    }

    #[test]
    fn levels() {
        let with = |arguments: &[&str]| {
            let arguments = arguments.iter().map(|argument| argument.to_string()).collect();
            level(&Start { arguments, ..Start::default() })
        };
        assert_eq!(with(&[]), LevelFilter::Info);
        assert_eq!(with(&["x", "log=debug"]), LevelFilter::Debug);
        assert_eq!(with(&["log=trace", "log=off"]), LevelFilter::Off);
        assert_eq!(with(&["log=loud", ARGUMENT]), LevelFilter::Info);
    }
}
