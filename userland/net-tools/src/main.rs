//! Small programs that use the network, one file under their names.
//!
//! | program | |
//! |---|---|
//! | `ping` | asks a host whether it is there |
//! | `nc` | standard input and output over a connection, or datagrams |
//! | `nslookup` | looks up a name |
//! | `ip` | addresses, routes, neighbours |
//! | `netstat` | what was counted |
//! | `fetch` | what a web server has |
//! | `netperf` | how much and how fast, with `peerd` |
#![no_std]
#![no_main]
#![forbid(unsafe_code)]

extern crate alloc;

mod cat;
mod fetch;
mod perf;

use alloc::collections::BTreeMap;
use alloc::string::String;
use core::net::IpAddr;
use core::time::Duration;

use anax::{eprintln, println};
use anax_net::{Failure, Session, Version};
use net_tools::{Milliseconds, Request, Table, help, interface, neighbour, parse, route};

/// Exit statuses: it did not come to what was asked for; the command line makes no sense.
const FAILED: u64 = 1;
const USAGE: u64 = 2;

const SECOND: Duration = Duration::from_secs(1);
/// How long the network may take to be there.
const PATIENCE: Duration = Duration::from_secs(30);

#[anax::main]
fn main() -> u64 {
    let program = anax::name();
    let request = match parse(program, anax::arguments()) {
        Ok(request) => request,
        Err(wrong) => {
            eprintln!("{program}: {wrong}");
            return USAGE;
        }
    };
    if request == Request::Help {
        anax::print!("{}", help(program));
        return 0;
    }
    let done = Session::open().and_then(|net| {
        let done = run(&net, request);
        // What was written goes out.
        let _ = net.settle();
        done
    });
    match done {
        Ok(status) => status,
        Err(failure) => {
            eprintln!("{program}: {failure}");
            FAILED
        }
    }
}

fn run(net: &Session, request: Request) -> Result<u64, Failure> {
    match request {
        Request::Help => {}
        Request::Ping { host, count, length, version } => return ping(net, &host, (count, length), version),
        Request::Connect { to } => cat::connect(net, &net.resolve(&to)?)?,
        Request::Listen { port } => cat::listen(net, port)?,
        Request::Datagrams { to } => cat::datagrams(net, *net.resolve(&to)?.first().ok_or(Failure::NoName)?)?,
        Request::ListenDatagrams { port } => cat::listen_datagrams(net, port)?,
        Request::LookUp { name, version } => {
            net.lookup(&name, version)?.iter().for_each(|address| println!("{name}: {address}"));
        }
        Request::Show(table) => show(net, table)?,
        Request::Address { change, address, prefix, interface } => {
            net.assign(interface, address, prefix, change)?;
        }
        Request::Route { change, network, prefix, via } => net.route((network, prefix), via, change)?,
        Request::Wait => net.wait_until_ready(Version::Any, anax::time::after(PATIENCE))?,
        Request::Fetch { url, shows_head } => return fetch::fetch(net, &url, shows_head),
        Request::Perf { host, time } => return perf::perf(net, &host, time),
        Request::Count { by_thread, all } => count(net, by_thread, all)?,
    }
    Ok(0)
}

fn ping(net: &Session, host: &str, (count, length): (u32, u16), version: Version) -> Result<u64, Failure> {
    let found = net.lookup(host, version)?;
    let address: IpAddr = *found.first().ok_or(Failure::NoName)?;
    println!("{address}: {length} bytes");
    let (mut came, mut least, mut most) = (0u32, Duration::MAX, Duration::ZERO);
    for number in 1..=count {
        let begin = anax::time::now();
        match net.ping(address, length, SECOND) {
            Ok(took) => {
                println!("{number}: {}", Milliseconds(took));
                (came, least, most) = (came + 1, least.min(took), most.max(took));
            }
            Err(failure @ (Failure::TimedOut | Failure::Unreachable | Failure::NoRoute)) => {
                println!("{number}: {failure}");
            }
            Err(failure) => return Err(failure),
        }
        if number < count {
            anax::time::sleep_until(begin.after(SECOND));
        }
    }
    if came == 0 {
        println!("{count} sent, none answered");
        return Ok(FAILED);
    }
    println!("{count} sent, {came} answered, {} to {}", Milliseconds(least), Milliseconds(most));
    Ok(0)
}

fn show(net: &Session, table: Table) -> Result<(), Failure> {
    match table {
        Table::All => {
            for table in [Table::Addresses, Table::Routes, Table::Neighbours] {
                show(net, table)?;
            }
        }
        Table::Addresses => net.interfaces()?.iter().for_each(|report| println!("{}", interface(report))),
        Table::Routes => net.routes()?.iter().for_each(|report| println!("{}", route(report))),
        Table::Neighbours => net.neighbours()?.iter().for_each(|report| println!("{}", neighbour(report))),
    }
    Ok(())
}

fn count(net: &Session, by_thread: bool, all: bool) -> Result<(), Failure> {
    let print = |name: &str, value: u64| {
        if all || value > 0 {
            println!("{value:>12} {name}");
        }
    };
    let mut sums: BTreeMap<String, u64> = BTreeMap::new();
    for thread in 0..net.threads()? {
        let counted = net.counters(thread)?;
        if by_thread {
            println!("thread {thread}");
            counted.iter().for_each(|(name, value)| print(name, *value));
        }
        for (name, value) in counted {
            *sums.entry(name).or_default() += value;
        }
    }
    if !by_thread {
        sums.iter().for_each(|(name, value)| print(name, *value));
    }
    Ok(())
}
