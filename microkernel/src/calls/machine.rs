//! Calls of the machine, at the caller's CPU.

use alloc::vec::Vec;

use anax_abi::object::{MachineCommand, TRACE_RECORD};
use anax_abi::{Error, Rights};

use microkernel_core::{acpi::Wiring, logring};

use super::{Call, Served, handle, objects::deliver};
use crate::arch::{msi, power, serial};
use crate::object::{Header, Kind, Object};
use crate::{dump, irq, mm::frames, percpu, start, trace, vm::Region};

/// The longest line for the log, and the longest piece of console text a call, in bytes.
const TEXT: usize = 1024;
/// The longest description of a machine, in bytes.
const DESCRIPTION: usize = 16 << 10;

/// The machine as an object: what its handle stands for.
#[repr(C)]
pub(crate) struct Machine(Header);

// SAFETY: `repr(C)`, header first, a static.
unsafe impl Object for Machine {
    const KIND: Kind = Kind::Machine;
}

/// The one there is.
pub(crate) static MACHINE: Machine = Machine(Header::new(Kind::Machine));

pub(super) fn serve(command: u32, call: &mut Call<'_>) -> Result<Served, Error> {
    #[cfg(feature = "test")]
    if command == crate::ktest::service::COMMAND {
        return crate::ktest::service::port(call.words[0]);
    }
    let command = MachineCommand::from_number(command).ok_or(Error::BadCommand)?;
    let open = matches!(command, MachineCommand::Cpus | MachineCommand::Log | MachineCommand::Memory);
    call.needs(if open { Rights::SEND } else { Rights::CONTROL })?;
    let words = *call.words;
    match command {
        MachineCommand::Cpus => Ok(Served::Value(percpu::count() as u64)),
        MachineCommand::Log | MachineCommand::ConsoleWrite => {
            let mut buffer = [0; TEXT];
            let bytes = buffer.get_mut(..words[1] as usize).ok_or(Error::BadArgument)?;
            call.space.memory().read(words[0], bytes).map_err(|_| Error::BadAddress)?;
            if command == MachineCommand::Log {
                log::info!("{}", logring::Plain(bytes.trim_ascii_end()));
                return Ok(Served::Value(0));
            }
            serial::write(serial::Line::Com1, bytes);
            Ok(Served::Value(bytes.len() as u64))
        }
        MachineCommand::DeviceRegion => {
            let end = words[0].checked_add(words[1]).ok_or(Error::BadArgument)?;
            // Page 0 is memory that no memory map lists.
            if words[0] == 0
                || start::machine().is_none_or(|machine| machine.is_taken(words[0]..end))
                || msi::is_table(words[0]..end)
            {
                return Err(Error::BadAddress);
            }
            Region::fixed(call.space.payer(), crate::vm::Backing::Device, words[0], words[1]).map(handle)
        }
        MachineCommand::Ports => super::objects::make_ports(words[0], words[1]),
        MachineCommand::Line => {
            let line = u32::try_from(words[0]).map_err(|_| Error::BadArgument)?;
            irq::line(line, Wiring::by_flags(words[1]), deliver).map(handle)
        }
        MachineCommand::MsiX => {
            let entry = u64::from(u16::try_from(words[1]).map_err(|_| Error::BadArgument)?);
            let at = words[0].checked_add(entry * msi::ENTRY_SIZE).ok_or(Error::BadArgument)?;
            irq::message(at, msi::Kind::Table, deliver).map(handle)
        }
        MachineCommand::Msi => irq::message(words[0], msi::Kind::Capability, deliver).map(handle),
        MachineCommand::Trace => trace::switch(words[0] != 0).map(|()| Served::Value(0)),
        MachineCommand::Dump => Ok(Served::Value(dump::log())),
        MachineCommand::ReadTrace => {
            probe(call, words[0], words[1])?;
            let mut moved = 0;
            while moved + TRACE_RECORD as u64 <= words[1]
                && let Some(record) = percpu::this().trace.take()
            {
                write(call, words[0].wrapping_add(moved), record.map(u64::to_le_bytes).as_flattened())?;
                moved += TRACE_RECORD as u64;
            }
            Ok(Served::Value(moved))
        }
        MachineCommand::ConsoleRead => {
            probe(call, words[0], words[1])?;
            let mut buffer = [0; 64];
            let count = serial::read(serial::Line::Com1, &mut buffer[..words[1].min(64) as usize]);
            give(call, &buffer[..count])
        }
        MachineCommand::Description => {
            let mut text = Vec::new();
            text.try_reserve_exact(DESCRIPTION).map_err(|_| Error::NoMemory)?;
            text.resize(DESCRIPTION, 0);
            let platform = start::machine().map(|machine| &machine.platform);
            give(call, platform.and_then(|platform| platform.describe(&mut text)).ok_or(Error::Full)?)
        }
        MachineCommand::CommandLine => {
            give(call, start::machine().map_or(&[][..], |it| &it.info.command_line))
        }
        MachineCommand::Memory if words[0] == 0 => Ok(Served::Value(frames::usage().0)),
        MachineCommand::Memory => Ok(Served::Value(frames::usage().1)),
        MachineCommand::ReadLog => {
            let cpu = percpu::all().nth(words[2] as usize).ok_or(Error::BadArgument)?;
            give(call, cpu.log.tell(words[3], &mut [0; logring::TOLD_BYTES]))
        }
        MachineCommand::PowerOff => power::off(words[0] as u8),
        MachineCommand::Restart => power::restart(),
    }
}

/// Writes all of it to the caller's buffer, if it fits; how many bytes.
fn give(call: &Call<'_>, bytes: &[u8]) -> Result<Served, Error> {
    let [address, room, ..] = *call.words;
    probe(call, address, room)?;
    if bytes.len() as u64 > room {
        return Err(Error::Full);
    }
    write(call, address, bytes).map(|()| Served::Value(bytes.len() as u64))
}

/// Writes to the caller's memory.
fn write(call: &Call<'_>, address: u64, bytes: &[u8]) -> Result<(), Error> {
    call.space.memory().write(address, bytes).map_err(|_| Error::BadAddress)
}

/// Refuses a buffer whose ends are not the caller's, whatever there is to put into it.
fn probe(call: &Call<'_>, address: u64, length: u64) -> Result<(), Error> {
    let last = address.checked_add(length.saturating_sub(1)).ok_or(Error::BadAddress)?;
    let mut byte = [0];
    let mut check = |at| call.space.memory().read(at, &mut byte).map_err(|_| Error::BadAddress);
    check(address).and_then(|()| check(last))
}
