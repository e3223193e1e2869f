//! User mode: programs run in their own space, call the kernel, and can hurt nobody but themselves.

use core::arch::global_asm;
use core::sync::atomic::{AtomicU64, Ordering};

use anax_abi::{Error, Rights};
use microkernel_core::quota::Limits;
use microkernel_core::runqueue::Priority;
use x86_64::VirtAddr;

use super::{Broken, Context, Held, Verdict};
use crate::arch::cpu::InterruptsOff;
use crate::arch::paging::Root;
use crate::arch::ports::{self, PortSet};
use crate::arch::syscall::enter_user;
use crate::interrupt::FAULT_STATUS;
use crate::lwkt::{self, Start};
use crate::mm::frames;
use crate::object::Object;
use crate::vm::{AddressSpace, Backing, Payer, Region, USER};
use crate::{check, ktest, percpu};
use microkernel_core::portset::MAX_RANGES;

ktest!(
    calls_return_and_keep_registers,
    a_program_file_loads_and_runs,
    faults_end_the_program_only,
    a_space_gives_back_what_it_took,
    user_memory_is_reached_only_as_mapped,
    ports_are_open_to_the_space_that_has_them,
);

// Programs of a few instructions. They are entered at their first byte with rdi as given, on a stack that ends at STACK.
global_asm!(
    r#"
    .section .rodata.ktest_user, "a"

    # Makes rdi calls and checks that each returns 0, keeps rbx, rbp and r12 to r15, and leaves no vector register behind.
    .global ktest_user_calls
    ktest_user_calls:
        mov r15, rdi
        mov ebx, 11
        mov ebp, 22
        mov r12d, 33
        mov r13d, 44
        mov r14d, 55
    2:  pcmpeqd xmm7, xmm7
        xor eax, eax
        mov r8d, 88
        syscall
        test rax, rax
        jnz 9f
        movq rax, xmm7
        test rax, rax
        jnz 9f
        lea rax, [rbx + rbp]
        add rax, r12
        add rax, r13
        add rax, r14
        add rax, r8
        cmp rax, 11 + 22 + 33 + 44 + 55 + 88
        jne 9f
        dec r15
        jnz 2b
        mov esi, 7
        mov eax, 1
        syscall
    9:  mov esi, 1
        mov eax, 1
        syscall

    # One forbidden thing each; rdi is an address.
    .global ktest_user_read
    ktest_user_read:
        mov rax, [rdi]
        jmp 8f
    .global ktest_user_write
    ktest_user_write:
        mov [rdi], rax
        jmp 8f
    .global ktest_user_jump
    ktest_user_jump:
        jmp rdi
    .global ktest_user_halt
    ktest_user_halt:
        hlt
    .global ktest_user_control
    ktest_user_control:
        mov rax, cr3
        jmp 8f
    .global ktest_user_port
    ktest_user_port:
        mov edx, edi
        in al, dx
    8:  mov esi, 99
        mov eax, 1
        syscall
    .global ktest_user_end
    ktest_user_end:
    .text
    "#
);

unsafe extern "C" {
    safe static ktest_user_calls: u8;
    safe static ktest_user_read: u8;
    safe static ktest_user_write: u8;
    safe static ktest_user_jump: u8;
    safe static ktest_user_halt: u8;
    safe static ktest_user_control: u8;
    safe static ktest_user_port: u8;
    safe static ktest_user_end: u8;
}

const TEXT: u64 = 0x40_0000;
const STACK: u64 = 0x80_0000;
const STACK_PAGES: u64 = 4;

fn failed(what: &'static str) -> Broken {
    Broken(what.into())
}

const WRITABLE: Rights = Rights::READ.with(Rights::WRITE);

fn code() -> &'static [u8] {
    let start = &raw const ktest_user_calls;
    let length = (&raw const ktest_user_end).addr() - start.addr();
    // SAFETY: the bytes between two labels of one read-only section.
    unsafe { core::slice::from_raw_parts(start, length) }
}

fn empty() -> Result<AddressSpace, Broken> {
    let limits = Limits { pages: 1000, handles: 0, threads: 0, messages: 0 };
    let payer = Payer::new(limits).ok_or_else(|| failed("no accounts"))?;
    AddressSpace::new(payer, 16, crate::percpu::this().id()).map_err(|_| failed("no space"))
}

/// Maps fresh pages.
fn map(space: &AddressSpace, pages: core::ops::Range<u64>, rights: Rights) -> Result<(), Broken> {
    let bytes = pages.end - pages.start;
    let region =
        Region::create(space.payer(), bytes, Backing::Pinned, None).map_err(|_| failed("no region"))?;
    let held = region.hold(region.header().generation()).map_err(|_| failed("not held"))?;
    let mapped = space.map(held, pages.start, 0, bytes, rights, Rights::ALL);
    region.end();
    mapped.map(drop).map_err(|_| failed("not mapped"))
}

/// A space with the little programs at [`TEXT`] and a stack.
fn space() -> Result<AddressSpace, Broken> {
    let space = empty()?;
    map(&space, TEXT..TEXT + 4096, WRITABLE)?;
    space.write(TEXT, code()).map_err(|_| failed("text is not writable"))?;
    map(&space, STACK - STACK_PAGES * 4096..STACK, WRITABLE)?;
    Ok(space)
}

/// As [`space`], with the text's final protection: what a loader does, in a space of its own.
fn executable() -> Result<AddressSpace, Broken> {
    let space = space()?;
    let none = crate::vm::Completion { call: |_| (), argument: 0 };
    let done = space.protect(TEXT, 4096, Rights::READ.with(Rights::EXECUTE), none);
    done.map(|_| space).map_err(|_| failed("text is not executable"))
}

/// Runs the program at `label` in `space`; its status.
fn run(space: &AddressSpace, label: &u8, argument: u64) -> u64 {
    let entry = TEXT + ((&raw const *label).addr() - (&raw const ktest_user_calls).addr()) as u64;
    let kernel = Root::current();
    let _off = InterruptsOff::new();
    // SAFETY: the space outlives its use, the entry is canonical, interrupts are off; the kernel's root is put back.
    unsafe {
        space.root().activate();
        let status = enter_user(entry, STACK, argument);
        kernel.activate();
        status
    }
}

fn calls_return_and_keep_registers(context: &Context) -> Verdict {
    let space = executable()?;
    let status = run(&space, &ktest_user_calls, context.rounds(100_000));
    check!(status == 7, "status {status:#x}");
    Ok(Held::Passed)
}

/// A static executable with the little programs as its text, laid out as a linker would.
fn program_file(text_flags: u32) -> alloc::vec::Vec<u8> {
    const CODE_AT: usize = 0x1000;
    let (code, length) = (code(), code().len());
    let mut file = alloc::vec![0x7f, b'E', b'L', b'F', 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let halves = |file: &mut alloc::vec::Vec<u8>, values: &[u16]| {
        values.iter().for_each(|value| file.extend(value.to_le_bytes()));
    };
    let words = |file: &mut alloc::vec::Vec<u8>, values: &[u64]| {
        values.iter().for_each(|value| file.extend(value.to_le_bytes()));
    };
    halves(&mut file, &[2, 62, 1, 0]);
    words(&mut file, &[TEXT, 64, 0]);
    halves(&mut file, &[0, 0, 64, 56, 2, 64, 0, 0]);
    let stack = STACK - STACK_PAGES * 4096;
    for (flags, offset, address, in_file, in_memory) in
        [(text_flags, CODE_AT as u64, TEXT, length as u64, length as u64), (6, 0, stack, 0, STACK - stack)]
    {
        file.extend(1u32.to_le_bytes());
        file.extend(flags.to_le_bytes());
        words(&mut file, &[offset, address, address, in_file, in_memory, 4096]);
    }
    file.resize(CODE_AT, 0);
    file.extend(code);
    file
}

fn a_program_file_loads_and_runs(_: &Context) -> Verdict {
    let space = empty()?;
    let entry = space.load(&program_file(5));
    check!(entry == Ok(TEXT), "loading: {entry:?}");
    let status = run(&space, &ktest_user_calls, 10);
    check!(status == 7, "status {status:#x}");
    let status = run(&space, &ktest_user_write, TEXT);
    check!(status == FAULT_STATUS | 14, "its text is writable: status {status:#x}");
    let space = empty()?;
    let refused = space.load(&program_file(7));
    check!(refused == Err(Error::BadArgument), "a writable and executable segment: {refused:?}");
    Ok(Held::Passed)
}

fn faults_end_the_program_only(_: &Context) -> Verdict {
    const PAGE_FAULT: u64 = FAULT_STATUS | 14;
    const PROTECTION: u64 = FAULT_STATUS | 13;
    let space = executable()?;
    let kernel_text = crate::mm::layout::text().start.as_u64();
    let direct_map = crate::mm::layout::DIRECT_MAP + 0x10_0000;
    let cases: [(&str, &u8, u64, u64); 14] = [
        ("read null", &ktest_user_read, 0, PAGE_FAULT),
        ("read kernel text", &ktest_user_read, kernel_text, PAGE_FAULT),
        ("read the direct map", &ktest_user_read, direct_map, PAGE_FAULT),
        ("read a non-canonical address", &ktest_user_read, 1 << 47, PROTECTION),
        ("write kernel text", &ktest_user_write, kernel_text, PAGE_FAULT),
        ("write own text", &ktest_user_write, TEXT, PAGE_FAULT),
        ("write the last page", &ktest_user_write, USER.end, PAGE_FAULT),
        ("jump to the kernel", &ktest_user_jump, kernel_text, PAGE_FAULT),
        ("jump to the stack", &ktest_user_jump, STACK - 64, PAGE_FAULT),
        ("jump to a non-canonical address", &ktest_user_jump, 1 << 63, PROTECTION),
        ("halt", &ktest_user_halt, 0, PROTECTION),
        ("read CR3", &ktest_user_control, 0, PROTECTION),
        ("read a port", &ktest_user_port, 0x3f8, PROTECTION),
        ("make one call", &ktest_user_calls, 1, 7),
    ];
    for (what, label, argument, expected) in cases {
        let status = run(&space, label, argument);
        check!(status == expected, "{what}: status {status:#x}, expected {expected:#x}");
    }
    Ok(Held::Passed)
}

fn a_space_gives_back_what_it_took(context: &Context) -> Verdict {
    // What the caches of this CPU hold counts as used, so equality is asked of the sum over many spaces.
    drop(executable()?);
    let held = || {
        let (total, free) = frames::usage();
        total - free
    };
    let before = held();
    for _ in 0..context.rounds(10_000) {
        drop(executable()?);
    }
    let after = held();
    check!(before.abs_diff(after) <= 3 * 32 * 4096, "{before} bytes in use before, {after} after");
    Ok(Held::Passed)
}

fn user_memory_is_reached_only_as_mapped(_: &Context) -> Verdict {
    let space = space()?;
    let mut bytes = [0; 16];
    check!(space.write(STACK - 8, &[1; 8]).is_ok(), "the stack's last word");
    check!(space.write(STACK - 8, &[1; 9]).is_err(), "a byte beyond the stack");
    check!(space.read(STACK - 8, &mut bytes[..8]).is_ok() && bytes[..8] == [1; 8], "what was written");
    for address in [0, 8, USER.end, u64::MAX - 4, 1 << 47, 1 << 63, VirtAddr::from_ptr(&bytes).as_u64()] {
        check!(space.read(address, &mut bytes).is_err(), "{address:#x} can be read");
        check!(space.write(address, &bytes).is_err(), "{address:#x} can be written");
    }
    // Across a page boundary, in both pages.
    let pattern = core::array::from_fn::<u8, 16, _>(|index| index as u8);
    check!(space.write(STACK - 4096 - 8, &pattern).is_ok(), "a write across pages");
    check!(space.read(STACK - 4096 - 8, &mut bytes).is_ok() && bytes == pattern, "a read across pages");
    let executable = executable()?;
    check!(executable.write(TEXT, &[0; 4]).is_err(), "a program's text can be written");
    Ok(Held::Passed)
}

/// What reading `port` comes to while `set` is in force.
fn read_port(space: &AddressSpace, set: Option<&PortSet>, port: u16) -> u64 {
    let _off = InterruptsOff::new();
    ports::activate(set);
    let status = run(space, &ktest_user_port, port.into());
    ports::activate(None);
    status
}

/// By a thread on each CPU: every port that should be open is, and no other.
static WRONG_PORTS: AtomicU64 = AtomicU64::new(0);
static PORT_READERS: AtomicU64 = AtomicU64::new(0);

fn try_ports() -> Result<(), Broken> {
    const OPEN: u64 = 99;
    const SHUT: u64 = FAULT_STATUS | 13;
    let space = executable()?;
    let (one, other) = (PortSet::new(), PortSet::new());
    let check = |set: Option<&PortSet>, open: &[u16], shut: &[u16]| {
        for (ports, expected) in [(open, OPEN), (shut, SHUT)] {
            for &port in ports {
                let status = read_port(&space, set, port);
                check!(status == expected, "port {port:#x} of {set:?}: {status:#x}, expected {expected:#x}");
            }
        }
        Ok(())
    };
    // Ports whose reading has no effect: POST codes, the PIC's masks, the end of the address space.
    check(None, &[], &[0x21, 0x80])?;
    check(Some(&one), &[], &[0x21, 0x80])?;
    check!(one.allow(0x80..=0x87).is_ok() && other.allow(0x21..=0x21).is_ok(), "no room in an empty set");
    check(Some(&one), &[0x80, 0x83, 0x87], &[0x7f, 0x88, 0x21])?;
    check(None, &[], &[0x80, 0x21])?;
    check(Some(&one), &[0x80], &[0x21])?;
    check(Some(&other), &[0x21], &[0x20, 0x22, 0x80, 0x87])?;
    check!(one.allow(0xfff0..=0xffff).is_ok(), "no room for a second range");
    check(Some(&one), &[0x80, 0xfff0, 0xffff], &[0xffef, 0x21])?;
    one.forbid(0x80..=0x87);
    check(Some(&one), &[0xffff], &[0x80, 0x87])?;
    one.forbid(0xfff0..=0xffff);
    check(Some(&one), &[], &[0x80, 0xffff])?;
    check(Some(&other), &[0x21], &[0x80, 0xffff])?;
    let taken = (0..).take_while(|&port| one.allow(port..=port).is_ok()).count();
    check!(taken == MAX_RANGES, "a set takes {taken} ranges");
    check!(one.allow(3..=3).is_ok(), "a range that is there already needs no room");
    Ok(())
}

fn ports_are_open_to_the_space_that_has_them(_: &Context) -> Verdict {
    try_ports()?;
    for cpu in percpu::all().skip(1) {
        let before = PORT_READERS.load(Ordering::Acquire);
        let work = |_| {
            WRONG_PORTS.fetch_add(u64::from(try_ports().is_err()), Ordering::AcqRel);
            PORT_READERS.fetch_add(1, Ordering::AcqRel);
        };
        lwkt::lwkt_create(cpu, "ports", Priority::USER_NORMAL, Start::Now, work, 0)
            .map_err(|_| failed("no thread"))?;
        while PORT_READERS.load(Ordering::Acquire) == before {
            crate::arch::cpu::pause();
        }
        check!(WRONG_PORTS.load(Ordering::Acquire) == 0, "wrong on CPU {}", cpu.id().index());
    }
    Ok(Held::Passed)
}
