//! How large the memory and port windows of a function are (PCI 3.0, 6.2.5.1).
//!
//! A window's size is found by writing all ones to its register, while the function decodes nothing: else it would answer at whatever
//! address stands there meanwhile. It disturbs a driver at work, so it is for functions that have none.

use anax_device::{Bar, ConfigSpace, bar};

use crate::Warning;

/// Base address registers of a function.
pub const BARS: usize = 6;

const COMMAND: u8 = 0x04;
const DECODING: u32 = 0b11;
const FIRST: u8 = 0x10;
/// Ports that a PC has.
const PORTS: u64 = 0x1_0000;
/// Physical addresses that a processor can have.
const MEMORY: u64 = 1 << 52;

/// A window of a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BaseAddress {
    /// Where firmware put it.
    pub start: Bar,
    /// Bytes, or ports: a power of two; the window starts at a multiple of it.
    pub length: u64,
    /// Whether reading has no effect on what is read, and writes may be merged.
    pub prefetchable: bool,
    /// Whether it also takes the next register, for an address of 64 bits.
    pub wide: bool,
}

/// The windows of a function of the ordinary header, by the registers' numbers; nothing for those that firmware did not set, and for
/// those that make no sense, of which `warn` is told. Registers and decoding are afterwards as they were; a function that does not take a
/// register's value back is left off the bus, because it would answer at an address that nobody gave it.
pub fn measure(config: &impl ConfigSpace, mut warn: impl FnMut(Warning)) -> [Option<BaseAddress>; BARS] {
    let mut bars = [None; BARS];
    let registers: [u32; BARS] = core::array::from_fn(|place| config.read(register(place)));
    if registers.iter().all(|value| *value == 0) {
        return bars;
    }
    let command = config.read(COMMAND) & 0xffff;
    config.write(COMMAND, command & !DECODING);
    if cfg!(not(bite = "pci-sized-while-decoding")) && config.read(COMMAND) & DECODING != 0 {
        config.write(COMMAND, command);
        warn(Warning::AlwaysDecodes);
        return bars;
    }
    let mut place = 0;
    while place < BARS {
        let number = place as u8;
        let wide = is_wide(registers[place]) && place + 1 < BARS;
        match window(config, number, wide) {
            Ok(found) => bars[place] = found,
            Err(Lie) => warn(Warning::BadBar(number)),
        }
        place += if wide { 2 } else { 1 };
    }
    let restored = (0..BARS).all(|place| config.read(register(place)) == registers[place]);
    if restored || cfg!(bite = "pci-lost-and-answering") {
        config.write(COMMAND, command);
    } else {
        warn(Warning::SwitchedOff);
        bars = [None; BARS];
    }
    bars
}

/// A register that contradicts itself.
struct Lie;

fn window(config: &impl ConfigSpace, number: u8, wide: bool) -> Result<Option<BaseAddress>, Lie> {
    let place = register(number.into());
    let before = config.read(place);
    let start = bar(config, number);
    let mut ones = u64::from(probe(config, place)?);
    if wide {
        ones |= u64::from(probe(config, place + 4)?) << 32;
    }
    let Some(start) = start else { return Ok(None) };
    let (flags, limit) = match start {
        // Devices may leave out the upper half, which a PC has no ports for.
        Bar::Ports(_) => {
            ones |= u64::from(u32::MAX) << 32 | 0xffff_0000;
            (3, PORTS)
        }
        Bar::Memory(_) if wide => (15, MEMORY),
        Bar::Memory(_) => {
            ones |= u64::from(u32::MAX) << 32;
            (15, 1 << 32)
        }
    };
    let mask = ones & !flags;
    let length = mask & mask.wrapping_neg();
    let first = match start {
        Bar::Memory(address) => address,
        Bar::Ports(port) => port.into(),
    };
    // Bits that say what kind of window it is can't change.
    let same_kind = ones & flags == u64::from(before) & flags;
    let one_size = mask != 0 && mask == !(length - 1);
    let fits =
        first.is_multiple_of(length.max(1)) && first.checked_add(length).is_some_and(|end| end <= limit);
    if cfg!(not(bite = "pci-size-believed")) && !(same_kind && one_size && fits) {
        return Err(Lie);
    }
    let prefetchable = matches!(start, Bar::Memory(_)) && before & 1 << 3 != 0;
    Ok(Some(BaseAddress { start, length, prefetchable, wide }))
}

/// What the register makes of all ones; it then holds again what it did.
fn probe(config: &impl ConfigSpace, place: u8) -> Result<u32, Lie> {
    let before = config.read(place);
    config.write(place, u32::MAX);
    let ones = config.read(place);
    config.write(place, before);
    if config.read(place) == before { Ok(ones) } else { Err(Lie) }
}

const fn is_wide(register: u32) -> bool {
    register & 0b111 == 0b100
}

const fn register(place: usize) -> u8 {
    FIRST + 4 * place as u8
}
