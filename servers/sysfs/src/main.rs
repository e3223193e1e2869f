//! Two servers in one file: `sysfs`, what is known of the system, and `devfs`, devices.
#![no_std]
#![no_main]
#![forbid(unsafe_code)]

extern crate alloc;

mod devices;
mod system;

use sysfs::Made;

#[anax::main]
fn main() -> Result<(), anax::Error> {
    if anax::name() == "devfs" {
        anax_volume::serve(Made::new(devices::Devices))
    } else {
        anax_volume::serve(Made::new(system::System::new()?))
    }
}
