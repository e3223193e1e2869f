//! A QEMU plugin that counts a guest's instructions, from outside, for each virtual CPU.
//!
//! `-plugin libcount_plugin.so,out=PATH[,grain=instruction][,mmio=on][,ask=PATH][,profile=PATH][,idle=START-END]`. Whenever the guest executes a marker (see
//! `count_format`) the plugin appends a snapshot of all counters to PATH, and a last one when the emulator ends.
//! At the socket `ask` it gives one to each that connects.
//! Unlike icount it works with several CPUs and a real network peer, tells the kernel's half of the address space
//! from the user's, and counts the instructions that are dear on real hardware.
//!
//! Blocks are counted when entered, by one call a block; special instructions, and every instruction of a block
//! that holds a marker, by a call each, so that a snapshot is exact for the CPU that took it.

mod options;
mod profile;
pub mod qemu;
mod tally;

use std::ffi::{CStr, c_char, c_int, c_uint, c_void};
use std::fs::File;
use std::os::unix::net::UnixListener;
use std::ptr;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::thread;

use count_format::{Class, Counter, Header, Snapshot, classify};

use options::{Grain, Mmio, Options};
use profile::Profile;
use qemu::{Block, Info, Instruction, NO_REGS, PluginId};

/// The interface version this plugin was written for; QEMU refuses the plugin if it has dropped that version.
// SAFETY: the name is QEMU's; nothing else in this library has it.
#[unsafe(no_mangle)]
#[used]
pub static qemu_plugin_version: c_int = 1;

struct Plugin {
    grain: Grain,
    mmio: Mmio,
    idle: std::ops::Range<u64>,
    profile: Option<Profile>,
    vcpus: usize,
    file: Mutex<File>,
}

static PLUGIN: OnceLock<Plugin> = OnceLock::new();

/// QEMU's call to start the plugin; any status but 0 makes QEMU give up with a message.
///
/// # Safety
/// Only QEMU may call this, with a valid `info` and `argc` valid strings in `argv`.
// SAFETY: the name is QEMU's; nothing else in this library has it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qemu_plugin_install(
    id: PluginId,
    info: *const Info,
    argc: c_int,
    argv: *const *const c_char,
) -> c_int {
    let argc = usize::try_from(argc).unwrap_or(0);
    // SAFETY: QEMU hands over `argc` valid strings, and an `info` that lives as long as this call.
    let (words, info) = unsafe {
        let word = |index| CStr::from_ptr(*argv.add(index)).to_string_lossy().into_owned();
        ((0..argc).map(word).collect::<Vec<_>>(), &*info)
    };
    let installed = install(words, info)
        .and_then(|plugin| PLUGIN.set(plugin).map_err(|_| "it can be loaded only once".to_owned()));
    if let Err(reason) = installed {
        eprintln!("count-plugin: {reason}");
        return 1;
    }
    // SAFETY: `id` is the one that QEMU gave this plugin, and both callbacks live in it.
    unsafe {
        qemu::qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
        qemu::qemu_plugin_register_atexit_cb(id, ended, ptr::null_mut());
    }
    0
}

fn install(words: Vec<String>, info: &Info) -> Result<Plugin, String> {
    let options = Options::parse(words.into_iter())?;
    if !info.system_emulation {
        return Err("it counts whole machines, not one program".into());
    }
    let vcpus = usize::try_from(info.max_vcpus).unwrap_or(0);
    if vcpus > tally::MAX_VCPUS {
        return Err(format!("at most {} CPUs can be counted", tally::MAX_VCPUS));
    }
    let failed = |error| format!("{}: {error}", options.out.display());
    let mut file = File::create(&options.out).map_err(failed)?;
    Header::new(vcpus).write(&mut file).map_err(failed)?;
    if let Some(path) = &options.ask {
        let failed = |error| format!("{}: {error}", path.display());
        let socket = UnixListener::bind(path).map_err(failed)?;
        thread::spawn(move || count_format::answer(&socket, || tally::read(vcpus)));
    }
    let profile = options.profile.as_deref().map(Profile::new);
    let Options { grain, mmio, idle, .. } = options;
    Ok(Plugin { grain, mmio, idle, profile, vcpus, file: Mutex::new(file) })
}

impl Plugin {
    fn snapshot(&self, marker: Option<u16>, vcpu: Option<u32>) {
        // The lock comes first, so that the file's order is the snapshots' order.
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = (Snapshot { marker, vcpu, counts: tally::read(self.vcpus) }).write(&mut *file) {
            eprintln!("count-plugin: a snapshot is lost: {error}");
        }
    }
}

extern "C" fn translated(_: PluginId, block: *mut Block) {
    let Some(plugin) = PLUGIN.get() else { return };
    // SAFETY: QEMU passes a block that is valid during this call.
    if plugin.idle.contains(&unsafe { qemu::qemu_plugin_tb_vaddr(block) }) {
        return;
    }
    // SAFETY: QEMU passes a block that is valid during this call, and so are its instructions, of which there are
    // as many as it says, each with as many bytes as it says.
    let (address, instructions, code) = unsafe {
        let mut code = Vec::new();
        let instructions: Vec<(*mut Instruction, Class)> = (0..qemu::qemu_plugin_tb_n_insns(block))
            .map(|index| {
                let instruction = qemu::qemu_plugin_tb_get_insn(block, index);
                let length = qemu::qemu_plugin_insn_size(instruction);
                let bytes = std::slice::from_raw_parts(qemu::qemu_plugin_insn_data(instruction), length);
                code.extend_from_slice(bytes);
                (instruction, classify(bytes))
            })
            .collect();
        (qemu::qemu_plugin_tb_vaddr(block), instructions, code)
    };
    let half = half_of(address);
    if let Some(profile) = &plugin.profile {
        let tally = profile.block(address, code, instructions.len());
        // SAFETY: the block is valid during this call; the callback lives in this plugin.
        unsafe { qemu::qemu_plugin_register_vcpu_tb_exec_cb(block, entered, NO_REGS, tally) };
    }
    let one_by_one = plugin.grain == Grain::Instruction
        || instructions.iter().any(|(_, class)| matches!(class, Class::Marker(_)));
    if !one_by_one {
        // SAFETY: the block is valid during this call; the callback lives in this plugin.
        unsafe {
            let data = pack(half, instructions.len());
            qemu::qemu_plugin_register_vcpu_tb_exec_cb(block, counts, NO_REGS, data);
        }
    }
    for (instruction, class) in instructions {
        // SAFETY: the instruction is valid during this call; the callbacks live in this plugin. QEMU calls them in
        // the order of registration, so a marker's snapshot is taken before the marker itself counts.
        unsafe {
            match class {
                Class::Plain => {}
                Class::Counted(counter) => {
                    let data = pack(counter, 1);
                    qemu::qemu_plugin_register_vcpu_insn_exec_cb(instruction, counts, NO_REGS, data);
                }
                Class::Marker(id) => {
                    let data = ptr::without_provenance_mut(usize::from(id));
                    qemu::qemu_plugin_register_vcpu_insn_exec_cb(instruction, marked, NO_REGS, data);
                }
            }
            if one_by_one {
                let data = pack(half, 1);
                qemu::qemu_plugin_register_vcpu_insn_exec_cb(instruction, counts, NO_REGS, data);
            }
            if plugin.mmio == Mmio::Counted {
                let data = ptr::without_provenance_mut(half as usize);
                qemu::qemu_plugin_register_vcpu_mem_cb(instruction, accessed, NO_REGS, qemu::MEM_RW, data);
            }
        }
    }
}

fn half_of(address: u64) -> Counter {
    if address >> 63 == 0 { Counter::User } else { Counter::Kernel }
}

/// Packs what `counts` needs into the word that QEMU keeps for it: nothing is allocated for a block, so nothing has
/// to be freed when QEMU throws it away.
fn pack(counter: Counter, amount: usize) -> *mut c_void {
    ptr::without_provenance_mut(amount << 8 | counter as usize)
}

extern "C" fn counts(vcpu: c_uint, data: *mut c_void) {
    let packed = data.addr();
    if let Some(&counter) = Counter::ALL.get(packed & 0xff) {
        tally::add(vcpu, counter, (packed >> 8) as u64);
    }
}

extern "C" fn entered(_: c_uint, data: *mut c_void) {
    // SAFETY: `translated` registers it with what the profile has said.
    unsafe { profile::executed(data) };
}

extern "C" fn marked(vcpu: c_uint, data: *mut c_void) {
    if let (Some(plugin), Ok(id)) = (PLUGIN.get(), u16::try_from(data.addr())) {
        plugin.snapshot(Some(id), Some(vcpu));
    }
}

extern "C" fn accessed(vcpu: c_uint, access: u32, address: u64, data: *mut c_void) {
    // SAFETY: QEMU calls this right after the access it describes, on the thread that made it, which is when these
    // functions may be asked about it; a null answer is not dereferenced.
    let counter = unsafe {
        let target = qemu::qemu_plugin_get_hwaddr(access, address);
        if target.is_null() || !qemu::qemu_plugin_hwaddr_is_io(target) {
            return;
        }
        if qemu::qemu_plugin_mem_is_store(access) { Counter::MmioStore } else { Counter::MmioLoad }
    };
    tally::add(vcpu, counter, 1);
    if counter == Counter::MmioStore && data.addr() == Counter::User as usize {
        tally::add(vcpu, Counter::UserMmioStore, 1);
    }
}

extern "C" fn ended(_: PluginId, _: *mut c_void) {
    if let Some(plugin) = PLUGIN.get() {
        plugin.snapshot(None, None);
        if let Some(Err(error)) = plugin.profile.as_ref().map(Profile::write) {
            eprintln!("count-plugin: the profile is lost: {error}");
        }
    }
}
