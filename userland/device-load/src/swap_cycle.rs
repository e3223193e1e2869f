//! Replaces a device's driver many times while a client keeps it busy: `swap-cycle DEVICE TIMES HOW DRIVER...`.
//!
//! `HOW` is `swap` for planned changes, to each driver in turn, or `kill`. At the end the client says what it has seen, and this program whether
//! all changes came to what they should.
#![no_std]
#![no_main]
#![forbid(unsafe_code)]

extern crate alloc;

use alloc::string::ToString as _;
use alloc::vec::Vec;
use core::time::Duration;

use anax::process::Command;
use anax::{Error, Rights, Service, println};
use anax_devices::{Change, DevicesClient, SERVICE, State, devices};
use anax_sys::Target;
use anax_system::Name;
use device_load::{Longest, STOP};

/// How long the client works between two changes.
const BETWEEN: Duration = Duration::from_millis(5);

#[anax::main]
fn main() -> Result<u64, Error> {
    let arguments: Vec<&str> = anax::arguments().iter().map(|text| text.as_str()).collect();
    let [device, times, how, drivers @ ..] = &arguments[..] else { return usage() };
    let (Ok(name), Ok(times)) = (device.parse::<Name>(), times.parse::<usize>()) else { return usage() };
    let mut devices = DevicesClient::over(anax::connect(SERVICE, devices::FINGERPRINT)?);
    let load = if device.starts_with("net") { "net-load" } else { "disk-load" };
    let mut load = Command::new(load)?.argument(device).argument(&times.to_string());
    if let Some(out) = anax::handle("stdout") {
        load = load.give("stdout", out, Rights::SEND)?;
    }
    let process = load.process();
    let mut child = load.start()?;
    let port = anax::process::system()?.port(process)?;
    anax::time::sleep(10 * BETWEEN);

    let (mut pauses, mut failed) = (Longest::new(times), 0);
    for time in 0..times {
        let is_done = match *how {
            "swap" => {
                let driver = drivers.get(time % drivers.len().max(1)).ok_or(Error::BadArgument)?;
                let driver: Name = driver.parse().map_err(|_| Error::BadArgument)?;
                let swapped = devices.swap(name, driver)?;
                pauses.note(swapped.pause);
                matches!(swapped.change, Change::Swapped(_))
            }
            "kill" => devices.restart(name).is_ok(),
            _ => return usage(),
        };
        failed += u64::from(!is_done);
        anax::time::sleep(BETWEEN);
    }
    Target::from_handle(port.handle).domsg(STOP, [0; 5])?;
    let status = child.wait()?;
    let works = works(&mut devices, device)?;
    println!(
        "cycle: {times} times {how}, {failed} failed, pause: median {} us, 99% {} us; client {status:#x}, device {}",
        pauses.percentile(50) / 1000,
        pauses.percentile(99) / 1000,
        if works { "works" } else { "does not work" }
    );
    Ok(u64::from(failed != 0 || status != 0 || !works))
}

fn works(devices: &mut DevicesClient<Service>, device: &str) -> Result<bool, Error> {
    let (mut first, mut works) = (0, false);
    loop {
        let some = devices.list(first)?;
        if some.is_empty() {
            return Ok(works);
        }
        first += some.len() as u32;
        works |= some.iter().any(|report| report.name == device && report.state == State::Works);
    }
}

fn usage() -> Result<u64, Error> {
    println!("usage: swap-cycle DEVICE TIMES swap DRIVER... | kill");
    Ok(2)
}
