//! QEMU without the build tool's machinery, for guests that speak no control line.

use std::process::{Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};

/// QEMU with nothing but a processor, memory and the debug exit.
pub(crate) fn command() -> Command {
    let mut command = Command::new("qemu-system-x86_64");
    command.args(["-accel", "tcg", "-cpu", "max", "-nodefaults", "-display", "none", "-no-reboot"]);
    command.args(["-device", "isa-debug-exit,iobase=0xf4,iosize=4"]);
    command.stdin(Stdio::null());
    command
}

/// Runs it to its end; one that does not end in time is killed, and an error.
pub(crate) fn run(mut command: Command, limit: Duration) -> anyhow::Result<ExitStatus> {
    let mut child = command.spawn().context("qemu-system-x86_64")?;
    let deadline = Instant::now() + limit;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        if Instant::now() > deadline {
            child.kill()?;
            child.wait()?;
            bail!("the guest did not end within {} s", limit.as_secs());
        }
        thread::sleep(Duration::from_millis(10));
    }
}
