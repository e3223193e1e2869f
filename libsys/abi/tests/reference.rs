//! The reference, `docs/abi.md`, and this crate name the same things with the same numbers. Numbers are in two places on purpose: whoever
//! changes one has to look at the other, and sees that programs are affected.

use std::collections::BTreeSet;
use std::fmt::Debug;

use anax_abi::object::{
    ARCHIVE, ChannelCommand, IrqCommand, MACHINE, MachineCommand, NULL, ObjectKind, PortsCommand,
    RegionCommand, Resource, SELF, SpaceCommand, THIS_THREAD, ThreadCommand, TimerCommand,
};
use anax_abi::{Error, Handle, Operation};

const REFERENCE: &str = include_str!("../../../docs/abi.md");
const OBJECTS: &str = include_str!("../src/object.rs");
/// Where flags and rights are.
const BITS: [&str; 2] = [include_str!("../src/message.rs"), include_str!("../src/handle.rs")];

type Named = BTreeSet<(String, i128)>;

/// A number as the crate or the page writes it.
fn number(text: &str) -> Option<i128> {
    let text = text.trim().replace('_', "");
    if let Some((one, shift)) = text.split_once("<<") {
        return Some(number(one)? << number(shift)?);
    }
    if let Some((slot, generation)) = text.split_once('.') {
        let handle = Handle::new(slot.parse().ok()?, generation.parse().ok()?);
        return Some(handle.to_word().into());
    }
    match text.strip_prefix("0x") {
        Some(digits) => i128::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

/// The rows of the page's tables that begin with a name and a number.
fn documented() -> Named {
    let row = |line: &str| {
        let mut cells = line.strip_prefix('|')?.split('|');
        let name = cells.next()?.trim().strip_prefix('`')?.strip_suffix('`')?;
        Some((name.to_owned(), number(cells.next()?)?))
    };
    REFERENCE.lines().filter_map(row).collect()
}

/// What `of` knows among the numbers that operations and commands can have.
fn numbered<T: Debug>(of: impl Fn(u32) -> Option<T>) -> Named {
    (0..0x1000)
        .filter_map(|number| of(number).map(|known| (format!("{known:?}"), i128::from(number))))
        .collect()
}

fn errors() -> Named {
    let known = |code: i64| (Error::from_code(code).code() == code).then(|| Error::from_code(code));
    (-1000..0).filter_map(|code| known(code).map(|error| (format!("{error:?}"), i128::from(code)))).collect()
}

/// Constants and plain enumerations, which can't be asked for their names: from the source.
fn written() -> Named {
    let mut found = Named::new();
    let mut in_numbered = false;
    for line in OBJECTS.lines() {
        in_numbered = line == "numbered! {" || in_numbered && line != "}";
        let line = line.trim();
        let constant = || {
            let (name, rest) = line.strip_prefix("pub const ")?.split_once(": ")?;
            Some((name, number(rest.split_once(" = ")?.1.strip_suffix(';')?)?))
        };
        let variant = || {
            let (name, value) = line.strip_suffix(',')?.split_once(" = ")?;
            Some((name, number(value)?))
        };
        if !in_numbered && let Some((name, value)) = constant().or_else(variant) {
            found.insert((name.to_owned(), value));
        }
    }
    for line in BITS.iter().flat_map(|text| text.lines()) {
        let bit = || {
            let (name, value) = line.trim().strip_prefix("pub const ")?.split_once(": Self = Self(")?;
            Some((name, number(value.strip_suffix(");")?)?))
        };
        if let Some((name, value)) = bit().filter(|(_, value)| *value != 0) {
            found.insert((name.to_owned(), value));
        }
    }
    found
}

fn known() -> Named {
    let handles = [("SELF", SELF), ("MACHINE", MACHINE), ("ARCHIVE", ARCHIVE), ("THIS_THREAD", THIS_THREAD)];
    let handles = handles.map(|(name, handle)| (name.to_owned(), i128::from(handle.to_word())));
    [
        numbered(Operation::from_number),
        numbered(SpaceCommand::from_number),
        numbered(ThreadCommand::from_number),
        numbered(RegionCommand::from_number),
        numbered(TimerCommand::from_number),
        numbered(ChannelCommand::from_number),
        numbered(IrqCommand::from_number),
        numbered(PortsCommand::from_number),
        numbered(MachineCommand::from_number),
        numbered(Resource::from_number),
        numbered(ObjectKind::from_number),
        errors(),
        written(),
        handles.into(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

#[test]
fn the_reference_names_all_there_is_and_nothing_else() {
    let (known, documented) = (known(), documented());
    let missing: Vec<_> = known.difference(&documented).collect();
    let wrong: Vec<_> = documented.difference(&known).collect();
    assert!(missing.is_empty() && wrong.is_empty(), "not in docs/abi.md: {missing:?}; only there: {wrong:?}");
}

/// Guards the test itself: a change of the source's layout must not leave it comparing nothing.
#[test]
fn all_kinds_of_names_are_found() {
    let known = known();
    let has = |name: &str, value: i128| known.contains(&(name.to_owned(), value));
    assert!(has("NULL", NULL.into()) && has("Collect", 11) && has("ConsoleWrite", 0x80d));
    assert!(has("WouldDeadlock", -17) && has("ABORTABLE", 4) && has("CONTROL", 64) && has("COPY", 3));
    assert!(has("ABORT", 0xffff_0006) && has("RoundRobin", 2) && has("FAULT_STATUS", 1 << 32));
}

/// A new enumeration of commands has to be added above.
#[test]
fn every_enumeration_of_commands_is_compared() {
    let enumerations = OBJECTS.lines().filter(|line| *line == "numbered! {").count();
    assert_eq!(enumerations, 10, "known() lists them");
}
