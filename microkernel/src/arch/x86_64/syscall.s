# System calls: the doorbell of a message to a port. anax_abi::call has the table of registers.
#
# The frame is msg::Registers, from its end. The commonest operation, 0 (Call), is tried first with the upper ten words only:
# the function for it keeps the callee-saved registers by the calling convention, and says what is left to do. Vector registers are
# cleared where the kernel's code or another thread may have used them; the first function has no vector instruction
# (seen in the linked kernel; no check asserts it yet). Interrupts are off throughout.

.set GS_KERNEL_STACK, 8
.set GS_USER_STACK, 16

.macro clear_vectors
    .irp i, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
    pxor xmm\i, xmm\i
    .endr
.endm

.section .text.syscall, "ax"
.balign 64
.global syscall_entry
syscall_entry:
    swapgs
    mov gs:[GS_USER_STACK], rsp
    mov rsp, gs:[GS_KERNEL_STACK]
    push gs:[GS_USER_STACK]
    push rcx
    push r11
    push r9
    push r8
    push r10
    push rdx
    push rsi
    push rdi
    push rax
    test eax, eax
    jnz 3f
    lea rdi, [rsp - 48]                 # where the whole frame would begin
    call syscall_call                   # 0: answered; 1: the same, after other code; 2: the long way
    cmp eax, 1
    ja 3f
    jb 2f
1:  clear_vectors
2:  pop rax
    pop rdi
    pop rsi
    pop rdx
    pop r10
    pop r8
    pop r9
    pop r11
    pop rcx                             # always canonical: the last page of user addresses is never mapped
    pop rsp
    swapgs
    sysretq
3:  push rbx
    push rbp
    push r12
    push r13
    push r14
    push r15
    mov rdi, rsp
    call syscall_general
    pop r15
    pop r14
    pop r13
    pop r12
    pop rbp
    pop rbx
    jmp 1b

# fn user_start(rip, rsp, argument) -> !: a user thread's first step to user mode, all other registers cleared.
.balign 16
.global user_start
user_start:
    xor ebx, ebx
    xor ebp, ebp
    xor r12d, r12d
    xor r13d, r13d
    xor r14d, r14d
    xor r15d, r15d
    jmp 5f

# fn user_enter(rip, rsp, argument) -> status: runs user code on this thread until user_leave, with the general and
# vector registers it does not pass cleared.
.balign 16
.global user_enter
user_enter:
    push rbx
    push rbp
    push r12
    push r13
    push r14
    push r15
    push gs:[GS_KERNEL_STACK]
    mov gs:[GS_KERNEL_STACK], rsp
5:  mov rcx, rdi
    mov r11, 0x202                      # interrupts on, and the bit that is always set
    mov rdi, rdx
    mov rsp, rsi
    xor eax, eax
    xor ebx, ebx
    xor edx, edx
    xor ebp, ebp
    xor esi, esi
    xor r8d, r8d
    xor r9d, r9d
    xor r10d, r10d
    xor r12d, r12d
    xor r13d, r13d
    xor r14d, r14d
    xor r15d, r15d
    clear_vectors
    swapgs
    sysretq

# fn user_leave(status) -> !: returns from the user_enter of this thread.
.global user_leave
user_leave:
    mov rsp, gs:[GS_KERNEL_STACK]
    pop gs:[GS_KERNEL_STACK]
    pop r15
    pop r14
    pop r13
    pop r12
    pop rbp
    pop rbx
    mov rax, rdi
    ret

.text
