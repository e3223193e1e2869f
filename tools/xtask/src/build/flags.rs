//! What the kernel and the ring-3 programs have in common: the target, and how they are linked.
//!
//! Both are built for the host's own target, whose precompiled `core` and `alloc` every toolchain brings along. An explicit
//! `--target` keeps their flags away from build scripts and procedural macros.

use super::root;

/// The target.
pub(super) const TRIPLE: &str = "x86_64-unknown-linux-gnu";

/// No C library, no start files, nothing to be resolved at run time, nothing that the linker script does not name.
const LINK: [&str; 10] = [
    "-nostartfiles",
    "-nostdlib",
    "-static",
    "-no-pie",
    "-Wl,-z,max-page-size=4096",
    "-Wl,-z,norelro",
    "-Wl,-z,noexecstack",
    "-Wl,--build-id=none",
    "-Wl,--no-eh-frame-hdr",
    "-Wl,--orphan-handling=error",
];

/// The value of `CARGO_ENCODED_RUSTFLAGS`: code generation, linking with a script of the tree's, and configurations to set.
pub(super) fn encoded(code: &[&str], script: &str, configurations: &[String]) -> String {
    let script = format!("-Clink-arg=-Wl,-T,{}", root().join(script).display());
    let code = code.iter().map(|flag| format!("-C{flag}"));
    let link = LINK.iter().map(|flag| format!("-Clink-arg={flag}"));
    let configurations = configurations.iter().map(|configuration| format!("--cfg={configuration}"));
    let flags: Vec<String> = code.chain(link).chain([script]).chain(configurations).collect();
    flags.join("\x1f")
}
