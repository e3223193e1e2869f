//! Measures what the servers cost, by the kernel's clock: under `-icount shift=0` and one CPU a nanosecond is an instruction.
//!
//! Each figure is printed as `bench NAME VALUE`, and only if the work behind it was seen to have been done: the least of some rounds, since the first
//! ones do what happens once only. The kernel writes to its log how much memory is free, before anything else is begun.
#![no_std]
#![no_main]
#![forbid(unsafe_code)]

use anax::message::{Target, replymsg};
use anax::object::Machine;
use anax::process::{self, Command};
use anax::{Error, Rights, Service, println};
use servers_bench::AliveClient;

const ROUNDS: usize = 8;
/// The message by which a child says when its main function began.
const BORN: u32 = 0x2000;
/// The argument for what needs the peer, which starts with the system only where it was chosen.
const RESTART: &str = "restart";
/// The argument of a child, and the handle by which it reaches its parent.
const CHILD: &str = "child";
const PARENT: &str = "parent";
const PROGRAM: &str = "servers-bench";
const SERVER: &str = "servers-bench-peer";
const SERVICE: &str = "servers-bench";

#[anax::main]
fn main() -> Result<(), Error> {
    let now = now();
    match anax::arguments().first().map(|argument| &**argument) {
        Some(CHILD) => {
            let parent = anax::handle(PARENT).ok_or(Error::BadHandle)?;
            Target::from_handle(parent).domsg(BORN, [now, 0, 0, 0, 0])?;
        }
        Some(RESTART) => {
            let mut client: AliveClient<Service> = anax::client(SERVICE)?;
            println!("bench server.restart {}", least(|| restart(&mut client))?);
        }
        _ => {
            Machine::from_handle(anax::handle("machine").ok_or(Error::BadHandle)?).dump()?;
            println!("bench process.spawn {}", least(spawn)?);
        }
    }
    Ok(())
}

fn now() -> u64 {
    anax::time::now().nanoseconds()
}

fn least(mut round: impl FnMut() -> Result<u64, Error>) -> Result<u64, Error> {
    (0..ROUNDS).try_fold(u64::MAX, |least, _| round().map(|value| least.min(value)))
}

/// From asking init for a process to the beginning of its main function.
fn spawn() -> Result<u64, Error> {
    let port = anax::port()?;
    let begun = now();
    let command = Command::new(PROGRAM)?.argument(CHILD).give(PARENT, port.handle(), Rights::SEND)?;
    let mut child = command.start()?;
    let received = port.waitport()?;
    if received.command() != BORN {
        return Err(Error::BadCommand);
    }
    replymsg(received.number, Ok(0), [0; 5])?;
    let born = received.words[0];
    if child.wait()? != 0 {
        return Err(Error::PeerMisbehaved);
    }
    born.checked_sub(begun).ok_or(Error::PeerMisbehaved)
}

/// From killing a server to the first answer of its successor, which a client that was connected to the dead one gets.
fn restart(client: &mut AliveClient<Service>) -> Result<u64, Error> {
    client.since()?;
    let server = process::list()?.into_iter().find(|report| report.name == SERVER);
    let server = server.ok_or(Error::BadArgument)?.process;
    let killed = now();
    process::kill(server)?;
    let since = client.since()?;
    let answered = now();
    // Who was started later is the successor.
    if since > killed { Ok(answered - killed) } else { Err(Error::PeerMisbehaved) }
}
