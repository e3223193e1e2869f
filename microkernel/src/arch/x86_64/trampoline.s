# The way up of every processor but the first: real mode, protected mode, long mode.
#
# Copied to a free page below 1 MiB before use, so it names no address of its own: ebx holds where it lies, and the
# three addresses in its data that depend on that are completed by trampoline.rs, which knows the offsets set here.

.set FORM_BOOT_TABLES, 8
.set FORM_KERNEL_TABLES, 16
.set FORM_STACK, 24
.set FORM_ARGUMENT, 32
.set FORM_ENTRY, 40
.set GDT_POINTER, 80
.set FAR_32, 88
.set FAR_64, 96

.section .rodata.trampoline, "a"
.balign 16
.code16
.global trampoline_start
trampoline_start:
    jmp trampoline_16
    .org trampoline_start + 8
    .quad 0, 0, 0, 0, 0                 # the form
    .quad 0                             # the GDT, at 48
    .quad 0x00cf9a000000ffff            # 8: 32-bit code
    .quad 0x00af9a000000ffff            # 16: 64-bit code
    .quad 0x00cf92000000ffff            # 24: data
    .short 31                           # the GDT's limit and address, at 80
    .long 48
    .short 0
    .long trampoline_32 - trampoline_start
    .short 8, 0
    .long trampoline_64 - trampoline_start
    .short 16, 0

trampoline_16:
    cli
    cld
    xor ebx, ebx
    mov bx, cs
    mov ds, bx
    shl ebx, 4
    lgdt [GDT_POINTER]
    mov eax, cr0
    or eax, 1
    mov cr0, eax
    .byte 0x66, 0xff, 0x2e              # far jump to the 16:32 pointer at FAR_32
    .short FAR_32

.code32
trampoline_32:
    mov ax, 24
    mov ds, ax
    mov ss, ax
    mov es, ax
    mov eax, cr4
    or eax, (1 << 5) | (1 << 9) | (1 << 10)
    mov cr4, eax
    mov eax, [ebx + FORM_BOOT_TABLES]
    mov cr3, eax
    mov ecx, 0xc0000080
    rdmsr
    or eax, (1 << 8) | (1 << 11)
    wrmsr
    mov eax, cr0
    and eax, ~((1 << 2) | (1 << 29) | (1 << 30))    # no x87 emulation, caches on
    or eax, (1 << 31) | (1 << 16) | (1 << 5) | (1 << 1) | 1
    mov cr0, eax
    .byte 0xff, 0x6b, FAR_64            # far jump to the 16:32 pointer at ebx + FAR_64

.code64
trampoline_64:
    mov ax, 24
    mov ss, ax
    mov ds, ax
    mov es, ax
    xor eax, eax
    mov fs, ax
    mov gs, ax
    mov rcx, [rbx + FORM_KERNEL_TABLES]
    mov r8, [rbx + FORM_STACK]
    mov rdi, [rbx + FORM_ARGUMENT]
    mov rsi, [rbx + FORM_ENTRY]
    movabs rax, offset trampoline_high
    jmp rax
.global trampoline_end
trampoline_end:

# In the kernel's own place, which both the boot code's tables and the kernel's map: the page below 1 MiB and the
# stack are each in one of them only.
.section .text.trampoline, "ax"
trampoline_high:
    mov cr3, rcx
    mov rsp, r8
    xor ebp, ebp
    call rsi
    ud2

.text
.code64
