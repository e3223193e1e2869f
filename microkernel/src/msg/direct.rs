//! Notices that take the CPU from user code at once: a doorbell or an interrupt that a more urgent thread of this CPU waits for. The
//! words go to the waiting thread's registers, the CPU to it past the run queue, and whoever ran is its heir.

use super::message::{Message, Notice, State};
use super::port::Port;
use super::trap::{Registers, syscall_resume};
use crate::arch::entry::interrupt_resume;
use crate::arch::frame::TrapFrame;
use crate::arch::paging::Root;
use crate::channel::Channel;
use crate::irq;
use crate::lwkt::{self, Thread};
use crate::percpu::{self, PerCpu};
use anax_abi::{Handle, Rights, WORDS};

/// Who gets the CPU, and what is told there.
struct Taker {
    thread: &'static Thread,
    root: Option<Root>,
    message: &'static Message,
    port: &'static Port,
}

/// Who takes the CPU from user code of `running` if `notice` tells something; nobody if that has to go the long way.
#[inline(always)]
fn taker(own: &'static PerCpu, running: &'static Thread, notice: &Notice) -> Option<Taker> {
    let message = notice.message()?;
    let port = message.port.get()?;
    if !message.is_home(own.id())
        || message.state.get() != State::Idle
        || port.life.get() != message.port_generation.get()
        || !port.waiting.get()
    {
        return None;
    }
    // SAFETY: somebody waits there, and none but the owner can.
    let thread = unsafe { port.owner.get().unwrap_unchecked() };
    // Whoever runs in user mode is as urgent as all that are queued.
    if thread.priority.get() <= running.priority.get() || running.is_either_unusual(thread) {
        return None;
    }
    // SAFETY: one that has no space would be unusual.
    let root = unsafe { lwkt::way_to(own, running, thread) }?;
    Some(Taker { thread, root, message, port })
}

impl Taker {
    /// Fills in what is told: the message's number, if it is to be answered, and the words.
    #[inline(always)]
    fn tell(&self, number: u64, words: [u64; WORDS]) {
        self.port.waiting.set(false);
        let to = self.thread.registers();
        to.rax = 0;
        to.handle = number;
        to.words = words;
        to.r14 = 1;
        to.r12 = self.message.badge.get();
        to.r13 = self.message.bare_envelope();
    }

    /// Gives it the CPU. `running` goes on at `resume` with its stack from `keep` on.
    ///
    /// # Safety
    /// As [`lwkt::switch_directly`].
    #[inline(always)]
    unsafe fn run(
        self,
        own: &'static PerCpu,
        running: &'static Thread,
        keep: *mut u64,
        resume: &'static u8,
    ) -> ! {
        lwkt::step_aside(own, running, self.thread);
        // SAFETY: by the caller's promise.
        unsafe { lwkt::switch_directly(own, running, self.thread, self.root, keep, resume) }
    }
}

/// [`Operation::Ring`](anax_abi::Operation::Ring), if a more urgent thread of this CPU waits for that doorbell.
#[unsafe(no_mangle)]
extern "C" fn syscall_ring(frame: *mut Registers) {
    let own = percpu::this();
    let running = own.thread();
    // SAFETY: the entry code's frame.
    let handle = unsafe { (*frame).handle };
    let Ok(capability) = running.look_up(Handle::from_word(handle), Rights::SEND) else { return };
    let Some((bell, epoch)) = capability.object.get::<Channel>().and_then(|end| end.bell(own)) else {
        return;
    };
    let Some(taker) = taker(own, running, bell) else { return };
    taker.tell(0, [u64::from(epoch), 0, 0, 0, 0]);
    // SAFETY: the entry code's frame; the word below it is where this function would return to, and `syscall_resume` needs the frame
    // alone.
    unsafe {
        (*frame).rax = 0;
        taker.run(own, running, frame.cast(), &syscall_resume)
    }
}

/// A device's interrupt of user code. True: all is done and user code goes on; false: nothing is. If a more urgent thread waits for
/// the interrupt, it has the CPU and this does not return.
#[inline(always)]
pub(crate) fn interrupted(own: &'static PerCpu, frame: &mut TrapFrame) -> bool {
    let running = own.thread();
    let Some(irq) = irq::alone(own, frame.vector as u8) else { return false };
    if lwkt::is_asked(own, running) {
        return false;
    }
    let Some(taker) = taker(own, running, &irq.notice) else { return false };
    if !irq.admit() {
        return true;
    }
    taker.message.state.set(State::Held);
    taker.port.held.set(taker.port.held.get() + 1);
    taker.tell(taker.message.number().to_word(), [1, 0, 0, 0, 0]);
    // SAFETY: the entry code has called with its stack at the vector registers' place; `interrupt_resume` needs what lies from there.
    unsafe { taker.run(own, running, frame.vectors(), &interrupt_resume) }
}
