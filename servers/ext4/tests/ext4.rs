//! Images that `mke2fs` makes of a folder, where the machine has it: read here, and damaged.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};

use anax_files::{Failure, FileSystem, Kind, Listing, Name, Node};
use anax_sectors::{MemoryDisk, SectorSize};
use ext4::Ext4;
use proptest::prelude::*;

fn name(text: &str) -> Name<'_> {
    Name::new(text).unwrap()
}

/// Small files in one directory.
const FILES: usize = 700;

fn content(number: usize) -> Vec<u8> {
    (0..number * 911 % 9000).map(|at| ((at / 3) ^ number) as u8).collect()
}

/// An image of a folder, or nothing if this machine has no `mke2fs`, which is a failure where all has to be tested.
fn image(kind: &str, options: &[&str], fill: impl Fn(&Path)) -> Option<Vec<u8>> {
    let folder = tempfile::tempdir().unwrap();
    let tree = folder.path().join("tree");
    fs::create_dir(&tree).unwrap();
    fill(&tree);
    let image = folder.path().join("image");
    let output = Command::new("mke2fs")
        .args(["-q", "-t", kind, "-d", tree.to_str().unwrap()])
        .args(options)
        .args([image.to_str().unwrap(), "24M"])
        .env("PATH", "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin")
        .stdin(Stdio::null())
        .output();
    if output.is_err() {
        assert!(std::env::var_os("CI").is_none(), "there is no mke2fs");
    }
    let output = output.ok()?;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(fs::read(image).unwrap())
}

fn fill(tree: &Path) {
    let many = tree.join("many");
    fs::create_dir(&many).unwrap();
    for number in 0..FILES {
        fs::write(many.join(format!("a file of number {number}")), content(number)).unwrap();
    }
    fs::create_dir_all(tree.join("deep/deeper/deepest")).unwrap();
    fs::write(tree.join("deep/deeper/deepest/file"), "found").unwrap();
    let big: Vec<u8> = (0..3 << 20_u32).map(|at| (at >> 10) as u8 ^ at as u8).collect();
    fs::write(tree.join("big"), big).unwrap();
    symlink("deep/deeper", tree.join("short")).unwrap();
    symlink("x/".repeat(100) + "end", tree.join("long")).unwrap();
    fs::write(tree.join("ünï"), "").unwrap();
    // A hole, if the tool keeps it.
    let holes = fs::File::create(tree.join("holes")).unwrap();
    holes.set_len(3 << 20).unwrap();
}

fn open(bytes: Vec<u8>) -> Result<Ext4, Failure> {
    Ext4::open(MemoryDisk::new(bytes, SectorSize::SMALLEST))
}

fn names(system: &mut Ext4, directory: Node) -> Vec<(String, Kind)> {
    let (mut from, mut names) = (0, Vec::new());
    loop {
        let mut listing = Listing::with_room(3000);
        system.list(directory, from, &mut listing).unwrap();
        let entries = Listing::parse(listing.as_bytes()).unwrap();
        let Some(last) = entries.last() else { break };
        from = last.next;
        names.extend(entries.into_iter().map(|entry| (entry.name, entry.kind)));
    }
    names.sort_by(|a, b| a.0.cmp(&b.0));
    names
}

fn all(system: &mut Ext4, node: Node, size: u64) -> Vec<u8> {
    let mut bytes = vec![1; size as usize + 10];
    let count = system.read(node, 0, &mut bytes).unwrap();
    bytes.truncate(count);
    bytes
}

#[test]
fn what_mke2fs_makes_is_read() {
    for (kind, options) in [
        ("ext4", &[][..]),
        ("ext4", &["-b", "1024"]),
        ("ext3", &["-O", "^metadata_csum"]),
        ("ext2", &["-b", "1024"]),
    ] {
        let Some(bytes) = image(kind, options, fill) else { return };
        let mut system = open(bytes).unwrap();
        let root = system.root();
        let listed = names(&mut system, root);
        let listed: Vec<_> = listed.iter().map(|(name, kind)| (name.as_str(), *kind)).collect();
        assert_eq!(
            listed,
            [
                ("big", Kind::File),
                ("deep", Kind::Directory),
                ("holes", Kind::File),
                ("long", Kind::Link),
                ("lost+found", Kind::Directory),
                ("many", Kind::Directory),
                ("short", Kind::Link),
                ("ünï", Kind::File),
            ]
        );
        let many = system.lookup(root, name("many")).unwrap().node;
        assert_eq!(names(&mut system, many).len(), FILES);
        for number in 0..FILES {
            let file = system.lookup(many, name(&format!("a file of number {number}"))).unwrap();
            assert_eq!(file.size, content(number).len() as u64);
            assert!(file.modified > 1_600_000_000 && file.is_read_only);
            assert!(all(&mut system, file.node, file.size) == content(number), "{number}");
            system.forget(file.node, 1);
            assert_eq!(system.attributes(file.node), Err(Failure::NotFound));
        }
        let mut place = root;
        for text in ["deep", "deeper", "deepest"] {
            place = system.lookup(place, name(text)).unwrap().node;
        }
        let file = system.lookup(place, name("file")).unwrap();
        assert_eq!(system.lookup(place, name("file")).unwrap().node, file.node);
        assert_eq!(all(&mut system, file.node, file.size), b"found");
        let short = system.lookup(root, name("short")).unwrap();
        assert_eq!((short.kind, short.size), (Kind::Link, 11));
        assert_eq!(system.link_path(short.node).as_deref(), Ok("deep/deeper"));
        let long = system.lookup(root, name("long")).unwrap().node;
        assert_eq!(system.link_path(long), Ok("x/".repeat(100) + "end"));
        assert_eq!(system.link_path(file.node), Err(Failure::BadArgument));
        assert_eq!(system.lookup(root, name("nothing")), Err(Failure::NotFound));
        assert_eq!(system.lookup(file.node, name("x")), Err(Failure::NotADirectory));
        assert_eq!(system.read(root, 0, &mut [0; 9]), Err(Failure::IsADirectory));
        assert_eq!(system.write(file.node, 0, b"x"), Err(Failure::ReadOnly));
        let holes = system.lookup(root, name("holes")).unwrap();
        // ext4-view takes a hole as large as a block of block numbers, which only ext2 and ext3 have, for damage.
        if kind == "ext4" {
            assert!(all(&mut system, holes.node, holes.size) == vec![0; 3 << 20]);
        }
        // Here and there in a large file.
        let big = system.lookup(root, name("big")).unwrap();
        for number in 0..60_u64 {
            let place = number * 7_368_787 % (3 << 20);
            let mut few = [0; 5000];
            let count = system.read(big.node, place, &mut few).unwrap();
            assert_eq!(count as u64, 5000.min((3 << 20) - place));
            let is_right = |(at, byte): (usize, &u8)| {
                let at = place as u32 + at as u32;
                *byte == (at >> 10) as u8 ^ at as u8
            };
            assert!(few[..count].iter().enumerate().all(is_right), "at {place}");
        }
    }
}

/// Looks at everything, a limited number of times.
fn everything(system: &mut Ext4) {
    let mut known = vec![system.root()];
    let mut buffer = vec![0; 20_000];
    let mut at = 0;
    while at < known.len() && at < 60 {
        let node = known[at];
        for place in [0, 30_000, 5_000, 1 << 18, 1 << 33] {
            let _ = system.read(node, place, &mut buffer);
        }
        let _ = system.link_path(node);
        let mut from = 0;
        for _ in 0..20 {
            let mut listing = Listing::with_room(1000);
            if system.list(node, from, &mut listing).is_err() {
                break;
            }
            let entries = Listing::parse(listing.as_bytes()).unwrap();
            let Some(last) = entries.last() else { break };
            from = last.next;
            for entry in &entries {
                if let Ok(found) = system.lookup(node, Name::new(&entry.name).unwrap()) {
                    known.push(found.node);
                }
            }
        }
        at += 1;
    }
    known.into_iter().for_each(|node| system.forget(node, 1));
}

fn small(tree: &Path) {
    fs::create_dir_all(tree.join("deep/deeper")).unwrap();
    for number in 0..20 {
        fs::write(tree.join(format!("deep/file {number}")), content(number)).unwrap();
    }
    fs::write(tree.join("big"), vec![7; 300_000]).unwrap();
    symlink("x/".repeat(100), tree.join("long")).unwrap();
}

/// Bytes that are not zero and where they lie: what is worth changing.
fn places(bytes: &[u8]) -> Vec<usize> {
    // The superblock, and all that is not of the files' own bytes.
    let is_metadata =
        |block: &&[u8]| block.iter().any(|byte| *byte != 0) && block.iter().any(|byte| *byte != 7);
    let blocks = bytes.chunks(1024).enumerate().filter(|(_, block)| is_metadata(block));
    blocks
        .flat_map(|(at, block)| {
            (0..block.len()).filter(|byte| block[*byte] != 0).map(move |byte| at * 1024 + byte)
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn damaged_images(seed in any::<u64>()) {
        // With checksums hardly any change would get past them.
        for options in [&["-b", "1024", "-O", "^metadata_csum,^64bit,^has_journal"][..], &["-b", "1024", "-O", "^metadata_csum"]] {
            let Some(bytes) = image("ext4", options, small) else { return Ok(()) };
            let places = places(&bytes);
            let mut random = seed | 1;
            let mut next = || {
                random ^= random << 13;
                random ^= random >> 7;
                random ^= random << 17;
                random
            };
            for _ in 0..25 {
                let mut damaged = bytes.clone();
                for _ in 0..1 + next() % 8 {
                    let place = places[next() as usize % places.len()];
                    damaged[place] = next() as u8;
                }
                if let Ok(mut system) = open(damaged) {
                    everything(&mut system);
                }
            }
        }
    }
}

#[test]
fn what_is_none() {
    assert_eq!(open(Vec::new()).err(), Some(Failure::Damaged));
    assert_eq!(open(vec![0; 1 << 20]).err(), Some(Failure::Damaged));
    assert_eq!(open(vec![0xff; 1 << 20]).err(), Some(Failure::Damaged));
}
