//! The kernel's own tests, run inside the booted kernel by the runner's command `ktest`.
//!
//! A test is a static in the linker section `.ktests`, made by [`ktest!`](crate::ktest!) beside what it tests or in one of
//! the files below: there is no list to edit. A test that fails returns why; one that would take the kernel down with it
//! panics, and the build tool blames the test that was running.

mod clock;
mod crossbar;
mod entry;
mod flood;
mod irq;
mod load;
mod lwkt;
mod memory;
mod msg;
mod processors;
mod records;
pub(crate) mod service;
mod user;
mod vm;
mod vm_shootdown;

use alloc::format;
use alloc::string::String;
use core::fmt::Write;

use anax_control::{Outcome, Stream};

use crate::runner::{Out, Sink, test_ended, test_started};

/// One test.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct KernelTest {
    /// Module and name.
    pub(crate) name: &'static str,
    /// The test.
    pub(crate) run: fn(&Context) -> Verdict,
}

/// What a test gets.
#[derive(Debug)]
pub(crate) struct Context {
    percent: u64,
}

impl Context {
    /// How often to repeat what the full test repeats `full` times: that many by the chosen percentage, at least 10.
    pub(crate) fn rounds(&self, full: u64) -> u64 {
        (full * self.percent / 100).max(10)
    }
}

/// What a test finds.
pub(crate) type Verdict = Result<Held, Broken>;

/// Everything held, as far as this machine can show.
#[derive(Debug)]
pub(crate) enum Held {
    /// All of it.
    Passed,
    /// The machine lacks what the test needs.
    Skipped(&'static str),
}

/// Something did not hold.
#[derive(Debug)]
pub(crate) struct Broken(pub(crate) String);

/// Makes a function a kernel test.
#[macro_export]
macro_rules! ktest {
    ($($function:ident),+ $(,)?) => {
        $(
            const _: () = {
                #[used]
                #[unsafe(link_section = ".ktests")]
                static TEST: $crate::ktest::KernelTest = $crate::ktest::KernelTest {
                    name: concat!(module_path!(), "::", stringify!($function)),
                    run: $function,
                };
            };
        )+
    };
}

/// Fails the test with a message unless the condition holds.
#[macro_export]
macro_rules! check {
    ($condition:expr, $($message:tt)+) => {
        if !$condition {
            return Err($crate::ktest::Broken(alloc::format!($($message)+)));
        }
    };
}

unsafe extern "C" {
    safe static ktests_start: u8;
    safe static ktests_end: u8;
}

fn all() -> &'static [KernelTest] {
    let start = (&raw const ktests_start).cast::<KernelTest>();
    let end = &raw const ktests_end;
    let count = (end.addr() - start.addr()) / size_of::<KernelTest>();
    // SAFETY: the linker script gathers exactly the `KernelTest` statics between these two symbols.
    unsafe { core::slice::from_raw_parts(start, count) }
}

fn short(test: &KernelTest) -> &'static str {
    test.name.strip_prefix("microkernel::ktest::").unwrap_or(test.name)
}

/// `ktest [--list] [--rounds PERCENT] [FILTER]`.
pub(crate) fn run(words: &[&str], sink: &mut Sink) -> u8 {
    let mut percent = 10;
    let mut filter = "";
    let mut rest = words[1..].iter();
    while let Some(word) = rest.next() {
        match *word {
            "--list" => {
                for test in all() {
                    let _ = writeln!(Out(sink, Stream::Out), "{}", short(test));
                }
                return 0;
            }
            "--rounds" => match rest.next().and_then(|word| word.parse().ok()) {
                Some(value @ 1..=10_000) => percent = value,
                _ => {
                    let _ = writeln!(
                        Out(sink, Stream::Err),
                        "ktest: --rounds takes a percentage from 1 to 10000"
                    );
                    return 2;
                }
            },
            word => filter = word,
        }
    }
    let context = Context { percent };
    let (mut ran, mut failed) = (0, 0);
    for test in all().iter().filter(|test| short(test).contains(filter)) {
        ran += 1;
        let tool = matches!(sink, Sink::Control(_));
        if tool {
            test_started(short(test));
        }
        let (outcome, detail) = match (test.run)(&context) {
            Ok(Held::Passed) => (Outcome::Passed, String::new()),
            Ok(Held::Skipped(why)) => (Outcome::Skipped, String::from(why)),
            Err(Broken(why)) => (Outcome::Failed, why),
        };
        failed += u32::from(outcome == Outcome::Failed);
        if tool {
            test_ended(short(test), outcome, &shortened(&detail));
        } else {
            let _ = writeln!(Out(sink, Stream::Out), "{}: {outcome:?} {detail}", short(test));
        }
        if outcome == Outcome::Failed {
            let _ = writeln!(Out(sink, Stream::Err), "{}: {detail}", short(test));
        }
    }
    if ran == 0 {
        let _ = writeln!(Out(sink, Stream::Err), "ktest: no test matches {filter:?}");
        return 2;
    }
    u8::from(failed > 0)
}

/// What fits into a frame.
fn shortened(detail: &str) -> String {
    const LIMIT: usize = 600;
    let end = detail.floor_char_boundary(LIMIT.min(detail.len()));
    if end == detail.len() { String::from(detail) } else { format!("{}…", &detail[..end]) }
}
