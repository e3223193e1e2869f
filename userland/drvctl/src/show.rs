//! What was told, in lines.

use alloc::format;
use alloc::string::String;

use anax_devices::{Change, Complaint, Event, Report, State, Statistics, Swapped, Why};

/// The heading over reports.
#[must_use]
pub fn heading() -> String {
    format!(
        "{:8} {:10} {:20} {:>7} {:>8} {:>6}  what",
        "device", "state", "driver", "process", "failures", "swaps"
    )
}

/// A state in a word.
#[must_use]
pub const fn state(state: State) -> &'static str {
    match state {
        State::NoDriver => "no driver",
        State::Works => "works",
        State::Waits => "restarts",
        State::Stopped => "stopped",
        State::Failed => "failed",
    }
}

/// A device in a line.
#[must_use]
pub fn report(report: &Report) -> String {
    let driver = if report.driver.is_empty() { "-" } else { &report.driver };
    format!(
        "{:8} {:10} {driver:20} {:>7} {:>8} {:>6}  {}",
        report.name,
        state(report.state),
        report.process,
        report.failures,
        report.swaps,
        report.what
    )
}

/// An event in a line, of a device.
#[must_use]
pub fn event(device: &str, event: &Event) -> String {
    let what = match event.change {
        Change::Started => String::from("started"),
        Change::Swapped(pause) => format!("took over, pause {pause} us"),
        Change::Refused => String::from("goes on: the successor was refused"),
        Change::RolledBack => String::from("started again: the successor failed"),
        Change::Ended(status) => format!("ended with {status:#x}"),
        Change::Killed => String::from("killed"),
        Change::Accused(Complaint::Lies) => String::from("lies, said its client: ended"),
        Change::Accused(Complaint::Silent) => String::from("did not answer, said its client: ended"),
        Change::Stopped => String::from("stopped"),
        Change::GivenUp => String::from("ended too often"),
        Change::NotFenced => String::from("the device does not stop"),
    };
    format!("{:>8}.{:06} {device:8} {:20} {what}", event.at / 1_000_000, event.at % 1_000_000, event.driver)
}

/// What came of a swap, and whether that is what was asked for.
#[must_use]
pub fn swapped(swapped: Swapped) -> (String, bool) {
    let (pause, why) = (swapped.pause / 1000, reason(swapped.why));
    match swapped.change {
        Change::Swapped(_) => (format!("swapped, pause {pause} us"), true),
        Change::Started => (
            format!("the old driver did not hand over: the new one began with a reset, pause {pause} us"),
            true,
        ),
        Change::Refused => (format!("refused: the old driver goes on; {why}"), false),
        _ => (format!("failed: the old driver was started again, pause {pause} us; {why}"), false),
    }
}

/// Why the new driver does not work.
const fn reason(why: Why) -> &'static str {
    match why {
        Why::Works => "the new one works",
        Why::OtherDevices => "the manifest of the new one does not name this device",
        Why::Manifest => {
            "the manifest of the new one is not allowed: a driver that comes later has no capabilities, and no name or service of another kind of program"
        }
        Why::NoProgram => "the file of the new one is no program for this system",
        Why::NoRoom => "the new one can't be given what it needs: no memory, or a quota is used up",
        Why::NotUp => "the new one ended, or hung, while it started: the console may say more",
        Why::Record => "the new one does not go on with what the old one left",
        Why::AtWork => "the new one failed while it took the device over",
    }
}

/// What a driver has counted.
#[must_use]
pub fn statistics(all: &Statistics) -> String {
    format!(
        "received   {} ({} bytes)\nsent       {} ({} bytes)\nerrors     {}\nresets     {}\ninterrupts {}\nlink       {}",
        all.received,
        all.received_bytes,
        all.sent,
        all.sent_bytes,
        all.errors,
        all.resets,
        all.interrupts,
        if all.link == 1 { "up" } else { "down, or none" }
    )
}
