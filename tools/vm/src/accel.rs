//! Whether KVM works: tried, not assumed.
//!
//! `/dev/kvm` is there on many machines that cannot run an ordinary kernel with it (nested in another
//! hypervisor, an emulated one, a container without the right). The only proof is a kernel that ran, so the
//! kernel in question is booted once with a short limit and has to run a command. "It works" is remembered; "it does not" is
//! remembered only if the same kernel then booted without KVM, so that a broken kernel is not held against
//! the host.

use std::fs::{self, OpenOptions};
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::Duration;

use crate::host::find_program;
use crate::{
    Accel, Boot, Chipset, Console, ControlLine, Debugger, Emulator, Ending, Limits, Machine, Nic, Spec,
};

/// How long a kernel with KVM may take from start to end; without KVM it takes about a second.
const PATIENCE: Duration = Duration::from_secs(2);

/// The same without KVM, on a busy host.
const PATIENCE_WITHOUT: Duration = Duration::from_secs(20);

/// What was found out in this process; also keeps several machines from trying at once.
static FOUND: Mutex<Option<Accel>> = Mutex::new(None);

/// What [`Accel::Auto`] means for `spec`; other values stand for themselves.
pub(crate) fn resolve(spec: &Spec) -> Accel {
    if spec.accel != Accel::Auto {
        return spec.accel;
    }
    // Plugins see translated code only; breakpoints are simplest there.
    if spec.emulator != Emulator::Qemu || !spec.plugins.is_empty() || spec.debugger != Debugger::None {
        return Accel::Tcg;
    }
    if OpenOptions::new().read(true).write(true).open("/dev/kvm").is_err() {
        return Accel::Tcg;
    }
    let mut found = FOUND.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if let Some(known) = *found {
        return known;
    }
    let (accel, certain) = remembered(spec).map_or_else(|| attempt(spec), |accel| (accel, true));
    if certain {
        *found = Some(accel);
        remember(spec, accel);
    }
    accel
}

/// Boots the kernel with KVM, and if that fails without; says what to use and whether that is certain.
fn attempt(spec: &Spec) -> (Accel, bool) {
    if runs(spec, Accel::Kvm, PATIENCE) {
        return (Accel::Kvm, true);
    }
    (Accel::Tcg, runs(spec, Accel::Tcg, PATIENCE_WITHOUT))
}

fn runs(spec: &Spec, accel: Accel, patience: Duration) -> bool {
    let mut trial = Spec::new(&spec.kernel, &spec.archive);
    trial.accel = accel;
    trial.boot = Boot::Pvh;
    trial.chipset = Chipset::Q35;
    trial.nic = Nic::None;
    trial.console = Console::Quiet;
    trial.control = ControlLine::Com2;
    trial.limits = Limits { ready: patience, silence: patience, total: Some(patience) };
    Machine::start(&trial)
        .is_ok_and(|mut machine| machine.exec("true", &mut |_| {}).ending == Ending::Exited { status: 0 })
}

fn file(spec: &Spec) -> Option<PathBuf> {
    Some(spec.cache.as_ref()?.join("kvm"))
}

/// What the answer depends on besides the kernel: the host's kernel and its QEMU.
fn host() -> String {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let qemu = find_program("qemu-system-x86_64").and_then(|path| path.metadata().ok());
    format!("{} {} {}", release.trim(), boot.trim(), qemu.map_or(0, |file| file.len()))
}

fn remembered(spec: &Spec) -> Option<Accel> {
    let text = fs::read_to_string(file(spec)?).ok()?;
    let (word, on) = text.split_once(' ')?;
    match word {
        _ if on != host() => None,
        "works" => Some(Accel::Kvm),
        "fails" => Some(Accel::Tcg),
        _ => None,
    }
}

fn remember(spec: &Spec, accel: Accel) {
    let word = if accel == Accel::Kvm { "works" } else { "fails" };
    if let Some(file) = file(spec) {
        // Without the file it is tried again next time.
        let _ = fs::write(file, format!("{word} {}", host()));
    }
}
