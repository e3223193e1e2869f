//! Keeps the first CPU from all that is less urgent than itself for a while, with a question to such a server under way: that one has work and gets
//! nowhere, and does not hang.
#![no_std]
#![no_main]
#![forbid(unsafe_code)]

use core::time::Duration;

use anax::message::{Message, Target};
use anax::{Error, println};
use anax_proto::CONNECT;
use anax_system::names;

/// Far longer than any server may go without progress.
const LONG: Duration = Duration::from_secs(3);

#[anax::main]
fn main() -> Result<(), Error> {
    let port = anax::port()?;
    let server = Target::from_handle(anax::handle(anax::handles::NAMES).ok_or(Error::BadHandle)?);
    let until = anax::time::after(LONG);
    server.beginmsg(&Message::new(CONNECT, [0; 5]), port)?;
    while anax::time::now() < until {
        core::hint::spin_loop();
    }
    let answer = port.waitport()?;
    if answer.is_reply() && answer.words[0] == names::FINGERPRINT {
        println!("the server has answered");
        return Ok(());
    }
    Err(Error::PeerDied)
}
