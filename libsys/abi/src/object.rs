//! What the kernel's own objects answer to. Each is a port that the kernel serves: a command, up to five words, a result.
//!
//! Results are values (not negative) unless said otherwise; every command can fail with `BadHandle`, `NoRights` and `BadCommand`.
//! Commands that name a second object do so by a handle of the *calling* space in a word; `Close`, `Duplicate` and `Narrow` by one of the
//! space that is addressed. Numbers of all kinds are distinct, so
//! a command sent to the wrong kind is `BadCommand` and never something else.

use crate::Handle;
#[allow(unused_imports, reason = "named in documentation")]
use crate::Rights;
use crate::call::numbered;

/// The calling space, in every space.
pub const SELF: Handle = Handle::new(0, 1);
/// The calling thread, in every thread: no slot of the table.
pub const THIS_THREAD: Handle = Handle::from_word(u64::MAX);
/// The machine; in the first program's space alone, which passes on what it wants.
pub const MACHINE: Handle = Handle::new(1, 1);
/// The boot archive, a region that can be read; in the first program's space alone.
pub const ARCHIVE: Handle = Handle::new(2, 1);

/// Any object of the kernel's that a slot names: does nothing and returns 0. Needs [`Rights::SEND`].
pub const NULL: u32 = 0;

numbered! {
    /// Commands of a space. All need [`Rights::CONTROL`] unless said otherwise; a space has it for itself.
    SpaceCommand: 0x100;
    /// Words: pages (bits 0-31) and handles (32-63) that it may use, threads (0-31) and messages (32-63), [`Policy`] (0-31) and
    /// home CPU (32-63). Makes a space, charged to this one; the new one has its own accounts. Result: its handle, here.
    CreateSpace = 0,
    /// Words: CPU, priority (see [`priority`]), fault port's handle or 0. Makes a thread of this space that waits to be started.
    CreateThread = 1,
    /// Words: owning thread's handle, messages it can have under way as a reply port. Makes a port (`initport`).
    CreatePort = 2,
    /// Words: bytes (rounded up to pages), [`region`] flags, source region's handle or 0. Makes a region.
    CreateRegion = 3,
    /// Words: port's handle, badge. Makes a timer that sends to the port; for the caller's own space.
    CreateTimer = 4,
    /// Words: none used. Makes a channel's two ends, for the caller's own space: the client's handle as the result, the server's as
    /// word 0. The rings lie in a region of the caller's making.
    CreateChannel = 5,
    /// Words: region's handle, address or 0 for any, offset in the region, bytes, protection ([`Rights`] bits). Result: the address.
    Map = 6,
    /// Words: address, bytes. Whole mappings or parts; returns when no CPU can reach them any more.
    Unmap = 7,
    /// Words: address, bytes, protection, at most what the handle that was mapped allowed.
    Protect = 8,
    /// Words: handle of the calling space, rights. Puts a handle to the same object into this space. Result: its word there.
    Grant = 9,
    /// Words: how many. Reserves slots for handles that arrive with messages.
    PostSlots = 10,
    /// Words: how many. Gives reserved slots back; result: how many were.
    WithdrawSlots = 11,
    /// Words: handle. Gives it up. The last handle to an object ends the object.
    Close = 12,
    /// Words: handle, rights, badge or 0. Result: another handle with those rights at most; a badge is fixed once it is not 0.
    Duplicate = 13,
    /// Words: handle, rights. Takes all other rights away from it.
    Narrow = 14,
    /// Words: handle with CONTROL. All handles to the object, everywhere, are dead when this returns. Result: a fresh one.
    Revoke = 15,
    /// Words: handle with CONTROL. Ends the object.
    Destroy = 16,
    /// Words: a [`Resource`]. Result: units in use; words: reserved, limit.
    Usage = 17,
    /// Words: [`Policy`]. The user scheduler of all its user-band threads, running ones included.
    SetPolicy = 18,
    /// Words: handle. Result: kind of the object; words: references, home CPU, the handle's rights, its badge, messages that wait.
    Inspect = 19,
}

numbered! {
    /// What [`SpaceCommand::Inspect`] says an object is.
    ObjectKind: 1;
    /// An address space with its table of handles and its accounts.
    Space = 0,
    /// A user thread.
    Thread = 1,
    /// A port.
    Port = 2,
    /// A region of memory.
    Region = 3,
    /// A deadline timer.
    Timer = 4,
    /// One end of a channel.
    Channel = 5,
    /// An interrupt.
    Irq = 6,
    /// A range of I/O ports.
    Ports = 7,
    /// The machine.
    Machine = 8,
}

numbered! {
    /// Commands of a thread; CONTROL. `Yield`, `Exit` and `Sleep` are for the calling thread alone, which has all rights for itself.
    ThreadCommand: 0x200;
    /// Lets equals and betters run. (Table I: yield.)
    Yield = 0,
    /// Words: status. Ends the calling thread. (Table I: exit.)
    Exit = 1,
    /// Words: deadline in nanoseconds since boot. Sleeps until then.
    Sleep = 2,
    /// Result: nanoseconds since boot. Words: how a program can tell the time by itself, the time-stamp counter's frequency in hertz and its value at time 0; 0 and 0
    /// if it can't be told so.
    Time = 3,
    /// Words: instruction pointer, stack pointer, argument (in `rdi`). Starts a thread that was created and not yet started.
    Start = 4,
    /// Words: priority.
    SetPriority = 5,
    /// Words: group (0: rax rbx rcx rdx rsi; 1: rdi rbp rsp r8 r9; 2: r10 r11 r12 r13 r14; 3: r15 rip rflags fs gs). Result 0,
    /// words: the registers. Only while its fault is being handled; gs reads as 0.
    ReadRegisters = 6,
    /// Words: group, place in the group, value; not fs and gs, and of rflags what user code may change.
    WriteRegister = 7,
    /// Words: FS base. The thread's own thread-local storage.
    SetFsBase = 8,
    /// Words: CPU. Gives the thread away to another CPU.
    Move = 9,
    /// Ends it.
    Kill = 10,
    /// Result: its state; words: CPU, priority, its number, which no later thread has, what it waits for.
    Inspect = 11,
}

numbered! {
    /// Commands of a region.
    RegionCommand: 0x300;
    /// Result: bytes. Needs SEND.
    Size = 0,
    /// Words: offset. Result: the address that a device sees there; DMA regions alone. Needs CONTROL.
    DeviceAddress = 1,
    /// Words: source's handle (READ), offset, the source's offset, bytes: whole pages, at most [`region::MOST_COPIED`]. Copies them there. Needs WRITE.
    Copy = 2,
}

numbered! {
    /// Commands of a timer, which sends [`notice::TIMER`] to its port. SEND.
    TimerCommand: 0x400;
    /// Words: deadline in nanoseconds since boot. Replaces an earlier one.
    Set = 0,
    /// Result: 1 if it was set.
    Cancel = 1,
}

numbered! {
    /// Commands of one end of a channel.
    ChannelCommand: 0x500;
    /// Wakes the other end, with [`notice::RING`] at its port. SEND.
    Ring = 0,
    /// Words: port's handle, badge. Where this end's doorbell and new epochs are told; an end stays on the CPU where it was first bound.
    /// RECEIVE.
    Bind = 1,
    /// The supervisor posts the next epoch: both ends are told. Result: the epoch. CONTROL.
    NewEpoch = 2,
    /// Words: address or 0. Maps the page with the epoch word, read-only. Result: the address. SEND.
    MapEpoch = 3,
}

numbered! {
    /// Commands of an interrupt; it sends [`notice::INTERRUPT`] to its port and is off until the reply. CONTROL.
    IrqCommand: 0x600;
    /// Words: port's handle, badge. Where it is delivered from now on.
    Bind = 0,
    /// Enables it: a new one, and without a message having been answered, after the device was fenced.
    Enable = 1,
    /// Disables it.
    Disable = 2,
}

numbered! {
    /// Commands of a range of I/O ports. SEND.
    PortsCommand: 0x700;
    /// The calling space's threads may use the ports.
    Enable = 0,
    /// They may no longer.
    Disable = 1,
}

numbered! {
    /// Commands of the machine. CONTROL, but for `Log` and `Cpus` (SEND).
    MachineCommand: 0x800;
    /// Result: CPUs that run.
    Cpus = 0,
    /// Words: address, bytes (at most 1024). Writes a line to the log.
    Log = 1,
    /// Words: physical address, bytes. A region over device registers, uncached; never over memory.
    DeviceRegion = 2,
    /// Words: first port, how many.
    Ports = 3,
    /// Words: global interrupt number, flags (bit 0: level, bit 1: active low), CPU. An IO-APIC line.
    Line = 4,
    /// Words: physical address of the MSI-X table, entry, CPU. The kernel programs the entry.
    MsiX = 5,
    /// Words: status. Switches off.
    PowerOff = 6,
    /// Restarts.
    Restart = 7,
    /// Words: 1 on, 0 off. The trace rings of all CPUs. See [`TraceKind`].
    Trace = 8,
    /// Writes to the log how much memory is free, and all threads with their ports and what each waits for.
    Dump = 9,
    /// Words: address, bytes. Moves the calling thread's CPU's records there, the oldest first, whole [`TRACE_RECORD`]s; result: bytes.
    ReadTrace = 10,
    /// Words: address, bytes. What firmware says of the machine (postcard); result: bytes.
    Description = 11,
    /// Words: address, bytes. The console's input; result: bytes, at most 64, 0 if there is none.
    ConsoleRead = 12,
    /// Words: address, bytes (at most 1024). The console's output; result: bytes.
    ConsoleWrite = 13,
    /// Words: physical address of the MSI capability in memory-mapped configuration space, nothing, CPU. The kernel programs it and
    /// switches it on.
    Msi = 14,
    /// Words: address, bytes. The line that the loader gave the kernel; result: bytes.
    CommandLine = 15,
    /// Words: 0 for all, else for what is free. Bytes of memory for programs.
    Memory = 16,
    /// Words: address, bytes, CPU, sequence number. The oldest record of that CPU's log that has this number or a higher one: its number (8 bytes), nanoseconds since boot
    /// (8 bytes), and its line; result: bytes, 0 if there is none.
    ReadLog = 17,
}

/// What the kernel itself sends. Notices need no reply but [`INTERRUPT`](notice::INTERRUPT) and [`FAULT`](notice::FAULT).
pub mod notice {
    /// A timer's deadline has come. Word 0: the deadline.
    pub const TIMER: u32 = 0xffff_0001;
    /// The other end of a channel has rung, or there is a new epoch. Word 0: the epoch.
    pub const RING: u32 = 0xffff_0002;
    /// An interrupt. Word 0: how many since the last reply. The reply enables it again.
    pub const INTERRUPT: u32 = 0xffff_0003;
    /// A thread has faulted and waits. Words: vector and error code (bits 32-63), address, instruction pointer, stack pointer,
    /// thread's number. Reply with result 0 and it goes on; with an error and it ends.
    pub const FAULT: u32 = 0xffff_0004;
    /// A thread has ended. Words: status, thread's number; to its fault port.
    pub const EXIT: u32 = 0xffff_0005;
    /// The sender of message number word 0 asks for its end: `abortmsg`.
    pub const ABORT: u32 = 0xffff_0006;
}

/// Bytes of a trace record: kind (bits 0-31) and CPU (32-63), time-stamp counter, and two words that depend on the kind.
pub const TRACE_RECORD: usize = 32;

/// What a trace record tells of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum TraceKind {
    /// A switch: thread before, thread after.
    Switch = 1,
    /// A message has reached its port's CPU: command, message number.
    Arrival = 2,
    /// A message has ended: result, message number.
    End = 3,
    /// An interrupt: vector, whether user code was interrupted.
    Interrupt = 4,
    /// A fault of user code: vector and error code (bits 32-63), address.
    Fault = 5,
}

/// How regions are made.
pub mod region {
    /// Pages are zeroed and taken when first touched, out of a reservation.
    pub const LAZY: u64 = 0;
    /// All pages are there from the start, and stay.
    pub const PINNED: u64 = 1;
    /// Pinned and contiguous, below 4 GiB where possible: devices can reach it.
    pub const DMA: u64 = 2;
    /// A copy of the source region, page by page when written.
    pub const COPY: u64 = 3;

    /// Bytes that one call copies at most: nothing else is done on its CPU meanwhile.
    pub const MOST_COPIED: u64 = 262_144;
}

/// Priorities that a user thread can have.
pub mod priority {
    /// The user band: a user scheduler decides among its threads.
    pub const USER: u64 = 6;
    /// Servers.
    pub const SERVER: u64 = 12;
    /// Drivers.
    pub const DRIVER: u64 = 20;
    /// Threads that hold an interrupt, with a budget.
    pub const INTERRUPT: u64 = 28;
    /// When nothing else runs.
    pub const IDLE: u64 = 4;

    /// Whether a program's thread may have it: [`IDLE`] to [`INTERRUPT`].
    #[must_use]
    pub const fn is_allowed(priority: u64) -> bool {
        IDLE <= priority && priority <= INTERRUPT
    }
}

/// User schedulers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u64)]
pub enum Policy {
    /// That of the space which makes it; as it is, for [`SpaceCommand::SetPolicy`].
    #[default]
    Inherit = 0,
    /// Multi-level feedback with decay.
    Bsd4 = 1,
    /// Round-robin.
    RoundRobin = 2,
}

impl Policy {
    /// The one with that number; `inherited` for that of [`Policy::Inherit`].
    #[must_use]
    pub const fn chosen(number: u64, inherited: Self) -> Option<Self> {
        match number {
            0 => Some(inherited),
            1 => Some(Self::Bsd4),
            2 => Some(Self::RoundRobin),
            _ => None,
        }
    }
}

numbered! {
    /// What a space's accounts count.
    Resource: 0;
    /// Pages of 4 KiB.
    Pages = 0,
    /// Handles, reserved slots included.
    Handles = 1,
    /// Threads.
    Threads = 2,
    /// Messages that can be under way.
    Messages = 3,
    /// Time on CPUs that its threads had, ended ones included, interrupts that came meanwhile, too; in nanoseconds. It has no limit.
    Time = 4,
}

/// Status of a thread that a fault ended: this and the vector.
pub const FAULT_STATUS: u64 = 1 << 32;

/// Whether a command can make its caller wait, or end or leave the CPU, so that it is not served within a batch of
/// [`Operation::Drain`](crate::Operation::Drain).
#[must_use]
pub const fn ends_batch(command: u32) -> bool {
    use {SpaceCommand as S, ThreadCommand as T};
    matches!(S::from_number(command), Some(S::Unmap | S::Protect | S::Revoke | S::Destroy))
        || matches!(T::from_number(command), Some(T::Yield | T::Exit | T::Sleep | T::Move))
}
