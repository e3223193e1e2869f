//! Which commands safe code may send to any handle whatsoever.
//!
//! A handle is a number: safe code can send anything to anything. Almost all of it is harmless to the sender's own memory; the
//! few commands of kernel objects that write, move or unmap it, or run code in it, are refused here and have `unsafe` functions
//! of their own (or safe ones that pass a slice). For a constant command the check costs nothing. A server's own commands had
//! better lie outside 0x100 to 0x8ff, where the kernel's are.

use anax_abi::object::{ChannelCommand, MachineCommand, SpaceCommand, ThreadCommand};

/// Whether the command, sent to a kernel object, could change the calling program's memory under its own feet.
#[inline]
pub(crate) const fn reaches_memory(command: u32) -> bool {
    const MAP: u32 = SpaceCommand::Map as u32;
    const UNMAP: u32 = SpaceCommand::Unmap as u32;
    const PROTECT: u32 = SpaceCommand::Protect as u32;
    const START: u32 = ThreadCommand::Start as u32;
    const WRITE_REGISTER: u32 = ThreadCommand::WriteRegister as u32;
    const MAP_EPOCH: u32 = ChannelCommand::MapEpoch as u32;
    const READ_TRACE: u32 = MachineCommand::ReadTrace as u32;
    const DESCRIPTION: u32 = MachineCommand::Description as u32;
    const CONSOLE_READ: u32 = MachineCommand::ConsoleRead as u32;
    const READ_LOG: u32 = MachineCommand::ReadLog as u32;
    const COMMAND_LINE: u32 = MachineCommand::CommandLine as u32;
    matches!(
        command,
        MAP | UNMAP
            | PROTECT
            | START
            | WRITE_REGISTER
            | MAP_EPOCH
            | READ_TRACE
            | DESCRIPTION
            | CONSOLE_READ
            | COMMAND_LINE
            | READ_LOG
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_commands_and_most_of_the_kernels_are_free() {
        for command in [0, 1, 0xff, 0x1000, u32::MAX, SpaceCommand::Close as u32, MachineCommand::Log as u32]
        {
            assert!(!reaches_memory(command), "{command:#x}");
        }
        assert!(reaches_memory(SpaceCommand::Unmap as u32));
        assert!(reaches_memory(MachineCommand::CommandLine as u32));
    }
}
