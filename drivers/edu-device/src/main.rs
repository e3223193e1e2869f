//! The driver edu-device as a program.
#![no_std]
#![no_main]
#![forbid(unsafe_code)]

use anax::device::{Event, drive, registers};
use edu_device::{Driver, edu_device::Serve};

#[anax::main]
fn main() -> Result<(), anax::Error> {
    let mut driver = Serve(Driver::new(registers("registers")?));
    drive(&mut driver, |Serve(driver), event| {
        if event == Event::Interrupted {
            driver.interrupted();
        }
        driver.answer()
    })
}
