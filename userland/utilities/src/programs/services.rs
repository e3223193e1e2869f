//! `svc`.

use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use anax::process::{kill, list, system};
use anax::{Error, archive};
use anax_manifest::{MEMBER, Manifest, Manifests, Start};
use anax_system::{Condition, Name, Report};
use utilities::table;

use crate::{Done, Stop, out, usage};

pub(super) const SVC: &str = "\
Shows the programs that start with the system, and starts and stops them.

  svc [list]
  svc start|stop|restart PROGRAM

One that is stopped stays so until it is started. A restart is one that its clients see as any other.
";

const USAGE: &str = "[list] | start|stop|restart PROGRAM";

pub(super) fn services(words: &[String]) -> Done {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        [] | ["list"] => show(),
        [act @ ("start" | "stop" | "restart"), name] => act_on(act, name),
        _ => usage(USAGE),
    }
}

/// Those that start with the system.
fn services_of(manifests: &Manifests) -> impl Iterator<Item = &Manifest> {
    manifests.0.iter().filter(|manifest| manifest.start == Start::Boot)
}

fn manifests() -> Result<Manifests, Stop> {
    let bytes = archive()?.get(MEMBER).ok_or(Error::BadArgument)?;
    Manifests::decode(bytes).map_err(|error| Stop::Failed(format!("the archive's manifests: {error}")))
}

/// The newest process of a program that the system has started.
fn process<'a>(name: &str, all: &'a [Report]) -> Option<&'a Report> {
    all.iter().rev().find(|report| report.name == name)
}

fn show() -> Done {
    let (manifests, all) = (manifests()?, list()?);
    let mut rows: Vec<Vec<String>> =
        [["program", "state", "-process", "-restarts", "serves", "needs"].map(String::from).to_vec()].into();
    for manifest in services_of(&manifests) {
        let found = process(&manifest.name, &all);
        let (state, number, restarts) = match found {
            None => ("down".into(), "-".into(), "-".into()),
            Some(report) => {
                let state = match report.condition {
                    Condition::Prepared => "prepared".into(),
                    Condition::Runs => "runs".into(),
                    Condition::Waits(status) => format!("ended with {status:#x}, starts again"),
                    Condition::Ended(status) => format!("down: {status:#x}"),
                };
                (state, report.process.to_string(), report.restarts.to_string())
            }
        };
        let names = |list: &[String]| list.join(" ");
        rows.push(
            [
                manifest.name.clone(),
                state,
                number,
                restarts,
                names(&manifest.provides),
                names(&manifest.needs),
            ]
            .to_vec(),
        );
    }
    out(table(&rows).as_bytes())?;
    Ok(0)
}

fn act_on(act: &str, name: &str) -> Done {
    if !services_of(&manifests()?).any(|manifest| manifest.name == name) {
        return Err(Stop::Failed(format!("{name} does not start with the system")));
    }
    let service: Name = name.parse().map_err(|_| Stop::Failed(format!("{name} is no name")))?;
    let done = match act {
        "start" => system()?.start_service(service).map(|_process| ()),
        "stop" => system()?.stop_service(service),
        _ => {
            let all = list()?;
            let runs = process(name, &all).filter(|report| report.condition == Condition::Runs);
            match runs {
                Some(report) => kill(report.process),
                None => system()?.start_service(service).map(|_process| ()),
            }
        }
    };
    done.map_err(|error| {
        let why = match error {
            Error::Exists => "runs already".into(),
            Error::WouldBlock => "does not run".into(),
            Error::NoRights => "is not stopped: the system needs it".into(),
            other => other.to_string(),
        };
        Stop::Failed(format!("{name}: {why}"))
    })?;
    Ok(0)
}
