//! What the machine code of kernel and programs must not do, found by disassembling each function.
//!
//! * No access through FS: a thread-local variable of a library would read whatever lies there.
//! * No branch to where no code is: what a weak symbol that nobody defined links to.
//! * In the kernel, no use of the red zone, the 128 bytes below the stack pointer that a leaf function may use without reserving
//!   them. Interrupts that arrive in the kernel step over them, but only the library functions that come compiled
//!   should depend on it; those are listed in `red-zone.txt`, each with its reason.

use std::collections::BTreeSet;

use iced_x86::{Decoder, DecoderOptions, Instruction, Mnemonic, OpKind, Register};

use super::Findings;
use super::image::{Function, Image};

const LISTED: &str = include_str!("red-zone.txt");

/// Who may use the red zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RedZone {
    /// Those on the list.
    Listed,
    /// Everybody: nothing interrupts on the same stack.
    Free,
}

/// Disassembles all functions of an image.
pub(super) fn check(image: &Image<'_>, red_zone: RedZone, findings: &mut Findings) {
    let mut found = BTreeSet::new();
    for function in image.functions() {
        let code = decode(&function);
        for instruction in &code {
            // A program may keep data beside its code, and a test program what no processor takes.
            let problem = if instruction.is_invalid() && red_zone == RedZone::Listed {
                Some("holds bytes that are no instruction".to_owned())
            } else if instruction.memory_segment() == Register::FS && has_memory_operand(instruction) {
                Some("reads a thread-local variable (FS)".to_owned())
            } else {
                near_target(instruction)
                    .filter(|&target| !image.is_code(target))
                    .map(|target| format!("branches to {target:#x}, where there is no code"))
            };
            if let Some(problem) = problem {
                findings.fail(format!(
                    "{}: {} at {:#x} {problem}",
                    image.name,
                    function.name,
                    instruction.ip()
                ));
                break;
            }
        }
        if red_zone == RedZone::Listed
            && let Some(place) = red_zone_use(&code)
            && found.insert(function.name.clone())
            && !is_listed(&function.name)
        {
            findings.fail(format!("{} at {place:#x} uses the red zone", function.name));
        }
    }
}

fn decode(function: &Function<'_>) -> Vec<Instruction> {
    let decoder = Decoder::with_ip(64, function.code, function.address, DecoderOptions::NONE);
    decoder.into_iter().collect()
}

fn has_memory_operand(instruction: &Instruction) -> bool {
    (0..instruction.op_count()).any(|operand| instruction.op_kind(operand) == OpKind::Memory)
}

fn near_target(instruction: &Instruction) -> Option<u64> {
    (instruction.op0_kind() == OpKind::NearBranch64).then(|| instruction.near_branch_target())
}

/// Where a function uses memory below its stack pointer, if it does.
///
/// An address below RSP is plain. With a frame pointer the red zone is what lies deeper below RBP than everything
/// that the function pushed and reserved since it set RBP; a function that aligns its stack or reserves a computed
/// amount has no such depth, and isn't a leaf in need of a red zone either.
fn red_zone_use(code: &[Instruction]) -> Option<u64> {
    let mut framed = false;
    let (mut depth, mut deepest) = (0_i64, 0_i64);
    let mut fixed = true;
    // A large frame is probed page by page, down to a limit that is computed in another register first.
    let mut limit = Register::None;
    for instruction in code {
        let rsp_is_target =
            instruction.op0_kind() == OpKind::Register && instruction.op0_register() == Register::RSP;
        match instruction.mnemonic() {
            Mnemonic::Mov
                if instruction.op0_register() == Register::RBP
                    && instruction.op1_register() == Register::RSP =>
            {
                framed = true;
                (depth, deepest) = (0, 0);
            }
            Mnemonic::Push | Mnemonic::Pushfq => depth += 8,
            Mnemonic::Pop | Mnemonic::Popfq => depth -= 8,
            Mnemonic::Sub | Mnemonic::Add if rsp_is_target => match instruction.try_immediate(1) {
                Ok(amount) if instruction.mnemonic() == Mnemonic::Sub => depth += amount as i64,
                Ok(amount) => depth -= amount as i64,
                Err(_) => fixed = false,
            },
            Mnemonic::Mov if instruction.op1_register() == Register::RSP => {
                limit = instruction.op0_register()
            }
            Mnemonic::Sub if limit != Register::None && instruction.op0_register() == limit => {
                depth += instruction.try_immediate(1).map_or(0, |amount| amount as i64);
            }
            Mnemonic::And | Mnemonic::Lea | Mnemonic::Xchg | Mnemonic::Mov if rsp_is_target => fixed = false,
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    code.iter().find(|instruction| touches_below(instruction, framed && fixed, deepest)).map(Instruction::ip)
}

fn touches_below(instruction: &Instruction, framed: bool, deepest: i64) -> bool {
    if !has_memory_operand(instruction) || instruction.memory_index() != Register::None {
        return false;
    }
    let displacement = instruction.memory_displacement64() as i64;
    let reserves = instruction.mnemonic() == Mnemonic::Lea && instruction.op0_register() == Register::RSP;
    match instruction.memory_base() {
        Register::RSP => displacement < 0 && !reserves,
        Register::RBP => framed && displacement < -deepest && !reserves,
        _ => false,
    }
}

/// Whether `red-zone.txt` lists a function.
fn is_listed(function: &str) -> bool {
    listed_names().any(|name| name == function)
}

fn listed_names() -> impl Iterator<Item = &'static str> {
    LISTED.lines().filter(|line| !line.is_empty() && !line.starts_with('#'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uses_red_zone(code: &[u8]) -> bool {
        let function = Function { name: "f".into(), address: 0x1000, code };
        red_zone_use(&decode(&function)).is_some()
    }

    #[test]
    fn below_the_stack_pointer() {
        assert!(uses_red_zone(&[0x48, 0x89, 0x7c, 0x24, 0xf8, 0xc3])); // mov [rsp-8], rdi; ret
        assert!(uses_red_zone(&[0x48, 0x8d, 0x44, 0x24, 0xf0, 0xc3])); // lea rax, [rsp-16]; ret
        assert!(!uses_red_zone(&[0x48, 0x89, 0x7c, 0x24, 0x08, 0xc3])); // mov [rsp+8], rdi; ret
        assert!(!uses_red_zone(&[0x48, 0x8d, 0x64, 0x24, 0xf0, 0xc3])); // lea rsp, [rsp-16]: reserves
    }

    #[test]
    fn below_a_frame() {
        let entry = [0x55, 0x48, 0x89, 0xe5]; // push rbp; mov rbp, rsp
        let store = [0x48, 0x89, 0x7d, 0xf8]; // mov [rbp-8], rdi
        assert!(uses_red_zone(&[&entry[..], &store, &[0x5d, 0xc3]].concat()));
        let reserve = [0x48, 0x83, 0xec, 0x10]; // sub rsp, 16
        assert!(!uses_red_zone(&[&entry[..], &reserve, &store, &[0xc9, 0xc3]].concat()));
        let save = [0x53]; // push rbx
        assert!(!uses_red_zone(&[&entry[..], &save, &store, &[0x5b, 0x5d, 0xc3]].concat()));
        let deeper = [0x48, 0x89, 0x7d, 0xf0]; // mov [rbp-16], rdi
        assert!(uses_red_zone(&[&entry[..], &save, &deeper, &[0x5b, 0x5d, 0xc3]].concat()));
        let align = [0x48, 0x83, 0xe4, 0xf0]; // and rsp, -16
        assert!(!uses_red_zone(&[&entry[..], &align, &store, &[0xc9, 0xc3]].concat()));
    }

    #[test]
    fn a_frame_that_is_probed() {
        let entry = [0x55, 0x48, 0x89, 0xe5, 0x49, 0x89, 0xe3]; // push rbp; mov rbp, rsp; mov r11, rsp
        let limit = [0x49, 0x81, 0xeb, 0x00, 0xb0, 0x00, 0x00]; // sub r11, 0xb000
        let probe = [0x48, 0x81, 0xec, 0x00, 0x10, 0x00, 0x00, 0x4c, 0x39, 0xdc, 0x75, 0xf4]; // again: sub rsp, 0x1000; cmp rsp, r11; jne
        let store = [0xc6, 0x85, 0x00, 0x60, 0xff, 0xff, 0x00]; // mov byte [rbp-0xa000], 0
        assert!(!uses_red_zone(&[&entry[..], &limit, &probe, &store, &[0xc9, 0xc3]].concat()));
        assert!(uses_red_zone(&[&entry[..], &probe, &store, &[0xc9, 0xc3]].concat()));
    }

    #[test]
    fn a_frame_pointer_that_is_none() {
        // mov [rbp-8], rdi with RBP as an ordinary register
        assert!(!uses_red_zone(&[0x48, 0x89, 0x7d, 0xf8, 0xc3]));
    }

    #[test]
    fn branches_and_segments() {
        let decoded = |code: &[u8]| Decoder::with_ip(64, code, 0x1000, DecoderOptions::NONE).decode();
        assert_eq!(near_target(&decoded(&[0xe8, 0xfb, 0xef, 0xff, 0xff])), Some(0)); // call 0
        assert_eq!(near_target(&decoded(&[0x74, 0x00])), Some(0x1002)); // jz
        assert_eq!(near_target(&decoded(&[0xff, 0xd0])), None); // call rax
        let thread_local = decoded(&[0x64, 0x48, 0x8b, 0x04, 0x25, 0, 0, 0, 0]); // mov rax, fs:[0]
        assert_eq!(thread_local.memory_segment(), Register::FS);
        assert!(has_memory_operand(&thread_local));
    }

    #[test]
    fn the_list_is_sorted_and_free_of_doubles() {
        let names: Vec<_> = listed_names().collect();
        assert!(names.is_sorted_by(|a, b| a < b));
    }
}
