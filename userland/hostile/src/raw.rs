//! Attacks by single instructions: what only the kernel may do, odd flags and stacks at the kernel's doors, jumps to where there
//! is nothing to run. Each is a few bytes that run in a child of their own.

use crate::lab::{CODE, DATA, End, Fail, Held, Lab, hold};

/// The bytes of instructions, which the surrounding code jumps over.
macro_rules! code {
    ($($line:literal),+) => {{
        let (start, end): (*const u8, *const u8);
        // SAFETY: two addresses and a jump over what lies between; flags and memory stay.
        unsafe {
            core::arch::asm!(
                "lea {start}, [rip + 77f]", "lea {end}, [rip + 78f]", "jmp 78f", "77:", $($line,)+ "78:",
                start = out(reg) start, end = out(reg) end, options(nomem, nostack),
            );
            core::slice::from_raw_parts(start, end.offset_from_unsigned(start))
        }
    }};
}
pub(crate) use code;

/// What is to be expected.
#[derive(Clone, Copy)]
pub(crate) enum Want {
    /// A fault of this kind.
    Vector(u64),
    /// One of these: processors differ.
    Either(u64, u64),
    /// The end that comes after what has no effect.
    Goes,
    /// No effect, or this fault.
    GoesOr(u64),
}
use Want::{Either, Goes, GoesOr, Vector};

/// Exits with [`PASSED`].
const EXIT: &[u8] = &[
    0x48, 0xb8, 0, 0, 0, 0, 0x01, 0x02, 0, 0, // mov rax, 0x201 << 32
    0x48, 0xc7, 0xc7, 0xff, 0xff, 0xff, 0xff, // mov rdi, -1
    0xbe, 0x77, 0, 0, 0, // mov esi, 0x77
    0x0f, 0x05, // syscall
    0x0f, 0x0b, // ud2
];
const PASSED: u64 = 0x77;

fn attack(lab: &Lab, nth: u32, code: &[u8], want: Want) -> Held {
    let mut bytes = [0xcc; 256];
    bytes[..code.len()].copy_from_slice(code);
    bytes[code.len()..][..EXIT.len()].copy_from_slice(EXIT);
    lab.put_code(&bytes[..code.len() + EXIT.len()]);
    let child = lab.child(nth)?;
    let thread = lab.thread(child)?;
    lab.start(child, thread, 0)?;
    let end = lab.end();
    if end.is_err() {
        let seen = thread.inspect()?;
        anax_sys::log!("no end: state {}, {:?}", seen.result, seen.words);
    }
    crate::lab::close([thread.handle()])?;
    child.end()?;
    expect(end?, want)
}

fn expect(end: End, want: Want) -> Held {
    match (end, want) {
        (End::Exit(PASSED), Goes | GoesOr(_)) => Ok(()),
        (End::Fault { vector, .. }, Vector(wanted) | GoesOr(wanted)) if vector == wanted => Ok(()),
        (End::Fault { vector, .. }, Either(one, other)) if vector == one || vector == other => Ok(()),
        (End::Fault { vector, .. }, _) => Err(Fail("another fault", vector.cast_signed())),
        (End::Exit(status), _) => Err(Fail("an exit", status.cast_signed())),
    }
}

pub(crate) fn run(lab: &mut Lab) {
    let table: &[(&str, &[u8], Want)] = &[
        ("nothing", code!("nop"), Goes),
        ("hlt", code!("hlt"), Vector(13)),
        ("cli", code!("cli"), Vector(13)),
        ("sti", code!("sti"), Vector(13)),
        ("in", code!("in al, dx"), Vector(13)),
        ("in COM1", code!("mov edx, 0x3f8", "in al, dx"), Vector(13)),
        ("out PCI", code!("mov edx, 0xcf8", "out dx, eax"), Vector(13)),
        ("out 0xffff", code!("mov edx, 0xffff", "out dx, al"), Vector(13)),
        ("insb", code!("cld", "insb"), Vector(13)),
        ("outsb", code!("cld", "outsb"), Vector(13)),
        ("read cr0", code!("mov rax, cr0"), Vector(13)),
        ("write cr0", code!("mov cr0, rax"), Vector(13)),
        ("read cr2", code!("mov rax, cr2"), Vector(13)),
        ("read cr3", code!("mov rax, cr3"), Vector(13)),
        ("write cr3", code!("mov cr3, rax"), Vector(13)),
        ("write cr4", code!("mov cr4, rax"), Vector(13)),
        ("write cr8", code!("mov cr8, rax"), Vector(13)),
        ("read dr7", code!("mov rax, dr7"), Vector(13)),
        ("write dr0", code!("mov dr0, rax"), Vector(13)),
        ("clts", code!("clts"), Vector(13)),
        ("lmsw", code!("lmsw ax"), Vector(13)),
        ("rdmsr", code!("mov ecx, 0xc0000082", "rdmsr"), Vector(13)),
        ("wrmsr", code!("mov ecx, 0xc0000082", "wrmsr"), Vector(13)),
        ("rdpmc", code!("xor ecx, ecx", "rdpmc"), Vector(13)),
        ("xsetbv", code!("xor ecx, ecx", "xsetbv"), Either(13, 6)),
        ("lgdt", code!("lgdt [rsp - 64]"), Vector(13)),
        ("lidt", code!("lidt [rsp - 64]"), Vector(13)),
        ("lldt", code!("xor eax, eax", "lldt ax"), Vector(13)),
        ("ltr", code!("mov eax, 0x28", "ltr ax"), Vector(13)),
        ("sgdt", code!("sgdt [rsp - 64]"), GoesOr(13)),
        ("sidt", code!("sidt [rsp - 64]"), GoesOr(13)),
        ("smsw", code!("smsw rax"), GoesOr(13)),
        ("invlpg", code!("invlpg [rsp]"), Vector(13)),
        ("invd", code!("invd"), Vector(13)),
        ("wbinvd", code!("wbinvd"), Vector(13)),
        ("swapgs", code!("swapgs"), Vector(13)),
        ("sysret", code!("lea rcx, [rip]", "sysretq"), Vector(13)),
        ("sysexit", code!("sysexit"), Either(13, 6)),
        ("sysenter", code!("sysenter"), Either(13, 6)),
        ("rdfsbase", code!("rdfsbase rax"), Vector(6)),
        ("wrfsbase", code!("wrfsbase rax"), Vector(6)),
        ("rdgsbase", code!("rdgsbase rax"), Vector(6)),
        ("wrgsbase", code!("wrgsbase rax"), Vector(6)),
        ("monitor", code!("mov rax, rsp", "xor ecx, ecx", "xor edx, edx", "monitor"), Either(6, 13)),
        ("vmcall", code!("vmcall"), Either(6, 13)),
        ("vmxoff", code!("vmxoff"), Either(6, 13)),
        ("rsm", code!("rsm"), Vector(6)),
        ("ud2", code!("ud2"), Vector(6)),
        ("icebp", code!(".byte 0xf1"), Either(1, 6)),
        ("divide by zero", code!("xor ecx, ecx", "div ecx"), Vector(0)),
        ("divide overflow", code!("mov edx, 5", "mov ecx, 1", "div ecx"), Vector(0)),
        ("misaligned movaps", code!("movaps xmm0, [rsp - 15]"), Vector(13)),
        ("bad mxcsr", code!("mov dword ptr [rsp - 8], -1", "ldmxcsr [rsp - 8]"), GoesOr(13)),
        (
            "SIMD exception",
            code!("mov dword ptr [rsp - 8], 0", "ldmxcsr [rsp - 8]", "xorps xmm0, xmm0", "divss xmm0, xmm0"),
            GoesOr(19),
        ),
        (
            "x87 exception",
            code!(
                "fninit",
                "mov word ptr [rsp - 8], 0x340",
                "fldcw [rsp - 8]",
                "fldz",
                "fld1",
                "fdivrp",
                "fwait"
            ),
            Vector(16),
        ),
        (
            "fifteen prefixes",
            code!(".byte 0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x90"),
            Either(13, 6),
        ),
        (
            "alignment check",
            code!("pushfq", "or dword ptr [rsp], 0x40000", "popfq", "mov eax, [rsp - 31]"),
            GoesOr(17),
        ),
        // Flags and segments at the door.
        (
            "TF before syscall",
            code!("pushfq", "or dword ptr [rsp], 0x100", "popfq", "xor eax, eax", "xor edi, edi", "syscall"),
            Vector(1),
        ),
        (
            "TF at syscall",
            code!(
                "xor edi, edi",
                "mov eax, 6",
                "pushfq",
                "or dword ptr [rsp], 0x100",
                "popfq",
                "syscall",
                "nop"
            ),
            Vector(1),
        ),
        ("TF at int", code!("pushfq", "or dword ptr [rsp], 0x100", "popfq", "int 0x80"), Either(1, 13)),
        ("TF at ud2", code!("pushfq", "or dword ptr [rsp], 0x100", "popfq", "ud2"), Either(1, 6)),
        ("DF at syscall", code!("std", "xor eax, eax", "xor edi, edi", "syscall"), Goes),
        ("DF at a fault", code!("std", "ud2"), Vector(6)),
        (
            "AC at syscall",
            code!(
                "pushfq",
                "or dword ptr [rsp], 0x40000",
                "popfq",
                "xor eax, eax",
                "xor edi, edi",
                "syscall"
            ),
            Goes,
        ),
        ("AC at a fault", code!("pushfq", "or dword ptr [rsp], 0x40000", "popfq", "ud2"), Vector(6)),
        (
            "NT at syscall",
            code!("pushfq", "or dword ptr [rsp], 0x4000", "popfq", "xor eax, eax", "xor edi, edi", "syscall"),
            Goes,
        ),
        ("NT and iret", code!("pushfq", "or dword ptr [rsp], 0x4000", "popfq", "iretq"), Either(13, 10)),
        ("IOPL by popf", code!("pushfq", "or dword ptr [rsp], 0x3000", "popfq", "cli"), Vector(13)),
        (
            "IF by popf",
            code!(
                "pushfq",
                "and dword ptr [rsp], 0xfffffdff",
                "popfq",
                "pushfq",
                "pop rax",
                "and eax, 0x200",
                "jnz 31f",
                "ud2",
                "31:"
            ),
            Goes,
        ),
        ("mov ss, syscall", code!("mov eax, ss", "xor edi, edi", "mov ss, eax", "syscall"), Goes),
        ("mov ss, int3", code!("mov eax, ss", "mov ss, eax", "int3"), Either(3, 13)),
        ("mov ss, int 0x80", code!("mov eax, ss", "mov ss, eax", "int 0x80"), Vector(13)),
        ("mov ss, ud2", code!("mov eax, ss", "mov ss, eax", "ud2"), Vector(6)),
        (
            "TF, mov ss, syscall",
            code!(
                "mov eax, ss",
                "xor edi, edi",
                "pushfq",
                "or dword ptr [rsp], 0x100",
                "popfq",
                "mov ss, eax",
                "syscall",
                "nop"
            ),
            Vector(1),
        ),
        ("kernel's ss", code!("mov eax, 0x10", "mov ss, eax"), Vector(13)),
        ("kernel's ds", code!("mov eax, 0x10", "mov ds, eax"), Vector(13)),
        ("null gs, syscall", code!("xor eax, eax", "mov gs, eax", "xor edi, edi", "syscall"), Goes),
        ("null fs, fault", code!("xor eax, eax", "mov fs, eax", "ud2"), Vector(6)),
        (
            "own gs, syscall",
            code!("mov eax, ss", "mov gs, eax", "xor eax, eax", "xor edi, edi", "syscall"),
            Goes,
        ),
        (
            "null ds and es",
            code!("xor eax, eax", "mov ds, eax", "mov es, eax", "xor edi, edi", "syscall"),
            Goes,
        ),
        ("LDT's ds", code!("mov eax, 7", "mov ds, eax"), Vector(13)),
        (
            "TSS's selector",
            code!("mov eax, 0x2b", "mov gs, eax", "xor eax, eax", "xor edi, edi", "syscall"),
            GoesOr(13),
        ),
        // QEMU reads the stack as the kernel would, which SMAP forbids: a page fault.
        ("retfq to the kernel", code!("lea rax, [rip]", "push 8", "push rax", "retfq"), Either(13, 14)),
        (
            "iretq to the kernel",
            code!("lea rax, [rip]", "push 0", "push rsp", "pushfq", "push 8", "push rax", "iretq"),
            Either(13, 14),
        ),
        // Stacks at the door.
        ("no stack, syscall", code!("xor esp, esp", "xor eax, eax", "xor edi, edi", "syscall"), Goes),
        ("odd stack, syscall", code!("sub rsp, 13", "xor eax, eax", "xor edi, edi", "syscall"), Goes),
        ("odd stack, fault", code!("sub rsp, 13", "ud2"), Vector(6)),
        ("no stack, fault", code!("xor esp, esp", "ud2"), Vector(6)),
        (
            "kernel stack, syscall",
            code!("mov rsp, 0xffffffff80001000", "xor eax, eax", "xor edi, edi", "syscall"),
            Goes,
        ),
        ("kernel stack, fault", code!("mov rsp, 0xffff800000001000", "ud2"), Vector(6)),
        (
            "non-canonical stack, syscall",
            code!("mov rsp, 0x8000000000000000", "xor eax, eax", "xor edi, edi", "syscall"),
            Goes,
        ),
        ("non-canonical stack, fault", code!("mov rsp, 0x8000000000000000", "ud2"), Vector(6)),
        ("non-canonical stack, push", code!("mov rsp, 0x8000000000000000", "push rax"), Either(12, 13)),
        ("non-canonical rbp", code!("mov rbp, 0x8000000000000000", "mov rax, [rbp]"), Either(12, 13)),
        ("stack overflow", code!("mov rsp, 0x20000040", "31:", "push rax", "jmp 31b"), Vector(14)),
        // Memory that is none of ours.
        ("read null", code!("xor eax, eax", "mov rax, [rax]"), Vector(14)),
        ("write null", code!("xor eax, eax", "mov [rax], rax"), Vector(14)),
        ("read kernel", code!("mov rax, 0xffffffff80000000", "mov rax, [rax]"), Vector(14)),
        ("write kernel", code!("mov rax, 0xffffffff80100000", "mov [rax], rax"), Vector(14)),
        ("read direct map", code!("mov rax, 0xffff800000100000", "mov rax, [rax]"), Vector(14)),
        ("read last byte", code!("mov rax, -1", "mov al, [rax]"), Vector(14)),
        ("wrap around", code!("mov rax, -1", "mov rax, [rax]"), Either(14, 13)),
        ("read non-canonical", code!("mov rax, 0x800000000000", "mov rax, [rax]"), Vector(13)),
        ("read last user page", code!("mov rax, 0x7ffffffff000", "mov rax, [rax]"), Vector(14)),
        ("prefetch kernel", code!("mov rax, 0xffffffff80000000", "prefetcht0 [rax]", "clflush [rsp]"), Goes),
        ("write text", code!("lea rax, [rip]", "mov [rax], rax"), Vector(14)),
        ("run data", code!("mov eax, 0x20000000", "jmp rax"), Vector(14)),
        ("run null", code!("xor eax, eax", "jmp rax"), Vector(14)),
        ("run kernel", code!("mov rax, 0xffffffff80100000", "jmp rax"), Vector(14)),
        ("run non-canonical", code!("mov rax, 0x8000000000000000", "jmp rax"), Vector(13)),
        ("return to non-canonical", code!("mov rax, 0x800000000000", "push rax", "ret"), Vector(13)),
        ("run vsyscall", code!("mov rax, 0xffffffffff600000", "call rax"), Vector(14)),
        (
            "far jump by memory",
            code!(
                "mov qword ptr [rsp - 16], 0",
                "mov word ptr [rsp - 8], 8",
                ".byte 0x48, 0xff, 0x6c, 0x24, 0xf0"
            ),
            Vector(13),
        ),
        ("lock without need", code!(".byte 0xf0, 0x90"), Vector(6)),
        (
            "rep movs into the kernel",
            code!("mov rdi, 0xffffffff80100000", "mov rsi, rsp", "mov ecx, 8", "rep movsb"),
            Vector(14),
        ),
        (
            "fxrstor garbage",
            code!(
                "mov rax, rsp",
                "and rax, -16",
                "sub rax, 1024",
                "mov dword ptr [rax + 24], -1",
                "fxrstor [rax]"
            ),
            GoesOr(13),
        ),
    ];
    for (index, (name, code, want)) in table.iter().enumerate() {
        lab.case(name, |lab| attack(lab, index as u32, code, *want));
    }
    for vector in 0..=255u8 {
        // Breakpoints are for debuggers; nothing else is anybody's.
        let want = Vector(if vector == 3 { 3 } else { 13 });
        lab.case("int N", |lab| {
            attack(lab, vector.into(), &[0xcd, vector], want)
                .map_err(|Fail(text, value)| Fail(text, value | i64::from(vector) << 32))
        });
    }
    lab.case("syscall at the end of memory", end_of_memory);
    lab.case("a page fault says where", |lab| {
        lab.put_code(code!("mov rax, 0x123456789abc", "mov [rax], al"));
        let child = lab.child(1)?;
        let thread = lab.thread(child)?;
        lab.start(child, thread, 0)?;
        let end = lab.end()?;
        crate::lab::close([thread.handle()])?;
        child.end()?;
        let seen = End::Fault { vector: 14, error: 6, address: 0x1234_5678_9abc, rip: CODE + 10 };
        hold(end == seen, "another fault", 0)
    });
    let _ = DATA;
}

/// The system call's return address is the first one that is no user's.
fn end_of_memory(lab: &mut Lab) -> Held {
    use anax_sys::Rights;
    const LAST: u64 = 0x7fff_ffff_f000 - 8192;
    lab.put_code_at_end(code!("syscall"));
    let child = lab.child(0)?;
    let thread = lab.thread(child)?;
    // SAFETY: another space.
    unsafe {
        child.space.map_at(LAST, lab.code, 0, 8192, Rights::READ.with(Rights::EXECUTE))?;
        thread.start(LAST + 8190, 0, 0)?;
    }
    let end = lab.end()?;
    crate::lab::close([thread.handle()])?;
    child.end()?;
    expect(end, Vector(14))
}
