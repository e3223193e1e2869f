//! A thread: the calling one and others.

use anax_abi::object::ThreadCommand;
use anax_abi::{Error, WORDS};

use super::{Cpu, ask, ask_anything, done};
use crate::target::Answer;
use crate::time::Instant;

object! {
    /// A thread of this program or of one that it looks after.
    Thread
}

/// A group of five registers, in the order in which they are read and written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub enum Registers {
    /// `rax rbx rcx rdx rsi`
    Accumulators = 0,
    /// `rdi rbp rsp r8 r9`
    Stack = 1,
    /// `r10 r11 r12 r13 r14`
    Numbered = 2,
    /// `r15 rip rflags fs gs`
    Control = 3,
}

impl Thread {
    /// The calling thread.
    pub const SELF: Self = Self(anax_abi::object::THIS_THREAD);

    /// Ends the calling thread. (Table I: exit.)
    pub fn exit(status: u64) -> ! {
        loop {
            // It does not return; should it, there is nothing else to do.
            let _ = ask(Self::SELF.0, ThreadCommand::Exit as u32, [status]);
        }
    }

    /// Lets equals and betters run. (Table I: yield.)
    ///
    /// # Errors
    /// None beside the usual.
    pub fn yield_now() -> Result<(), Error> {
        done(ask(Self::SELF.0, ThreadCommand::Yield as u32, []))
    }

    /// Sleeps until then.
    ///
    /// # Errors
    /// None beside the usual.
    pub fn sleep(until: Instant) -> Result<(), Error> {
        done(ask(Self::SELF.0, ThreadCommand::Sleep as u32, [until.nanoseconds()]))
    }

    /// What time it is. The first time the kernel is asked; after that it takes no trap where the time-stamp counter is the kernel's clock.
    ///
    /// # Errors
    /// None beside the usual.
    #[inline]
    pub fn time() -> Result<Instant, Error> {
        crate::clock::now()
    }

    /// Starts a thread at `instruction`, with `stack` in `rsp` and `argument` in `rdi`.
    ///
    /// # Errors
    /// `BadArgument`; `Exists` if it was started before.
    ///
    /// # Safety
    /// If it is a thread of the calling space: what is there to be run expects this (a function of the C convention, which
    /// must not return, expects `stack` to be 8 less than a multiple of 16), and the stack is that thread's alone.
    pub unsafe fn start(self, instruction: u64, stack: u64, argument: u64) -> Result<(), Error> {
        let words = [instruction, stack, argument];
        // SAFETY: by contract.
        done(unsafe { ask_anything(self.0, ThreadCommand::Start as u32, words) })
    }

    /// Changes its priority.
    ///
    /// # Errors
    /// `BadArgument`.
    pub fn set_priority(self, priority: u64) -> Result<(), Error> {
        done(ask(self.0, ThreadCommand::SetPriority as u32, [priority]))
    }

    /// Registers of a thread that is not started yet, or whose fault is being handled.
    ///
    /// # Errors
    /// `BadArgument` in any other state.
    pub fn read_registers(self, group: Registers) -> Result<[u64; WORDS], Error> {
        ask(self.0, ThreadCommand::ReadRegisters as u32, [group as u64]).map(|answer| answer.words)
    }

    /// Writes the `index`th register of a group, in the same states.
    ///
    /// # Errors
    /// `BadArgument` in any other state.
    ///
    /// # Safety
    /// If it is a thread of the calling space: what it runs does not mind.
    pub unsafe fn write_register(self, group: Registers, index: u64, value: u64) -> Result<(), Error> {
        let words = [group as u64, index, value];
        // SAFETY: by contract.
        done(unsafe { ask_anything(self.0, ThreadCommand::WriteRegister as u32, words) })
    }

    /// Sets its FS base: a word of its own, since nothing that is linked here uses FS.
    ///
    /// # Errors
    /// `BadArgument` if it is no user address.
    pub fn set_fs_base(self, base: u64) -> Result<(), Error> {
        done(ask(self.0, ThreadCommand::SetFsBase as u32, [base]))
    }

    /// Gives it away to another CPU.
    ///
    /// # Errors
    /// `BadArgument` if there is no such CPU.
    pub fn move_to(self, cpu: Cpu) -> Result<(), Error> {
        done(ask(self.0, ThreadCommand::Move as u32, [cpu.0.into()]))
    }

    /// Ends it.
    ///
    /// # Errors
    /// None beside the usual.
    pub fn kill(self) -> Result<(), Error> {
        done(ask(self.0, ThreadCommand::Kill as u32, []))
    }

    /// Its state (result); CPU, priority, switches, nanoseconds run, what it waits for (words).
    ///
    /// # Errors
    /// None beside the usual.
    pub fn inspect(self) -> Result<Answer, Error> {
        ask(self.0, ThreadCommand::Inspect as u32, [])
    }
}
