//! The symbol table: eight bytes of address, then the table; and the same address in a good table with the rest of the
//! input as patches, three bytes each: where (16 bits) and what.

use anax_symbols::{Symbols, Writer};

const BASE: u64 = 0x1000;

fn patched(patches: &[u8]) -> Vec<u8> {
    let mut writer = Writer::new();
    for index in 0..8 {
        writer.add(BASE + index * 16, 16, &format!("path{}::name{index}", index % 3));
    }
    let mut table = writer.finish();
    for [low, high, value] in patches.as_chunks::<3>().0 {
        let place = usize::from(u16::from_le_bytes([*low, *high]));
        if let Some(byte) = table.get_mut(place) {
            *byte = *value;
        }
    }
    table
}

/// Takes an input.
pub fn take(input: &[u8]) {
    let Some((address, rest)) = input.split_first_chunk::<8>() else { return };
    let address = u64::from_le_bytes(*address);
    for table in [rest.to_vec(), patched(rest)] {
        if let Ok(symbols) = Symbols::open(&table) {
            for address in [address, BASE + address % 256] {
                let _ = symbols.lookup(address).map(|symbol| symbol.to_string());
            }
        }
    }
}
