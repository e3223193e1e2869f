//! The network card, as the one who outlives its drivers sees it: found, handed over, fenced.

use anax_device::{Bar, ConfigSpace as _, Mmio, MsiX, bar, disable_bus_master, enable_memory_and_bus_master};
use anax_sys::object::{Cpu, Irq, Machine, Region};
use anax_sys::{Error, log};
use anax_virtio::{Transport, Windows, device_type, handover};

use crate::config::{Bus, Function};

const NETWORK: u16 = 1;

/// A card, its registers and its interrupts.
pub(crate) struct Card {
    function: Function,
    transport: Transport<Mmio>,
    pub(crate) windows: Windows,
    pub(crate) registers: Region,
    pub(crate) configuration: Irq,
    pub(crate) queues: Irq,
}

impl Card {
    /// The first one on bus 0, which is to interrupt `cpu`.
    ///
    /// # Errors
    /// `BadHandle` if there is none, `BadArgument` for one that is built in no known way.
    pub(crate) fn find(machine: Machine, cpu: Cpu) -> Result<Self, Error> {
        let card = |function: &Function| device_type(function) == Some(NETWORK);
        let function = Bus::open(machine)?.functions().find(card).ok_or(Error::BadHandle)?;
        let windows = Windows::find(&function).map_err(|_| Error::BadArgument)?;
        let all = [windows.common, windows.notify, windows.isr, windows.device];
        let number = windows.common.bar;
        if all.iter().any(|window| window.bar != number) {
            return Err(Error::BadArgument);
        }
        enable_memory_and_bus_master(&function);
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
        let (configuration, queues) = (irq(handover::CONFIGURATION_VECTOR)?, irq(handover::QUEUE_VECTOR)?);
        msix.enable(&function);
        log!("card {:#x}, {} interrupt vectors", function.read(0), msix.vectors);
        Ok(Self { function, transport, windows, registers, configuration, queues })
    }

    /// When this returns, the device reaches no memory, whatever its dead driver told it, and interrupts nobody.
    ///
    /// # Errors
    /// `TimedOut` if it does not stop; then it stays off the bus.
    pub(crate) fn fence(&self) -> Result<(), Error> {
        disable_bus_master(&self.function);
        self.transport.reset().map_err(|_| Error::TimedOut)?;
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
