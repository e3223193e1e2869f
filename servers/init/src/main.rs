//! The first program.
#![no_std]
#![no_main]
#![forbid(unsafe_code)]

extern crate alloc;

mod kernel;
mod undertaker;
mod watch;

use alloc::string::String;
use alloc::vec::Vec;

use anax_abi::object::priority;
use anax_abi::{Error, WORDS};
use anax_manifest::{MEMBER, Manifests};
use anax_service::{reserve_slots, send, serve_one};
use anax_sys::object::{Machine, Space, Thread};
use anax_sys::{Deadline, Instant, Port, Received, replymsg};
use anax_system::processes;
use init::Init;

use kernel::Kernel;

/// Pings that can be under way. Whoever can't be pinged is when another has answered.
const REPLIES: u32 = 64;

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
    if received.badge == undertaker::BADGE {
        server.0.exited(received.words[1], received.words[0]);
        return replymsg(received.number, Ok(0), [0; WORDS]);
    }
    serve_one(server, received);
    Ok(())
}
