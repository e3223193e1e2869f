//! Which counter, if any, an instruction belongs to.

use iced_x86::{Decoder, DecoderOptions, Mnemonic, Register};

use crate::{Counter, marker::marker_of};

/// What an instruction means to the plugin, beyond being one more instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Nothing: only the number of instructions grows.
    Plain,
    /// It adds one to this counter.
    Counted(Counter),
    /// It is a marker: a snapshot is due before it executes.
    Marker(u16),
}

/// Classifies one instruction, given by its bytes.
///
/// The plugin isn't told in which mode the CPU decodes, so this always decodes for 64-bit mode. That is right for
/// all of a running kernel and its programs; of a boot stub's 16-bit and 32-bit code the instructions counted here
/// have the same encoding.
pub fn classify(bytes: &[u8]) -> Class {
    if let Some(id) = marker_of(bytes) {
        return Class::Marker(id);
    }
    let instruction = Decoder::new(64, bytes, DecoderOptions::NONE).decode();
    let counter = match instruction.mnemonic() {
        Mnemonic::Mov if instruction.op0_register() == Register::CR3 => Counter::Cr3,
        Mnemonic::Wrmsr => Counter::Wrmsr,
        Mnemonic::Syscall => Counter::Syscall,
        Mnemonic::Sysret | Mnemonic::Sysretq | Mnemonic::Iret | Mnemonic::Iretd | Mnemonic::Iretq => {
            Counter::Sysret
        }
        Mnemonic::Swapgs => Counter::Swapgs,
        Mnemonic::Fxsave | Mnemonic::Fxsave64 | Mnemonic::Fxrstor | Mnemonic::Fxrstor64 => Counter::Xsave,
        Mnemonic::Xsave | Mnemonic::Xsave64 | Mnemonic::Xsavec | Mnemonic::Xsavec64 => Counter::Xsave,
        Mnemonic::Xsaveopt | Mnemonic::Xsaveopt64 | Mnemonic::Xsaves | Mnemonic::Xsaves64 => Counter::Xsave,
        Mnemonic::Xrstor | Mnemonic::Xrstor64 | Mnemonic::Xrstors | Mnemonic::Xrstors64 => Counter::Xsave,
        Mnemonic::Hlt => Counter::Hlt,
        Mnemonic::Invlpg | Mnemonic::Invpcid => Counter::Invlpg,
        Mnemonic::In | Mnemonic::Out => Counter::PortIo,
        Mnemonic::Insb | Mnemonic::Insw | Mnemonic::Insd => Counter::PortIo,
        Mnemonic::Outsb | Mnemonic::Outsw | Mnemonic::Outsd => Counter::PortIo,
        _ => return Class::Plain,
    };
    Class::Counted(counter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn expect(counter: Counter, encodings: &[&[u8]]) {
        for bytes in encodings {
            assert_eq!(classify(bytes), Class::Counted(counter), "{bytes:02x?}");
        }
    }

    #[test]
    fn control_and_system_instructions() {
        expect(Counter::Cr3, &[&[0x0f, 0x22, 0xd8], &[0x41, 0x0f, 0x22, 0xdf]]); // mov cr3, rax / r15
        expect(Counter::Wrmsr, &[&[0x0f, 0x30]]);
        expect(Counter::Syscall, &[&[0x0f, 0x05]]);
        expect(Counter::Sysret, &[&[0x48, 0x0f, 0x07], &[0x0f, 0x07], &[0x48, 0xcf], &[0xcf], &[0x66, 0xcf]]);
        expect(Counter::Swapgs, &[&[0x0f, 0x01, 0xf8]]);
        expect(Counter::Hlt, &[&[0xf4]]);
        expect(Counter::Invlpg, &[&[0x0f, 0x01, 0x38], &[0x0f, 0x01, 0x7c, 0x24, 0x08]]);
        expect(Counter::Invlpg, &[&[0x66, 0x0f, 0x38, 0x82, 0x04, 0x24]]);
    }

    #[test]
    fn vector_state() {
        expect(Counter::Xsave, &[&[0x0f, 0xae, 0x00], &[0x48, 0x0f, 0xae, 0x04, 0x24]]); // fxsave(64)
        expect(Counter::Xsave, &[&[0x0f, 0xae, 0x08], &[0x48, 0x0f, 0xae, 0x0c, 0x24]]); // fxrstor(64)
        expect(Counter::Xsave, &[&[0x0f, 0xae, 0x20], &[0x48, 0x0f, 0xae, 0x24, 0x24]]); // xsave(64)
        expect(Counter::Xsave, &[&[0x0f, 0xae, 0x28], &[0x48, 0x0f, 0xae, 0x2c, 0x24]]); // xrstor(64)
        expect(Counter::Xsave, &[&[0x48, 0x0f, 0xae, 0x30], &[0x48, 0x0f, 0xc7, 0x20]]); // xsaveopt64, xsavec64
        expect(Counter::Xsave, &[&[0x48, 0x0f, 0xc7, 0x28], &[0x48, 0x0f, 0xc7, 0x18]]); // xsaves64, xrstors64
    }

    #[test]
    fn port_accesses() {
        expect(
            Counter::PortIo,
            &[&[0xec], &[0xed], &[0x66, 0xed], &[0xee], &[0xef], &[0xe4, 0x60], &[0xe7, 0xf4]],
        );
        expect(Counter::PortIo, &[&[0xf3, 0x6c], &[0x6d], &[0xf3, 0x6e], &[0x66, 0x6f]]);
    }

    #[test]
    fn neighbours_are_plain() {
        let plain: &[&[u8]] = &[
            &[0x0f, 0x22, 0xd0],             // mov cr2, rax
            &[0x0f, 0x20, 0xd8],             // mov rax, cr3
            &[0x0f, 0x32],                   // rdmsr
            &[0x0f, 0x01, 0xf9],             // rdtscp
            &[0x0f, 0xae, 0xf0],             // mfence: the group of xsaveopt, register form
            &[0x0f, 0xae, 0xe8],             // lfence: the group of xrstor, register form
            &[0x0f, 0xae, 0x38],             // clflush
            &[0xf3, 0x48, 0x0f, 0xae, 0xd8], // wrgsbase rax
            &[0x0f, 0x01, 0x10],             // lgdt
            &[0xc3],
            &[0x90],
            &[0xb8, 0x0f, 0x05, 0, 0], // mov eax, 0x50f: a system call's bytes as data
            &[],
            &[0x0f],
        ];
        for bytes in plain {
            assert_eq!(classify(bytes), Class::Plain, "{bytes:02x?}");
        }
    }

    #[test]
    fn markers_win() {
        assert_eq!(classify(&crate::marker_bytes(7)), Class::Marker(7));
    }
}
