//! Programs that say what is not so: they are told, and harm nobody but themselves.

use std::sync::atomic::Ordering;

use anax_files::files::{How, OpenFile, Purpose};
use anax_files::{Failure, Kind, Text};
use anax_fs::OpenOptions;
use vfs::{Limits, Memory as _};

use crate::disk::{Disk, Make};
use crate::regions::Mapped;
use crate::world::{World, serve};

const BOTH: How = How {
    read: true,
    write: true,
    create: true,
    create_new: false,
    truncate: false,
    directory: false,
    no_follow: false,
    only_known: false,
};

/// The thread of what is mounted first beside the root.
const THERE: usize = if crate::THREADS > 1 { 1 } else { 0 };

/// Writes a text into an arena.
fn put(arena: &Mapped, offset: u32, text: &str) -> Text {
    arena.bytes().copy_in(offset as usize, text.as_bytes()).unwrap();
    Text::new(offset, text.len() as u32)
}

fn on_disk() -> (World, Disk) {
    let world = World::with_tmpfs(Limits { cache: 256 << 10, ..Limits::default() }, 1);
    let disk = Disk::new(Make::default());
    let own = disk.clone();
    world.session().create_dir("/d").unwrap();
    world.mount("/d", move |regions| serve(own, regions)).unwrap();
    (world, disk)
}

#[test]
fn arenas_that_are_too_small() {
    let (world, _) = on_disk();
    assert_eq!(world.raw(4096).map(drop), Err(Failure::BadArgument));
    assert!(world.raw(16_384).is_ok());
}

#[test]
fn texts_that_lie_elsewhere() {
    let (world, _) = on_disk();
    let (mut client, arena, _) = world.raw_at(THERE, 16_384).unwrap();
    put(&arena, 0, "/d/a");
    for text in [Text::new(16_380, 5), Text::new(u32::MAX, 1), Text::new(20_000, 10)] {
        assert_eq!(client.open(text, BOTH).map(drop), Err(Failure::BadArgument));
        assert_eq!(client.stat(text, true).map(drop), Err(Failure::BadArgument));
        assert_eq!(client.create(text, Kind::Directory, Text::new(0, 0)), Err(Failure::BadArgument));
    }
    assert_eq!(client.open(Text::new(0, u32::MAX), BOTH).map(drop), Err(Failure::TooLong));
    assert_eq!(client.open(Text::new(0, 4097), BOTH).map(drop), Err(Failure::TooLong));
    let text = put(&arena, 0, "/d/a");
    let directory = How { directory: true, write: false, create: false, ..BOTH };
    let root = put(&arena, 100, "/d");
    let root = client.open(root, directory).unwrap().file;
    client.open(text, BOTH).unwrap();
    assert_eq!(client.list(root, 0, Text::new(16_370, 4096)), Err(Failure::BadArgument));
    assert_eq!(client.list(root, 0, Text::new(0, 4096)), Ok(19));
}

#[test]
fn files_that_are_not_open() {
    let (world, _) = on_disk();
    let (mut client, arena, _) = world.raw_at(THERE, 16_384).unwrap();
    let (mut other, other_arena, _) = world.raw_at(THERE, 16_384).unwrap();
    let text = put(&arena, 0, "/d/a");
    let file = client.open(text, BOTH).unwrap().file;
    let text = put(&other_arena, 0, "/d/b");
    let others = other.open(text, BOTH).unwrap().file;
    client.close(file).unwrap();
    for gone in [file, OpenFile(0), OpenFile(7), OpenFile(file.0 + 256), OpenFile(u32::MAX)] {
        assert_eq!(client.close(gone), Err(Failure::Gone));
        assert_eq!(client.want(gone, 0, Purpose::Read).map(drop), Err(Failure::Gone));
        assert_eq!(client.memory(gone, 1).map(drop), Err(Failure::Gone));
        assert_eq!(client.wrote(gone, 1, 0, 1), Err(Failure::Gone));
        assert_eq!(client.append(gone, 1), Err(Failure::Gone));
        assert_eq!(client.attributes(gone).map(drop), Err(Failure::Gone));
        assert_eq!(client.set_size(gone, 0), Err(Failure::Gone));
        assert_eq!(client.sync(gone), Err(Failure::Gone));
        assert_eq!(client.list(gone, 0, Text::new(0, 100)), Err(Failure::Gone));
        assert_eq!(client.read(gone, 0, Text::new(0, 100)), Err(Failure::Gone));
        assert_eq!(client.write(gone, 0, Text::new(0, 100)), Err(Failure::Gone));
    }
    // The other program's is its own.
    assert_eq!(other.attributes(others).map(|known| known.size), Ok(0));
}

#[test]
fn what_was_not_written_where_it_is_said() {
    let (world, _) = on_disk();
    let (mut client, arena, _) = world.raw_at(THERE, 16_384).unwrap();
    let text = put(&arena, 0, "/d/a");
    let file = client.open(text, BOTH).unwrap().file;
    let lease = client.want(file, 0, Purpose::Write).unwrap();
    for (memory, offset, length) in [
        (lease.memory + 1, 0, 10),
        (0, 0, 10),
        (lease.memory, 1 << 20, 10),
        (lease.memory, 0, 1 << 20),
        (lease.memory, lease.length - 1, 2),
        (lease.memory, 0, 0),
    ] {
        assert_eq!(
            client.wrote(file, memory, offset, length),
            Err(Failure::Gone),
            "{memory} {offset} {length}"
        );
    }
    assert_eq!(client.wrote(file, lease.memory, u64::MAX, 10), Err(Failure::TooLarge));
    assert_eq!(client.attributes(file).map(|known| known.size), Ok(0));
    assert_eq!(client.wrote(file, lease.memory, 0, 10), Ok(()));
    let reader = client.open(text, How { write: false, create: false, ..BOTH }).unwrap().file;
    assert_eq!(client.wrote(reader, lease.memory, 0, 10), Err(Failure::NotPermitted));
    assert_eq!(client.want(reader, 0, Purpose::Write).map(drop), Err(Failure::NotPermitted));
}

/// Whoever has written into memory that was cut away before he says so writes again, also if the same bytes are back.
#[test]
fn what_was_cut_away_meanwhile() {
    for path in ["/d/a", "/in memory"] {
        let (world, _) = on_disk();
        let thread = if path == "/d/a" { THERE } else { 0 };
        let (mut client, arena, table) = world.raw_at(thread, 16_384).unwrap();
        let text = put(&arena, 0, path);
        let file = client.open(text, BOTH).unwrap().file;
        let lease = client.want(file, 0, Purpose::Write).unwrap();
        client.wrote(file, lease.memory, 0, 100).unwrap();
        let files = world.session();
        let other = OpenOptions::new().read(true).write(true).open_in(&files, path).unwrap();
        other.set_len(50).unwrap();
        let mut bytes = [0; 50];
        assert_eq!(other.read_at(0, &mut bytes), Ok(50));
        let word = |word: u32| table.block().words()[word as usize].load(Ordering::SeqCst);
        assert_ne!(word(lease.word + 1), lease.memory, "{path}");
        assert_eq!(client.wrote(file, lease.memory, 60, 10), Err(Failure::Gone), "{path}");
        assert_eq!(other.len(), 50);
    }
}

/// Who has a lease of pages that are taken away sees it in the table.
#[test]
fn what_was_taken_away() {
    let (world, _) = on_disk();
    let (mut client, arena, table) = world.raw_at(THERE, 16_384).unwrap();
    let text = put(&arena, 0, "/d/a");
    let file = client.open(text, BOTH).unwrap().file;
    let lease = client.want(file, 0, Purpose::Write).unwrap();
    client.wrote(file, lease.memory, 0, 100).unwrap();
    let files = world.session();
    let other = OpenOptions::new().write(true).create(true).open_in(&files, "/d/b").unwrap();
    other.write_at(0, &[7; 2 << 20]).unwrap();
    let word = |word: u32| table.block().words()[word as usize].load(Ordering::SeqCst);
    assert_eq!((word(lease.word), word(lease.word + 1)), (0, 0));
    assert_eq!(client.memory(file, lease.memory).map(drop), Err(Failure::Gone));
}
