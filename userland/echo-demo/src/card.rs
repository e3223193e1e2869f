//! The network card, as the one who outlives its drivers sees it: found, handed over, fenced.

use anax_device::{Bar, ConfigSpace as _, Mmio, MsiX, bar, disable_bus_master, enable_memory_and_bus_master};
use anax_driver::handover::DEVICE_WORDS;
use anax_e1000::{REGISTER_BYTES, is_e1000};
use anax_sys::object::{Cpu, Irq, Line, Machine, Polarity, Region, Trigger};
use anax_sys::{Error, log};
use anax_virtio::{Transport, Windows, device_type, handover};

use anax_mapped::{Bus, Function};

const NETWORK: u16 = 1;
/// Offset of the line that firmware connected the function to (PCI Local Bus Specification 3.0, 6.2.4), and what says none.
const INTERRUPT_LINE: u8 = 0x3c;
const NO_LINE: u32 = 0xff;

/// A card, its registers and its interrupts.
pub(crate) struct Card {
    function: Function,
    kind: Kind,
    pub(crate) registers: Region,
    /// Of the queues, or the only one.
    pub(crate) irq: Irq,
    /// For changes of the configuration, where that is another.
    pub(crate) configuration: Option<Irq>,
}

/// What is particular.
enum Kind {
    Virtio(Transport<Mmio>, Windows),
    E1000(Mmio),
}

impl Card {
    /// The first one on bus 0 that there is a driver for, which is to interrupt `cpu`.
    ///
    /// # Errors
    /// `BadHandle` if there is none, `BadArgument` for one that is built in no known way.
    pub(crate) fn find(machine: Machine, cpu: Cpu) -> Result<Self, Error> {
        let bus = Bus::open(machine)?;
        let virtio = |function: &Function| device_type(function) == Some(NETWORK);
        let found = |function: &Function| virtio(function) || is_e1000(function);
        let function = bus.functions().find(found).ok_or(Error::BadHandle)?;
        enable_memory_and_bus_master(&function);
        log!("card {:#x}", function.read(0));
        if virtio(&function) {
            Self::virtio(machine, function, cpu)
        } else {
            Self::e1000(machine, function, cpu)
        }
    }

    fn virtio(machine: Machine, function: Function, cpu: Cpu) -> Result<Self, Error> {
        let windows = Windows::find(&function).map_err(|_| Error::BadArgument)?;
        let all = [windows.common, windows.notify, windows.isr, windows.device];
        let number = windows.common.bar;
        if all.iter().any(|window| window.bar != number) {
            return Err(Error::BadArgument);
        }
        let end = all.iter().map(|window| u64::from(window.offset) + u64::from(window.length)).max();
        let registers =
            machine.device_region(memory(&function, number)?, end.unwrap_or(0).next_multiple_of(4096))?;
        let mapped = anax_mapped::registers(registers)?;
        let window = |window: anax_device::Window| {
            mapped.part(window.offset as usize, window.length as usize).map_err(|_| Error::BadArgument)
        };
        let transport = Transport::new(
            window(windows.common)?,
            window(windows.notify)?,
            windows.notify_multiplier,
            window(windows.isr)?,
            window(windows.device)?,
        );

        let msix = MsiX::find(&function).ok_or(Error::BadArgument)?;
        let table = memory(&function, msix.table.bar)? + u64::from(msix.table.offset);
        let irq = |vector: u16| machine.msi_x(table, vector.into(), cpu);
        let (configuration, irq) = (Some(irq(handover::CONFIGURATION_VECTOR)?), irq(handover::QUEUE_VECTOR)?);
        msix.enable(&function);
        Ok(Self { function, kind: Kind::Virtio(transport, windows), registers, irq, configuration })
    }

    fn e1000(machine: Machine, function: Function, cpu: Cpu) -> Result<Self, Error> {
        let registers = machine.device_region(memory(&function, 0)?, REGISTER_BYTES)?;
        let mapped = anax_mapped::registers(registers)?;
        // Which input of which IO-APIC a line of the bus reaches is in ACPI's bytecode; but firmware connects the function to the old
        // interrupt controller too, and by that number the IO-APIC of the machines with such a card hears it as well.
        let number = function.read(INTERRUPT_LINE) & 0xff;
        if number == 0 || number == NO_LINE {
            return Err(Error::BadArgument);
        }
        let line = Line { number, trigger: Trigger::Level, polarity: Polarity::High };
        let irq = machine.line(line, cpu)?;
        Ok(Self { function, kind: Kind::E1000(mapped), registers, irq, configuration: None })
    }

    /// The driver's program, as the boot archive names it.
    pub(crate) const fn driver(&self) -> &'static str {
        match self.kind {
            Kind::Virtio(..) => "bin/virtio-net",
            Kind::E1000(_) => "bin/e1000",
        }
    }

    /// Another program that can take the place of the driver's.
    pub(crate) const fn other_driver(&self) -> &'static str {
        match self.kind {
            Kind::Virtio(..) => "bin/virtio-net-polling",
            Kind::E1000(_) => "bin/e1000",
        }
    }

    /// What its driver is told beside what all are.
    pub(crate) fn numbers(&self) -> [u64; DEVICE_WORDS] {
        match self.kind {
            Kind::Virtio(_, windows) => windows.to_words(),
            Kind::E1000(_) => [0; DEVICE_WORDS],
        }
    }

    /// When this returns, the device reaches no memory, whatever its dead driver told it, and interrupts nobody.
    ///
    /// # Errors
    /// `TimedOut` if it does not stop; then it stays off the bus.
    pub(crate) fn fence(&self) -> Result<(), Error> {
        disable_bus_master(&self.function);
        let stopped = match &self.kind {
            Kind::Virtio(transport, _) => transport.reset().is_ok(),
            Kind::E1000(registers) => anax_e1000::fence(registers).is_ok(),
        };
        if !stopped {
            return Err(Error::TimedOut);
        }
        enable_memory_and_bus_master(&self.function);
        Ok(())
    }
}

fn memory(function: &Function, number: u8) -> Result<u64, Error> {
    match bar(function, number) {
        Some(Bar::Memory(address)) => Ok(address),
        _ => Err(Error::BadArgument),
    }
}
