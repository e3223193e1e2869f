//! One thing after the other, on all widths.

mod common;

use anax_files::{Creation, Failure, FileSystem, Kind, Listing, Name, Node};
use anax_sectors::MemoryDisk;
use common::{formatted, name, names, sound};
use fat::{Fat, Width};

const WIDTHS: [(Width, usize); 3] = [(Width::Fat12, 4000), (Width::Fat16, 20_000), (Width::Fat32, 20_000)];

fn each(test: impl Fn(Fat<MemoryDisk>) -> Fat<MemoryDisk>) {
    for (width, sectors) in WIDTHS {
        let mut fat = test(Fat::open(formatted(width, sectors)).unwrap());
        fat.sync(None).unwrap();
        let report = sound(fat.into_disk());
        assert_eq!(report.lost_clusters, 0, "{width:?}");
    }
}

#[test]
fn empty() {
    each(|mut fat| {
        let root = fat.root();
        assert_eq!(names(&mut fat, root), [""; 0]);
        assert_eq!(fat.lookup(root, name("x")), Err(Failure::NotFound));
        fat
    });
}

#[test]
fn a_file_comes_back() {
    each(|mut fat| {
        let root = fat.root();
        let file = fat.create(root, name("Hello World.text"), Creation::File, 1_000_000_000).unwrap();
        assert_eq!((file.size, file.modified, file.kind), (0, 1_000_000_000, Kind::File));
        fat.write(file.node, 0, b"hello").unwrap();
        fat.write(file.node, 3000, b"there").unwrap();
        let mut bytes = [1; 4000];
        assert_eq!(fat.read(file.node, 0, &mut bytes), Ok(3005));
        assert_eq!(&bytes[..5], b"hello");
        assert!(bytes[5..3000].iter().all(|byte| *byte == 0));
        assert_eq!(&bytes[3000..3005], b"there");
        assert_eq!(fat.lookup(root, name("hello world.TEXT")).unwrap().node, file.node);
        assert_eq!(fat.lookup(root, name("HELLOW~1.TEX")).unwrap().node, file.node);
        assert_eq!(fat.create(root, name("HELLO WORLD.TEXT"), Creation::File, 0), Err(Failure::Exists));
        assert_eq!(names(&mut fat, root), ["Hello World.text"]);
        fat.sync(None).unwrap();
        let mut fat = Fat::open(fat.into_disk()).unwrap();
        let found = fat.lookup(root, name("hello world.text")).unwrap();
        assert_eq!((found.size, found.modified), (3005, 1_000_000_000));
        assert_eq!(fat.read(found.node, 2999, &mut bytes), Ok(6));
        assert_eq!(&bytes[..6], b"\0there");
        fat
    });
}

#[test]
fn shorter_and_longer() {
    each(|mut fat| {
        let root = fat.root();
        let file = fat.create(root, name("f"), Creation::File, 0).unwrap().node;
        fat.write(file, 0, &[7; 20_000]).unwrap();
        fat.set_size(file, 100).unwrap();
        fat.set_size(file, 10_000).unwrap();
        let mut bytes = [1; 20_000];
        assert_eq!(fat.read(file, 0, &mut bytes), Ok(10_000));
        assert!(
            bytes[..100].iter().all(|byte| *byte == 7) && bytes[100..10_000].iter().all(|byte| *byte == 0)
        );
        let usage = fat.usage().unwrap();
        fat.set_size(file, 0).unwrap();
        fat.sync(None).unwrap();
        assert!(fat.usage().unwrap().free_bytes >= usage.free_bytes + 10_000);
        assert_eq!(fat.set_size(file, 1 << 32), Err(Failure::TooLarge));
        assert_eq!(fat.write(file, u64::MAX, b"x"), Err(Failure::TooLarge));
        assert_eq!(fat.write(file, u64::from(u32::MAX), b"x"), Err(Failure::TooLarge));
        fat
    });
}

#[test]
fn removed_and_still_used() {
    each(|mut fat| {
        let root = fat.root();
        let before = fat.usage().unwrap().free_bytes;
        let file = fat.create(root, name("gone"), Creation::File, 0).unwrap().node;
        fat.write(file, 0, &[7; 5000]).unwrap();
        fat.remove(root, name("gone"), Kind::File).unwrap();
        assert_eq!(fat.lookup(root, name("gone")), Err(Failure::NotFound));
        let other = fat.create(root, name("gone"), Creation::File, 0).unwrap().node;
        assert_ne!(file, other);
        fat.sync(None).unwrap();
        fat.write(file, 5000, &[8; 5000]).unwrap();
        let mut bytes = [1; 10_000];
        assert_eq!(fat.read(file, 0, &mut bytes), Ok(10_000));
        assert!(bytes[..5000].iter().all(|byte| *byte == 7) && bytes[5000..].iter().all(|byte| *byte == 8));
        assert_eq!(fat.attributes(file).unwrap().links, 0);
        fat.forget(file, 1);
        assert_eq!(fat.attributes(file), Err(Failure::NotFound));
        fat.sync(None).unwrap();
        assert_eq!(fat.usage().unwrap().free_bytes, before);
        fat
    });
}

#[test]
fn directories_and_renames() {
    each(|mut fat| {
        let root = fat.root();
        let a = fat.create(root, name("a directory"), Creation::Directory, 0).unwrap().node;
        let b = fat.create(a, name("b"), Creation::Directory, 0).unwrap().node;
        let file = fat.create(b, name("file"), Creation::File, 0).unwrap().node;
        fat.write(file, 0, b"content").unwrap();
        assert_eq!(fat.remove(root, name("a directory"), Kind::Directory), Err(Failure::NotEmpty));
        assert_eq!(fat.remove(root, name("a directory"), Kind::File), Err(Failure::IsADirectory));
        assert_eq!(fat.remove(b, name("file"), Kind::Directory), Err(Failure::NotADirectory));
        assert_eq!(fat.rename((root, name("a directory")), (b, name("loop"))), Err(Failure::BadArgument));
        assert_eq!(fat.rename((root, name("a directory")), (a, name("loop"))), Err(Failure::BadArgument));
        // Out of its directory, with its `..`.
        fat.rename((a, name("b")), (root, name("moved"))).unwrap();
        assert_eq!(fat.lookup(root, name("moved")).unwrap().node, b);
        fat.rename((root, name("moved")), (a, name("back"))).unwrap();
        // Another spelling.
        fat.rename((a, name("back")), (a, name("Back"))).unwrap();
        assert_eq!(names(&mut fat, a), ["Back"]);
        // In place of another.
        let other = fat.create(root, name("other"), Creation::File, 0).unwrap().node;
        fat.write(other, 0, b"old").unwrap();
        assert_eq!(
            fat.rename((root, name("other")), (root, name("a directory"))),
            Err(Failure::IsADirectory)
        );
        assert_eq!(
            fat.rename((root, name("a directory")), (root, name("other"))),
            Err(Failure::NotADirectory)
        );
        fat.rename((b, name("file")), (root, name("OTHER"))).unwrap();
        assert_eq!(fat.lookup(root, name("other")).unwrap().node, file);
        let mut bytes = [0; 10];
        assert_eq!(fat.read(other, 0, &mut bytes), Ok(3));
        assert_eq!(fat.read(file, 0, &mut bytes), Ok(7));
        fat.write(file, 7, b"!").unwrap();
        fat.forget(other, 1);
        assert_eq!(names(&mut fat, b), [""; 0]);
        fat.remove(a, name("back"), Kind::Directory).unwrap();
        assert_eq!(fat.create(b, name("x"), Creation::File, 0), Err(Failure::NotFound));
        assert_eq!(fat.lookup(b, name("x")), Err(Failure::NotFound));
        assert_eq!(names(&mut fat, b), [""; 0]);
        fat.forget(b, 3);
        assert_eq!(fat.lookup(root, name("other")).unwrap().size, 8);
        fat
    });
}

#[test]
fn many_names() {
    each(|mut fat| {
        let root = fat.root();
        let directory = fat.create(root, name("many"), Creation::Directory, 0).unwrap().node;
        let mut expected = Vec::new();
        for number in 0..500 {
            let text = format!("a long name of number {number}");
            fat.create(directory, name(&text), Creation::File, 0).unwrap();
            expected.push(text);
        }
        assert_eq!(names(&mut fat, directory), expected);
        // Listed in small parts, of which each second name goes as soon as it was seen.
        let (mut from, mut seen) = (0, Vec::new());
        loop {
            let mut listing = Listing::with_room(200);
            fat.list(directory, from, &mut listing).unwrap();
            let entries = Listing::parse(listing.as_bytes()).unwrap();
            let Some(last) = entries.last() else { break };
            from = last.next;
            for entry in &entries {
                if seen.len() % 2 == 0 {
                    fat.remove(directory, name(&entry.name), Kind::File).unwrap();
                }
                seen.push(entry.name.clone());
            }
        }
        assert_eq!(seen, expected);
        assert_eq!(names(&mut fat, directory).len(), 250);
        fat
    });
}

#[test]
fn full() {
    each(|mut fat| {
        let root = fat.root();
        let free = fat.usage().unwrap().free_bytes;
        let file = fat.create(root, name("big"), Creation::File, 0).unwrap().node;
        fat.write(file, 0, &[1; 1000]).unwrap();
        let size = fat.attributes(file).unwrap().size;
        assert_eq!(fat.set_size(file, free + 1), Err(Failure::NoSpace));
        assert_eq!(fat.attributes(file).unwrap().size, size);
        fat.set_size(file, free).unwrap();
        let other = fat.create(root, name("other"), Creation::File, 0).unwrap().node;
        assert_eq!(fat.write(other, 0, b"x"), Err(Failure::NoSpace));
        // What was freed is there at once when it is needed.
        fat.remove(root, name("big"), Kind::File).unwrap();
        fat.forget(file, 1);
        fat.set_size(other, free).unwrap();
        fat.set_size(other, 0).unwrap();
        let third = fat.create(root, name("third"), Creation::File, 0).unwrap().node;
        fat.set_size(third, free).unwrap();
        fat.set_size(third, 10).unwrap();
        assert_eq!(fat.create(root, name("link"), Creation::Link("x"), 0), Err(Failure::Unsupported));
        fat
    });
}

#[test]
fn names_that_cant_be() {
    each(|mut fat| {
        let root = fat.root();
        for bad in ["a:b", "a?", "dot.", "space ", "a\tb", "..."] {
            assert_eq!(fat.create(root, name(bad), Creation::File, 0), Err(Failure::BadArgument), "{bad}");
        }
        for good in ["ünï", "日本語", "a+b=c", ".hidden", " leading", "x.tar.gz", "😀", "NUL"] {
            fat.create(root, name(good), Creation::File, 0).unwrap();
            assert!(fat.lookup(root, name(good)).is_ok());
        }
        assert_eq!(names(&mut fat, root).len(), 8);
        assert!(fat.lookup(root, name("ÜNÏ")).is_ok());
        fat
    });
}

#[test]
fn reading_much_is_few_requests() {
    let mut fat = Fat::open(formatted(Width::Fat16, 160_000)).unwrap();
    let root = fat.root();
    let file = fat.create(root, name("f"), Creation::File, 0).unwrap().node;
    let bytes: Vec<u8> = (0..64 << 20_u32).map(|at| (at >> 9) as u8).collect();
    fat.write(file, 0, &bytes).unwrap();
    fat.sync(None).unwrap();
    let disk = fat.into_disk();
    let before = (disk.reads, disk.writes);
    assert!(before.1 < 50, "{before:?}");
    let mut fat = Fat::open(disk).unwrap();
    let file = fat.lookup(root, name("f")).unwrap().node;
    let mut into = vec![0; 64 << 20];
    assert_eq!(fat.read(file, 0, &mut into), Ok(64 << 20));
    assert!(into == bytes);
    for place in (0..64 << 20).step_by(999_983) {
        let mut few = [0; 4096];
        let count = fat.read(file, place as u64, &mut few).unwrap();
        assert_eq!(few[..count], bytes[place..place + count]);
    }
    assert!(fat.into_disk().reads - before.0 < 300);
}

#[test]
fn what_is_read_only() {
    let mut fat = Fat::open(formatted(Width::Fat12, 4000).read_only()).unwrap();
    assert!(fat.features().is_read_only);
    assert_eq!(fat.create(Node(1), name("x"), Creation::File, 0), Err(Failure::ReadOnly));
    fat.sync(None).unwrap();
    assert_eq!(names(&mut fat, Node(1)).len(), 0);
    let _unused: Option<Name<'_>> = None;
}
