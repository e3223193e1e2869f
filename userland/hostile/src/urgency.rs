//! Whoever serves runs as urgently as whoever waits for him.

use anax_abi::Operation;
use anax_abi::object::{THIS_THREAD, ThreadCommand, priority};
use anax_sys::object::Thread;
use anax_sys::{Error, Port, Target, initmsg};

use crate::lab::{Child, Held, Lab, close, is, later};
use crate::script::{Step, code};

const ASK: u32 = 0x9000;
const ME: u64 = THIS_THREAD.to_word();
/// What `Inspect` says of a thread that sleeps.
const SLEEPS: u64 = 3;

pub(crate) fn run(lab: &mut Lab) {
    lab.case("urgency: a server that is made less urgent than what waits for it", lowered);
    lab.case("urgency: what waits at a server's other port", other_port);
}

/// The priority at which the thread runs.
fn of(thread: Thread) -> Result<i64, Error> {
    Ok(thread.inspect()?.words[1].cast_signed())
}

/// Sends a message that is as urgent as `priority` to a port, which is answered to `replies`.
fn send(port: Port, replies: Port, priority: u64) -> Result<(), Error> {
    let own = Thread::SELF.inspect()?.words[1];
    Thread::SELF.set_priority(priority)?;
    let sent = Target::from_handle(port.handle()).beginmsg(&initmsg(ASK, [0; 5]), replies);
    Thread::SELF.set_priority(own)?;
    sent.map(drop)
}

/// A thread that has not begun, two ports of its own, and one for replies.
fn served(lab: &Lab) -> Result<(Child, Thread, [Port; 3]), Error> {
    let child = lab.child(1)?;
    let thread = lab.thread(child)?;
    let ports = [child.space.create_port(thread, 0)?, child.space.create_port(thread, 0)?];
    Ok((child, thread, [ports[0], ports[1], Port::initport(Thread::SELF, 2)?]))
}

fn end(lab: &Lab, child: Child, thread: Thread, ports: [Port; 3]) -> Held {
    thread.kill()?;
    lab.end()?;
    close([thread.handle(), ports[0].handle(), ports[1].handle(), ports[2].handle()])?;
    Ok(child.end()?)
}

fn lowered(lab: &mut Lab) -> Held {
    let (child, thread, ports) = served(lab)?;
    thread.set_priority(priority::DRIVER)?;
    send(ports[0], ports[2], priority::SERVER)?;
    is(of(thread)?, priority::DRIVER.cast_signed(), "it has its own")?;
    thread.set_priority(priority::IDLE)?;
    is(of(thread)?, priority::SERVER.cast_signed(), "it has lost what it is to inherit")?;
    end(lab, child, thread, ports)
}

fn other_port(lab: &mut Lab) -> Held {
    let (child, thread, ports) = served(lab)?;
    thread.set_priority(priority::IDLE)?;
    send(ports[0], ports[2], priority::SERVER)?;
    send(ports[1], ports[2], priority::USER)?;
    let there = child.space.grant(ports[1].handle(), anax_sys::Rights::ALL)?.to_word();
    let sleep = [later(10_000).nanoseconds(), 0, 0, 0, 0];
    lab.block(0).write(&[
        Step::new(Operation::Get, 0, there, [0; 5]),
        Step::call(ME, ThreadCommand::Sleep as u32, sleep),
    ]);
    lab.put_code(code());
    lab.start(child, thread, 0)?;
    lab.until_blocked(thread, SLEEPS)?;
    is(lab.block(0).result(0), 0, "nothing was received")?;
    is(of(thread)?, priority::SERVER.cast_signed(), "it serves the less urgent first, at leisure")?;
    end(lab, child, thread, ports)
}
