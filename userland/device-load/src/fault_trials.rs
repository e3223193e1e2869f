//! Puts drivers on trial that go wrong, one after the other, and judges what becomes of everybody else: `fault-trials DEVICE DRIVER ARGUMENTS [FURTHER...]`.
//!
//! `ARGUMENTS` are the drivers' first ones, with commas between, `5..9` for 5, 6, 7, 8 and 9; `FURTHER` are the same for all. A client keeps the device busy and judges
//! what it gets. For each driver: it is started, and goes wrong; whatever has ended it, the driver from before has to follow, the client's things
//! have to be right again, all other processes have to be there, and nothing may be lost. The exit status says whether that was so each time.
#![no_std]
#![no_main]
#![forbid(unsafe_code)]

extern crate alloc;

use alloc::string::{String, ToString as _};
use alloc::vec::Vec;
use core::time::Duration;

use anax::process::{Command, list};
use anax::{Error, Service, println};
use anax_abi::Message;
use anax_devices::{Change, Complaint, DevicesClient, Report, SERVICE, State, devices};
use anax_inject::Plan;
use anax_sys::{Deadline, Instant, Target};
use anax_system::{FAULTED, HUNG, Name};
use device_load::outcome::{Outcome, Table};
use device_load::{ASK, STOP, TRUST};

/// So long a driver is watched that has shown nothing, and at least until so many things were done by it, of which a turn of its loop does up to 16 frames,
/// or a request or two: more than a hundred turns, of which the fault comes in one of the first thirty. So often it is looked at.
const WATCHED: Duration = Duration::from_millis(50);
const FRAMES: u64 = 2000;
const REQUESTS: u64 = 250;
const LOOK: Duration = Duration::from_millis(3);
/// After that long nobody will do anything about a driver with which its client does not get on.
const LONGEST: Duration = Duration::from_secs(15);
/// Things that have to be right again.
const ENOUGH: u64 = 31;
/// The argument of a driver that leaves a record which is not true, when it is asked for it.
const RECORD: &str = "record";
/// Trials before accounts are compared: heaps have grown to what they need by then.
const WARM: u64 = 3;

/// What the system has taken, and what the device manager has.
type Accounts = ([u64; 4], u64);

struct Trials {
    devices: DevicesClient<Service>,
    device: Name,
    driver: Name,
    /// The one from before.
    own: String,
    further: Vec<String>,
    client: Target,
    witness: Option<Target>,
    before: Option<Accounts>,
}

/// How the client gets on.
struct Told {
    done: u64,
    wrong: u64,
    longest: u64,
}

impl Trials {
    fn ask(&self) -> Result<Told, Error> {
        let [done, wrong, _, _, longest] = domsg(self.client, ASK, 0)?.1;
        Ok(Told { done, wrong, longest })
    }

    fn report(&mut self) -> Result<Report, Error> {
        let mut first = 0;
        loop {
            let some = self.devices.list(first)?;
            if some.is_empty() {
                return Err(Error::BadArgument);
            }
            first += some.len() as u32;
            if let Some(report) = some.into_iter().find(|report| report.name == self.device.as_str()) {
                return Ok(report);
            }
        }
    }

    /// What has happened to the device since then; and the number of the last of it.
    fn happened(&mut self, mut after: u64) -> Result<(Vec<Change>, u64), Error> {
        let mut changes = Vec::new();
        loop {
            let more = self.devices.history(self.device, after)?;
            let Some(last) = more.last() else { return Ok((changes, after)) };
            after = last.number;
            changes.extend(more.iter().map(|event| event.change));
        }
    }

    /// Starts a driver, and waits until it has ended or shown that nothing is wrong with it.
    fn try_one(&mut self, argument: &str) -> Result<Outcome, Error> {
        let (_, after) = self.happened(0)?;
        let mut arguments = alloc::vec![argument.to_string()];
        arguments.extend_from_slice(&self.further);
        let begun = anax::time::now();
        if self.devices.trial(self.device, self.driver, arguments).is_err() {
            return Ok(Outcome::NotUp);
        }
        // What was done before, another has done.
        let first = self.ask()?.done;
        let mut last = first;
        let enough = first + if self.device.as_str().starts_with("net") { FRAMES } else { REQUESTS };
        if argument == RECORD {
            // Whatever comes of it: the successor does not believe the record.
            let own = self.own.parse().map_err(|_| Error::BadArgument)?;
            let swapped = self.devices.swap(self.device, own)?;
            if matches!(swapped.change, Change::Swapped(_)) {
                return Ok(Outcome::Unnoticed);
            }
        }
        loop {
            anax::time::sleep(LOOK);
            // What it is started and ended by, this program has asked for.
            let ends = self.happened(after)?.0.into_iter().find_map(|change| match change {
                Change::Ended(HUNG) => Some(Outcome::Hung),
                Change::Ended(status) if status & FAULTED != 0 => Some(Outcome::Faulted),
                Change::Ended(status) if status == anax_sys::PANIC_STATUS => Some(Outcome::Panicked),
                Change::Ended(_) => Some(Outcome::Ended),
                Change::Accused(Complaint::Lies) => Some(Outcome::Lied),
                Change::Accused(Complaint::Silent) => Some(Outcome::Silent),
                _ => None,
            });
            if let Some(outcome) = ends {
                return Ok(outcome);
            }
            let (now, done) = (anax::time::now(), self.ask()?.done);
            if now > begun.after(WATCHED) && done > last && done > enough {
                let resets = self.devices.statistics(self.device).map_or(0, |counted| counted.resets);
                self.restart();
                return Ok(if resets > 0 { Outcome::Reset } else { Outcome::Works });
            }
            if now > begun.after(LONGEST) {
                self.restart();
                return Ok(if done > first { Outcome::Slow } else { Outcome::Unnoticed });
            }
            last = done;
        }
    }

    /// Ends the one that is at work. If the driver from before does not come up at once, its policy says when it is tried again, and
    /// [`Self::recovered`] judges what comes of it.
    fn restart(&mut self) {
        if let Err(error) = self.devices.restart(self.device) {
            println!("{}: {} does not come up at once: {error}", self.device.as_str(), self.own);
        }
    }

    /// All is as it was, and the driver from before at work; else what is wrong.
    fn recovered(&mut self, others: &[u64]) -> Result<(), String> {
        let failed = |error: Error| error.to_string();
        let until = anax::time::now().after(LONGEST);
        let driver = loop {
            let report = self.report().map_err(failed)?;
            if report.state == State::Works && report.driver == self.own {
                break report.process;
            }
            if report.state == State::Failed || anax::time::now() > until {
                return Err(alloc::format!("{} is {:?}, with {}", report.name, report.state, report.driver));
            }
            anax::time::sleep(LOOK);
        };
        match domsg(self.client, TRUST, ENOUGH) {
            Ok((0, _)) => {}
            Ok((broken, _)) => return Err(alloc::format!("{broken} things were wrong afterwards")),
            Err(error) => return Err(alloc::format!("the client does not get on: {error}")),
        }
        let until = anax::time::now().after(LONGEST);
        loop {
            let now = processes(driver).map_err(failed)?;
            if now == others {
                return Ok(());
            }
            // Who was ended is listed until init has come to it.
            if anax::time::now() > until {
                return Err(alloc::format!("processes {others:?} are now {now:?}"));
            }
            anax::time::sleep(LOOK);
        }
    }

    /// Whether accounts are what they were; once they are known.
    fn lost(&mut self, is_warm: bool) -> Result<Option<String>, Error> {
        let mut now = accounts()?;
        let Some(before) = self.before else {
            self.before = is_warm.then_some(now);
            return Ok(None);
        };
        if now != before {
            // What has ended may take a moment to be gone.
            anax::time::sleep(10 * LOOK);
            now = accounts()?;
        }
        self.before = Some(now);
        Ok((now != before).then(|| alloc::format!("accounts {before:?} are now {now:?}")))
    }
}

#[anax::main]
fn main() -> Result<u64, Error> {
    let arguments: Vec<&str> = anax::arguments().iter().map(|text| text.as_str()).collect();
    let [device, driver, arguments, further @ ..] = &arguments[..] else { return usage() };
    let (Ok(device), Ok(driver)) = (device.parse::<Name>(), driver.parse::<Name>()) else { return usage() };
    let all: Vec<String> = arguments.split(',').flat_map(expand).collect();
    let seeds = all.first().is_some_and(|first| first.parse::<u64>().is_ok());
    let devices = DevicesClient::over(anax::connect(SERVICE, devices::FINGERPRINT)?);
    let client = if device.as_str().starts_with("net") { "net-check" } else { "disk-check" };
    let (mut child, client) = start(client, device.as_str())?;
    // What a seed breaks is the driver; who does it by intent may mean others.
    let witness = if seeds { None } else { Some(start("witness", "")?) };
    let further = further.iter().map(|text| text.to_string()).collect();
    let target = witness.as_ref().map(|(_, target)| *target);
    let own = String::new();
    let mut trials = Trials { devices, device, driver, own, further, client, witness: target, before: None };
    trials.own = trials.report()?.driver;
    domsg(client, TRUST, ENOUGH)?;

    let (mut table, mut failed, mut longest) = (Table::default(), 0, 0);
    for (number, argument) in (1..).zip(all) {
        let driver = trials.report()?.process;
        let others = processes(driver)?;
        let (before, counted) = (trials.ask()?, trials.count()?);
        let outcome = trials.try_one(&argument)?;
        let recovered = trials.recovered(&others);
        let told = trials.ask()?;
        longest = longest.max(told.longest);
        let lost = trials.lost(number > WARM)?;
        let wrong = told.wrong - before.wrong;
        let kind = match argument.parse() {
            Ok(seed) if seeds => Plan::of(seed).kind.name().to_string(),
            _ => argument.clone(),
        };
        table.note(&kind, outcome, wrong);
        if !seeds {
            println!("trial {argument}: {outcome:?}");
        }
        let stands = trials.witness.is_some() && trials.count()? == counted;
        let stuck = (outcome == Outcome::Unnoticed).then(|| "nobody has noticed".to_string());
        let stuck = stuck.or(stands.then(|| "the witness did not get on".to_string()));
        if let Some(why) = recovered.err().or(lost).or(stuck) {
            failed += 1;
            println!("trial {argument} ({kind}): FAILED: {outcome:?}, then {why}");
            if trials.report()?.state == State::Failed {
                trials.restart();
            }
        }
    }
    let status = domsg(client, STOP, 0).and_then(|_| child.wait())?;
    if let Some((mut witness, _)) = witness {
        witness.kill()?;
    }
    println!("{table}");
    println!(
        "trials: {} of {driver} at {device}, {failed} failed, longest wait {} ms, client {status:#x}",
        table.trials(),
        longest / 1_000_000
    );
    Ok(u64::from(failed != 0 || status != 0))
}

impl Trials {
    /// How far the witness has come.
    fn count(&self) -> Result<u64, Error> {
        self.witness.map_or(Ok(0), |witness| domsg(witness, ASK, 0).map(|(_, words)| words[0]))
    }
}

/// `5..9` is all from 5 to 9; anything else is itself.
fn expand(text: &str) -> Vec<String> {
    let range =
        text.split_once("..").and_then(|(first, last)| Some((first.parse().ok()?, last.parse().ok()?)));
    match range {
        Some::<(u64, u64)>((first, last)) => (first..=last).map(|number| number.to_string()).collect(),
        None => alloc::vec![text.to_string()],
    }
}

fn start(program: &str, argument: &str) -> Result<(anax::process::Child, Target), Error> {
    let command = Command::new(program)?.argument(argument);
    let process = command.process();
    let child = command.start()?;
    let port = anax::process::system()?.port(process)?;
    Ok((child, Target::from_handle(port.handle)))
}

fn domsg(target: Target, command: u32, word: u64) -> Result<(u64, [u64; 5]), Error> {
    let until = Instant::from_nanoseconds(anax::time::now().nanoseconds()).after(LONGEST);
    let message = Message::new(command, [word, 0, 0, 0, 0]);
    loop {
        match target.domsg_until(&message, Deadline::at(until)) {
            // A driver on trial can keep the way to another CPU crowded for a moment.
            Err(Error::Full) if anax::time::now() < until => anax::time::sleep(LOOK),
            answered => return answered.map(|(answer, _)| (answer.result, answer.words)),
        }
    }
}

/// All that run, but for the driver.
fn processes(driver: u64) -> Result<Vec<u64>, Error> {
    Ok(list()?.into_iter().map(|report| report.process).filter(|process| *process != driver).collect())
}

fn accounts() -> Result<Accounts, Error> {
    let manager = list()?.into_iter().find(|report| report.name == "devmgr");
    Ok((anax::process::system()?.account()?, manager.map_or(0, |report| report.handles)))
}

fn usage() -> Result<u64, Error> {
    println!("usage: fault-trials DEVICE DRIVER FIRST..LAST|WORD,... [ARGUMENT...]");
    Ok(2)
}
