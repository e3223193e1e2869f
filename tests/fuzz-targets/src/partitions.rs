//! A disk whose tables are the input: an MBR, the chain of an extended partition, and a GPT with its checksums repaired. No part may reach beyond the disk or into another.

use anax_partitions::read;
use anax_sectors::{MemoryDisk, SectorSize};

const SECTORS: usize = 128;

/// Takes an input.
pub fn take(input: &[u8]) {
    let mut bytes = vec![0; SECTORS * 512];
    let count = input.len().min(bytes.len());
    bytes[..count].copy_from_slice(&input[..count]);
    for sector in 0..SECTORS {
        bytes[sector * 512 + 510..][..2].copy_from_slice(&[0x55, 0xaa]);
    }
    if input.first().is_some_and(|first| first % 2 == 0) {
        seal(&mut bytes);
    }
    let mut disk = MemoryDisk::new(bytes, SectorSize::SMALLEST);
    let Ok(table) = read(&mut disk) else { return };
    let mut partitions = table.partitions;
    partitions.sort_by_key(|partition| partition.first);
    let mut end = 1;
    for partition in partitions {
        assert!(partition.sectors > 0 && partition.first >= end);
        end = partition.first + partition.sectors;
    }
    assert!(end <= SECTORS as u64);
}

/// Repairs what hardly any input would have right.
fn seal(bytes: &mut [u8]) {
    bytes[446] = 0;
    bytes[450] = 0xee;
    bytes[458] |= 1;
    let header = &mut bytes[512..1024];
    header[..8].copy_from_slice(b"EFI PART");
    header[12..16].copy_from_slice(&92_u32.to_le_bytes());
    header[24..32].copy_from_slice(&1_u64.to_le_bytes());
    header[72..80].copy_from_slice(&2_u64.to_le_bytes());
    header[80..84].copy_from_slice(&8_u32.to_le_bytes());
    header[84..88].copy_from_slice(&128_u32.to_le_bytes());
    let entries = crc(&bytes[1024..1024 + 8 * 128]);
    bytes[512 + 88..512 + 92].copy_from_slice(&entries.to_le_bytes());
    bytes[512 + 16..512 + 20].fill(0);
    let header = crc(&bytes[512..512 + 92]);
    bytes[512 + 16..512 + 20].copy_from_slice(&header.to_le_bytes());
}

/// CRC-32, bit by bit.
fn crc(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| crc >> 1 ^ if crc & 1 == 1 { 0xedb8_8320 } else { 0 })
    })
}
