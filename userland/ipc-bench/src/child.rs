//! A second address space with a copy of this program, threads in either, and the page that both share.

use core::ptr;
use core::sync::atomic::{AtomicU64, Ordering};

use anax_abi::object::Policy;
use anax_sys::object::{Cpu, Limits, Region, RegionKind, Space, Thread};
use anax_sys::{Error, Port, Rights};

/// Where the shared page lies in both spaces.
const SHARED: usize = 0x5000_0000;
const PAGE: u64 = 4096;
const STACK: u64 = 4 * PAGE;
/// All benchmarks but those between CPUs run on this one.
pub(crate) const CPU: Cpu = Cpu(0);

// The linker script's marks: where code and variables begin, and the end.
unsafe extern "C" {
    static anax_image_text: u8;
    static anax_image_data: u8;
    static anax_image_end: u8;
}

/// The first byte of a program, by the linker script.
const IMAGE: u64 = 0x40_0000;

/// Words of the shared page.
#[derive(Clone, Copy)]
#[repr(usize)]
pub(crate) enum Word {
    /// Counts what a peer has done.
    Done,
    /// Not 0: the peer shall end.
    Stop,
    /// Time stamps: when it was told, and the sum of how long it took.
    Told,
    Took,
    /// A divisor: 0 faults.
    Divisor,
    /// The handle of a peer's end of a channel, and where the channel lies.
    Channel,
    Block,
}

/// A word of the shared page, which [`share`] has mapped.
pub(crate) fn shared(word: Word) -> &'static AtomicU64 {
    let words = ptr::with_exposed_provenance::<AtomicU64>(SHARED);
    // SAFETY: `share` maps the page in every space before anything else happens there, and for ever; used by atomics only.
    unsafe { &*words.add(word as usize) }
}

pub(crate) fn get(word: Word) -> u64 {
    shared(word).load(Ordering::Relaxed)
}

pub(crate) fn set(word: Word, value: u64) {
    shared(word).store(value, Ordering::Relaxed);
}

/// Reading and writing.
pub(crate) const READ_WRITE: Rights = Rights::READ.with(Rights::WRITE);

/// The shared page, mapped in this space.
pub(crate) fn share() -> Result<Region, Error> {
    let page = Space::SELF.create_region(PAGE, RegionKind::Pinned)?;
    // SAFETY: nothing else is linked or mapped there.
    unsafe { Space::SELF.map_at(SHARED as u64, page, 0, PAGE, READ_WRITE)? };
    Ok(page)
}

/// A space with the same program at the same addresses, and the shared page.
pub(crate) fn create(page: Region) -> Result<Space, Error> {
    let limits = Limits { pages: 512, handles: 512, threads: 8, messages: 64 };
    let space = Space::SELF.create_space(limits, Policy::Inherit, CPU)?;
    let (text, data, end) = (
        (&raw const anax_image_text).addr(),
        (&raw const anax_image_data).addr(),
        (&raw const anax_image_end).addr(),
    );
    let (text, data, end) = (text as u64, data as u64, (end as u64).next_multiple_of(PAGE));
    let image = Space::SELF.create_region(end - IMAGE, RegionKind::Pinned)?;
    let copy = Space::SELF.map(image, 0, end - IMAGE, READ_WRITE)?;
    for offset in (0..end - IMAGE).step_by(8) {
        let from = ptr::with_exposed_provenance::<u64>((IMAGE + offset) as usize);
        let to = ptr::with_exposed_provenance_mut::<u64>((copy + offset) as usize);
        // SAFETY: from the pages of this program, of which the unnamed ones between parts are as readable as the rest of
        // their page, to a mapping of the same length.
        unsafe { to.write_volatile(from.read_volatile()) };
    }
    for (from, to, protection) in [
        (IMAGE, text, Rights::READ),
        (text, data, Rights::READ.with(Rights::EXECUTE)),
        (data, end, READ_WRITE),
    ] {
        if from < to {
            // SAFETY: another space.
            unsafe { space.map_at(from, image, from - IMAGE, to - from, protection)? };
        }
    }
    // SAFETY: another space.
    unsafe { space.map_at(SHARED as u64, page, 0, PAGE, READ_WRITE)? };
    Ok(space)
}

/// A function that a thread begins with; it ends by [`Thread::exit`].
pub(crate) type Entry = extern "C" fn(u64) -> !;

/// The end of a new stack in `space`, as a function finds it when it is called.
pub(crate) fn stack(space: Space) -> Result<u64, Error> {
    let stack = Space::SELF.create_region(STACK, RegionKind::Pinned)?;
    Ok(space.map(stack, 0, STACK, READ_WRITE)? + STACK - 8)
}

/// A thread of `space` that serves a port of its own: the port, by a handle of this space. It is told its own handle.
pub(crate) fn serve(space: Space, cpu: Cpu, entry: Entry, priority: u64) -> Result<Port, Error> {
    let thread = space.create_thread(cpu, priority, None)?;
    let port = space.create_port(thread, 0)?;
    let told = if space == Space::SELF { port.handle() } else { space.grant(port.handle(), Rights::ALL)? };
    start(space, thread, entry, told.to_word())?;
    Ok(port)
}

/// Starts a thread of `space` in a function.
pub(crate) fn start(space: Space, thread: Thread, entry: Entry, argument: u64) -> Result<(), Error> {
    let stack = stack(space)?;
    // SAFETY: a function of the C convention that does not return, at the same address in both spaces, on a stack of its own.
    unsafe { thread.start(entry as usize as u64, stack, argument) }
}
