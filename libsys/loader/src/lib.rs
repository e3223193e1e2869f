//! Loads a program into a space of its own: what a supervisor does before it starts one.
//!
//! The file is read under the same policy as the kernel's own loader has it ([`anax_elf`]). Each segment is a region of the child's:
//! mapped here, filled, unmapped, and mapped there with what its pages allow. So nothing is ever writable and executable, and
//! nothing of the child stays reachable from here.
#![no_std]

use core::ptr;

use anax_abi::object::Policy;
use anax_elf::{Program, Protection, Segment};
use anax_sys::object::{Cpu, Limits, Region, RegionKind, Space, Thread};
use anax_sys::{Error, Handle, Port, Rights};

/// Where a child's stack ends.
const STACK_END: u64 = 0x7fff_0000_0000;

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
    let program = Program::parse(file, anax_elf::USER).map_err(|_| Error::BadArgument)?;
    let space = Space::SELF.create_space(plan.limits, Policy::Inherit, plan.cpu)?;
    let begun = fill(space, file, &program, plan).and_then(|thread| {
        let made = last(space, thread)?;
        // SAFETY: a thread of another space.
        unsafe { thread.start(program.entry, STACK_END, plan.argument)? };
        Ok((Child { space, thread }, made))
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

fn fill(space: Space, file: &[u8], program: &Program, plan: &Plan<'_>) -> Result<Thread, Error> {
    for segment in &program.segments {
        load(space, file, segment)?;
    }
    let stack = space.create_region(plan.stack, RegionKind::Lazy)?;
    give(space, stack, STACK_END - plan.stack, Rights::READ.with(Rights::WRITE))?;
    for (place, (handle, rights)) in plan.handles.iter().enumerate() {
        grant(space, place, *handle, *rights)?;
    }
    space.create_thread(plan.cpu, plan.priority, Some(plan.fault_port))
}

/// Gives a handle, after so many others.
fn grant(space: Space, place: usize, handle: Handle, rights: Rights) -> Result<(), Error> {
    let slot = u32::try_from(place + 1).map_err(|_| Error::BadArgument)?;
    if space.grant(handle, rights)? == Handle::new(slot, 1) { Ok(()) } else { Err(Error::BadHandle) }
}

/// A segment becomes a region of the child's.
fn load(space: Space, file: &[u8], segment: &Segment) -> Result<(), Error> {
    let bytes = segment.pages.end - segment.pages.start;
    let content = file.get(segment.file.clone()).ok_or(Error::BadArgument)?;
    let region = space.create_region(bytes, RegionKind::Pinned)?;
    let here = Space::SELF.map(region, 0, bytes, Rights::READ.with(Rights::WRITE))?;
    let start = (here + (segment.address - segment.pages.start)) as *mut u8;
    // SAFETY: mapped just now, writable and nobody else's; the policy says that the file's bytes end within the pages.
    unsafe { ptr::copy_nonoverlapping(content.as_ptr(), start, content.len()) };
    // SAFETY: nothing refers to what was mapped for the copy.
    unsafe { Space::SELF.unmap(here, bytes)? };
    let protection = match segment.protection {
        Protection::Read => Rights::READ,
        Protection::ReadWrite => Rights::READ.with(Rights::WRITE),
        Protection::ReadExecute => Rights::READ.with(Rights::EXECUTE),
    };
    give(space, region, segment.pages.start, protection)
}

/// Maps all of a region in the child, and lets go of it: the mapping keeps it.
fn give(space: Space, region: Region, address: u64, protection: Rights) -> Result<(), Error> {
    let bytes = region.size()?;
    // SAFETY: in another space.
    unsafe { space.map_at(address, region, 0, bytes, protection)? };
    Space::SELF.close(region.handle())
}
