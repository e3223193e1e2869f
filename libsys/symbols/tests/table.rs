//! What is written is found again; what is damaged never hurts.

use anax_symbols::{Symbols, SymbolsError, Writer};
use proptest::prelude::*;

const BASE: u64 = 0xffff_ffff_8010_0000;

fn table(functions: &[(u64, u64, &str)]) -> Vec<u8> {
    let mut writer = Writer::new();
    for (address, size, name) in functions {
        writer.add(*address, *size, name);
    }
    writer.finish()
}

fn name_at(symbols: &Symbols<'_>, address: u64) -> Option<String> {
    symbols.lookup(address).map(|symbol| symbol.to_string())
}

#[test]
fn addresses_find_their_function() {
    let bytes = table(&[
        (BASE + 0x40, 0x10, "kernel::boot::start"),
        (BASE, 0x20, "entry"),
        (BASE + 0x20, 0x20, "<kernel::boot::Map as core::fmt::Debug>::fmt"),
        (BASE + 0x60, 0, "kernel::boot::{closure#0}"),
        (BASE + 0x100, 0x2_0000, "kernel::call::<fn(u8) -> a::B>"),
    ]);
    let symbols = Symbols::open(&bytes).expect("a good table");
    assert_eq!(symbols.len(), 5);
    assert_eq!(name_at(&symbols, BASE - 1), None);
    assert_eq!(name_at(&symbols, BASE).as_deref(), Some("entry+0x0"));
    assert_eq!(
        name_at(&symbols, BASE + 0x3f).as_deref(),
        Some("<kernel::boot::Map as core::fmt::Debug>::fmt+0x1f")
    );
    assert_eq!(name_at(&symbols, BASE + 0x4f).as_deref(), Some("kernel::boot::start+0xf"));
    assert_eq!(name_at(&symbols, BASE + 0x50), None, "between two functions");
    assert_eq!(name_at(&symbols, BASE + 0xff).as_deref(), Some("kernel::boot::{closure#0}+0x9f"));
    assert_eq!(name_at(&symbols, BASE + 0x101).as_deref(), Some("kernel::call::<fn(u8) -> a::B>+0x1"));
    assert_eq!(name_at(&symbols, u64::MAX), Some("kernel::call::<fn(u8) -> a::B>+0x7feffeff".into()));
    assert_eq!(symbols.lookup(BASE + 0x40).map(|symbol| symbol.path), Some("kernel::boot::"));
}

#[test]
fn duplicates_and_long_names() {
    let long = "ü".repeat(200);
    let bytes = table(&[(BASE, 8, "b"), (BASE, 8, "a"), (BASE, 4, "0"), (BASE + 8, 8, &long)]);
    let symbols = Symbols::open(&bytes).expect("a good table");
    assert_eq!(name_at(&symbols, BASE + 4).as_deref(), Some("a+0x4"));
    assert_eq!(symbols.lookup(BASE + 8).map(|symbol| symbol.name.len()), Some(160));
}

#[test]
fn the_empty_table() {
    let bytes = table(&[]);
    let symbols = Symbols::open(&bytes).expect("a good table");
    assert!(symbols.is_empty());
    assert_eq!(symbols.lookup(0), None);
    assert_eq!(symbols.lookup(BASE), None);
}

#[test]
fn bad_frames_are_refused() {
    let good = table(&[(BASE, 8, "a::b"), (BASE + 8, 8, "a::c")]);
    assert_eq!(Symbols::open(&[]).err(), Some(SymbolsError::NotATable));
    for length in 8..good.len() {
        assert_eq!(Symbols::open(&good[..length]).err(), Some(SymbolsError::Length), "cut to {length}");
    }
    let mut longer = good.clone();
    longer.push(0);
    assert_eq!(Symbols::open(&longer).err(), Some(SymbolsError::Length));
    let mut newer = good.clone();
    newer[8] = 9;
    assert_eq!(Symbols::open(&newer).err(), Some(SymbolsError::Version(9)));
    let mut huge = good;
    huge[20..28].fill(0xff);
    assert_eq!(Symbols::open(&huge).err(), Some(SymbolsError::Length));
}

#[test]
fn a_kernel_of_usual_size_stays_small() {
    // 1,500 functions, in modules of ten, names as long as those of a Rust kernel are on average.
    let mut writer = Writer::new();
    for index in 0..1500_u64 {
        let name = format!("microkernel::arch::module{}::function_{index:06}", index / 10);
        writer.add(BASE + index * 256, 200, &name);
    }
    let bytes = writer.finish();
    assert!(bytes.len() < 60 * 1024, "{} bytes", bytes.len());
}

/// Overwrites bytes of a good table by a seeded generator and asks for addresses all over it. Same bytes every run.
#[test]
fn two_hundred_thousand_damaged_tables() {
    let names: Vec<String> = (0..20).map(|index| format!("a::b{}::c{index}", index % 3)).collect();
    let functions: Vec<_> =
        (0..20).map(|index| (BASE + index * 16, 16, names[index as usize].as_str())).collect();
    let good = table(&functions);
    let mut state = 0x5eed_u64;
    let mut next = move || {
        // xorshift64, Marsaglia 2003.
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    for _ in 0..200_000 {
        let mut bad = good.clone();
        for _ in 0..1 + next() % 4 {
            let place = next() as usize % bad.len();
            bad[place] = next() as u8;
        }
        if let Ok(symbols) = Symbols::open(&bad) {
            for address in [BASE, BASE + next() % 400, BASE + next() % 400, next()] {
                if let Some(symbol) = symbols.lookup(address) {
                    assert!(symbol.offset <= u64::from(u32::MAX));
                }
            }
        }
    }
}

proptest! {
    #[test]
    fn every_function_is_found(
        functions in prop::collection::btree_map(0_u64..1 << 33, (1_u64..100_000, "[a<>(:\\-é]{0,40}"), 0..60),
    ) {
        let mut writer = Writer::new();
        for (address, (size, name)) in &functions {
            writer.add((1 << 47) + *address, *size, name);
        }
        let bytes = writer.finish();
        let symbols = Symbols::open(&bytes).expect("a good table");
        let first = functions.keys().next().copied().unwrap_or(0);
        for (address, (_, name)) in &functions {
            let found = symbols.lookup((1 << 47) + *address);
            if address - first <= u64::from(u32::MAX) {
                let found = found.expect("present");
                prop_assert_eq!(format!("{}{}", found.path, found.name), name.as_str());
                prop_assert_eq!(found.offset, 0);
            } else {
                prop_assert_eq!(found, None);
            }
        }
    }

    #[test]
    fn any_bytes_are_opened_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200), address: u64) {
        if let Ok(symbols) = Symbols::open(&bytes) {
            let _ = symbols.lookup(address);
        }
    }
}
