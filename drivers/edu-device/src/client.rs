//! A client of edu-device: prints the factorial of each of its arguments.
#![no_std]
#![no_main]
#![forbid(unsafe_code)]

use edu_device::EduDeviceClient;

#[anax::main]
fn main() -> Result<(), anax::Error> {
    let mut device: EduDeviceClient<_> = anax::client("edu-device")?;
    for number in anax::arguments().iter().flat_map(|word| word.parse()) {
        anax::println!("{}", device.factorial(number)?);
    }
    Ok(())
}
