//! Shows devices and their drivers, and replaces drivers while they work.
#![no_std]
#![no_main]
#![forbid(unsafe_code)]

extern crate alloc;

use alloc::vec;
use alloc::vec::Vec;

use anax::object::{Region, RegionKind};
use anax::{Error, Mapping, Rights, Service, println};
use anax_archive::Archive;
use anax_devices::{DevicesClient, Report, SERVICE, devices};
use anax_manifest::{MEMBER, Manifest, Manifests};
use anax_proto::Gift;
use anax_system::Name;
use drvctl::{HELP, Request, event, heading, parse, report, statistics, swapped};

/// Exit statuses: it did not come to what was asked for; the command line makes no sense.
const FAILED: u64 = 1;
const USAGE: u64 = 2;

type Client = DevicesClient<Service>;

#[anax::main]
fn main() -> u64 {
    let request = match parse(anax::arguments()) {
        Ok(request) => request,
        Err(wrong) => {
            println!("drvctl: {wrong}");
            return USAGE;
        }
    };
    if request == Request::Help {
        anax::print!("{HELP}");
        return 0;
    }
    let done =
        anax::connect(SERVICE, devices::FINGERPRINT).and_then(|way| run(&mut Client::over(way), request));
    match done {
        Ok(true) => 0,
        Ok(false) => FAILED,
        Err(error) => {
            println!("drvctl: {}", reason(error));
            FAILED
        }
    }
}

fn reason(error: Error) -> alloc::string::String {
    match error {
        Error::BadArgument => "there is no such device, or no such driver for it".into(),
        Error::WouldBlock => "the device has no driver that works".into(),
        other => alloc::format!("{other}"),
    }
}

fn run(client: &mut Client, request: Request) -> Result<bool, Error> {
    match request {
        Request::Help => {}
        Request::List => {
            println!("{}", heading());
            all(client)?.iter().for_each(|device| println!("{}", report(device)));
        }
        Request::Info(device) => {
            let all = all(client)?;
            let found = all.iter().find(|report| report.name == device.as_str()).ok_or(Error::BadArgument)?;
            println!("{}\n{}", heading(), report(found));
            if let Ok(counted) = client.statistics(device) {
                println!("{}", statistics(&counted));
            }
        }
        Request::Swap(device, driver) => {
            let (line, is_done) = swapped(client.swap(device, driver)?);
            println!("{device}: {line}");
            return Ok(is_done);
        }
        Request::Trial(device, driver, arguments) => {
            println!("{device}: process {} on trial", client.trial(device, driver, arguments)?);
        }
        Request::SwapFile(device, driver) => return swap_file(client, device, driver),
        Request::Restart(device) => client.restart(device)?,
        Request::Stop(device) => client.stop(device)?,
        Request::Kill(device) => client.kill(device)?,
        Request::History(device) => history(client, device)?.iter().for_each(|(_, line)| println!("{line}")),
        Request::Log => {
            let mut lines = Vec::new();
            for device in all(client)? {
                if let Ok(name) = device.name.parse() {
                    lines.extend(history(client, name)?);
                }
            }
            lines.sort();
            lines.iter().for_each(|(_, line)| println!("{line}"));
        }
    }
    Ok(true)
}

/// What came with the command is a small boot archive: a driver and its manifest.
fn swap_file(client: &mut Client, device: Name, driver: Name) -> Result<bool, Error> {
    let Some(handle) = anax::handle("file") else {
        println!("drvctl: no file came with the command: use cargo xtask swap {device} {driver}");
        return Ok(false);
    };
    let sent = Region::from_handle(handle);
    let mut copy = vec![0; sent.size()? as usize];
    let mapped = anax_mapped::Mapping::to_read(sent, copy.len() as u64)?;
    mapped.bytes()?.copy_out(0, &mut copy).map_err(|_| Error::BadAddress)?;
    let Some((manifest, elf)) = contents(&copy, driver.as_str()) else {
        println!("drvctl: the file that came has no driver {driver}");
        return Ok(false);
    };
    let memory = Mapping::of_bytes(elf.len() as u64, RegionKind::Pinned)?;
    memory.bytes().copy_in(0, elf).map_err(|_| Error::BadAddress)?;
    let region = memory.into_region();
    let rights = Rights::SEND.with(Rights::READ).with(Rights::GRANT);
    let file = Gift::copy(region.handle(), rights);
    let (line, is_done) = swapped(client.swap_file(device, manifest, file, elf.len() as u64)?);
    println!("{device}: {line}");
    Ok(is_done)
}

fn contents<'a>(bytes: &'a [u8], driver: &str) -> Option<(Manifest, &'a [u8])> {
    let archive = Archive::open(bytes).ok()?;
    let manifests = Manifests::decode(archive.get(MEMBER)?).ok()?;
    let manifest = manifests.get(driver)?.clone();
    Some((manifest, archive.get(&alloc::format!("bin/{driver}"))?))
}

fn all(client: &mut Client) -> Result<Vec<Report>, Error> {
    let mut all = Vec::new();
    loop {
        let more = client.list(all.len() as u32)?;
        if more.is_empty() {
            return Ok(all);
        }
        all.extend(more);
    }
}

fn history(client: &mut Client, device: Name) -> Result<Vec<(u64, alloc::string::String)>, Error> {
    let (mut lines, mut after) = (Vec::new(), 0);
    loop {
        let more = client.history(device, after)?;
        let Some(last) = more.last() else { return Ok(lines) };
        after = last.number;
        lines.extend(more.iter().map(|told| (told.at, event(device.as_str(), told))));
    }
}
