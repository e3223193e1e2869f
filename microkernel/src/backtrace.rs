//! The chain of calls behind a fault, by frame pointers, with names from the boot archive's symbol table.

use core::fmt::{self, Write};

use anax_symbols::Symbols;
use spin::Once;

use crate::mm::layout;

static SYMBOLS: Once<Symbols<'static>> = Once::new();
/// Frames printed at most: a damaged chain must end.
const DEPTH: usize = 32;

/// Names for addresses from now on.
pub(crate) fn use_symbols(symbols: Symbols<'static>) {
    SYMBOLS.call_once(|| symbols);
}

/// Prints the frame at `first`, where given, and those that the chain from `frame_pointer` leads to.
pub(crate) fn print(out: &mut dyn Write, first: Option<u64>, frame_pointer: u64) {
    let _ = writeln!(out, "backtrace:");
    let mut number = 0;
    let mut line = |out: &mut dyn Write, address: u64| {
        let _ = writeln!(out, "  {number:2}: {}", Place(address));
        number += 1;
    };
    first.into_iter().for_each(|address| line(out, address));
    let mut frame_pointer = frame_pointer;
    for _ in 0..DEPTH {
        let Some((caller, next)) = follow(frame_pointer) else { break };
        // The return address is the instruction after the call, which may belong to the next function.
        line(out, caller - 1);
        if next <= frame_pointer {
            break;
        }
        frame_pointer = next;
    }
}

/// Reads the return address and the next frame pointer, if both words lie in memory that the kernel's stacks can be in.
fn follow(frame_pointer: u64) -> Option<(u64, u64)> {
    let on_boot_stack = layout::data().contains(frame_pointer) && layout::data().contains(frame_pointer + 15);
    let on_stack = crate::mm::stack::is_backed(frame_pointer);
    if !frame_pointer.is_multiple_of(8) || !(on_boot_stack || on_stack) {
        return None;
    }
    let words = core::ptr::with_exposed_provenance::<u64>(frame_pointer as usize);
    // SAFETY: aligned, and in mapped kernel memory, as just checked; a frame pointer's two words never straddle a stack's top.
    let (next, caller) = unsafe { (words.read(), words.add(1).read()) };
    layout::text().contains(caller).then_some((caller, next))
}

/// An address in words.
pub(crate) struct Place(pub(crate) u64);

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match SYMBOLS.get().and_then(|symbols| symbols.lookup(self.0)) {
            Some(symbol) => write!(f, "{:#018x} {symbol}", self.0),
            None => write!(f, "{:#018x}", self.0),
        }
    }
}
