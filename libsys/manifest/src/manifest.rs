//! One program's manifest, and what holds where it says nothing.

use alloc::{string::String, vec::Vec};

use anax_abi::object::priority;
use serde::{Deserialize, Serialize};

use crate::word::words;
use crate::{Capability, DeviceMatch, Layer};

/// Bytes of a page.
pub const PAGE: u32 = 4096;

words! {
    /// When a program is started.
    pub enum Start {
        /// With the system, when those run whose services it needs.
        Boot = "boot",
        /// When somebody starts it, or the device manager finds its device.
        Demand = "demand",
    }
}

words! {
    /// After which ends a program is started again.
    pub enum RestartPolicy {
        /// Any.
        Always = "always",
        /// A fault, a panic, a hang, or an exit status that is not 0.
        OnFailure = "on-failure",
        /// None.
        Never = "never",
    }
}

/// Where a program's first thread runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Cpu {
    /// Where whoever starts it finds room.
    Any,
    /// On this one; on any, if the machine has fewer.
    Number(u32),
}

/// What a program may use at most, as its space is made with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quota {
    /// Pages of memory.
    pub pages: u32,
    /// Slots for handles.
    pub handles: u32,
    /// Threads.
    pub threads: u32,
    /// Messages under way.
    pub messages: u32,
}

/// How a program that ended is started again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restart {
    /// After which ends.
    pub policy: RestartPolicy,
    /// How many restarts within [`within_ms`](Self::within_ms) are made before it is given up.
    pub limit: u32,
    /// Milliseconds over which restarts are counted.
    pub within_ms: u32,
    /// Milliseconds before the first restart; each further one within the time waits twice as long.
    pub first_delay_ms: u32,
    /// Milliseconds that no restart waits longer than.
    pub longest_delay_ms: u32,
}

/// What a program says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The binary's name; it lies in the boot archive as `bin/NAME`.
    pub name: String,
    /// Where it stands.
    pub layer: Layer,
    /// When it is started.
    pub start: Start,
    /// Names of the services that it registers.
    pub provides: Vec<String>,
    /// Names of the services that it waits for.
    pub needs: Vec<String>,
    /// What it is given beside what everybody has.
    pub capabilities: Vec<Capability>,
    /// The priority of its first thread, as the kernel counts them (`anax_abi::object::priority`).
    pub priority: u8,
    /// Where its first thread runs.
    pub cpu: Cpu,
    /// What it may use.
    pub quota: Quota,
    /// Bytes of its first thread's stack, whole pages.
    pub stack: u32,
    /// What happens when it has ended.
    pub restart: Restart,
    /// Milliseconds without progress, though work is pending, after which it counts as hung; 0: nobody watches.
    pub hang_ms: u32,
    /// The devices that it drives.
    pub devices: Vec<DeviceMatch>,
}

impl Manifest {
    /// The names that stand for priorities.
    pub const PRIORITIES: &[(&str, u8)] = &[
        ("idle", priority::IDLE as u8),
        ("user", priority::USER as u8),
        ("server", priority::SERVER as u8),
        ("driver", priority::DRIVER as u8),
        ("interrupt", priority::INTERRUPT as u8),
    ];

    /// A program that says nothing but where it stands.
    #[must_use]
    pub fn new(name: &str, layer: Layer) -> Self {
        let urgency = match layer {
            Layer::Driver => priority::DRIVER,
            Layer::Application => priority::USER,
            _ => priority::SERVER,
        };
        // An application's end is its user's business; everything below is kept alive.
        let policy = if layer == Layer::Application { RestartPolicy::Never } else { RestartPolicy::Always };
        Self {
            name: name.into(),
            layer,
            start: Start::Demand,
            provides: Vec::new(),
            needs: Vec::new(),
            capabilities: Vec::new(),
            priority: urgency as u8,
            cpu: Cpu::Any,
            quota: Quota { pages: 4096, handles: 64, threads: 4, messages: 64 },
            stack: 16 * PAGE,
            restart: Restart {
                policy,
                limit: 5,
                within_ms: 10_000,
                first_delay_ms: 10,
                longest_delay_ms: 1_000,
            },
            hang_ms: if layer == Layer::Application { 0 } else { 500 },
            devices: Vec::new(),
        }
    }
}
