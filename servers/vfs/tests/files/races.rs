//! What happens only if one request comes between another one's steps.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use anax_abi::Error;
use anax_files::files::{bits, unit};
use anax_fs::{Access, Failure, Memory, OpenOptions};
use anax_proto::Gift;
use anax_ring::{SharedBlock, SharedBytes};
use vfs::Limits;

use crate::disk::{Disk, Make};
use crate::regions::Regions;
use crate::world::{World, serve, shuffling, slow};

const SECOND: u64 = 1_000_000_000;
const SMALL: Limits = Limits { cache: 128 << 10, names: 4096, sessions: 16, mounts: 4, store_after: SECOND };

/// Others end, too, when it is dropped, in whatever way.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn create() -> OpenOptions {
    OpenOptions::new().read(true).write(true).create(true)
}

fn on_disk(seed: u64, limits: Limits) -> (World, Disk) {
    let world = World::with_tmpfs(limits, seed);
    let disk = Disk::new(Make::default());
    let own = disk.clone();
    world.session().create_dir("/d").unwrap();
    world.mount("/d", move |regions| serve(own, regions)).unwrap();
    (world, disk)
}

/// What one program has written is stored when another one is told so, also if that was under way before.
#[test]
fn sync_waits_for_what_others_store() {
    let (world, disk) = on_disk(1, Limits::default());
    let files = world.session();
    for round in 0..40u8 {
        let file = create().open_in(&files, &format!("/d/{round}")).unwrap();
        file.write_at(0, &vec![round + 1; 1 << 20]).unwrap();
        world.pass(2 * SECOND);
        files.sync().unwrap();
        let state = disk.state();
        let stored = state.bytes(&format!("/{round}")).unwrap();
        assert!(stored.len() == 1 << 20 && stored.iter().all(|byte| *byte == round + 1), "round {round}");
        assert!(state.is_synced);
    }
}

/// A name that is removed while it becomes another file's: the file that had it is not taken for one without a name.
#[test]
fn names_are_taken_from_who_has_them() {
    let (world, disk) = on_disk(slow(2), SMALL);
    let sessions: Vec<_> = (0..6).map(|_| world.session()).collect();
    let makers = AtomicUsize::new(2);
    let is_over = || makers.load(Ordering::Relaxed) == 0;
    let kept = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for (number, files) in sessions.iter().enumerate() {
            let (makers, kept) = (&makers, &kept);
            scope.spawn(move || match number {
                0 | 1 => {
                    for _ in 0..600 {
                        let path = format!("/d/new {number}");
                        let made =
                            create().open_in(files, &path).and_then(|file| file.write_at(0, &[1; 100]));
                        let _moved = files.rename(&path, "/d/name");
                        if made.is_err() {
                            break;
                        }
                    }
                    makers.fetch_sub(1, Ordering::Relaxed);
                }
                2 | 3 => {
                    for round in 0.. {
                        let path = format!("/d/kept {number} {round}");
                        if files.rename("/d/name", &path).is_ok() {
                            kept.lock().unwrap().push(path);
                        }
                        if is_over() {
                            break;
                        }
                    }
                }
                _ => {
                    while !is_over() {
                        let _any = files.remove_file("/d/name");
                    }
                }
            });
        }
    });
    sessions[0].sync().unwrap();
    for path in kept.into_inner().unwrap() {
        let known = sessions[0].metadata(&path).unwrap();
        assert_eq!((known.links, known.size), (1, 100), "{path}");
        let state = disk.state();
        assert!(state.bytes(path.strip_prefix("/d").unwrap()) == Some(&[1; 100]), "{path} is not stored");
    }
}

/// A file system with several threads answers in any order: what was asked before a name was changed, and is answered after it, is not remembered.
#[test]
fn late_answers_are_not_believed() {
    let (world, _) = on_disk(shuffling(3), Limits { names: 2, ..SMALL });
    let (files, other) = (world.session(), world.session());
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                let _any = other.metadata("/d/a");
                let _any = other.metadata("/d/b");
            }
        });
        scope.spawn(|| {
            let _over = Over(&is_over);
            for round in 0..3000 {
                drop(create().open_in(&files, "/d/a").unwrap());
                let there = files.metadata("/d/a").map(drop);
                files.remove_file("/d/a").unwrap();
                let gone = files.metadata("/d/a").map(drop);
                if (there, gone) != (Ok(()), Err(Failure::NotFound)) {
                    panic!("round {round}: {there:?}, {gone:?}");
                }
            }
        });
    });
}

type Hook = Arc<Mutex<Option<Box<dyn FnOnce() + Send>>>>;

/// Memory of files at which something happens before the next copy.
struct Hooked<M>(M, Hook);

impl anax_fs::Maps for Hooked<Regions> {
    fn map(&self, memory: Gift, offset: u64, bytes: u64, access: Access) -> Result<Box<dyn Memory>, Error> {
        let memory = anax_fs::Maps::map(&self.0, memory, offset, bytes, access)?;
        Ok(Box::new(Hooked(memory, self.1.clone())))
    }

    fn close(&self, memory: Gift) {
        self.0.close(memory);
    }
}

impl Memory for Hooked<Box<dyn Memory>> {
    fn block(&self) -> SharedBlock<'_> {
        if let Some(hook) = self.1.lock().unwrap().take() {
            hook();
        }
        self.0.block()
    }
}

/// Bytes whose page is taken away between the look at the table and the copy are not the file's; they are read, or written, again.
#[test]
fn what_is_copied_was_there_all_the_time() {
    for path in ["/d/a", "/in memory"] {
        let (world, _) = on_disk(5, SMALL);
        let hook = Hook::default();
        let files = {
            let (regions, hook) = (world.regions.clone(), hook.clone());
            world.session_with(move || Box::new(Hooked(regions.clone(), hook.clone())))
        };
        let cut = || {
            let other = create().open_in(&world.session(), path).unwrap();
            let cut = move || {
                other.set_len(0).unwrap();
                other.write_at(0, &[8; 500]).unwrap();
            };
            *hook.lock().unwrap() = Some(Box::new(cut));
        };
        let file = create().open_in(&files, path).unwrap();
        file.write_at(0, &[7; 1000]).unwrap();
        cut();
        let mut bytes = [0; 1000];
        let read = file.read_at(0, &mut bytes).unwrap();
        assert_eq!((read, bytes[..read].iter().all(|byte| *byte == 8)), (500, true), "{path}");
        cut();
        file.write_at(100, &[9; 100]).unwrap();
        assert_eq!(file.read_at(0, &mut bytes), Ok(500));
        let wanted = [[8; 100], [9; 100], [8; 100], [8; 100], [8; 100]].concat();
        assert!(bytes[..500] == wanted, "{path}");
    }
}

/// Others find a file's bytes where it says that they lie, and by the table when they don't any more: when it was cut, and when it was closed.
#[test]
fn others_read_where_it_lies() {
    for path in ["/d/a", "/in memory"] {
        let (world, _) = on_disk(6, Limits::default());
        let files = world.session();
        let content: Vec<u8> = (0..100_000u32).map(|at| (at * 7 + at / 251) as u8).collect();
        let open = || {
            let file = create().open_in(&files, path).unwrap();
            file.write_at(0, &content).unwrap();
            let table = world.regions.get(file.table().unwrap()).unwrap();
            let lies = file.lies(5000, 50_000).unwrap();
            assert!((1..=50_000).contains(&lies.bytes), "{lies:?}");
            let memory = file.with_memory(lies.memory, |handle| world.regions.get(handle).unwrap()).unwrap();
            let mut found = vec![0; lies.bytes as usize];
            let all = SharedBytes::new(SharedBlock::from_words(&memory));
            all.copy_out((lies.at + lies.offset) as usize, &mut found).unwrap();
            assert!(found == content[5000..5000 + found.len()], "{path}");
            let needed = bits(unit(lies.length), lies.offset, lies.offset + lies.bytes);
            let word = move |word: u32| table[word as usize].load(Ordering::SeqCst);
            let stands = move || word(lies.word) & needed == needed && word(lies.word + 1) == lies.memory;
            assert!(stands());
            (file, stands)
        };
        let (cut, stands) = open();
        create().open_in(&world.session(), path).unwrap().set_len(10).unwrap();
        assert!(!stands() && cut.lies(5000, 50_000).is_none(), "{path}");
        let (closed, stands) = open();
        drop(closed);
        // The server sees it with the next request.
        files.metadata(path).unwrap();
        assert!(!stands(), "{path}");
    }
}

/// Bytes that are read while pages are taken away are the file's, or are read again.
#[test]
fn what_is_read_was_there() {
    let (world, _) = on_disk(4, Limits { cache: 64 << 10, ..SMALL });
    let (files, other) = (world.session(), world.session());
    create().open_in(&files, "/d/a").unwrap().write_at(0, &[7; 60_000]).unwrap();
    create().open_in(&files, "/d/b").unwrap().write_at(0, &[8; 200_000]).unwrap();
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let file = create().open_in(&other, "/d/b").unwrap();
            let mut bytes = vec![0; 100_000];
            while !is_over.load(Ordering::Relaxed) {
                assert_eq!(file.read_at(50_000, &mut bytes), Ok(100_000));
            }
        });
        scope.spawn(|| {
            let _over = Over(&is_over);
            let file = create().open_in(&files, "/d/a").unwrap();
            let mut bytes = vec![0; 60_000];
            for round in 0..2000 {
                let read = file.read_at(0, &mut bytes);
                let is_right = read == Ok(60_000) && bytes.iter().all(|byte| *byte == 7);
                if !is_right {
                    panic!("round {round}: {read:?}, {:?}", bytes.iter().position(|byte| *byte != 7));
                }
            }
        });
    });
}
