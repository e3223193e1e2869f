//! From the kernel's word to the program's function, and what it was told on the way.

use alloc::string::ToString as _;
use alloc::vec;
use core::slice;

use anax_abi::object::{ARCHIVE, MACHINE, ObjectKind};
use anax_archive::Archive;
use anax_startup::{Argument, HEAD, Start, StartError, area_bytes, decode, handles};
use anax_sys::object::{Region, Space};
use anax_sys::{Error, Handle, Status};
use spin::Once;

use crate::{backtrace, logging};

static START: Once<Start> = Once::new();

/// What the program was told when it started.
#[must_use]
pub fn start() -> &'static Start {
    START.call_once(Start::default)
}

/// Its arguments, without its name.
#[must_use]
pub fn arguments() -> &'static [alloc::string::String] {
    &start().arguments
}

/// Its environment: variables, as `NAME=value`, which programs that it starts get too.
#[must_use]
pub fn environment() -> &'static [alloc::string::String] {
    &start().environment
}

/// The variable of that name in its environment.
#[must_use]
pub fn variable(name: &str) -> Option<&'static str> {
    start().variable(name)
}

/// What it is called.
#[must_use]
pub fn name() -> &'static str {
    &start().name
}

/// The handle that it was given by that name; [`handles`] has the names that mean the same everywhere.
#[must_use]
pub fn handle(name: &str) -> Option<Handle> {
    start().handle(name)
}

/// The boot archive, which the kernel has checked; mapped when it is asked for first.
///
/// # Errors
/// `BadHandle` if this program was not given it; else as [`Space::map`].
pub fn archive() -> Result<Archive<'static>, Error> {
    static MAPPED: Once<&'static [u8]> = Once::new();
    let region = Region::from_handle(handle(handles::ARCHIVE).ok_or(Error::BadHandle)?);
    // SAFETY: the kernel made this region over memory that it only reads, and gives nobody the right to write there.
    let bytes = MAPPED.try_call_once(|| unsafe { anax_mapped::constant(region) })?;
    Ok(Archive::checked_before(bytes))
}

/// The entry point of a program, whose binary is called `program`. `#[anax::main]` alone calls it.
#[doc(hidden)]
#[macro_export]
macro_rules! entry {
    ($main:expr) => {
        const _: () = {
            #[unsafe(no_mangle)]
            extern "C" fn anax_main(argument: u64) -> u64 {
                let program = match ::core::option_env!("CARGO_BIN_NAME") {
                    ::core::option::Option::Some(program) => program,
                    ::core::option::Option::None => "program",
                };
                $crate::begin(argument, program, $main)
            }
        };
    };
}

/// Makes ready what a program finds when it begins, and calls it.
#[doc(hidden)]
pub fn begin<T: Status>(word: u64, program: &'static str, main: fn(&'static Start) -> T) -> u64 {
    let told = match Argument::of(word) {
        Argument::Number(number) => Ok(by_number(number, program)),
        Argument::Area(address) => read(address),
    };
    // Without it there is no log either: whoever started the program learns it from its status.
    let Ok(told) = told else { return Err::<(), _>(Error::BadArgument).status() };
    let start = START.call_once(|| told);
    anax_sys::place::begin(start.seed.0.first_chunk().map_or(0, |seed| u64::from_le_bytes(*seed)));
    logging::begin(start);
    backtrace::begin(program);
    let status = main(start).status();
    crate::printing::flush();
    status
}

/// Of a program that nobody told anything but a number, as the first one and those of the kernel's tests are: what it finds in its
/// space, it has.
fn by_number(number: u64, program: &str) -> Start {
    let start = Start { name: program.into(), arguments: vec![number.to_string()], ..Start::default() };
    let own = [(handles::LOG, MACHINE, ObjectKind::Machine), (handles::ARCHIVE, ARCHIVE, ObjectKind::Region)];
    own.into_iter()
        .filter(|(_, handle, kind)| is(*handle, *kind))
        .fold(start, |start, (name, handle, _)| start.with_handle(name, handle))
}

/// Whether the slot holds an object of that kind.
fn is(handle: Handle, kind: ObjectKind) -> bool {
    Space::SELF.inspect(handle).is_ok_and(|answer| answer.result == kind as u64)
}

fn read(address: u64) -> Result<Start, StartError> {
    let area = core::ptr::with_exposed_provenance::<u8>(address as usize);
    // SAFETY: whoever starts a program owns all of its memory, and says by this word that an area lies there, which nobody
    // changes. Should that not be so, this is a fault, or nonsense that `decode` copes with.
    let head: &[u8; HEAD] = unsafe { &*area.cast() };
    let bytes = area_bytes(head)?;
    // SAFETY: as above; its head says that it goes on so far, and it is at most 64 KiB.
    decode(unsafe { slice::from_raw_parts(area, bytes) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_area_is_read_where_it_lies() {
        let start = Start { name: "tester".into(), ..Start::default() };
        let area = anax_startup::encode(&start).unwrap();
        assert_eq!(read(area.as_ptr().expose_provenance() as u64), Ok(start));
    }

    #[test]
    fn a_number_is_an_argument() {
        // The host's traps answer `BadHandle`: there are no handles.
        let start = by_number(5, "hello");
        assert_eq!((&*start.name, &*start.arguments), ("hello", ["5".to_string()].as_slice()));
        assert!(start.handles.is_empty());
    }
}
