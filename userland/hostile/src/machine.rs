//! The machine's description, and kernel calls with buffers whose pages are not there yet, from every CPU to every home.

use core::{ptr, slice};

use anax_abi::object::{MachineCommand, priority};
use anax_acpi::{CpuState, Platform};
use anax_sys::object::{Cpu, Machine, RegionKind, Space};
use anax_sys::{Error, Rights};

use crate::lab::{Fail, Held, Lab, close, fails, hold};
use crate::script::{self, Step};

const READ_WRITE: Rights = Rights::READ.with(Rights::WRITE);
/// Bytes for a description.
const ROOM: u64 = 16 << 10;

pub(crate) fn run(lab: &mut Lab) {
    lab.case("the machine's description", described);
    lab.case("a description in pages that are not there yet", from_everywhere);
}

/// As many CPUs as run, at least, and devices where a PC has them.
fn check(text: &[u8]) -> Held {
    let platform = Platform::described(text).ok_or(Fail("not understood", text.len() as i64))?;
    let enabled = platform.cpus.iter().filter(|cpu| cpu.state == CpuState::Enabled).count() as u64;
    let running = Machine::FIRST.cpus()?;
    hold(enabled >= running, "CPUs", enabled.cast_signed())?;
    hold(!platform.io_apics.is_empty(), "no IO-APIC", 0)?;
    hold(platform.local_apic_address.is_multiple_of(4096), "no local APIC", 0)
}

fn described(_: &mut Lab) -> Held {
    let mut text = [0; 4096];
    let length = Machine::FIRST.description(&mut text)?;
    check(&text[..length])?;
    fails(Machine::FIRST.description(&mut text[..length - 1]), Error::Full, "one byte too few")
}

fn from_everywhere(lab: &mut Lab) -> Held {
    for home in 0..lab.cpus {
        let child = lab.child(home)?;
        let machine = child.space.grant(Machine::FIRST.handle(), Rights::ALL)?;
        for cpu in 0..lab.cpus {
            let region = Space::SELF.create_region(ROOM, RegionKind::Lazy)?;
            let there = child.space.map(region, 0, ROOM, READ_WRITE)?;
            let thread = child.space.create_thread(Cpu(cpu), priority::USER, Some(lab.port))?;
            let words = [there, ROOM, 0, 0, 0];
            lab.block(0).write(&[Step::call(machine.to_word(), MachineCommand::Description as u32, words)]);
            lab.put_code(script::code());
            lab.start(child, thread, 0)?;
            lab.script_ends()?;
            let length = lab.block(0).result(0);
            hold(length > 0, "no description", length)?;
            let here = Space::SELF.map(region, 0, ROOM, Rights::READ)?;
            let text = ptr::with_exposed_provenance::<u8>(here as usize);
            // SAFETY: mapped just now, the child has come to its end, and nobody looks at it after the call.
            unsafe {
                check(slice::from_raw_parts(text, length as usize))?;
                Space::SELF.unmap(here, ROOM)?;
            }
            close([thread.handle(), region.handle()])?;
        }
        child.end()?;
    }
    Ok(())
}
