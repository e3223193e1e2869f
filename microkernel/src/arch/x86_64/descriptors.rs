//! Segments, task state and gates of a CPU (Intel SDM volume 3A, chapters 3, 6 and 8).
//!
//! Each CPU has its own GDT and TSS, because the TSS holds its interrupt stacks; the IDT is one for all.

use spin::Once;
use x86_64::instructions::segmentation::{CS, DS, ES, FS, GS, SS, Segment};
use x86_64::instructions::tables::load_tss;
use x86_64::structures::gdt::{Descriptor, GlobalDescriptorTable, SegmentSelector};
use x86_64::structures::idt::InterruptDescriptorTable;
use x86_64::{PrivilegeLevel, VirtAddr};

use super::entry::stub_address;
use super::ports::{PortGate, Task};

/// Selector of kernel code. The order below is the one that SYSCALL and SYSRET prescribe.
pub(crate) const KERNEL_CODE: SegmentSelector = SegmentSelector::new(1, PrivilegeLevel::Ring0);
/// Selector of kernel data.
pub(crate) const KERNEL_DATA: SegmentSelector = SegmentSelector::new(2, PrivilegeLevel::Ring0);

/// Selector of user data.
pub(crate) const USER_DATA: SegmentSelector = SegmentSelector::new(3, PrivilegeLevel::Ring3);
/// Selector of user code.
pub(crate) const USER_CODE: SegmentSelector = SegmentSelector::new(4, PrivilegeLevel::Ring3);

/// The interrupt stacks of a CPU, by the index that gates name (0 is IST 1 of the manual).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
pub(crate) enum InterruptStack {
    /// Interrupts and ordinary faults: short stays only, see entry.s.
    Normal = 0,
    /// Non-maskable interrupts.
    Nmi = 1,
    /// Machine checks.
    MachineCheck = 2,
    /// Debug exceptions.
    Debug = 3,
    /// Double faults: the end, but told.
    DoubleFault = 4,
}

impl InterruptStack {
    /// How many there are.
    pub(crate) const COUNT: usize = 5;
}

/// GDT and TSS of one CPU, with its I/O permission bitmap; must stay where they are once loaded.
pub(crate) struct CpuTables {
    gdt: GlobalDescriptorTable<8>,
    task: Task,
}

impl CpuTables {
    /// Tables without stacks, not loaded.
    pub(crate) const fn new() -> Self {
        Self { gdt: GlobalDescriptorTable::empty(), task: Task::new() }
    }

    /// Enters the interrupt stacks' tops and loads everything on this CPU, whose `ports` are all forbidden.
    pub(crate) fn load(&'static mut self, stacks: [VirtAddr; InterruptStack::COUNT], ports: &PortGate) {
        let [a, b, c, d, e] = stacks;
        let none = VirtAddr::zero();
        self.task.state.interrupt_stack_table = [a, b, c, d, e, none, none];
        self.gdt = GlobalDescriptorTable::empty();
        let code = self.gdt.append(Descriptor::kernel_code_segment());
        let data = self.gdt.append(Descriptor::kernel_data_segment());
        let user_data = self.gdt.append(Descriptor::user_data_segment());
        let user_code = self.gdt.append(Descriptor::user_code_segment());
        let (descriptor, state) = self.task.descriptor();
        let task = self.gdt.append(descriptor);
        ports.open(state);
        let made = [code, data, user_data, user_code];
        assert!(made == [KERNEL_CODE, KERNEL_DATA, USER_DATA, USER_CODE], "the GDT's order is fixed");
        self.gdt.load();
        // SAFETY: the selectors name the entries just made; the tables live for ever ('static) and are not moved.
        unsafe {
            CS::set_reg(code);
            SS::set_reg(data);
            DS::set_reg(data);
            ES::set_reg(data);
            FS::set_reg(SegmentSelector::NULL);
            // Loading the selector clears the hidden base; percpu::install sets it right after.
            GS::set_reg(SegmentSelector::NULL);
            load_tss(task);
            // None: what reset leaves behind reaches over the first 64 KiB of whatever is mapped, a program's pages for one.
            core::arch::asm!("lldt {:x}", in(reg) 0, options(nomem, nostack, preserves_flags));
        }
        IDT.call_once(idt).load();
    }
}

static IDT: Once<InterruptDescriptorTable> = Once::new();

/// Every vector leads to its stub on the right stack with interrupts off.
fn idt() -> InterruptDescriptorTable {
    let mut idt = InterruptDescriptorTable::new();
    let stub = |vector: u8| VirtAddr::from_ptr(core::ptr::without_provenance::<u8>(stub_address(vector)));
    // SAFETY (all of this function): each stub is an interrupt entry for exactly its vector, error code or not, and
    // every named stack is set up by `CpuTables::load` before the IDT is loaded.
    macro_rules! gate {
        ($entry:expr, $vector:expr, $stack:expr) => {
            // SAFETY: as said above.
            unsafe { $entry.set_handler_addr(stub($vector)).set_stack_index($stack as u16) }
        };
    }
    use InterruptStack::*;
    gate!(idt.divide_error, 0, Normal);
    gate!(idt.debug, 1, Debug);
    gate!(idt.non_maskable_interrupt, 2, Nmi);
    // Programs may break into their supervisor.
    gate!(idt.breakpoint, 3, Normal).set_privilege_level(::x86_64::PrivilegeLevel::Ring3);
    gate!(idt.overflow, 4, Normal);
    gate!(idt.bound_range_exceeded, 5, Normal);
    gate!(idt.invalid_opcode, 6, Normal);
    gate!(idt.device_not_available, 7, Normal);
    gate!(idt.double_fault, 8, DoubleFault);
    gate!(idt.invalid_tss, 10, Normal);
    gate!(idt.segment_not_present, 11, Normal);
    gate!(idt.stack_segment_fault, 12, Normal);
    gate!(idt.general_protection_fault, 13, Normal);
    gate!(idt.page_fault, 14, Normal);
    gate!(idt.x87_floating_point, 16, Normal);
    gate!(idt.alignment_check, 17, Normal);
    gate!(idt.machine_check, 18, MachineCheck);
    gate!(idt.simd_floating_point, 19, Normal);
    gate!(idt.virtualization, 20, Normal);
    gate!(idt.cp_protection_exception, 21, Normal);
    for vector in 32..=255u8 {
        gate!(idt[vector], vector, Normal);
    }
    idt
}
