//! The first program.
#![no_std]
#![no_main]
#![forbid(unsafe_code)]

extern crate alloc;

mod kernel;
mod watch;

use alloc::string::String;
use alloc::vec::Vec;

use anax_abi::object::{notice, priority};
use anax_abi::{Error, WORDS};
use anax_manifest::{MEMBER, Manifests};
use anax_service::{reserve_slots, send, serve_one};
use anax_sys::object::{Machine, Space, Thread};
use anax_sys::{Deadline, Instant, Port, Received, replymsg};
use anax_system::processes;
use init::{Init, is_notice};

use kernel::Kernel;

/// Pings that can be under way: one for each process at most.
const REPLIES: u32 = 1024;

#[anax::main]
fn main() -> Result<(), Error> {
    // Above all that it watches: whoever hogs a CPU must not keep the one away who ends that.
    Thread::SELF.set_priority(priority::INTERRUPT)?;
    let port = Port::initport(Thread::SELF, REPLIES)?;
    reserve_slots(Space::SELF)?;
    let archive = anax::archive()?;
    let manifests = archive.get(MEMBER).ok_or(Error::BadArgument)?;
    let manifests = Manifests::decode(manifests).map_err(|error| {
        log::error!("the boot archive's {MEMBER}: {error}");
        Error::BadArgument
    })?;
    let order: Vec<String> = match manifests.boot_order() {
        Ok(order) => order.into_iter().map(|manifest| manifest.name.clone()).collect(),
        // The build tool refuses such a tree.
        Err(_) => Vec::new(),
    };
    let kernel = Kernel::new(Machine::FIRST, port, archive)?;
    let mut server = processes::Serve(Init::new(kernel, manifests.0));
    server.0.boot(&order);
    loop {
        server.0.answers().into_iter().for_each(send);
        let deadline =
            server.0.tick().map_or(Deadline::NEVER, |at| Deadline::at(Instant::from_nanoseconds(at)));
        server.0.answers().into_iter().for_each(send);
        match port.waitport_until(deadline) {
            Ok(received) => happened(&mut server, &received)?,
            Err(Error::TimedOut) => {}
            Err(error) => return Err(error),
        }
    }
}

fn happened(server: &mut processes::Serve<Init<Kernel>>, received: &Received) -> Result<(), Error> {
    if received.is_reply() {
        server.0.system().answered(received.badge);
        return Ok(());
    }
    match received.command() {
        _ if !is_notice(received.badge, received.command()) => serve_one(server, received),
        notice::EXIT => server.0.exited(received.words[1], received.words[0]),
        notice::FAULT => {
            let [cause, address, instruction, stack, thread] = received.words;
            if let Some((process, name)) = server.0.whose(thread) {
                log::warn!(
                    "{name} (process {process}): fault {:#x}, code {:#x}, at {instruction:#x}, address {address:#x}, stack {stack:#x}",
                    cause as u32,
                    cause >> 32,
                );
                watch::post_mortem(&server.0.system().registers(thread));
            }
            // It ends with the fault, and that is told by a notice of its own.
            let _ = replymsg(received.number, Err(Error::PeerDied), [0; WORDS]);
        }
        _ => serve_one(server, received),
    }
    Ok(())
}
