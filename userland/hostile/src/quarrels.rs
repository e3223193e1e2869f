//! Ends in the middle of things: a caller or a server that dies while a message is queued or held, a space with threads in every
//! kind of wait, handles revoked on their way, floods of threads, and everything closed in random order.

use anax_abi::Operation;
use anax_abi::object::{SELF, SpaceCommand, THIS_THREAD, ThreadCommand, priority};
use anax_sys::object::{Cpu, RegionKind, Space, Thread};
use anax_sys::{Error, Port, Rights, Target, initmsg, replymsg};

use crate::lab::{BLOCKS, Child, DATA, End, Fail, Held, Lab, close, hold, is, later, nap, soon};
use crate::script::{BLOCK, Step};

const OWN: Space = Space::SELF;
const ME: u64 = SELF.to_word();
const THREAD: u64 = THIS_THREAD.to_word();
/// Kinds of waits, as `ThreadCommand::Inspect` numbers them.
const CALL: u64 = 1;
const RECEIVE: u64 = 2;
const SLEEP: u64 = 3;

/// How a thread's end is brought about.
#[derive(Clone, Copy, PartialEq, Eq)]
enum By {
    Kill,
    DestroyThread,
    DestroySpace,
}

/// What a thread is doing then.
#[derive(Clone, Copy, PartialEq, Eq)]
enum While {
    Queued,
    QueuedWithLimit,
    Held,
    Waiting,
    WaitingWithLimit,
    WaitingForReply,
    Sleeping,
    Faulting,
    Spinning,
    Calling,
}

pub(crate) fn run(lab: &mut Lab) {
    let deeds = [
        ("killed while queued", While::Queued),
        ("killed while queued, with a limit", While::QueuedWithLimit),
        ("killed while held", While::Held),
        ("killed while it waits", While::Waiting),
        ("killed while it waits, with a limit", While::WaitingWithLimit),
        ("killed while it waits for a reply", While::WaitingForReply),
        ("killed while it sleeps", While::Sleeping),
        ("killed while it faults", While::Faulting),
        ("killed while it spins", While::Spinning),
        ("killed while it calls the kernel", While::Calling),
    ];
    for (name, deed) in deeds {
        for by in [By::Kill, By::DestroyThread, By::DestroySpace] {
            for nth in 0..lab.cpus.min(2) {
                for away in 0..lab.cpus.min(2) {
                    lab.case(name, |lab| ends(lab, deed, by, nth, away));
                }
            }
        }
    }
    type Case = fn(&mut Lab) -> Held;
    let table: &[(&str, Case)] = &[
        ("a server dies with a call queued and one held", server_dies),
        ("a reply to a caller that is gone", caller_gone),
        ("the revoked reply port", revoked_reply_port),
        ("the space destroys itself", suicide),
        ("the space closes its own handle", closes_itself),
        ("two spaces call each other", call_each_other),
        ("two threads destroy one space", destroyed_twice),
        ("two spaces destroy each other", destroy_each_other),
        ("a thread bomb", bomb),
        ("a chain of spaces", chain),
        ("everything closed in random order", random_order),
        ("a region destroyed under its user", lost_region),
    ];
    for (name, case) in table {
        for _ in 0..3 {
            lab.case(name, case);
        }
    }
}

/// A port of ours, granted to the child.
fn granted(child: Child, port: Port) -> Result<u64, Error> {
    Ok(child.space.grant(port.handle(), Rights::SEND)?.to_word())
}

fn ends(lab: &mut Lab, deed: While, by: By, nth: u32, away: u32) -> Held {
    let child = lab.child(nth)?;
    let thread =
        child.space.create_thread(Cpu((child.cpu.0 + away) % lab.cpus), priority::USER, Some(lab.port))?;
    let port = Port::initport(Thread::SELF, 1)?;
    let there = granted(child, port)?;
    let own_port = child.space.create_port(thread, 2)?;
    let own = child.space.grant(own_port.handle(), Rights::ALL)?.to_word();
    let limit = later(30_000).nanoseconds();
    let (steps, kind): ([Step; 2], u64) = match deed {
        While::Queued | While::Held => ([Step::call(there, 0x9000, [1; 5]); 2], CALL),
        While::QueuedWithLimit => {
            ([Step::new(Operation::CallUntil, 0x9000, there, [1; 5]).with(0, 0, 0, limit); 2], CALL)
        }
        While::Waiting => ([Step::new(Operation::Wait, 0, own, [0; 5]); 2], RECEIVE),
        While::WaitingWithLimit => {
            ([Step::new(Operation::Wait, 0, own, [0; 5]).with(0, 0, 0, limit); 2], RECEIVE)
        }
        While::WaitingForReply => (
            [
                Step::new(Operation::Send, 0x9000, there, [1; 5]).with(5, 4, own, 0),
                Step::new(Operation::WaitFor, 0, own, [0; 5]).link(0, 0, 7),
            ],
            RECEIVE,
        ),
        While::Sleeping => ([Step::call(THREAD, ThreadCommand::Sleep as u32, [limit, 0, 0, 0, 0]); 2], SLEEP),
        While::Faulting | While::Spinning => ([Step::call(ME, 0, [0; 5]); 2], 0),
        While::Calling => ([Step::call(ME, SpaceCommand::Usage as u32, [0; 5]).repeat(1 << 62); 2], 0),
    };
    lab.block(0).write(&steps);
    match deed {
        While::Faulting => lab.put_code(crate::raw::code!("ud2")),
        While::Spinning => lab.put_code(crate::raw::code!("31:", "jmp 31b")),
        _ => lab.put_code(crate::script::code()),
    }
    lab.start(child, thread, 0)?;
    let mut held = None;
    match deed {
        While::Faulting => held = Some(lab.port.waitport_until(soon(20_000))?.number),
        While::Held => held = Some(port.waitport_until(soon(20_000))?.number),
        While::Spinning | While::Calling => nap(),
        _ => lab.until_blocked(thread, kind)?,
    }
    match by {
        By::Kill => thread.kill()?,
        By::DestroyThread => OWN.destroy(thread.handle())?,
        By::DestroySpace => OWN.destroy(child.space.handle())?,
    }
    let told = lab.end()?;
    hold(matches!(told, End::Exit(_)), "not the end", 0)?;
    if let Some(number) = held {
        hold(replymsg(number, Ok(0), [0; 5]) == Err(Error::BadHandle), "a reply to the dead", 0)?;
    }
    close([thread.handle(), port.handle(), own_port.handle()])?;
    if by == By::DestroySpace {
        return Ok(close([child.space.handle()])?);
    }
    Ok(child.end()?)
}

/// A port of a thread of the child that receives one message and then sleeps.
fn server_dies(lab: &mut Lab) -> Held {
    for nth in 0..lab.cpus {
        let child = lab.child(nth)?;
        let thread = lab.thread(child)?;
        let port = child.space.create_port(thread, 0)?;
        let there = child.space.grant(port.handle(), Rights::ALL)?.to_word();
        lab.block(0).write(&[
            Step::new(Operation::Wait, 0, there, [0; 5]),
            Step::call(THREAD, ThreadCommand::Sleep as u32, [u64::MAX, 0, 0, 0, 0]),
        ]);
        lab.put_code(crate::script::code());
        lab.start(child, thread, 0)?;
        let replies = Port::initport(Thread::SELF, 3)?;
        let target = Target::from_handle(port.handle());
        for _ in 0..3 {
            target.beginmsg(&initmsg(0x9000, [1; 5]), replies)?;
        }
        lab.until_blocked(thread, SLEEP)?;
        thread.kill()?;
        for _ in 0..3 {
            is(replies.waitport_until(soon(20_000))?.result, Error::PeerDied.code(), "the reply")?;
        }
        hold(replies.getport().is_err(), "one reply too many", 0)?;
        lab.end()?;
        close([thread.handle(), port.handle(), replies.handle()])?;
        child.end()?;
    }
    Ok(())
}

fn caller_gone(lab: &mut Lab) -> Held {
    for nth in 0..lab.cpus {
        let child = lab.child(nth)?;
        let port = Port::initport(Thread::SELF, 0)?;
        let there = granted(child, port)?;
        let thread = lab.run_script(
            child,
            0,
            &[Step::new(Operation::CallUntil, 0x9000, there, [1; 5]).with(0, 0, 0, later(2).nanoseconds())],
        )?;
        // On a busy host the limit may have passed before the call was made.
        let told = port.waitport_until(soon(1000));
        lab.script_ends()?;
        is(lab.block(0).result(0), Error::TimedOut.code(), "no time-out")?;
        if let Ok(told) = told {
            hold(replymsg(told.number, Ok(1), [9; 5]).is_err(), "a reply too late", 0)?;
        }
        close([thread.handle(), port.handle()])?;
        child.end()?;
    }
    Ok(())
}

/// The handles of a reply port die while messages are under way from it, and then the port does: each message goes back once.
fn revoked_reply_port(_: &mut Lab) -> Held {
    for _ in 0..3 {
        let (port, replies) = (Port::initport(Thread::SELF, 0)?, Port::initport(Thread::SELF, 3)?);
        let target = Target::from_handle(port.handle());
        for _ in 0..3 {
            target.beginmsg(&initmsg(0x9000, [0; 5]), replies)?;
        }
        let (one, two) = (port.getport()?, port.getport()?);
        let answer = Target::from_handle(OWN.handle())
            .domsg(SpaceCommand::Revoke as u32, [replies.handle().to_word(), 0, 0, 0, 0])?;
        let fresh = Port::from_handle(anax_sys::Handle::from_word(answer.result));
        replymsg(one.number, Ok(1), [1; 5])?;
        is(fresh.getport()?.result, 1, "a reply by the fresh handle")?;
        replymsg(two.number, Ok(2), [2; 5])?;
        close([fresh.handle(), replies.handle()])?;
        close([port.handle()])?;
    }
    Ok(())
}

fn suicide(lab: &mut Lab) -> Held {
    for nth in 0..lab.cpus {
        let child = lab.child(nth)?;
        let other = lab.thread(child)?;
        let thread = lab.run_script(
            child,
            0,
            &[
                Step::call(ME, SpaceCommand::Destroy as u32, [ME, 0, 0, 0, 0]),
                Step::call(ME, 0, [0; 5]).repeat(1 << 62),
            ],
        )?;
        lab.end()?;
        lab.end()?;
        close([thread.handle(), other.handle(), child.space.handle()])?;
    }
    Ok(())
}

fn closes_itself(lab: &mut Lab) -> Held {
    for nth in 0..lab.cpus {
        let child = lab.child(nth)?;
        let close_me = Step::call(ME, SpaceCommand::Close as u32, [ME, 0, 0, 0, 0]);
        let thread = lab.run_script(child, 0, &[close_me, close_me, Step::call(ME, 0, [0; 5])])?;
        lab.script_ends()?;
        is(lab.block(0).result(1), Error::BadHandle.code(), "closed twice")?;
        close([thread.handle()])?;
        // Known to be odd: the last reference counts as the space's own, so that it ends with its last thread although we know it.
        let seen = OWN.destroy(child.space.handle());
        hold(matches!(seen, Ok(()) | Err(Error::BadHandle)), "destroyed", 0)?;
        close([child.space.handle()])?;
    }
    Ok(())
}

/// Each calls the other's port and neither receives: limits alone end it.
fn call_each_other(lab: &mut Lab) -> Held {
    let (one, other) = (lab.child(0)?, lab.child(1)?);
    let (first, second) = (lab.thread(one)?, lab.thread(other)?);
    let (to_first, to_second) = (one.space.create_port(first, 0)?, other.space.create_port(second, 0)?);
    let limit = later(10).nanoseconds();
    lab.put_code(crate::script::code());
    let call = |there| Step::new(Operation::CallUntil, 0x9000, there, [1; 5]).with(0, 0, 0, limit);
    lab.block(0).write(&[call(one.space.grant(to_second.handle(), Rights::SEND)?.to_word())]);
    lab.block(1).write(&[call(other.space.grant(to_first.handle(), Rights::SEND)?.to_word())]);
    lab.start(one, first, 0)?;
    lab.start(other, second, 1)?;
    lab.script_ends()?;
    lab.script_ends()?;
    for block in 0..2 {
        let seen = lab.block(block).result(0);
        hold(seen == Error::TimedOut.code() || seen == Error::PeerDied.code(), "the end of a call", seen)?;
    }
    close([first.handle(), second.handle(), to_first.handle(), to_second.handle()])?;
    one.end()?;
    Ok(other.end()?)
}

/// A child with CONTROL over another one ends it while we do.
fn destroyed_twice(lab: &mut Lab) -> Held {
    for nth in 0..lab.cpus {
        let (victim, rival) = (lab.child(nth)?, lab.child(nth + 1)?);
        let spinning = lab.run_script(victim, 1, &[Step::call(ME, 0, [0; 5]).repeat(1 << 62)])?;
        let there = rival.space.grant(victim.space.handle(), Rights::ALL)?.to_word();
        let thread =
            lab.run_script(rival, 0, &[Step::call(ME, SpaceCommand::Destroy as u32, [there, 0, 0, 0, 0])])?;
        let seen = OWN.destroy(victim.space.handle());
        hold(matches!(seen, Ok(()) | Err(Error::BadHandle)), "destroyed", 0)?;
        lab.end()?;
        lab.end()?;
        close([spinning.handle(), thread.handle(), victim.space.handle()])?;
        rival.end()?;
    }
    Ok(())
}

/// Each waits for the other's end, and neither may wait for ever.
fn destroy_each_other(lab: &mut Lab) -> Held {
    for nth in 0..lab.cpus {
        let (one, other) = (lab.child(0)?, lab.child(nth)?);
        let there = one.space.grant(other.space.handle(), Rights::ALL)?.to_word();
        let here = other.space.grant(one.space.handle(), Rights::ALL)?.to_word();
        let destroy = |space| Step::call(ME, SpaceCommand::Destroy as u32, [space, 0, 0, 0, 0]);
        let (first, second) = (lab.thread(one)?, lab.thread(other)?);
        lab.put_code(crate::script::code());
        lab.block(0).write(&[destroy(there)]);
        lab.block(1).write(&[destroy(here)]);
        lab.start(one, first, 0)?;
        // The first may have ended its space by now.
        let started = lab.start(other, second, 1);
        hold(matches!(started, Ok(()) | Err(Error::BadHandle | Error::Exists)), "started", 0)?;
        lab.end()?;
        lab.end()?;
        for space in [one.space, other.space] {
            // It is over already, as a rule.
            let seen = OWN.destroy(space.handle());
            hold(matches!(seen, Ok(()) | Err(Error::BadHandle)), "destroyed", 0)?;
        }
        close([first.handle(), second.handle(), one.space.handle(), other.space.handle()])?;
    }
    Ok(())
}

/// Threads that make and start threads of the same kind until none can be made; and the space ends in the middle of it.
fn bomb(lab: &mut Lab) -> Held {
    for nth in 0..lab.cpus {
        let child = lab.child(nth)?;
        let steps = [
            Step::call(
                ME,
                SpaceCommand::CreateThread as u32,
                [(nth as u64 + 1) % u64::from(lab.cpus), 6, 0, 0, 0],
            ),
            Step::call(0, ThreadCommand::Start as u32, [crate::lab::CODE, 0, DATA + BLOCK, 0, 0])
                .link(0, 0, 1),
            Step::call(ME, SpaceCommand::CreateThread as u32, [0, 6, 0, 0, 0]).repeat(50),
        ];
        for block in 1..BLOCKS {
            lab.block(block).write(&steps);
        }
        let thread = lab.run_script(child, 0, &steps)?;
        if nth.is_multiple_of(2) {
            nap();
        }
        child.end()?;
        lab.end()?;
        close([thread.handle()])?;
    }
    Ok(())
}

/// Spaces each of which holds the only handle to the next: the end of the first is the end of all.
fn chain(lab: &mut Lab) -> Held {
    const SMALL: anax_sys::object::Limits =
        anax_sys::object::Limits { pages: 40, handles: 4, threads: 0, messages: 0 };
    let make = |nth: u32| OWN.create_space(SMALL, anax_abi::object::Policy::Inherit, Cpu(nth % lab.cpus));
    let first = make(0)?;
    let mut last = first;
    // More than the kernel's stack would hold if each end were made within the one before.
    for nth in 0..150 {
        let next = make(nth / 50)?;
        last.grant(next.handle(), Rights::ALL)?;
        if last != first {
            close([last.handle()])?;
        }
        last = next;
    }
    close([last.handle()])?;
    OWN.destroy(first.handle())?;
    Ok(close([first.handle()])?)
}

fn random_order(lab: &mut Lab) -> Held {
    let mut seed = 0x2545_f491_4f6c_dd1d_u64 ^ lab.cases();
    let mut random = |below: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        (seed % below as u64) as usize
    };
    for nth in 0..8 {
        let child = lab.child(nth)?;
        let thread = lab.thread(child)?;
        let port = child.space.create_port(thread, 3)?;
        let own = Port::initport(Thread::SELF, 3)?;
        let region = OWN.create_region(8192, RegionKind::Lazy)?;
        let copy = OWN.create_region(4096, RegionKind::Copy(region))?;
        let timer = OWN.create_timer(own, 1)?;
        let (client, server) = OWN.create_channel(region, 4096)?;
        client.bind(own, 2)?;
        timer.set(later(random(3) as u64))?;
        server.ring()?;
        Target::from_handle(port.handle()).beginmsg(&initmsg(0x9000, [0; 5]), own)?;
        let there = child.space.grant(own.handle(), Rights::SEND)?.to_word();
        lab.block(0).write(&[Step::call(there, 0x9000, [0; 5]); 2]);
        lab.put_code(crate::script::code());
        lab.start(child, thread, 0)?;
        let mut handles = [
            child.space.handle(),
            thread.handle(),
            port.handle(),
            own.handle(),
            region.handle(),
            copy.handle(),
            timer.handle(),
            client.handle(),
            server.handle(),
        ];
        for place in (1..handles.len()).rev() {
            handles.swap(place, random(place + 1));
        }
        for (place, handle) in handles.into_iter().enumerate() {
            if place.is_multiple_of(2) || handle == child.space.handle() {
                OWN.destroy(handle)
                    .or_else(|error| if error == Error::BadHandle { Ok(()) } else { Err(error) })?;
            }
            close([handle])?;
        }
        lab.end()?;
    }
    Ok(())
}

fn lost_region(lab: &mut Lab) -> Held {
    for nth in 0..lab.cpus {
        let child = lab.child(nth)?;
        let region = OWN.create_region(4096, RegionKind::Pinned)?;
        // SAFETY: another space.
        unsafe { child.space.map_at(0x3000_0000, region, 0, 4096, Rights::READ.with(Rights::WRITE))? };
        lab.put_code(crate::raw::code!(
            "mov eax, 0x30000000",
            "31:",
            "mov ebx, [rax]",
            "mov [rax], ebx",
            "jmp 31b"
        ));
        let thread = lab.thread(child)?;
        lab.start(child, thread, 0)?;
        nap();
        OWN.destroy(region.handle())?;
        nap();
        thread.kill()?;
        match lab.end()? {
            End::Exit(_) => {}
            End::Fault { vector, .. } => return Err(Fail("a fault", vector.cast_signed())),
        }
        close([thread.handle(), region.handle()])?;
        child.end()?;
    }
    Ok(())
}
