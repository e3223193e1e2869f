# Where interrupts and faults enter the kernel, and how they leave it.
#
# The precompiled core library uses the red zone (128 bytes below the stack pointer) and the vector registers, so
# an interrupt must touch neither. Every gate therefore switches to a stack of its own (IST 1), and the code here
# moves the frame to the thread's kernel stack when user code was interrupted, or to below the red zone of the
# interrupted kernel stack, and saves the vector state, before it calls Rust. A fault of the kernel itself stays on
# the IST stack: it is fatal, or handled in place by a fix-up, and its stack may be what is broken.
#
# NMI, machine check, debug and double fault each have a stack (IST 2 to 5) whose top word points at the CPU's
# own data: they can strike between a system call's entry and its swapgs, and so must not believe GS.
#
# The layout built here is arch::x86_64::frame::TrapFrame.

.set MSR_GS_BASE, 0xc0000101
.set GS_SELF, 0
.set GS_KERNEL_STACK, 8

.macro push_low_registers
    push rbx
    push rbp
    push rsi
    push rdi
    push r8
    push r9
    push r10
    push r11
    push r12
    push r13
    push r14
    push r15
.endm

.macro pop_registers
    pop r15
    pop r14
    pop r13
    pop r12
    pop r11
    pop r10
    pop r9
    pop r8
    pop rdi
    pop rsi
    pop rbp
    pop rbx
    pop rdx
    pop rcx
    pop rax
.endm

.section .text.entry, "ax"

# 256 stubs of 16 bytes: push a zero where the CPU pushes no error code, push the vector.
.balign 16
.global interrupt_stubs
interrupt_stubs:
.set vector, 0
.rept 256
    .balign 16
    .if (vector == 8) || (vector == 10) || (vector == 11) || (vector == 12) || (vector == 13) || (vector == 14) || (vector == 17) || (vector == 21) || (vector == 29) || (vector == 30)
    .else
        push 0
    .endif
    push vector
    .if (vector == 1) || (vector == 2) || (vector == 8) || (vector == 18)
        jmp enter_paranoid
    .else
        jmp enter_normal
    .endif
    .set vector, vector + 1
.endr

.balign 16
enter_normal:
    push rax
    push rcx
    push rdx
    test byte ptr [rsp + 48], 3         # the interrupted CS
    jz 1f
    swapgs
    mov rax, gs:[GS_KERNEL_STACK]
    jmp 2f
1:  cmp qword ptr [rsp + 24], 32        # a fault of the kernel: stay
    jb 3f
    mov rax, [rsp + 64]                 # the interrupted RSP
    sub rax, {red_zone}
    and rax, -16
2:  sub rax, 80                         # move 10 words to the other stack
    mov rcx, [rsp]
    mov rdx, [rsp + 8]
    mov [rax], rcx
    mov [rax + 8], rdx
    mov rcx, [rsp + 16]
    mov rdx, [rsp + 24]
    mov [rax + 16], rcx
    mov [rax + 24], rdx
    mov rcx, [rsp + 32]
    mov rdx, [rsp + 40]
    mov [rax + 32], rcx
    mov [rax + 40], rdx
    mov rcx, [rsp + 48]
    mov rdx, [rsp + 56]
    mov [rax + 48], rcx
    mov [rax + 56], rdx
    mov rcx, [rsp + 64]
    mov rdx, [rsp + 72]
    mov [rax + 64], rcx
    mov [rax + 72], rdx
    mov rsp, rax
3:  push_low_registers
    mov rdi, rsp
    sub rsp, {vectors}
.if {save_vectors}
    fxsave64 [rsp]
.endif
    push 2                              # direction, alignment-check and trap flags off
    popfq
    ldmxcsr [rip + kernel_mxcsr]
    call interrupt_entry_rust
5:
.if {save_vectors}
    fxrstor64 [rsp]
.endif
    add rsp, {vectors}
    pop_registers
    add rsp, 16                         # vector and error code
    test byte ptr [rsp + 8], 3
    jz 4f
    swapgs
4:  iretq

# Where an interrupt of user code goes on that gave the CPU away directly, with the frame and the vector registers on the stack.
.balign 16
.global interrupt_resume
interrupt_resume:
    cmp byte ptr gs:[{gs_asked}], 0
    je 5b
    call interrupt_resumed
    jmp 5b

# On entry: vector, error, RIP, CS, RFLAGS, RSP, SS, then the pointer to the CPU's data.
.balign 16
enter_paranoid:
    push rax
    push rcx
    push rdx
    push_low_registers
    mov rdi, rsp
    mov rbx, [rsp + 176]                # the top word of this stack
    sub rsp, 512
    fxsave64 [rsp]
    push 2
    popfq
    ldmxcsr [rip + kernel_mxcsr]
    mov ecx, MSR_GS_BASE
    rdmsr
    mov r12d, eax
    mov r13d, edx
.if {distrust_gs}
    mov rax, rbx
    mov rdx, rbx
    shr rdx, 32
    wrmsr
.endif
    call interrupt_entry_rust
    mov ecx, MSR_GS_BASE
    mov eax, r12d
    mov edx, r13d
    wrmsr
    fxrstor64 [rsp]
    add rsp, 512
    pop_registers
    add rsp, 16
    iretq

.section .rodata.entry, "a"
.balign 4
kernel_mxcsr: .long 0x1f80              # all SSE exceptions masked, round to nearest

.text
