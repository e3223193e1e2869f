//! Stub.
use std::path::{Path, PathBuf};
use std::process::Command;
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum KernelVariant {
    Plain,
    Test,
}
pub(crate) fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}
pub(crate) fn cargo_program() -> std::ffi::OsString {
    std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}
pub(crate) fn host_command(sub: &str) -> Command {
    let mut c = Command::new(cargo_program());
    c.current_dir(root()).args([sub, "--locked"]);
    c
}
pub(crate) fn kernel_command(sub: &str, variant: KernelVariant) -> Command {
    let mut c = host_command(sub);
    c.args(["-p", "microkernel", "--target", "x86_64-unknown-linux-gnu", "--target-dir", "target/kernel"]);
    if variant == KernelVariant::Test {
        c.args(["--features", "test"]);
    }
    c
}
pub(crate) fn kernel(_: KernelVariant) -> anyhow::Result<PathBuf> {
    Ok(root().join("target/kernel/x86_64-unknown-linux-gnu/release/microkernel"))
}
pub(crate) fn artefacts(_: KernelVariant, _bite: Option<&str>) -> anyhow::Result<system_tests::Artefacts> {
    anyhow::bail!("stub")
}
