//! QEMU's plugin interface, version 1, as far as it is used here.
//!
//! Declared by hand after `include/qemu/qemu-plugin.h` of QEMU 7.2, since Debian ships no such header. All these
//! functions live in the emulator that loads the plugin.

use std::ffi::{c_char, c_int, c_uint, c_void};
use std::marker::PhantomData;

/// Names this plugin in every call.
pub type PluginId = u64;

macro_rules! opaque {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[repr(C)]
        pub(crate) struct $name {
            _data: [u8; 0],
            _neither_send_nor_sync: PhantomData<*mut u8>,
        }
    )*};
}

opaque! {
    /// A block of guest code under translation.
    Block;
    /// An instruction of such a block; lives as long as the translation callback.
    Instruction;
    /// What a virtual address of a memory access led to.
    HardwareAddress;
}

/// What QEMU says about itself (`qemu_info_t`).
#[repr(C)]
pub struct Info {
    /// Name of the emulated architecture.
    pub target_name: *const c_char,
    /// Oldest interface version supported.
    pub version_min: c_int,
    /// Current interface version.
    pub version_cur: c_int,
    /// Whether a whole system is emulated, rather than one process.
    pub system_emulation: bool,
    /// Virtual CPUs present at the start.
    pub smp_vcpus: c_int,
    /// Virtual CPUs that may ever be present.
    pub max_vcpus: c_int,
}

/// `QEMU_PLUGIN_CB_NO_REGS`: the callback touches no guest register, so QEMU need not write them back for it.
pub(crate) const NO_REGS: c_int = 0;
/// `QEMU_PLUGIN_MEM_RW`: loads and stores.
pub(crate) const MEM_RW: c_int = 3;

/// Called when a block has been translated.
pub(crate) type BlockTranslated = extern "C" fn(id: PluginId, block: *mut Block);
/// Called when a block or an instruction is about to execute.
pub(crate) type Executes = extern "C" fn(vcpu: c_uint, data: *mut c_void);
/// Called after a memory access.
pub(crate) type Accessed = extern "C" fn(vcpu: c_uint, access: u32, address: u64, data: *mut c_void);
/// Called when the emulator ends.
pub(crate) type Ends = extern "C" fn(id: PluginId, data: *mut c_void);

unsafe extern "C" {
    pub(crate) fn qemu_plugin_register_vcpu_tb_trans_cb(id: PluginId, callback: BlockTranslated);
    pub(crate) fn qemu_plugin_register_atexit_cb(id: PluginId, callback: Ends, data: *mut c_void);
    pub(crate) fn qemu_plugin_tb_n_insns(block: *const Block) -> usize;
    pub(crate) fn qemu_plugin_tb_get_insn(block: *const Block, index: usize) -> *mut Instruction;
    pub(crate) fn qemu_plugin_tb_vaddr(block: *const Block) -> u64;
    pub(crate) fn qemu_plugin_insn_data(instruction: *const Instruction) -> *const u8;
    pub(crate) fn qemu_plugin_insn_size(instruction: *const Instruction) -> usize;
    pub(crate) fn qemu_plugin_register_vcpu_tb_exec_cb(
        block: *mut Block,
        callback: Executes,
        flags: c_int,
        data: *mut c_void,
    );
    pub(crate) fn qemu_plugin_register_vcpu_insn_exec_cb(
        instruction: *mut Instruction,
        callback: Executes,
        flags: c_int,
        data: *mut c_void,
    );
    pub(crate) fn qemu_plugin_register_vcpu_mem_cb(
        instruction: *mut Instruction,
        callback: Accessed,
        flags: c_int,
        accesses: c_int,
        data: *mut c_void,
    );
    pub(crate) fn qemu_plugin_mem_is_store(access: u32) -> bool;
    pub(crate) fn qemu_plugin_get_hwaddr(access: u32, address: u64) -> *mut HardwareAddress;
    pub(crate) fn qemu_plugin_hwaddr_is_io(address: *const HardwareAddress) -> bool;
}
