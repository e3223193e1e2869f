//! Two programs in one file, which know by their names who they are: the driver edu-device; and edu-device-client, which prints the factorial of each of
//! its arguments.
#![no_std]
#![no_main]
#![forbid(unsafe_code)]

use anax::device::{Event, drive, registers};
use edu_device::{Driver, EduDeviceClient, edu_device::Serve};

#[anax::main]
fn main() -> Result<(), anax::Error> {
    match anax::name() {
        "edu-device" => driver(),
        _ => client(),
    }
}

fn driver() -> Result<(), anax::Error> {
    let mut driver = Serve(Driver::new(registers("registers")?));
    drive(&mut driver, |Serve(driver), event| {
        if event == Event::Interrupted {
            driver.interrupted();
        }
        driver.answer()
    })
}

fn client() -> Result<(), anax::Error> {
    let mut device: EduDeviceClient<_> = anax::client("edu-device")?;
    for number in anax::arguments().iter().flat_map(|word| word.parse()) {
        anax::println!("{}", device.factorial(number)?);
    }
    Ok(())
}
