//! `storm SERVICE|all COUNT SEED`: COUNT requests that nobody sane would send to a server, or to each that can be reached, and then a look whether
//! all of them answer, are the same processes, and have given back what they took.
//!
//! They are sent by children, a few hundred each, of whom many end in the middle of it. The first tenth is not counted: heaps grow to what they need.
#![no_std]
#![no_main]
#![forbid(unsafe_code)]

extern crate alloc;

mod sender;
mod servers;
mod state;
mod tally;

use alloc::string::ToString as _;
use alloc::vec::Vec;

use anax::object::RegionKind;
use anax::process::Command;
use anax::time::{Duration, sleep, within};
use anax::{Error, Mapping, Owned, Rights, println};
use anax_abi::Message;
use anax_proto::CONNECT;
use anax_storm::Dice;
use anax_sys::Target;
use anax_sys::object::{Region, Space};
use anax_system::KILLED;

use sender::Sender;
use servers::{SERVERS, Server};
use state::State;
use tally::{HANDLE, Tally};

/// Requests of a sender's life.
const LIFE: u64 = 250;
/// By this a child knows that it is one.
const CHILD: &str = "-";
/// The longest that a server is waited for which has much to do.
const PATIENCE: Duration = Duration::from_secs(20);
/// Exit statuses: something is not as before; the command line makes no sense.
const FAILED: u64 = 1;
const USAGE: u64 = 2;

#[anax::main]
fn main() -> Result<u64, Error> {
    let arguments: Vec<&str> = anax::arguments().iter().map(|text| text.as_str()).collect();
    let (is_child, arguments) = match &arguments[..] {
        [CHILD, rest @ ..] => (true, rest),
        all => (false, all),
    };
    let [name, count, seed] = arguments else { return Ok(usage()) };
    let (Ok(count), Ok(seed)) = (count.parse(), seed.parse()) else { return Ok(usage()) };
    let servers: Vec<Server> =
        SERVERS.iter().filter(|server| *name == "all" || server.name == *name).copied().collect();
    match servers.first() {
        None => Ok(usage()),
        Some(server) if is_child => child(*server, count, seed).map(|()| 0),
        Some(_) => Ok(if storm(&servers, count, seed)? { 0 } else { FAILED }),
    }
}

fn usage() -> u64 {
    println!("usage: storm SERVICE|all COUNT SEED, with one of these services:");
    SERVERS.iter().for_each(|server| println!("  {}", server.name));
    USAGE
}

/// Sends `count` requests, or as many as its parent lets it.
fn child(server: Server, count: u64, seed: u64) -> Result<(), Error> {
    let tally = Mapping::new(Owned::new(Region::from_handle(anax::handle(HANDLE).ok_or(Error::BadHandle)?)))?;
    // One that was started ends with this process.
    let (handle, _) = server.find()?.ok_or(Error::WouldBlock)?;
    let mut sender = Sender::new(server, handle, seed)?;
    for _ in 0..count {
        sender.send()?;
        sender.tally.write(&tally)?;
    }
    // Every other one ends with what it has under way.
    if seed.is_multiple_of(2) {
        sender.reap()?;
    }
    sender.tally.write(&tally)
}

/// Whether all is as it was.
fn storm(servers: &[Server], count: u64, seed: u64) -> Result<bool, Error> {
    let mut running = Vec::new();
    for server in servers {
        match look(server)? {
            true => running.push(*server),
            false => println!("storm: {} does not run", server.name),
        }
    }
    let first = State::find()?;
    for server in &running {
        rage(server, count.div_ceil(10), !seed)?;
    }
    settle(&first, &running)?;
    let before = State::find()?;
    let mut died = 0;
    for server in &running {
        let tally = rage(server, count, seed)?;
        died += tally.died;
        settle(&first, &running)?;
        println!("storm: {}: {tally}", server.name);
    }
    let differs = State::find()?.compare(&before);
    if died == 0 && !differs {
        println!("storm: all answer, nobody was restarted, nothing is lost");
    }
    Ok(died == 0 && !differs)
}

/// All that was sent is over, and all answer.
fn settle(first: &State, running: &[Server]) -> Result<(), Error> {
    first.bring_drivers_back()?;
    for server in running {
        if !look(server)? {
            println!("storm: {} is gone", server.name);
            return Err(Error::PeerDied);
        }
    }
    let status = Command::new("hello")?.start()?.wait()?;
    if status != 0 {
        println!("storm: a program that was started ended with {status:#x}");
        return Err(Error::PeerMisbehaved);
    }
    Ok(())
}

/// Whether the server runs; it answers by its fingerprint then.
fn look(server: &Server) -> Result<bool, Error> {
    let Some((handle, started)) = server.find()? else { return Ok(false) };
    let message = Message::new(CONNECT, [server.fingerprint.unwrap_or(0), 0, 0, 0, 0]);
    let (answer, _) = Target::from_handle(handle).domsg_until(&message, within(PATIENCE))?;
    if server.fingerprint.is_some_and(|fingerprint| answer.words[0] != fingerprint) {
        println!("storm: {} answers wrong", server.name);
        return Err(Error::PeerMisbehaved);
    }
    Space::SELF.close(handle)?;
    if let Some(mut started) = started {
        started.kill()?;
        started.wait()?;
    }
    Ok(true)
}

/// All requests to one server, by one child after the other.
fn rage(server: &Server, count: u64, seed: u64) -> Result<Tally, Error> {
    let page = Mapping::of_bytes(4096, RegionKind::Pinned)?;
    let (mut dice, mut all) = (Dice::new(seed), Tally::default());
    while all.sent < count {
        let life = LIFE.min(count - all.sent);
        let command = Command::new(anax::name())?
            .argument(CHILD)
            .argument(server.name)
            .argument(&life.to_string())
            .argument(&(dice.roll() >> 1).to_string())
            .give(HANDLE, page.region().handle(), Rights::ALL)?;
        let mut child = command.start()?;
        let is_victim = dice.once_in(4);
        if is_victim {
            sleep(Duration::from_micros(dice.below(30_000)));
            // It may have ended.
            let _ = child.kill();
        }
        let status = child.wait()?;
        let tally = Tally::take(&page)?;
        if status != 0 && (status != KILLED || !is_victim) {
            println!("storm: a sender to {} ended with {status:#x}", server.name);
            return Err(Error::PeerMisbehaved);
        }
        if tally.sent == 0 && !is_victim {
            println!("storm: nothing was sent to {}", server.name);
            return Err(Error::PeerMisbehaved);
        }
        all += tally;
    }
    Ok(all)
}
