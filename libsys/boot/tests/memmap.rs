//! Memory maps, good, ragged and contradictory.

use anax_boot::memmap::RegionKind::{self, AcpiNvs, AcpiReclaimable, BootData, Kernel, Reserved, Usable};
use anax_boot::memmap::{MAX_REGIONS, MemoryMap, MemoryMapError, PAGE, RawRegion, Table, find_root_pointer};
use proptest::prelude::*;

fn raw(base: u64, length: u64, kind: RegionKind) -> RawRegion {
    RawRegion { base, length, kind }
}

fn map(regions: &[RawRegion]) -> Result<MemoryMap, MemoryMapError> {
    MemoryMap::normalise(regions.iter().copied())
}

fn list(map: &MemoryMap) -> Vec<(u64, u64, RegionKind)> {
    map.iter().map(|region| (region.start, region.end, region.kind)).collect()
}

#[test]
fn a_pc_is_rounded_sorted_and_merged() {
    let pc = map(&[
        raw(0x10_0000, 0x7ee_0000, Usable),
        raw(0x9fc00, 0x400, Reserved),
        raw(0, 0x9fc00, Usable),
        raw(0xf0000, 0x10000, Reserved),
        raw(0x7fe_0000, 0x800, AcpiReclaimable),
        raw(0x7fe_0800, 0x1f800, AcpiNvs),
        raw(0x1000_0000, 0, Usable),
        raw(0xfffc_0000, 0x4_0000, Reserved),
        raw(0xffff_0000, 0x1_0000, Reserved),
    ])
    .expect("a good map");
    assert_eq!(
        list(&pc),
        [
            (0, 0x9f000, Usable),
            (0x9f000, 0xa0000, Reserved),
            (0xf0000, 0x10_0000, Reserved),
            (0x10_0000, 0x7fe_0000, Usable),
            (0x7fe_0000, 0x7fe_1000, AcpiReclaimable),
            (0x7fe_1000, 0x800_0000, AcpiNvs),
            (0xfffc_0000, 0x1_0000_0000, Reserved),
        ]
    );
    assert_eq!(pc.total(Usable), 0x9f000 + 0x7ee_0000);
    assert_eq!(pc.usable_end(), 0x7fe_0000);
    assert_eq!(pc.find_low_page(0x10_0000), Some(0x9e000));
    assert_eq!(pc.find_low_page(0x8800), Some(0x7000));
    assert_eq!(pc.find_low_page(0x1fff), None, "page 0 is never given");
}

#[test]
fn what_is_neither_memory_nor_unknown_is_a_devices() {
    let map = map(&[
        raw(0x10_0000, 0x1000, Usable),
        raw(0x20_0000, 0x1000, Reserved),
        raw(0x30_0000, 0x800, AcpiNvs),
    ])
    .expect("a good map");
    for (start, end, memory) in [
        (0x10_0000, 0x10_0001, true),
        (0x10_0fff, 0x10_2000, true),
        (0x10_1000, 0x10_2000, false),
        (0xf_f000, 0x10_0000, false),
        (0xf_f000, 0x10_0001, true),
        (0x20_0000, 0x20_1000, false),
        (0x30_0fff, 0x30_1000, true),
        (0, u64::MAX, true),
    ] {
        assert_eq!(map.touches_memory(start..end), memory, "{start:#x}-{end:#x}");
    }
}

#[test]
fn adjacent_usable_pieces_lose_no_page() {
    let merged = map(&[raw(0, 0x1800, Usable), raw(0x1800, 0x1800, Usable)]).expect("a good map");
    assert_eq!(list(&merged), [(0, 0x3000, Usable)]);
}

#[test]
fn contradictions_are_refused() {
    let (first, second) = (raw(0x1000, 0x3000, Usable), raw(0x3fff, 0x10, Reserved));
    let error = map(&[second, first]).expect_err("they overlap");
    assert_eq!(error, MemoryMapError::Overlap { first, second });
    assert_eq!(error.to_string(), "memory map: Usable 0x1000-0x3fff overlaps Reserved 0x3fff-0x400e");
    assert!(matches!(map(&[first, first]), Err(MemoryMapError::Overlap { .. })));
    assert!(matches!(map(&[raw(0, 9, AcpiNvs), raw(8, 9, Reserved)]), Err(MemoryMapError::Overlap { .. })));
    assert!(matches!(
        map(&[raw(0, 0x9000, Reserved), raw(0, 1, Reserved), raw(0x8000, 0x2000, Usable)]),
        Err(MemoryMapError::Overlap { .. })
    ));
}

#[test]
fn other_refusals() {
    let wrapping = raw(u64::MAX - 10, 10, Reserved);
    assert!(map(&[raw(0, 0x2000, Usable), wrapping]).is_ok());
    let wrapping = raw(u64::MAX - 10, 11, Reserved);
    assert_eq!(map(&[wrapping]), Err(MemoryMapError::WrapsAround(wrapping)));
    assert_eq!(map(&[]), Err(MemoryMapError::NothingUsable));
    assert_eq!(map(&[raw(0x1800, 0x1000, Usable)]), Err(MemoryMapError::NothingUsable));
    let many: Vec<_> = (0..=MAX_REGIONS as u64).map(|index| raw(index * 0x2000, 0x1000, Usable)).collect();
    assert!(map(&many[1..]).is_ok());
    assert_eq!(map(&many), Err(MemoryMapError::TooMany));
}

#[test]
fn reserving_carves_usable_pages_only() {
    let mut memory =
        map(&[raw(0, 0x8000, Usable), raw(0x8000, 0x1000, Reserved), raw(0xa000, 0x4000, Usable)])
            .expect("a good map");
    assert_eq!(memory.reserve(0x2100..0x2200, Kernel), Ok(0x1000));
    assert_eq!(memory.reserve(0x2fff..0x4000, Kernel), Ok(0x1000));
    assert_eq!(memory.reserve(0x7fff..0xb001, BootData), Ok(0x1000 + 0x2000));
    assert_eq!(memory.reserve(0x5000..0x5000, BootData), Ok(0));
    assert_eq!(memory.reserve(u64::MAX - 1..u64::MAX, BootData), Ok(0));
    assert_eq!(
        list(&memory),
        [
            (0, 0x2000, Usable),
            (0x2000, 0x4000, Kernel),
            (0x4000, 0x7000, Usable),
            (0x7000, 0x8000, BootData),
            (0x8000, 0x9000, Reserved),
            (0xa000, 0xc000, BootData),
            (0xc000, 0xe000, Usable),
        ]
    );
    assert!(memory.contains(0x7000..0x9000, &[BootData, Reserved]));
    assert!(!memory.contains(0x7000..0x9001, &[BootData, Reserved]));
    assert!(!memory.contains(0x7000..0x9000, &[Reserved]));
    assert!(!memory.contains(0x7000..0x7000, &[BootData]));
    assert!(!memory.contains(0x8fff..0xa001, &[BootData, Reserved]), "across a hole");
}

#[test]
fn a_full_map_refuses_to_be_split_and_stays_whole() {
    let many: Vec<_> = (0..MAX_REGIONS as u64).map(|index| raw(index * 0x10000, 0x8000, Usable)).collect();
    let mut memory = map(&many).expect("just fits");
    let before = memory.clone();
    assert_eq!(memory.reserve(0x1000..0x2000, Kernel), Err(MemoryMapError::TooMany));
    assert_eq!(memory, before);
}

fn any_kind() -> impl Strategy<Value = RegionKind> {
    prop::sample::select(vec![Usable, Usable, Usable, Reserved, AcpiReclaimable, AcpiNvs, RegionKind::Bad])
}

fn any_raw() -> impl Strategy<Value = RawRegion> {
    (0..40_u64, 0..0x2000_u64, prop_oneof![0..0x3000_u64, Just(u64::MAX)], any_kind())
        .prop_map(|(page, offset, length, kind)| raw(page * PAGE + offset, length, kind))
}

proptest! {
    /// Against a model that looks at every byte's page: a page is usable if all its bytes were, and nothing else is.
    #[test]
    fn normal_maps_agree_with_the_raw_one(regions in prop::collection::vec(any_raw(), 0..12)) {
        let Ok(memory) = map(&regions) else { return Ok(()) };
        let all: Vec<_> = memory.iter().collect();
        for pair in all.windows(2) {
            prop_assert!(pair[0].end <= pair[1].start);
            prop_assert!(pair[0].end < pair[1].start || pair[0].kind != pair[1].kind);
        }
        for region in &all {
            prop_assert!(region.start < region.end);
            prop_assert!(region.start % PAGE == 0 && region.end % PAGE == 0);
        }
        let usable_bytes = |from: u64, to: u64| -> u64 {
            let inside = |raw: &RawRegion| (raw.base + raw.length).min(to).saturating_sub(raw.base.max(from));
            regions.iter().filter(|raw| raw.kind == Usable).map(inside).sum()
        };
        for page in 0..50 {
            let (from, to) = (page * PAGE, (page + 1) * PAGE);
            prop_assert_eq!(memory.contains(from..to, &[Usable]), usable_bytes(from, to) == PAGE);
        }
    }

    #[test]
    fn reserving_conserves_every_byte(
        regions in prop::collection::vec(any_raw(), 1..12),
        takes in prop::collection::vec((0..50 * PAGE, 0..5 * PAGE), 0..6),
    ) {
        let Ok(mut memory) = map(&regions) else { return Ok(()) };
        let all = |memory: &MemoryMap| memory.iter().map(|region| region.length()).sum::<u64>();
        let total = all(&memory);
        for (start, length) in takes {
            let before = memory.total(Usable);
            let taken = memory.reserve(start..start + length, Kernel).expect("room");
            prop_assert_eq!(memory.total(Usable), before - taken);
            prop_assert_eq!(all(&memory), total);
            prop_assert!(length == 0 || !memory.contains(start..start + 1, &[Usable]));
        }
    }
}

#[test]
fn tables_are_read_where_reading_does_nothing() {
    let map = map(&[
        raw(0, 0x9f000, Usable),
        raw(0x10_0000, 0x10_0000, Usable),
        raw(0x20_0000, 0x1000, AcpiReclaimable),
        raw(0x20_1000, 0x1000, Reserved),
        raw(0xfe00_0000, 0x200_0000, Reserved),
    ])
    .expect("a good map");
    assert_eq!(map.table(0x1f_ff00..0x20_0100), Some(Table::InMemory));
    assert_eq!(map.table(0x20_1000..0x20_1800), Some(Table::Reserved));
    assert_eq!(map.table(0xf_5a00..0xf_5a24), Some(Table::Reserved), "the BIOS area is in no map");
    assert_eq!(map.table(0xf_ffff..0x10_0002), None, "half in the BIOS area");
    assert_eq!(map.table(0xfee0_0000..0xfee0_0400), None, "registers of the local APIC");
    assert_eq!(map.table(0xfebf_fff0..0xfec0_0001), None, "the last byte is an IO-APIC's");
    assert_eq!(map.table(0x20_1000..0x20_1000), None, "nothing");
    assert_eq!(map.table(0x9000_0000..0x9000_1000), None, "in no map");
}

#[test]
fn the_root_pointer_stands_on_a_multiple_of_16() {
    let mut area = vec![0; 0x2_0000];
    assert_eq!(find_root_pointer(&area), None);
    area[0x1008..0x1010].copy_from_slice(b"RSD PTR ");
    assert_eq!(find_root_pointer(&area), None);
    area[0x1_5a00..0x1_5a08].copy_from_slice(b"RSD PTR ");
    assert_eq!(find_root_pointer(&area), Some(0xf_5a00));
}
