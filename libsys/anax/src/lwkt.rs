//! The paper's Table I, threads, in its Rust form.
//!
//! | in the paper | here |
//! |---|---|
//! | `lwkt_alloc_thread`, `lwkt_init_thread`, `lwkt_create` | [`Space::create_thread`], then [`Thread::start`] |
//! | `lwkt_exit` | [`Thread::exit`] |
//! | `lwkt_switch`, `lwkt_yield` | [`Thread::yield_now`]: which thread comes next is the kernel's to say |
//! | `lwkt_setpri` | [`Thread::set_priority`] |
//! | `lwkt_schedule`, `lwkt_deschedule`, `lwkt_block`, `lwkt_signal` | a message to the thread's port wakes it, waiting for one blocks it |
//! | `lwkt_migrate` | [`Thread::move_to`] |
//! | `crit_enter`, `crit_exit` | none: a program shares nothing with what could interrupt it |
//!
//! Threads that are switched without the kernel are another crate's, `anax-uthread`.

pub use anax_sys::object::{Cpu, Space, Thread};
