//! Counts for ever, with the priority of a program like any other: whether it gets on says whether somebody keeps the CPU from all others. Asked by [`ASK`], it
//! says how far it has come.
#![no_std]
#![no_main]
#![forbid(unsafe_code)]

use anax::Error;
use anax_sys::replymsg;
use device_load::ASK;

/// Rounds between two looks at its port.
const ROUNDS: u64 = 1000;

#[anax::main]
fn main() -> Result<(), Error> {
    let (port, mut count) = (anax::port()?, 0);
    loop {
        (0..ROUNDS).for_each(|_| core::hint::spin_loop());
        count += 1;
        if let Ok(received) = port.getport()
            && received.number.to_word() != 0
        {
            let known = received.command() == ASK;
            replymsg(
                received.number,
                if known { Ok(0) } else { Err(Error::BadCommand) },
                [count, 0, 0, 0, 0],
            )?;
        }
    }
}
