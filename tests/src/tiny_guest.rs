//! A guest of a few dozen bytes whose every instruction is known, to test the counting plugin against.
//!
//! It enters by PVH, so in 32-bit mode without paging, starts a second CPU if there is one, and then both count down
//! from a given number at the same time. Machine code is spelled out since no assembler is called for.

use count_format::{ADDRESS_SIZE_PREFIX, marker_bytes};

const ENTRY: u32 = 0x10_0000;
/// Where the second CPU's code is kept, and where it is copied for it to start; the BIOS uses the latter itself
/// before the guest runs.
const SECOND_STORED: u32 = ENTRY + 0x100;
const SECOND_START: u32 = 0x8000;
/// Set by the second CPU when it is done.
const DONE: u32 = 0x9000;
/// The local APIC's interrupt command register.
const APIC_COMMAND: u32 = 0xfee0_0300;
const INIT_OTHERS: u32 = 0x000c_4500;
/// Start the others at page 8.
const START_OTHERS: u32 = 0x000c_4608;

/// Markers before and after the first CPU's loop.
pub(crate) const FIRST: [u16; 2] = [1, 2];
/// Markers before and after the second CPU's loop.
pub(crate) const SECOND: [u16; 2] = [3, 4];

/// Instructions between a CPU's two markers, the first marker included, for a loop of `turns`.
pub(crate) fn instructions(turns: u32) -> u64 {
    2 * u64::from(turns) + 2
}

/// How many CPUs the guest uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cpus {
    One,
    Two,
}

/// The guest as an ELF file that ends QEMU by its debug exit at port 0xf4.
pub(crate) fn elf(turns: u32, cpus: Cpus) -> Vec<u8> {
    let mut first = Vec::new();
    if cpus == Cpus::Two {
        start_second_cpu(&mut first);
    }
    first.extend(marker_bytes(FIRST[0]));
    push(&mut first, &[0xb9], &[turns]); // mov ecx, turns
    first.extend([0x49, 0x75, 0xfd]); // again: dec ecx; jnz again
    first.extend(marker_bytes(FIRST[1]));
    if cpus == Cpus::Two {
        push(&mut first, &[0x83, 0x3d], &[DONE]); // wait: cmp dword [DONE], 0
        first.extend([0x00, 0x74, 0xf7]); // jz wait
    }
    first.extend([0xe7, 0xf4, 0xf4]); // out 0xf4, eax; hlt
    file(&first, &second_cpu(turns))
}

fn start_second_cpu(code: &mut Vec<u8>) {
    push(code, &[0xbe], &[SECOND_STORED]); // mov esi, ..
    push(code, &[0xbf], &[SECOND_START]); // mov edi, ..
    push(code, &[0xb9], &[64]); // mov ecx, 64
    code.extend([0xf3, 0xa4]); // rep movsb
    push(code, &[0xc7, 0x05], &[DONE, 0]); // mov dword [DONE], 0
    push(code, &[0xc7, 0x05], &[APIC_COMMAND, INIT_OTHERS]);
    push(code, &[0xc7, 0x05], &[APIC_COMMAND, START_OTHERS]);
}

/// 16-bit code.
fn second_cpu(turns: u32) -> Vec<u8> {
    let mut code = Vec::new();
    let mark = |code: &mut Vec<u8>, id| {
        code.push(ADDRESS_SIZE_PREFIX);
        code.extend(marker_bytes(id));
    };
    mark(&mut code, SECOND[0]);
    push(&mut code, &[0x66, 0xb9], &[turns]); // mov ecx, turns
    code.extend([0x66, 0x49, 0x75, 0xfc]); // again: dec ecx; jnz again
    mark(&mut code, SECOND[1]);
    code.extend([0xc6, 0x06, 0x00, 0x90, 0x01]); // mov byte [DONE], 1
    code.push(0xf4); // hlt
    code
}

fn push(code: &mut Vec<u8>, opcode: &[u8], operands: &[u32]) {
    code.extend(opcode);
    code.extend(operands.iter().flat_map(|operand| operand.to_le_bytes()));
}

/// An ELF file with one segment and a PVH note.
fn file(first: &[u8], second: &[u8]) -> Vec<u8> {
    const HEADERS: u64 = 64 + 2 * 56;
    const CODE: u64 = 0x200;
    const PT_LOAD: u32 = 1;
    const PT_NOTE: u32 = 4;
    const READ_EXECUTE: u32 = 5;
    let mut code = first.to_vec();
    code.resize((SECOND_STORED - ENTRY) as usize, 0);
    code.extend(second);
    let mut note = Vec::new();
    note.extend([4, 8, 18].into_iter().flat_map(u32::to_le_bytes)); // sizes of name and value; entry point
    note.extend(b"Xen\0");
    note.extend(u64::from(ENTRY).to_le_bytes());

    let mut file = b"\x7fELF\x02\x01\x01".to_vec();
    file.resize(16, 0);
    file.extend([2, 62].into_iter().flat_map(u16::to_le_bytes)); // executable, x86-64
    file.extend(1_u32.to_le_bytes());
    file.extend([u64::from(ENTRY), 64, 0].into_iter().flat_map(u64::to_le_bytes));
    file.extend(0_u32.to_le_bytes());
    file.extend([64, 56, 2, 0, 0, 0].into_iter().flat_map(u16::to_le_bytes));
    let mut segment = |kind: u32, offset: u64, address: u64, length: usize, align: u64| {
        file.extend([kind, READ_EXECUTE].into_iter().flat_map(u32::to_le_bytes));
        let length = length as u64;
        file.extend([offset, address, address, length, length, align].into_iter().flat_map(u64::to_le_bytes));
    };
    segment(PT_LOAD, CODE, u64::from(ENTRY), code.len(), 1);
    segment(PT_NOTE, HEADERS, 0, note.len(), 4);
    file.extend(note);
    file.resize(CODE as usize, 0);
    file.extend(code);
    file
}
