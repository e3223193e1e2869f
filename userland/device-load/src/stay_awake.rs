//! Computes for ever, with the least priority there is: nobody waits for it, and the CPU never sleeps.
//!
//! Where time is counted in instructions, a CPU that sleeps skips to the next timer, whatever else it waits for: how long a disk took would be how long
//! somebody else sleeps.
#![no_std]
#![no_main]
#![forbid(unsafe_code)]

#[anax::main]
fn main() -> Result<(), anax::Error> {
    loop {
        core::hint::spin_loop();
    }
}
