//! How a program begins: what it was started with.

use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use anax_abi::object::{ARCHIVE, MACHINE};
use anax_abi::{Error, Handle};
use anax_archive::Archive;
use anax_startup::Start;
use anax_sys::Status;
use anax_sys::object::{Machine, Region, Space};
use spin::Once;

/// Below is no address of anything: such an argument is a number, from somebody who starts programs without more ado.
const NUMBERS: u64 = 4096;
/// Kinds of objects, as `Inspect` numbers them.
const KIND_REGION: u64 = 4;
const KIND_MACHINE: u64 = 9;

static START: Once<Start> = Once::new();

/// Makes an expression, a function of no arguments, the program's. For the attribute.
#[doc(hidden)]
#[macro_export]
macro_rules! entry {
    ($call:expr) => {
        #[unsafe(no_mangle)]
        extern "C" fn anax_main(argument: u64) -> u64 {
            $crate::run(argument, $call)
        }
    };
}

/// Prepares everything, and runs the program. For the attribute.
#[doc(hidden)]
pub fn run<T: Status>(argument: u64, program: impl FnOnce() -> T) -> u64 {
    crate::backtrace::begin();
    let start = START.call_once(|| if argument < NUMBERS { alone(argument) } else { handed(argument) });
    if let Some(machine) = handle("log") {
        anax_sys::log::to(Machine::from_handle(machine));
    }
    anax_sys::place::begin(u64::from_le_bytes(*start.seed.first_chunk().unwrap_or(&[0; 8])));
    crate::logger::begin();
    crate::random::begin(&start.seed);
    program().status()
}

/// A program that was started without what others get: by the kernel, or by its tests.
fn alone(argument: u64) -> Start {
    let kind = |handle| Space::SELF.inspect(handle).map(|answer| answer.result);
    let mut handles = Vec::new();
    for (names, handle, expected) in
        [(&["log", "machine"][..], MACHINE, KIND_MACHINE), (&["archive"][..], ARCHIVE, KIND_REGION)]
    {
        if kind(handle) == Ok(expected) {
            handles.extend(names.iter().map(|name| (name.to_string(), handle.to_word())));
        }
    }
    let arguments = alloc::vec![argument.to_string()];
    Start { process: 0, name: "program".into(), arguments, seed: [0; 32], handles }
}

/// What whoever started this program has put at that address.
#[cfg(anax)]
fn handed(address: u64) -> Start {
    use core::ptr;

    let words = ptr::with_exposed_provenance::<[u64; 2]>(address as usize);
    // SAFETY: the supervisor, who made this memory and alone can start this thread, has mapped it there to be read. Should it have lied, this program
    // is its own, to fault as it likes.
    let head = unsafe { words.read() };
    let length = anax_startup::length(head).unwrap_or(0);
    // SAFETY: the same. The memory is never written again.
    let bytes = unsafe { core::slice::from_raw_parts(words.cast::<u8>(), length) };
    Start::decode(bytes).unwrap_or_else(|_| alone(0))
}

#[cfg(not(anax))]
fn handed(_: u64) -> Start {
    alone(0)
}

/// What this program was started with.
///
/// # Panics
/// Outside of a program that `#[anax::main]` has begun.
#[must_use]
pub fn start() -> &'static Start {
    START.get().expect("a program begins with #[anax::main]")
}

/// Its arguments.
#[must_use]
pub fn arguments() -> &'static [String] {
    START.get().map_or(&[], |start| &start.arguments)
}

/// Its name.
#[must_use]
pub fn name() -> &'static str {
    START.get().map_or("program", |start| &start.name)
}

/// A handle that it was given, by its name.
#[must_use]
pub fn handle(name: &str) -> Option<Handle> {
    let handles = &START.get()?.handles;
    handles.iter().find(|(known, _)| known == name).map(|(_, word)| Handle::from_word(*word))
}

/// The boot archive.
///
/// # Errors
/// `BadHandle` if this program was not given it; as mapping it fails.
pub fn archive() -> Result<Archive<'static>, Error> {
    static BYTES: Once<&'static [u8]> = Once::new();
    let region = handle("archive").ok_or(Error::BadHandle)?;
    let bytes = match BYTES.get() {
        Some(bytes) => *bytes,
        None => {
            // SAFETY: what a program is given under this name is the kernel's archive, which is never written again.
            let bytes = unsafe { anax_mapped::constant(Region::from_handle(region))? };
            BYTES.call_once(|| bytes)
        }
    };
    Ok(Archive::checked_before(bytes))
}
