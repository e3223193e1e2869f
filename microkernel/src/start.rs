//! From the loader to the first thread, in order. Every step needs only the ones before it.

use alloc::boxed::Box;

use core::fmt::Write as _;
use core::ops::Range;

use arrayvec::ArrayVec;
use microkernel_core::acpi::{self, Platform};
use microkernel_core::bootinfo::BootInfo;
use microkernel_core::cmdline::{AcpiSource, Options, unknown_words};
use microkernel_core::memmap::{MemoryMap, RegionKind};
use microkernel_core::runqueue::Priority;
use spin::{Mutex, MutexGuard, Once};
use x86_64::{PhysAddr, VirtAddr};

use anax_archive::Archive;
use anax_symbols::Symbols;

use crate::arch::boot::{self as entry, BootFrames, Road};
use crate::arch::cpu::{self, Features};
use crate::arch::descriptors::CpuTables;
use crate::arch::reference::Reference;
use crate::arch::serial::{self, Line};
use crate::arch::{apic, io_apic, pic};
use crate::boot;
use crate::console::{self, Ring};
use crate::firmware::FirmwareMemory;
use crate::lwkt::{self, Start, Thread};
use crate::mm::frames::{self, NodeId};
use crate::mm::layout::{PAGE_SIZE, direct};
use crate::mm::stack;
use crate::mm::window;
use crate::panic::refuse;
use crate::percpu::{self, CpuId, PerCpu};
use crate::smp;
use crate::time::{clock, timer};

/// The thread that boots the system and becomes its first.
static BOOT_THREAD: Thread = Thread::adopted("boot", 0, VirtAddr::zero(), Priority::USER_NORMAL);
static BOOT_RING: Ring = Ring::new();
static BOOT_CPU: PerCpu = PerCpu::new(CpuId::BOOT, &BOOT_THREAD, &BOOT_RING);
/// Descriptors of the boot CPU while there is no memory for stacks.
static EARLY_TABLES: Mutex<CpuTables> = Mutex::new(CpuTables::new());

/// What the kernel knows about the machine once it runs.
pub(crate) struct Machine {
    /// What firmware's tables say.
    pub(crate) platform: Platform,
    /// What the loader said.
    pub(crate) info: BootInfo,
    /// Usable memory, bytes.
    pub(crate) usable: u64,
    /// What the command line asked for.
    pub(crate) options: Options,
    /// Time-stamp counter when everything was ready.
    pub(crate) ready_timestamp: u64,
}

impl Machine {
    /// Whether memory, or registers of the kernel's own, lie in a range of physical addresses.
    pub(crate) fn is_taken(&self, range: Range<u64>) -> bool {
        let touches = |at: u64| range.start < at + PAGE_SIZE && at < range.end;
        touches(apic::registers())
            || self.platform.has_registers_in(range.clone())
            || self.info.map.touches_memory(range)
    }
}

static ARCHIVE: Once<Archive<'static>> = Once::new();

/// The boot archive.
pub(crate) fn archive() -> &'static Archive<'static> {
    ARCHIVE.get().expect("opened before there are threads")
}

static MACHINE: Once<Machine> = Once::new();

/// The machine, once it is known.
pub(crate) fn machine() -> Option<&'static Machine> {
    MACHINE.get()
}

/// Everything, on the CPU that the loader started and on the boot stack.
pub(crate) fn on_boot_cpu(road: Road) -> ! {
    percpu::install(&BOOT_CPU);
    let early = MutexGuard::leak(EARLY_TABLES.lock());
    percpu::install_tables(&BOOT_CPU, early, [entry::interrupt_stack_top(); 5], entry::stack_top());
    serial::open(Line::Com1);
    serial::open(Line::Com2);
    console::start();
    let features = cpu::features();
    cpu::configure(&features);

    let mut info = boot::read(road).unwrap_or_else(|error| refuse(format_args!("{error}")));
    let options = Options::parse(&info.command_line);
    console::mirror(options.log);
    for word in unknown_words(&info.command_line).take(16) {
        log::warn!("unknown word on the command line: {}", word.escape_ascii());
    }

    let mut boot_frames = BootFrames::new(&info.map)
        .unwrap_or_else(|| refuse(format_args!("memory map: no memory for page tables")));
    paging_on(&info.map, &features, &mut boot_frames);
    let archive = open_archive(&info);
    load_symbols(&archive);
    ARCHIVE.call_once(|| archive);
    let platform = read_firmware(&info, &options, &archive, &mut boot_frames);
    let trampoline_page = reserve(&mut info, &boot_frames);
    let usable = free_memory(&info.map, &platform);

    install_boot_tables();
    let mut platform = platform;
    let is_memory = |address: u64| info.map.touches_memory(address..address.saturating_add(1));
    for what in platform.believe_only_devices(is_memory) {
        log::warn!("ACPI: {what:?} would be in memory: ignored");
    }
    start_devices(&platform, &features);
    let place = platform.cpus.iter().find(|entry| entry.apic_id == apic::id());
    BOOT_CPU.place(apic::id(), NodeId::new(place.map_or(0, |entry| entry.node as usize)));
    percpu::announce(&BOOT_CPU);
    lwkt::register(&BOOT_THREAD);
    match lwkt::lwkt_create(&BOOT_CPU, "idle", Priority::IDLE, Start::Later, |_| lwkt::idle(), 0) {
        Ok(idle) => BOOT_CPU.scheduler.idle.set(Some(idle.index)),
        Err(_) => refuse(format_args!("not enough memory for the kernel's threads")),
    }
    place.and_then(|entry| platform.nmi_pin(entry.uid)).into_iter().for_each(apic::enable_nmi_pin);
    if let Err(reason) = clock::start(Reference::start(&platform)) {
        refuse(format_args!("no clock: {reason}"));
    }
    timer::choose(features.tsc_deadline);
    timer::prepare();
    cpu::enable_interrupts();
    smp::start_all(&platform, &features, trampoline_page);
    report(&info, &features);
    ready(&info, platform, usable, options)
}

/// Builds the kernel's page tables and moves onto them; refuses where that fails.
fn paging_on(map: &MemoryMap, features: &Features, boot_frames: &mut BootFrames) {
    let root = entry::build_tables(map, features, &mut || boot_frames.take())
        .and_then(|root| window::open(root, &mut || boot_frames.take()).map(|()| root))
        .unwrap_or_else(|_| refuse(format_args!("memory map: no memory for page tables")));
    // SAFETY: the new tables map the image, this stack in it, and all memory that is reached from here on.
    unsafe { root.activate() };
}

fn open_archive(info: &BootInfo) -> Archive<'static> {
    let address: VirtAddr = direct(PhysAddr::new_truncate(info.archive.start));
    let length = (info.archive.end - info.archive.start) as usize;
    // SAFETY: the map says that this is memory, marked so that nobody else gets it.
    let bytes = unsafe { core::slice::from_raw_parts(address.as_ptr(), length) };
    Archive::open(bytes).unwrap_or_else(|error| refuse(format_args!("boot archive: {error}")))
}

fn load_symbols(archive: &Archive<'static>) {
    match archive.get("kernel.sym").map(Symbols::open) {
        Some(Ok(symbols)) => crate::backtrace::use_symbols(symbols),
        Some(Err(error)) => log::warn!("symbol table: {error}"),
        None => log::warn!("no symbol table in the boot archive: backtraces will have no names"),
    }
}

/// Reads firmware's tables, or the archive's stand-in for them under test.
fn read_firmware(
    info: &BootInfo,
    options: &Options,
    archive: &Archive<'static>,
    boot_frames: &mut BootFrames,
) -> Platform {
    let replacement = match options.acpi {
        AcpiSource::Archive if cfg!(feature = "test") => archive.get("test/acpi"),
        _ => None,
    };
    let memory = FirmwareMemory::new(info, boot_frames, replacement);
    let rsdp = match replacement {
        Some(_) => Some(acpi::image::GUEST_BASE),
        None => memory.root_pointer(info),
    };
    let platform = acpi::discover(&memory, rsdp);
    for warning in platform.warnings.as_slice() {
        log::warn!("ACPI: {warning}");
    }
    platform
}

/// Marks what boot has taken; the page for the trampoline, if there is one.
fn reserve(info: &mut BootInfo, boot_frames: &BootFrames) -> Option<PhysAddr> {
    let full = |_| refuse(format_args!("memory map: too many regions"));
    let (start, end) = boot_frames.taken();
    info.map.reserve(start..end, RegionKind::BootData).unwrap_or_else(full);
    let page = info.map.find_low_page(1 << 20)?;
    info.map.reserve(page..page + PAGE_SIZE, RegionKind::BootData).unwrap_or_else(full);
    Some(PhysAddr::new_truncate(page))
}

/// Hands all usable memory to the nodes it belongs to; how much that is.
fn free_memory(map: &MemoryMap, platform: &Platform) -> u64 {
    let limit = crate::mm::layout::DIRECT_MAP_SIZE;
    let mut total = 0;
    for region in map.iter().filter(|region| region.kind == RegionKind::Usable && region.start < limit) {
        for (node, piece) in platform.by_node(region.start..region.end.min(limit)) {
            let (start, end) = (PhysAddr::new_truncate(piece.start), PhysAddr::new_truncate(piece.end));
            // SAFETY: usable by the map, shown by the direct map, handed out once.
            unsafe { frames::add(NodeId::new(node as usize), start, end) };
            total += piece.end - piece.start;
        }
    }
    frames::finish_boot(PhysAddr::new_truncate(map.usable_end().min(limit)));
    total
}

/// Segments, gates and interrupt stacks of the boot CPU.
fn install_boot_tables() {
    let stacks: Option<ArrayVec<_, 5>> = (0..5).map(|_| stack::make().ok()).collect();
    let Some(stacks) = stacks.and_then(|stacks| stacks.into_inner().ok()) else {
        refuse(format_args!("not enough memory for the kernel's stacks"));
    };
    let tables = Box::leak(Box::new(CpuTables::new()));
    percpu::install_tables(&BOOT_CPU, tables, stacks, entry::stack_top());
}

/// Interrupt controllers.
fn start_devices(platform: &Platform, features: &Features) {
    pic::silence_8259();
    if apic::discover(features).is_err() {
        refuse(format_args!("the local APIC's registers cannot be mapped"));
    }
    apic::enable();
    io_apic::discover(platform);
}

fn report(info: &BootInfo, features: &Features) {
    for region in info.map.iter() {
        log::debug!("memory {:#014x}-{:#014x} {:?}", region.start, region.end, region.kind);
    }
    log::info!(
        "clock: {:?} at {}.{:03} MHz{} by {}, {}",
        clock::source(),
        clock::hertz() / 1_000_000,
        clock::hertz() / 1000 % 1000,
        if features.invariant_tsc { " (invariant)" } else { "" },
        clock::reference_name(),
        if apic::is_x2apic() { "x2APIC" } else { "xAPIC" },
    );
}

/// The first thread: announces that the system is ready, and goes on as the runner, or to sleep.
fn ready(info: &BootInfo, platform: Platform, usable: u64, options: Options) -> ! {
    let machine = MACHINE.call_once(|| Machine {
        platform,
        info: info.clone(),
        usable,
        options,
        ready_timestamp: cpu::timestamp(),
    });
    cpu::measuring_marker::<2>();
    let count = percpu::count();
    let _ = writeln!(
        console::last_words(),
        "anax: ready: {count} CPU{}, {} MiB usable, {}, {} since entry",
        if count == 1 { "" } else { "s" },
        machine.usable >> 20,
        info.protocol,
        clock::now(),
    );
    first_thread(machine)
}

#[cfg(feature = "test")]
fn first_thread(machine: &'static Machine) -> ! {
    crate::runner::run(machine)
}

#[cfg(not(feature = "test"))]
fn first_thread(_: &'static Machine) -> ! {
    // Nobody is left to decide anything.
    let ended = crate::user::run_program("init", 0);
    log::error!("the first program has ended, {ended:x?}: switching off");
    crate::arch::power::off(ended.map_or(1, |status| status as u8))
}
