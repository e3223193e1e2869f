//! A large file read from a disk, through VFS server and FAT, as a share of what the same bytes take from the disk itself.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use anax_pattern::{Direction, Pattern};
use anax_vm::Spec;
use anyhow::Context as _;
use system_tests::disk_image::Files;

use super::super::row::{Better, Counted, Row};
use super::succeed;

/// One file alone, of some pieces of the page cache.
const FILES: Files = Files { count: 1, bytes: 8 << 20, largest: 8 << 20, seed: 64 };
const PATH: &str = "/0/file-00000.bin";
/// In which steps its beginning is looked for: a cluster begins there.
const STEP: usize = 4096;
/// What a Linux guest takes for 64 KiB that it does not remember, by its cache and past it.
const PEER: [f64; 2] = [66_930.0, 23_788.0];

/// The three rows. What is compared is the inverse of the costs: throughput where the CPU is the bound.
pub(super) fn rows(spec: &Spec, folder: &Path) -> anyhow::Result<Vec<Row>> {
    let image = std::path::absolute(folder.join("disk"))?;
    FILES.image(&image)?;
    let sector = begins(&image)?;
    let command = format!("vfs-bench sequential blk0 {PATH} {sector} {} {}", FILES.largest, FILES.seed);
    let log = Some(folder.join("sequential.log"));
    let figures = succeed(&Spec { disk: Some(image.clone()), log, ..spec.clone() }, &command)?;
    std::fs::remove_file(&image)?;
    let cost = |name: &'static str, peer| {
        let value = *figures.get(name).with_context(|| format!("nobody reported {name}"))? as f64;
        Ok::<_, anyhow::Error>(Row {
            peer: Some(peer),
            limit: Some(peer),
            ..Row::new(name, value, "instructions", Counted::Crowd)
        })
    };
    let (file, raw) = (cost("vfs.seq_read_64k", PEER[0])?, cost("vfs.raw_read_64k", PEER[1])?);
    let percent = |raw: f64, file: f64| (raw / file * 1000.0).round() / 10.0;
    let peer = percent(PEER[1], PEER[0]);
    let share = Row {
        better: Better::More,
        limit: Some(peer),
        aim: Some(90.0),
        peer: Some(peer),
        ..Row::new("vfs.seq_read_share", percent(raw.value, file.value), "%", Counted::Crowd)
    };
    Ok(vec![share, file, raw])
}

/// The first sector of the file.
fn begins(image: &Path) -> anyhow::Result<u64> {
    let mut beginning = [0; STEP];
    Pattern::new(FILES.seed, Direction::FromGuest).fill(0, &mut beginning);
    let (mut disk, mut step) = (File::open(image)?, [0; STEP]);
    let mut at = 0;
    loop {
        disk.read_exact(&mut step).context("the file does not lie on its disk")?;
        if step == beginning {
            return Ok(at / 512);
        }
        at += STEP as u64;
    }
}
