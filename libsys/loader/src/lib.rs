//! Loads a program into a space of its own: what a supervisor does before it starts one.
//!
//! The file is read under the same policy as the kernel's own loader has it ([`anax_elf`]). Instructions and constants of a file that [lies](Lies) in
//! memory that nobody writes are mapped from there, and all programs have the same. Each other segment is a region of the child's:
//! mapped here, filled, unmapped, and mapped there with what its pages allow. So nothing is ever writable and executable, and
//! nothing of the child stays reachable from here.
//!
//! [`load`] and [`put`] are the steps for a supervisor that makes space and threads itself, [`start`] does it all.
#![no_std]

use core::ptr;

use anax_abi::object::Policy;
use anax_elf::{Program, Protection, Segment};
use anax_sys::object::{Cpu, Limits, Region, RegionKind, Space, Thread};
use anax_sys::{Error, Handle, Port, Rights};

/// Where a child's stack ends, at most.
const STACK_END: u64 = 0x7fff_0000_0000;
/// Pages below that at which it may end instead: 1 GiB, the range of one table.
pub const MOST_BELOW: u64 = 1 << 18;
const PAGE: u64 = 4096;

/// How a program is to run.
#[derive(Clone, Copy, Debug)]
pub struct Plan<'a> {
    /// What it may use.
    pub limits: Limits,
    /// Where: its space's home and its first thread's.
    pub cpu: Cpu,
    /// How urgent its first thread is.
    pub priority: u64,
    /// Where its faults and its end are told.
    pub fault_port: Port,
    /// Bytes of its stack, in whole pages.
    pub stack: u64,
    /// What it is given, in the order in which it finds them: from slot 1 on, generation 1.
    pub handles: &'a [(Handle, Rights)],
    /// Its argument.
    pub argument: u64,
}

/// A program that runs.
#[derive(Clone, Copy, Debug)]
pub struct Child {
    /// Its space.
    pub space: Space,
    /// Its first thread.
    pub thread: Thread,
}

/// Loads `file` and starts it.
///
/// # Errors
/// `BadArgument` for a file that breaks the policy; `Quota`, `NoMemory`; whatever a handle of the plan is refused for. There is no
/// child then.
pub fn start(file: &[u8], plan: &Plan<'_>) -> Result<Child, Error> {
    begin(file, plan, |_, _| Ok(())).map(|(child, ())| child)
}

/// The same for a program that is asked something: its first thread owns a port, which it finds behind what the plan gives. Returns the
/// port for those who ask.
///
/// # Errors
/// As for [`start`].
pub fn start_serving(file: &[u8], plan: &Plan<'_>) -> Result<(Child, Port), Error> {
    begin(file, plan, |space, thread| {
        let port = space.create_port(thread, 0)?;
        grant(space, plan.handles.len(), port.handle(), Rights::SEND.with(Rights::RECEIVE))?;
        Ok(port)
    })
}

/// `last` is done when all is there and nothing runs yet.
fn begin<T>(
    file: &[u8],
    plan: &Plan<'_>,
    last: impl FnOnce(Space, Thread) -> Result<T, Error>,
) -> Result<(Child, T), Error> {
    Program::parse(file, anax_elf::USER).map_err(|_| Error::BadArgument)?;
    let space = Space::SELF.create_space(plan.limits, Policy::Inherit, plan.cpu)?;
    let begun = prepare(space, file, plan).and_then(|(thread, entry)| {
        let made = last(space, thread.thread())?;
        thread.start(entry, plan.argument)?;
        Ok((Child { space, thread: thread.thread() }, made))
    });
    if begun.is_err() {
        end(space)?;
    }
    begun
}

/// Ends a child; when this returns, none of its threads runs and no CPU reaches its memory.
///
/// # Errors
/// None beside the usual.
pub fn end(space: Space) -> Result<(), Error> {
    Space::SELF.destroy(space.handle())?;
    // The handle may have died with it.
    let _ = Space::SELF.close(space.handle());
    Ok(())
}

/// Where a loaded program's first thread begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its first instruction.
    pub instruction: u64,
    /// The end of its stack.
    pub stack: u64,
}

/// Where a file lies that can be mapped: in a region that nobody writes as long as there are programs.
#[derive(Clone, Copy, Debug)]
pub struct Lies {
    /// The region, by a handle that may read and execute.
    pub region: Region,
    /// Bytes from its beginning to the file's; nothing is mapped unless they are whole pages.
    pub offset: u64,
}

impl Lies {
    /// Where this member of the boot archive lies, given all of the archive and its region.
    #[must_use]
    pub fn in_archive(archive: &[u8], region: Region, member: &[u8]) -> Self {
        Self { region, offset: member.as_ptr().addr().wrapping_sub(archive.as_ptr().addr()) as u64 }
    }

    /// Where the pages of a segment begin in the region, if they can be mapped from there.
    fn pages_of(self, segment: &Segment) -> Option<u64> {
        let before = segment.address - segment.pages.start;
        let at = self.offset.checked_add(segment.file.start as u64)?.checked_sub(before)?;
        let is_constant = segment.protection != Protection::ReadWrite;
        let is_whole = segment.file.len() as u64 == segment.bytes;
        (is_constant && is_whole && at.is_multiple_of(PAGE)).then_some(at)
    }
}

/// Loads `file` into a space, with a stack of so many bytes that ends `below` pages below the highest place for one. What can be mapped where it lies, is.
/// What fails half done is for the space's owner to end.
///
/// # Errors
/// `BadArgument` for a file that breaks the policy, or a stack too far below; `Quota`, `NoMemory`; `NoRights` if where it lies may not be mapped so.
pub fn load(
    space: Space,
    file: &[u8],
    lies: Option<Lies>,
    stack_bytes: u64,
    below: u64,
) -> Result<Entry, Error> {
    let program = Program::parse(file, anax_elf::USER).map_err(|_| Error::BadArgument)?;
    if below > MOST_BELOW {
        return Err(Error::BadArgument);
    }
    for segment in &program.segments {
        load_segment(space, file, lies, segment)?;
    }
    let stack = STACK_END - below * PAGE;
    let region = space.create_region(stack_bytes, RegionKind::Lazy)?;
    give(space, region, stack - stack_bytes, Rights::READ.with(Rights::WRITE))?;
    Ok(Entry { instruction: program.entry, stack })
}

/// Takes all memory from a space that is not the caller's own, and has not begun to run: what was loaded half, by somebody who has died over it.
///
/// # Errors
/// `BadArgument` for the caller's own; those of the kernel.
pub fn clear(space: Space) -> Result<(), Error> {
    if space == Space::SELF {
        return Err(Error::BadArgument);
    }
    let all = anax_elf::USER;
    // SAFETY: another space.
    match unsafe { space.unmap(all.start, all.end - all.start) } {
        // There is nothing.
        Err(Error::BadAddress) => Ok(()),
        cleared => cleared,
    }
}

/// Puts bytes into a space, at a place of its kernel's choice, to be read only; the address.
///
/// # Errors
/// `Quota`, `NoMemory`.
pub fn put(space: Space, bytes: &[u8]) -> Result<u64, Error> {
    let length = (bytes.len() as u64).next_multiple_of(PAGE);
    let region = space.create_region(length, RegionKind::Pinned)?;
    fill(region, length, 0, bytes)?;
    let address = space.map(region, 0, length, Rights::READ)?;
    Space::SELF.close(region.handle())?;
    Ok(address)
}

/// The first thread of another space, which whoever made it may start wherever he likes: what it runs there is none of the caller's code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FirstThread(Thread);

impl FirstThread {
    /// Makes it, not started. Its faults and its end are told to `fault_port`.
    ///
    /// # Errors
    /// `BadArgument` for the caller's own space; else as [`Space::create_thread`].
    pub fn new(space: Space, cpu: Cpu, priority: u64, fault_port: Port) -> Result<Self, Error> {
        if space == Space::SELF {
            return Err(Error::BadArgument);
        }
        space.create_thread(cpu, priority, Some(fault_port)).map(Self)
    }

    /// The thread.
    #[must_use]
    pub const fn thread(self) -> Thread {
        self.0
    }

    /// Starts it.
    ///
    /// # Errors
    /// `Exists` if it was started before, `BadAddress`.
    pub fn start(self, entry: Entry, argument: u64) -> Result<(), Error> {
        // SAFETY: a thread of another space.
        unsafe { self.0.start(entry.instruction, entry.stack, argument) }
    }
}

/// All of a child but what makes it run.
fn prepare(space: Space, file: &[u8], plan: &Plan<'_>) -> Result<(FirstThread, Entry), Error> {
    let entry = load(space, file, None, plan.stack, 0)?;
    for (place, (handle, rights)) in plan.handles.iter().enumerate() {
        grant(space, place, *handle, *rights)?;
    }
    Ok((FirstThread::new(space, plan.cpu, plan.priority, plan.fault_port)?, entry))
}

/// Gives a handle, after so many others.
fn grant(space: Space, place: usize, handle: Handle, rights: Rights) -> Result<(), Error> {
    let slot = u32::try_from(place + 1).map_err(|_| Error::BadArgument)?;
    if space.grant(handle, rights)? == Handle::new(slot, 1) { Ok(()) } else { Err(Error::BadHandle) }
}

/// A segment is mapped from where it lies, or becomes a region of the child's.
fn load_segment(space: Space, file: &[u8], lies: Option<Lies>, segment: &Segment) -> Result<(), Error> {
    let bytes = segment.pages.end - segment.pages.start;
    let protection = match segment.protection {
        Protection::Read => Rights::READ,
        Protection::ReadWrite => Rights::READ.with(Rights::WRITE),
        Protection::ReadExecute => Rights::READ.with(Rights::EXECUTE),
    };
    if let Some(lies) = lies
        && let Some(at) = lies.pages_of(segment)
    {
        // SAFETY: in another space.
        return unsafe { space.map_at(segment.pages.start, lies.region, at, bytes, protection) }.map(drop);
    }
    let content = file.get(segment.file.clone()).ok_or(Error::BadArgument)?;
    let region = space.create_region(bytes, RegionKind::Pinned)?;
    fill(region, bytes, segment.address - segment.pages.start, content)?;
    give(space, region, segment.pages.start, protection)
}

/// Writes `content` to a region of the child's, from `offset` on.
fn fill(region: Region, bytes: u64, offset: u64, content: &[u8]) -> Result<(), Error> {
    let here = Space::SELF.map(region, 0, bytes, Rights::READ.with(Rights::WRITE))?;
    let fits = offset.checked_add(content.len() as u64).is_some_and(|end| end <= bytes);
    if fits {
        // SAFETY: mapped just now, writable and nobody else's; the content ends within it.
        unsafe { ptr::copy_nonoverlapping(content.as_ptr(), (here + offset) as *mut u8, content.len()) };
    }
    // SAFETY: nothing refers to what was mapped for the copy.
    unsafe { Space::SELF.unmap(here, bytes)? };
    if fits { Ok(()) } else { Err(Error::BadArgument) }
}

/// Maps all of a region in the child, and lets go of it: the mapping keeps it.
fn give(space: Space, region: Region, address: u64, protection: Rights) -> Result<(), Error> {
    let bytes = region.size()?;
    // SAFETY: in another space.
    unsafe { space.map_at(address, region, 0, bytes, protection)? };
    Space::SELF.close(region.handle())
}
