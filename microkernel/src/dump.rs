//! What every thread does and waits for, in words: on request, and when the kernel panics.
//!
//! Threads of other CPUs are read as they stand at the moment; a line may be torn between two states, which is worth more than no line.

use core::fmt::{self, Write};

use crate::lwkt::{self, Thread, ThreadState, Wait};
use crate::mm::frames;

/// Writes one line a thread that has not ended.
pub(crate) fn write(to: &mut dyn Write) -> fmt::Result {
    lwkt::threads()
        .filter(|thread| thread.state.get() != ThreadState::Dead)
        .try_for_each(|thread| line(to, thread))
}

/// The same to the log, and before them how much memory is free; how many threads.
pub(crate) fn log() -> u64 {
    let (total, free) = frames::usage();
    log::info!("memory: {} KiB free of {} KiB", free >> 10, total >> 10);
    let threads = lwkt::threads().filter(|thread| thread.state.get() != ThreadState::Dead);
    threads.fold(0, |count, thread| {
        let mut text = arrayvec::ArrayString::<200>::new();
        let _cut_short = line(&mut text, thread);
        log::info!("{}", text.trim_end());
        count + 1
    })
}

fn line(to: &mut dyn Write, thread: &Thread) -> fmt::Result {
    let (state, priority) = (thread.state.get(), thread.priority.get().level());
    write!(to, "  {thread}: {state:?}, priority {priority}")?;
    match thread.wait.get() {
        _ if state != ThreadState::Blocked => {}
        Wait::Call(message) => write!(to, ", {message}")?,
        Wait::Receive(port) => write!(to, ", receives at {port}")?,
        Wait::Sleep => to.write_str(", sleeps")?,
        Wait::Kernel => to.write_str(", waits for another CPU's kernel")?,
        Wait::None => {}
    }
    if let Some(port) = thread.ports.get() {
        write!(to, ", owns {port}")?;
    }
    to.write_str("\n")
}
