//! Causes mishaps to a server or a driver while clients go on: `mishaps PROGRAM TIMES kill|fault|hang [LOAD...]`.
//!
//! A `LOAD` is a device's name, whose client keeps it busy; `sockets,HOST` or `waits,HOST`, which use the network; `files,DIRECTORY` or `reads,PATH,...`, which use files; or what `mishap-load` takes, its words
//! joined by commas. After each mishap the program has a
//! successor, and each client gets what it asks for; after all of them the system has taken what it had after the first ones. Without a `LOAD`
//! others are the clients, and judge. `control` runs the
//! command line that this program belongs to: what happens to it can be caused only once, and ends this program.
#![no_std]
#![no_main]
#![forbid(unsafe_code)]

extern crate alloc;

use alloc::string::{String, ToString as _};
use alloc::vec::Vec;
use core::time::Duration;

use anax::debug::Debugged;
use anax::lwkt::Thread;
use anax::message::{Message, MessageNumber, Port, Target};
use anax::process::{self, Child, Command, list};
use anax::time::{now, sleep, within};
use anax::{Error, println};
use anax_abi::object::priority;
use anax_devices::{DevicesClient, SERVICE, devices};
use anax_system::{Condition, FAULTED, HUNG, KILLED, Name, Report, Status, processes};
use mishaps::{COUNT, PATIENCE, PAUSE, STOP};

/// Mishaps before accounts are first looked at: heaps have grown to what they need by then.
const WARM: usize = 3;
/// How often something that takes a while is looked at.
const LOOK: Duration = Duration::from_millis(2);
/// Requests that a device's client has under way at most. Each that meets three drivers that die is given up, so that all of them are done between two
/// mishaps.
const UNDER_WAY: u64 = 16;
/// How long clients work between two mishaps besides.
const BETWEEN: Duration = Duration::from_millis(50);
/// Mishaps that a driver's policy bears in a row: then the driver is started anew, which forgives it what was.
const FORGIVEN_EVERY: usize = 4;
/// Pause after a mishap of a server that has the policy of most: five of them in ten seconds are too many.
const POLICY: Duration = Duration::from_millis(2100);
/// Servers that are started again however often they end.
const NEVER_GIVEN_UP: [&str; 13] = [
    "names", "loader", "devmgr", "disks", "serial", "control", "net", "vfs", "tmpfs", "bootfs", "devfs",
    "sysfs", "rtc",
];

/// What the system has taken: pages, handles, threads, messages; and handles of each server.
type Accounts = ([u64; 4], Vec<(String, u64)>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum How {
    Kill,
    Fault,
    Hang,
}

struct Client {
    name: String,
    port: Target,
    child: Child,
    /// Whether it is a device's, which is never idle.
    is_busy: bool,
}

/// What has happened to the program so far.
#[derive(Debug, Default)]
struct Seen {
    killed: usize,
    faulted: usize,
    hung: usize,
    /// Longest from a mishap to a successor that runs, and from that until all clients have an answer.
    down: Duration,
    silent: Duration,
}

struct Cycle {
    program: String,
    how: How,
    port: Port,
    clients: Vec<Client>,
    /// The device whose driver it is.
    device: Option<Name>,
    seen: Seen,
}

#[anax::main]
fn main() -> Result<u64, Error> {
    let arguments: Vec<&str> = anax::arguments().iter().map(|text| text.as_str()).collect();
    let [program, times, how, loads @ ..] = &arguments[..] else { return usage() };
    let how = match *how {
        "kill" => How::Kill,
        "fault" => How::Fault,
        "hang" => How::Hang,
        _ => return usage(),
    };
    let Ok(times) = times.parse::<usize>() else { return usage() };
    let (port, device) = (anax::port()?, device_of(program)?);
    let clients = loads.iter().map(|load| client(load, times)).collect::<Result<_, _>>()?;
    let mut cycle = Cycle { program: program.to_string(), how, port, clients, device, seen: Seen::default() };
    match cycle.run(times) {
        Ok(is_good) => Ok(u64::from(!is_good)),
        Err(error) => {
            println!("mishaps: {} {how:?}: {error}; {:?}", cycle.program, cycle.seen);
            Ok(1)
        }
    }
}

fn usage() -> Result<u64, Error> {
    println!("usage: mishaps PROGRAM TIMES kill|fault|hang [LOAD...]");
    Ok(2)
}

fn since(begun: anax::time::Instant) -> Duration {
    Duration::from_nanos(now().nanoseconds() - begun.nanoseconds())
}

/// The device that it drives, if it is a driver.
fn device_of(program: &str) -> Result<Option<Name>, Error> {
    let (mut client, mut first) = (DevicesClient::over(anax::connect(SERVICE, devices::FINGERPRINT)?), 0);
    loop {
        let some = client.list(first)?;
        if let Some(found) = some.iter().find(|device| device.driver == program) {
            return found.name.parse().map(Some).map_err(|_| Error::BadArgument);
        }
        if some.is_empty() {
            return Ok(None);
        }
        first += some.len() as u32;
    }
}

fn client(load: &str, times: usize) -> Result<Client, Error> {
    let words: Vec<&str> = load.split(',').collect();
    let (program, is_busy) = match load {
        _ if load.starts_with("sockets,") => ("mishap-sockets", false),
        _ if load.starts_with("waits,") => ("mishap-waits", false),
        _ if load.starts_with("files,") || load.starts_with("reads,") => ("mishap-files", false),
        _ if load.starts_with("net") => ("net-load", true),
        _ if load.starts_with("blk") || load.starts_with("ata") => ("disk-load", true),
        _ => ("mishap-load", false),
    };
    let mut command = Command::new(program)?;
    for word in words {
        command = command.argument(word);
    }
    if is_busy {
        command = command.argument(&times.to_string());
    }
    let number = command.process();
    let child = command.start()?;
    let port = Target::from_handle(process::system()?.port(number)?.handle);
    Ok(Client { name: load.to_string(), port, child, is_busy })
}

impl Client {
    /// Its answer, if it does not hang.
    fn ask(&self, command: u32) -> Result<u64, Error> {
        let asked = self.port.domsg_until(&Message::new(command, [0; 5]), within(2 * PATIENCE));
        asked.map(|(answer, _)| answer.result).inspect_err(|error| {
            println!("mishaps: the client {} does not answer: {error}", self.name);
        })
    }
}

impl Cycle {
    /// Whether nothing was lost over it.
    fn run(&mut self, times: usize) -> Result<bool, Error> {
        self.wait_for_answers()?;
        if self.program == "control" {
            let accounts = self.accounts()?;
            self.pause()?;
            println!("mishaps: control has {accounts:?}");
            self.wait_for_answers()?;
            self.harm(self.victim(0)?.process)?;
            sleep(2 * PATIENCE);
            return Ok(false);
        }
        let mut before = None;
        // Some that are to hang fault, where they run on another CPU at that moment: of a server with much to do nine of ten.
        for round in 0..40 * times + 10 {
            // Without clients of its own nobody is idle, so there is nothing to compare.
            if !self.clients.is_empty() && self.done() >= WARM.min(times - 1) && before.is_none() {
                before = Some(self.accounts()?);
            }
            if self.done() == times {
                break;
            }
            self.mishap(round)?;
        }
        let (begun, mut after) = (now(), None);
        while before != after && since(begun) < PATIENCE {
            after = Some(self.accounts()?);
            sleep(LOOK);
        }
        let is_lost = before != after;
        // What they say at their ends is not mixed up with each other.
        self.pause()?;
        let mut failed = 0;
        for client in &mut self.clients {
            let stopped = client.ask(STOP);
            failed += u64::from(client.child.wait()? != 0 || stopped.is_err());
        }
        let Seen { killed, faulted, hung, down, silent } = self.seen;
        println!(
            "mishaps: {}: {killed} killed, {faulted} faulted, {hung} hung; {failed} clients failed; down {} us at most, silent {} us",
            self.program,
            down.as_micros(),
            silent.as_micros()
        );
        if is_lost {
            println!("mishaps: accounts differ: {before:?} before, {after:?} after");
        }
        Ok(failed == 0 && !is_lost && self.done() == times)
    }

    /// How often what was wanted has happened.
    const fn done(&self) -> usize {
        match self.how {
            How::Kill => self.seen.killed,
            How::Fault => self.seen.faulted,
            How::Hang => self.seen.hung,
        }
    }

    /// The program's process that runs, above a number.
    fn victim(&self, after: u64) -> Result<Report, Error> {
        let begun = now();
        while since(begun) < PATIENCE {
            let is_it = |one: &Report| {
                one.name == self.program && one.process > after && one.condition == Condition::Runs
            };
            if let Some(found) = list()?.into_iter().rfind(is_it) {
                return Ok(found);
            }
            sleep(LOOK);
        }
        println!("mishaps: {} has no successor", self.program);
        Err(Error::TimedOut)
    }

    fn harm(&self, process: u64) -> Result<(), Error> {
        match self.how {
            How::Kill => process::kill(process),
            How::Fault => Debugged::new(process, &self.program)?.fault(),
            How::Hang => {
                let victim = Debugged::new(process, &self.program)?;
                // On the same CPU it does not run between its code and the loop.
                Thread::SELF.set_priority(priority::INTERRUPT)?;
                let harmed = victim.hang();
                Thread::SELF.set_priority(priority::SERVER)?;
                harmed
            }
        }
    }

    fn mishap(&mut self, round: usize) -> Result<(), Error> {
        let victim = self.victim(0)?.process;
        let question = Message { token: victim, ..Message::new(processes::WAIT, [victim, 0, 0, 0, 0]) };
        let mut init = process::system()?;
        let asked = init.transport().target().beginmsg(&question, self.port)?;
        let begun = now();
        self.harm(victim)?;
        match self.ended(asked)? {
            KILLED if self.how == How::Kill => self.seen.killed += 1,
            HUNG if self.how == How::Hang => self.seen.hung += 1,
            status if status & !0xff == FAULTED && self.how != How::Kill => self.seen.faulted += 1,
            other => {
                println!("mishaps: {} (process {victim}) ended with {other:#x}", self.program);
                return Err(Error::PeerMisbehaved);
            }
        }
        self.victim(victim)?;
        self.seen.down = self.seen.down.max(since(begun));
        let begun = now();
        self.wait_for_answers()?;
        self.seen.silent = self.seen.silent.max(since(begun));
        sleep(BETWEEN);
        match self.device {
            Some(device) if round % FORGIVEN_EVERY == FORGIVEN_EVERY - 1 => {
                DevicesClient::over(anax::connect(SERVICE, devices::FINGERPRINT)?).restart(device)?;
                sleep(BETWEEN);
            }
            None if !NEVER_GIVEN_UP.contains(&self.program.as_str()) => sleep(POLICY),
            _ => {}
        }
        Ok(())
    }

    /// With which status the process ends that was asked about.
    fn ended(&self, asked: MessageNumber) -> Result<Status, Error> {
        match self.port.waitmsg(asked, within(PATIENCE)) {
            Ok(reply) if reply.result == 0 => Ok(reply.words[0]),
            Ok(_) => Err(Error::PeerMisbehaved),
            Err(error) => {
                println!("mishaps: {} does not end: {error}", self.program);
                let _ = self.port.abortmsg(asked);
                Err(error)
            }
        }
    }

    /// Until each client has got something that it had not asked for before.
    fn wait_for_answers(&self) -> Result<(), Error> {
        for client in &self.clients {
            // One may be under way already, and of those that a device serves more.
            let before = if self.device.is_some() || client.is_busy { UNDER_WAY } else { 1 };
            let (begun, wanted) = (now(), client.ask(COUNT)? + before + 1);
            while client.ask(COUNT)? < wanted {
                if since(begun) > PATIENCE {
                    println!("mishaps: the client {} gets no answers", client.name);
                    return Err(Error::TimedOut);
                }
                sleep(LOOK);
            }
        }
        Ok(())
    }

    /// Clients are idle until they are asked something.
    fn pause(&self) -> Result<(), Error> {
        self.clients
            .iter()
            .filter(|client| !client.is_busy)
            .try_for_each(|client| client.ask(PAUSE).map(drop))
    }

    /// What the system has taken while its clients are idle and its servers have nothing left to do.
    fn accounts(&self) -> Result<Accounts, Error> {
        self.pause()?;
        let read = || {
            let servers = list()?.into_iter().filter(|one| one.name != "mishaps");
            let handles: Vec<_> = servers.map(|one| (one.name, one.handles)).collect();
            Ok::<_, Error>((process::system()?.account()?, handles))
        };
        let mut last = read()?;
        for _ in 0..100 {
            sleep(LOOK);
            let next = read()?;
            if next == last {
                break;
            }
            last = next;
        }
        for client in self.clients.iter().filter(|client| !client.is_busy) {
            client.ask(COUNT)?;
        }
        last.1.sort();
        Ok(last)
    }
}
