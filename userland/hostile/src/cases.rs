//! Attacks by system calls: bad handles, wrong kinds, bad pointers, numbers that do not exist, floods up to each quota. Each is
//! a script that runs in a child which has one handle of each kind.

use anax_abi::Operation;
use anax_abi::object::{ChannelCommand, MachineCommand, SELF, SpaceCommand, THIS_THREAD, ThreadCommand};
use anax_sys::object::{Limits, Machine, RegionKind, Space};
use anax_sys::{Error, Handle, Rights};

use crate::lab::{Child, Held, Lab, close, hold, is};
use crate::script::{STEPS, Step};

const ME: u64 = SELF.to_word();
const THREAD: u64 = THIS_THREAD.to_word();
const BAD: &[Error] = &[Error::BadHandle];

/// Handles that every child has, in this order: slots 1 and up.
const KINDS: [&str; 8] = ["thread", "port", "bystander", "region", "timer", "client", "server", "machine"];
const PORT: u64 = Handle::new(2, 1).to_word();
const REGION: u64 = Handle::new(4, 1).to_word();
const TIMER: u64 = Handle::new(5, 1).to_word();
const CLIENT: u64 = Handle::new(6, 1).to_word();
const MACHINE: u64 = Handle::new(8, 1).to_word();

/// A child with all of that, its thread and what is to be closed here afterwards.
struct Rich {
    child: Child,
    handles: [Handle; 6],
    thread: anax_sys::object::Thread,
}

fn rich(lab: &Lab, nth: u32, limits: Limits) -> Result<Rich, Error> {
    let child = lab.child_of(limits, nth)?;
    let thread = lab.thread(child)?;
    let port = child.space.create_port(thread, 4)?;
    let region = Space::SELF.create_region(8192, RegionKind::Pinned)?;
    let timer = Space::SELF.create_timer(lab.port, 3)?;
    let (client, server) = Space::SELF.create_channel(lab.data, 4096)?;
    let handles =
        [thread.handle(), port.handle(), region.handle(), timer.handle(), client.handle(), server.handle()];
    let given = [
        handles[0],
        handles[1],
        lab.bystander(),
        handles[2],
        handles[3],
        handles[4],
        handles[5],
        Machine::FIRST.handle(),
    ];
    for (index, object) in given.into_iter().enumerate() {
        let there = child.space.grant(object, Rights::ALL)?;
        assert_eq!(there.index() as usize, index + 1, "{}", KINDS[index]);
    }
    Ok(Rich { child, handles, thread })
}

/// Runs a script in a rich child; results are in block 0.
fn attack(lab: &Lab, nth: u32, steps: &[Step]) -> Held {
    attack_with(lab, nth, crate::lab::USUAL, steps)
}

fn attack_with(lab: &Lab, nth: u32, limits: Limits, steps: &[Step]) -> Held {
    let rich = rich(lab, nth, limits)?;
    lab.block(0).write(steps);
    lab.put_code(crate::script::code());
    lab.start(rich.child, rich.thread, 0)?;
    let ended = lab.script_ends();
    rich.child.end()?;
    close(rich.handles)?;
    while lab.port.getport().is_ok() {}
    ended
}

/// Every step fails with one of these.
fn all_fail(lab: &Lab, nth: u32, steps: &[Step], wanted: &[Error]) -> Held {
    for part in steps.chunks(STEPS) {
        attack(lab, nth, part)?;
        for (index, step) in part.iter().enumerate() {
            let seen = lab.block(0).result(index);
            let fits = wanted.iter().any(|error| error.code() == seen);
            let handle = step.registers[1] & 0xf;
            hold(
                fits,
                "a step (step, handle, result)",
                (index as i64) << 48 | (handle as i64) << 32 | seen & 0xffff_ffff,
            )?;
        }
    }
    Ok(())
}

/// A few steps and what each may come to.
type Few = (&'static str, &'static [Step], &'static [Error]);

const fn space(command: SpaceCommand, words: [u64; 5]) -> Step {
    Step::call(ME, command as u32, words)
}

const fn machine(command: MachineCommand, address: u64, bytes: u64) -> Step {
    Step::call(MACHINE, command as u32, [address, bytes, 0, 0, 0])
}

/// Addresses that nobody may pass, with 64 bytes behind them.
const ADDRESSES: [(&str, u64); 12] = [
    ("null", 0),
    ("below the first page", 0xfff),
    ("unmapped", 0x5000_0000),
    ("across the end of a mapping", 0x2001_0000 - 8),
    ("across the end of memory", 0x7fff_ffff_f000 - 8),
    ("the last page", 0x7fff_ffff_f000),
    ("non-canonical", 0x8000_0000_0000),
    ("the middle of nowhere", 1 << 63),
    ("the direct map", 0xffff_8000_0000_0000),
    ("the kernel", 0xffff_ffff_8010_0000),
    ("around the end", u64::MAX - 7),
    ("the last byte", u64::MAX),
];

const TABLE: &[Few] = &[
    (
        "handles: index edges",
        &[
            Step::call(0, 0, [0; 5]),
            Step::call(1, 0, [0; 5]),
            Step::call(63, 0, [0; 5]),
            Step::call(64, 0, [0; 5]),
            Step::call(Handle::new(63, 1).to_word(), 0, [0; 5]),
            Step::call(Handle::new(64, 1).to_word(), 0, [0; 5]),
            Step::call(Handle::new(65, 1).to_word(), 0, [0; 5]),
            Step::call(Handle::new(u32::MAX, 1).to_word(), 0, [0; 5]),
            Step::call(Handle::new(1 << 31, 1).to_word(), 0, [0; 5]),
            Step::call(Handle::new(0xffff, 1).to_word(), 0, [0; 5]),
            Step::call(u64::MAX - 1, 0, [0; 5]),
            Step::call(u32::MAX as u64, 0, [0; 5]),
        ],
        BAD,
    ),
    (
        "handles: other generations",
        &[
            Step::call(Handle::new(0, 0).to_word(), 0, [0; 5]),
            Step::call(Handle::new(0, 2).to_word(), 0, [0; 5]),
            Step::call(Handle::new(0, u32::MAX).to_word(), 0, [0; 5]),
            Step::call(Handle::new(2, 0).to_word(), 0, [0; 5]),
            Step::call(Handle::new(2, 2).to_word(), 0x9000, [0; 5]),
            Step::call(Handle::new(2, 1 << 31 | 1).to_word(), 0x9000, [0; 5]),
        ],
        BAD,
    ),
    (
        "handles: bad ones as second objects",
        &[
            space(SpaceCommand::CreatePort, [99, 1, 0, 0, 0]),
            space(SpaceCommand::CreateTimer, [99, 1, 0, 0, 0]),
            space(SpaceCommand::CreateThread, [0, 6, 99, 0, 0]),
            space(SpaceCommand::CreateRegion, [4096, 3, 99, 0, 0]),
            space(SpaceCommand::Map, [99, 0, 0, 4096, 4]),
            space(SpaceCommand::Grant, [99, 1, 0, 0, 0]),
            space(SpaceCommand::Close, [99, 0, 0, 0, 0]),
            space(SpaceCommand::Duplicate, [99, 1, 0, 0, 0]),
            space(SpaceCommand::Narrow, [99, 1, 0, 0, 0]),
            space(SpaceCommand::Revoke, [99, 0, 0, 0, 0]),
            space(SpaceCommand::Destroy, [99, 0, 0, 0, 0]),
            space(SpaceCommand::Inspect, [99, 0, 0, 0, 0]),
            Step::call(CLIENT, ChannelCommand::Bind as u32, [99, 0, 0, 0, 0]),
        ],
        BAD,
    ),
    (
        "handles: THIS_THREAD as a second object",
        &[
            space(SpaceCommand::CreateTimer, [THREAD, 1, 0, 0, 0]),
            space(SpaceCommand::Close, [THREAD, 0, 0, 0, 0]),
            space(SpaceCommand::Revoke, [THREAD, 0, 0, 0, 0]),
            space(SpaceCommand::Destroy, [THREAD, 0, 0, 0, 0]),
            space(SpaceCommand::Inspect, [THREAD, 0, 0, 0, 0]),
            space(SpaceCommand::Grant, [THREAD, 0, 0, 0, 0]),
        ],
        BAD,
    ),
    (
        "handles: wrong kinds as second objects",
        &[
            space(SpaceCommand::CreatePort, [REGION, 1, 0, 0, 0]),
            space(SpaceCommand::CreatePort, [ME, 1, 0, 0, 0]),
            space(SpaceCommand::CreateTimer, [REGION, 1, 0, 0, 0]),
            space(SpaceCommand::CreateTimer, [ME, 1, 0, 0, 0]),
            space(SpaceCommand::CreateThread, [0, 6, REGION, 0, 0]),
            space(SpaceCommand::CreateThread, [0, 6, ME, 0, 0]),
            space(SpaceCommand::CreateRegion, [4096, 3, PORT, 0, 0]),
            space(SpaceCommand::Map, [PORT, 0, 0, 4096, 4]),
            space(SpaceCommand::Map, [MACHINE, 0, 0, 4096, 4]),
            space(SpaceCommand::Map, [ME, 0, 0, 4096, 4]),
            Step::call(CLIENT, ChannelCommand::Bind as u32, [TIMER, 0, 0, 0, 0]),
            Step::new(Operation::Wait, 0, REGION, [0; 5]),
            Step::new(Operation::Get, 0, ME, [0; 5]),
            Step::new(Operation::Send, 0, REGION, [0; 5]).with(0, 0, PORT, 0),
            Step::new(Operation::Send, 0, PORT, [0; 5]).with(0, 0, REGION, 0),
            Step::new(Operation::Forward, 0, TIMER, [0; 5]).with(1, 0, 0, 0),
            Step::new(Operation::Abort, 0, TIMER, [0; 5]).with(1, 0, 0, 0),
        ],
        BAD,
    ),
    (
        "the machine can't be ended",
        &[
            space(SpaceCommand::Revoke, [MACHINE, 0, 0, 0, 0]),
            space(SpaceCommand::Destroy, [MACHINE, 0, 0, 0, 0]),
        ],
        &[Error::BadArgument],
    ),
    (
        "operations that are none",
        &[
            Step::odd(20, ME, [0; 5]),
            Step::odd(21, ME, [0; 5]),
            Step::odd(255, ME, [0; 5]),
            Step::odd(256, ME, [0; 5]),
            Step::odd(1 << 16, ME, [0; 5]),
            Step::odd(1 << 31, ME, [0; 5]),
            Step::odd(u32::MAX as u64, ME, [0; 5]),
            Step::odd(u64::MAX, ME, [0; 5]),
            Step::odd(0x100_0000_0014, ME, [0; 5]),
            Step::odd(0x7fff_ffff, THREAD, [0; 5]),
        ],
        &[Error::BadCommand],
    ),
    (
        "doorbells that are none",
        &[
            Step::new(Operation::Ring, 0, ME, [0; 5]),
            Step::new(Operation::Ring, 7, REGION, [1; 5]),
            Step::new(Operation::Ring, 0, MACHINE, [0; 5]),
            Step::new(Operation::Ring, 0, THREAD, [0; 5]),
            Step::new(Operation::Ring, 0, 0, [0; 5]),
            Step::new(Operation::Ring, 0, u64::MAX, [0; 5]),
            Step::new(Operation::Ring, 0, CLIENT ^ 1 << 40, [0; 5]),
        ],
        &[Error::BadHandle],
    ),
    (
        "commands that are none",
        &[
            Step::call(ME, 1, [0; 5]),
            Step::call(ME, 0xff, [0; 5]),
            Step::call(ME, 0x114, [0; 5]),
            Step::call(ME, 0x1ff, [0; 5]),
            Step::call(THREAD, 0, [0; 5]),
            Step::call(THREAD, 0x1ff, [0; 5]),
            Step::call(THREAD, 0x20c, [0; 5]),
            Step::call(THREAD, u32::MAX, [0; 5]),
            Step::call(REGION, 0x303, [0; 5]),
            Step::call(TIMER, 0x402, [0; 5]),
            Step::call(CLIENT, 0x505, [0; 5]),
            Step::call(MACHINE, 0x812, [0; 5]),
            Step::call(MACHINE, u32::MAX, [0; 5]),
            Step::call(ME, u32::MAX, [0; 5]),
            Step::call(ME, 1 << 31, [0; 5]),
        ],
        &[Error::BadCommand],
    ),
    (
        "spaces: absurd limits",
        &[
            space(SpaceCommand::CreateSpace, [0, 0, 1, 0, 0]),
            space(SpaceCommand::CreateSpace, [u64::MAX, u64::MAX, 1, 0, 0]),
            space(SpaceCommand::CreateSpace, [u32::MAX as u64, 0, 1, 0, 0]),
            space(SpaceCommand::CreateSpace, [10, 0, 1, 0, 0]),
            space(SpaceCommand::CreateSpace, [8 << 32 | 100, 0, 3, 0, 0]),
            space(SpaceCommand::CreateSpace, [8 << 32 | 100, 0, 1 | 64 << 32, 0, 0]),
            space(SpaceCommand::CreateSpace, [8 << 32 | 100, 0, u64::MAX, 0, 0]),
            space(SpaceCommand::CreateSpace, [8 << 32 | 301, 0, 0, 0, 0]),
            space(SpaceCommand::CreateSpace, [8 << 32 | 100, 9, 0, 0, 0]),
            space(SpaceCommand::CreateSpace, [8 << 32 | 100, 99 << 32, 0, 0, 0]),
            space(SpaceCommand::CreateSpace, [8 << 32 | 1, 0, 0, 0, 0]),
            space(SpaceCommand::CreateSpace, [(u32::MAX as u64) << 32 | 100, 0, 0, 0, 0]),
        ],
        &[Error::BadArgument, Error::Quota, Error::NoMemory],
    ),
    (
        "threads: absurd arguments",
        &[
            space(SpaceCommand::CreateThread, [64, 6, 0, 0, 0]),
            space(SpaceCommand::CreateThread, [u64::MAX, 6, 0, 0, 0]),
            space(SpaceCommand::CreateThread, [0, 29, 0, 0, 0]),
            space(SpaceCommand::CreateThread, [0, 31, 0, 0, 0]),
            space(SpaceCommand::CreateThread, [0, 32, 0, 0, 0]),
            space(SpaceCommand::CreateThread, [0, 256 + 6, 0, 0, 0]),
            space(SpaceCommand::CreateThread, [0, u64::MAX, 0, 0, 0]),
            Step::call(THREAD, 0x205, [29, 0, 0, 0, 0]),
            Step::call(THREAD, 0x205, [u64::MAX, 0, 0, 0, 0]),
            Step::call(THREAD, 0x206, [0; 5]),
            Step::call(THREAD, 0x206, [9, 0, 0, 0, 0]),
            Step::call(THREAD, 0x207, [3, 1, 0x1000, 0, 0]),
            Step::call(THREAD, 0x207, [u64::MAX; 5]),
            Step::call(THREAD, 0x204, [0x1000_0000, 0, 0, 0, 0]),
        ],
        &[Error::BadArgument, Error::Exists],
    ),
    (
        "threads: FS at a bad address",
        &[
            Step::call(THREAD, ThreadCommand::SetFsBase as u32, [1 << 63, 0, 0, 0, 0]),
            Step::call(THREAD, ThreadCommand::SetFsBase as u32, [0x8000_0000_0000, 0, 0, 0, 0]),
            Step::call(THREAD, ThreadCommand::SetFsBase as u32, [0x7fff_ffff_f000, 0, 0, 0, 0]),
            Step::call(THREAD, ThreadCommand::SetFsBase as u32, [u64::MAX, 0, 0, 0, 0]),
        ],
        &[Error::BadAddress],
    ),
    (
        "regions: absurd sizes",
        &[
            space(SpaceCommand::CreateRegion, [0, 0, 0, 0, 0]),
            space(SpaceCommand::CreateRegion, [u64::MAX, 0, 0, 0, 0]),
            space(SpaceCommand::CreateRegion, [1 << 63, 1, 0, 0, 0]),
            space(SpaceCommand::CreateRegion, [1 << 40, 0, 0, 0, 0]),
            space(SpaceCommand::CreateRegion, [4096, 4, 0, 0, 0]),
            space(SpaceCommand::CreateRegion, [4096, u64::MAX, 0, 0, 0]),
            space(SpaceCommand::CreateRegion, [4096, 3, 0, 0, 0]),
            space(SpaceCommand::CreateRegion, [4096, 0, REGION, 0, 0]),
            space(SpaceCommand::CreateRegion, [8193, 3, REGION, 0, 0]),
            space(SpaceCommand::CreateRegion, [4096 * 301, 0, 0, 0, 0]),
            space(SpaceCommand::CreateRegion, [1 << 33, 2, 0, 0, 0]),
            Step::call(REGION, 0x301, [0; 5]),
            Step::call(REGION, 0x301, [u64::MAX; 5]),
            Step::call(REGION, 0x302, [REGION, 1, 0, 4096, 0]),
            Step::call(REGION, 0x302, [REGION, 0, 1, 4096, 0]),
            Step::call(REGION, 0x302, [REGION, 0, 0, u64::MAX, 0]),
            Step::call(REGION, 0x302, [REGION, 0, 0, 1 << 33, 0]),
            Step::call(REGION, 0x302, [REGION, 1 << 63, 0, 4096, 0]),
            Step::call(REGION, 0x302, [REGION, 0, !4095, 4096, 0]),
        ],
        &[Error::BadArgument, Error::NoMemory],
    ),
    (
        "ports and slots: absurd numbers",
        &[
            space(SpaceCommand::CreatePort, [THREAD, 33, 0, 0, 0]),
            space(SpaceCommand::CreatePort, [THREAD, u32::MAX as u64, 0, 0, 0]),
            space(SpaceCommand::CreatePort, [THREAD, 1 << 32, 0, 0, 0]),
            space(SpaceCommand::CreatePort, [THREAD, u64::MAX, 0, 0, 0]),
            space(SpaceCommand::PostSlots, [65, 0, 0, 0, 0]),
            space(SpaceCommand::PostSlots, [u32::MAX as u64, 0, 0, 0, 0]),
            space(SpaceCommand::PostSlots, [u64::MAX, 0, 0, 0, 0]),
            space(SpaceCommand::WithdrawSlots, [u64::MAX, 0, 0, 0, 0]),
            space(SpaceCommand::Duplicate, [PORT, 1, u64::MAX, 0, 0]),
            space(SpaceCommand::Usage, [5, 0, 0, 0, 0]),
            space(SpaceCommand::Usage, [u64::MAX, 0, 0, 0, 0]),
            space(SpaceCommand::SetPolicy, [3, 0, 0, 0, 0]),
            space(SpaceCommand::Protect, [0x2000_0000, 4096, u64::MAX, 0, 0]),
            space(SpaceCommand::Map, [REGION, 0, 0, 4096, 1 << 16 | 4]),
        ],
        &[Error::BadArgument, Error::Quota],
    ),
    (
        "replies to what is not ours",
        &[
            Step::new(Operation::Reply, 0, 0, [0; 5]),
            Step::new(Operation::Reply, 0, 0, [0; 5]).with(1, 0, 0, 0),
            Step::new(Operation::Reply, 0, 0, [0; 5]).with(1 << 32, 0, 0, 0),
            Step::new(Operation::Reply, 0, 0, [0; 5]).with(1 << 32 | 1, 0, 0, 0),
            Step::new(Operation::Reply, 0, 0, [0; 5]).with(2 << 32 | 3, 0, 0, 0),
            Step::new(Operation::Reply, 0, 0, [0; 5]).with(u64::MAX, 0, 0, 0),
            Step::new(Operation::Reply, 0, 0, [0; 5]).with(u32::MAX as u64, 0, 0, 0),
            Step::new(Operation::Reply, 0, 0, [0; 5]).with(65536, 0, 0, 0),
            Step::new(Operation::ReplyWait, 0, PORT, [0; 5]).with(1 << 32 | 2, 0, 0, 1),
            Step::new(Operation::Forward, 0, PORT, [0; 5]).with(1 << 32 | 2, 0, 0, 0),
            Step::new(Operation::Forward, 0, PORT, [0; 5]),
        ],
        BAD,
    ),
    (
        "waiting for what is not under way",
        &[
            Step::new(Operation::WaitFor, 0, PORT, [0; 5]),
            Step::new(Operation::WaitFor, 0, PORT, [0; 5]).with(1 << 32, 0, 0, 0),
            Step::new(Operation::WaitFor, 0, PORT, [0; 5]).with(u64::MAX, 0, 0, 0),
            Step::new(Operation::Abort, 0, PORT, [0; 5]),
            Step::new(Operation::Abort, 0, PORT, [0; 5]).with(1 << 32 | 1, 0, 0, 0),
            Step::new(Operation::Abort, 0, PORT, [0; 5]).with(u64::MAX, 0, 0, 0),
            Step::new(Operation::Offer, 0, PORT, [0, 2, 0, 0, 0]),
            Step::new(Operation::Offer, 0, PORT, [0, u64::MAX, 0, 0, 0]),
        ],
        &[Error::BadArgument],
    ),
    (
        "others' ports",
        &[
            Step::new(Operation::Wait, 0, Handle::new(3, 1).to_word(), [0; 5]).with(0, 0, 0, 1),
            Step::new(Operation::Get, 0, Handle::new(3, 1).to_word(), [0; 5]),
            Step::new(Operation::ReplyWait, 0, Handle::new(3, 1).to_word(), [0; 5]).with(0, 0, 0, 1),
            Step::new(Operation::WaitFor, 0, Handle::new(3, 1).to_word(), [0; 5]).with(1 << 32, 0, 0, 1),
            Step::new(Operation::Send, 0x9000, PORT, [0; 5]).with(0, 0, Handle::new(3, 1).to_word(), 0),
            Step::new(Operation::Abort, 0, Handle::new(3, 1).to_word(), [0; 5]).with(1 << 32, 0, 0, 0),
        ],
        &[Error::BadHandle, Error::BadArgument],
    ),
    (
        "a call of one's own port",
        &[
            Step::call(PORT, 0x9000, [0; 5]),
            Step::call(PORT, 0, [0; 5]),
            Step::new(Operation::CallUntil, 0x9000, PORT, [0; 5]).with(0, u64::MAX, 0, 1),
        ],
        &[Error::WouldDeadlock],
    ),
    (
        "the machine's own ground",
        &[
            Step::call(MACHINE, MachineCommand::DeviceRegion as u32, [0x10_0000, 4096, 0, 0, 0]),
            Step::call(MACHINE, MachineCommand::DeviceRegion as u32, [0xfee0_0000, 4096, 0, 0, 0]),
            Step::call(MACHINE, MachineCommand::DeviceRegion as u32, [0xfec0_0000, 4096, 0, 0, 0]),
            Step::call(MACHINE, MachineCommand::DeviceRegion as u32, [u64::MAX, 4096, 0, 0, 0]),
            Step::call(MACHINE, MachineCommand::DeviceRegion as u32, [0, 1 << 40, 0, 0, 0]),
            Step::call(MACHINE, MachineCommand::DeviceRegion as u32, [1 << 60, 4096, 0, 0, 0]),
            Step::call(MACHINE, MachineCommand::DeviceRegion as u32, [0xe000_0001, 4096, 0, 0, 0]),
            Step::call(MACHINE, MachineCommand::DeviceRegion as u32, [0xe000_0000, 0, 0, 0, 0]),
            Step::call(MACHINE, MachineCommand::Ports as u32, [0x1_0000, 1, 0, 0, 0]),
            Step::call(MACHINE, MachineCommand::Ports as u32, [0, 0, 0, 0, 0]),
            Step::call(MACHINE, MachineCommand::Ports as u32, [0xffff, 2, 0, 0, 0]),
            Step::call(MACHINE, MachineCommand::Ports as u32, [u64::MAX, 2, 0, 0, 0]),
            Step::call(MACHINE, MachineCommand::Line as u32, [u64::MAX, 0, 0, 0, 0]),
            Step::call(MACHINE, MachineCommand::Line as u32, [999, 0, 0, 0, 0]),
            Step::call(MACHINE, MachineCommand::Line as u32, [5, 0, 99, 0, 0]),
            Step::call(MACHINE, MachineCommand::MsiX as u32, [u64::MAX, 0, 0, 0, 0]),
            Step::call(MACHINE, MachineCommand::MsiX as u32, [0x10_0000, 0, 0, 0, 0]),
            Step::call(MACHINE, MachineCommand::MsiX as u32, [0xfec0_0000, 0, 0, 0, 0]),
            Step::call(MACHINE, MachineCommand::MsiX as u32, [0xfee0_0000, 1, 0, 0, 0]),
            Step::call(MACHINE, MachineCommand::Msi as u32, [u64::MAX, 0, 0, 0, 0]),
            Step::call(MACHINE, MachineCommand::Msi as u32, [0x10_0000, 0, 0, 0, 0]),
            Step::call(MACHINE, MachineCommand::Msi as u32, [0xfec0_0000, 0, 0, 0, 0]),
            Step::call(MACHINE, MachineCommand::Msi as u32, [0xfee0_0000, 0, 0, 0, 0]),
            Step::call(MACHINE, MachineCommand::Msi as u32, [0xfd00_0002, 0, 0, 0, 0]),
        ],
        &[Error::BadAddress, Error::BadArgument],
    ),
];

pub(crate) fn run(lab: &mut Lab) {
    for (index, (name, steps, wanted)) in TABLE.iter().enumerate() {
        lab.case(name, |lab| all_fail(lab, index as u32, steps, wanted));
    }
    for (index, (name, address)) in ADDRESSES.iter().enumerate() {
        lab.case(name, |lab| pointers(lab, index as u32, *address));
    }
    for (slot, name) in KINDS.iter().enumerate() {
        lab.case(name, |lab| wrong_kinds(lab, slot));
        lab.case(name, |lab| without_rights(lab, slot));
    }
    floods(lab);
}

/// Every command that takes an address.
fn pointers(lab: &Lab, nth: u32, address: u64) -> Held {
    let steps = [
        machine(MachineCommand::Log, address, 64),
        machine(MachineCommand::ConsoleWrite, address, 64),
        machine(MachineCommand::Log, address, 1025),
        machine(MachineCommand::Log, address, u64::MAX),
        machine(MachineCommand::ConsoleWrite, address, 1 << 63),
        machine(MachineCommand::ReadTrace, address, 64),
        machine(MachineCommand::Description, address, 64),
        machine(MachineCommand::ConsoleRead, address, 64),
        machine(MachineCommand::CommandLine, address, 1024),
        machine(MachineCommand::ReadLog, address, 400),
        space(SpaceCommand::Unmap, [address, u64::MAX, 0, 0, 0]),
        space(SpaceCommand::Protect, [address, 1 << 62, 4, 0, 0]),
        space(SpaceCommand::Unmap, [address, 0, 0, 0, 0]),
        space(SpaceCommand::Protect, [address, 0, 4, 0, 0]),
    ];
    all_fail(lab, nth, &steps, &[Error::BadAddress, Error::BadArgument, Error::BadCommand])
}

/// Every command of every kind to an object that is none of that kind.
fn wrong_kinds(lab: &Lab, slot: usize) -> Held {
    let base = [0x200, 0, 0, 0x300, 0x400, 0x500, 0x500, 0x800][slot];
    if base == 0 {
        return Ok(());
    }
    let handle = Handle::new(slot as u32 + 1, 1).to_word();
    for kind in (0x100..=0x900).step_by(0x100).filter(|kind| *kind != base) {
        let steps: [Step; 22] =
            core::array::from_fn(|n| Step::call(handle, kind + n as u32, [PORT, 1, 0, 0, 0]));
        all_fail(lab, slot as u32, &steps, &[Error::BadCommand])?;
    }
    Ok(())
}

/// Every command of the kind by a handle that allows nothing.
fn without_rights(lab: &Lab, slot: usize) -> Held {
    let base = [0x200, 0x9000, 0x9000, 0x300, 0x400, 0x500, 0x500, 0x800][slot];
    let handle = Handle::new(slot as u32 + 1, 1).to_word();
    let mut steps = [space(SpaceCommand::Narrow, [handle, 0, 0, 0, 0]); 21];
    for (n, step) in steps.iter_mut().skip(1).enumerate() {
        *step = Step::call(handle, base + n as u32, [PORT, 1, 0, 0, 0]);
    }
    attack(lab, slot as u32, &steps)?;
    is(lab.block(0).result(0), 0, "narrow")?;
    for n in 1..steps.len() {
        let seen = lab.block(0).result(n);
        hold(
            seen == Error::NoRights.code() || seen == Error::BadCommand.code(),
            "without rights",
            (n as i64) << 32 | seen & 0xffff_ffff,
        )?;
    }
    Ok(())
}

/// As many as there may be of everything, and one more.
fn floods(lab: &mut Lab) {
    type Flood = (&'static str, Step, u64, Error);
    let table: &[Flood] = &[
        ("flood of ports", space(SpaceCommand::CreatePort, [THREAD, 0, 0, 0, 0]), 55, Error::Quota),
        ("flood of messages", space(SpaceCommand::CreatePort, [THREAD, 4, 0, 0, 0]), 7, Error::Quota),
        ("flood of threads", space(SpaceCommand::CreateThread, [0, 6, 0, 0, 0]), 7, Error::Quota),
        ("flood of handles", space(SpaceCommand::Duplicate, [PORT, 1, 0, 0, 0]), 55, Error::Quota),
        ("flood of slots", space(SpaceCommand::PostSlots, [1, 0, 0, 0, 0]), 55, Error::Quota),
        ("flood of small regions", space(SpaceCommand::CreateRegion, [4096, 1, 0, 0, 0]), 55, Error::Quota),
        (
            "flood of large regions",
            space(SpaceCommand::CreateRegion, [40 * 4096, 0, 0, 0, 0]),
            0,
            Error::NoMemory,
        ),
        ("flood of mappings", space(SpaceCommand::Map, [REGION, 0, 0, 4096, 4]), 0, Error::Full),
        (
            "flood of own messages",
            Step::new(Operation::Send, 0x9000, PORT, [1; 5]).with(7, 0, PORT, 0),
            4,
            Error::Quota,
        ),
        (
            "flood of the bystander",
            Step::new(Operation::Send, 0x9000, Handle::new(3, 1).to_word(), [1; 5]).with(7, 0, PORT, 0),
            4,
            Error::Quota,
        ),
        ("flood of offers", Step::new(Operation::Offer, 0, PORT, [1, 0, 0, 0, 0]), 4, Error::Full),
        ("flood of timers", space(SpaceCommand::CreateTimer, [PORT, 1, 0, 0, 0]), 55, Error::Quota),
        ("flood of channels", space(SpaceCommand::CreateChannel, [REGION, 4096, 0, 0, 0]), 27, Error::Quota),
        ("flood of spaces", space(SpaceCommand::CreateSpace, [8 << 32 | 30, 0, 0, 0, 0]), 0, Error::NoMemory),
    ];
    for (index, (name, step, count, error)) in table.iter().enumerate() {
        for place in 0..2 {
            lab.case(name, |lab| {
                attack(lab, index as u32 + place, &[step.repeat(5_000)])?;
                let (seen, result) = (lab.block(0).successes(0), lab.block(0).result(0));
                hold(
                    result == error.code()
                        || result == Error::NoMemory.code()
                        || result == Error::Quota.code(),
                    "the end of the flood",
                    result,
                )?;
                hold(*count == 0 || seen == *count, "how many", seen.cast_signed())
            });
        }
    }
    let many = Limits { pages: 12_000, handles: 6_000, threads: 8, messages: 32 };
    lab.case("five thousand ports, the first one closed first", |lab| {
        attack_with(
            lab,
            0,
            many,
            &[
                space(SpaceCommand::CreatePort, [THREAD, 0, 0, 0, 0]),
                space(SpaceCommand::CreatePort, [THREAD, 0, 0, 0, 0]).repeat(5_000),
                space(SpaceCommand::Close, [0; 5]).link(0, 0, 2),
            ],
        )?;
        is(lab.block(0).successes(1).cast_signed(), 5_000, "ports")
    });
}
