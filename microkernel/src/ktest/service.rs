//! A port that a thread of the kernel's serves, for programs that measure what such a one costs, and work for it and the kernel. Test
//! kernels only.

use core::sync::atomic::{AtomicPtr, Ordering};

use anax_abi::{Error, Rights};
use microkernel_core::runqueue::Priority;

use crate::calls::Served;
use crate::cap;
use crate::lwkt::{self, Start};
use crate::msg::Port;
use crate::msg::table2::{initport, replymsg, waitport};
use crate::percpu::{self, CpuId};

/// The machine's command for it. Word: CPU. Result: a handle to the port; `WouldBlock` while the thread is not there yet.
pub(crate) const COMMAND: u32 = 0x8f0;

static PORT: AtomicPtr<Port> = AtomicPtr::new(core::ptr::null_mut());

pub(crate) fn port(cpu: u64) -> Result<Served, Error> {
    // SAFETY: null, or a port, which lives for ever.
    if let Some(port) = unsafe { PORT.load(Ordering::Acquire).as_ref::<'static>() } {
        return Ok(Served::Handle(cap::capability(port, Rights::ALL)));
    }
    let cpu = CpuId::new(cpu as usize).and_then(percpu::get).ok_or(Error::BadArgument)?;
    lwkt::lwkt_create(cpu, "service", Priority::DAEMON, Start::Now, serve, 0)?;
    Err(Error::WouldBlock)
}

fn serve(_: u64) {
    let Ok(port) = initport(0) else { return };
    // A reference of its own: programs come and go.
    let _alive = cap::capability(port, Rights::NONE);
    // One of it is enough; whoever asks again too early has made another, which ends.
    let unset = core::ptr::null_mut();
    let own = core::ptr::from_ref(port).cast_mut();
    if PORT.compare_exchange(unset, own, Ordering::AcqRel, Ordering::Relaxed).is_err() {
        return;
    }
    while let Ok(request) = waitport(port) {
        work(request.words[0]);
        let _gone = replymsg(request.number, 1, request.words);
    }
}

/// What a server does besides receiving and answering, as much as the message says, so that others queue up meanwhile. It lies with what
/// the counting plugin leaves out.
#[unsafe(link_section = ".text.idle")]
#[inline(never)]
pub(crate) fn work(turns: u64) {
    for turn in 0..turns.min(10_000) {
        core::hint::black_box(turn);
    }
}
