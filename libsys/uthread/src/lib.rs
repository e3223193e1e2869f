//! Threads scheduled in user-land: the paper's Table I within one thread of the kernel's.
//!
//! A program that serves many needs many threads of control, and few of the kernel's. Here a thread of the kernel's becomes a *virtual CPU*
//! that runs as many threads as it has stacks: they are created, switched, blocked and woken without a trap, by the queues and rules
//! that the kernel itself schedules by (`anax-lwkt`). The kernel is entered only when none of them can run.
//!
//! ```text
//!    other kernel threads                one kernel thread: the virtual CPU
//!   ┌─────────────────────┐   inbox    ┌───────────────────────────────────────┐
//!   │ Signals::lwkt_signal│ ─────────▶ │ run queue · wait queues · threads     │
//!   └─────────────────────┘  (bell if  │            │ nobody can run           │
//!                             asleep)  │            ▼                          │
//!                                      │ idle hook: waitport, the one trap     │
//!                                      └───────────────────────────────────────┘
//! ```
//!
//! | module | about |
//! |---|---|
//! | `memory` | what a virtual CPU is made of, as a static |
//! | `cpu` | the virtual CPU; threads made and ended |
//! | `schedule` | who runs: switch, yield, critical sections, the idle hook |
//! | `wait` | block and signal |
//! | `inbox` | signals from other threads of the kernel's |
//! | `kernel` | what of it is Anax's alone: guard pages, the bell, messages whose reply is waited for here |
//! | `stack`, `arch` | stacks, and leaving one for another |
#![no_std]

mod arch;
mod cpu;
mod error;
mod inbox;
mod kernel;
mod memory;
mod schedule;
mod stack;
mod thread;
mod wait;

pub use anax_lwkt::crossbar::Notify;
pub use anax_lwkt::runqueue::Priority;
pub use anax_lwkt::waitqueue::WaitGeneration;
pub use cpu::VirtualCpu;
pub use error::Error;
pub use inbox::{Arrivals, Inbox, Signals};
pub use kernel::Waker;
pub use memory::Memory;
pub use schedule::{Ended, Idle};
pub use stack::{StackPool, Stacks};
pub use thread::ThreadId;
pub use wait::QueueIndex;
