//! Calls of the machine, at the caller's CPU.

use anax_abi::object::MachineCommand;
use anax_abi::{Error, Rights};

use super::{Call, Served};
use crate::arch::power;
use crate::arch::serial::{self, Line};
use crate::object::{Header, Kind, Object};
use crate::percpu;

/// The longest line for the log, and the longest piece of console text a call, in bytes.
const TEXT: usize = 1024;

/// The machine as an object: what its handle stands for.
#[repr(C)]
pub(crate) struct Machine(Header);

// SAFETY: `repr(C)`, header first, a static.
unsafe impl Object for Machine {
    const KIND: Kind = Kind::Machine;

    fn header(&self) -> &Header {
        &self.0
    }
}

/// The one there is.
pub(crate) static MACHINE: Machine = Machine(Header::new(Kind::Machine));

pub(super) fn serve(command: u32, call: &mut Call<'_>) -> Result<Served, Error> {
    let command = MachineCommand::from_number(command).ok_or(Error::BadCommand)?;
    let open = matches!(command, MachineCommand::Cpus | MachineCommand::Log);
    call.needs(if open { Rights::SEND } else { Rights::CONTROL })?;
    let words = *call.words;
    match command {
        MachineCommand::Cpus => Ok(Served::Value(percpu::count() as u64)),
        MachineCommand::Log => {
            let mut buffer = [0; TEXT];
            let bytes = read(call, words[0], words[1], &mut buffer)?;
            log::info!("{}", bytes.trim_ascii_end().escape_ascii());
            Ok(Served::Value(0))
        }
        MachineCommand::ConsoleWrite => {
            let mut buffer = [0; TEXT];
            let bytes = read(call, words[0], words[1], &mut buffer)?;
            serial::write(Line::Com1, bytes);
            Ok(Served::Value(bytes.len() as u64))
        }
        MachineCommand::PowerOff => power::off(words[0] as u8),
        _ => Err(Error::BadCommand),
    }
}

/// Copies what the caller's words name from his memory.
fn read<'b>(
    call: &Call<'_>,
    address: u64,
    length: u64,
    buffer: &'b mut [u8; TEXT],
) -> Result<&'b [u8], Error> {
    let length = usize::try_from(length).ok().filter(|length| *length <= TEXT).ok_or(Error::BadArgument)?;
    let bytes = &mut buffer[..length];
    call.space.memory().read(address, bytes).map_err(|_| Error::BadAddress)?;
    Ok(bytes)
}
