//! Several threads of the server: who has what, what leads from one to another, and what comes and goes meanwhile.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::channel;
use std::time::Duration;

use anax_abi::{Handle, Rights};
use anax_files::files::{How, OpenFile, Purpose, Resolved, Walk};
use anax_files::{Failure, Kind, Text, volume};
use anax_fs::{File, OpenOptions, Session};
use anax_proto::{Dispatch, Failure as _, Gift, Reply};
use anax_storm::Dice;
use vfs::{Limits, Memory as _};

use crate::disk::{Disk, Make};
use crate::regions::Mapped;
use crate::world::{Answering, World, serve, tmpfs};

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

fn both() -> OpenOptions {
    OpenOptions::new().read(true).write(true).create(true)
}

/// A world with file systems in memory at these paths, beside the root.
fn with_mounts(threads: u16, paths: &[&str]) -> (World, Arc<Session>) {
    let world = World::with_threads(threads, Limits::default(), threads.into());
    world.mount("/", |regions| tmpfs(regions, 64 << 20)).unwrap();
    let files = world.session();
    for path in paths {
        files.create_dir(path).unwrap();
        world.mount(path, |regions| tmpfs(regions, 64 << 20)).unwrap();
    }
    (world, files)
}

/// Makes a file with that text in it.
fn make(files: &Arc<Session>, path: &str, text: &str) -> Result<(), Failure> {
    both().truncate(true).open_in(files, path)?.write_all(text.as_bytes())
}

/// The text of a file.
fn text(files: &Arc<Session>, path: &str) -> Result<String, Failure> {
    let mut bytes = Vec::new();
    OpenOptions::new().read(true).open_in(files, path)?.read_to_end(&mut bytes)?;
    Ok(String::from_utf8(bytes).unwrap())
}

/// Writes a text into an arena.
fn put(arena: &Mapped, offset: u32, text: &str) -> Text {
    arena.bytes().copy_in(offset as usize, text.as_bytes()).unwrap();
    Text::new(offset, text.len() as u32)
}

const fn elsewhere<T>(thread: u16, mount: u16) -> Result<T, Failure> {
    Err(Failure::Elsewhere { thread, mount })
}

#[test]
fn mounts_are_spread_and_all_threads_know_of_them() {
    let (world, files) = with_mounts(3, &["/a", "/bb", "/c", "/a/d"]);
    let whose = [("/", 0), ("/a", 1), ("/bb", 2), ("/c", 0), ("/a/d", 1)];
    for asked in 0..3 {
        let (mut client, arena, _) = world.raw_at(asked, 16_384).unwrap();
        for (path, thread) in whose {
            let known = client.stat(put(&arena, 0, path), true).map(|known| known.kind);
            let here = if usize::from(thread) == asked {
                Ok(Kind::Directory)
            } else {
                elsewhere(thread, path.len() as u16)
            };
            assert_eq!(known, here, "{path} at {asked}");
            let resolved = client.resolve(Text::new(0, path.len() as u32), Walk::Follow, Text::new(100, 100));
            let (mount, length) = (path.len() as u16, path.len() as u32);
            assert_eq!(resolved, Ok(Resolved { thread, mount, length, is_by_link: false }));
        }
        let listed = (0..).map_while(|number| {
            let length = client.mounted(number, Text::new(0, 1000)).unwrap() as usize;
            let mut bytes = vec![0; length];
            arena.bytes().copy_out(0, &mut bytes).unwrap();
            (length > 0).then(|| String::from_utf8(bytes[1..=usize::from(bytes[0])].to_vec()).unwrap())
        });
        let mut listed: Vec<_> = listed.collect();
        listed.sort();
        assert_eq!(listed, ["/", "/a", "/a/d", "/bb", "/c"]);
    }
    let paths: Vec<_> = files.mounts().unwrap().into_iter().map(|mount| mount.path).collect();
    assert_eq!(paths.len(), 5);
    for mount in files.mounts().unwrap() {
        assert!(whose.contains(&(&mount.path, mount.thread)), "{mount:?}");
    }
    files.metadata("/bb").unwrap();
    // Whose that is, is remembered.
    let before = [0, 1, 2].map(|thread| files.operations(thread).unwrap());
    make(&files, "/bb/x", "work").unwrap();
    let after = [0, 1, 2].map(|thread| files.operations(thread).unwrap());
    assert!((after[0], after[1]) == (before[0], before[1]) && after[2] > before[2], "{before:?} {after:?}");
    assert_eq!(files.operations(3), Err(Failure::BadArgument));
    files.remove_file("/bb/x").unwrap();
    for (path, _) in whose {
        assert!(files.usage(path).is_ok());
    }
    assert_eq!(files.unmount("/a"), Err(Failure::Busy), "something is mounted in it");
    for path in ["/a/d", "/c", "/bb", "/a"] {
        files.unmount(path).unwrap();
        assert_eq!(files.unmount(path), Err(Failure::NotFound));
    }
    assert_eq!(files.mounts().unwrap().len(), 1);
}

#[test]
fn links_lead_from_one_thread_to_another() {
    for threads in 1..=4 {
        let (world, files) = with_mounts(threads, &["/a", "/b"]);
        files.symlink("/a", "/l").unwrap();
        files.symlink("../b/x", "/a/m").unwrap();
        make(&files, "/l/new", "by a link").unwrap();
        assert_eq!(text(&files, "/a/new").as_deref(), Ok("by a link"));
        make(&files, "/b/x", "far").unwrap();
        assert_eq!(text(&files, "/l/m").as_deref(), Ok("far"));
        assert_eq!(files.read_link("/l/m").as_deref(), Ok("../b/x"));
        assert_eq!(files.metadata("/l/m").map(|known| known.kind), Ok(Kind::File));
        assert_eq!(files.symlink_metadata("/l/m").map(|known| known.kind), Ok(Kind::Link));
        assert_eq!(files.symlink_metadata("/l").map(|known| known.kind), Ok(Kind::Link));
        files.set_modified("/l/m", 77).unwrap();
        assert_eq!(files.metadata("/b/x").map(|known| known.modified), Ok(77));
        files.create_dir("/l/d").unwrap();
        assert_eq!(files.create_dir("/a/d"), Err(Failure::Exists));
        files.rename("/l/new", "/a/d/moved").unwrap();
        files.hard_link("/a/d/moved", "/l/again").unwrap();
        assert_eq!(text(&files, "/a/again").as_deref(), Ok("by a link"));
        let mut names: Vec<_> = files.read_dir("/l").unwrap().map(|entry| entry.unwrap().name).collect();
        names.sort();
        assert_eq!(names, ["again", "d", "m"]);
        assert_eq!(files.rename("/l/again", "/b/again"), Err(Failure::OtherFileSystem));
        assert_eq!(files.rename("/b/x", "/y"), Err(Failure::OtherFileSystem));
        assert_eq!(files.rename("/b/none", "/y"), Err(Failure::OtherFileSystem));
        assert_eq!(files.rename("/b/none/x", "/y"), Err(Failure::NotFound));
        assert_eq!(files.rename("/a", "/y"), Err(Failure::Busy));
        assert_eq!(files.hard_link("/b/x", "/l/x"), Err(Failure::OtherFileSystem));
        assert_eq!(files.hard_link("/b/x", "/a"), Err(Failure::Exists));
        // What links lead to that is not there is not made, and is in the way of what is to be new.
        files.symlink("/b/none", "/dangling").unwrap();
        assert_eq!(make(&files, "/dangling", "no"), Err(Failure::NotFound));
        assert_eq!(files.metadata("/b/none"), Err(Failure::NotFound));
        let create_new = OpenOptions::new().write(true).create_new(true);
        assert_eq!(create_new.open_in(&files, "/dangling").map(drop), Err(Failure::Exists));
        create_new.open_in(&files, "/l/fresh").unwrap();
        files.remove_file("/l/fresh").unwrap();
        files.remove_file("/dangling").unwrap();
        // In a circle, and as many as may be.
        files.symlink("/b/q", "/a/p").unwrap();
        files.symlink("/a/p", "/b/q").unwrap();
        assert_eq!(files.metadata("/a/p"), Err(Failure::Loop));
        files.symlink("/b/x", "/c0").unwrap();
        for number in 1..8 {
            let directory = ["", "/a", "/b"][number % 3];
            let before = ["", "/a", "/b"][(number - 1) % 3];
            files.symlink(&format!("{before}/c{}", number - 1), &format!("{directory}/c{number}")).unwrap();
        }
        assert_eq!(text(&files, "/a/c7").as_deref(), Ok("far"));
        assert_eq!(text(&world.session(), "/a/c7").as_deref(), Ok("far"), "by one who knows nothing yet");
        assert_eq!(files.remove_dir("/l/d"), Err(Failure::NotEmpty));
        let mut executor = world.executor();
        let events = executor.events();
        let judged = executor.block_on(async {
            let other = world.session();
            let file = OpenOptions::new().read(true).open_later_in(&other, &events, "/a/c7").await.unwrap();
            let mut bytes = [0; 10];
            assert_eq!(file.read_later(&events, 0, &mut bytes).await, Ok(3));
            assert_eq!(&bytes[..3], b"far");
            assert_eq!(other.metadata_later(&events, "/l/m").await.map(|known| known.size), Ok(3));
            assert_eq!(other.read_dir_later(&events, "/a/p").await.map(drop), Err(Failure::Loop));
            assert_eq!(both().open_later_in(&other, &events, "/l/made").await.map(drop), Ok(()));
            assert_eq!(files.metadata("/a/made").map(|known| known.size), Ok(0));
        });
        judged.unwrap();
        assert_eq!(world.quiet(), 0);
    }
}

/// One step of a program that knows nothing of threads, and what came of it.
fn step(files: &Arc<Session>, open: &mut Vec<File>, dice: &mut Dice, number: u64) -> String {
    let path = |dice: &mut Dice| {
        let mut path = String::new();
        for _ in 0..=dice.below(3) {
            write!(path, "/{}", dice.one_of(&["a", "b", "c", "d", "l", "m"])).unwrap();
        }
        path
    };
    let (one, other) = (path(dice), path(dice));
    let outcome = match dice.below(16) {
        0..=2 => format!("{:?}", make(files, &one, &format!("text {number}"))),
        3..=4 => format!("{:?}", text(files, &one)),
        5 => format!("{:?}", files.create_dir(&one)),
        6 => format!("{:?}", files.symlink(&other, &one)),
        7 => format!("{:?}", files.rename(&one, &other)),
        8 => format!("{:?}", files.hard_link(&one, &other)),
        9 => format!("{:?}", files.remove_file(&one)),
        10 => format!("{:?}", files.remove_dir(&one)),
        11 => format!("{:?}", files.metadata(&one).map(|known| (known.kind, known.size, known.links))),
        12 => {
            format!("{:?} {:?}", files.symlink_metadata(&one).map(|known| known.kind), files.read_link(&one))
        }
        13 => {
            let names = files.read_dir(&one).map(|all| all.map(|entry| entry.unwrap().name).collect());
            format!(
                "{:?}",
                names.map(|mut names: Vec<_>| {
                    names.sort();
                    names
                })
            )
        }
        14 => {
            let new = OpenOptions::new().write(true).create_new(true).open_in(files, &one);
            let outcome = format!("{:?}", new.as_ref().map(|_| ()));
            open.extend(new);
            outcome
        }
        _ => {
            let written = open.last_mut().map(|file| file.write_all(b"more").map(|()| file.len()));
            if dice.once_in(3) {
                open.pop();
            }
            format!("{written:?}")
        }
    };
    format!("{one} {other}: {outcome}")
}

/// Whatever a program does to names and links, it finds the same however many threads there are.
#[test]
fn all_is_the_same_by_any_number_of_threads() {
    for seed in 1..=6 {
        let run = |threads| {
            let (world, files) = with_mounts(threads, &["/a", "/b", "/a/c"]);
            let other = world.session();
            let (mut dice, mut open) = (Dice::new(seed), Vec::new());
            let outcomes: Vec<_> = (0..1500)
                .map(|number| {
                    step(if number % 3 == 0 { &other } else { &files }, &mut open, &mut dice, number)
                })
                .collect();
            drop(open);
            assert_eq!(world.quiet(), 0);
            outcomes
        };
        let alone = run(1);
        for threads in 2..=4 {
            for (number, (by_one, by_many)) in alone.iter().zip(run(threads)).enumerate() {
                assert_eq!(*by_one, by_many, "step {number} of seed {seed} by {threads} threads");
            }
        }
    }
}

/// Sessions remember whose a mount is, and are told when it is another one's.
#[test]
fn mounts_are_replaced_under_sessions() {
    let (world, files) = with_mounts(3, &["/m"]);
    files.create_dir("/n").unwrap();
    let sessions: Vec<_> = (0..4).map(|_| world.session()).collect();
    for round in 0..12 {
        let text_of = format!("round {round}");
        make(&files, "/m/sign", &text_of).unwrap();
        for session in &sessions {
            assert_eq!(text(session, "/m/sign").as_ref(), Ok(&text_of));
        }
        if round % 2 == 0 {
            // Others come first, so that it is another thread's.
            world.mount("/n", |regions| tmpfs(regions, 1 << 20)).unwrap();
        }
        files.unmount("/m").unwrap();
        for session in &sessions {
            assert_eq!(session.metadata("/m/sign").map(drop), Err(Failure::NotFound));
            assert_eq!(session.metadata("/m").map(|known| known.kind), Ok(Kind::Directory));
        }
        // What lies beneath is the root's.
        make(&sessions[0], "/m/beneath", "beneath").unwrap();
        world.mount("/m", |regions| tmpfs(regions, 1 << 20)).unwrap();
        for session in &sessions {
            assert_eq!(session.metadata("/m/beneath").map(drop), Err(Failure::NotFound));
        }
        if round % 2 == 1 {
            files.unmount("/n").unwrap();
        }
    }
    assert_eq!(world.quiet(), 0);
}

/// Programs that come while something is mounted, or taken from the tree: each finds the tree before or after it, and whoever has seen the later one does not find the earlier one again.
#[test]
fn who_comes_meanwhile_waits() {
    let (world, files) = with_mounts(3, &["/m", "/b"]);
    // By its way the third thread is asked first.
    files.symlink("/m/sign", "/b/link").unwrap();
    // Of each round: 0: it is not there, 1: it comes, 2: it is there, 3: it goes.
    let epoch = AtomicU64::new(0);
    let disk = Disk::new(Make::default());
    files.unmount("/m").unwrap();
    let mount = || {
        let own = disk.clone();
        world.mount("/m", move |regions| serve(own, regions)).unwrap();
    };
    mount();
    make(&files, "/m/sign", "here").unwrap();
    files.unmount("/m").unwrap();
    std::thread::scope(|scope| {
        for (path, session) in
            ["/m/sign", "/b/link", "/m/sign"].into_iter().zip([(); 3].map(|()| world.session()))
        {
            let epoch = &epoch;
            scope.spawn(move || {
                let (mut seen, mut seen_in) = (false, 0);
                loop {
                    let before = epoch.load(Ordering::SeqCst);
                    let found = match session.metadata(path) {
                        Ok(_) => true,
                        Err(Failure::NotFound) => false,
                        other => panic!("{path}: {other:?}"),
                    };
                    let after = epoch.load(Ordering::SeqCst);
                    if before == u64::MAX {
                        return;
                    }
                    if before == after {
                        let changes = before % 2 == 1;
                        assert!(changes || found == (before % 4 == 2), "{path}: {found} in {before}");
                        if changes && seen_in == before {
                            let goes_back = if before % 4 == 1 { seen && !found } else { !seen && found };
                            assert!(!goes_back, "{path}: it was {seen} already in {before}");
                        }
                        (seen, seen_in) = (found, before);
                    }
                }
            });
        }
        for round in 0..200 {
            epoch.store(4 * round + 1, Ordering::SeqCst);
            mount();
            epoch.store(4 * round + 2, Ordering::SeqCst);
            std::thread::yield_now();
            epoch.store(4 * round + 3, Ordering::SeqCst);
            files.unmount("/m").unwrap();
            epoch.store(4 * round + 4, Ordering::SeqCst);
        }
        epoch.store(u64::MAX, Ordering::SeqCst);
    });
    assert_eq!(world.quiet(), 0);
}

/// Nobody is let in before all threads know of a mount, and nobody hears that it has gone before all have forgotten it.
#[test]
fn all_know_before_anybody_is_let_in() {
    const A_WHILE: Duration = Duration::from_millis(100);
    let (world, files) = with_mounts(3, &[]);
    files.create_dir("/m").unwrap();
    let stat = |path: &'static str| {
        let (mut client, arena, _) = world.raw_at(1, 16_384).unwrap();
        let (to, answer) = channel();
        std::thread::spawn(move || to.send(client.stat(put(&arena, 0, path), true).map(|known| known.kind)));
        answer
    };
    let (mut client, arena, _) = world.raw_at(0, 16_384).unwrap();
    let mut is_known = || client.stat(put(&arena, 0, "/m"), true).map(drop) == elsewhere(1, 2);
    let paused = world.pause(2);
    let (own, other) = (Disk::new(Make::default()), world.session());
    let mounting = world.begin_mount("/m", move |regions| serve(own, regions));
    // Before thread 1 knows of it, it is thread 0's; then whoever comes waits.
    let mut answers = 0;
    let let_in = loop {
        let answer = stat("/m");
        match answer.recv_timeout(A_WHILE) {
            Ok(Err(Failure::Elsewhere { thread: 0, mount: 1 })) => answers += 1,
            Ok(other) => panic!("it was let in early: {other:?}, after {answers} answers"),
            Err(_) => break answer,
        }
    };
    drop(paused);
    mounting.recv().unwrap().unwrap();
    assert_eq!(let_in.recv().unwrap(), Ok(Kind::Directory));
    assert!(is_known());
    assert_eq!(stat("/m").recv().unwrap(), Ok(Kind::Directory));
    let paused = world.pause(2);
    std::thread::scope(|scope| {
        let leaving = scope.spawn(|| other.unmount("/m"));
        while is_known() {
            std::thread::yield_now();
        }
        let late = stat("/m");
        assert!(late.recv_timeout(A_WHILE).is_err(), "it was answered by what is going");
        drop(paused);
        assert_eq!(late.recv().unwrap(), elsewhere(0, 1));
        leaving.join().unwrap().unwrap();
    });
}

/// A program that asks the wrong thread is told so, whatever it asks, and has nothing of what others have.
#[test]
fn who_asks_the_wrong_thread() {
    let (world, files) = with_mounts(3, &["/a", "/b"]);
    make(&files, "/a/x", "a's").unwrap();
    make(&files, "/b/x", "b's").unwrap();
    let (mut at_a, arena_a, _) = world.raw_at(1, 16_384).unwrap();
    let (mut at_b, arena_b, _) = world.raw_at(2, 16_384).unwrap();
    let file = at_a.open(put(&arena_a, 0, "/a/x"), BOTH).unwrap().file;
    let lease = at_a.want(file, 0, Purpose::Write).unwrap();
    // The other thread has no such file of this program's, and no such memory.
    for gone in [file, OpenFile(0), OpenFile(u32::MAX)] {
        assert_eq!(at_b.close(gone), Err(Failure::Gone));
        assert_eq!(at_b.want(gone, 0, Purpose::Read).map(drop), Err(Failure::Gone));
        assert_eq!(at_b.memory(gone, lease.memory).map(drop), Err(Failure::Gone));
        assert_eq!(at_b.wrote(gone, lease.memory, 0, 3), Err(Failure::Gone));
        assert_eq!(at_b.attributes(gone).map(drop), Err(Failure::Gone));
        assert_eq!(at_b.set_size(gone, 0), Err(Failure::Gone));
    }
    let others = at_b.open(put(&arena_b, 0, "/b/x"), BOTH).unwrap().file;
    assert_eq!(at_b.memory(others, lease.memory + 1000).map(drop), Err(Failure::Gone));
    let there = put(&arena_b, 0, "/a/x");
    let here = put(&arena_b, 100, "/b/y");
    let none = Text::new(0, 0);
    assert_eq!(at_b.open(there, BOTH).map(drop), elsewhere(1, 2));
    assert_eq!(at_b.open(there, How { only_known: true, ..BOTH }).map(drop), elsewhere(1, 2));
    assert_eq!(at_b.open(there, How { create_new: true, ..BOTH }).map(drop), elsewhere(1, 2));
    assert_eq!(at_b.stat(there, false).map(drop), elsewhere(1, 2));
    assert_eq!(at_b.set_modified(there, 1), elsewhere(1, 2));
    assert_eq!(at_b.create(there, Kind::Directory, none), elsewhere(1, 2));
    assert_eq!(at_b.remove(there, Kind::File), elsewhere(1, 2));
    assert_eq!(at_b.rename(there, here), elsewhere(1, 2));
    assert_eq!(at_b.rename(here, there), elsewhere(1, 2));
    assert_eq!(at_b.link(there, here), elsewhere(1, 2));
    assert_eq!(at_b.link_path(there, Text::new(200, 100)), elsewhere(1, 2));
    assert_eq!(at_b.usage(there).map(drop), elsewhere(1, 2));
    assert_eq!(at_b.unmount(put(&arena_b, 0, "/b")), elsewhere(0, 1));
    let port = Gift::copy(Handle::from_word(5 << 32 | 5), Rights::ALL);
    assert_eq!(at_b.mount(put(&arena_b, 0, "/b"), none, port), elsewhere(0, 1));
    // Its mounts' names are in nobody's way.
    assert_eq!(at_b.resolve(there, Walk::Follow, none), Err(Failure::TooLong));
    assert_eq!(at_b.resolve(Text::new(16_380, 5), Walk::Follow, none), Err(Failure::BadArgument));
    assert_eq!(at_b.resolve(put(&arena_b, 0, "/b"), Walk::Parent, here), Err(Failure::Busy));
    assert_eq!(at_b.resolve(put(&arena_b, 0, "/b/n/x"), Walk::Parent, here), Err(Failure::NotFound));
    for number in [3, 65_536, u32::MAX] {
        assert_eq!(at_b.thread(number).map(drop), Err(Failure::BadArgument));
    }
    for number in 0..3 {
        assert!(at_b.thread(number).is_ok());
    }
    assert_eq!((text(&files, "/a/x").as_deref(), text(&files, "/b/x").as_deref()), (Ok("a's"), Ok("b's")));
}

/// Who writes a lot of anything to all threads at once neither breaks them nor reaches what is not his.
#[test]
fn anything_at_any_thread() {
    let (world, files) = with_mounts(3, &["/a", "/b"]);
    make(&files, "/a/mine", "untouched").unwrap();
    let kept = both().open_in(&files, "/a/mine").unwrap();
    let mut clients: Vec<_> = (0..3).map(|thread| world.raw_at(thread, 16_384).unwrap()).collect();
    let mut dice = Dice::new(5);
    for (_, arena, _) in &clients {
        put(arena, 0, "/a/x/b/y/../../../b/z/a/b/x");
    }
    for _ in 0..20_000 {
        let (client, _, _) = &mut clients[dice.below(3) as usize];
        let mut text = || Text::new(dice.below(8) as u32 * 2, dice.below(12) as u32);
        let (one, other) = (text(), text());
        let file = OpenFile((dice.below(4) | dice.below(40) << 8) as u32);
        let how = How { create: dice.once_in(2), directory: false, only_known: dice.once_in(5), ..BOTH };
        match dice.below(14) {
            0..=3 => drop(client.open(one, how)),
            4 => drop(client.stat(one, dice.once_in(2))),
            5 => drop(client.rename(one, other)),
            6 => drop(client.link(one, other)),
            7 => drop(client.create(one, Kind::Link, other)),
            8 => drop(client.resolve(one, dice.one_of(&[Walk::Follow, Walk::Itself, Walk::Parent]), other)),
            9 => drop(client.remove(one, Kind::File)),
            10 => drop(client.close(file)),
            11 => drop(client.want(file, dice.below(10_000), Purpose::Write)),
            12 => drop(client.wrote(file, dice.below(100), dice.below(5000), dice.below(5000))),
            _ => drop(client.set_size(file, dice.below(10_000))),
        }
    }
    drop(clients);
    assert_eq!(kept.len(), 9);
    let mut bytes = [0; 9];
    assert_eq!(kept.read_at(0, &mut bytes), Ok(9));
    assert_eq!(&bytes, b"untouched");
}

/// Each thread sees for itself that a program has ended, and closes what it has open.
#[test]
fn all_threads_see_a_program_end() {
    let (world, files) = with_mounts(3, &["/a", "/b"]);
    let before = world.nodes();
    let mut clients: Vec<_> = (0..3).map(|thread| world.raw_at(thread, 16_384).unwrap()).collect();
    for ((client, arena, _), path) in clients.iter_mut().zip(["/r", "/a/x", "/b/y"]) {
        client.open(put(arena, 0, path), BOTH).unwrap();
    }
    for path in ["/a", "/b"] {
        assert_eq!(files.unmount(path), Err(Failure::Busy));
    }
    for path in ["/r", "/a/x", "/b/y"] {
        files.remove_file(path).unwrap();
    }
    assert!(world.nodes() > before);
    world.end_programs();
    assert_eq!(world.nodes(), before);
    for ((client, arena, _), path) in clients.iter_mut().zip(["/r", "/a/x", "/b/y"]) {
        assert_eq!(client.stat(put(arena, 0, path), true).map(drop), Err(Failure::Gone));
    }
    let files = world.session();
    for path in ["/a", "/b"] {
        files.unmount(path).unwrap();
    }
}

/// What lies on disks of other threads lasts, too, when somebody asks for all of it; and is stored after a while.
#[test]
fn sync_is_of_all_threads() {
    let (world, files) = with_mounts(3, &["/a", "/b"]);
    let disks = [Disk::new(Make::default()), Disk::new(Make::default())];
    for (path, disk) in ["/a/d", "/b/d"].into_iter().zip(&disks) {
        files.create_dir(path).unwrap();
        let own = disk.clone();
        world.mount(path, move |regions| serve(own, regions)).unwrap();
        make(&files, &format!("{path}/x"), "to last").unwrap();
    }
    files.sync().unwrap();
    for disk in &disks {
        assert!(disk.state().is_synced);
        assert_eq!(disk.state().bytes("/x").unwrap(), b"to last");
    }
    for path in ["/a/d", "/b/d"] {
        make(&files, &format!("{path}/x"), "later").unwrap();
    }
    world.pass(3_000_000_000);
    world.quiet();
    for disk in &disks {
        assert_eq!(disk.state().bytes("/x").unwrap(), b"later");
    }
}

/// Whose a path is, is the server's to say, and no file system's.
#[test]
fn a_file_system_sends_nobody_elsewhere() {
    let (world, files) = with_mounts(2, &[]);
    files.create_dir("/m").unwrap();
    let server = volume::Serve(anax_volume::Server::new(Disk::new(Make::default()), world.regions.clone()));
    let lookup = server_command(&server, "lookup");
    let lies = move |regions| -> crate::world::Volume {
        let mut inner = serve(Disk::new(Make::default()), regions);
        Box::new(move |request, beside| {
            if request.command == lookup {
                let elsewhere = Failure::Elsewhere { thread: 0, mount: 1 };
                return Answering::Answer(Reply::failed(elsewhere.code()));
            }
            inner(request, beside)
        })
    };
    world.mount("/m", lies).unwrap();
    assert_eq!(files.metadata("/m/x").map(drop), Err(Failure::Damaged));
}

fn server_command<S: Dispatch>(_: &S, name: &str) -> u32 {
    S::METHODS.iter().find(|method| method.name == name).unwrap().command
}

/// A program that uses one thread's files has no use for others'.
#[test]
fn who_stays_at_home_asks_nobody_else() {
    let (world, _) = with_mounts(3, &["/a", "/b"]);
    let before = world.regions.count();
    let files = world.session();
    make(&files, "/x", "here").unwrap();
    files.rename("/x", "/y").unwrap();
    assert_eq!(text(&files, "/y").as_deref(), Ok("here"));
    // Its arena and its table, and a page of the file's.
    assert_eq!(world.regions.count(), before + 3);
    files.metadata("/a").unwrap();
    assert_eq!(world.regions.count(), before + 5);
}
