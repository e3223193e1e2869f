//! What everybody does with files.

use anax_fs::{Failure, Kind, OpenOptions};
use vfs::Limits;

use crate::world::{World, tmpfs};

#[test]
fn files_are_written_and_read() {
    let world = World::with_tmpfs(Limits::default(), 1);
    let files = world.session();
    let open = |options: OpenOptions, path: &str| options.open_in(&files, path);
    let read = OpenOptions::new().read(true);
    let create = OpenOptions::new().write(true).create(true).truncate(true);
    assert_eq!(open(read, "/a").map(drop), Err(Failure::NotFound));
    let mut file = open(create, "/a").unwrap();
    file.write_all(b"hello, ").unwrap();
    file.write_all(b"world").unwrap();
    assert_eq!(file.len(), 12);
    let mut other = open(read, "/a").unwrap();
    let mut text = [0; 100];
    assert_eq!(other.read(&mut text), Ok(12));
    assert_eq!(&text[..12], b"hello, world");
    assert_eq!(other.read(&mut text), Ok(0));
    // Who has it open sees what others append.
    let append = OpenOptions::new().append(true);
    open(append, "/a").unwrap().write_all(b"!").unwrap();
    assert_eq!(other.read(&mut text), Ok(1));
    assert_eq!((text[0], other.len()), (b'!', 13));
    assert_eq!(other.write(b"x"), Err(Failure::NotPermitted));
    assert_eq!(file.read(&mut text), Err(Failure::NotPermitted));
    let known = files.metadata("/a").unwrap();
    assert_eq!((known.size, known.kind, known.links), (13, Kind::File, 1));
}

#[test]
fn large_files() {
    let world = World::with_tmpfs(Limits::default(), 2);
    let files = world.session();
    let create = OpenOptions::new().read(true).write(true).create(true);
    let mut file = create.open_in(&files, "/large").unwrap();
    let bytes: Vec<u8> = (0..3_000_000u32).map(|n| (n.wrapping_mul(n) >> 7) as u8).collect();
    file.write_all(&bytes).unwrap();
    let mut back = vec![0; bytes.len() + 1];
    assert_eq!(file.read_at(0, &mut back), Ok(bytes.len()));
    assert!(back[..bytes.len()] == bytes);
    // Sparse.
    file.write_at(10_000_000, b"end").unwrap();
    assert_eq!(file.len(), 10_000_003);
    let mut hole = vec![7; 100_000];
    assert_eq!(file.read_at(5_000_000, &mut hole), Ok(100_000));
    assert!(hole.iter().all(|byte| *byte == 0));
    file.set_len(1_000_001).unwrap();
    file.set_len(2_000_000).unwrap();
    assert_eq!(file.read_at(1_000_000, &mut hole[..5]), Ok(5));
    assert_eq!(hole[..5], [bytes[1_000_000], 0, 0, 0, 0]);
}

#[test]
fn directories_and_names() {
    let world = World::with_tmpfs(Limits::default(), 3);
    let files = world.session();
    files.create_dir("/d").unwrap();
    assert_eq!(files.create_dir("/d"), Err(Failure::Exists));
    assert_eq!(files.create_dir("/x/y"), Err(Failure::NotFound));
    for number in 0..300 {
        let create = OpenOptions::new().write(true).create_new(true);
        create.open_in(&files, &format!("/d/file number {number}")).unwrap();
    }
    let mut names: Vec<_> = files.read_dir("/d").unwrap().map(|entry| entry.unwrap().name).collect();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), 300);
    assert_eq!(files.remove_dir("/d"), Err(Failure::NotEmpty));
    assert_eq!(files.remove_file("/d"), Err(Failure::IsADirectory));
    files.rename("/d/file number 7", "/seven").unwrap();
    assert_eq!(files.metadata("/d/file number 7"), Err(Failure::NotFound));
    assert_eq!(files.metadata("/seven").unwrap().kind, Kind::File);
    files.symlink("d/file number 8", "/eight").unwrap();
    assert_eq!(files.metadata("/eight").unwrap().kind, Kind::File);
    assert_eq!(files.symlink_metadata("/eight").unwrap().kind, Kind::Link);
    assert_eq!(files.read_link("/eight").as_deref(), Ok("d/file number 8"));
    files.symlink("loop", "/loop").unwrap();
    assert_eq!(files.metadata("/loop"), Err(Failure::Loop));
    files.hard_link("/seven", "/d/seven").unwrap();
    assert_eq!(files.metadata("/seven").unwrap().links, 2);
    files.remove_file("/seven").unwrap();
    assert_eq!(files.metadata("/d/seven").unwrap().links, 1);
    assert_eq!(files.metadata("/seven"), Err(Failure::NotFound));
    assert_eq!(files.rename("/d", "/d/inside"), Err(Failure::BadArgument));
    assert_eq!(files.metadata("/d/../d/./seven").unwrap().links, 1);
    assert_eq!(files.metadata("/seven/x"), Err(Failure::NotFound));
    assert_eq!(files.metadata("/d/seven/x"), Err(Failure::NotADirectory));
}

#[test]
fn what_is_removed_lives_on_while_it_is_open() {
    let world = World::with_tmpfs(Limits::default(), 4);
    let before = world.regions.count();
    let files = world.session();
    let create = OpenOptions::new().read(true).write(true).create(true);
    let mut file = create.open_in(&files, "/gone").unwrap();
    file.write_all(&[5; 10_000]).unwrap();
    files.remove_file("/gone").unwrap();
    assert_eq!(files.metadata("/gone"), Err(Failure::NotFound));
    let mut bytes = [0; 10_000];
    assert_eq!(file.read_at(0, &mut bytes), Ok(10_000));
    assert_eq!(bytes, [5; 10_000]);
    file.write_all(b"more").unwrap();
    drop(file);
    assert_eq!(files.usage("/").unwrap().nodes, 1);
    drop(files);
    let other = world.session();
    assert_eq!(other.metadata("/gone"), Err(Failure::NotFound));
    // The arenas of both, which the programs would have given up, and a table.
    assert_eq!(world.regions.count(), before + 4);
}

#[test]
fn who_comes_before_the_tree_waits_for_it() {
    for seed in 0..20 {
        let world = World::new(Limits::default(), seed);
        let files = world.session();
        let mounted = world.begin_mount("/", |regions| tmpfs(regions, 1 << 20));
        let create = OpenOptions::new().write(true).create(true);
        create.open_in(&files, "/file").unwrap();
        files.metadata("/file").unwrap();
        mounted.recv().unwrap().unwrap();
    }
}

#[test]
fn what_was_removed_is_nothing_here_either() {
    let world = World::with_tmpfs(Limits::default(), 6);
    let files = world.session();
    let before = world.nodes();
    for number in 0..100 {
        let create = OpenOptions::new().write(true).create_new(true);
        drop(create.open_in(&files, "/file").unwrap());
        files.create_dir("/directory").unwrap();
        files.metadata("/directory/none").unwrap_err();
        if number % 2 == 0 {
            files.rename("/file", "/other").unwrap();
            files.symlink("/other", "/file").unwrap();
            files.remove_file("/other").unwrap();
        }
        files.remove_file("/file").unwrap();
        files.remove_dir("/directory").unwrap();
    }
    assert_eq!(world.nodes(), before);
}

/// Nobody is asked when a file is closed, and still nobody waits for what a program has closed: neither an unmount nor another program that needs the room, whoever comes first.
#[test]
fn what_is_closed_is_closed_for_all() {
    let world = World::with_tmpfs(Limits::default(), 5);
    let [one, other] = [world.session(), world.session()];
    let create = OpenOptions::new().write(true).create(true);
    let nodes = || other.usage("/").unwrap().nodes;
    for is_closed_first in [true, false] {
        let mut file = create.open_in(&one, "/file").unwrap();
        file.write_all(&[5; 10_000]).unwrap();
        assert_eq!(nodes(), 2);
        if is_closed_first {
            drop(file);
            other.remove_file("/file").unwrap();
        } else {
            other.remove_file("/file").unwrap();
            assert_eq!(nodes(), 2);
            drop(file);
        }
        // The program that had it open asks nothing more.
        assert_eq!(nodes(), 1, "closed first: {is_closed_first}");
    }
    // More of them than a program may have open at once.
    for number in 0..1000 {
        drop(create.open_in(&one, &format!("/{}", number % 7)).unwrap());
    }
    one.create_dir("/inner").unwrap();
    world.mount("/inner", |regions| tmpfs(regions, 1 << 20)).unwrap();
    let file = create.open_in(&one, "/inner/file").unwrap();
    assert_eq!(other.unmount("/inner"), Err(Failure::Busy));
    drop(file);
    other.unmount("/inner").unwrap();
}
