//! Threads under the names of the paper's Table I.
//!
//! A thread of a program is a thread of the kernel's. `libsys/uthread` has the same table within one of them, where a switch costs no
//! trap.
//!
//! | Table I | here | what |
//! |---|---|---|
//! | `lwkt_alloc` | [`lwkt_alloc`] | a thread that owns a port, and waits to be started |
//! | `lwkt_create` | [`lwkt_create`] | a thread that owns a port and runs |
//! | `lwkt_free` | dropping an [`OwnedThread`](crate::owned::OwnedThread) | gives its handle up |
//! | `lwkt_exit` | [`lwkt_exit`] | ends the calling thread |
//! | `lwkt_yield`, `lwkt_switch` | [`lwkt_yield`] | lets equals and betters run |
//! | `lwkt_block` | [`Port::waitport`](crate::message::Port::waitport) | waits to be told |
//! | `lwkt_signal` | [`Letter::sendmsg`](crate::message::Letter::sendmsg) | tells |
//! | `crit_enter`, `crit_exit` | none | nobody but a better thread interrupts one; what two share has a [`Lock`](crate::Lock) |

use alloc::boxed::Box;
use alloc::vec::Vec;

use anax_sys::object::RegionKind;
use anax_sys::{Error, Port, Rights};

pub use anax_sys::object::{Cpu, Space, Thread};

/// Bytes of a thread's stack.
const STACK: u64 = 64 * 1024;

/// A second thread, of that priority and on the calling one's CPU, which owns a port with room for so many messages under way. It runs `body` with that
/// port, and ends when this returns. The port, for others to send to.
///
/// # Errors
/// `Quota`, `NoMemory`, `BadArgument`.
pub fn lwkt_create(priority: u64, replies: u32, body: fn(Port)) -> Result<Port, Error> {
    let cpu = Cpu(Thread::SELF.inspect()?.words[0] as u32);
    let thread = lwkt_alloc(cpu, priority, replies, STACK)?;
    let port = thread.port();
    thread.start(body)?;
    Ok(port)
}

/// A thread that has a port and a stack of so many bytes, and waits to be [started](Prepared::start): as one of several that are to know each other's ports.
///
/// # Errors
/// `Quota`, `NoMemory`; `BadArgument` also for a CPU that there is not.
pub fn lwkt_alloc(cpu: Cpu, priority: u64, replies: u32, stack: u64) -> Result<Prepared, Error> {
    prepare(Space::SELF.create_thread(cpu, priority, None)?, replies, stack)
}

/// The same on each CPU but the calling thread's, `most` of them at most. How many messages each can have under way is said when it is known how many threads there are.
///
/// # Errors
/// `Quota`, `NoMemory`.
pub fn lwkt_alloc_others(
    priority: u64,
    most: usize,
    replies: impl FnOnce(usize) -> u32,
    stack: u64,
) -> Result<Vec<Prepared>, Error> {
    let own = Thread::SELF.inspect()?.words[0];
    let mut threads = Vec::new();
    for cpu in (0..).filter(|cpu| u64::from(*cpu) != own) {
        if threads.len() == most {
            break;
        }
        match Space::SELF.create_thread(Cpu(cpu), priority, None) {
            Ok(thread) => threads.push(thread),
            // There is no such CPU.
            Err(Error::BadArgument) => break,
            Err(error) => return Err(error),
        }
    }
    let replies = replies(threads.len());
    threads.into_iter().map(|thread| prepare(thread, replies, stack)).collect()
}

/// A thread's port and stack.
fn prepare(thread: Thread, replies: u32, stack: u64) -> Result<Prepared, Error> {
    let port = Space::SELF.create_port(thread, replies)?;
    let region = Space::SELF.create_region(stack, RegionKind::Lazy)?;
    let bottom = Space::SELF.map(region, 0, stack, Rights::READ.with(Rights::WRITE))?;
    Space::SELF.close(region.handle())?;
    Ok(Prepared { thread, port, stack: bottom + stack })
}

/// A thread that was not started yet. One that is dropped stays so for as long as the program runs.
#[derive(Debug)]
pub struct Prepared {
    thread: Thread,
    port: Port,
    /// The stack's end.
    stack: u64,
}

/// What a thread begins with.
type Begin = (Box<dyn FnOnce(Port) + Send>, Port);

impl Prepared {
    /// Its port, for others to send to.
    #[must_use]
    pub const fn port(&self) -> Port {
        self.port
    }

    /// Starts it: it runs `body` with its port, and ends when this returns.
    ///
    /// # Errors
    /// None beside the usual.
    pub fn start(self, body: impl FnOnce(Port) + Send + 'static) -> Result<(), Error> {
        extern "C" fn enter(begin: u64) -> ! {
            // SAFETY: from the call below, and this thread's alone.
            let begin = unsafe { Box::from_raw(begin as usize as *mut Begin) };
            let (body, port) = *begin;
            body(port);
            Thread::exit(0)
        }
        let begin: Begin = (Box::new(body), self.port);
        let begin = Box::into_raw(Box::new(begin));
        // SAFETY: a function that never returns, on a stack that was mapped for it just now, aligned as if it had been called.
        unsafe { self.thread.start(enter as *const () as u64, self.stack - 8, begin as u64) }
    }
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
