//! Interrupts by MSI, from a real device of the emulator's: `userland/edu`.

use std::ffi::OsString;
use std::time::Duration;

use anax_vm::Spec;
use anyhow::ensure;

use crate::context::{Context, SystemTest, Tier};
use crate::guest;

/// The tests of this module.
pub(crate) const TESTS: &[SystemTest] = &[SystemTest {
    name: "msi.each-comes-once",
    tier: Tier::Quick,
    needs: &[],
    processors: 2,
    estimate: Duration::from_secs(3),
    run: each_comes_once,
}];

fn each_comes_once(context: &Context<'_>) -> anyhow::Result<()> {
    for cpus in [1, 2] {
        let extra = ["-device", "edu"].map(OsString::from).to_vec();
        let spec = Spec { cpus, memory_mib: 256, extra, ..guest::spec(context, &format!("cpus-{cpus}")) };
        let seen = guest::run(&spec, "program edu")?;
        seen.expect_success("")?;
        ensure!(seen.console().contains("edu: verified"), "the program did not say that all was verified");
    }
    Ok(())
}
