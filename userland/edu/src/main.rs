//! Message signalled interrupts without a table (MSI), by QEMU's teaching device (its `docs/specs/edu`): each one that it is asked for comes,
//! once, none while the subscription is disabled, and the device is switched off when that ends.
#![no_std]
#![no_main]
#![forbid(unsafe_code)]

use core::time::Duration;

use anax_abi::object::notice;
use anax_acpi::Platform;
use anax_device::{
    Bar, ConfigSpace as _, Ecam, Mmio, Msi, Registers as _, bar, enable_memory_and_bus_master,
};
use anax_sys::object::{Cpu, Irq, Machine, Region, Space, Thread};
use anax_sys::{Deadline, Error, Port, Received, WORDS, log, replymsg};

anax_sys::main!(main);

/// Vendor and device.
const EDU: u32 = 0x11e8_1234;
/// Configuration space of a bus, and of a function.
const BUS: u64 = 1 << 20;
const FUNCTION: usize = 4096;
/// Functions of a bus.
const FUNCTIONS: usize = 256;
/// Registers: why it interrupts; interrupts for these reasons; no longer for these.
const STATUS: usize = 0x24;
const RAISE: usize = 0x60;
const ACKNOWLEDGE: usize = 0x64;
const REGISTERS: u64 = 4096;
const BADGE: u64 = 9;
const TIMES: u32 = 100;

fn main(_argument: u64) -> Result<(), Error> {
    log::to(Machine::FIRST);
    let (config, address) = find()?;
    let capability = Msi::find(&config).ok_or(Error::BadArgument)?;
    enable_memory_and_bus_master(&config);
    let Some(Bar::Memory(registers)) = bar(&config, 0) else { return Err(Error::BadArgument) };
    let device = map(Machine::FIRST.device_region(registers, REGISTERS)?)?;
    let port = Port::initport(Thread::SELF, 0)?;
    let cpu = Cpu(Space::SELF.inspect(port.handle())?.words[1] as u32);
    let irq = Machine::FIRST.msi(address + u64::from(capability.offset), cpu)?;
    irq.bind(port, BADGE)?;
    irq.enable()?;
    for reason in 1..=TIMES {
        let told = interrupt(&device, port, reason)?;
        replymsg(told.number, Ok(0), [0; WORDS])?;
    }
    disabled(&device, port, irq)?;
    Space::SELF.close(irq.handle())?;
    verify(!capability.is_enabled(&config), "it is on though nobody is told")?;
    log!("edu: verified");
    Ok(())
}

/// The device's configuration space, and where it is.
fn find() -> Result<(Ecam<Mmio>, u64), Error> {
    let mut text = [0; 4096];
    let length = Machine::FIRST.description(&mut text)?;
    let platform = Platform::described(&text[..length]).ok_or(Error::PeerMisbehaved)?;
    let base = platform.pci_segments.first().ok_or(Error::BadHandle)?.base;
    let bus = map(Machine::FIRST.device_region(base, BUS)?)?;
    let function = |number: usize| {
        let config = Ecam(bus.part(number * FUNCTION, FUNCTION).ok()?);
        (config.read(0) == EDU).then_some((config, base + (number * FUNCTION) as u64))
    };
    (0..FUNCTIONS).find_map(function).ok_or(Error::BadHandle)
}

fn map(region: Region) -> Result<Mmio, Error> {
    anax_mapped::registers(region)
}

/// Has the device interrupt; what was told.
fn interrupt(device: &Mmio, port: Port, reason: u32) -> Result<Received, Error> {
    device.write32(RAISE, reason);
    let told = port.waitport_until(soon(5_000)?)?;
    verify(told.command() == notice::INTERRUPT && told.badge == BADGE, "another notice")?;
    verify(told.words[0] == 1, "not one interrupt")?;
    verify(device.read32(STATUS) == reason, "another reason")?;
    device.write32(ACKNOWLEDGE, reason);
    Ok(told)
}

/// Nothing is told while the subscription is disabled, and everything again when it is enabled.
fn disabled(device: &Mmio, port: Port, irq: Irq) -> Result<(), Error> {
    irq.disable()?;
    device.write32(RAISE, 1);
    verify(port.waitport_until(soon(20)?).err() == Some(Error::TimedOut), "told though disabled")?;
    device.write32(ACKNOWLEDGE, 1);
    irq.enable()?;
    let told = interrupt(device, port, 2)?;
    replymsg(told.number, Ok(0), [0; WORDS])
}

fn soon(milliseconds: u64) -> Result<Deadline, Error> {
    Ok(Deadline::at(Thread::time()?.after(Duration::from_millis(milliseconds))))
}

fn verify(holds: bool, what: &str) -> Result<(), Error> {
    if holds {
        return Ok(());
    }
    log!("edu failed: {what}");
    Err(Error::PeerMisbehaved)
}
