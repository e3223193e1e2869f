//! Calls from CPU 0 to CPU 1, which the counting plugin measures: both wait for each other, and what they do meanwhile but sleep counts.

use anax_abi::object::priority;
use anax_sys::object::{Cpu, Machine, Space, Thread};
use anax_sys::{Error, Handle, Target, log};

use crate::bench::{call_reply, echo, report_marked, small_call};
use crate::child;

/// The machine's command of test kernels for a port that a thread of the kernel's serves.
const SERVICE: u32 = 0x8f0;
const OTHER: Cpu = Cpu(1);
const TIMES: u64 = 256;

/// Everything.
pub(crate) fn all() -> Result<(), Error> {
    let page = child::share()?;
    let remote = child::create(page)?;
    let server = child::serve(remote, OTHER, echo, priority::SERVER)?;
    let target = Target::from_handle(server.handle());
    call_reply::<0x20>(target)?;
    report_marked::<0x20>("ipc.call_reply.cross_cpu", 0, TIMES);
    small_call::<0x21>(target)?;
    report_marked::<0x21>("port.user_thread.queued", 0, TIMES);
    // A timer lives where its port does: its calls are served by that CPU's kernel.
    let timer = Space::SELF.create_timer(server, 0)?;
    let cancelled = |_| timer.cancel().map_or(u64::MAX, u64::from);
    crate::bench::best::<0x22>(0, cancelled)?;
    report_marked::<0x22>("port.kernel_served.queued", 0, TIMES);
    small_call::<0x23>(kernel_thread()?)?;
    report_marked::<0x23>("port.kernel_thread.queued", 0, TIMES);
    Space::SELF.destroy(remote.handle())?;
    log!("bench end 0");
    Ok(())
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
