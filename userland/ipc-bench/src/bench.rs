//! The measurements.

use core::arch::asm;
use core::arch::x86_64::_rdtsc;
use core::ptr;
use core::sync::atomic::{AtomicU64, Ordering};

use anax_abi::object::{self, notice, priority};
use anax_sys::object::{Cpu, Line, Machine, Polarity, Region, RegionKind, Space, Thread, Trigger};
use anax_sys::{
    Batch, Beside, Error, Handle, Message, MessageNumber, Port, Received, Target, initmsg, log, trap,
};

use crate::child::{self, CPU, READ_WRITE, Word, get, set};
use crate::{rings, typed, uthreads};

/// How often each thing is done, several times over; the least of the sums counts.
pub(crate) const COUNT: u64 = 256;
pub(crate) const ROUNDS: usize = 4;
const PAGE: u64 = 4096;
/// This thread's priority, and one above it.
pub(crate) const OWN: u64 = priority::SERVER;
const ABOVE: u64 = priority::SERVER + 1;
/// A server's command.
pub(crate) const ECHO: u32 = 0x1000;

/// Everything.
pub(crate) fn all() -> Result<(), Error> {
    let page = child::share()?;
    let remote = child::create(page)?;
    syscalls()?;
    let target = Target::from_handle(child::serve(remote, CPU, echo, OWN)?.handle());
    report_marked::<3>("ipc.call_reply.remote", call_reply::<3>(target)?, COUNT);
    let target = Target::from_handle(child::serve(Space::SELF, CPU, echo, OWN)?.handle());
    report_marked::<4>("ipc.call_reply.local", call_reply::<4>(target)?, COUNT);
    report_marked::<5>("port.user_thread", small_call::<5>(target)?, COUNT);
    report_marked::<6>("port.kernel_served", kernel_served()?, COUNT);
    typed::all(remote)?;
    wakes(remote)?;
    interrupts(remote)?;
    yields(remote)?;
    faults(remote)?;
    threads()?;
    memory()?;
    report_marked::<15>("msg.region_4k", region(remote)?, COUNT);
    rings::all()?;
    uthreads::all()?;
    Space::SELF.destroy(remote.handle())?;
    log!("bench end 0");
    Ok(())
}

/// The line that the build tool looks for.
pub(crate) fn report(name: &str, hundredths: u64) {
    log!("bench {name} {hundredths}");
}

/// The same for what was done `times` times between each two marks `ID`.
pub(crate) fn report_marked<const ID: u16>(name: &str, hundredths: u64, times: u64) {
    log!("bench {name} {hundredths} {ID} {times}");
}

/// A mark that the counting plugin sees (`tools/count-format` has its form), and that does nothing.
#[inline(always)]
pub(crate) fn mark<const ID: u16>() {
    // SAFETY: an instruction without effect.
    unsafe {
        asm!("nop dword ptr [rax + {mark}]", mark = const 0x414e_0000 + ID as u32, options(nomem, nostack, preserves_flags));
    }
}

/// Fails unless what was to be seen was seen.
pub(crate) fn verify(seen: u64, expected: u64) -> Result<(), Error> {
    if seen == expected {
        return Ok(());
    }
    log!("bench failed: {seen} instead of {expected}");
    Err(Error::PeerMisbehaved)
}

#[inline(always)]
pub(crate) fn now() -> u64 {
    // SAFETY: every processor of this architecture has it, and user mode may use it.
    unsafe { _rdtsc() }
}

/// A value that the compiler knows nothing about; costs nothing.
#[inline(always)]
fn opaque(mut value: u64) -> u64 {
    // SAFETY: no instruction.
    unsafe { asm!("/* {} */", inout(reg) value, options(nomem, nostack, preserves_flags)) };
    value
}

/// Instructions of `count` times `work`, between two marks `ID`, and the sum of what it returned.
#[inline(always)]
pub(crate) fn sum<const ID: u16>(count: u64, mut work: impl FnMut(u64) -> u64) -> (u64, u64) {
    mark::<ID>();
    let (mut sum, begin) = (0u64, now());
    for number in 0..opaque(count) {
        sum = sum.wrapping_add(work(number));
    }
    let ticks = now() - begin;
    mark::<ID>();
    (ticks, sum)
}

/// What the loop of [`sum`] costs by itself.
fn empty(count: u64) -> u64 {
    sum::<0>(count, opaque).0
}

/// Hundredths of instructions each: the best of some rounds of `COUNT`, with `expected` as the sum of a round.
#[inline(always)]
pub(crate) fn best<const ID: u16>(expected: u64, mut work: impl FnMut(u64) -> u64) -> Result<u64, Error> {
    let mut least = u64::MAX;
    // The first round is for what happens once only.
    for round in 0..=ROUNDS {
        let (ticks, seen) = sum::<ID>(COUNT, &mut work);
        verify(seen, expected)?;
        if round > 0 {
            least = least.min(ticks);
        }
    }
    Ok(each(least, COUNT))
}

/// Hundredths of instructions each, without the loop's.
fn each(ticks: u64, count: u64) -> u64 {
    ticks.saturating_sub(empty(count)) * 100 / count
}

/// A result, or a sum that no verification takes for right.
#[inline(always)]
fn value(result: Result<u64, Error>) -> u64 {
    result.unwrap_or(u64::MAX / 3)
}

fn syscalls() -> Result<(), Error> {
    log!("bench.loop {}", empty(COUNT) * 100 / COUNT);
    let own = Space::SELF.handle();
    // A call that does nothing returns 0 and leaves the words alone.
    let mut words = [1, 2, 3, 4, 5];
    let null = best::<1>(0, |_| {
        let result;
        // SAFETY: it does nothing.
        (result, words) = unsafe { trap::call(own, object::NULL, words) };
        result.cast_unsigned()
    })?;
    verify(u64::from(words == [1, 2, 3, 4, 5]), 1)?;
    report_marked::<1>("syscall.null", null, COUNT);
    report_marked::<2>("syscall.batch32", batch()?, COUNT * 32);
    Ok(())
}

/// The same call 32 times by one trap: put in the ring, served, taken out.
fn batch() -> Result<u64, Error> {
    const BATCH: u64 = 32;
    /// Within a page.
    #[repr(align(2048))]
    struct Slots([Message; BATCH as usize]);
    let mut slots = Slots([initmsg(u32::MAX, [7; 5]); BATCH as usize]);
    let mut batch = Batch::new(&mut slots.0)?;
    let target = Target::from_handle(Space::SELF.handle());
    let mut once = || -> Result<u64, Error> {
        for number in 0..BATCH {
            batch.push(target, object::NULL, [number])?;
        }
        batch.drain()?;
        let (mut sum, mut results) = (0, 0);
        let (first, rest) = batch.take();
        for part in [first, rest] {
            for message in part {
                results |= message.result;
                sum += message.words[0] + 1;
            }
        }
        Ok(sum + results.cast_unsigned())
    };
    let figure = best::<2>(COUNT * BATCH * (BATCH + 1) / 2, |_| value(once()))?;
    Ok(figure / BATCH)
}

/// Answers with the same words and the first one plus 1 as the result.
pub(crate) extern "C" fn echo(port: u64) -> ! {
    let port = Port::from_handle(Handle::from_word(port));
    let mut next = port.waitport();
    while let Ok(request) = next {
        next = port.replymsg_waitport(request.number, Ok(request.words[0] + 1), request.words);
    }
    Thread::exit(1)
}

pub(crate) fn call_reply<const ID: u16>(server: Target) -> Result<u64, Error> {
    let mut words = [0, 2, 3, 4, 5];
    // Each reply's words are the next request's, the first one replaced by the result.
    let figure = best::<ID>(0, |_| {
        // SAFETY: a server's command. A result that is an error leaves a wrong sum behind.
        let (result, [_, b, c, d, e]) = unsafe { trap::call(server.handle(), ECHO, words) };
        words = [result.cast_unsigned(), b, c, d, e];
        0
    })?;
    verify(u64::from(words == [COUNT * (ROUNDS as u64 + 1), 2, 3, 4, 5]), 1)?;
    Ok(figure)
}

/// The same call as [`kernel_served`]'s, without words to check.
pub(crate) fn small_call<const ID: u16>(server: Target) -> Result<u64, Error> {
    best::<ID>(COUNT, |_| value(server.domsg(ECHO, [0; 5]).map(|answer| answer.result)))
}

fn kernel_served() -> Result<u64, Error> {
    let region = Space::SELF.create_region(PAGE, RegionKind::Pinned)?;
    best::<6>(COUNT * PAGE, |_| value(region.size()))
}

/// Waits for doorbells, and adds up how long each took to arrive.
extern "C" fn waiter(port: u64) -> ! {
    let port = Port::from_handle(Handle::from_word(port));
    while let Ok(told) = port.waitport() {
        let took = now() - get(Word::Told);
        if told.command() == notice::RING {
            set(Word::Took, get(Word::Took) + took);
            set(Word::Done, get(Word::Done) + 1);
        }
    }
    Thread::exit(1)
}

/// From the ring of a doorbell to the first instruction of the more urgent thread in another space that waited for it.
fn wakes(space: Space) -> Result<(), Error> {
    let port = child::serve(space, CPU, waiter, ABOVE)?;
    let memory = Space::SELF.create_region(PAGE, RegionKind::Pinned)?;
    let (bell, other) = Space::SELF.create_channel(memory, PAGE)?;
    other.bind(port, 0)?;
    let mut one_way = u64::MAX;
    let round = best::<7>(0, |_| {
        set(Word::Told, now());
        bell.ring().is_err().into()
    })?;
    verify(get(Word::Done), COUNT * (ROUNDS as u64 + 1))?;
    for _ in 0..ROUNDS {
        set(Word::Took, 0);
        set(Word::Done, 0);
        for _ in 0..COUNT {
            set(Word::Told, now());
            bell.ring()?;
        }
        verify(get(Word::Done), COUNT)?;
        one_way = one_way.min(get(Word::Took));
    }
    report("notify.wake", one_way * 100 / COUNT);
    report_marked::<7>("notify.round_trip", round, COUNT);
    Ok(())
}

extern "C" fn interrupted(port: u64) -> ! {
    let port = Port::from_handle(Handle::from_word(port));
    let mut received = port.waitport();
    while let Ok(told) = received {
        let took = now() - get(Word::Told);
        if told.command() == notice::INTERRUPT {
            set(Word::Took, get(Word::Took).min(took));
            set(Word::Done, get(Word::Done) + 1);
        }
        received = port.replymsg_waitport(told.number, Ok(0), [0; 5]);
    }
    Thread::exit(1)
}

/// From an interrupt of user code to the first instruction of the more urgent thread in another space that waited for it. The
/// source is the timer of every PC, the 8254 (Intel 231164, mode 0): the line rises once, when a count ends. Whoever is interrupted
/// notes the time over and over; the least difference is one without anything between note and interrupt.
fn interrupts(space: Space) -> Result<(), Error> {
    const LINE: Line = Line { number: 2, trigger: Trigger::Edge, polarity: Polarity::High };
    const COUNTER: u16 = 0x40;
    const CONTROL: u16 = 0x43;
    const MODE_0: u8 = 0x30;
    let port = child::serve(space, CPU, interrupted, ABOVE)?;
    let irq = Machine::FIRST.line(LINE, Cpu(0))?;
    irq.bind(port, 0)?;
    irq.enable()?;
    let ports = Machine::FIRST.ports(COUNTER, CONTROL - COUNTER + 1)?;
    set(Word::Took, u64::MAX);
    set(Word::Done, 0);
    for number in 1..=COUNT {
        ports.enable()?;
        out(CONTROL, MODE_0);
        out(COUNTER, 50);
        out(COUNTER, 0);
        // Whoever is interrupted is an ordinary program, not one with ports of its own.
        ports.disable()?;
        let mut patience = 1_000_000;
        while get(Word::Done) < number && patience > 0 {
            set(Word::Told, now());
            patience -= 1;
        }
        verify(get(Word::Done), number)?;
    }
    irq.disable()?;
    report("irq.to_user", get(Word::Took) * 100);
    Ok(())
}

fn out(port: u16, value: u8) {
    // SAFETY: ports of a timer that nobody uses, which the space may use.
    unsafe { asm!("out dx, al", in("dx") port, in("al") value, options(nomem, nostack, preserves_flags)) };
}

extern "C" fn yielder(_: u64) -> ! {
    while get(Word::Stop) == 0 {
        set(Word::Done, get(Word::Done) + 1);
        let _ = Thread::yield_now();
    }
    Thread::exit(0)
}

/// One yield to an equal thread in another space: half of a round.
fn yields(space: Space) -> Result<(), Error> {
    set(Word::Stop, 0);
    let thread = space.create_thread(CPU, OWN, None)?;
    child::start(space, thread, yielder, 0)?;
    Thread::yield_now()?;
    set(Word::Done, 0);
    let round = best::<9>(COUNT, |_| value(Thread::yield_now().map(|()| 1)))?;
    let done = get(Word::Done);
    // Before anything is judged: it would go on for ever.
    set(Word::Stop, 1);
    Thread::yield_now()?;
    verify(done, COUNT * (ROUNDS as u64 + 1))?;
    report_marked::<9>("thread.yield.remote", round / 2, 2 * COUNT);
    Ok(())
}

/// Divides by 0 until somebody changes the divisor.
extern "C" fn faulter(_: u64) -> ! {
    while get(Word::Stop) == 0 {
        let divisor = child::shared(Word::Divisor).as_ptr();
        let quotient: u64;
        // SAFETY: a division, of which nothing is used but the quotient; it may fault, and is then done again.
        unsafe {
            asm!("div qword ptr [{}]", in(reg) divisor, inlateout("rax") 8u64 => quotient, inlateout("rdx") 0u64 => _);
        }
        set(Word::Done, get(Word::Done) + quotient);
        set(Word::Divisor, 0);
    }
    Thread::exit(0)
}

/// A fault in another space, told to a supervisor here, who changes what it was about and lets the thread go on.
fn faults(space: Space) -> Result<(), Error> {
    for word in [Word::Stop, Word::Done, Word::Divisor] {
        set(word, 0);
    }
    let port = Port::initport(Thread::SELF, 4)?;
    let thread = space.create_thread(CPU, OWN, Some(port))?;
    child::start(space, thread, faulter, 0)?;
    let mut told: Result<Received, Error> = port.waitport();
    let mut settle = || {
        let Ok(fault) = &told else { return u64::MAX / 3 };
        let (number, command): (MessageNumber, u32) = (fault.number, fault.command());
        set(Word::Divisor, 1);
        told = port.replymsg_waitport(number, Ok(0), [0; 5]);
        (command == notice::FAULT).into()
    };
    let round = best::<8>(COUNT, |_| settle())?;
    verify(get(Word::Done), 8 * COUNT * (ROUNDS as u64 + 1))?;
    report_marked::<8>("fault.round_trip", round, COUNT);
    set(Word::Stop, 1);
    let _last = settle();
    Space::SELF.destroy(port.handle())
}

extern "C" fn short_lived(_: u64) -> ! {
    set(Word::Done, get(Word::Done) + 1);
    Thread::exit(0)
}

/// Creates a more urgent thread of this space, starts it on a stack that is there, and gives up its handle; it ends at once.
fn threads() -> Result<(), Error> {
    set(Word::Done, 0);
    let stack = child::stack(Space::SELF)?;
    let once = || {
        let thread = Space::SELF.create_thread(CPU, ABOVE, None)?;
        // SAFETY: a function of the C convention that does not return; the thread before has ended and left the stack.
        unsafe { thread.start(short_lived as *const () as u64, stack, 0)? };
        Space::SELF.close(thread.handle())?;
        Ok(1)
    };
    let figure = best::<10>(COUNT, |_| value(once()))?;
    verify(get(Word::Done), COUNT * (ROUNDS as u64 + 1))?;
    report_marked::<10>("thread.create_exit", figure, COUNT);
    Ok(())
}

/// A word of memory that was mapped at that address.
fn word(address: u64) -> &'static AtomicU64 {
    // SAFETY: `memory` asks for pages that it has mapped, and lets go of the word before it unmaps them.
    unsafe { &*ptr::with_exposed_provenance(address as usize) }
}

/// Maps single pages of a region whose memory is there; touches pages whose memory is not.
fn memory() -> Result<(), Error> {
    const PAGES: u64 = 64;
    const AT: u64 = 0x6000_0000;
    let whole = PAGES * PAGE;
    let region = Space::SELF.create_region(whole, RegionKind::Pinned)?;
    let all = Space::SELF.map(region, 0, whole, READ_WRITE)?;
    for page in 0..PAGES {
        word(all + page * PAGE).store(page + 77, Ordering::Relaxed);
    }
    let (mut map, mut unmap, mut fault) = (u64::MAX, u64::MAX, u64::MAX);
    for _ in 0..=ROUNDS {
        let (ticks, sum_of_addresses) = sum::<11>(PAGES, |page| {
            // SAFETY: nothing is there.
            value(unsafe { Space::SELF.map_at(AT + page * PAGE, region, page * PAGE, PAGE, READ_WRITE) })
        });
        verify(sum_of_addresses, PAGES * AT + PAGE * PAGES * (PAGES - 1) / 2)?;
        map = map.min(ticks);
        for page in 0..PAGES {
            verify(word(AT + page * PAGE).load(Ordering::Relaxed), page + 77)?;
        }
        let (ticks, errors) = sum::<12>(PAGES, |page| {
            // SAFETY: mapped above, for this.
            u64::from(unsafe { Space::SELF.unmap(AT + page * PAGE, PAGE) }.is_err())
        });
        verify(errors, 0)?;
        unmap = unmap.min(ticks);

        let lazy = Space::SELF.create_region(whole, RegionKind::Lazy)?;
        let at = Space::SELF.map(lazy, 0, whole, READ_WRITE)?;
        // Each is zero before, and 1 behind.
        let (ticks, before) = sum::<13>(PAGES, |page| word(at + page * PAGE).fetch_add(1, Ordering::Relaxed));
        let (_, behind) = sum::<0>(PAGES, |page| word(at + page * PAGE).load(Ordering::Relaxed));
        verify(before, 0)?;
        verify(behind, PAGES)?;
        fault = fault.min(ticks);
        // SAFETY: mapped above, for this.
        unsafe { Space::SELF.unmap(at, whole)? };
        Space::SELF.close(lazy.handle())?;
    }
    report_marked::<11>("vm.map_page", each(map, PAGES), PAGES);
    report_marked::<12>("vm.unmap_page", each(unmap, PAGES), PAGES);
    report_marked::<13>("vm.fault_page", each(fault, PAGES), PAGES);
    // SAFETY: as above.
    unsafe { Space::SELF.unmap(all, whole) }
}

/// Sends the handle that came with each request back with the reply.
extern "C" fn hand_back(port: u64) -> ! {
    let port = Port::from_handle(Handle::from_word(port));
    let mut next = port.waitport();
    while let Ok(request) = next {
        let Ok(handle) = request.came.one() else { break };
        next = port.replymsg_waitport_with(request.number, Ok(1), [0; 5], Beside::given(handle));
    }
    Thread::exit(1)
}

/// A region of 4 KiB is given away to another space with a request, and comes back with the reply; nothing is copied.
fn region(space: Space) -> Result<u64, Error> {
    const PATTERN: u64 = 0x0123_4567_89ab_cdef;
    let port = Target::from_handle(child::serve(space, CPU, hand_back, OWN)?.handle());
    let region = Space::SELF.create_region(PAGE, RegionKind::Pinned)?;
    let at = Space::SELF.map(region, 0, PAGE, READ_WRITE)?;
    (0..PAGE).step_by(8).for_each(|offset| word(at + offset).store(PATTERN ^ offset, Ordering::Relaxed));
    // SAFETY: mapped above.
    unsafe { Space::SELF.unmap(at, PAGE)? };
    let slots = COUNT as u32;
    let message = initmsg(ECHO, [1, 2, 3, 4, 5]);
    let mut handle = region.handle();
    let mut once = || {
        let (answer, came) = port.domsg_with(&message, Beside::given(handle))?;
        handle = came.one()?;
        Ok(answer.result + u64::from(came.count()))
    };
    let mut least = u64::MAX;
    for _ in 0..=ROUNDS {
        Space::SELF.post_slots(slots)?;
        space.post_slots(slots)?;
        let (ticks, seen) = sum::<15>(COUNT, |_| value(once()));
        verify(seen, 2 * COUNT)?;
        least = least.min(ticks);
    }
    let region = Region::from_handle(handle);
    verify(region.size()?, PAGE)?;
    let at = Space::SELF.map(region, 0, PAGE, READ_WRITE)?;
    for offset in (0..PAGE).step_by(8) {
        verify(word(at + offset).load(Ordering::Relaxed), PATTERN ^ offset)?;
    }
    Ok(each(least, COUNT))
}
