//! The calls behind a panic, by name: from the program's symbol table, member `sym/NAME` of the boot archive.
//!
//! The archive is mapped only when there is a panic; without it there are addresses, for the ELF file on the host to explain. Nothing is
//! allocated.

use core::fmt;

use anax_symbols::Symbols;
use anax_sys::{PanicLine, frames};
use arrayvec::ArrayString;
use spin::Once;

/// The longest name of an archive's member that is looked for.
const MEMBER: usize = 96;

/// What the program's binary is called, whatever its supervisor calls the process.
static PROGRAM: Once<&'static str> = Once::new();

/// From now on, panics print one.
pub(crate) fn begin(program: &'static str) {
    PROGRAM.call_once(|| program);
    anax_sys::on_panic(print);
}

fn print(panic: PanicLine<'_>) {
    let name = crate::name();
    anax_sys::log!("{name}: {panic}");
    let symbols = symbols();
    anax_sys::log!("{name}: backtrace:");
    let mut number = 0;
    frames::for_each(&mut |caller| {
        // The return address is the instruction after the call, which may belong to the next function.
        let place = Place { address: caller.wrapping_sub(1), symbols };
        anax_sys::log!("{name}: {number:2}: {place}");
        number += 1;
    });
}

/// The program's table, if it has the archive and the archive has it.
fn symbols() -> Option<Symbols<'static>> {
    let table = crate::archive().ok()?.get(&member(PROGRAM.get()?)?)?;
    Symbols::open(table).ok()
}

fn member(program: &str) -> Option<ArrayString<MEMBER>> {
    let mut member = ArrayString::new();
    fmt::Write::write_fmt(&mut member, format_args!("{}{program}", anax_archive::SYMBOLS)).ok()?;
    Some(member)
}

/// An address in words.
struct Place {
    address: u64,
    symbols: Option<Symbols<'static>>,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#010x}", self.address)?;
        match self.symbols.and_then(|symbols| symbols.lookup(self.address)) {
            Some(symbol) => write!(f, " {symbol}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::string::ToString as _;

    use super::*;

    #[test]
    fn names_where_there_are_some() {
        let mut writer = anax_symbols::Writer::new();
        writer.add(0x401000, 0x20, "hello::main");
        let table = std::boxed::Box::leak(writer.finish().into_boxed_slice());
        let symbols = Symbols::open(table).ok();
        let place = |address, symbols| Place { address, symbols }.to_string();
        assert_eq!(place(0x401003, symbols), "0x00401003 hello::main+0x3");
        assert_eq!(place(0x401020, symbols), "0x00401020");
        assert_eq!(place(0x401003, None), "0x00401003");
    }

    #[test]
    fn a_name_that_is_too_long_has_no_table() {
        assert_eq!(member("hello").as_deref(), Some("sym/hello"));
        assert!(member(&"x".repeat(MEMBER)).is_none());
    }
}
