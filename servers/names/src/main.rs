//! The names server.
#![no_std]
#![no_main]
#![forbid(unsafe_code)]

use anax_abi::{Error, Handle, Rights};
use anax_service::{send, serve_one};
use anax_sys::object::Space;
use names::{Directory, Handles};

/// Handles of this process.
struct Own;

impl Handles for Own {
    fn copy_for(&mut self, port: Handle, process: u64) -> Result<Handle, Error> {
        Space::SELF.duplicate(port, Rights::SEND.with(Rights::GRANT), process)
    }

    fn close(&mut self, port: Handle) {
        // A dead port's handle is closed like any other.
        let _ = Space::SELF.close(port);
    }
}

#[anax::main]
fn main() -> Result<(), Error> {
    let port = anax::port()?;
    let mut server = anax_system::names::Serve(Directory::new(Own));
    loop {
        serve_one(&mut server, &port.waitport()?);
        server.0.answers().for_each(send);
    }
}
