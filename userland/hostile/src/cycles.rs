//! Making and ending every kind of object, over and over: what is used afterwards is what was used before.

use anax_abi::object::Policy;
use anax_sys::object::{Cpu, Limits, RegionKind, Space, Thread};
use anax_sys::{Port, Rights};

use crate::lab::{Held, Lab, close, later};

const SMALL: Limits = Limits { pages: 40, handles: 8, threads: 1, messages: 2 };

pub(crate) fn run(lab: &mut Lab, rounds: u64) {
    type Cycle = fn(&Lab, u32) -> Held;
    let kinds: &[(&str, Cycle)] = &[
        ("cycles of ports", ports),
        ("cycles of regions", regions),
        ("cycles of mappings", mappings),
        ("cycles of timers", timers),
        ("cycles of channels", channels),
        ("cycles of threads", threads),
        ("cycles of threads that ran", threads_that_ran),
        ("cycles of spaces", spaces),
    ];
    for (name, cycle) in kinds {
        lab.case(name, |lab| (0..rounds).try_for_each(|round| cycle(lab, round as u32)));
    }
}

fn ports(_: &Lab, round: u32) -> Held {
    let port = Port::initport(Thread::SELF, round % 5)?;
    if round.is_multiple_of(2) {
        Space::SELF.destroy(port.handle())?;
    }
    Ok(close([port.handle()])?)
}

fn regions(_: &Lab, round: u32) -> Held {
    let kind = [RegionKind::Lazy, RegionKind::Pinned, RegionKind::Dma][round as usize % 3];
    let region = Space::SELF.create_region(u64::from(round % 9 + 1) * 4096, kind)?;
    let copy = Space::SELF.create_region(4096, RegionKind::Copy(region))?;
    if round.is_multiple_of(5) {
        Space::SELF.destroy(region.handle())?;
    }
    Ok(close([region.handle(), copy.handle()])?)
}

fn mappings(_: &Lab, round: u32) -> Held {
    let own = Space::SELF;
    let region = own.create_region(4 * 4096, RegionKind::Lazy)?;
    let at = own.map(region, 0, 4 * 4096, Rights::READ.with(Rights::WRITE))?;
    close([region.handle()])?;
    // SAFETY: mapped just now, and nobody else knows.
    unsafe {
        core::ptr::with_exposed_provenance_mut::<u8>(at as usize + 4096 * (round as usize % 4))
            .write_volatile(1);
        own.unmap(at, 4 * 4096)?;
    }
    Ok(())
}

fn timers(lab: &Lab, round: u32) -> Held {
    let timer = Space::SELF.create_timer(lab.port, 1)?;
    if round.is_multiple_of(2) {
        timer.set(later(u64::from(round % 3) * 1000))?;
    }
    close([timer.handle()])?;
    while lab.port.getport().is_ok() {}
    Ok(())
}

fn channels(lab: &Lab, round: u32) -> Held {
    let own = Space::SELF;
    let (client, server) = own.create_channel(lab.data, 4096)?;
    if round.is_multiple_of(2) {
        client.bind(lab.port, 5)?;
        server.ring()?;
        server.new_epoch()?;
    }
    let at = client.map_epoch()?;
    close([client.handle(), server.handle()])?;
    // SAFETY: mapped just now, and nobody else knows.
    unsafe { own.unmap(at, 4096)? };
    while lab.port.getport().is_ok() {}
    Ok(())
}

fn threads(lab: &Lab, round: u32) -> Held {
    let thread = Space::SELF.create_thread(Cpu(round % lab.cpus), 6, None)?;
    if round.is_multiple_of(2) {
        thread.kill()?;
    }
    Ok(close([thread.handle()])?)
}

fn threads_that_ran(lab: &Lab, round: u32) -> Held {
    lab.put_code(crate::raw::code!("ud2"));
    let child = lab.child(round)?;
    let thread = lab.thread(child)?;
    lab.start(child, thread, 0)?;
    lab.end()?;
    close([thread.handle()])?;
    Ok(child.end()?)
}

fn spaces(lab: &Lab, round: u32) -> Held {
    let space = Space::SELF.create_space(SMALL, Policy::Inherit, Cpu(round % lab.cpus))?;
    if round.is_multiple_of(2) {
        Space::SELF.destroy(space.handle())?;
    }
    Ok(close([space.handle()])?)
}
