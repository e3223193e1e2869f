//! Threads under the names of the paper's Table I.
//!
//! A thread of a program is a thread of the kernel's. `libsys/uthread` has the same table within one of them, where a switch costs no
//! trap.
//!
//! | Table I | here | what |
//! |---|---|---|
//! | `lwkt_alloc`, `lwkt_create` | [`Space::create_thread`], [`Thread::start`] | a thread, which waits to be started |
//! | `lwkt_free` | dropping an [`OwnedThread`](crate::owned::OwnedThread) | gives its handle up |
//! | `lwkt_exit` | [`lwkt_exit`] | ends the calling thread |
//! | `lwkt_yield`, `lwkt_switch` | [`lwkt_yield`] | lets equals and betters run |
//! | `lwkt_block` | [`Port::waitport`](crate::message::Port::waitport) | waits to be told |
//! | `lwkt_signal` | [`Letter::sendmsg`](crate::message::Letter::sendmsg) | tells |
//! | `crit_enter`, `crit_exit` | none | nobody but a better thread interrupts one; what two share has a [`Lock`](crate::Lock) |

pub use anax_sys::object::{Cpu, Space, Thread};

/// Ends the calling thread; 0 is success. What it owns is not dropped.
pub fn lwkt_exit(status: u64) -> ! {
    Thread::exit(status)
}

/// Lets equals and betters run.
pub fn lwkt_yield() {
    // A thread may always do that.
    let _ = Thread::yield_now();
}
