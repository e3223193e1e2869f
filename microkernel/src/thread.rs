//! What runs on a CPU: so far the boot thread and one idle thread a CPU, each with a name that faults can print.

use core::fmt;

use crate::percpu::CpuId;

/// A thread's identity.
#[derive(Debug)]
pub(crate) struct Thread {
    name: &'static str,
    cpu: CpuId,
}

impl Thread {
    /// A thread called `name` on `cpu`.
    pub(crate) const fn new(name: &'static str, cpu: CpuId) -> Self {
        Self { name, cpu }
    }
}

impl fmt::Display for Thread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.name, self.cpu.index())
    }
}

/// The thread that boots the system.
pub(crate) static BOOT_THREAD: Thread = Thread::new("boot", CpuId::BOOT);
