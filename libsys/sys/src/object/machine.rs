//! The machine: what the first program starts with, and passes on piece by piece.

use anax_abi::Error;
use anax_abi::object::MachineCommand;

use super::{Cpu, Irq, Ports, Region, ask, ask_anything, buffer, done, handle, number};

object! {
    /// The machine.
    Machine
}

/// How a line signals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trigger {
    /// By a change.
    Edge = 0,
    /// As long as it is asserted.
    Level = 1,
}

/// When a line is asserted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Polarity {
    /// When it is high.
    High = 0,
    /// When it is low.
    Low = 1,
}

/// A line of an IO-APIC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line {
    /// Its global number (ACPI's GSI).
    pub number: u32,
    /// How it signals.
    pub trigger: Trigger,
    /// When it is asserted.
    pub polarity: Polarity,
}

impl Machine {
    /// As the first program finds it in its own space.
    pub const FIRST: Self = Self(anax_abi::object::MACHINE);

    /// CPUs that run.
    ///
    /// # Errors
    /// None beside the usual.
    pub fn cpus(self) -> Result<u64, Error> {
        number(ask(self.0, MachineCommand::Cpus as u32, []))
    }

    /// Writes a line of at most 1,024 bytes to the kernel's log.
    ///
    /// # Errors
    /// `BadArgument` if it is longer.
    pub fn log(self, line: &[u8]) -> Result<(), Error> {
        done(ask(self.0, MachineCommand::Log as u32, buffer(line)))
    }

    /// A region over device registers at a physical address.
    ///
    /// # Errors
    /// `BadAddress` if there is memory.
    pub fn device_region(self, address: u64, bytes: u64) -> Result<Region, Error> {
        handle(ask(self.0, MachineCommand::DeviceRegion as u32, [address, bytes])).map(Region::from_handle)
    }

    /// A range of I/O ports.
    ///
    /// # Errors
    /// `BadArgument` if it is not one, or the kernel's own.
    pub fn ports(self, first: u16, count: u16) -> Result<Ports, Error> {
        let words = [first.into(), count.into()];
        handle(ask(self.0, MachineCommand::Ports as u32, words)).map(Ports::from_handle)
    }

    /// The interrupt of a line, delivered on `cpu`.
    ///
    /// # Errors
    /// `BadArgument` if there is no such line.
    pub fn line(self, line: Line, cpu: Cpu) -> Result<Irq, Error> {
        let flags = line.trigger as u64 | (line.polarity as u64) << 1;
        let words = [line.number.into(), flags, cpu.0.into()];
        handle(ask(self.0, MachineCommand::Line as u32, words)).map(Irq::from_handle)
    }

    /// The interrupt of an entry of the MSI-X table at a physical address, delivered on `cpu`.
    ///
    /// # Errors
    /// `BadAddress`, `BadArgument`.
    pub fn msi_x(self, table: u64, entry: u32, cpu: Cpu) -> Result<Irq, Error> {
        let words = [table, entry.into(), cpu.0.into()];
        handle(ask(self.0, MachineCommand::MsiX as u32, words)).map(Irq::from_handle)
    }

    /// The interrupt of the MSI capability at a physical address of memory-mapped configuration space, delivered on `cpu`.
    ///
    /// # Errors
    /// `BadArgument`.
    pub fn msi(self, capability: u64, cpu: Cpu) -> Result<Irq, Error> {
        let words = [capability, 0, cpu.0.into()];
        handle(ask(self.0, MachineCommand::Msi as u32, words)).map(Irq::from_handle)
    }

    /// Switches the machine off; an emulator passes `status` on.
    ///
    /// # Errors
    /// If it returns at all.
    pub fn power_off(self, status: u64) -> Result<(), Error> {
        done(ask(self.0, MachineCommand::PowerOff as u32, [status]))
    }

    /// Restarts the machine.
    ///
    /// # Errors
    /// If it returns at all.
    pub fn restart(self) -> Result<(), Error> {
        done(ask(self.0, MachineCommand::Restart as u32, []))
    }

    /// Starts the trace rings of all CPUs.
    ///
    /// # Errors
    /// None beside the usual.
    pub fn start_trace(self) -> Result<(), Error> {
        done(ask(self.0, MachineCommand::Trace as u32, [1]))
    }

    /// Stops them.
    ///
    /// # Errors
    /// None beside the usual.
    pub fn stop_trace(self) -> Result<(), Error> {
        done(ask(self.0, MachineCommand::Trace as u32, [0]))
    }

    /// Writes to the log how much memory is free, and all threads with their ports.
    ///
    /// # Errors
    /// None beside the usual.
    pub fn dump(self) -> Result<(), Error> {
        done(ask(self.0, MachineCommand::Dump as u32, []))
    }

    /// Moves trace records into `to`; how many bytes.
    ///
    /// # Errors
    /// None beside the usual.
    pub fn read_trace(self, to: &mut [u8]) -> Result<usize, Error> {
        self.read(MachineCommand::ReadTrace, to)
    }

    /// What firmware says of the machine (postcard); how many bytes.
    ///
    /// # Errors
    /// `Full` if it does not fit.
    pub fn description(self, to: &mut [u8]) -> Result<usize, Error> {
        self.read(MachineCommand::Description, to)
    }

    /// The line that the loader gave the kernel; how many bytes.
    ///
    /// # Errors
    /// `Full` if it does not fit.
    pub fn command_line(self, to: &mut [u8]) -> Result<usize, Error> {
        self.read(MachineCommand::CommandLine, to)
    }

    /// Bytes of memory for programs: all, and what is free.
    ///
    /// # Errors
    /// None beside the usual.
    pub fn memory(self) -> Result<(u64, u64), Error> {
        let ask = |which| number(ask(self.0, MachineCommand::Memory as u32, [which]));
        Ok((ask(0)?, ask(1)?))
    }

    /// The oldest record of a CPU's log from that number on: its number and its time (nanoseconds since boot), 8 bytes each, and its line; how many bytes, 0 if there is none.
    ///
    /// # Errors
    /// `BadArgument`: there is no such CPU. `Full` if it does not fit; 400 bytes do.
    pub fn read_log(self, cpu: u64, from: u64, to: &mut [u8]) -> Result<usize, Error> {
        let words = [to.as_mut_ptr().addr() as u64, to.len() as u64, cpu, from];
        // SAFETY: it writes to the slice alone, which is borrowed until it is done.
        let bytes = number(unsafe { ask_anything(self.0, MachineCommand::ReadLog as u32, words) })?;
        Ok(usize::try_from(bytes).map_or(to.len(), |bytes| bytes.min(to.len())))
    }

    /// What was typed; how many bytes, 0 if nothing.
    ///
    /// # Errors
    /// None beside the usual.
    pub fn console_read(self, to: &mut [u8]) -> Result<usize, Error> {
        self.read(MachineCommand::ConsoleRead, to)
    }

    /// Writes to the console.
    ///
    /// # Errors
    /// None beside the usual.
    pub fn console_write(self, from: &[u8]) -> Result<(), Error> {
        done(ask(self.0, MachineCommand::ConsoleWrite as u32, buffer(from)))
    }

    /// A command that fills a buffer.
    fn read(self, command: MachineCommand, to: &mut [u8]) -> Result<usize, Error> {
        let words = [to.as_mut_ptr().addr() as u64, to.len() as u64];
        // SAFETY: it writes to the slice alone, which is borrowed until it is done.
        let bytes = number(unsafe { ask_anything(self.0, command as u32, words) })?;
        Ok(usize::try_from(bytes).map_or(to.len(), |bytes| bytes.min(to.len())))
    }
}
