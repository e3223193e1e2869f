//! What the kernel serves, asked for as a well-behaved program does.

use anax_abi::Operation;
use anax_abi::object::{Policy, Resource, SpaceCommand, notice, priority};
use anax_sys::object::{Cpu, RegionKind, Registers, Space, Thread};
use anax_sys::{Deadline, Error, Flags, Message, Port, Rights, Target, initmsg, replymsg};

use crate::lab::{CODE, DATA, End, Fail, Held, Lab, USUAL, close, fails, hold, is, later, soon};
use crate::script::{DONE, Step};

const READ_WRITE: Rights = Rights::READ.with(Rights::WRITE);
const OWN: Space = Space::SELF;

pub(crate) fn run(lab: &mut Lab) {
    type Case = fn(&mut Lab) -> Held;
    let table: &[(&str, Case)] = &[
        ("time goes on", time),
        ("a time-out of waitport", wait_times_out),
        ("a time-out of domsg", domsg_times_out),
        ("a timer", timer),
        ("a timer that is cancelled", timer_cancelled),
        ("what is bound to a port whose handles are revoked", bound_for_good),
        ("memory: lazy, mapped, protected", lazy),
        ("memory: a copy", copy),
        ("memory: what a mapping may be", mapping_rules),
        ("handles: duplicate, narrow, close", handles),
        ("handles: revoke", revoke),
        ("ports: send to oneself, reply, wait for it", asynchronous),
        ("ports: abort what is queued", abort),
        ("ports: dropped and urgent", flags),
        ("faults: told, helped, gone on", fault_helped),
        ("faults: registers", fault_registers),
        ("threads: kill before start", kill_fresh),
        ("threads: start twice", start_twice),
        ("channels", channel),
        ("quotas are exact", quotas),
        ("time on CPUs is charged", charged),
        ("a child's script, every CPU", script_everywhere),
    ];
    for (name, case) in table {
        lab.case(name, case);
    }
}

fn time(_: &mut Lab) -> Held {
    let before = Thread::time()?;
    let until = later(2);
    Thread::sleep(until)?;
    let after = Thread::time()?;
    hold(before < after && after >= until, "slept too short", 0)?;
    Thread::sleep(before)?;
    Thread::yield_now()?;
    Ok(())
}

fn wait_times_out(lab: &mut Lab) -> Held {
    let before = later(1);
    fails(lab.port.waitport_until(soon(1)), Error::TimedOut, "a wait without end")?;
    hold(Thread::time()? >= before, "too early", 0)?;
    fails(
        lab.port.waitport_until(Deadline::at(anax_sys::Instant::from_nanoseconds(1))),
        Error::TimedOut,
        "the past",
    )?;
    fails(lab.port.getport(), Error::WouldBlock, "an empty port")
}

fn domsg_times_out(lab: &mut Lab) -> Held {
    // A port of a thread that never receives.
    let child = lab.child(1)?;
    let thread = lab.thread(child)?;
    let port = child.space.create_port(thread, 0)?;
    let target = Target::from_handle(port.handle());
    fails(target.domsg_until(&initmsg(0x9000, [0; 5]), soon(2)), Error::TimedOut, "no time-out")?;
    thread.kill()?;
    lab.end()?;
    close([thread.handle()])?;
    let gone = target.domsg(0x9000, [0; 5]);
    hold(matches!(gone, Err(Error::PeerDied | Error::BadHandle)), "a port without a thread", 0)?;
    close([port.handle()])?;
    Ok(child.end()?)
}

fn timer(lab: &mut Lab) -> Held {
    let timer = OWN.create_timer(lab.port, 77)?;
    let at = later(1);
    timer.set(at)?;
    let told = lab.port.waitport_until(soon(5000))?;
    hold(told.command() == notice::TIMER && told.badge == 77, "another notice", told.badge.cast_signed())?;
    hold(told.words[0] == at.nanoseconds() && Thread::time()? >= at, "another time", 0)?;
    timer.set(at)?;
    lab.port.waitport_until(soon(5000))?;
    hold(!timer.cancel()?, "it was over", 0)?;
    Ok(close([timer.handle()])?)
}

fn timer_cancelled(lab: &mut Lab) -> Held {
    let timer = OWN.create_timer(lab.port, 77)?;
    timer.set(later(50_000))?;
    hold(timer.cancel()?, "it was set", 0)?;
    hold(!timer.cancel()?, "it was not set any more", 0)?;
    timer.set(later(3))?;
    timer.set(later(50_000))?;
    fails(lab.port.waitport_until(soon(10)), Error::TimedOut, "the first deadline")?;
    Ok(close([timer.handle()])?)
}

/// Revoking takes others' handles to a port away, not what the port's owner has bound to it; and doorbells are counted.
fn bound_for_good(_: &mut Lab) -> Held {
    let port = Port::initport(Thread::SELF, 0)?;
    let timer = OWN.create_timer(port, 5)?;
    let memory = OWN.create_region(4096, RegionKind::Pinned)?;
    let (bell, end) = OWN.create_channel(memory, 4096)?;
    end.bind(port, 6)?;
    let answer = Target::from_handle(OWN.handle())
        .domsg(SpaceCommand::Revoke as u32, [port.handle().to_word(), 0, 0, 0, 0])?;
    let fresh = Port::from_handle(anax_sys::Handle::from_word(answer.result));
    for times in 1..=3 {
        (0..times).try_for_each(|_| bell.ring())?;
        let told = fresh.waitport_until(soon(5000))?;
        hold(told.command() == notice::RING && told.badge == 6, "another notice", told.badge.cast_signed())?;
        is(told.result, times, "doorbells")?;
    }
    timer.set(later(1))?;
    let told = fresh.waitport_until(soon(5000))?;
    hold(told.command() == notice::TIMER && told.badge == 5, "another notice", told.badge.cast_signed())?;
    is(told.result, 1, "times")?;
    Ok(close([port.handle(), fresh.handle(), timer.handle(), memory.handle(), bell.handle(), end.handle()])?)
}

fn poke(at: u64, value: u8) {
    // SAFETY: callers have mapped it, and nobody else knows.
    unsafe { core::ptr::with_exposed_provenance_mut::<u8>(at as usize).write_volatile(value) }
}

fn peek(at: u64) -> u8 {
    // SAFETY: as above.
    unsafe { core::ptr::with_exposed_provenance::<u8>(at as usize).read_volatile() }
}

fn lazy(_: &mut Lab) -> Held {
    let region = OWN.create_region(16 * 4096 - 5, RegionKind::Lazy)?;
    is(region.size()?.cast_signed(), 16 * 4096, "size")?;
    let at = OWN.map(region, 4096, 15 * 4096, READ_WRITE)?;
    let again = OWN.map(region, 0, 16 * 4096, Rights::READ)?;
    is(peek(at).into(), 0, "not zero")?;
    poke(at, 7);
    is(peek(again + 4096).into(), 7, "not the same memory")?;
    // SAFETY: mapped just now, and nobody else knows.
    unsafe {
        OWN.protect(at, 4096, Rights::READ)?;
        OWN.protect(at, 4096, READ_WRITE)?;
        OWN.unmap(at + 4096, 4096)?;
        fails(OWN.unmap(at + 4096, 4096), Error::BadAddress, "unmapped twice")?;
        fails(OWN.protect(at, 3 * 4096, Rights::READ), Error::BadAddress, "protected a hole")?;
        poke(at, 8);
        OWN.unmap(at, 15 * 4096)?;
        close([region.handle()])?;
        is(peek(again + 4096).into(), 8, "gone with the handle")?;
        OWN.unmap(again, 16 * 4096)?;
    }
    Ok(())
}

fn copy(_: &mut Lab) -> Held {
    let region = OWN.create_region(2 * 4096, RegionKind::Pinned)?;
    let at = OWN.map(region, 0, 8192, READ_WRITE)?;
    poke(at, 3);
    let copied = OWN.create_region(8192, RegionKind::Copy(region))?;
    let there = OWN.map(copied, 0, 8192, READ_WRITE)?;
    is(peek(there).into(), 3, "not copied")?;
    poke(at, 4);
    is(peek(there).into(), 3, "not a copy")?;
    fails(OWN.create_region(4096, RegionKind::Copy(copied)), Error::BadArgument, "a copy of a copy")?;
    close([region.handle(), copied.handle()])?;
    // SAFETY: mapped just now, and nobody else knows.
    unsafe {
        OWN.unmap(at, 8192)?;
        OWN.unmap(there, 8192)?;
    }
    Ok(())
}

fn mapping_rules(_: &mut Lab) -> Held {
    let region = OWN.create_region(8192, RegionKind::Lazy)?;
    let all = READ_WRITE.with(Rights::EXECUTE);
    fails(OWN.map(region, 0, 4096, all), Error::BadArgument, "W and X")?;
    fails(OWN.map(region, 0, 4096, Rights::WRITE), Error::BadArgument, "W alone")?;
    fails(OWN.map(region, 0, 4096, Rights::NONE), Error::BadArgument, "nothing")?;
    fails(OWN.map(region, 1, 4096, Rights::READ), Error::BadArgument, "odd offset")?;
    fails(OWN.map(region, 0, 0, Rights::READ), Error::BadArgument, "no bytes")?;
    fails(OWN.map(region, 4096, 8192, Rights::READ), Error::BadArgument, "beyond the end")?;
    fails(OWN.map(region, u64::MAX - 4095, 8192, Rights::READ), Error::BadArgument, "around the end")?;
    fails(OWN.map(region, 0, u64::MAX, Rights::READ), Error::BadArgument, "everything")?;
    let narrow = OWN.duplicate(region.handle(), Rights::READ, 0)?;
    let narrow = anax_sys::object::Region::from_handle(narrow);
    fails(OWN.map(narrow, 0, 4096, READ_WRITE), Error::NoRights, "more than the handle allows")?;
    // SAFETY: none of these succeeds.
    unsafe {
        for at in
            [1, 0x1001, 0xfff, 0x7fff_ffff_f000, 0x8000_0000_0000, !0xfff, 1 << 63, 0xffff_ffff_8000_0000]
        {
            fails(OWN.map_at(at, region, 0, 4096, Rights::READ), Error::BadAddress, "a bad address")?;
            fails(OWN.unmap(at, 4096), Error::BadAddress, "unmapped a bad address")?;
            fails(OWN.protect(at, 4096, Rights::READ), Error::BadAddress, "protected a bad address")?;
        }
        fails(OWN.map_at(0x40_0000, region, 0, 4096, Rights::READ), Error::Exists, "over the program")?;
        fails(OWN.unmap(0x1000, u64::MAX), Error::BadAddress, "all of it")?;
        fails(OWN.unmap(0x1000_0000_0000, 4096), Error::BadAddress, "nothing")?;
    }
    Ok(close([region.handle(), narrow.handle()])?)
}

fn handles(_: &mut Lab) -> Held {
    let port = Port::initport(Thread::SELF, 0)?;
    let send = OWN.duplicate(port.handle(), Rights::SEND, 9)?;
    fails(OWN.duplicate(send, Rights::ALL, 10), Error::BadArgument, "two badges")?;
    let narrower = OWN.duplicate(send, Rights::ALL, 0)?;
    let seen = OWN.inspect(narrower)?;
    hold(seen.words[2] == 1 && seen.words[3] == 9, "rights or badge", seen.words[2].cast_signed())?;
    fails(Port::from_handle(send).getport(), Error::NoRights, "received without the right")?;
    fails(OWN.destroy(send), Error::NoRights, "destroyed without the right")?;
    fails(OWN.revoke(send), Error::NoRights, "revoked without the right")?;
    OWN.narrow(narrower, Rights::NONE)?;
    fails(Target::from_handle(narrower).domsg(0x9000, [0; 5]), Error::NoRights, "sent without the right")?;
    fails(OWN.grant(narrower, Rights::ALL), Error::NoRights, "granted without the right")?;
    close([narrower, send])?;
    fails(OWN.close(send), Error::BadHandle, "closed twice")?;
    fails(OWN.close(anax_sys::Handle::from_word(0)), Error::BadHandle, "handle 0")?;
    close([port.handle()])?;
    fails(port.getport(), Error::BadHandle, "closed")
}

fn revoke(_: &mut Lab) -> Held {
    let region = OWN.create_region(4096, RegionKind::Lazy)?;
    let other = OWN.duplicate(region.handle(), Rights::ALL, 0)?;
    let answer = Target::from_handle(OWN.handle())
        .domsg(SpaceCommand::Revoke as u32, [region.handle().to_word(), 0, 0, 0, 0])?;
    let fresh = anax_sys::Handle::from_word(answer.result);
    fails(region.size(), Error::BadHandle, "the old handle")?;
    fails(anax_sys::object::Region::from_handle(other).size(), Error::BadHandle, "the other handle")?;
    is(anax_sys::object::Region::from_handle(fresh).size()?.cast_signed(), 4096, "the fresh one")?;
    Ok(close([region.handle(), other, fresh])?)
}

fn asynchronous(_: &mut Lab) -> Held {
    let (port, replies) = (Port::initport(Thread::SELF, 0)?, Port::initport(Thread::SELF, 2)?);
    let target = Target::from_handle(port.handle());
    fails(target.domsg(0x9000, [0; 5]), Error::WouldDeadlock, "a call of oneself")?;
    let first = target.beginmsg(&Message { token: 1, ..initmsg(0x9000, [1; 5]) }, replies)?;
    let second = target.beginmsg(&Message { token: 2, ..initmsg(0x9000, [2; 5]) }, replies)?;
    fails(target.beginmsg(&initmsg(0x9000, [0; 5]), replies), Error::Quota, "a third")?;
    let (one, two) = (port.getport()?, port.getport()?);
    hold(one.words == [1; 5] && two.words == [2; 5], "the order", 0)?;
    replymsg(two.number, Ok(5), [6; 5])?;
    replymsg(one.number, Err(Error::Full), [7; 5])?;
    fails(replymsg(one.number, Ok(0), [0; 5]), Error::BadHandle, "replied twice")?;
    let reply = replies.waitmsg(first, soon(1000))?;
    hold(
        reply.result == Error::Full.code() && reply.badge == 1 && reply.is_reply(),
        "the first's reply",
        reply.result,
    )?;
    fails(replies.waitmsg(first, soon(1)), Error::BadArgument, "waited for twice")?;
    let reply = replies.getport()?;
    hold(reply.result == 5 && reply.words == [6; 5] && reply.badge == 2, "the second's reply", reply.result)?;
    let _ = second;
    // Both ways at one port, and it ends with messages in every state.
    let own = Target::from_handle(replies.handle());
    own.beginmsg(&initmsg(0x9000, [0; 5]), replies)?;
    own.beginmsg(&initmsg(0x9000, [0; 5]), replies)?;
    replies.getport()?;
    close([port.handle(), replies.handle()])?;
    // The messages are whole.
    let again = Port::initport(Thread::SELF, 2)?;
    Ok(close([again.handle()])?)
}

fn abort(_: &mut Lab) -> Held {
    let (port, replies) = (Port::initport(Thread::SELF, 0)?, Port::initport(Thread::SELF, 3)?);
    let target = Target::from_handle(port.handle());
    let message = Message { flags: Flags::ABORTABLE, ..initmsg(0x9000, [1; 5]) };
    let queued = target.beginmsg(&message, replies)?;
    replies.abortmsg(queued)?;
    is(replies.waitmsg(queued, soon(1000))?.result, Error::Aborted.code(), "not aborted")?;
    let held = target.beginmsg(&message, replies)?;
    let got = port.getport()?;
    replies.abortmsg(held)?;
    replies.abortmsg(held)?;
    let request = port.getport()?;
    hold(request.command() == notice::ABORT && request.words[0] == got.number.to_word(), "no request", 0)?;
    replymsg(got.number, Err(Error::Aborted), [0; 5])?;
    is(replies.waitmsg(held, soon(1000))?.result, Error::Aborted.code(), "not replied")?;
    // A request that is still queued while its message is passed on.
    let other = Port::initport(Thread::SELF, 0)?;
    let held = target.beginmsg(&message, replies)?;
    let got = port.getport()?;
    replies.abortmsg(held)?;
    Target::from_handle(other.handle()).forwardmsg(got.number, 0x9001, [2; 5])?;
    let stray = port.getport();
    hold(stray.is_err(), "a request for what went on", 0)?;
    let got = other.getport()?;
    hold(got.command() == 0x9001 && got.words == [2; 5], "not passed on", got.command().into())?;
    replymsg(got.number, Ok(1), [0; 5])?;
    is(replies.waitmsg(held, soon(1000))?.result, 1, "not replied")?;
    let plain = target.beginmsg(&initmsg(0x9000, [1; 5]), replies)?;
    fails(replies.abortmsg(plain), Error::BadArgument, "not abortable")?;
    Ok(close([port.handle(), replies.handle(), other.handle()])?)
}

fn flags(_: &mut Lab) -> Held {
    let (port, replies) = (Port::initport(Thread::SELF, 0)?, Port::initport(Thread::SELF, 70)?);
    let target = Target::from_handle(port.handle());
    for _ in 0..64 {
        target.beginmsg(&initmsg(0x9000, [1; 5]), replies)?;
    }
    let dropped =
        target.beginmsg(&Message { flags: Flags::DROPPABLE, ..initmsg(0x9000, [1; 5]) }, replies)?;
    is(replies.waitmsg(dropped, soon(1000))?.result, Error::Dropped.code(), "not dropped")?;
    target.beginmsg(&Message { flags: Flags::PRIORITY, ..initmsg(0x9000, [2; 5]) }, replies)?;
    target.beginmsg(&Message { flags: Flags::PRIORITY, ..initmsg(0x9000, [3; 5]) }, replies)?;
    for expected in [2, 3, 1] {
        is(port.getport()?.words[0].cast_signed(), expected, "the order")?;
    }
    Ok(close([replies.handle(), port.handle()])?)
}

fn fault_helped(lab: &mut Lab) -> Held {
    for nth in 0..lab.cpus {
        lab.put_code(crate::raw::code!(
            "mov eax, 0x30000000",
            "mov ebx, [rax + 8]",
            "mov [rax], ebx",
            "mov rax, 0x20100000000",
            "mov rdi, -1",
            "mov esi, 0x55",
            "syscall"
        ));
        let child = lab.child(nth)?;
        let thread = lab.thread(child)?;
        lab.start(child, thread, 0)?;
        let told = lab.port.waitport_until(soon(20_000))?;
        hold(
            told.command() == notice::FAULT && told.words[1] == 0x3000_0008,
            "no fault",
            told.words[1].cast_signed(),
        )?;
        let region = OWN.create_region(4096, RegionKind::Lazy)?;
        // SAFETY: another space.
        unsafe { child.space.map_at(0x3000_0000, region, 0, 4096, READ_WRITE)? };
        replymsg(told.number, Ok(0), [0; 5])?;
        let end = lab.end()?;
        hold(end == End::Exit(0x55), "it did not go on", 0)?;
        close([thread.handle(), region.handle()])?;
        child.end()?;
    }
    Ok(())
}

fn fault_registers(lab: &mut Lab) -> Held {
    for nth in 0..lab.cpus {
        lab.put_code(crate::raw::code!("mov r13, 0x1234", "mov esi, 0x66", "ud2", "syscall", "ud2"));
        let child = lab.child(nth)?;
        let thread = lab.thread(child)?;
        fails(thread.read_registers(Registers::Control), Error::BadArgument, "registers before its start")
            .or(Ok::<_, Fail>(()))?;
        lab.start(child, thread, 0)?;
        let told = lab.port.waitport_until(soon(20_000))?;
        hold(told.command() == notice::FAULT && told.words[0] == 6, "no fault", told.words[0].cast_signed())?;
        let numbered = thread.read_registers(Registers::Numbered)?;
        is(numbered[3].cast_signed(), 0x1234, "r13")?;
        let rip = thread.read_registers(Registers::Control)?[1];
        is(rip.cast_signed(), told.words[2].cast_signed(), "rip")?;
        // SAFETY: another space's thread.
        unsafe {
            for (value, bad) in [
                (1 << 63, Error::BadAddress),
                (0xffff_ffff_8000_0000, Error::BadAddress),
                (0, Error::BadAddress),
            ] {
                fails(thread.write_register(Registers::Control, 1, value), bad, "a bad rip")?;
            }
            fails(thread.write_register(Registers::Control, 3, 1 << 63), Error::BadArgument, "fs")
                .or(Ok::<_, Fail>(()))?;
            // Interrupts off, ring 0, virtual 8086: what user code may not set stays.
            thread.write_register(Registers::Control, 2, u64::MAX)?;
            thread.write_register(Registers::Control, 2, 0)?;
            thread.write_register(Registers::Control, 1, rip + 2)?;
            thread.write_register(Registers::Accumulators, 0, 0x201 << 32)?;
            thread.write_register(Registers::Stack, 0, u64::MAX)?;
        }
        replymsg(told.number, Ok(0), [0; 5])?;
        let end = lab.end()?;
        hold(end == End::Exit(0x66), "it did not go on as told", 0)?;
        close([thread.handle()])?;
        child.end()?;
    }
    Ok(())
}

fn kill_fresh(lab: &mut Lab) -> Held {
    for nth in 0..lab.cpus {
        let child = lab.child(nth)?;
        let (one, other) = (lab.thread(child)?, lab.thread(child)?);
        one.kill()?;
        lab.end()?;
        close([one.handle(), other.handle()])?;
        lab.end()?;
        child.end()?;
    }
    Ok(())
}

fn start_twice(lab: &mut Lab) -> Held {
    let child = lab.child(1)?;
    let thread = lab.thread(child)?;
    // SAFETY: another space's thread.
    unsafe {
        for at in [0, 0xfff, 0x7fff_ffff_f000, 1 << 63, u64::MAX] {
            fails(thread.start(at, 0, 0), Error::BadAddress, "a bad start")?;
        }
    }
    let timed = Step::call(u64::MAX, 0x202, [later(20).nanoseconds(), 0, 0, 0, 0]);
    lab.block(0).write(&[timed]);
    lab.put_code(crate::script::code());
    lab.start(child, thread, 0)?;
    hold(matches!(lab.start(child, thread, 0), Err(Error::Exists | Error::BadHandle)), "started twice", 0)?;
    lab.script_ends()?;
    // Its end is told a little before it has ended.
    for _ in 0..200 {
        if lab.start(child, thread, 0) == Err(Error::BadHandle) {
            break;
        }
        crate::lab::nap();
    }
    fails(lab.start(child, thread, 0), Error::BadHandle, "started when over")?;
    close([thread.handle()])?;
    Ok(child.end()?)
}

fn channel(lab: &mut Lab) -> Held {
    let (client, server) = OWN.create_channel(lab.data, 4096)?;
    client.bind(lab.port, 1)?;
    server.bind(lab.port, 2)?;
    client.ring()?;
    let told = lab.port.waitport_until(soon(1000))?;
    hold(told.command() == notice::RING && told.badge == 2, "the server's bell", told.badge.cast_signed())?;
    server.ring()?;
    server.ring()?;
    let told = lab.port.waitport_until(soon(1000))?;
    hold(told.command() == notice::RING && told.badge == 1, "the client's bell", told.badge.cast_signed())?;
    fails(lab.port.getport(), Error::WouldBlock, "rung twice, told once")?;
    let epoch = client.map_epoch()?;
    let before = peek(epoch);
    let next = server.new_epoch()?;
    hold(u64::from(peek(epoch)) == next && next == u64::from(before) + 1, "the epoch", next.cast_signed())?;
    lab.port.waitport_until(soon(1000))?;
    lab.port.waitport_until(soon(1000))?;
    // SAFETY: the epoch's page is ours alone.
    unsafe {
        fails(OWN.protect(epoch, 4096, READ_WRITE), Error::NoRights, "a writable epoch")?;
        OWN.unmap(epoch, 4096)?;
    }
    close([server.handle()])?;
    let rung = client.ring();
    hold(matches!(rung, Ok(()) | Err(Error::PeerDied)), "the bell of one who is gone", 0)?;
    Ok(close([client.handle()])?)
}

fn quotas(lab: &mut Lab) -> Held {
    let used = |resource| OWN.usage(resource).map(|usage| usage.used);
    let (pages, threads, messages) =
        (used(Resource::Pages)?, used(Resource::Threads)?, used(Resource::Messages)?);
    let child = lab.child(1)?;
    is((used(Resource::Pages)? - pages).cast_signed(), USUAL.pages.into(), "pages of a child")?;
    is((used(Resource::Threads)? - threads).cast_signed(), USUAL.threads.into(), "threads of a child")?;
    is((used(Resource::Messages)? - messages).cast_signed(), USUAL.messages.into(), "messages of a child")?;
    let empty = child.space.usage(Resource::Pages)?;
    is(empty.limit.cast_signed(), USUAL.pages.into(), "the child's limit")?;
    let region = child.space.create_region(4096, RegionKind::Pinned)?;
    hold(child.space.usage(Resource::Pages)?.used > empty.used, "a child's region", 0)?;
    close([region.handle()])?;
    is(
        child.space.usage(Resource::Pages)?.used.cast_signed(),
        empty.used.cast_signed(),
        "a child's region is gone",
    )?;
    fails(child.space.create_region(4096 * 400, RegionKind::Lazy), Error::NoMemory, "more than it may")?;
    fails(child.space.create_space(USUAL, Policy::Inherit, Cpu(0)), Error::NoMemory, "a child's child")
        .or(Ok::<_, Fail>(()))?;
    is(
        child.space.usage(Resource::Pages)?.used.cast_signed(),
        empty.used.cast_signed(),
        "after what failed",
    )?;
    is(child.space.usage(Resource::Pages)?.reserved.cast_signed(), 0, "reserved after what failed")?;
    Ok(child.end()?)
}

fn charged(lab: &mut Lab) -> Held {
    let ran = |space: Space| space.usage(Resource::Time).map(|usage| usage.used);
    let (began, before) = (Thread::time()?, ran(OWN)?);
    while Thread::time()? < began.after(core::time::Duration::from_millis(2)) {}
    let (ran_meanwhile, passed) = (ran(OWN)? - before, Thread::time()?.nanoseconds() - began.nanoseconds());
    // The clock may be another counter than the one that charges.
    let most = 2 * passed * u64::from(lab.cpus);
    hold((1..most).contains(&ran_meanwhile), "what was charged", ran_meanwhile.cast_signed())?;
    let child = lab.child(0)?;
    is(ran(child.space)?.cast_signed(), 0, "a child that has not run")?;
    Ok(child.end()?)
}

fn script_everywhere(lab: &mut Lab) -> Held {
    for nth in 0..lab.cpus {
        let child = lab.child(nth)?;
        // A thread away from its space's home as well.
        for cpu in 0..lab.cpus {
            let thread = child.space.create_thread(Cpu(cpu), priority::USER, Some(lab.port))?;
            lab.block(0).write(&[
                Step::call(u64::MAX, 0x203, [0; 5]),
                Step::call(
                    anax_abi::object::SELF.to_word(),
                    SpaceCommand::CreatePort as u32,
                    [u64::MAX, 1, 0, 0, 0],
                ),
                Step::new(Operation::Get, 0, 0, [0; 5]).link(1, 0, 1),
                Step::call(
                    anax_abi::object::SELF.to_word(),
                    SpaceCommand::CreateRegion as u32,
                    [8192, 0, 0, 0, 0],
                ),
                Step::call(
                    anax_abi::object::SELF.to_word(),
                    SpaceCommand::Map as u32,
                    [0, 0, 0, 8192, READ_WRITE.0.into()],
                )
                .link(3, 0, 2),
                Step::call(anax_abi::object::SELF.to_word(), SpaceCommand::Unmap as u32, [0, 8192, 0, 0, 0])
                    .link(4, 0, 2),
                Step::call(anax_abi::object::SELF.to_word(), SpaceCommand::Close as u32, [0; 5])
                    .link(3, 0, 2),
                Step::call(anax_abi::object::SELF.to_word(), SpaceCommand::Close as u32, [0; 5])
                    .link(1, 0, 2),
            ]);
            lab.put_code(crate::script::code());
            lab.start(child, thread, 0)?;
            lab.script_ends()?;
            let block = lab.block(0);
            is(block.result(2), Error::WouldBlock.code(), "get")?;
            for step in [0, 1, 3, 4, 5, 6, 7] {
                hold(block.result(step) >= 0, "a step", block.result(step))?;
            }
            close([thread.handle()])?;
        }
        child.end()?;
    }
    let _ = (CODE, DATA, DONE);
    Ok(())
}
