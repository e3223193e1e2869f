//! What every case stands on: the supervisor's port, memory for attackers' code and scripts, the bystander, and the accounts.

use core::ptr;
use core::time::Duration;

use anax_abi::object::{Policy, Resource, notice, priority};
use anax_sys::object::{Cpu, Limits, Machine, Region, RegionKind, Space, Thread};
use anax_sys::{Deadline, Error, Handle, Instant, Port, Rights, Target, initmsg, log, replymsg};

use crate::script::{self, BLOCK, Block, DONE, Step};

/// Where a child sees code and blocks.
pub(crate) const CODE: u64 = 0x1000_0000;
pub(crate) const DATA: u64 = 0x2000_0000;
/// Blocks there are.
pub(crate) const BLOCKS: u64 = 8;
const READ_WRITE: Rights = Rights::READ.with(Rights::WRITE);
const READ_EXECUTE: Rights = Rights::READ.with(Rights::EXECUTE);
/// What a child usually may use.
pub(crate) const USUAL: Limits = Limits { pages: 300, handles: 64, threads: 8, messages: 32 };

/// Why a case did not hold: what, and the value that was seen.
#[derive(Debug)]
pub(crate) struct Fail(pub(crate) &'static str, pub(crate) i64);

impl From<Error> for Fail {
    fn from(error: Error) -> Self {
        Self("a call failed", error.code())
    }
}

/// How a case ended.
pub(crate) type Held = Result<(), Fail>;

/// Refuses what does not hold.
pub(crate) fn hold(holds: bool, text: &'static str, value: i64) -> Held {
    if holds { Ok(()) } else { Err(Fail(text, value)) }
}

/// Refuses another result than this.
pub(crate) fn is(seen: i64, expected: i64, text: &'static str) -> Held {
    hold(seen == expected, text, seen)
}

/// Refuses another outcome than this error.
pub(crate) fn fails<T>(seen: Result<T, Error>, expected: Error, text: &'static str) -> Held {
    match seen {
        Ok(_) => Err(Fail(text, 0)),
        Err(error) => hold(error == expected, text, error.code()),
    }
}

/// How a thread ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Exit(u64),
    Fault { vector: u64, error: u64, address: u64, rip: u64 },
}

/// A child space.
#[derive(Clone, Copy)]
pub(crate) struct Child {
    pub(crate) space: Space,
    pub(crate) cpu: Cpu,
}

pub(crate) struct Lab {
    /// Where attackers' faults and ends are told.
    pub(crate) port: Port,
    pub(crate) code: Region,
    code_at: u64,
    pub(crate) data: Region,
    data_at: u64,
    bystander: Space,
    bystander_port: Port,
    cases: u64,
    failed: u64,
    pub(crate) cpus: u32,
}

/// Some time from now.
pub(crate) fn soon(milliseconds: u64) -> Deadline {
    let now = Thread::time().unwrap_or_default();
    Deadline::at(now.after(Duration::from_millis(milliseconds)))
}

/// Sleeps a little.
pub(crate) fn nap() {
    let now = Thread::time().unwrap_or_default();
    let _ = Thread::sleep(now.after(Duration::from_micros(200)));
}

/// A moment from now on.
pub(crate) fn later(milliseconds: u64) -> Instant {
    Thread::time().unwrap_or_default().after(Duration::from_millis(milliseconds))
}

impl Lab {
    pub(crate) fn open() -> Result<Self, Error> {
        let own = Space::SELF;
        let port = Port::initport(Thread::SELF, 8)?;
        let code = own.create_region(8192, RegionKind::Pinned)?;
        let data = own.create_region(BLOCKS * BLOCK, RegionKind::Pinned)?;
        let code_at = own.map(code, 0, 8192, READ_WRITE)?;
        let data_at = own.map(data, 0, BLOCKS * BLOCK, READ_WRITE)?;
        let cpus = Machine::FIRST.cpus()? as u32;
        let mut lab = Self {
            port,
            code,
            code_at,
            data,
            data_at,
            bystander: own,
            bystander_port: port,
            cases: 0,
            failed: 0,
            cpus,
        };
        lab.start_bystander()?;
        Ok(lab)
    }

    /// A server in its own space, on the last CPU, with code of its own.
    fn start_bystander(&mut self) -> Result<(), Error> {
        let own = Space::SELF;
        let cpu = Cpu(self.cpus - 1);
        let space = own.create_space(USUAL, Policy::Inherit, cpu)?;
        let code = own.create_region(4096, RegionKind::Pinned)?;
        let code_at = own.map(code, 0, 4096, READ_WRITE)?;
        let thread = space.create_thread(cpu, priority::SERVER, Some(self.port))?;
        let port = space.create_port(thread, 0)?;
        let there = space.grant(port.handle(), Rights::ALL)?.to_word();
        put(code_at, echo());
        // SAFETY: another space, where nothing is.
        unsafe { space.map_at(CODE, code, 0, 4096, READ_EXECUTE)? };
        // SAFETY: as above; here, only this function has used the mapping.
        unsafe {
            own.unmap(code_at, 4096)?;
            thread.start(CODE, 0, there)?;
        }
        for handle in [code.handle(), thread.handle()] {
            own.close(handle)?;
        }
        (self.bystander, self.bystander_port) = (space, port);
        Ok(())
    }

    /// Cases so far.
    pub(crate) fn cases(&self) -> u64 {
        self.cases
    }

    /// The bystander's port.
    pub(crate) fn bystander(&self) -> Handle {
        self.bystander_port.handle()
    }

    /// Whether the bystander answers.
    fn bystander_answers(&self) -> Held {
        let words = [self.cases, 2, 3, 4, 5];
        let target = Target::from_handle(self.bystander_port.handle());
        let (answer, _) = loop {
            match target.domsg_until(&initmsg(0x9000, words), soon(20_000)) {
                // The host may have stopped the other CPU while this one had much to tell it.
                Err(Error::Full) => nap(),
                answer => break answer?,
            }
        };
        hold(answer.words == words && answer.result == 7, "the bystander", answer.result.cast_signed())
    }

    /// Ends the lab; how many cases did not hold.
    pub(crate) fn close(self) -> u64 {
        let ended = Space::SELF.destroy(self.bystander.handle());
        log!("{} of {} cases failed; on {} CPUs", self.failed, self.cases, self.cpus);
        self.failed + u64::from(ended.is_err())
    }

    /// Runs a case and looks after what it left.
    pub(crate) fn case(&mut self, name: &str, case: impl FnOnce(&mut Self) -> Held) {
        let before = accounts();
        self.cases += 1;
        let mut held = case(self);
        if held.is_ok() {
            held = self.bystander_answers();
        }
        // Words that nobody waited for.
        while self.port.getport().is_ok() {}
        // The end of a thread is told before its charges have gone back.
        let mut after = accounts();
        for _ in 0..500 {
            if after == before {
                break;
            }
            nap();
            after = accounts();
        }
        if held.is_ok()
            && let Some(place) = (0..4).find(|place| before[*place] != after[*place])
        {
            log!("{name}: accounts {before:?} then {after:?}");
            held = Err(Fail(["pages leak", "handles leak", "threads leak", "messages leak"][place], 0));
        }
        if let Err(Fail(text, value)) = held {
            self.failed += 1;
            log!("FAILED {name}: {text} ({value}, {value:#x})");
        }
    }

    /// A space with code and blocks, on the `nth` CPU, counted round.
    pub(crate) fn child_of(&self, limits: Limits, nth: u32) -> Result<Child, Error> {
        let cpu = Cpu(nth % self.cpus);
        let space = Space::SELF.create_space(limits, Policy::Inherit, cpu)?;
        // SAFETY: another space, where nothing is.
        unsafe {
            space.map_at(CODE, self.code, 0, 8192, READ_EXECUTE)?;
            space.map_at(DATA, self.data, 0, BLOCKS * BLOCK, READ_WRITE)?;
        }
        Ok(Child { space, cpu })
    }

    /// The same with what is usual.
    pub(crate) fn child(&self, nth: u32) -> Result<Child, Error> {
        self.child_of(USUAL, nth)
    }

    /// Puts code where children run it.
    pub(crate) fn put_code(&self, code: &[u8]) {
        put(self.code_at, code);
    }

    /// Puts code at the very end of what they have mapped.
    pub(crate) fn put_code_at_end(&self, code: &[u8]) {
        put(self.code_at + 8192 - code.len() as u64, code);
    }

    /// The `nth` block, here.
    pub(crate) fn block(&self, nth: u64) -> Block {
        Block(self.data_at + nth * BLOCK)
    }

    /// Starts a thread at `CODE` with the `nth` block.
    pub(crate) fn start(&self, child: Child, thread: Thread, nth: u64) -> Result<(), Error> {
        let _ = child;
        // SAFETY: another space's thread.
        unsafe { thread.start(CODE, DATA + (nth + 1) * BLOCK - 8, DATA + nth * BLOCK) }
    }

    /// A thread of the child.
    pub(crate) fn thread(&self, child: Child) -> Result<Thread, Error> {
        child.space.create_thread(child.cpu, priority::USER, Some(self.port))
    }

    /// Starts a thread of the child with a script in block `nth`.
    pub(crate) fn run_script(&self, child: Child, nth: u64, steps: &[Step]) -> Result<Thread, Error> {
        let thread = self.thread(child)?;
        self.block(nth).write(steps);
        self.put_code(script::code());
        self.start(child, thread, nth)?;
        Ok(thread)
    }

    /// The next end of a thread; its faults are not helped.
    pub(crate) fn end(&self) -> Result<End, Fail> {
        let mut fault = None;
        loop {
            let told =
                self.port.waitport_until(soon(20_000)).map_err(|error| Fail("no end", error.code()))?;
            match told.command() {
                notice::EXIT => return Ok(fault.unwrap_or(End::Exit(told.words[0]))),
                notice::FAULT => {
                    let [cause, address, rip, ..] = told.words;
                    let (vector, error) = (cause & 0xffff_ffff, cause >> 32);
                    fault = Some(End::Fault { vector, error, address, rip });
                    replymsg(told.number, Err(Error::Aborted), [0; 5])?;
                }
                other => return Err(Fail("an odd message", other.into())),
            }
        }
    }

    /// The script came to its end.
    pub(crate) fn script_ends(&self) -> Held {
        match self.end()? {
            End::Exit(DONE) => Ok(()),
            End::Exit(status) => Err(Fail("another status", status.cast_signed())),
            End::Fault { vector, address, .. } => {
                Err(Fail("a fault", (vector << 48 | address & 0xffff_ffff_ffff).cast_signed()))
            }
        }
    }

    /// Waits until the thread is blocked in a wait of this kind (see `ThreadCommand::Inspect`), or has ended.
    pub(crate) fn until_blocked(&self, thread: Thread, kind: u64) -> Held {
        for _ in 0..2000 {
            let seen = thread.inspect()?;
            if seen.result == 4 && seen.words[3] == kind {
                return Ok(());
            }
            nap();
        }
        Err(Fail("it does not come to wait", thread.inspect()?.words[3].cast_signed()))
    }
}

impl Child {
    /// Ends it, whatever it does.
    pub(crate) fn end(self) -> Result<(), Error> {
        Space::SELF.destroy(self.space.handle())?;
        Space::SELF.close(self.space.handle())
    }
}

/// Gives handles up.
pub(crate) fn close<const N: usize>(handles: [Handle; N]) -> Result<(), Error> {
    handles.into_iter().try_for_each(|handle| Space::SELF.close(handle))
}

/// What is used of the supervisor's own accounts.
pub(crate) fn accounts() -> [u64; 4] {
    [Resource::Pages, Resource::Handles, Resource::Threads, Resource::Messages]
        .map(|resource| Space::SELF.usage(resource).map_or(u64::MAX, |usage| usage.used))
}

fn put(at: u64, code: &[u8]) {
    assert!(code.len() <= 4096);
    // SAFETY: mapped writable by the lab, which alone knows of it.
    unsafe {
        let to = ptr::with_exposed_provenance_mut::<u8>(at as usize);
        ptr::copy_nonoverlapping(code.as_ptr(), to, code.len());
    }
}

/// A server of port `rdi`: answers everything with result 7 and the words as they came.
fn echo() -> &'static [u8] {
    crate::raw::code!(
        "mov ebx, 5",
        "mov rbp, rdi",
        "mov eax, 5",
        "xor r15d, r15d",
        "syscall",
        "30:",
        "mov r12, rdi",
        // Whoever was to be answered has ended meanwhile: nothing is answered.
        "test rax, rax",
        "jns 32f",
        "xor r12d, r12d",
        "32:",
        "mov r14d, 7",
        "mov rdi, rbp",
        "mov eax, 4",
        "xor r13d, r13d",
        "xor r15d, r15d",
        "syscall",
        "jmp 30b"
    )
}
