//! Threads that are moved from CPU to CPU: by themselves, by their supervisor, in the middle of things, and where they may not be.

use anax_abi::Operation;
use anax_abi::object::{NULL, SELF, THIS_THREAD, ThreadCommand};
use anax_sys::object::{Cpu, Space, Thread};
use anax_sys::{Error, Port, Rights, replymsg};

use crate::lab::{Held, Lab, close, fails, hold, is, nap, soon};
use crate::script::Step;

const OWN: Space = Space::SELF;
const ME: u64 = SELF.to_word();
const THREAD: u64 = THIS_THREAD.to_word();

pub(crate) fn run(lab: &mut Lab) {
    type Case = fn(&mut Lab) -> Held;
    let table: &[(&str, Case)] = &[
        ("moves: there and back, with calls between", there_and_back),
        ("moves: by the supervisor, while it runs", driven),
        ("moves: by the supervisor, while it waits", waiting),
        ("moves: killed on the way", killed),
        ("moves: its space ends on the way", space_ends),
        ("moves: what may not be moved, and where to", refused),
    ];
    for (name, case) in table {
        for _ in 0..3 {
            lab.case(name, case);
        }
    }
}

fn to(cpu: u32) -> Step {
    Step::call(THREAD, ThreadCommand::Move as u32, [cpu.into(), 0, 0, 0, 0])
}

const fn inspect() -> Step {
    Step::call(THREAD, ThreadCommand::Inspect as u32, [0; 5])
}

fn there_and_back(lab: &mut Lab) -> Held {
    let child = lab.child(0)?;
    let last = lab.cpus - 1;
    let there = child.space.grant(lab.bystander(), Rights::SEND)?.to_word();
    let call = Step::call(there, 0x9000, [1, 2, 3, 4, 5]);
    let steps =
        [to(last), inspect(), call, Step::call(ME, NULL, [0; 5]), to(0), inspect(), call, to(last), call];
    let thread = lab.run_script(child, 0, &steps)?;
    lab.script_ends()?;
    let block = lab.block(0);
    is(block.out(1, 2).cast_signed(), last.into(), "where it was")?;
    is(block.out(5, 2).cast_signed(), 0, "where it was then")?;
    for step in [2, 6, 8] {
        is(block.result(step), 7, "the bystander's answer")?;
    }
    close([thread.handle()])?;
    Ok(child.end()?)
}

fn driven(lab: &mut Lab) -> Held {
    let child = lab.child(0)?;
    let thread = lab.run_script(child, 0, &[Step::call(ME, NULL, [0; 5]).repeat(1 << 60)])?;
    let mut seen = 0_u64;
    for round in 0..40 {
        let cpu = round % lab.cpus;
        thread.move_to(Cpu(cpu)).map_err(|error| crate::lab::Fail("moving", error.code()))?;
        for _ in 0..1000 {
            let told =
                thread.inspect().map_err(|_| crate::lab::Fail("it has ended", lab.block(0).result(0)))?;
            seen = told.words[0];
            if seen == u64::from(cpu) {
                break;
            }
            nap();
        }
        is(seen.cast_signed(), cpu.into(), "it does not come")?;
    }
    thread.kill()?;
    lab.end()?;
    close([thread.handle()])?;
    Ok(child.end()?)
}

fn waiting(lab: &mut Lab) -> Held {
    let child = lab.child(0)?;
    let port = Port::initport(Thread::SELF, 0)?;
    let there = child.space.grant(port.handle(), Rights::SEND)?.to_word();
    let thread = lab.run_script(child, 0, &[Step::call(there, 0x9000, [1; 5]), inspect()])?;
    let got = port.waitport_until(soon(20_000))?;
    thread.move_to(Cpu(lab.cpus - 1))?;
    is(thread.inspect()?.words[0].cast_signed(), 0, "moved while it waits")?;
    replymsg(got.number, Ok(5), [0; 5])?;
    lab.script_ends()?;
    is(lab.block(0).result(0), 5, "the answer")?;
    is(lab.block(0).out(1, 2).cast_signed(), (lab.cpus - 1).into(), "where it went on")?;
    close([thread.handle(), port.handle()])?;
    Ok(child.end()?)
}

fn killed(lab: &mut Lab) -> Held {
    let last = lab.cpus - 1;
    for naps in 0..6 {
        let child = lab.child(0)?;
        let steps: [Step; 30] = core::array::from_fn(|step| to(if step % 2 == 0 { last } else { 0 }));
        let thread = lab.run_script(child, 0, &steps)?;
        (0..naps % 3).for_each(|_| nap());
        let ended = thread.kill();
        hold(ended.is_ok() || ended == Err(Error::BadHandle), "killing", 0)?;
        lab.end()?;
        close([thread.handle()])?;
        child.end()?;
    }
    Ok(())
}

fn space_ends(lab: &mut Lab) -> Held {
    let last = lab.cpus - 1;
    for naps in 0..6 {
        let child = lab.child(0)?;
        let steps: [Step; 31] = core::array::from_fn(|step| to(if step % 2 == 0 { last } else { 0 }));
        let thread = lab.run_script(child, 0, &steps)?;
        (0..naps % 3).for_each(|_| nap());
        child.end()?;
        lab.end()?;
        close([thread.handle()])?;
    }
    Ok(())
}

fn refused(lab: &mut Lab) -> Held {
    let child = lab.child(0)?;
    let thread = lab.thread(child)?;
    let port = child.space.create_port(thread, 0)?;
    fails(thread.move_to(Cpu(lab.cpus - 1)), Error::BadArgument, "one that owns a port")?;
    close([port.handle()])?;
    fails(thread.move_to(Cpu(lab.cpus)), Error::BadArgument, "to a CPU that is none")?;
    fails(thread.move_to(Cpu(u32::MAX)), Error::BadArgument, "to a CPU that is none")?;
    let weak = OWN.duplicate(thread.handle(), Rights::SEND, 0)?;
    fails(Thread::from_handle(weak).move_to(Cpu(0)), Error::NoRights, "without the right to")?;
    let odd = Step::new(Operation::Call, ThreadCommand::Move as u32, THREAD, [u64::MAX, 0, 0, 0, 0]);
    lab.block(0).write(&[
        odd,
        to(lab.cpus),
        to(0),
        Step::call(THREAD, ThreadCommand::Inspect as u32, [0; 5]),
    ]);
    lab.put_code(crate::script::code());
    // Moved before it has run.
    thread.move_to(Cpu(lab.cpus - 1))?;
    lab.start(child, thread, 0)?;
    lab.script_ends()?;
    for step in [0, 1] {
        is(lab.block(0).result(step), Error::BadArgument.code(), "to a CPU that is none")?;
    }
    is(lab.block(0).out(3, 2).cast_signed(), 0, "where it is at last")?;
    close([weak, thread.handle()])?;
    Ok(child.end()?)
}
