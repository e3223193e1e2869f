# System calls: the doorbell of a message to a port. anax_abi::call has the table of registers.
#
# The call that does nothing (operation and command 0) of an object of the kernel's is answered without a frame or a stack.
# The frame of all others is msg::Registers. The commonest operations, 0 (Call), 4 (ReplyWait), 5 (Wait), and the first two with a
# handle beside the message, 12 and 13, and 14 (Ring), have functions that are tried first; if those switch to another thread, they leave the stack behind but for the frame, and syscall_resume goes on. Vector
# registers are cleared where the kernel's code or another space may have used them. Interrupts are off throughout.

.set GS_KERNEL_STACK, 8
.set GS_USER_STACK, 16
.set GS_SCRATCH, 24
.set GS_THREAD, {gs_thread}
.set GS_ASKED, {gs_asked}

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
    test rax, rax
    jnz 5f
    # Table::lookup (see there) with the right to send, in rax, rcx and rsp; whatever is wrong is found again below.
    mov gs:[GS_SCRATCH], rcx
    mov rax, gs:[GS_THREAD]
    mov ecx, edi
    cmp ecx, [rax + {thread_slot_count}]
    jae 4f
    shl rcx, 5                          # times {slot_size}
    add rcx, [rax + {thread_slots}]
    mov rsp, [rcx]
    mov rax, rsp
    xor rax, rdi
    shr rax, 32
    jnz 4f
    mov eax, esp
    not eax
    test eax, {usable}
    jnz 4f
    mov rax, [rcx + {slot_object}]
    cmp [rcx], rsp
    jne 4f
    mov ecx, [rcx + {slot_generation}]
    cmp [rax + {object_generation}], ecx
    jne 4f
    cmp byte ptr [rax + {object_kind}], {port}
    je 4f
    xor eax, eax
    mov rcx, gs:[GS_SCRATCH]
    mov rsp, gs:[GS_USER_STACK]
    swapgs
    sysretq
4:  xor eax, eax
    mov rcx, gs:[GS_SCRATCH]
5:  mov rsp, gs:[GS_KERNEL_STACK]
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
    push rbx
    push rbp
    push r12
    push r13
    push r14
    push r15
    mov rdi, rsp
    test eax, eax
    jnz 6f
    call {call}                   # returns only if it need not switch: whether all is done
    test al, al
    jnz 9f
    jmp 7f
6:  cmp eax, 4
    je 60f
    cmp eax, 5
    je 2f
    cmp eax, 14
    je 3f
    ja 4f
    cmp eax, 12
    jb 8f
    jne 1f
    call {call_with}              # as {call}
    test al, al
    jnz 9f
    jmp 7f
1:  call {reply_wait_with}        # both return as the calls do
    test al, al
    jnz 9f
    jmp 7f
60: call {reply_wait}
    test al, al
    jnz 9f
    jmp 7f
2:  call syscall_wait                   # returns if it has done nothing
    jmp 7f
3:  call syscall_ring
    jmp 7f
4:  cmp eax, 15
    jne 8f
    call syscall_drain
    jmp 9f
7:  mov rdi, rsp
8:  call syscall_general
9:  clear_vectors
5:  pop r15
    pop r14
    pop r13
    pop r12
    pop rbp
    pop rbx
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

# Where they go on after others have run, with the frame and nothing else on the stack. ZF: directly from user code of the same
# space, so that there is nothing to hide in the vector registers.
.balign 16
.global syscall_resume
syscall_resume:
    je 1f
    cmp byte ptr gs:[GS_ASKED], 0
    je 9b
2:  call syscall_resumed
    jmp 9b
1:  cmp byte ptr gs:[GS_ASKED], 0
    je 5b
    jmp 2b

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
    jmp 3f

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
3:  mov rcx, rdi
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
