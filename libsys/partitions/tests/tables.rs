//! Tables that others wrote, tables that are wrong, and anything.

use std::io::Cursor;
use std::process::Command;

use anax_partitions::{Guid, Label, Partition, Refusal, Scheme, TableError, read};
use anax_sectors::{MemoryDisk, SectorSize};
use proptest::prelude::*;

const SECTORS: usize = 4096;

fn disk(bytes: Vec<u8>) -> MemoryDisk {
    MemoryDisk::new(bytes, SectorSize::SMALLEST)
}

/// Three parts, by crate `gpt`.
fn gpt_image() -> Vec<u8> {
    let mut device = Cursor::new(vec![0; SECTORS * 512]);
    let mbr = gpt::mbr::ProtectiveMBR::with_lb_size(SECTORS as u32 - 1);
    mbr.overwrite_lba0(&mut device).unwrap();
    let config = gpt::GptConfig::new().writable(true).logical_block_size(gpt::disk::LogicalBlockSize::Lb512);
    let mut table = config.create_from_device(device, None).unwrap();
    table.add_partition("boot", 512 * 200, gpt::partition_types::EFI, 0, None).unwrap();
    table.add_partition("häuser", 512 * 1000, gpt::partition_types::LINUX_FS, 1, None).unwrap();
    table.add_partition("rest", 512 * 500, gpt::partition_types::BASIC, 0, None).unwrap();
    table.write().unwrap().into_inner()
}

/// Two parts, and three in an extended one, by crate `mbrman`.
fn mbr_image() -> Vec<u8> {
    let mut device = Cursor::new(vec![0; SECTORS * 512]);
    let mut mbr = mbrman::MBR::new_from(&mut device, 512, [1, 2, 3, 4]).unwrap();
    let part = |boot, sys, starting_lba, sectors| mbrman::MBRPartitionEntry {
        boot,
        first_chs: mbrman::CHS::empty(),
        sys,
        last_chs: mbrman::CHS::empty(),
        starting_lba,
        sectors,
    };
    mbr.align = 1;
    mbr[1] = part(mbrman::BOOT_ACTIVE, 0x0c, 64, 900);
    mbr[2] = part(mbrman::BOOT_INACTIVE, 0x83, 1000, 1000);
    mbr[3] = part(mbrman::BOOT_INACTIVE, 0x0f, 2048, 2000);
    for (first, sectors) in [(2048, 100), (2200, 300), (3000, 1000)] {
        mbr.push(0x83, first, sectors).unwrap();
    }
    mbr.write_into(&mut device).unwrap();
    device.into_inner()
}

fn places(partitions: &[Partition]) -> Vec<(String, u64, u64)> {
    partitions.iter().map(|partition| (partition.name(), partition.first, partition.sectors)).collect()
}

#[test]
fn a_gpt_and_its_backup() {
    let mut image = gpt_image();
    let table = read(&mut disk(image.clone())).unwrap();
    assert_eq!((table.scheme, table.is_backup, table.refused.len()), (Scheme::Gpt, false, 0));
    let names = table.partitions.iter().map(|partition| match &partition.label {
        Label::Gpt { kind, attributes, name, .. } => (*kind, *attributes, name.as_str()),
        Label::Mbr { .. } => panic!("no GPT's"),
    });
    assert_eq!(
        names.collect::<Vec<_>>(),
        [(Guid::EFI_SYSTEM, 0, "boot"), (Guid::LINUX, 1, "häuser"), (Guid::BASIC_DATA, 0, "rest")]
    );
    assert_eq!(
        table.partitions.iter().map(|partition| partition.sectors).collect::<Vec<_>>(),
        [200, 1000, 500]
    );
    // Any bit of the first header or its entries.
    for at in [512 + 30, 512 + 85, 2 * 512 + 40] {
        let mut broken = image.clone();
        broken[at] ^= 4;
        let backup = read(&mut disk(broken)).unwrap();
        assert!(backup.is_backup);
        assert_eq!(backup.partitions, table.partitions);
    }
    image[512 + 30] ^= 4;
    let last = image.len() - 512;
    image[last + 30] ^= 4;
    assert_eq!(read(&mut disk(image)), Err(TableError::Damaged));
}

#[test]
fn an_mbr_and_its_chain() {
    let mut image = mbr_image();
    let table = read(&mut disk(image.clone())).unwrap();
    assert_eq!((table.scheme, table.refused.len()), (Scheme::Mbr, 0));
    let names: Vec<_> = table.partitions.iter().map(Partition::name).collect();
    assert_eq!(names, ["p1", "p2", "p5", "p6", "p7"]);
    assert_eq!(table.partitions[0].label, Label::Mbr { kind: 0x0c, is_active: true });
    let sectors: Vec<_> = table.partitions.iter().map(|partition| partition.sectors).collect();
    assert_eq!(sectors[..2], [900, 1000]);
    // The first record of the chain leads to itself.
    let link = 2048 * 512 + 446 + 16 + 8;
    image[link..link + 4].copy_from_slice(&0_u32.to_le_bytes());
    let table = read(&mut disk(image)).unwrap();
    assert_eq!(places(&table.partitions).len(), 3);
}

#[test]
fn what_overlaps_is_refused_both() {
    let mut image = mbr_image();
    // The second begins within the first.
    image[446 + 16 + 8..446 + 16 + 12].copy_from_slice(&963_u32.to_le_bytes());
    let table = read(&mut disk(image.clone())).unwrap();
    assert_eq!(table.refused, [(1, Refusal::Overlaps), (2, Refusal::Overlaps)]);
    assert_eq!(table.partitions.len(), 3);
    // The first goes beyond the disk.
    image[446 + 12..446 + 16].copy_from_slice(&u32::MAX.to_le_bytes());
    let table = read(&mut disk(image)).unwrap();
    assert_eq!(table.refused, [(1, Refusal::OutOfRange)]);
    assert_eq!(table.partitions.len(), 4);
}

#[test]
fn no_table_at_all() {
    assert_eq!(read(&mut disk(vec![0; 512 * 8])).unwrap().scheme, Scheme::None);
    assert_eq!(read(&mut disk(Vec::new())).unwrap().scheme, Scheme::None);
    // A FAT's boot sector: the signature, and text where the entries would be.
    let mut boot = vec![b' '; 512 * 8];
    boot[510..512].copy_from_slice(&[0x55, 0xaa]);
    assert_eq!(read(&mut disk(boot)).unwrap().scheme, Scheme::None);
}

/// What `sgdisk` makes, where there is one.
#[test]
fn a_gpt_of_sgdisk() {
    let file = tempfile::NamedTempFile::new().unwrap();
    file.as_file().set_len(16 << 20).unwrap();
    let arguments = ["-n", "1:2048:+4M", "-t", "1:ef00", "-n", "3:0:0", "-c", "3:data"];
    match Command::new("sgdisk").args(arguments).arg(file.path()).output() {
        Ok(output) if output.status.success() => {}
        _ => return,
    }
    let table = read(&mut disk(std::fs::read(file.path()).unwrap())).unwrap();
    let names: Vec<_> = table.partitions.iter().map(Partition::name).collect();
    assert_eq!(names, ["p1", "p3"]);
    assert_eq!(places(&table.partitions)[0], ("p1".into(), 2048, 8192));
    assert!(matches!(&table.partitions[1].label, Label::Gpt { name, .. } if name == "data"));
}

fn is_sound(disk: &mut MemoryDisk) -> Result<(), TestCaseError> {
    let sectors = disk.as_bytes().len() as u64 / 512;
    let Ok(table) = read(disk) else { return Ok(()) };
    let mut end = 0;
    let mut partitions = table.partitions;
    partitions.sort_by_key(|partition| partition.first);
    for partition in partitions {
        prop_assert!(partition.sectors > 0 && partition.first >= end.max(1));
        end = partition.first + partition.sectors;
    }
    prop_assert!(end <= sectors);
    Ok(())
}

proptest! {
    #[test]
    fn flipped_bytes(flips in proptest::collection::vec((0..4_usize, 0..1024_usize, any::<u8>()), 1..20)) {
        for mut image in [gpt_image(), mbr_image()] {
            for (base, at, value) in &flips {
                let base = [0, 2048 * 512, 2198 * 512, image.len() - 1024][*base];
                image[base + at] = *value;
            }
            is_sound(&mut disk(image))?;
        }
    }

    #[test]
    fn entries_that_are_anything(entries in proptest::collection::vec((any::<bool>(), 0..5000_u32, 0..3000_u32), 4)) {
        let mut image = mbr_image();
        for (number, (is_extended, first, sectors)) in entries.into_iter().enumerate() {
            let at = 446 + 16 * number;
            image[at + 4] = if is_extended { 5 } else { 0x83 };
            image[at + 8..at + 12].copy_from_slice(&first.to_le_bytes());
            image[at + 12..at + 16].copy_from_slice(&sectors.to_le_bytes());
        }
        is_sound(&mut disk(image))?;
    }
}
