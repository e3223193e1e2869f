//! The list against a map of single pages, by random use.

use std::collections::BTreeMap;

use anax_abi::{Error, Rights};
use anax_elf::Protection;
use anax_mappings::{Mapping, PAGE_SIZE, USER, cut, cuts, gap, overlap, pages, protection_of};
use proptest::prelude::*;

const AT: u64 = 0x10_0000;
const PAGES: u64 = 24;

fn mapping(start: u64, count: u64, region: u32) -> Mapping<u32> {
    let end = start + count * PAGE_SIZE;
    Mapping {
        start,
        end,
        first: region * 100,
        region: Some(region),
        protection: Protection::Read,
        most: Rights::READ,
    }
}

/// Puts a mapping in its place, as the kernel does where nothing is.
fn insert(list: &mut Vec<Mapping<u32>>, new: Mapping<u32>) {
    let place = list.partition_point(|mapping| mapping.end <= new.start);
    list.insert(place, new);
}

/// What the list says of each page.
fn seen(list: &[Mapping<u32>]) -> BTreeMap<u64, u32> {
    let all = list.iter().flat_map(|mapping| {
        (mapping.start..mapping.end).step_by(PAGE_SIZE as usize).map(|page| (page, mapping.page(page)))
    });
    all.collect()
}

#[test]
fn ranges_are_whole_pages_of_users() {
    assert_eq!(pages(0x1000, 1), Ok(0x1000..0x2000));
    assert_eq!(pages(USER.end - 0x1000, 0x1000), Ok(USER.end - 0x1000..USER.end));
    let bad =
        [(0, 1), (0x1001, 1), (0x1000, 0), (0x1000, u64::MAX), (USER.end, 1), (USER.end - 0x1000, 0x1001)];
    for (address, bytes) in bad {
        assert_eq!(pages(address, bytes), Err(Error::BadAddress), "{address:#x}, {bytes:#x}");
    }
}

#[test]
fn nothing_is_writable_and_executable() {
    assert_eq!(protection_of(Rights::READ), Ok(Protection::Read));
    assert_eq!(protection_of(Rights::READ.with(Rights::WRITE)), Ok(Protection::ReadWrite));
    assert_eq!(protection_of(Rights::READ.with(Rights::EXECUTE)), Ok(Protection::ReadExecute));
    let all = Rights::READ.with(Rights::WRITE).with(Rights::EXECUTE);
    for bad in [all, Rights::WRITE, Rights::EXECUTE, Rights::NONE, Rights::READ.with(Rights::SEND)] {
        assert_eq!(protection_of(bad), Err(Error::BadArgument));
    }
}

proptest! {
    #[test]
    fn as_if_page_by_page(steps in prop::collection::vec((0..PAGES, 1..8_u64, any::<bool>()), 1..60)) {
        let mut list = Vec::new();
        let mut model: BTreeMap<u64, u32> = BTreeMap::new();
        for (region, (place, count, map)) in (1..).zip(steps) {
            let range = AT + place * PAGE_SIZE..AT + (place + count) * PAGE_SIZE;
            let taken = model.range(range.clone()).next().is_some();
            let found = overlap(&list, range.start, range.end - range.start);
            prop_assert_eq!(found.is_ok(), taken);
            if map && !taken {
                insert(&mut list, mapping(range.start, count, region));
                model.extend(seen(&[mapping(range.start, count, region)]));
            } else if let (false, Ok((pages, _))) = (map, found) {
                // Unmapped: cut at both ends, then taken out.
                let (_, reaching) = overlap(&list, pages.start, pages.end - pages.start).unwrap();
                let (before, more) = (list.len(), cuts(&list[reaching.clone()], &pages));
                let last = reaching.end - 1;
                let mut made = usize::from(cut(&mut list, last, pages.end));
                made += usize::from(cut(&mut list, reaching.start, pages.start));
                prop_assert_eq!((made, list.len()), (more, before + more));
                list.retain(|mapping| mapping.end <= pages.start || mapping.start >= pages.end);
                model.retain(|page, _| !pages.contains(page));
            }
            prop_assert_eq!(seen(&list), model.clone());
            prop_assert!(list.windows(2).all(|pair| pair[0].end <= pair[1].start));
            // A gap is free, with a page below it.
            let (index, at) = gap(&list, AT, count * PAGE_SIZE).unwrap();
            prop_assert!(model.range(at - PAGE_SIZE..at + count * PAGE_SIZE).next().is_none());
            prop_assert_eq!(index, list.partition_point(|mapping| mapping.end <= at));
        }
    }
}

#[test]
fn no_gap_beyond_the_end() {
    let whole = USER.end - 0x10_0000;
    assert_eq!(gap::<u32>(&[], USER.start, whole).map(|(_, at)| at), Some(USER.start + PAGE_SIZE));
    let list = [mapping(USER.end - 4 * PAGE_SIZE, 4, 1)];
    assert_eq!(
        gap(&list, USER.end - 8 * PAGE_SIZE, 3 * PAGE_SIZE).map(|(_, at)| at),
        Some(USER.end - 7 * PAGE_SIZE)
    );
    assert_eq!(gap(&list, USER.end - 8 * PAGE_SIZE, 4 * PAGE_SIZE), None);
}
