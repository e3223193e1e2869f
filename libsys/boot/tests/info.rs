//! Loaders' information: whole, damaged in each way, and any bytes at all.

use anax_boot::info::{BootError, Found, RootPointer, multiboot2, multiboot2_length, pvh};
use multiboot2::{BootInformation, BootInformationHeader};
use proptest::prelude::*;

const KERNEL: std::ops::Range<u64> = 0x20_0000..0x28_0000;
const REACH: u64 = 1 << 30;
const BLOCK: u64 = 0x1000;

/// Memory from address 0 on.
fn reach<'m>(memory: &'m [u8]) -> impl Fn(u64, u64) -> Option<&'m [u8]> {
    |start, length| memory.get(start as usize..start.checked_add(length)? as usize)
}

fn put(memory: &mut [u8], at: u64, words: &[(usize, u64)]) {
    for (offset, value) in words {
        memory[at as usize + offset..][..8].copy_from_slice(&value.to_le_bytes());
    }
}

/// A PVH block with one module, two regions and a command line.
fn pvh_memory() -> Vec<u8> {
    let mut memory = vec![0; 0x8000];
    let head = [(0, 1 << 32 | 0x336e_c578), (8, 1 << 32), (16, 0x2000), (24, 0x3000), (32, 0xe_0000)];
    put(&mut memory, BLOCK, &head);
    put(&mut memory, BLOCK, &[(40, 0x4000), (48, 2)]);
    put(&mut memory, 0x2000, &[(0, 0x40_0000), (8, 0x1000)]);
    put(&mut memory, 0x4000, &[(0, 0), (8, 0x9_f000), (16, 1), (24, 0x10_0000), (32, 0x700_0000), (40, 1)]);
    memory[0x3000..0x3008].copy_from_slice(b"log=warn");
    memory
}

fn read(memory: &[u8]) -> Result<Found, BootError> {
    pvh(&reach(memory), BLOCK)
}

#[test]
fn a_whole_block() {
    let info = read(&pvh_memory()).and_then(|found| found.check(KERNEL, REACH)).expect("whole");
    assert_eq!((info.protocol, info.archive), ("PVH", 0x40_0000..0x40_1000));
    assert_eq!(info.command_line.as_slice(), b"log=warn");
    assert_eq!(info.rsdp, Some(RootPointer::At(0xe_0000)));
    assert!(info.map.touches_memory(0x50_0000..0x50_1000));
}

#[test]
fn each_damage_has_its_reason() {
    let damages: [(u64, usize, u64, &str); 8] = [
        (BLOCK, 0, 1 << 32, "magic"),
        (BLOCK, 0, 0x336e_c578, "version 0"),
        (BLOCK, 8, 300 << 32, "too many entries"),
        (BLOCK, 48, 300, "too many entries"),
        (BLOCK, 16, 0x7fff, "module list"),
        (BLOCK, 40, u64::MAX - 8, "memory map"),
        (BLOCK, 24, u64::MAX, "command line"),
        (0x2000, 8, u64::MAX, "wraps around"),
    ];
    for (at, offset, value, reason) in damages {
        let mut memory = pvh_memory();
        put(&mut memory, at, &[(offset, value)]);
        let error = read(&memory).expect_err(reason);
        assert!(error.to_string().contains(reason), "{error} instead of {reason}");
    }
    assert!(matches!(pvh(&reach(&[0; 64]), 60), Err(BootError::Damaged(_))));
}

#[test]
fn what_does_not_fit_together_is_refused() {
    let check = |change: fn(&mut Found), kernel| {
        let mut found = read(&pvh_memory()).expect("whole");
        change(&mut found);
        found.check(kernel, REACH).map(drop)
    };
    assert_eq!(check(|_| (), 0xa_0000..0x20_0000), Err(BootError::KernelOutside));
    assert_eq!(check(|found| found.archive = None, KERNEL), Err(BootError::NoArchive));
    for archive in [0..0x1000, KERNEL, 0x10..0x700_0000, REACH - 1..REACH + 1] {
        let mut found = read(&pvh_memory()).expect("whole");
        found.archive = Some(archive.clone());
        assert_eq!(found.check(KERNEL, REACH).map(drop), Err(BootError::ArchiveOutside(archive)));
    }
    assert!(matches!(
        check(|found| found.regions.clear(), KERNEL),
        Err(BootError::Map(_) | BootError::KernelOutside)
    ));
}

/// A multiboot2 block, aligned as the loader has to.
#[repr(align(8))]
struct Block([u8; 512]);

fn multiboot2_block(words: &[u8]) -> Block {
    let mut block = Block([0; 512]);
    block.0[8..8 + words.len()].copy_from_slice(words);
    let length = (8 + words.len()) as u32;
    block.0[..4].copy_from_slice(&length.to_le_bytes());
    block
}

fn multiboot2_read(block: &Block) -> Result<Found, BootError> {
    let length = multiboot2_length(&block.0)?;
    if length > block.0.len() as u64 {
        return Err(BootError::Damaged("longer than there is memory"));
    }
    // SAFETY: the block is as long as it says, and aligned; the crate checks the rest.
    let info = unsafe { BootInformation::load(block.0.as_ptr().cast::<BootInformationHeader>()) };
    multiboot2(&info.map_err(|_| BootError::Damaged("damaged"))?, 0x9000..0x9000 + length)
}

fn tag(kind: u32, payload: &[u8]) -> Vec<u8> {
    let mut tag = [kind.to_le_bytes(), (8 + payload.len() as u32).to_le_bytes()].concat();
    tag.extend(payload);
    tag.resize(tag.len().next_multiple_of(8), 0);
    tag
}

#[test]
fn a_multiboot2_block() {
    let mut map = [24_u32.to_le_bytes(), 0_u32.to_le_bytes()].concat();
    for (base, length, kind) in [(0, 0x9_f000_u64, 1_u64), (0x10_0000_u64, 0x700_0000, 1)] {
        map.extend([base, length, kind].into_iter().flat_map(u64::to_le_bytes));
    }
    let module = [0x40_0000_u32.to_le_bytes(), 0x40_1000_u32.to_le_bytes(), *b"abc\0"].concat();
    let tags = [
        tag(1, b"log=info\0"),
        tag(3, &module),
        tag(6, &map),
        tag(14, &[7; 20]),
        tag(15, &[8; 36]),
        tag(0, &[]),
    ];
    let found = multiboot2_read(&multiboot2_block(&tags.concat())).expect("whole");
    assert_eq!(found.rsdp, Some(RootPointer::Copy([8; 36])), "the later one");
    let info = found.check(KERNEL, REACH).expect("consistent");
    assert_eq!((info.protocol, info.archive), ("multiboot2", 0x40_0000..0x40_1000));
    assert_eq!(info.command_line.as_slice(), b"log=info");
    let no_map = [tag(1, b"log=info\0"), tag(0, &[])].concat();
    assert!(matches!(multiboot2_read(&multiboot2_block(&no_map)), Err(BootError::Damaged(_))));
    assert!(multiboot2_length(&[0xff; 8]).is_err() && multiboot2_length(&[0; 3]).is_err());
}

proptest! {
    #[test]
    fn any_bytes_end_in_a_value(changes in prop::collection::vec((0..0x5000_u64, any::<u64>()), 0..40)) {
        let mut memory = pvh_memory();
        changes.iter().for_each(|(at, value)| put(&mut memory, *at, &[(0, *value)]));
        if let Ok(found) = read(&memory) {
            let _ = found.check(KERNEL, REACH);
        }
    }
}
