//! Makes an empty file system: what other systems call `mkfs`. Fatgen103, "Boot Sector and BPB", with its cluster sizes of FAT32.

use alloc::vec;
use alloc::vec::Vec;

use anax_files::Failure;
use anax_sectors::Disk;

use crate::entry::{LABEL, Record};
use crate::layout::{MOST_FAT12, MOST_FAT16, MOST_FAT32, SLOT_BYTES, Width};
use crate::name::Short;
use crate::time::Stamp;
use crate::volume::{INFO_FREE, INFO_NEXT, INFO_SIGNATURES};

/// Slots of a fixed root.
const ROOT_SLOTS: u64 = 512;
/// Sectors before the table of FAT32, and two of them.
const RESERVED: u64 = 32;
const INFO: u64 = 1;
const BACKUP: u64 = 6;
const COPIES: u64 = 2;
/// A fixed disk.
const MEDIUM: u8 = 0xf8;
/// Numbers of clusters too near to where another width begins, which some programs get wrong.
const MARGIN: u32 = 16;
const CHUNK: usize = 64 * 1024;

/// How it is to be.
#[derive(Clone, Copy, Debug, Default)]
pub struct Format<'a> {
    /// Which one; if that is not said: below 4 MiB FAT12, below 512 MiB FAT16. A small FAT32 has fewer clusters than Microsoft allows: Windows won't take it.
    pub width: Option<Width>,
    /// Bytes of a cluster, a power of two.
    pub cluster_bytes: Option<u32>,
    /// The label, up to 11 characters, or nothing.
    pub label: &'a str,
    /// The serial number.
    pub serial: u32,
    /// Seconds since 1970 began.
    pub now: u64,
}

struct Plan {
    width: Width,
    sector: u64,
    per_cluster: u64,
    reserved: u64,
    table: u64,
    root: u64,
    clusters: u64,
}

/// Makes an empty file system on the whole disk. What was there is gone.
///
/// # Errors
/// `BadArgument`: there is none like that of this size. `ReadOnly`, `Medium`.
pub fn format(disk: &mut impl Disk, wishes: &Format<'_>) -> Result<Width, Failure> {
    let plan = plan(disk, wishes).ok_or(Failure::BadArgument)?;
    let data = plan.reserved + COPIES * plan.table + plan.root;
    let cleared = data + if plan.width == Width::Fat32 { plan.per_cluster } else { 0 };
    // Sector 0 becomes one that says something last.
    zero(disk, 0, cleared)?;
    for copy in 0..COPIES {
        disk.write(plan.reserved + copy * plan.table, &first_of_table(&plan))?;
    }
    if let Some(label) = label(wishes.label) {
        let root = if plan.width == Width::Fat32 { data } else { data - plan.root };
        let mut sector = vec![0; plan.sector as usize];
        let record = Record::new(label, LABEL, Stamp::from_seconds(wishes.now));
        sector[..SLOT_BYTES].copy_from_slice(&record.0);
        disk.write(root, &sector)?;
    }
    let boot = boot(disk.shape().sectors, &plan, wishes);
    if plan.width == Width::Fat32 {
        for base in [0, BACKUP] {
            disk.write(base + INFO, &info(&plan))?;
        }
        disk.write(BACKUP, &boot)?;
    }
    disk.flush()?;
    disk.write(0, &boot)?;
    disk.flush()?;
    Ok(plan.width)
}

fn plan(disk: &impl Disk, wishes: &Format<'_>) -> Option<Plan> {
    let shape = disk.shape();
    let (sectors, sector) = (shape.sectors, u64::from(shape.sector.bytes()));
    let bytes = sectors.checked_mul(sector)?;
    u32::try_from(sectors).ok()?;
    let width = wishes.width.unwrap_or(match bytes >> 20 {
        0..4 => Width::Fat12,
        4..512 => Width::Fat16,
        _ => Width::Fat32,
    });
    let root = if width == Width::Fat32 { 0 } else { (ROOT_SLOTS * SLOT_BYTES as u64).div_ceil(sector) };
    let reserved = if width == Width::Fat32 { RESERVED } else { 1 };
    let with = |per_cluster: u64| {
        let free = sectors.checked_sub(reserved + root)?;
        // As if the table took no room: some sectors too many.
        let table = (free / per_cluster + 2) * width.bits();
        let table = table.div_ceil(8).div_ceil(sector);
        let clusters = free.checked_sub(COPIES * table)? / per_cluster;
        Some(Plan { width, sector, per_cluster, reserved, table, root, clusters })
    };
    if let Some(wanted) = wishes.cluster_bytes {
        let per_cluster = u64::from(wanted) / sector;
        let is_good = wanted.is_power_of_two() && (1..=128).contains(&per_cluster);
        return with(per_cluster).filter(|plan| is_good && plan.is_good(wishes));
    }
    // Clusters of 4 KiB up to 8 GiB, and so on.
    let least = match (width, bytes >> 30) {
        (Width::Fat12 | Width::Fat16, _) => 512,
        (_, _) if bytes >> 20 < 260 => 512,
        (_, 0..8) => 4096,
        (_, 8..16) => 8192,
        (_, 16..32) => 16_384,
        _ => 32_768,
    };
    let sizes = (0..8).map(|power| 1 << power).filter(|size| size * sector >= least.min(128 * sector));
    sizes.filter_map(with).find(|plan| plan.is_good(wishes))
}

impl Plan {
    fn is_good(&self, wishes: &Format<'_>) -> bool {
        let most = match self.width {
            Width::Fat12 => MOST_FAT12,
            Width::Fat16 => MOST_FAT16,
            Width::Fat32 => MOST_FAT32,
        };
        let fewest = match self.width {
            Width::Fat12 => 1,
            Width::Fat16 => MOST_FAT12 + MARGIN,
            Width::Fat32 if wishes.width.is_some() => 1,
            Width::Fat32 => MOST_FAT16 + MARGIN,
        };
        (u64::from(fewest)..u64::from(most - MARGIN)).contains(&self.clusters)
            && self.table <= u32::MAX.into()
    }
}

/// The table's first sector: two entries that are no cluster's, and FAT32's root.
fn first_of_table(plan: &Plan) -> Vec<u8> {
    let mut sector = vec![0; plan.sector as usize];
    let start: &[u8] = match plan.width {
        Width::Fat12 => &[MEDIUM, 0xff, 0xff],
        Width::Fat16 => &[MEDIUM, 0xff, 0xff, 0xff],
        Width::Fat32 => &[MEDIUM, 0xff, 0xff, 0x0f, 0xff, 0xff, 0xff, 0x0f, 0xff, 0xff, 0xff, 0x0f],
    };
    sector[..start.len()].copy_from_slice(start);
    sector
}

fn info(plan: &Plan) -> Vec<u8> {
    let mut sector = vec![0; plan.sector as usize];
    let mut put = |at: usize, value: u32| sector[at..at + 4].copy_from_slice(&value.to_le_bytes());
    INFO_SIGNATURES.iter().for_each(|(at, signature)| put(*at, *signature));
    // The root has one.
    put(INFO_FREE, plan.clusters as u32 - 1);
    put(INFO_NEXT, 3);
    sector
}

fn boot(sectors: u64, plan: &Plan, wishes: &Format<'_>) -> Vec<u8> {
    let mut boot = vec![0; plan.sector as usize];
    let is_wide = plan.width == Width::Fat32;
    let mut put = |at: usize, bytes: &[u8]| boot[at..at + bytes.len()].copy_from_slice(bytes);
    let half = |value: u64| (value as u16).to_le_bytes();
    let word = |value: u64| (value as u32).to_le_bytes();
    let is_short = !is_wide && sectors <= u16::MAX.into();
    put(0, if is_wide { &[0xeb, 0x58, 0x90] } else { &[0xeb, 0x3c, 0x90] });
    put(3, b"ANAX    ");
    put(11, &half(plan.sector));
    put(13, &[plan.per_cluster as u8]);
    put(14, &half(plan.reserved));
    put(16, &[COPIES as u8]);
    put(17, &half(if is_wide { 0 } else { ROOT_SLOTS }));
    put(19, &half(if is_short { sectors } else { 0 }));
    put(21, &[MEDIUM]);
    put(22, &half(if is_wide { 0 } else { plan.table }));
    // Sectors of a track, and heads: nobody has them any more.
    put(24, &half(63));
    put(26, &half(255));
    put(32, &word(if is_short { 0 } else { sectors }));
    let rest = if is_wide {
        put(36, &word(plan.table));
        put(44, &word(2));
        put(48, &half(INFO));
        put(50, &half(BACKUP));
        64
    } else {
        36
    };
    let label = label(wishes.label).map_or(*b"NO NAME    ", |label| label.0);
    put(rest, &[0x80, 0, 0x29]);
    put(rest + 3, &wishes.serial.to_le_bytes());
    put(rest + 7, &label);
    put(
        rest + 18,
        match plan.width {
            Width::Fat12 => b"FAT12   ",
            Width::Fat16 => b"FAT16   ",
            Width::Fat32 => b"FAT32   ",
        },
    );
    // Who boots from it is told that there is nothing to boot: interrupt 0x18 of the firmware.
    put(rest + 26, &[0xcd, 0x18]);
    put(510, &[0x55, 0xaa]);
    boot
}

/// The label as an entry has it.
fn label(text: &str) -> Option<Short> {
    let mut label = Short([b' '; 11]);
    let good =
        text.chars().filter(|character| character.is_ascii_alphanumeric() || "-_ ".contains(*character));
    for (place, character) in label.0.iter_mut().zip(good) {
        *place = character.to_ascii_uppercase() as u8;
    }
    (label.0[0] != b' ').then_some(label)
}

fn zero(disk: &mut impl Disk, from: u64, to: u64) -> Result<(), Failure> {
    let sector = disk.shape().sector_bytes();
    let zeros = vec![0; CHUNK];
    let mut at = from;
    while at < to {
        let count = ((to - at) as usize).min(CHUNK / sector);
        disk.write(at, &zeros[..count * sector])?;
        at += count as u64;
    }
    Ok(())
}
