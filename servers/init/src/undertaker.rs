//! Faults and ends of all programs, in a thread of their own.
//!
//! Init calls the loader and names, and waits for their answers. A fault of theirs is answered meanwhile, or they would wait for init and init for them;
//! and what it was is written down before init learns that its call has failed.

use alloc::collections::{BTreeMap, VecDeque};
use alloc::string::String;
use core::time::Duration;

use anax_abi::object::notice;
use anax_abi::{Error, Handle, Message, Rights, WORDS};
use anax_sys::lock::Lock;
use anax_sys::object::{Registers, Space, Thread};
use anax_sys::{Port, Received, Target, replymsg};
use anax_system::{FAULTED, Status};
use init::is_notice;

/// The badge of what this thread sends to init's port: no process has this number.
pub(crate) const BADGE: u64 = u32::MAX as u64;
/// What it sends.
const ENDED: u32 = 1;
/// Ends on their way to init, at most; further ones wait here.
const REPLIES: u32 = 32;
/// How often it is looked for an end that is certain, and how long.
const LOOKS: u32 = 20;
const LOOK: Duration = Duration::from_millis(1);

/// A first thread, and whose it is.
struct Known {
    thread: Thread,
    process: u64,
    name: String,
    /// How it has ended.
    status: Option<Status>,
}

/// First threads, by their numbers.
static KNOWN: Lock<BTreeMap<u64, Known>> = Lock::new(BTreeMap::new());
/// Where init hears of ends.
static INIT: Lock<Option<Handle>> = Lock::new(None);

/// Starts it: the port at which faults and ends are to be told. Ends are passed on to `init`, by messages with [`BADGE`]: status, number of the thread.
///
/// # Errors
/// `Quota`, `NoMemory`.
pub(crate) fn begin(init: Port, priority: u64) -> Result<Port, Error> {
    *INIT.lock() = Some(Space::SELF.duplicate(init.handle(), Rights::SEND, BADGE)?);
    anax::lwkt::lwkt_create(priority, REPLIES, work)
}

/// Remembers the thread of that number.
pub(crate) fn know(number: u64, thread: Thread, name: &str) {
    KNOWN.lock().insert(number, Known { thread, process: 0, name: name.into(), status: None });
}

/// Its process has that number.
pub(crate) fn belongs(thread: Thread, process: u64) {
    let mut known = KNOWN.lock();
    known.values_mut().filter(|known| known.thread == thread).for_each(|known| known.process = process);
}

/// Forgets it.
pub(crate) fn forget(thread: Thread) {
    KNOWN.lock().retain(|_, known| known.thread != thread);
}

/// How a thread has ended whose port is gone: that may be told a moment later.
pub(crate) fn fate(thread: Thread) -> Option<Status> {
    let status = || KNOWN.lock().values().find(|known| known.thread == thread).and_then(|known| known.status);
    for _ in 0..LOOKS {
        if let Some(status) = status() {
            return Some(status);
        }
        anax::time::sleep(LOOK);
    }
    None
}

fn work(port: Port) {
    let mut ends: VecDeque<[u64; 2]> = VecDeque::new();
    while let Ok(received) = port.waitport() {
        match received.command() {
            _ if received.is_reply() || !is_notice(received.badge, received.command()) => {}
            notice::FAULT => {
                faulted(&received);
                // It ends with the fault, and that is told by a notice of its own.
                let _ = replymsg(received.number, Err(Error::PeerDied), [0; WORDS]);
            }
            notice::EXIT => {
                let [status, thread, ..] = received.words;
                if let Some(known) = KNOWN.lock().get_mut(&thread) {
                    known.status = Some(status);
                }
                ends.push_back([status, thread]);
            }
            _ => {}
        }
        // Also after a reply of init's, which makes room for the next.
        let Some(init) = *INIT.lock() else { continue };
        let tell = |[status, thread]: [u64; 2]| {
            let message = Message::new(ENDED, [status, thread, 0, 0, 0]);
            Target::from_handle(init).beginmsg(&message, port).is_ok()
        };
        while ends.front().is_some_and(|end| tell(*end)) {
            ends.pop_front();
        }
    }
}

fn faulted(received: &Received) {
    let [cause, address, instruction, stack, number] = received.words;
    let mut known = KNOWN.lock();
    let Some(known) = known.get_mut(&number) else { return };
    known.status = Some(FAULTED | cause & 0xff);
    log::warn!(
        "{} (process {}): fault {:#x}, code {:#x}, at {instruction:#x}, address {address:#x}, stack {stack:#x}",
        known.name,
        known.process,
        cause as u32,
        cause >> 32,
    );
    post_mortem(known.thread);
}

/// Writes the registers of a thread that has faulted to the log.
fn post_mortem(thread: Thread) {
    let groups = [Registers::Accumulators, Registers::Stack, Registers::Numbered, Registers::Control];
    let [[rax, rbx, rcx, rdx, rsi], [rdi, rbp, rsp, r8, r9], [r10, r11, r12, r13, r14], [r15, rip, ..]] =
        groups.map(|group| thread.read_registers(group).unwrap_or_default());
    log::warn!(
        "  rip {rip:#x} rsp {rsp:#x} rbp {rbp:#x} rax {rax:#x} rbx {rbx:#x} rcx {rcx:#x} rdx {rdx:#x}"
    );
    log::warn!("  rsi {rsi:#x} rdi {rdi:#x} r8 {r8:#x} r9 {r9:#x} r10 {r10:#x} r11 {r11:#x}");
    log::warn!("  r12 {r12:#x} r13 {r13:#x} r14 {r14:#x} r15 {r15:#x}");
}
