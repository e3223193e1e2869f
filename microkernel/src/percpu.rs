//! What each CPU has for itself, found through GS, and the few parts of it that others may touch.
//!
//! Fields in cells belong to their CPU alone, with interrupts off where an interrupt could meet them; fields that others
//! use are atomic. The first words are the entry code's.

use core::cell::Cell;
use core::sync::atomic::{AtomicPtr, AtomicU32, AtomicUsize, Ordering};

use crate::console::Ring;
use x86_64::VirtAddr;
use x86_64::registers::model_specific::{FsBase, GsBase, KernelGsBase};

use crate::arch::apic;
use crate::arch::descriptors::{CpuTables, InterruptStack};
use crate::arch::ports::PortGate;
use crate::cap::Endings;
use crate::crossbar::Inbound;
use crate::interrupt::InterruptState;
use crate::irq::Vectors;
use crate::lwkt::{Scheduler, Thread, Users};
use crate::mm::frames::{FrameCache, NodeId};
use crate::mm::layout::DIRECT_MAP;
use crate::mm::stack;
use crate::time::timer::Timers;
use crate::trace::Trace;

/// CPUs the kernel can run on.
pub(crate) const MAX_CPUS: usize = 256;

/// Index of a CPU, dense from 0, the boot CPU.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct CpuId(u16);

impl CpuId {
    /// The CPU that the loader started.
    pub(crate) const BOOT: Self = Self(0);

    /// The `index`th CPU.
    pub(crate) fn new(index: usize) -> Option<Self> {
        (index < MAX_CPUS).then_some(Self(index as u16))
    }

    /// Its index.
    pub(crate) fn index(self) -> usize {
        usize::from(self.0)
    }
}

/// A CPU's own data.
#[repr(C)]
pub(crate) struct PerCpu {
    /// `gs:0`: this structure's address, for `this`.
    self_address: Cell<u64>,
    /// `gs:8`: top of the current thread's kernel stack, for the entry code.
    kernel_stack: Cell<u64>,
    /// `gs:16`: where a system call's entry keeps the user stack for two instructions.
    user_stack: Cell<u64>,
    /// `gs:24`: where it keeps a register for a few more.
    scratch: Cell<u64>,
    id: CpuId,
    /// Set once its local APIC is known.
    apic_id: AtomicU32,
    node: Cell<NodeId>,
    thread: Cell<&'static Thread>,
    /// What FS points at.
    fs_base: Cell<u64>,
    /// Log records written here.
    pub(crate) log: &'static Ring,
    /// Free frames.
    pub(crate) frames: FrameCache,
    /// Interrupt bookkeeping.
    pub(crate) interrupts: InterruptState,
    /// Who is told of which vector.
    pub(crate) irqs: Vectors,
    /// Ports that user code may use now.
    pub(crate) ports: PortGate,
    /// Spaces that are being ended here.
    pub(crate) endings: Endings,
    /// What it did last.
    pub(crate) trace: Trace,
    /// Who runs here.
    pub(crate) scheduler: Scheduler,
    /// Who of the user band does.
    pub(crate) users: Users,
    /// Deadlines.
    pub(crate) timers: Timers,
    /// What other CPUs ask of this one.
    pub(crate) inbound: Inbound,
}

/// Where the entry code finds whether another thread may have to run, behind GS.
pub(crate) const ASKED: usize = core::mem::offset_of!(PerCpu, scheduler) + crate::lwkt::ASKED;
/// Where it finds the running thread.
pub(crate) const THREAD: usize = core::mem::offset_of!(PerCpu, thread);

// SAFETY: every non-atomic field is used by its own CPU only, which `this` guarantees for all accesses but `get`'s, whose
// callers reach only the atomic ones (`inbound`, `scheduler`'s kept threads, `apic_id`, `id`, `log`).
unsafe impl Sync for PerCpu {}

impl PerCpu {
    /// The data of CPU `id`, not installed yet.
    pub(crate) const fn new(id: CpuId, thread: &'static Thread, log: &'static Ring) -> Self {
        Self {
            self_address: Cell::new(0),
            kernel_stack: Cell::new(0),
            user_stack: Cell::new(0),
            scratch: Cell::new(0),
            id,
            apic_id: AtomicU32::new(0),
            node: Cell::new(NodeId::FIRST),
            thread: Cell::new(thread),
            fs_base: Cell::new(0),
            log,
            frames: FrameCache::new(),
            interrupts: InterruptState::new(),
            irqs: Vectors::new(),
            ports: PortGate::new(),
            endings: Endings::new(),
            trace: Trace::new(),
            scheduler: Scheduler::new(),
            users: Users::new(),
            timers: Timers::new(),
            inbound: Inbound::new(),
        }
    }

    /// Which CPU this is.
    #[inline(always)]
    pub(crate) fn id(&self) -> CpuId {
        self.id
    }

    /// Its local APIC's ID.
    pub(crate) fn apic_id(&self) -> u32 {
        self.apic_id.load(Ordering::Relaxed)
    }

    /// Its NUMA node.
    pub(crate) fn node(&self) -> NodeId {
        self.node.get()
    }

    /// The thread it runs.
    #[inline(always)]
    pub(crate) fn thread(&self) -> &'static Thread {
        self.thread.get()
    }

    /// Says which thread runs from now on, and where its entries from user mode begin their stack.
    pub(crate) fn set_thread(&self, thread: &'static Thread, kernel_stack: u64) {
        self.thread.set(thread);
        self.kernel_stack.set(kernel_stack);
    }

    /// Makes FS point there, if it does not yet.
    #[inline]
    pub(crate) fn use_fs_base(&self, base: u64) {
        if self.fs_base.get() != base {
            self.fs_base.set(base);
            FsBase::write(VirtAddr::new_truncate(base));
        }
    }

    /// Where entries from user mode begin their stack now.
    pub(crate) fn kernel_stack(&self) -> u64 {
        self.kernel_stack.get()
    }

    /// Records which APIC and node the CPU has. Boot, before it runs.
    pub(crate) fn place(&self, apic_id: u32, node: NodeId) {
        self.apic_id.store(apic_id, Ordering::Relaxed);
        self.node.set(node);
    }
}

static CPUS: [AtomicPtr<PerCpu>; MAX_CPUS] = [const { AtomicPtr::new(core::ptr::null_mut()) }; MAX_CPUS];
static ONLINE: AtomicUsize = AtomicUsize::new(0);

/// This CPU's data. Valid as long as the caller stays on this CPU: threads do not move in this kernel unless they say so.
#[inline(always)]
pub(crate) fn this() -> &'static PerCpu {
    let address: *const PerCpu;
    // SAFETY: GS points at this CPU's PerCpu from `install` on, whose first word is its own address.
    unsafe {
        core::arch::asm!("mov {}, gs:[0]", out(reg) address, options(nostack, readonly, preserves_flags));
        &*address
    }
}

/// Puts GS right if it is not the kernel's. It always should be; a fault's report must come out even when it is not.
pub(crate) fn make_sure() {
    if GsBase::read().as_u64() < DIRECT_MAP
        && let Some(own) = all().find(|cpu| cpu.apic_id() == apic::id())
    {
        GsBase::write(VirtAddr::from_ptr(own));
    }
}

/// Makes `data` this CPU's own. Its tables and interrupt stacks follow with [`install_tables`].
pub(crate) fn install(data: &'static PerCpu) {
    let address = VirtAddr::from_ptr(data);
    data.self_address.set(address.as_u64());
    GsBase::write(address);
    KernelGsBase::write(VirtAddr::zero());
}

/// Loads segments, task state and gates on this CPU; `stacks` are the tops of free stacks for
/// interrupts, `kernel_stack` is the top of the running thread's.
pub(crate) fn install_tables(
    data: &'static PerCpu,
    tables: &'static mut CpuTables,
    stacks: [VirtAddr; InterruptStack::COUNT],
    kernel_stack: VirtAddr,
) {
    let address = VirtAddr::from_ptr(data);
    let tops = stacks.map(|top| stack::with_top_word(top, address.as_u64()));
    data.kernel_stack.set(kernel_stack.as_u64());
    tables.load(tops, &data.ports);
    GsBase::write(address);
    crate::arch::syscall::prepare();
}

/// The CPU runs the kernel and can be found by others.
pub(crate) fn announce(data: &'static PerCpu) {
    CPUS[data.id.index()].store(core::ptr::from_ref(data).cast_mut(), Ordering::Release);
    ONLINE.fetch_add(1, Ordering::Release);
}

/// Another CPU's data; only its atomic parts are for the caller.
pub(crate) fn get(id: CpuId) -> Option<&'static PerCpu> {
    // SAFETY: null or announced: it lives for ever.
    unsafe { CPUS[id.index()].load(Ordering::Acquire).as_ref() }
}

/// All CPUs that run.
pub(crate) fn all() -> impl Iterator<Item = &'static PerCpu> {
    (0..MAX_CPUS).filter_map(|index| get(CpuId(index as u16)))
}

/// How many run.
pub(crate) fn count() -> usize {
    ONLINE.load(Ordering::Acquire)
}
