//! The emulator's process, which never outlives the tool.
//!
//! `setpriv --pdeathsig KILL` (util-linux, part of every Debian) makes the kernel end the emulator when the
//! thread that started it ends, even if the tool itself is killed without a chance to clean up. The thread
//! must therefore live as long as the emulator: it waits for it.

use std::fs::File;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;

use anyhow::{Context, anyhow};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};

/// A running emulator. Dropping it kills it.
pub(crate) struct Child {
    /// `None` once it has been waited for, so that no later owner of the number is ever hit.
    pid: Arc<Mutex<Option<Pid>>>,
    keeper: Option<thread::JoinHandle<()>>,
}

impl Child {
    /// Starts `command` without standard input, its own messages going to the file `log`, and calls `ended`
    /// with its exit status (`None` after a signal) from another thread when it is over.
    pub(crate) fn start(
        command: &Command,
        log: &Path,
        ended: impl FnOnce(Option<i32>) + Send + 'static,
    ) -> anyhow::Result<Self> {
        let log = File::create(log).with_context(|| format!("cannot write {}", log.display()))?;
        let mut guarded = Command::new("setpriv");
        guarded.args(["--pdeathsig", "KILL"]).arg(command.get_program()).args(command.get_args());
        // A group of its own: a Ctrl-C meant for a debugger in this terminal does not end the guest.
        guarded.process_group(0).stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        if let Some(folder) = command.get_current_dir() {
            guarded.current_dir(folder);
        }

        let pid = Arc::new(Mutex::new(None));
        let shared = Arc::clone(&pid);
        let (started, start) = mpsc::channel();
        let keeper = thread::spawn(move || {
            let mut child = match guarded.spawn() {
                Ok(child) => child,
                Err(error) => {
                    let _ = started.send(Err(error));
                    return;
                }
            };
            let id = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
            *lock(&shared) = id;
            let _ = started.send(Ok(()));
            if let Some(id) = id {
                // Waits without reaping: until `pid` is cleared below, the number stays this process's own.
                let _ = waitid(WaitId::Pid(id), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT);
            }
            let mut pid = lock(&shared);
            let status = child.wait();
            *pid = None;
            drop(pid);
            ended(status.ok().and_then(|status| status.code()));
        });
        start
            .recv()
            .map_err(|_| anyhow!("the thread that starts the emulator died"))?
            .context("cannot run setpriv (package util-linux)")?;
        Ok(Self { pid, keeper: Some(keeper) })
    }

    /// Its process number, while it runs.
    #[cfg(test)]
    pub(crate) fn id(&self) -> Option<i32> {
        lock(&self.pid).map(|pid| pid.as_raw_nonzero().get())
    }

    /// Ends it now, if it has not ended.
    pub(crate) fn kill(&self) {
        if let Some(pid) = *lock(&self.pid) {
            // Fails only if it has just ended.
            let _ = kill_process(pid, Signal::KILL);
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.kill();
        if let Some(keeper) = self.keeper.take() {
            let _ = keeper.join();
        }
    }
}

/// Locks, whatever became of the last holder: the value is a plain number, always whole.
fn lock(pid: &Mutex<Option<Pid>>) -> std::sync::MutexGuard<'_, Option<Pid>> {
    pid.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
