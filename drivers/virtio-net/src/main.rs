//! The driver's program that waits for the card's interrupts.
#![no_std]
#![no_main]
#![forbid(unsafe_code)]

use anax_driver::Wake;
use anax_driver::program::Given;
use anax_nic::program::Hears;
use anax_sys::Error;

#[anax::main]
fn main() -> Result<u64, Error> {
    let given = Given::find()?;
    let irqs = [(given.configuration_irq, Wake::Configuration), (given.irq, Wake::Queues)];
    virtio_net::program::run(&given, Hears::Interrupts(&irqs))
}
