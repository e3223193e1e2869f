//! The web server: each connection a task, all of them on one thread; what a disk is asked for holds up its own connection alone. When the network server has died, the port is bound anew at its successor.
#![no_std]
#![no_main]
#![forbid(unsafe_code)]

extern crate alloc;

mod disk;
mod options;
mod serve;

use alloc::boxed::Box;
use alloc::rc::Rc;

use anax::{Error, eprintln, println};
use anax_net::task::Session;
use anax_task::{EventLoop, Executor, Limits as Most};
use httpd::{Files, Journal, Limits, MemoryFiles, Server};
use options::{Options, Served};
use serve::Site;

const USAGE: u64 = 2;
/// Connections, the tasks that accept them, and those that open files.
const TASKS: usize = 4090;
/// Questions under way: more than two of a connection never are for long.
const CALLS: usize = 8000;

#[anax::main]
fn main() -> Result<u64, Error> {
    let options = match options::parse(anax::name(), anax::arguments()) {
        Ok(Some(options)) => options,
        Ok(None) => {
            anax::print!("{}", options::HELP);
            return Ok(0);
        }
        Err(complaint) => {
            eprintln!("httpd: {complaint}; httpd --help says how it is used");
            return Ok(USAGE);
        }
    };
    match &options.served {
        Served::Memory => run(|_| MemoryFiles::generated(), &options),
        Served::Root(root) => run(|events| disk::DiskFiles::new(root, events), &options),
    }
}

fn run<F: Files + 'static>(files: impl FnOnce(EventLoop) -> F, options: &Options) -> Result<u64, Error> {
    let journal: Option<Journal> =
        options.logs.then(|| -> Journal { Box::new(|record| println!("{record}")) });
    let limits = Limits {
        connections: options.connections,
        connections_each: options.connections_each,
        ..Limits::default()
    };
    let mut executor = Executor::new(anax::port()?, Most { tasks: TASKS, calls: CALLS, requests: 16 });
    let events = executor.events();
    let session = Session::new(events.clone(), options.arena());
    let files = files(events.clone());
    let site = Rc::new(Site::new(session, Server::new(files, limits, journal), options));
    events.spawn(serve::port(site))?;
    executor.run()?;
    Ok(0)
}
