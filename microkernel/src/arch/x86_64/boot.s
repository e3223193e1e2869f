# From the boot loader's 32-bit world to Rust: the two entries (PVH and multiboot2), the first page tables, long mode.
#
# Both loaders enter in 32-bit protected mode with paging off, so this code, though linked high, runs at its
# physical address: every symbol is used less KERNEL_BASE. The first tables map the lowest 4 GiB three times
# with 2 MiB pages: one to one (left behind at once by the boot processor, and used again by each further
# processor on its way up), in the direct map, and the lowest 2 GiB in the kernel's own place. They are
# writable and executable throughout; the tables that mm builds replace them before anything else runs.

.set KERNEL_BASE, 0xffffffff80000000
.set MULTIBOOT2_MAGIC, 0x36d76289
.set PVH_MAGIC, 0x336ec578

.section .note.pvh, "a", @note
.align 4
    .long 4                             # length of the name
    .long 8                             # length of the descriptor
    .long 18                            # XEN_ELFNOTE_PHYS32_ENTRY
    .asciz "Xen"
    .quad pvh_start - KERNEL_BASE

.section .multiboot2, "a"
.align 8
multiboot2_header:
    .long 0xe85250d6
    .long 0                             # i386, 32-bit protected mode
    .long multiboot2_header_end - multiboot2_header
    .long -(0xe85250d6 + (multiboot2_header_end - multiboot2_header))
    .align 8
    .short 3, 0                         # entry address
    .long 12
    .long multiboot2_start - KERNEL_BASE
    .align 8
    .short 6, 0                         # modules on page boundaries
    .long 8
    .align 8
    .short 0, 0                         # end
    .long 8
multiboot2_header_end:

.section .text.boot, "ax"
.code32
.global pvh_start
pvh_start:
    mov eax, PVH_MAGIC                  # the start_info's own magic number; ebx holds its address

.global multiboot2_start
multiboot2_start:
    cli
    cld
    mov esp, offset boot_stack_end - KERNEL_BASE
    mov esi, eax                        # which road
    mov edi, ebx                        # its information block
    nop dword ptr [eax + 0x414e0001]    # marker 1 of tools/count-format
    rdtsc                               # the moment of entry, for bench boot
    mov [boot_entry_tsc - KERNEL_BASE], eax
    mov [boot_entry_tsc - KERNEL_BASE + 4], edx

    mov eax, 0x80000000
    cpuid
    cmp eax, 0x80000001
    jb no_long_mode
    mov eax, 0x80000001
    cpuid
    and edx, (1 << 29) | (1 << 20)      # long mode and no-execute
    cmp edx, (1 << 29) | (1 << 20)
    jne no_long_mode

    # Four page directories of 2 MiB pages: the lowest 4 GiB.
    mov ebp, offset boot_pd - KERNEL_BASE
    mov eax, 0x83                       # present, writable, large
    xor ecx, ecx
1:  mov [ebp + ecx * 8], eax
    mov dword ptr [ebp + ecx * 8 + 4], 0
    add eax, 0x200000
    inc ecx
    cmp ecx, 2048
    jne 1b

    mov ebp, offset boot_pdpt_low - KERNEL_BASE
    mov eax, offset boot_pd - KERNEL_BASE + 3
    xor ecx, ecx
2:  mov [ebp + ecx * 8], eax
    add eax, 4096
    inc ecx
    cmp ecx, 4
    jne 2b

    mov ebp, offset boot_pdpt_high - KERNEL_BASE
    mov eax, offset boot_pd - KERNEL_BASE + 3
    mov [ebp + 510 * 8], eax
    add eax, 4096
    mov [ebp + 511 * 8], eax

    mov ebp, offset boot_pml4 - KERNEL_BASE
    mov eax, offset boot_pdpt_low - KERNEL_BASE + 3
    mov [ebp], eax                      # one to one
    mov [ebp + 256 * 8], eax            # the direct map
    mov eax, offset boot_pdpt_high - KERNEL_BASE + 3
    mov [ebp + 511 * 8], eax            # the kernel

    mov eax, cr4
    or eax, (1 << 5)                    # PAE
    mov cr4, eax
    mov cr3, ebp
    mov ecx, 0xc0000080                 # EFER
    rdmsr
    or eax, (1 << 8) | (1 << 11)        # long mode, no-execute
    wrmsr
    mov eax, cr0
    or eax, (1 << 31) | (1 << 16) | 1   # paging, write protection, protected mode
    mov cr0, eax
    lgdt [boot_gdt_pointer - KERNEL_BASE]
    push 8
    mov eax, offset boot_long - KERNEL_BASE
    push eax
    retf

# Says so on COM1 and stays there: nothing else can be trusted on such a processor.
no_long_mode:
    mov esi, offset no_long_mode_text - KERNEL_BASE
3:  lodsb
    test al, al
    jz 5f
    mov ah, al
    mov dx, 0x3fd
4:  in al, dx
    test al, 0x20
    jz 4b
    mov al, ah
    mov dx, 0x3f8
    out dx, al
    jmp 3b
5:  cli
    hlt
    jmp 5b

.code64
boot_long:
    mov ax, 16
    mov ss, ax
    mov ds, ax
    mov es, ax
    xor eax, eax
    mov fs, ax
    mov gs, ax
    mov rax, offset boot_high
    jmp rax
boot_high:
    mov rsp, offset boot_stack_end
    xor ebp, ebp                        # ends the chain of frame pointers
    mov rax, cr0
    and eax, ~(1 << 2)                  # no x87 emulation
    or eax, (1 << 1) | (1 << 5)         # monitor coprocessor, native x87 errors
    mov cr0, rax
    mov rax, cr4
    or eax, (1 << 9) | (1 << 10)        # fxsave and SSE exceptions: the precompiled core uses SSE2
    mov cr4, rax
    mov edx, esi                        # zero-extends
    mov esi, edi
    mov edi, edx
    call kernel_start_rust
    ud2

.section .rodata.boot, "a"
no_long_mode_text:
    .asciz "anax: refused: this processor has no 64-bit mode with no-execute pages\r\n"
.align 8
boot_gdt:
    .quad 0
    .quad 0x00af9a000000ffff            # 64-bit code
    .quad 0x00cf92000000ffff            # data
boot_gdt_end:
boot_gdt_pointer:
    .short boot_gdt_end - boot_gdt - 1
    .quad boot_gdt - KERNEL_BASE

.section .bss.boot, "aw", @nobits
.align 4096
.global boot_pml4
boot_pml4: .skip 4096
boot_pdpt_low: .skip 4096
boot_pdpt_high: .skip 4096
boot_pd: .skip 4096 * 4
.global boot_stack_guard
boot_stack_guard: .skip 4096            # left unmapped
boot_stack: .skip {stack}
.global boot_stack_end
boot_stack_end:
.global boot_interrupt_stack_end
boot_interrupt_stack: .skip 16384
boot_interrupt_stack_end:
.global boot_entry_tsc
boot_entry_tsc: .skip 8

.text
.code64
