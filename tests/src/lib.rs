//! Tests that need the whole system: they boot the real image and judge what comes out of it.
//!
//! Each module holds tests of one kind and lists them in a constant `TESTS`; `cargo xtask test` runs them, since it
//! builds what they boot. Logic that can be tested without booting is tested next to its source instead.
#![forbid(unsafe_code)]

pub mod bites;
mod boot;
pub mod context;
mod counting;
mod disk_files;
pub mod disk_image;
mod disks;
mod emulator;
mod exec;
mod faults;
mod files;
mod firmware;
mod frames;
pub mod guest;
mod hostile;
mod injected;
pub mod kernel;
mod links;
mod load;
mod long_frames;
mod mishaps;
mod msi;
mod network;
mod new;
pub mod peer;
mod refusal;
mod schedules;
mod shell;
mod storms;
mod streams;
mod swap_command;
mod swaps;
mod system;
mod tiny_guest;
mod uthreads;
mod utilities;
mod wire;

pub use bites::{Bite, Judge, bites};
pub use context::{Artefacts, Context, Effort, Need, SystemTest, Tier};
pub use kernel::{KERNEL_TEST_CPUS, KernelOutcome, KernelTest, kernel_tests};

/// Every system test.
pub fn all() -> impl Iterator<Item = &'static SystemTest> {
    [
        boot::TESTS,
        counting::TESTS,
        disk_files::TESTS,
        disks::TESTS,
        exec::TESTS,
        faults::TESTS,
        files::TESTS,
        firmware::TESTS,
        frames::TESTS,
        hostile::TESTS,
        injected::TESTS,
        links::TESTS,
        load::TESTS,
        long_frames::TESTS,
        mishaps::TESTS,
        msi::TESTS,
        network::TESTS,
        network::changes::TESTS,
        network::clients::TESTS,
        network::disturbed::TESTS,
        network::guests::TESTS,
        network::server_kills::TESTS,
        network::user::TESTS,
        network::web::TESTS,
        network::web_demo::TESTS,
        network::web_disk::TESTS,
        new::TESTS,
        refusal::TESTS,
        schedules::TESTS,
        shell::TESTS,
        storms::TESTS,
        streams::TESTS,
        swap_command::TESTS,
        swaps::TESTS,
        system::TESTS,
        uthreads::TESTS,
        utilities::TESTS,
    ]
    .into_iter()
    .flatten()
}
