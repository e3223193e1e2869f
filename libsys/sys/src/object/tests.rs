//! What goes into the words, where that is more than passing a number on.

use anax_abi::object::{MachineCommand, Policy, SpaceCommand, ThreadCommand};
use anax_abi::{Envelope, Handle, Rights, WORDS};

use super::*;
use crate::port::Port;
use crate::trap::{Incoming, fake};

const BACK: Incoming = Incoming {
    outcome: 0x1_0000_0007,
    number: 0,
    words: [8, 9, 0, 0, 0],
    badge: 0,
    envelope: Envelope(0),
    result: 0,
    came: 0,
};
const REGION: Region = Region::from_handle(Handle::new(3, 1));

#[test]
fn limits_go_in_halves() {
    fake::answer(BACK);
    let limits = Limits { pages: 1, handles: 2, threads: 3, messages: 4 };
    let space = Space::SELF.create_space(limits, Policy::RoundRobin, Cpu(5)).unwrap();
    assert_eq!(space.handle(), Handle::new(7, 1));
    let trap = fake::only();
    assert_eq!(
        (trap.command, trap.handle),
        (SpaceCommand::CreateSpace as u32, Space::SELF.handle().to_word())
    );
    assert_eq!(trap.words, [0x2_0000_0001, 0x4_0000_0003, 0x5_0000_0002, 0, 0]);
}

#[test]
fn optional_handles_are_zero() {
    fake::answer(BACK);
    let port = Port::from_handle(Handle::new(4, 4));
    assert!(Space::SELF.create_thread(Cpu(1), 12, Some(port)).is_ok());
    assert_eq!(fake::only().words, [1, 12, port.handle().to_word(), 0, 0]);
    assert!(Space::SELF.create_thread(Cpu(1), 12, None).is_ok());
    assert_eq!(fake::only().words, [1, 12, 0, 0, 0]);
    assert!(Space::SELF.create_region(4096, RegionKind::Copy(REGION)).is_ok());
    assert_eq!(fake::only().words, [4096, 3, REGION.handle().to_word(), 0, 0]);
}

#[test]
fn a_channel_has_two_ends() {
    fake::answer(BACK);
    let (one, other) = Space::SELF.create_channel(REGION, 100).unwrap();
    assert_eq!((one.handle(), other.handle()), (Handle::new(7, 1), Handle::from_word(8)));
    fake::only();
}

#[test]
fn mapping() {
    fake::answer(BACK);
    assert_eq!(Space::SELF.map(REGION, 1, 2, Rights::READ), Ok(0x1_0000_0007));
    let trap = fake::only();
    assert_eq!(trap.words, [REGION.handle().to_word(), 0, 1, 2, Rights::READ.0.into()]);
}

#[test]
fn a_reader_believes_no_length() {
    fake::answer(BACK);
    let mut buffer = [0; 16];
    assert_eq!(Machine::FIRST.console_read(&mut buffer), Ok(16));
    let trap = fake::only();
    assert_eq!((trap.command, trap.words[1]), (MachineCommand::ConsoleRead as u32, 16));
    assert_eq!(trap.words[0], buffer.as_ptr().addr() as u64);
}

#[test]
fn the_calling_thread() {
    fake::answer(BACK);
    assert_eq!(Thread::time().map(|time| time.nanoseconds()), Ok(0x1_0000_0007));
    let trap = fake::only();
    assert_eq!((trap.command, trap.handle), (ThreadCommand::Time as u32, u64::MAX));
    assert_eq!(trap.words, [0; WORDS]);
}

#[test]
fn a_line_says_how_it_signals() {
    fake::answer(BACK);
    let line = Line { number: 10, trigger: Trigger::Level, polarity: Polarity::Low };
    assert!(Machine::FIRST.line(line, Cpu(1)).is_ok());
    assert_eq!(fake::only().words, [10, 3, 1, 0, 0]);
}
