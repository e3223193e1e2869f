//! Threads under the names of the paper's Table I.
//!
//! A thread of a program is a thread of the kernel's. `libsys/uthread` has the same table within one of them, where a switch costs no
//! trap.
//!
//! | Table I | here | what |
//! |---|---|---|
//! | `lwkt_alloc` | [`Space::create_thread`], [`Thread::start`] | a thread, which waits to be started |
//! | `lwkt_create` | [`lwkt_create`] | a thread that owns a port and runs |
//! | `lwkt_free` | dropping an [`OwnedThread`](crate::owned::OwnedThread) | gives its handle up |
//! | `lwkt_exit` | [`lwkt_exit`] | ends the calling thread |
//! | `lwkt_yield`, `lwkt_switch` | [`lwkt_yield`] | lets equals and betters run |
//! | `lwkt_block` | [`Port::waitport`](crate::message::Port::waitport) | waits to be told |
//! | `lwkt_signal` | [`Letter::sendmsg`](crate::message::Letter::sendmsg) | tells |
//! | `crit_enter`, `crit_exit` | none | nobody but a better thread interrupts one; what two share has a [`Lock`](crate::Lock) |

use anax_sys::object::RegionKind;
use anax_sys::{Error, Handle, Port, Rights};

pub use anax_sys::object::{Cpu, Space, Thread};

/// Bytes of a thread's stack.
const STACK: u64 = 64 * 1024;

/// A second thread, of that priority and on the calling one's CPU, which owns a port with room for so many messages under way. It runs `body` with that
/// port, and ends when this returns. The port, for others to send to.
///
/// # Errors
/// `Quota`, `NoMemory`, `BadArgument`.
pub fn lwkt_create(priority: u64, replies: u32, body: fn(Port)) -> Result<Port, Error> {
    extern "C" fn enter(begin: u64) -> ! {
        // SAFETY: from the call below, and this thread's alone.
        let begin = unsafe { alloc::boxed::Box::from_raw(begin as usize as *mut (fn(Port), Handle)) };
        let (body, port) = *begin;
        body(Port::from_handle(port));
        Thread::exit(0)
    }
    let cpu = Cpu(Thread::SELF.inspect()?.words[0] as u32);
    let stack = Space::SELF.create_region(STACK, RegionKind::Lazy)?;
    let bottom = Space::SELF.map(stack, 0, STACK, Rights::READ.with(Rights::WRITE))?;
    Space::SELF.close(stack.handle())?;
    let thread = Space::SELF.create_thread(cpu, priority, None)?;
    let port = Space::SELF.create_port(thread, replies)?;
    let begin = alloc::boxed::Box::into_raw(alloc::boxed::Box::new((body, port.handle())));
    // SAFETY: a function that never returns, on a stack that was mapped for it just now, aligned as if it had been called.
    unsafe { thread.start(enter as *const () as u64, bottom + STACK - 8, begin as u64)? };
    Ok(port)
}

/// Ends the calling thread; 0 is success. What it owns is not dropped.
pub fn lwkt_exit(status: u64) -> ! {
    crate::printing::flush();
    Thread::exit(status)
}

/// Lets equals and betters run.
pub fn lwkt_yield() {
    // A thread may always do that.
    let _ = Thread::yield_now();
}
