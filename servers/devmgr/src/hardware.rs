//! A device as its drivers get it: registers, interrupts, and how it is fenced.

use alloc::vec;
use alloc::vec::Vec;

use anax_abi::{Error, Handle, Rights};
use anax_device::{
    Bar, Config, ConfigSpace, Mmio, MsiX, Window, bar, disable_bus_master, enable_memory_and_bus_master,
};
use anax_mapped::Bus;
use anax_pci::{Device, Function, LegacyDevice, Place, PortRange};
use anax_sys::object::{Cpu, Irq, Line, Machine, Polarity, Region, Trigger};
use anax_virtio::{Transport, Windows, device_type, handover};

use crate::keep::Keep;

/// Where drivers run, and interrupts come.
pub(crate) const CPU: Cpu = Cpu(0);

const PAGE: u64 = 4096;
/// Windows of memory, by their registers' numbers.
const BARS: [&str; 6] = ["bar0", "bar1", "bar2", "bar3", "bar4", "bar5"];

const SHARED: Rights = Rights::SEND.with(Rights::READ).with(Rights::WRITE);

/// What a driver is given of the device itself, by name.
pub(crate) type Parts = Vec<(&'static str, Handle, Rights)>;

/// How the device is stopped when its driver is dead.
#[derive(Debug)]
enum Stop {
    /// It reaches no memory by itself.
    Still,
    /// By the virtio transport's reset.
    Virtio(Transport<Mmio>),
    /// By an 82540EM's registers, which leaves the link up.
    E1000(Mmio),
    /// By taking bus mastering away; its driver resets it first of all.
    Bus,
}

/// A device that a driver can have.
#[derive(Debug)]
pub(crate) struct Hardware {
    bus: Bus,
    function: Option<Function>,
    pub(crate) parts: Parts,
    irqs: Vec<Irq>,
    stop: Stop,
    /// What drivers of this kind of device are told besides.
    pub(crate) words: [u64; 5],
}

impl Hardware {
    /// Takes the device's registers and interrupts from the machine, or finds them where a predecessor of this program has kept them.
    ///
    /// # Errors
    /// `BadArgument` for one that is built in no known way; what the kernel refuses.
    pub(crate) fn take(
        machine: Machine,
        bus: Bus,
        device: &Device,
        keep: &mut Keep<'_>,
    ) -> Result<Self, Error> {
        match &device.place {
            Place::Legacy(legacy) => Self::legacy(machine, bus, legacy, keep),
            Place::Pci(function) => {
                let config = Config::new(&bus, function.address);
                enable_memory_and_bus_master(&config);
                if device_type(&config).is_some() {
                    Self::virtio(machine, bus, function, keep)
                } else {
                    Self::pci(machine, bus, function, keep)
                }
            }
        }
    }

    fn legacy(machine: Machine, bus: Bus, device: &LegacyDevice, keep: &mut Keep<'_>) -> Result<Self, Error> {
        let ports = |range: PortRange| move || Ok(machine.ports(range.first, range.count)?.handle());
        let line = Line { number: device.irq.into(), trigger: Trigger::Edge, polarity: Polarity::High };
        let irq = keep.object(|| Ok(machine.line(line, CPU)?.handle()))?;
        let registers = keep.object(ports(device.registers))?;
        let mut parts = vec![("irq", irq, Rights::CONTROL), ("registers", registers, SHARED)];
        if let Some(range) = device.control {
            parts.push(("control", keep.object(ports(range))?, SHARED));
        }
        let control = device.control.map_or(0, |range| range.first);
        let words = [device.registers.first.into(), control.into(), 0, 0, 0];
        let irqs = vec![Irq::from_handle(irq)];
        Ok(Self { bus, function: None, parts, irqs, stop: Stop::Still, words })
    }

    fn virtio(machine: Machine, bus: Bus, function: &Function, keep: &mut Keep<'_>) -> Result<Self, Error> {
        let config = Config::new(&bus, function.address);
        let windows = Windows::find(&config).map_err(|_| Error::BadArgument)?;
        let all = [windows.common, windows.notify, windows.isr, windows.device];
        let number = windows.common.bar;
        if all.iter().any(|window| window.bar != number) {
            return Err(Error::BadArgument);
        }
        let end = all.iter().map(|window| u64::from(window.offset) + u64::from(window.length)).max();
        let bytes = end.unwrap_or(0).next_multiple_of(PAGE);
        let (start, (msi_x, table)) = (memory(&config, number)?, table(&config)?);
        let irqs = [handover::QUEUE_VECTOR, handover::CONFIGURATION_VECTOR]
            .map(|vector| keep.object(|| Ok(machine.msi_x(table, vector.into(), CPU)?.handle())));
        let [jobs, configuration] = irqs;
        let (jobs, configuration) = (jobs?, configuration?);
        let registers = keep.object(|| Ok(machine.device_region(start, bytes)?.handle()))?;
        msi_x.enable(&config);
        let mapped = anax_mapped::registers(Region::from_handle(registers))?;
        let part = |window: Window| {
            mapped.part(window.offset as usize, window.length as usize).map_err(|_| Error::BadArgument)
        };
        let transport = Transport::new(
            part(windows.common)?,
            part(windows.notify)?,
            windows.notify_multiplier,
            part(windows.isr)?,
            part(windows.device)?,
        );
        let parts = vec![
            ("irq", jobs, Rights::CONTROL),
            ("configuration-irq", configuration, Rights::CONTROL),
            ("registers", registers, SHARED),
        ];
        Ok(Self {
            bus,
            function: Some(function.clone()),
            parts,
            irqs: vec![Irq::from_handle(jobs), Irq::from_handle(configuration)],
            stop: Stop::Virtio(transport),
            words: windows.to_words(),
        })
    }

    /// Any other: its windows of memory, and one interrupt, by a message if it can.
    fn pci(machine: Machine, bus: Bus, function: &Function, keep: &mut Keep<'_>) -> Result<Self, Error> {
        let config = Config::new(&bus, function.address);
        let irq = match table(&config) {
            Ok((msi_x, table)) => {
                let irq = keep.object(|| Ok(machine.msi_x(table, 0, CPU)?.handle()))?;
                msi_x.enable(&config);
                irq
            }
            // Which input of which IO-APIC a line of the bus reaches is in ACPI's bytecode; but firmware connects the function to the old interrupt
            // controller too, and by that number the IO-APIC hears it as well.
            Err(_) => {
                let line = function.interrupt.and_then(|pin| pin.line).ok_or(Error::BadArgument)?;
                let line = Line { number: line.into(), trigger: Trigger::Level, polarity: Polarity::High };
                keep.object(|| Ok(machine.line(line, CPU)?.handle()))?
            }
        };
        let mut parts: Parts = vec![("irq", irq, Rights::CONTROL)];
        for (number, name) in (0..).zip(BARS) {
            let Ok(start) = memory(&config, number) else { continue };
            let region = keep.object(|| {
                let measured = anax_pci::measure(&config, |_| {})[usize::from(number)];
                enable_memory_and_bus_master(&config);
                let bytes = measured.ok_or(Error::BadArgument)?.length.next_multiple_of(PAGE);
                Ok(machine.device_region(start, bytes)?.handle())
            })?;
            parts.push((name, region, SHARED));
            if parts.len() == 2 {
                parts.push(("registers", region, SHARED));
            }
        }
        let (_, registers, _) = *parts.get(2).ok_or(Error::BadArgument)?;
        let stop = if anax_e1000::is_e1000(&config) {
            Stop::E1000(anax_mapped::registers(Region::from_handle(registers))?)
        } else {
            Stop::Bus
        };
        let irqs = vec![Irq::from_handle(irq)];
        Ok(Self { bus, function: Some(function.clone()), parts, irqs, stop, words: [0; 5] })
    }

    /// Whether [`fence`](Self::fence) stops the device itself, and not only its way to memory, which the next driver needs.
    pub(crate) const fn stops(&self) -> bool {
        !matches!(self.stop, Stop::Bus)
    }

    /// The device reaches no memory, whatever its dead driver told it, and interrupts nobody.
    ///
    /// # Errors
    /// `TimedOut` if it does not stop; then it stays off the bus.
    pub(crate) fn fence(&self) -> Result<(), Error> {
        for irq in &self.irqs {
            irq.disable()?;
        }
        let Some(function) = &self.function else { return Ok(()) };
        let config = Config::new(&self.bus, function.address);
        disable_bus_master(&config);
        let stopped = match &self.stop {
            Stop::Still | Stop::Bus => true,
            Stop::Virtio(transport) => transport.reset().is_ok(),
            Stop::E1000(registers) => anax_e1000::fence(registers).is_ok(),
        };
        if !stopped {
            return Err(Error::TimedOut);
        }
        enable_memory_and_bus_master(&config);
        Ok(())
    }
}

/// Where a base address register's memory is; of a pair of registers, the first one says.
fn memory(config: &impl ConfigSpace, number: u8) -> Result<u64, Error> {
    let is_upper_half = number > 0 && config.read(0x10 + 4 * (number - 1)) & 0b111 == 0b100;
    match bar(config, number).filter(|_| !is_upper_half) {
        Some(Bar::Memory(address)) => Ok(address),
        _ => Err(Error::BadArgument),
    }
}

/// The MSI-X table's place in memory.
fn table(config: &impl ConfigSpace) -> Result<(MsiX, u64), Error> {
    let msi_x = MsiX::find(config).ok_or(Error::BadArgument)?;
    Ok((msi_x, memory(config, msi_x.table.bar)? + u64::from(msi_x.table.offset)))
}
