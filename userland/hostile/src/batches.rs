//! Many messages by one trap: rings that are none, messages of all kinds in one batch, and rings that change or vanish meanwhile.

use anax_abi::object::{NULL, RegionCommand, SELF, SpaceCommand, ThreadCommand, region};
use anax_abi::{Message, Operation};
use anax_sys::object::{Cpu, RegionKind, Space, Thread};
use anax_sys::{Batch, Error, Handle, Port, Rights, Target, initmsg, replymsg};

use crate::lab::{DATA, Held, Lab, close, fails, hold, is, nap};
use crate::script::{BLOCK, Step};

const OWN: Space = Space::SELF;
const ME: u64 = SELF.to_word();
/// Where a child's ring lies: the last block, which no script uses.
const RING: u64 = DATA + 7 * BLOCK;
const BAD: i64 = Error::BadArgument.code();
const NOWHERE: i64 = Error::BadAddress.code();

pub(crate) fn run(lab: &mut Lab) {
    type Case = fn(&mut Lab) -> Held;
    let table: &[(&str, Case)] = &[
        ("batches: all kinds of calls", calls),
        ("batches: good and bad handles by turns", turns),
        ("batches: messages to a port", messages),
        ("batches: more than a trap takes", many),
        ("batches: what makes one wait is left", waits),
    ];
    for (name, case) in table {
        lab.case(name, case);
    }
    for nth in 0..lab.cpus {
        lab.case("batches: rings that are none", |lab| nonsense(lab, nth));
        lab.case("batches: a ring that changes", |lab| scribbled(lab, nth));
        lab.case("batches: a ring that vanishes", |lab| vanishes(lab, nth));
    }
}

fn target(handle: Handle) -> Target {
    Target::from_handle(handle)
}

fn empty<const N: usize>() -> [Message; N] {
    [initmsg(u32::MAX, [u64::MAX; 5]); N]
}

fn calls(_: &mut Lab) -> Held {
    let mut slots = empty::<8>();
    let mut batch = Batch::new(&mut slots)?;
    let own = target(OWN.handle());
    batch.push(own, SpaceCommand::CreateRegion as u32, [8192, region::LAZY, 0])?;
    batch.push(own, NULL, [])?;
    batch.push(own, 0x1ff, [])?;
    batch.push(own, SpaceCommand::Usage as u32, [0])?;
    batch.push(own, SpaceCommand::Narrow as u32, [77, 0])?;
    is(batch.drain()?.into(), 0, "left")?;
    let (served, rest) = batch.take();
    is((served.len() + rest.len()) as i64, 5, "served")?;
    let created = Handle::from_word(served[0].outcome()?);
    is(served[1].result, 0, "the empty call")?;
    is(served[2].result, Error::BadCommand.code(), "a command that is none")?;
    hold(
        served[3].result > 0 && served[3].words[1] >= served[3].result as u64,
        "the usage",
        served[3].result,
    )?;
    is(served[4].result, Error::BadHandle.code(), "a handle that is none")?;
    batch.push(target(created), RegionCommand::Size as u32, [])?;
    batch.push(own, SpaceCommand::Close as u32, [created.to_word()])?;
    batch.push(target(created), RegionCommand::Size as u32, [])?;
    batch.drain()?;
    is(batch.pop().map_or(-1, |message| message.result), 8192, "the size")?;
    is(batch.pop().map_or(-1, |message| message.result), 0, "closing")?;
    is(batch.pop().map_or(0, |message| message.result), Error::BadHandle.code(), "closed before")
}

/// Runs of the same handle and of others; one look-up must not answer for another's.
fn turns(_: &mut Lab) -> Held {
    let region = OWN.create_region(4096, RegionKind::Lazy)?;
    let weak = OWN.duplicate(region.handle(), Rights::READ, 0)?;
    let good = [OWN.handle(), region.handle()];
    let mut slots = empty::<64>();
    for shift in 0..8 {
        let mut batch = Batch::new(&mut slots)?;
        for place in 0..64_u64 {
            let handle = match (place >> (shift % 4)) % 4 {
                0 => good[0],
                1 => good[1],
                2 => weak,
                _ => Handle::new(60, 9),
            };
            batch.push(target(handle), NULL, [place])?;
        }
        is(batch.drain()?.into(), 0, "left")?;
        let (first, rest) = batch.take();
        for (place, message) in (0..).zip(first.iter().chain(rest)) {
            let expected = match (place >> (shift % 4)) % 4 {
                0 | 1 => 0,
                2 => Error::NoRights.code(),
                _ => Error::BadHandle.code(),
            };
            is(message.result, expected, "an answer")?;
            is(message.words[0].cast_signed(), place, "its word")?;
        }
    }
    Ok(close([weak, region.handle()])?)
}

fn messages(_: &mut Lab) -> Held {
    let (port, replies) = (Port::initport(Thread::SELF, 0)?, Port::initport(Thread::SELF, 3)?);
    let mut slots = empty::<8>();
    let mut batch = Batch::new(&mut slots)?;
    for token in 1..=4 {
        let message = Message { token, ..initmsg(0x9000, [token; 5]) };
        batch.push_message(target(port.handle()), &message)?;
    }
    batch.push(target(OWN.handle()), NULL, [])?;
    is(batch.drain_to(replies)?.into(), 0, "left")?;
    for expected in 1..=3 {
        let sent = *batch.pop().ok_or(Error::Full)?;
        let got = port.getport()?;
        is(got.number.to_word().cast_signed(), sent.result, "the number")?;
        is(got.words[4].cast_signed(), expected, "the words")?;
        replymsg(got.number, Ok(9), [expected as u64; 5])?;
        let reply = replies.getport()?;
        is(reply.badge.cast_signed(), expected, "the token")?;
    }
    is(batch.pop().map_or(0, |message| message.result), Error::Quota.code(), "one too many")?;
    is(batch.pop().map_or(1, |message| message.result), 0, "the call behind")?;
    // Without a reply port, and to a port of somebody else's for replies.
    batch.push_message(target(port.handle()), &initmsg(0x9000, [0; 5]))?;
    batch.drain()?;
    is(batch.pop().map_or(0, |message| message.result), Error::BadHandle.code(), "no reply port")?;
    fails(port.getport(), Error::WouldBlock, "sent all the same")?;
    Ok(close([port.handle(), replies.handle()])?)
}

fn many(_: &mut Lab) -> Held {
    let mut slots = empty::<128>();
    let mut batch = Batch::new(&mut slots)?;
    for round in 0..3 {
        for place in 0..120 {
            let command = if place % 7 == round { SpaceCommand::Usage as u32 } else { NULL };
            batch.push(target(OWN.handle()), command, [0])?;
        }
        is(batch.drain()?.into(), 0, "left")?;
        let (first, rest) = batch.take();
        let bad = first.iter().chain(rest).filter(|message| message.result < 0).count();
        is(bad as i64, 0, "failed")?;
    }
    Ok(())
}

fn waits(_: &mut Lab) -> Held {
    let mut slots = empty::<4>();
    let mut batch = Batch::new(&mut slots)?;
    let region = OWN.create_region(4096, RegionKind::Lazy)?;
    let own = target(OWN.handle());
    batch.push(own, NULL, [])?;
    batch.push(own, SpaceCommand::Destroy as u32, [region.handle().to_word()])?;
    batch.push(own, NULL, [])?;
    is(batch.drain()?.into(), 2, "left")?;
    is(region.size()?.cast_signed(), 4096, "ended all the same")?;
    is(batch.pop().map_or(1, |message| message.result), 0, "the first")?;
    hold(batch.pop().is_none(), "served all the same", 0)?;
    let (to, message) = batch.skip().ok_or(Error::Full)?;
    is(to.domsg(message.command, message.words)?.result.cast_signed(), 0, "by itself")?;
    is(batch.drain()?.into(), 0, "left behind it")?;
    Ok(close([region.handle()])?)
}

const fn drain(base: u64, slots: u64, first: u64, count: u64) -> Step {
    Step::new(Operation::Drain, 0, 0, [base, slots, first, count, 0])
}

fn nonsense(lab: &mut Lab, nth: u32) -> Held {
    let steps: &[(Step, i64)] = &[
        (drain(RING + 8, 4, 0, 1), BAD),
        (drain(RING + 32, 4, 0, 1), BAD),
        (drain(RING, 3, 0, 1), BAD),
        (drain(RING, 0, 0, 0), BAD),
        (drain(RING, u64::MAX, 0, 1), BAD),
        (drain(RING, 1 << 17, 0, 1), BAD),
        (drain(RING, 4, 0, 5), BAD),
        (drain(RING, 4, 0, u64::MAX), BAD),
        (drain(0, 4, 0, 1), NOWHERE),
        (drain(0x7fff_ffff_ffc0, 4, 0, 4), NOWHERE),
        (drain(0x8000_0000_0000, 4, 0, 1), NOWHERE),
        (drain(0xffff_8000_0000_0000, 4, 0, 1), NOWHERE),
        (drain(u64::MAX - 63, 4, 0, 4), NOWHERE),
        (drain(u64::MAX - 63, 1 << 16, 1 << 15, 4), NOWHERE),
        // Code may not be written.
        (drain(crate::lab::CODE, 4, 0, 1), NOWHERE),
        (drain(0x6000_0000, 64, 0, 64), NOWHERE),
        (drain(RING, 4, u64::MAX, 2), 2),
        (drain(RING, 128, 127, 128), 64),
        (drain(RING, 128, 0, 0), 0),
    ];
    let child = lab.child(nth)?;
    let block = lab.block(7);
    (0..128).for_each(|slot| block.put(slot * 64, &[NULL.into(), ME, 0, 0, 0, 0, 0, 0]));
    let script: [Step; 19] = core::array::from_fn(|place| steps[place].0);
    let thread = lab.run_script(child, 0, &script)?;
    lab.script_ends()?;
    for (place, (_, expected)) in steps.iter().enumerate() {
        is(lab.block(0).result(place), *expected, "an answer")?;
    }
    close([thread.handle()])?;
    Ok(child.end()?)
}

/// Slots change while they are served: whatever comes of it, comes to the child alone.
fn scribbled(lab: &mut Lab, nth: u32) -> Held {
    let child = lab.child(nth)?;
    let block = lab.block(7);
    (0..128).for_each(|slot| block.put(slot * 64, &[0, ME, 0, 0, 0, 0, 0, 0]));
    let thread = lab.run_script(child, 0, &[drain(RING, 128, 0, 64).repeat(400)])?;
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    let commands = [
        u64::from(NULL),
        SpaceCommand::CreateRegion as u64,
        SpaceCommand::Usage as u64,
        SpaceCommand::PostSlots as u64,
        SpaceCommand::Close as u64,
        SpaceCommand::Unmap as u64,
        ThreadCommand::Exit as u64,
    ];
    for _ in 0..4000 {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let (slot, kind) = (random % 64, random >> 8);
        let head = commands[kind as usize % commands.len()];
        let handle = if kind % 5 == 0 { random } else { ME };
        block.put(slot * 64, &[head, handle, 0, random >> 40, random % 4096, 0, 0, 0]);
        if kind % 64 == 0 {
            nap();
        }
    }
    // It may have given its own handles up; it ends all the same.
    lab.end()?;
    close([thread.handle()])?;
    Ok(child.end()?)
}

fn vanishes(lab: &mut Lab, nth: u32) -> Held {
    const AT: u64 = 0x3000_0000;
    let child = lab.child(nth)?;
    let away = Cpu((child.cpu.0 + 1) % lab.cpus);
    let region = OWN.create_region(8192, RegionKind::Pinned)?;
    let at = OWN.map(region, 0, 8192, Rights::READ.with(Rights::WRITE))?;
    let slots = crate::script::Block(at);
    (0..128).for_each(|slot| slots.put(slot * 64, &[SpaceCommand::Usage as u64, ME, 0, 0, 0, 0, 0, 0]));
    // SAFETY: another space, where nothing is; here, only this function has used the mapping.
    unsafe {
        child.space.map_at(AT, region, 0, 8192, Rights::READ.with(Rights::WRITE))?;
        OWN.unmap(at, 8192)?;
    }
    let thread = child.space.create_thread(away, anax_abi::object::priority::USER, Some(lab.port))?;
    lab.block(0).write(&[drain(AT, 128, 0, 64).repeat(1 << 40)]);
    lab.put_code(crate::script::code());
    lab.start(child, thread, 0)?;
    // On a busy host it may be long in coming.
    (0..10_000).take_while(|_| lab.block(0).successes(0) == 0).for_each(|_| nap());
    // SAFETY: another space.
    unsafe { child.space.unmap(AT, 8192)? };
    lab.script_ends()?;
    is(lab.block(0).result(0), NOWHERE, "a ring that is gone")?;
    hold(lab.block(0).successes(0) > 0, "it was never there", 0)?;
    close([thread.handle(), region.handle()])?;
    Ok(child.end()?)
}
