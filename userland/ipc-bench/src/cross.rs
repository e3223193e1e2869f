//! Calls from CPU 0 to CPU 1, which the counting plugin measures: both wait for each other, and what they do meanwhile but sleep counts.

use anax_abi::object::{TimerCommand, priority};
use anax_sys::object::{Cpu, Machine, Space, Thread};
use anax_sys::{Error, Handle, Port, Target, initmsg, log};

use crate::bench::{ECHO, call_reply, echo, mark, report_marked, small_call, verify};
use crate::child;

/// The machine's command of test kernels for a port that a thread of the kernel's serves.
const SERVICE: u32 = 0x8f0;
const OTHER: Cpu = Cpu(1);
const TIMES: u64 = 256;
/// Threads that call at the same time, and what each calls in a round.
const CALLERS: u64 = 8;
const CALLS: u64 = 256;
const ROUNDS: usize = 5;
/// Turns of a loop that the kernel and its thread spend on each call of the crowd's, so that others queue up meanwhile: not counted.
const WORK: u64 = 500;

/// Everything.
pub(crate) fn all() -> Result<(), Error> {
    let page = child::share()?;
    let remote = child::create(page)?;
    let server = child::serve(remote, OTHER, echo, priority::SERVER)?;
    let target = Target::from_handle(server.handle());
    call_reply::<0x20>(target)?;
    report_marked::<0x20>("ipc.call_reply.cross_cpu", 0, TIMES);
    small_call::<0x21>(target)?;
    report_marked::<0x21>("port.user_thread.alone", 0, TIMES);
    // A timer lives where its port does: its calls are served by that CPU's kernel.
    let timer = Space::SELF.create_timer(server, 0)?;
    let cancelled = |_| timer.cancel().map_or(u64::MAX, u64::from);
    crate::bench::best::<0x22>(0, cancelled)?;
    report_marked::<0x22>("port.kernel_served.alone", 0, TIMES);
    let service = kernel_thread()?;
    small_call::<0x23>(service)?;
    report_marked::<0x23>("port.kernel_thread.alone", 0, TIMES);
    let crowd = Crowd::gather()?;
    let cancel = TimerCommand::Cancel as u32;
    let timer = Target::from_handle(timer.handle());
    crowd.call::<0x24>("port.kernel_served.queued", timer, (cancel, WORK), 0)?;
    crowd.call::<0x25>("port.kernel_thread.queued", service, (ECHO, WORK), 1)?;
    crowd.call::<0x26>("port.user_thread.queued", target, (ECHO, 0), 1)?;
    Space::SELF.destroy(remote.handle())?;
    log!("bench end 0");
    Ok(())
}

/// Threads of this CPU that call the same port all at once, so that their messages queue up there.
struct Crowd {
    callers: [Target; CALLERS as usize],
    replies: Port,
}

impl Crowd {
    fn gather() -> Result<Self, Error> {
        let mut callers = [Target::from_handle(Handle::from_word(0)); CALLERS as usize];
        for place in &mut callers {
            let port = child::serve(Space::SELF, child::CPU, caller, priority::SERVER)?;
            *place = Target::from_handle(port.handle());
        }
        Ok(Self { callers, replies: Port::initport(Thread::SELF, CALLERS as u32)? })
    }

    /// Has everybody make his calls at the same time, each of which returns `result`.
    fn call<const ID: u16>(
        &self,
        name: &str,
        server: Target,
        (command, work): (u32, u64),
        result: u64,
    ) -> Result<(), Error> {
        let request = initmsg(ECHO, [server.handle().to_word(), command.into(), CALLS, work, 0]);
        for _ in 0..ROUNDS {
            mark::<ID>();
            for caller in self.callers {
                caller.beginmsg(&request, self.replies)?;
            }
            let mut sum = 0;
            for _ in self.callers {
                sum += self.replies.waitport()?.result;
            }
            mark::<ID>();
            verify(sum.cast_unsigned(), CALLERS * CALLS * result)?;
        }
        report_marked::<ID>(name, 0, CALLERS * CALLS);
        Ok(())
    }
}

/// One of the crowd. It answers with the sum of what its calls returned.
extern "C" fn caller(port: u64) -> ! {
    let port = Port::from_handle(Handle::from_word(port));
    let mut next = port.waitport();
    while let Ok(request) = next {
        let [server, command, calls, work, _] = request.words;
        let server = Target::from_handle(Handle::from_word(server));
        let call = |_| server.domsg(command as u32, [work, 0, 0, 0, 0]).map(|answer| answer.result);
        let sum = (0..calls).map(call).sum::<Result<u64, Error>>();
        next = port.replymsg_waitport(request.number, sum, request.words);
    }
    Thread::exit(1)
}

fn kernel_thread() -> Result<Target, Error> {
    let machine = Target::from_handle(Machine::FIRST.handle());
    loop {
        match machine.domsg(SERVICE, [OTHER.0.into(), 0, 0, 0, 0]) {
            Ok(answer) => return Ok(Target::from_handle(Handle::from_word(answer.result))),
            Err(Error::WouldBlock) => Thread::yield_now()?,
            Err(error) => return Err(error),
        }
    }
}
