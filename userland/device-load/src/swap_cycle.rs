//! Replaces a device's driver many times while a client keeps it busy: `swap-cycle DEVICE TIMES HOW CLIENT DRIVER...`.
//!
//! `HOW` is `swap` for planned changes, to each driver in turn, `kill`, or `watch` to wait until somebody else has changed it so often. `CLIENT` is `load`, `busy-load` if also a program is to run that
//! keeps the CPU from sleeping, or a program that ends by itself. At the end the client
//! says what it has seen, and this program whether all changes came to what they should, and whether anything was lost over them.
#![no_std]
#![no_main]
#![forbid(unsafe_code)]

extern crate alloc;

use alloc::string::ToString as _;
use alloc::vec::Vec;
use core::time::Duration;

use anax::process::{Child, Command, list};
use anax::{Error, Service, println};
use anax_devices::{Change, DevicesClient, Report, SERVICE, State, devices};
use anax_sys::Target;
use anax_system::Name;
use device_load::{COUNT, Longest, STOP};

/// How long the client works between two changes; longer after a kill, so that nothing meets three drivers that die, which it is given up after.
const BETWEEN: Duration = Duration::from_millis(5);
const AFTER_A_KILL: Duration = Duration::from_millis(50);
/// A load has to get so many things done after a kill before the next, which is more than it has under way, and in that time.
const GETS_ON: u64 = 32;
const PATIENCE: Duration = Duration::from_secs(30);
/// How often it is looked whether somebody else has changed a driver, and how many times.
const LOOK: Duration = Duration::from_millis(20);
const LOOKS: u32 = 15_000;
/// Changes before accounts are first looked at: heaps have grown to what they need by then.
const WARM: usize = 5;

/// What the system has taken, and what the device manager has: pages, handles, threads, messages; handles.
type Accounts = ([u64; 4], u64);

#[anax::main]
fn main() -> Result<u64, Error> {
    let arguments: Vec<&str> = anax::arguments().iter().map(|text| text.as_str()).collect();
    let [device, times, how, client, drivers @ ..] = &arguments[..] else { return usage() };
    let (Ok(name), Ok(times)) = (device.parse::<Name>(), times.parse::<usize>()) else { return usage() };
    let mut devices = DevicesClient::over(anax::connect(SERVICE, devices::FINGERPRINT)?);
    let is_load = matches!(*client, "load" | "busy-load");
    let load = match *client {
        _ if is_load && device.starts_with("net") => "net-load",
        _ if is_load => "disk-load",
        other => other,
    };
    let mut awake = if *client == "busy-load" { Some(Command::new("stay-awake")?.start()?) } else { None };
    let command = Command::new(load)?.argument(device).argument(&times.to_string());
    let process = command.process();
    let mut child = command.start()?;
    let port = anax::process::system()?.port(process)?;
    let target = Target::from_handle(port.handle);
    anax::time::sleep(10 * BETWEEN);

    let (mut pauses, mut failed, mut before) = (Longest::new(times), 0, None);
    for time in 0..times {
        // A driver that somebody has sent is more to keep.
        if time == WARM && *how != "watch" {
            before = Some(accounts()?);
        }
        let is_done = match *how {
            "swap" => {
                let driver = drivers.get(time % drivers.len().max(1)).ok_or(Error::BadArgument)?;
                let driver: Name = driver.parse().map_err(|_| Error::BadArgument)?;
                let swapped = devices.swap(name, driver)?;
                pauses.note(swapped.pause);
                let is_planned = matches!(swapped.change, Change::Swapped(_));
                if !is_planned {
                    println!("cycle: change {time} to {driver}: {swapped:?}");
                }
                is_planned
            }
            "kill" => devices.restart(name).is_ok(),
            "watch" => {
                watch(&mut devices, device, time as u32 + 1)?;
                true
            }
            _ => return usage(),
        };
        failed += u64::from(!is_done);
        match *how {
            "kill" if is_load => gets_on(target)?,
            "kill" => anax::time::sleep(AFTER_A_KILL),
            _ => anax::time::sleep(BETWEEN),
        }
    }
    let after = accounts()?;
    if is_load {
        target.domsg(STOP, [0; 5])?;
    }
    let status = child.wait()?;
    awake.as_mut().map_or(Ok(()), Child::kill)?;
    let works = works(&mut devices, device)?;
    println!(
        "cycle: {times} times {how}, {failed} failed, pause: median {} us, 99% {} us, most {} us ({} ns); client {status:#x}, device {}",
        pauses.percentile(50) / 1000,
        pauses.percentile(99) / 1000,
        pauses.percentile(100) / 1000,
        pauses.percentile(100),
        if works { "works" } else { "does not work" }
    );
    let is_lost = before.is_some_and(|before| before != after);
    if is_lost {
        println!("cycle: accounts differ: {before:?} before, {after:?} after");
    }
    Ok(u64::from(failed != 0 || status != 0 || !works || is_lost))
}

/// Waits until a load has finished what it had under way, and more, however slow the machine is.
fn gets_on(client: Target) -> Result<(), Error> {
    let done = || client.domsg(COUNT, [0; 5]).map(|answer| answer.result);
    let (enough, until) = (done()? + GETS_ON, anax::time::now().after(PATIENCE));
    while done()? < enough {
        if anax::time::now() > until {
            return Err(Error::TimedOut);
        }
        anax::time::sleep(BETWEEN);
    }
    Ok(())
}

fn accounts() -> Result<Accounts, Error> {
    let manager = list()?.into_iter().find(|report| report.name == "devmgr");
    Ok((anax::process::system()?.account()?, manager.map_or(0, |report| report.handles)))
}

/// Waits until the device's driver was replaced so often as planned, since the system began. Whoever does it may take his time, but not for ever.
fn watch(devices: &mut DevicesClient<Service>, device: &str, swaps: u32) -> Result<(), Error> {
    for _ in 0..LOOKS {
        if find(devices, device)?.is_some_and(|report| report.swaps >= swaps) {
            return Ok(());
        }
        anax::time::sleep(LOOK);
    }
    Err(Error::TimedOut)
}

fn works(devices: &mut DevicesClient<Service>, device: &str) -> Result<bool, Error> {
    Ok(find(devices, device)?.is_some_and(|report| report.state == State::Works))
}

fn find(devices: &mut DevicesClient<Service>, device: &str) -> Result<Option<Report>, Error> {
    let (mut first, mut found) = (0, None);
    loop {
        let some = devices.list(first)?;
        if some.is_empty() {
            return Ok(found);
        }
        first += some.len() as u32;
        found = some.into_iter().find(|report| report.name == device).or(found);
    }
}

fn usage() -> Result<u64, Error> {
    println!("usage: swap-cycle DEVICE TIMES swap|kill|watch load|busy-load|CLIENT DRIVER...");
    Ok(2)
}
