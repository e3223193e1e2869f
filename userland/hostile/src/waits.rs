//! Waits that must not be left by what belongs to an earlier one, nor miss what has come.

use anax_abi::object::{THIS_THREAD, ThreadCommand, notice};
use anax_sys::object::{RegionKind, Space, Thread};
use anax_sys::{Error, Flags, Instant, Message, Port, Rights, Target, initmsg};

use crate::lab::{Held, Lab, close, fails, is, later, nap, soon};
use crate::script::Step;

const OWN: Space = Space::SELF;
/// Of the calls here.
const ASK: u32 = 0x9000;
const ME: u64 = THIS_THREAD.to_word();

pub(crate) fn run(lab: &mut Lab) {
    lab.case("waits: a doorbell whose message has been far away", far_message);
    lab.case("waits: for one reply, and then for anything", one_then_any);
    lab.case("waits: the limit of a call that has come back at once", limit_of_none);
}

/// Messages are used again by whoever needs one next, also on another CPU.
fn far_message(lab: &mut Lab) -> Held {
    let port = Port::initport(Thread::SELF, 0)?;
    let child = lab.child(OWN.inspect(port.handle())?.words[1] as u32 + 1)?;
    let thread = lab.thread(child)?;
    let far = child.space.create_port(thread, 0)?;
    let memory = OWN.create_region(4096, RegionKind::Pinned)?;
    for _ in 0..50 {
        let (bell, end) = OWN.create_channel(memory, 4096)?;
        end.bind(far, 6)?;
        close([bell.handle(), end.handle()])?;
        nap();
        // Its message is the next that is taken.
        let (bell, end) = OWN.create_channel(memory, 4096)?;
        end.bind(port, 6)?;
        bell.ring()?;
        nap();
        is(port.getport()?.command().into(), notice::RING.into(), "a doorbell")?;
        close([bell.handle(), end.handle()])?;
    }
    thread.kill()?;
    lab.end()?;
    close([port.handle(), memory.handle(), far.handle(), thread.handle()])?;
    Ok(child.end()?)
}

/// A server that has waited for one reply in vain is woken by whatever comes to it later.
fn one_then_any(lab: &mut Lab) -> Held {
    let port = Port::initport(Thread::SELF, 1)?;
    let deaf = Port::initport(Thread::SELF, 0)?;
    let sent = Target::from_handle(deaf.handle()).beginmsg(&initmsg(ASK, [0; 5]), port)?;
    let timer = OWN.create_timer(port, 8)?;
    // A client on this CPU: it is answered by a direct switch.
    let child = lab.child(OWN.inspect(port.handle())?.words[1] as u32)?;
    let there = child.space.grant(port.handle(), Rights::SEND)?.to_word();
    let ask = Step::call(there, ASK, [5; 5]);
    let sleep =
        |until: Instant| Step::call(ME, ThreadCommand::Sleep as u32, [until.nanoseconds(), 0, 0, 0, 0]);
    let thread = lab.run_script(child, 0, &[ask, sleep(later(200)), ask])?;
    let first = port.waitport()?;
    is(first.command().into(), ASK.into(), "no call")?;
    fails(port.waitmsg(sent, soon(1)), Error::TimedOut, "a reply of nobody's")?;
    timer.set(later(1))?;
    let told = port.replymsg_waitport(first.number, Ok(0), [0; 5])?;
    is(told.command().into(), notice::TIMER.into(), "the timer was not heard")?;
    let second = port.waitport_until(soon(20_000))?;
    anax_sys::replymsg(second.number, Ok(0), [0; 5])?;
    lab.script_ends()?;
    close([deaf.handle(), port.handle(), timer.handle(), thread.handle()])?;
    Ok(child.end()?)
}

/// The limit of a call that is dropped at once does not end the next wait.
fn limit_of_none(lab: &mut Lab) -> Held {
    // A port of a thread that never receives, crowded.
    let child = lab.child(OWN.inspect(lab.port.handle())?.words[1] as u32)?;
    let thread = lab.thread(child)?;
    let port = child.space.create_port(thread, 0)?;
    let target = Target::from_handle(port.handle());
    let replies = Port::initport(Thread::SELF, 64)?;
    (0..64).try_for_each(|_| target.beginmsg(&initmsg(ASK, [0; 5]), replies).map(drop))?;
    let call = Message { flags: Flags::DROPPABLE, ..initmsg(ASK, [0; 5]) };
    fails(target.domsg_until(&call, soon(3)), Error::Dropped, "not dropped")?;
    let timer = OWN.create_timer(lab.port, 8)?;
    timer.set(later(6))?;
    is(lab.port.waitport()?.command().into(), notice::TIMER.into(), "another notice")?;
    thread.kill()?;
    lab.end()?;
    close([timer.handle(), thread.handle(), port.handle(), replies.handle()])?;
    Ok(child.end()?)
}
