//! Disks that nobody sane would write: no panic, no endless loop, and `Damaged` where it is seen.

mod common;

use anax_files::{Creation, Failure, FileSystem, Kind, Listing, Name, Node};
use anax_sectors::{MemoryDisk, SectorSize};
use common::{Random, formatted, name};
use fat::{Fat, Width, check};
use proptest::prelude::*;

/// A small tree in it, and where its structures are.
fn image(width: Width) -> Vec<u8> {
    let sectors = if width == Width::Fat16 { 4600 } else { 400 };
    let mut fat = Fat::open(formatted(width, sectors)).unwrap();
    let root = fat.root();
    let directory = fat.create(root, name("a directory"), Creation::Directory, 0).unwrap().node;
    let below = fat.create(directory, name("below"), Creation::Directory, 0).unwrap().node;
    for (place, text) in [(root, "one file"), (directory, "TWO"), (directory, "three.txt"), (below, "four")] {
        let file = fat.create(place, name(text), Creation::File, 0).unwrap().node;
        fat.write(file, 0, &[7; 3000]).unwrap();
    }
    fat.sync(None).unwrap();
    fat.into_disk().into_bytes()
}

/// Does everything to it, a limited number of times.
fn everything(bytes: Vec<u8>, seed: u64) {
    let mut disk = MemoryDisk::new(bytes, SectorSize::SMALLEST);
    let _ = check(&mut disk);
    let Ok(mut fat) = Fat::with_cache(disk, 16 << 10) else { return };
    let mut random = Random(seed | 1);
    let mut known: Vec<(Node, Kind)> = vec![(fat.root(), Kind::Directory)];
    let mut buffer = vec![0; 10_000];
    let mut at = 0;
    while at < known.len() && at < 100 {
        let (node, kind) = known[at];
        let _ = fat.read(node, random.below(5000), &mut buffer);
        let mut listing = Listing::with_room(4000);
        if fat.list(node, 0, &mut listing).is_ok() && kind == Kind::Directory {
            let entries = Listing::parse(listing.as_bytes()).unwrap();
            for entry in entries.iter().take(30) {
                if let Ok(found) = fat.lookup(node, Name::new(&entry.name).unwrap()) {
                    known.push((found.node, found.kind));
                }
            }
        }
        at += 1;
    }
    for _ in 0..60 {
        let (node, _) = known[random.below(known.len() as u64) as usize];
        let (other, _) = known[random.below(known.len() as u64) as usize];
        let text =
            ["new name", "ONE FILE", "two", "four", "below", "a directory", "x"][random.below(7) as usize];
        let kind = if random.below(2) == 0 { Kind::Directory } else { Kind::File };
        let _ = match random.below(10) {
            0 => fat.create(node, name(text), Creation::File, 0).map(drop),
            1 => fat.create(node, name(text), Creation::Directory, 0).map(drop),
            2 => fat.remove(node, name(text), kind),
            3 => fat.rename((node, name(text)), (other, name("four"))),
            4 => fat.rename((node, name(text)), (other, name("another"))),
            5 => fat.write(node, random.below(9000), &[1; 700]),
            6 => fat.set_size(node, random.below(9000)),
            7 => fat.sync(None),
            8 => fat.usage().map(drop),
            _ => fat.read(node, 0, &mut buffer).map(drop),
        };
    }
    for (node, _) in known {
        fat.forget(node, 1);
    }
    let _ = fat.sync(None);
    let _ = check(&mut fat.into_disk());
}

/// Where something is that is worth changing: the boot sector's numbers, the table, the directories.
fn place(bytes: &[u8], region: u8, at: u16) -> usize {
    let half = |place: usize| usize::from(u16::from_le_bytes([bytes[place], bytes[place + 1]]));
    let (reserved, copies, slots) = (half(14), usize::from(bytes[16]), half(17));
    let table = if half(22) > 0 { half(22) } else { half(36) };
    let root = (reserved + copies * table) * 512;
    let at = usize::from(at);
    match region % 4 {
        0 => 11 + at % 60,
        1 => reserved * 512 + at % 200,
        2 => root + at % 512,
        _ => root + slots * 32 + at % (40 * 512),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn changed_bytes(
        which in 0..3_usize,
        changes in proptest::collection::vec((any::<u8>(), any::<u16>(), any::<u8>()), 1..12),
        seed in any::<u64>(),
    ) {
        let mut bytes = image([Width::Fat12, Width::Fat16, Width::Fat32][which]);
        let original = bytes.clone();
        for (region, at, value) in changes {
            let place = place(&original, region, at);
            if let Some(byte) = bytes.get_mut(place) {
                *byte = value;
            }
        }
        everything(bytes, seed);
    }

    #[test]
    fn a_table_of_links_to_anywhere(
        which in 0..3_usize,
        links in proptest::collection::vec((0..60_u32, 0..60_u32), 1..40),
        seed in any::<u64>(),
    ) {
        let width = [Width::Fat12, Width::Fat16, Width::Fat32][which];
        let mut bytes = image(width);
        for (from, to) in links {
            set_link(&mut bytes, width, from, to);
        }
        everything(bytes, seed);
    }

    #[test]
    fn a_boot_sector_of_anything(boot in proptest::collection::vec(any::<u8>(), 512), seed in any::<u64>()) {
        let mut bytes = image(Width::Fat12);
        bytes[11..90].copy_from_slice(&boot[11..90]);
        everything(bytes, seed);
    }
}

fn set_link(bytes: &mut [u8], width: Width, from: u32, to: u32) {
    let table = usize::from(u16::from_le_bytes([bytes[14], bytes[15]])) * 512;
    let from = from as usize;
    match width {
        Width::Fat12 => {
            let place = table + from + from / 2;
            let both = u16::from_le_bytes([bytes[place], bytes[place + 1]]);
            let to = to as u16 & 0xfff;
            let both = if from.is_multiple_of(2) { both & 0xf000 | to } else { both & 0xf | to << 4 };
            bytes[place..place + 2].copy_from_slice(&both.to_le_bytes());
        }
        Width::Fat16 => {
            bytes[table + 2 * from..][..2].copy_from_slice(&(to as u16).to_le_bytes());
        }
        Width::Fat32 => bytes[table + 4 * from..][..4].copy_from_slice(&to.to_le_bytes()),
    }
}

/// A file of three clusters with a circle in it.
#[test]
fn circles_are_damage() {
    for width in [Width::Fat12, Width::Fat16, Width::Fat32] {
        let mut fat = Fat::open(formatted(width, if width == Width::Fat16 { 4600 } else { 400 })).unwrap();
        let root = fat.root();
        let file = fat.create(root, name("file"), Creation::File, 0).unwrap().node;
        fat.write(file, 0, &[7; 4 * 512]).unwrap();
        fat.sync(None).unwrap();
        let mut bytes = fat.into_disk().into_bytes();
        let first = if width == Width::Fat32 { 3 } else { 2 };
        set_link(&mut bytes, width, first + 2, first + 1);
        let mut fat = Fat::open(MemoryDisk::new(bytes, SectorSize::SMALLEST)).unwrap();
        let file = fat.lookup(root, name("FILE")).unwrap().node;
        assert_eq!(fat.read(file, 0, &mut [0; 2048]), Err(Failure::Damaged));
        // Nothing is changed any more; the rest is read.
        assert_eq!(fat.create(root, name("new"), Creation::File, 0), Err(Failure::Damaged));
        assert_eq!(fat.write(file, 0, b"x"), Err(Failure::Damaged));
        assert!(fat.lookup(root, name("file")).is_ok());
        let before = fat.into_disk();
        let mut fat = Fat::open(before.clone()).unwrap();
        assert_eq!(fat.remove(root, name("file"), Kind::File), Ok(()));
        assert_eq!(fat.sync(None), Err(Failure::Damaged));
    }
}

/// A file of fourteen clusters in which a row of clusters leads into another row that was there before.
#[test]
fn circles_of_rows_are_damage() {
    for width in [Width::Fat12, Width::Fat16, Width::Fat32] {
        let mut fat = Fat::open(formatted(width, if width == Width::Fat16 { 4600 } else { 400 })).unwrap();
        let root = fat.root();
        let file = fat.create(root, name("file"), Creation::File, 0).unwrap().node;
        fat.write(file, 0, &[7; 14 * 512]).unwrap();
        fat.sync(None).unwrap();
        let mut bytes = fat.into_disk().into_bytes();
        let first = if width == Width::Fat32 { 3 } else { 2 };
        // One, six behind it, and five that lead to those six.
        set_link(&mut bytes, width, first, first + 6);
        set_link(&mut bytes, width, first + 11, first + 1);
        let mut fat = Fat::open(MemoryDisk::new(bytes, SectorSize::SMALLEST)).unwrap();
        let file = fat.lookup(root, name("FILE")).unwrap().node;
        assert_eq!(fat.read(file, 0, &mut [0; 14 * 512]), Err(Failure::Damaged));
    }
}

/// Two names for one directory, and one for the root.
#[test]
fn directories_in_two_places_are_damage() {
    let mut bytes = image(Width::Fat12);
    let root = usize::from(u16::from_le_bytes([bytes[22], bytes[23]])) * 2 * 512 + 512;
    let slots: Vec<usize> = (0..16).map(|slot| root + 32 * slot).collect();
    let is_short = |slot: &&usize| {
        bytes[**slot + 11] & 0x3f != 0x0f && bytes[**slot + 11] & 8 == 0 && bytes[**slot] != 0
    };
    let shorts: Vec<usize> = slots.iter().filter(is_short).copied().collect();
    let [directory, file] = shorts[..] else { panic!("two entries") };
    let cluster = [bytes[directory + 26], bytes[directory + 27]];
    bytes[file + 26..file + 28].copy_from_slice(&cluster);
    bytes[file + 11] = 0x10;
    let mut fat = Fat::open(MemoryDisk::new(bytes, SectorSize::SMALLEST)).unwrap();
    let root = fat.root();
    assert!(fat.lookup(root, name("a directory")).is_ok());
    assert_eq!(fat.lookup(root, name("one file")), Err(Failure::Damaged));
}

/// A disk that fails in the middle of anything.
#[test]
fn a_disk_that_fails() {
    for lives in 0..120 {
        let mut disk = formatted(Width::Fat16, 4600);
        disk.lives = Some(lives);
        let Ok(mut fat) = Fat::with_cache(disk, 16 << 10) else { continue };
        let root = fat.root();
        for number in 0..20 {
            let text = format!("file {number}");
            let Ok(made) = fat.create(root, name(&text), Creation::File, 0) else { continue };
            let _ = fat.write(made.node, 0, &[1; 5000]);
            let _ = fat.set_size(made.node, 100);
            let _ = fat.rename((root, name(&text)), (root, name("same")));
            fat.forget(made.node, 1);
            let _ = fat.sync(None);
        }
        let _ = fat.remove(root, name("same"), Kind::File);
        // When it works again, what was to be written is written.
        let mut disk = fat.into_disk();
        disk.lives = None;
        let _ = check(&mut disk).unwrap();
    }
}
