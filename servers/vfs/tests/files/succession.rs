//! File systems whose servers end, and others that take their places: who has something open is told, and by its path everybody finds the successor.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use anax_fs::{Failure, Session};
use vfs::Limits;

use crate::disk::{Disk, Make};
use crate::faults::{both, use_anyhow};
use crate::regions::Regions;
use crate::world::{Answering, Volume, World, serve, slow, tmpfs};

const SECOND: u64 = 1_000_000_000;
const SMALL: Limits = Limits { cache: 512 << 10, names: 32, sessions: 64, mounts: 4, store_after: SECOND };
const MEMORY: u64 = 64 << 20;

/// A file system whose server ends when it is told to.
fn mortal(
    make: impl FnOnce(Regions) -> Volume + Send + 'static,
    is_dead: Arc<AtomicBool>,
) -> impl FnOnce(Regions) -> Volume + Send + 'static {
    move |regions| {
        let mut inner = make(regions);
        Box::new(
            move |request, beside| {
                if is_dead.load(Ordering::SeqCst) { Answering::Died } else { inner(request, beside) }
            },
        )
    }
}

fn in_memory(regions: Regions) -> Volume {
    tmpfs(regions, MEMORY)
}

fn contents(files: &Arc<Session>, path: &str) -> Result<Vec<u8>, Failure> {
    let file = both().create(false).open_in(files, path)?;
    let mut bytes = vec![0; file.len() as usize];
    file.read_at(0, &mut bytes).map(|length| bytes[..length].to_vec())
}

#[test]
fn the_root_has_a_successor() {
    let world = World::new(SMALL, 1);
    let is_dead = Arc::new(AtomicBool::new(false));
    world.mount("/", mortal(in_memory, is_dead.clone())).unwrap();
    let (files, other) = (world.session(), world.session());
    let file = both().open_in(&files, "/a").unwrap();
    file.write_at(0, &[7; 5000]).unwrap();
    assert_eq!(contents(&other, "/a"), Ok(vec![7; 5000]));
    is_dead.store(true, Ordering::SeqCst);
    assert_eq!(files.create_dir("/d"), Err(Failure::Ended));
    // Nobody need be asked for these, and nobody has said yet that they are lost.
    assert_eq!(contents(&other, "/a"), Ok(vec![7; 5000]));
    world.succeed("/", in_memory).unwrap();
    let mut bytes = [0; 10];
    assert_eq!(file.read_at(0, &mut bytes), Err(Failure::Ended), "a lease of what has ended");
    assert_eq!(file.write_at(0, &bytes), Err(Failure::Ended), "what nobody would hear of is written");
    assert_eq!(file.write_at(1 << 20, &bytes), Err(Failure::Ended));
    assert_eq!(file.set_len(0), Err(Failure::Ended));
    assert_eq!(file.set_len(10_000), Err(Failure::Ended));
    assert_eq!(file.sync_all(), Err(Failure::Ended));
    assert_eq!(contents(&other, "/a"), Err(Failure::NotFound), "a name of what has ended");
    let again = both().open_in(&other, "/a").unwrap();
    again.write_at(0, &[8; 6000]).unwrap();
    assert_eq!(contents(&files, "/a"), Ok(vec![8; 6000]));
    assert_eq!(file.read_at(0, &mut bytes), Err(Failure::Ended), "the same node of the successor");
    drop((file, again));
    assert_eq!(files.sync(), Ok(()));
    assert_eq!(world.quiet(), 0, "operations are left over");
}

/// What is mounted below stays where it is, and has its place in the successor.
#[test]
fn inner_mounts_stay() {
    let world = World::new(SMALL, 6);
    let is_dead = Arc::new(AtomicBool::new(false));
    world.mount("/", mortal(in_memory, is_dead.clone())).unwrap();
    let files = world.session();
    files.create_dir("/mnt").unwrap();
    for path in ["/mnt/a", "/mnt/b", "/c"] {
        files.create_dir(path).unwrap();
        world.mount(path, in_memory).unwrap();
        both().open_in(&files, &format!("{path}/file")).unwrap().write_at(0, path.as_bytes()).unwrap();
    }
    is_dead.store(true, Ordering::SeqCst);
    world.succeed("/", in_memory).unwrap();
    let names = |path: &str| {
        let mut names: Vec<_> =
            files.read_dir(path).unwrap().map(|entry| entry.unwrap().name.as_str().to_owned()).collect();
        names.sort();
        names
    };
    assert_eq!(names("/"), ["c", "mnt"]);
    assert_eq!(names("/mnt"), ["a", "b"]);
    for path in ["/mnt/a", "/mnt/b", "/c"] {
        assert_eq!(contents(&files, &format!("{path}/file")), Ok(path.into()));
        files.unmount(path).unwrap();
        files.remove_dir(path).unwrap();
    }
    assert_eq!(files.remove_dir("/mnt"), Ok(()));
    assert_eq!((world.quiet(), world.nodes()), (0, 1), "something is left over");
}

/// What was to be stored is lost, which is told once to who asks; nothing of it is stored at the successor.
#[test]
fn what_was_not_stored_is_lost() {
    let world = World::with_tmpfs(SMALL, 2);
    let files = world.session();
    files.create_dir("/d").unwrap();
    let is_dead = Arc::new(AtomicBool::new(false));
    let disk = |disk: Disk| move |regions: Regions| serve(disk, regions);
    let (first, second) = (Disk::new(Make::default()), Disk::new(Make::default()));
    world.mount("/d", mortal(disk(first), is_dead.clone())).unwrap();
    let file = both().open_in(&files, "/d/a").unwrap();
    file.write_at(0, &[7; 100_000]).unwrap();
    is_dead.store(true, Ordering::SeqCst);
    world.succeed("/d", disk(second)).unwrap();
    let mut bytes = [0; 10];
    assert_eq!(file.read_at(50_000, &mut bytes), Err(Failure::Ended));
    assert_eq!(file.sync_all(), Err(Failure::Ended));
    assert_eq!(files.metadata("/d/a").map(|known| known.size), Err(Failure::NotFound));
    world.pass(3 * SECOND);
    // There is room for as much again.
    for number in 0..20 {
        let other = both().open_in(&files, &format!("/d/{number}")).unwrap();
        other.write_at(0, &vec![number; 100_000]).unwrap();
        other.sync_all().unwrap();
    }
    assert_eq!(contents(&files, "/d/19"), Ok(vec![19; 100_000]));
    assert_eq!(files.sync(), Ok(()));
    // What was open of the one that has ended does not keep this one.
    assert_eq!(files.unmount("/d"), Ok(()));
    drop(file);
    assert_eq!(world.quiet(), 0, "operations are left over");
}

#[test]
fn there_is_nothing_to_succeed() {
    let world = World::with_tmpfs(SMALL, 3);
    assert_eq!(world.succeed("/d", in_memory), Err(Failure::NotFound));
    let files = world.session();
    both().open_in(&files, "/a").unwrap();
    // One that can't be begun with leaves all as it was.
    let dead = mortal(in_memory, Arc::new(AtomicBool::new(true)));
    assert!(world.succeed("/", dead).is_err());
    assert_eq!(files.metadata("/a").map(|known| known.size), Ok(0));
    assert_eq!(world.quiet(), 0, "operations are left over");
}

/// Whatever is under way when it ends.
#[test]
fn many_in_a_row_under_load() {
    for seed in [4, slow(5)] {
        let world = World::with_tmpfs(SMALL, seed);
        let files = world.session();
        files.create_dir("/d").unwrap();
        // Which one is alive, by its number.
        let alive = Arc::new(AtomicU64::new(0));
        let make = |number: u64| {
            let alive = alive.clone();
            move |regions: Regions| -> Volume {
                let mut inner = serve(Disk::new(Make::default()), regions);
                Box::new(move |request, beside| {
                    if alive.load(Ordering::SeqCst) == number {
                        inner(request, beside)
                    } else {
                        Answering::Died
                    }
                })
            }
        };
        world.mount("/d", make(0)).unwrap();
        let _time = world.ticking();
        std::thread::scope(|scope| {
            let users: Vec<_> = (0..3)
                .map(|user| {
                    let files = world.session();
                    scope.spawn(move || use_anyhow(&files, "/d", seed + user, 1500))
                })
                .collect();
            let mut number = 0;
            while !users.iter().all(std::thread::ScopedJoinHandle::is_finished) {
                number += 1;
                alive.store(number, Ordering::SeqCst);
                world.succeed("/d", make(number)).unwrap();
                std::thread::sleep(std::time::Duration::from_millis(3));
            }
            assert!(number > 2, "it has ended {number} times only");
        });
        let _lost = files.sync();
        files.unmount("/d").unwrap();
        assert_eq!(world.quiet(), 0, "operations are left over");
    }
}
