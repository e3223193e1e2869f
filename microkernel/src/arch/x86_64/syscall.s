# System calls: the doorbell of a message to a port.
#
# In: rax operation and command, rdi handle, rsi rdx r10 r8 r9 five words; rcx and r11 are the processor's.
# Out: rax result, rdi and the words as the operation says; rbx, rbp, r12 to r15 as they were; vector registers
# cleared, since the kernel's own code uses them. Interrupts are off throughout.

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
    push gs:[GS_USER_STACK]             # arch::x86_64::syscall::CallFrame, from its end
    push rcx
    push r11
    push r9
    push r8
    push r10
    push rdx
    push rsi
    push rdi
    push rax
    mov rdi, rsp
    call syscall_rust
    clear_vectors
    pop rax
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
    mov rcx, rdi
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
