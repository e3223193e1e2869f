//! File systems that fail, lie, are silent and die. Who uses them is told; nobody else notices.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anax_abi::{Error, Handle, Rights};
use anax_files::{Failure as Why, volume};
use anax_fs::{Failure, File, OpenOptions, Session};
use anax_proto::{Dispatch, Failure as _, Gift, Gifts, Reply};
use anax_storm::Dice;
use vfs::Limits;

use crate::disk::{Disk, Make};
use crate::random::Random;
use crate::world::{Answering, Volume, World, serve, tmpfs};

const SECOND: u64 = 1_000_000_000;
const SMALL: Limits = Limits { cache: 512 << 10, names: 32, sessions: 64, mounts: 4, store_after: SECOND };
/// Longer than anything takes here that goes on at all.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) fn both() -> OpenOptions {
    OpenOptions::new().read(true).write(true).create(true)
}

/// One that fails one time in so many, before or behind what it was asked for.
fn failing(mut inner: Volume, seed: u64, times: u64) -> Volume {
    let mut dice = Dice::new(seed);
    let mut asked = 0;
    Box::new(move |request, beside| {
        asked += 1;
        // It can be mounted.
        if asked < 4 || !dice.once_in(times) {
            return inner(request, beside);
        }
        let why = match dice.below(4) {
            0 => Why::Way(Error::PeerDied),
            1 => Why::Way(Error::PeerMisbehaved),
            _ => dice.one_of(Why::ALL),
        };
        if dice.once_in(2) {
            let _done = inner(request, beside);
            beside.back = Gifts::NONE;
        }
        Answering::Answer(Reply::failed(why.code()))
    })
}

/// One whose answers are anything, one time in so many.
fn lying(mut inner: Volume, seed: u64, times: u64) -> Volume {
    let mut dice = Dice::new(seed);
    let mut asked = 0;
    Box::new(move |request, beside| {
        asked += 1;
        let Answering::Answer(mut reply) = inner(request, beside) else { return Answering::Never };
        if asked < 4 || !dice.once_in(times) {
            return Answering::Answer(reply);
        }
        match dice.below(6) {
            // Another kind, another node, another size, more bytes than there was room for, pieces that overlap.
            0..=2 => {
                let word = dice.below(reply.words.len() as u64) as usize;
                reply.words[word] = dice.word();
            }
            3 => reply.words = [(); 5].map(|()| dice.word()),
            4 => beside.back = Gifts::NONE,
            _ => beside.back.push(Gift::copy(Handle::from_word(dice.word()), Rights::ALL)),
        }
        Answering::Answer(reply)
    })
}

/// Uses a file system as it comes, for so many steps.
pub(crate) fn use_anyhow(files: &Arc<Session>, directory: &str, seed: u64, steps: u64) {
    let mut dice = Dice::new(seed);
    let mut open: Vec<File> = Vec::new();
    for step in 0..steps {
        let path = format!("{directory}/{}", dice.below(6));
        let inner = format!("{path}/{}", dice.below(3));
        let path = if dice.once_in(3) { inner } else { path };
        let other = format!("{directory}/{}", dice.below(6));
        let place = dice.below(open.len().max(1) as u64) as usize;
        match dice.below(16) {
            0..=2 => open.extend(both().truncate(dice.once_in(4)).open_in(files, &path)),
            3 if !open.is_empty() => drop(open.swap_remove(place)),
            4..=6 => {
                let bytes = vec![step as u8; dice.below(40_000) as usize];
                let _any = open.get(place).map(|file| file.write_at(dice.below(200_000), &bytes));
            }
            7..=9 => {
                let mut bytes = vec![0; dice.below(40_000) as usize];
                let _any = open.get(place).map(|file| file.read_at(dice.below(200_000), &mut bytes));
            }
            10 => {
                let _any = open.get(place).map(|file| file.set_len(dice.below(100_000)));
                let _any = files.usage(&path);
            }
            11 => {
                let _any = open.get(place).map(File::sync_all);
            }
            12 => {
                let _any = files.create_dir(&path);
                let _any = files.symlink(&other, &path);
                let _any = files.read_link(&path);
            }
            13 => {
                let _any = files.rename(&path, &other);
                let _any = files.hard_link(&path, &other);
            }
            14 => {
                let _any = files.remove_file(&path);
                let _any = files.remove_dir(&path);
            }
            _ => {
                let _any = files.metadata(&path);
                let _any = files.read_dir(&path).map(|entries| entries.take(100).count());
                let _any = files.set_modified(&path, dice.word());
            }
        }
        if open.len() > 20 {
            open.clear();
        }
    }
}

/// Somebody uses a bad file system while all is well on another one; then nothing is left of either.
fn beside_a_good_one(seed: u64, bad: impl FnOnce(crate::regions::Regions) -> Volume + Send + 'static) {
    let good = Disk::new(Make { bytes: 1 << 30, ..Make::default() });
    let own = good.clone();
    let (mut random, _) = Random::new(seed, SMALL, move |regions| serve(own, regions));
    random.has_neighbours = true;
    let files = random.world.session();
    files.create_dir("/bad").unwrap();
    random.world.mount("/bad", bad).unwrap();
    let other = random.world.session();
    std::thread::scope(|scope| {
        scope.spawn(|| use_anyhow(&files, "/bad", seed, 2000));
        scope.spawn(|| use_anyhow(&other, "/bad", seed + 1, 2000));
        (0..2000).for_each(|_| random.step());
    });
    drop(other);
    // What it fails with it tells once each; but it goes.
    let gone = (0..1000).any(|_| matches!(files.unmount("/bad"), Ok(()) | Err(Failure::NotFound)));
    assert!(gone, "it can't be unmounted: {:?}", files.unmount("/bad"));
    drop(files);
    random.end(None, Some(&good));
}

#[test]
fn failing_on_disk() {
    for seed in [1, 2] {
        beside_a_good_one(seed, move |regions| failing(serve(Disk::new(Make::default()), regions), seed, 8));
    }
}

#[test]
fn failing_in_memory() {
    beside_a_good_one(4, |regions| failing(tmpfs(regions, 64 << 20), 4, 8));
}

#[test]
fn lying_on_disk() {
    for seed in [5, 7, 8] {
        beside_a_good_one(seed, move |regions| lying(serve(Disk::new(Make::default()), regions), seed, 6));
    }
}

#[test]
fn lying_in_memory() {
    for seed in [10, 11] {
        beside_a_good_one(seed, move |regions| lying(tmpfs(regions, 64 << 20), seed, 6));
    }
}

/// Does that on a thread of its own, and within our patience.
fn in_time(what: &str, job: impl FnOnce() + Send + 'static) {
    let (done, waiting) = channel();
    let thread = std::thread::spawn(move || {
        job();
        done.send(()).unwrap();
    });
    let outcome = waiting.recv_timeout(PATIENCE);
    assert!(outcome.is_ok(), "{what} is not over: {outcome:?}");
    thread.join().unwrap();
}

#[test]
fn one_that_never_answers_keeps_nobody_else_waiting() {
    let world = World::with_tmpfs(SMALL, 1);
    let files = world.session();
    files.create_dir("/silent").unwrap();
    files.create_dir("/good").unwrap();
    let is_silent = Arc::new(Mutex::new(false));
    let switch = is_silent.clone();
    world
        .mount("/silent", move |regions| {
            let mut inner = serve(Disk::new(Make::default()), regions);
            Box::new(
                move |request, beside| {
                    if *switch.lock().unwrap() { Answering::Never } else { inner(request, beside) }
                },
            )
        })
        .unwrap();
    world.mount("/good", |regions| serve(Disk::new(Make::default()), regions)).unwrap();
    for name in 0..20 {
        let file = both().open_in(&files, &format!("/silent/{name}")).unwrap();
        file.write_at(0, &[7; 1000]).unwrap();
    }
    files.sync().unwrap();
    *is_silent.lock().unwrap() = true;
    // More of them wait than it can be asked at once, and one writes more than may wait to be stored.
    let stuck: Vec<_> = (0..24)
        .map(|number| {
            let stuck = world.session();
            std::thread::spawn(move || match number {
                0 => {
                    let file = both().open_in(&stuck, "/silent/1");
                    file.and_then(|file| file.write_at(0, &[1; 1 << 20]))
                }
                1 => both().open_in(&stuck, "/silent/2").and_then(|file| file.sync_all()),
                2 => both().open_in(&stuck, "/silent/3").and_then(|file| file.set_len(5)),
                3 => stuck.sync(),
                _ => stuck.metadata(&format!("/silent/unknown {number}")).map(drop),
            })
        })
        .collect();
    world.pass(2 * SECOND);
    world.pass(2 * SECOND);
    let good = world.session();
    in_time("good work beside a silent file system", move || {
        for round in 0..40u64 {
            let file = both().open_in(&good, &format!("/good/{}", round % 3)).unwrap();
            let bytes = vec![round as u8; 100_000];
            file.write_at(round * 1000, &bytes).unwrap();
            file.sync_all().unwrap();
            let mut back = vec![0; 100_000];
            assert_eq!(file.read_at(round * 1000, &mut back), Ok(100_000));
            assert!(back == bytes);
            assert_eq!(good.metadata("/good").map(|known| known.links), Ok(1));
        }
        good.unmount("/good").unwrap();
    });
    assert_eq!(files.unmount("/silent"), Err(Failure::Busy));
    drop(world);
    // Their server has ended: that they are told.
    for thread in stuck {
        assert_eq!(thread.join().unwrap(), Err(Failure::Way(Error::PeerDied)));
    }
}

/// A disk that dies when told so.
fn mortal(
    disk: Disk,
    is_dead: Arc<Mutex<bool>>,
) -> impl FnOnce(crate::regions::Regions) -> Volume + Send + 'static {
    move |regions| {
        let mut inner = serve(disk, regions);
        Box::new(
            move |request, beside| {
                if *is_dead.lock().unwrap() { Answering::Died } else { inner(request, beside) }
            },
        )
    }
}

#[test]
fn one_that_dies_with_pages_unstored() {
    let world = World::with_tmpfs(SMALL, 2);
    let files = world.session();
    files.create_dir("/d").unwrap();
    let is_dead = Arc::new(Mutex::new(false));
    world.mount("/d", mortal(Disk::new(Make::default()), is_dead.clone())).unwrap();
    let file = both().open_in(&files, "/d/a").unwrap();
    let other = both().open_in(&files, "/d/b").unwrap();
    file.write_at(0, &[7; 50_000]).unwrap();
    other.write_at(0, &[8; 1000]).unwrap();
    *is_dead.lock().unwrap() = true;
    in_time("sync of a dead file system", move || {
        // Not `PeerDied`: this program's own server lives.
        assert_eq!(file.sync_all(), Err(Failure::Ended));
        let mut bytes = [0; 10];
        assert_eq!(file.read_at(0, &mut bytes), Ok(10), "what is cached is read");
        assert_eq!(bytes, [7; 10]);
        assert_eq!(files.metadata("/d/unknown"), Err(Failure::Ended));
        assert_eq!(files.sync(), Err(Failure::Ended));
        assert_eq!(files.unmount("/d"), Err(Failure::Busy));
        drop((file, other));
        files.unmount("/d").unwrap();
        assert_eq!(files.metadata("/d").map(|known| known.links), Ok(1));
    });
    assert_eq!(world.quiet(), 0, "operations are left over");
}

/// A disk that can't be written when told so.
fn sealed(
    disk: Disk,
    is_sealed: Arc<Mutex<bool>>,
) -> impl FnOnce(crate::regions::Regions) -> Volume + Send + 'static {
    move |regions| {
        let server = volume::Serve(anax_volume::Server::new(disk.clone(), regions.clone()));
        let store = command(&server, "store");
        let mut inner = serve(disk, regions);
        Box::new(move |request, beside| {
            if *is_sealed.lock().unwrap() && request.command == store {
                return Answering::Answer(Reply::failed(Why::Medium.code()));
            }
            inner(request, beside)
        })
    }
}

/// The command of a method of that name.
fn command<S: Dispatch>(_: &S, name: &str) -> u32 {
    S::METHODS.iter().find(|method| method.name == name).unwrap().command
}

#[test]
fn what_can_not_be_stored_is_told_once() {
    let world = World::with_tmpfs(SMALL, 3);
    let files = world.session();
    files.create_dir("/d").unwrap();
    let is_sealed = Arc::new(Mutex::new(false));
    world.mount("/d", sealed(Disk::new(Make::default()), is_sealed.clone())).unwrap();
    let seal = |yes| *is_sealed.lock().unwrap() = yes;
    let file = both().open_in(&files, "/d/a").unwrap();
    file.write_at(0, b"text").unwrap();
    seal(true);
    assert_eq!(file.sync_all(), Err(Failure::Medium));
    assert_eq!(file.sync_all(), Ok(()), "once");
    assert_eq!(files.sync(), Err(Failure::Medium), "who asks for all is told, too");
    assert_eq!(files.sync(), Ok(()), "once");
    // Also if it was stored by itself, and the file is closed.
    file.write_at(0, b"more").unwrap();
    world.pass(2 * SECOND);
    drop(file);
    world.quiet();
    seal(false);
    assert_eq!(files.sync(), Err(Failure::Medium));
    let file = both().open_in(&files, "/d/a").unwrap();
    file.write_at(0, b"well").unwrap();
    seal(true);
    drop(file);
    assert_eq!(files.unmount("/d"), Err(Failure::Medium), "it stays");
    seal(false);
    assert_eq!(files.metadata("/d/a").map(|known| known.size), Ok(4));
    assert_eq!(files.unmount("/d"), Ok(()));
}

#[test]
fn a_full_disk_says_so_and_takes_what_fits() {
    let world = World::with_tmpfs(Limits { cache: 4 << 20, ..SMALL }, 4);
    let files = world.session();
    files.create_dir("/d").unwrap();
    let disk = Disk::new(Make { bytes: 300_000, longest: 1 << 20, ..Make::default() });
    let own = disk.clone();
    world.mount("/d", move |regions| serve(own, regions)).unwrap();
    let file = both().open_in(&files, "/d/a").unwrap();
    file.write_at(0, &[7; 200_000]).unwrap();
    let other = both().open_in(&files, "/d/b").unwrap();
    assert_eq!(other.write_at(0, &[8; 200_000]), Err(Failure::NoSpace));
    assert_eq!(other.set_len(200_000), Err(Failure::NoSpace));
    assert_eq!(file.set_len(2 << 20), Err(Failure::NoSpace));
    files.sync().unwrap();
    assert!(disk.state().bytes("/a").unwrap() == [7; 200_000]);
    files.remove_file("/d/b").unwrap();
    drop(other);
    file.set_len(0).unwrap();
    file.write_at(0, &[9; 290_000]).unwrap();
    files.sync().unwrap();
    assert!(disk.state().bytes("/a").unwrap() == [9; 290_000]);
}

/// Its server was started for that, and ends then. What every machine has is a service.
#[test]
fn who_is_unmounted_is_told() {
    let world = World::with_tmpfs(SMALL, 5);
    let files = world.session();
    files.create_dir("/d").unwrap();
    let told = Arc::new(AtomicUsize::new(0));
    for times in 1..=3 {
        let told_here = told.clone();
        let make = move |regions| -> Volume {
            let mut served = serve(Disk::new(Make::default()), regions);
            Box::new(move |request, beside| {
                told_here.fetch_add((request.command == volume::DETACH).into(), Ordering::Relaxed);
                served(request, beside)
            })
        };
        world.mount("/d", make).unwrap();
        both().open_in(&files, "/d/a").unwrap().write_at(0, b"some").unwrap();
        files.unmount("/d").unwrap();
        world.quiet();
        assert_eq!(told.load(Ordering::Relaxed), times);
    }
}
