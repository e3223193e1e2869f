//! Handles beside messages: offered and collected, or in a register each way; refused, revoked on the way, never received.

use anax_abi::object::{RegionCommand, SELF, SpaceCommand, region};
use anax_abi::{Along, Operation};
use anax_sys::object::{Region, RegionKind, Space, Thread};
use anax_sys::{
    Beside, Error, Flags, Handle, Offer, Port, Rights, Target, collect, initmsg, offer, replymsg,
    withdraw_offers,
};

use crate::lab::{Fail, Held, Lab, close, fails, hold, is};
use crate::script::Step;

const OWN: Space = Space::SELF;
const ME: u64 = SELF.to_word();
/// Places of `rax`, `rdi` and `r15` in a step.
const RAX: usize = 0;
const RDI: usize = 1;
const R15: usize = 10;

pub(crate) fn run(lab: &mut Lab) {
    type Case = fn(&mut Lab) -> Held;
    let once: &[(&str, Case)] = &[
        ("handles: go along", travel),
        ("handles: no slot, nothing moved", no_slot),
        ("handles: beside a call of the kernel's object", beside_nothing),
        ("handles: beside a message to oneself", beside_own),
    ];
    for (name, case) in once {
        lab.case(name, case);
    }
    type There = fn(&mut Lab, u32) -> Held;
    let on_every_cpu: &[(&str, There)] = &[
        ("handles: given, and given back, in registers", there_and_back),
        ("handles: a copy in a register, with fewer rights", a_copy),
        ("handles: what may not go along in a register", refused),
    ];
    for (name, case) in on_every_cpu {
        for nth in 0..lab.cpus {
            lab.case(name, |lab| case(lab, nth));
        }
    }
    for _ in 0..3 {
        lab.case("handles: revoked on the way", revoked_in_flight);
        lab.case("handles: a gift that is not sent", unsent_gift);
    }
}

/// Steps of a child: slots, a region, and a call with that beside it.
fn with_region(there: u64, along: Along) -> [Step; 3] {
    [
        Step::call(ME, SpaceCommand::PostSlots as u32, [2, 0, 0, 0, 0]),
        Step::call(ME, SpaceCommand::CreateRegion as u32, [4096, region::LAZY, 0, 0, 0]),
        Step::new(Operation::CallWith, 0x9000, there, [1, 2, 3, 4, 5])
            .with(77, along.0, 0, 0)
            .link(1, RAX, R15),
    ]
}

fn size() -> Step {
    Step::call(0, RegionCommand::Size as u32, [0; 5])
}

fn there_and_back(lab: &mut Lab, nth: u32) -> Held {
    let child = lab.child(nth)?;
    let port = Port::initport(Thread::SELF, 0)?;
    let there = child.space.grant(port.handle(), Rights::SEND)?.to_word();
    let [slots, create, call] = with_region(there, Along::given(Flags::NONE, Rights::ALL));
    OWN.post_slots(1)?;
    let steps = [
        slots,
        create,
        call,
        Step::call(there, 0x9001, [0; 5]),
        size().link(2, R15, RDI),
        size().link(1, RAX, RDI),
    ];
    let thread = lab.run_script(child, 0, &steps)?;
    let got = port.waitport()?;
    is(got.words[4].cast_signed(), 5, "the words")?;
    let given = Region::from_handle(got.came.one()?);
    is(given.size()?.cast_signed(), 4096, "what was given")?;
    let next =
        port.replymsg_waitport_with(got.number, Ok(3), [6, 7, 8, 9, 10], Beside::given(given.handle()))?;
    is(next.command().into(), 0x9001, "the next command")?;
    fails(given.size(), Error::BadHandle, "given back and kept")?;
    replymsg(next.number, Ok(0), [0; 5])?;
    lab.script_ends()?;
    let block = lab.block(0);
    is(block.result(2), 3, "the reply")?;
    is(block.out(2, 6).cast_signed(), 10, "the last word")?;
    is(block.out(2, 7).cast_signed(), 77, "the token")?;
    // From another CPU it is there to be collected.
    if block.out(2, R15) != 0 {
        is(block.result(4), 4096, "what came back")?;
    }
    if block.out(2, R15) != block.out(1, RAX) {
        is(block.result(5), Error::BadHandle.code(), "given and kept")?;
    }
    is(OWN.withdraw_slots(9)?.cast_signed(), 0, "slots left")?;
    close([thread.handle(), port.handle()])?;
    Ok(child.end()?)
}

fn a_copy(lab: &mut Lab, nth: u32) -> Held {
    let child = lab.child(nth)?;
    let port = Port::initport(Thread::SELF, 0)?;
    let there = child.space.grant(port.handle(), Rights::SEND)?.to_word();
    let rights = Rights::READ.with(Rights::SEND);
    let [slots, create, call] = with_region(there, Along::copied(Flags::PRIORITY, rights));
    OWN.post_slots(2)?;
    let thread = lab.run_script(child, 0, &[slots, create, call, size().link(1, RAX, RDI)])?;
    let got = port.waitport()?;
    hold(got.envelope.flags().contains(Flags::PRIORITY), "the flags", 0)?;
    let copy = got.came.one()?;
    is(OWN.inspect(copy)?.words[2].cast_signed(), rights.0.into(), "rights of the copy")?;
    let beside = Beside::given(copy);
    fails(
        port.replymsg_waitport_with(got.number, Ok(0), [0; 5], beside),
        Error::NoRights,
        "passed on without the right to",
    )?;
    fails(
        port.replymsg_waitport_with(got.number, Ok(0), [0; 5], Beside::given(Handle::new(60, 7))),
        Error::BadHandle,
        "no handle at all",
    )?;
    // It is still to be answered, and nothing goes along any more.
    replymsg(got.number, Ok(0), [0; 5])?;
    lab.script_ends()?;
    is(lab.block(0).result(2), 0, "the reply")?;
    is((lab.block(0).out(2, 8) >> 48).cast_signed(), 0, "handles with the reply")?;
    is(lab.block(0).result(3), 4096, "the sender's own")?;
    is(OWN.withdraw_slots(9)?.cast_signed(), 1, "slots left")?;
    close([copy, thread.handle(), port.handle()])?;
    Ok(child.end()?)
}

fn refused(lab: &mut Lab, nth: u32) -> Held {
    let child = lab.child(nth)?;
    let port = Port::initport(Thread::SELF, 0)?;
    let there = child.space.grant(port.handle(), Rights::SEND)?.to_word();
    let given = Along::given(Flags::NONE, Rights::ALL);
    let [slots, create, call] = with_region(there, given);
    let with =
        |handle: u64| Step::new(Operation::CallWith, 0x9000, there, [0; 5]).with(0, given.0, 0, handle);
    let rights = u64::from(Rights::SEND.0);
    let steps = [
        slots,
        create,
        call,
        size().link(1, RAX, RDI),
        with(Handle::new(55, 3).to_word()),
        with(u64::MAX),
        with(0),
        Step::call(ME, SpaceCommand::Duplicate as u32, [0, rights, 0, 0, 0]).link(1, RAX, 2),
        with(0).link(7, RAX, R15),
        Step::call(there, 0x9001, [0; 5]),
    ];
    let thread = lab.run_script(child, 0, &steps)?;
    let got = port.waitport()?;
    is(got.command().into(), 0x9001, "one was sent")?;
    is(got.envelope.handles().into(), 0, "something went along")?;
    replymsg(got.number, Ok(0), [0; 5])?;
    lab.script_ends()?;
    let block = lab.block(0);
    is(block.result(2), Error::NoSlot.code(), "no slot")?;
    is(block.result(3), 4096, "lost")?;
    for step in [4, 5, 6] {
        is(block.result(step), Error::BadHandle.code(), "not a handle")?;
    }
    is(block.result(8), Error::NoSlot.code(), "no slot for one without the right to grant")
        .or_else(|_| is(block.result(8), Error::NoRights.code(), "without the right to grant"))?;
    close([thread.handle(), port.handle()])?;
    Ok(child.end()?)
}

/// The kernel's objects take no handles, and leave them alone.
fn beside_nothing(_: &mut Lab) -> Held {
    let region = OWN.create_region(4096, RegionKind::Lazy)?;
    let message = initmsg(RegionCommand::Size as u32, [0; 5]);
    let (answer, came) =
        Target::from_handle(region.handle()).domsg_with(&message, Beside::given(region.handle()))?;
    is(answer.result.cast_signed(), 4096, "the size")?;
    is(came.count().into(), 0, "handles")?;
    is(region.size()?.cast_signed(), 4096, "given away to nobody")?;
    Ok(close([region.handle()])?)
}

/// A message that can't be sent takes nothing along, nor does the next.
fn beside_own(_: &mut Lab) -> Held {
    let (port, replies) = (Port::initport(Thread::SELF, 0)?, Port::initport(Thread::SELF, 2)?);
    let target = Target::from_handle(port.handle());
    let region = OWN.create_region(4096, RegionKind::Lazy)?;
    OWN.post_slots(2)?;
    let beside = Beside::given(region.handle());
    fails(target.domsg_with(&initmsg(0x9000, [1; 5]), beside), Error::WouldDeadlock, "to oneself")?;
    target.beginmsg(&initmsg(0x9000, [1; 5]), replies)?;
    let got = port.getport()?;
    is(got.came.count().into(), 0, "went along later")?;
    is(region.size()?.cast_signed(), 4096, "lost")?;
    close([port.handle(), replies.handle(), region.handle()])?;
    is(OWN.withdraw_slots(9)?.cast_signed(), 2, "slots left")
}

/// A port of this thread and one for its replies, to send handles to oneself.
fn travel(_: &mut Lab) -> Held {
    let (port, replies) = (Port::initport(Thread::SELF, 0)?, Port::initport(Thread::SELF, 2)?);
    let target = Target::from_handle(port.handle());
    let region = OWN.create_region(4096, RegionKind::Lazy)?;
    OWN.post_slots(2)?;
    offer(region.handle(), Rights::ALL, Offer::GiveAway)?;
    let other = OWN.duplicate(region.handle(), Rights::ALL, 0)?;
    offer(other, Rights::READ, Offer::Copy)?;
    target.beginmsg(&initmsg(0x9000, [1; 5]), replies)?;
    let got = port.getport()?;
    is(got.envelope.handles().into(), 2, "handles in the envelope")?;
    let [Some(moved), Some(copied), None, None] = collect()? else { return Err(Fail("collected", 0)) };
    hold(collect()? == [None; 4], "collected twice", 0)?;
    fails(region.size(), Error::BadHandle, "given away and kept")?;
    let seen = OWN.inspect(copied)?;
    is(seen.words[2].cast_signed(), Rights::READ.0.into(), "rights of the copy")?;
    is(anax_sys::object::Region::from_handle(moved).size()?.cast_signed(), 4096, "what was given")?;
    replymsg(got.number, Ok(0), [0; 5])?;
    offer(copied, Rights::ALL, Offer::Copy)?;
    withdraw_offers()?;
    close([copied, moved, other, port.handle(), replies.handle()])?;
    is(OWN.withdraw_slots(9)?.cast_signed(), 0, "slots left")
}

fn no_slot(lab: &mut Lab) -> Held {
    let (port, replies) = (Port::initport(Thread::SELF, 0)?, Port::initport(Thread::SELF, 2)?);
    let target = Target::from_handle(port.handle());
    let region = OWN.create_region(4096, RegionKind::Lazy)?;
    OWN.post_slots(1)?;
    offer(region.handle(), Rights::ALL, Offer::GiveAway)?;
    offer(lab.data.handle(), Rights::ALL, Offer::Copy)?;
    fails(target.beginmsg(&initmsg(0x9000, [1; 5]), replies), Error::NoSlot, "two in one slot")?;
    is(region.size()?.cast_signed(), 4096, "lost")?;
    fails(port.getport(), Error::WouldBlock, "sent all the same")?;
    is(OWN.withdraw_slots(9)?.cast_signed(), 1, "the slot")?;
    for _ in 0..4 {
        offer(region.handle(), Rights::ALL, Offer::Copy)?;
    }
    fails(offer(region.handle(), Rights::ALL, Offer::Copy), Error::Full, "a fifth")?;
    withdraw_offers()?;
    // A message with handles that nobody receives.
    OWN.post_slots(1)?;
    offer(region.handle(), Rights::ALL, Offer::Copy)?;
    target.beginmsg(&initmsg(0x9000, [1; 5]), replies)?;
    close([port.handle(), replies.handle(), region.handle()])?;
    OWN.withdraw_slots(9)?;
    Ok(())
}

fn revoked_in_flight(_: &mut Lab) -> Held {
    let (port, replies) = (Port::initport(Thread::SELF, 0)?, Port::initport(Thread::SELF, 2)?);
    let region = OWN.create_region(4096, RegionKind::Pinned)?;
    OWN.post_slots(2)?;
    offer(region.handle(), Rights::ALL, Offer::Copy)?;
    Target::from_handle(port.handle()).beginmsg(&initmsg(0x9000, [0; 5]), replies)?;
    OWN.destroy(region.handle())?;
    port.getport()?;
    let [came, ..] = anax_sys::collect()?;
    if let Some(came) = came {
        hold(anax_sys::object::Region::from_handle(came).size() == Err(Error::BadHandle), "alive", 0)?;
        close([came])?;
    }
    close([region.handle(), port.handle(), replies.handle()])?;
    OWN.withdraw_slots(9)?;
    Ok(())
}

/// A handle that is given away with a message that can't be sent stays.
fn unsent_gift(_: &mut Lab) -> Held {
    let (port, replies) = (Port::initport(Thread::SELF, 0)?, Port::initport(Thread::SELF, 1)?);
    let region = OWN.create_region(4096, RegionKind::Pinned)?;
    OWN.post_slots(2)?;
    let target = Target::from_handle(port.handle());
    target.beginmsg(&initmsg(0x9000, [0; 5]), replies)?;
    offer(region.handle(), Rights::ALL, Offer::GiveAway)?;
    fails(target.beginmsg(&initmsg(0x9000, [0; 5]), replies), Error::Quota, "a second message")?;
    is(region.size()?.cast_signed(), 4096, "the region that was not sent")?;
    close([port.handle(), replies.handle(), region.handle()])?;
    OWN.withdraw_slots(9)?;
    Ok(())
}
