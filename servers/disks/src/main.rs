//! The disk server's program.
#![no_std]
#![no_main]
#![forbid(unsafe_code)]

extern crate alloc;

mod machine;

use anax_abi::Error;
use anax_block_disk::parts::parts::Serve;
use anax_service::{send, serve_one};
use anax_sys::{Deadline, Instant};
use disks::{Disks, TICK};

use machine::{BELL, Machine};

#[anax::main]
fn main() -> Result<(), Error> {
    let port = anax::port()?;
    let (machine, record) = Machine::start(port)?;
    let mut server = Serve(Disks::new(machine, &record));
    // When somebody waits, it is looked at that time whether he waits for too long.
    let mut look: Option<Instant> = None;
    loop {
        let more = server.0.work();
        server.0.answers().into_iter().for_each(send);
        look = if server.0.is_busy() { look.or_else(|| Some(anax::time::now().after(TICK))) } else { None };
        let received = match look {
            _ if more => port.getport(),
            Some(at) => port.waitport_until(Deadline::at(at)),
            None => port.waitport(),
        };
        match received {
            Ok(received) if received.is_reply() => server.0.left(received.badge),
            // A driver has something, or a message is for whoever answers those.
            Ok(received) if received.badge == BELL => {}
            Ok(received) => serve_one(&mut server, &received),
            Err(Error::TimedOut | Error::WouldBlock) => {}
            Err(error) => return Err(error),
        }
        if look.is_some_and(|at| at <= anax::time::now()) {
            look = None;
            server.0.tick();
        }
    }
}
