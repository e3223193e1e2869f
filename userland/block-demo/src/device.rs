//! The disk's device, as the one who outlives its drivers sees it: found, handed over, fenced.

use anax_device::{
    Bar, ConfigSpace as _, Mmio, MsiX, Window, bar, disable_bus_master, enable_memory_and_bus_master,
};
use anax_mapped::{Bus, Function};
use anax_sys::object::{Cpu, Irq, Line, Machine, Polarity, Ports, Region, Trigger};
use anax_sys::{Error, Handle, Rights, log};
use anax_virtio::{Transport, Windows, device_type, handover};

const DISK: u16 = 2;
/// The first legacy channel: its command and control blocks, and its line.
const COMMAND: u16 = 0x1f0;
const CONTROL: u16 = 0x3f6;
const LINE: u32 = 14;

const SHARED: Rights = Rights::SEND.with(Rights::READ).with(Rights::WRITE);

/// A disk's device.
pub(crate) enum Device {
    /// On the PCI bus.
    Virtio {
        function: Function,
        transport: Transport<Mmio>,
        windows: Windows,
        registers: Region,
        irqs: [Irq; 2],
    },
    /// Behind the legacy ports.
    Ata { command: Ports, control: Ports, irq: Irq },
}

impl Device {
    /// A virtio disk on bus 0, which is to interrupt `cpu`.
    ///
    /// # Errors
    /// `BadHandle` if there is none, `BadArgument` for one that is built in no known way.
    pub(crate) fn virtio(machine: Machine, cpu: Cpu) -> Result<Self, Error> {
        let found = |function: &Function| device_type(function) == Some(DISK);
        let function = Bus::open(machine)?.functions().find(found).ok_or(Error::BadHandle)?;
        enable_memory_and_bus_master(&function);
        let windows = Windows::find(&function).map_err(|_| Error::BadArgument)?;
        let all = [windows.common, windows.notify, windows.isr, windows.device];
        let number = windows.common.bar;
        if all.iter().any(|window| window.bar != number) {
            return Err(Error::BadArgument);
        }
        let end = all.iter().map(|window| u64::from(window.offset) + u64::from(window.length)).max();
        let bytes = end.unwrap_or(0).next_multiple_of(4096);
        let registers = machine.device_region(memory(&function, number)?, bytes)?;
        let mapped = anax_mapped::registers(registers)?;
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
        let msix = MsiX::find(&function).ok_or(Error::BadArgument)?;
        let table = memory(&function, msix.table.bar)? + u64::from(msix.table.offset);
        let irq = |vector: u16| machine.msi_x(table, vector.into(), cpu);
        let irqs = [irq(handover::QUEUE_VECTOR)?, irq(handover::CONFIGURATION_VECTOR)?];
        msix.enable(&function);
        log!("disk {:#x}", function.read(0));
        Ok(Self::Virtio { function, transport, windows, registers, irqs })
    }

    /// The first device behind the legacy ports, which is to interrupt `cpu`.
    ///
    /// # Errors
    /// Somebody else has the ports or the line.
    pub(crate) fn ata(machine: Machine, cpu: Cpu) -> Result<Self, Error> {
        let line = Line { number: LINE, trigger: Trigger::Edge, polarity: Polarity::High };
        let (command, control) = (machine.ports(COMMAND, 8)?, machine.ports(CONTROL, 1)?);
        Ok(Self::Ata { command, control, irq: machine.line(line, cpu)? })
    }

    /// The driver's program, as the boot archive names it.
    pub(crate) const fn driver(&self) -> &'static str {
        match self {
            Self::Virtio { .. } => "bin/virtio-blk",
            Self::Ata { .. } => "bin/ata",
        }
    }

    /// What its driver is told beside what all are.
    pub(crate) fn numbers(&self) -> [u64; 5] {
        match self {
            Self::Virtio { windows, .. } => windows.to_words(),
            Self::Ata { .. } => [COMMAND.into(), CONTROL.into(), 0, 0, 0],
        }
    }

    /// Registers, interrupt, and what the handle behind the numbers is, with the rights that the driver has.
    pub(crate) fn handles(&self) -> [(Handle, Rights); 3] {
        match self {
            Self::Virtio { registers, irqs: [jobs, configuration], .. } => [
                (registers.handle(), SHARED),
                (jobs.handle(), Rights::CONTROL),
                (configuration.handle(), Rights::CONTROL),
            ],
            Self::Ata { command, control, irq } => {
                [(command.handle(), SHARED), (irq.handle(), Rights::CONTROL), (control.handle(), SHARED)]
            }
        }
    }

    /// When this returns, the device reaches no memory, whatever its dead driver told it. One behind ports reaches none by itself.
    ///
    /// # Errors
    /// `TimedOut` if it does not stop; then it stays off the bus.
    pub(crate) fn fence(&self) -> Result<(), Error> {
        let Self::Virtio { function, transport, .. } = self else { return Ok(()) };
        disable_bus_master(function);
        transport.reset().map_err(|_| Error::TimedOut)?;
        enable_memory_and_bus_master(function);
        Ok(())
    }
}

fn memory(function: &Function, number: u8) -> Result<u64, Error> {
    match bar(function, number) {
        Some(Bar::Memory(address)) => Ok(address),
        _ => Err(Error::BadArgument),
    }
}
