//! Programs of tasks: what one waits for holds up no other, and what nobody waits for any more leaves nothing behind.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anax_abi::Error;
use anax_files::{FileSystem as _, Name, Node, volume};
use anax_fs::{Access, Failure, OpenOptions, Session};
use anax_proto::Gift;
use anax_ring::SharedBlock;
use anax_task::{Either, EventLoop, join_all, race, yield_now};
use vfs::Limits;

use crate::disk::{Disk, Make};
use crate::regions::Regions;
use crate::world::{Answering, Volume, World, serve, slow};

const READING: OpenOptions = OpenOptions::new().read(true);
const FILES: u64 = 24;
/// By how much each is larger than the one before.
const SIZE: u64 = 30_000;

/// The last ones have several pieces of the cache.
fn bytes_of(number: u64) -> Vec<u8> {
    (0..number * SIZE).map(|at| (at * 7 + number) as u8).collect()
}

/// The name of a file; long ones, so that few fit into an arena together.
fn name_of(number: u64) -> String {
    format!("{number}-{}", "x".repeat(200))
}

/// A disk with files that nobody has asked for yet, and the last one's node.
fn disk() -> (Disk, Node) {
    let mut disk = Disk::new(Make::default());
    let mut last = disk.root();
    for number in 0..FILES {
        let name = name_of(number);
        let created =
            disk.create(disk.root(), Name::new(&name).unwrap(), anax_files::Creation::File, 1).unwrap();
        disk.write(created.node, 0, &bytes_of(number)).unwrap();
        last = created.node;
        disk.forget(last, 1);
    }
    (disk, last)
}

/// One that never answers who wants to read that node.
fn silent_about(node: Node, disk: Disk, regions: Regions) -> Volume {
    let server = volume::Serve(anax_volume::Server::new(disk.clone(), regions.clone()));
    let fill = command(&server, "fill");
    let mut inner = serve(disk, regions);
    Box::new(move |request, beside| {
        if request.command == fill && request.words[0] == node.0 {
            return Answering::Never;
        }
        inner(request, beside)
    })
}

fn command<S: anax_proto::Dispatch>(_: &S, name: &str) -> u32 {
    S::METHODS.iter().find(|method| method.name == name).unwrap().command
}

/// A server with that disk, and a program.
fn with_disk(seed: u64, make: impl FnOnce(Regions) -> Volume + Send + 'static) -> (World, Arc<Session>) {
    let world = World::with_tmpfs(Limits { cache: 16 << 20, ..Limits::default() }, slow(seed));
    world.session().create_dir("/d").unwrap();
    world.mount("/d", make).unwrap();
    let session = world.session();
    (world, session)
}

async fn read_all(events: &EventLoop, session: &Arc<Session>, path: &str) -> Result<Vec<u8>, Failure> {
    let file = READING.open_later_in(session, events, path).await?;
    let (mut all, mut piece) = (Vec::new(), [0; 5000]);
    loop {
        match file.read_later(events, all.len() as u64, &mut piece).await? {
            0 => return Ok(all),
            count => all.extend_from_slice(&piece[..count]),
        }
    }
}

#[test]
fn one_slow_file_holds_up_no_other() {
    let (disk, last) = disk();
    let (world, session) = with_disk(1, move |regions| silent_about(last, disk, regions));
    let mut executor = world.executor();
    let events = executor.events();
    let judged = executor.block_on(async {
        let slow =
            READING.open_later_in(&session, &events, &format!("/d/{}", name_of(FILES - 1))).await.unwrap();
        assert_eq!(slow.read_known(0, &mut [0; 10]), Ok(None));
        let waits = slow.wait(&events, 0);
        let others = async {
            for number in 0..FILES - 1 {
                let path = format!("/d/{}", name_of(number));
                assert!(READING.open_known_in(&session, &path).unwrap().is_none(), "nobody has asked yet");
                assert!(read_all(&events, &session, &path).await.unwrap() == bytes_of(number), "{number}");
                // Now it is known.
                let known = READING.open_known_in(&session, &path).unwrap().expect("it was asked for");
                let mut piece = [0; 100];
                let count = 100.min(number as usize * SIZE as usize);
                assert_eq!(known.read_known(0, &mut piece), Ok(Some(count)));
                assert!(bytes_of(number).starts_with(&piece[..count]));
                assert_eq!(known.read_known(number * SIZE, &mut piece), Ok(Some(0)), "at its end");
            }
        };
        match race(waits, others).await {
            Either::Left(outcome) => panic!("nobody has answered: {outcome:?}"),
            Either::Right(()) => {}
        }
    });
    judged.unwrap();
}

#[test]
fn many_at_once_share_the_arena() {
    for seed in [2, 3] {
        let (disk, _) = disk();
        let (world, session) = with_disk(seed, move |regions| serve(disk, regions));
        let mut executor = world.executor();
        let events = executor.events();
        let judged = executor.block_on(async {
            let paths: Vec<_> = (0..2 * FILES).map(|number| format!("/d/{}", name_of(number))).collect();
            let all = join_all(paths.iter().map(|path| read_all(&events, &session, path)));
            // Others use the rest of it meanwhile.
            let beside = async {
                for number in 0..FILES {
                    let path = format!("/d/{}", name_of(number));
                    assert_eq!(session.metadata(&path).map(|known| known.size), Ok(number * SIZE));
                    assert!(session.read_dir("/d").unwrap().count() == FILES as usize);
                    yield_now().await;
                }
            };
            let (all, ()) = anax_task::join(all, beside).await;
            for (read, number) in all.into_iter().zip(0..) {
                let expected = if number < FILES { Ok(bytes_of(number)) } else { Err(Failure::NotFound) };
                assert!(read == expected, "{number}");
            }
            let mut listed = session.read_dir_later(&events, "/d").await.unwrap();
            let mut names = 0;
            while let Some(entry) = listed.next_later(&events).await {
                let name = entry.unwrap().name;
                let known = session.metadata_later(&events, &format!("/d/{name}")).await.unwrap();
                assert!(name.starts_with(&format!("{}-", known.size / SIZE)));
                names += 1;
            }
            assert_eq!(names, FILES);
            assert_eq!(session.metadata_later(&events, "/d/none").await, Err(Failure::NotFound));
            assert_eq!(session.read_dir_later(&events, "/none").await.map(drop), Err(Failure::NotFound));
        });
        judged.unwrap();
    }
}

#[test]
fn what_nobody_waits_for_any_more_is_closed() {
    let (disk, _) = disk();
    let (world, session) = with_disk(4, move |regions| serve(disk, regions));
    let mut executor = world.executor();
    let events = executor.events();
    let begun = executor.block_on(async {
        for number in 0..FILES {
            let path = format!("/d/{}", name_of(number));
            let opening = READING.open_later_in(&session, &events, &path);
            // It is asked, and then its task is gone.
            let short = async {
                for _ in 0..number % 4 {
                    yield_now().await;
                }
            };
            let _either = race(opening, short).await;
        }
    });
    begun.unwrap();
    executor.run().unwrap();
    executor.drain().unwrap();
    assert_eq!(session.unmount("/d"), Ok(()), "something is open");
}

/// Maps a few at a time only, as a program with few handles.
#[derive(Clone)]
struct Few {
    regions: Regions,
    left: Arc<AtomicUsize>,
}

struct OneOfFew {
    mapped: Box<dyn anax_fs::Memory>,
    left: Arc<AtomicUsize>,
}

impl anax_fs::Memory for OneOfFew {
    fn block(&self) -> SharedBlock<'_> {
        self.mapped.block()
    }
}

impl Drop for OneOfFew {
    fn drop(&mut self) {
        self.left.fetch_add(1, Ordering::Relaxed);
    }
}

impl anax_fs::Maps for Few {
    fn map(
        &self,
        memory: Gift,
        offset: u64,
        bytes: u64,
        access: Access,
    ) -> Result<Box<dyn anax_fs::Memory>, Error> {
        if self.left.load(Ordering::Relaxed) == 0 {
            return Err(Error::NoSlot);
        }
        let mapped = anax_fs::Maps::map(&self.regions, memory, offset, bytes, access)?;
        self.left.fetch_sub(1, Ordering::Relaxed);
        Ok(Box::new(OneOfFew { mapped, left: self.left.clone() }))
    }

    fn close(&self, _: Gift) {}
}

#[test]
fn many_files_and_few_handles() {
    let (disk, _) = disk();
    let (world, _) = with_disk(6, move |regions| serve(disk, regions));
    let left = Arc::new(AtomicUsize::new(FILES as usize + 1));
    let maps = Few { regions: world.regions.clone(), left: left.clone() };
    let session = world.session_with(move || Box::new(maps.clone()));
    let mut executor = world.executor();
    let events = executor.events();
    let judged = executor.block_on(async {
        let paths: Vec<_> = (0..FILES).map(|number| format!("/d/{}", name_of(number))).collect();
        let all = join_all(paths.iter().map(|path| read_all(&events, &session, path))).await;
        for (read, number) in all.into_iter().zip(0..) {
            assert!(read == Ok(bytes_of(number)), "{number}");
        }
    });
    judged.unwrap();
    drop(session);
    assert_eq!(left.load(Ordering::Relaxed), FILES as usize + 1);
}

#[test]
fn holes_are_zeros_and_devices_are_none_of_this() {
    let world = World::with_tmpfs(Limits::default(), 5);
    let session = world.session();
    let writing = OpenOptions::new().read(true).write(true).create(true);
    let file = writing.open_in(&session, "/sparse").unwrap();
    file.write_at(1 << 20, b"end").unwrap();
    let mut executor = world.executor();
    let events = executor.events();
    let judged = executor.block_on(async {
        let all = read_all(&events, &session, "/sparse").await.unwrap();
        assert_eq!(all.len(), (1 << 20) + 3);
        assert!(all.ends_with(b"end") && all[..1 << 20].iter().all(|byte| *byte == 0));
        assert_eq!(READING.open_later_in(&session, &events, "/none").await.map(drop), Err(Failure::NotFound));
        let is_directory = READING.open_later_in(&session, &events, "/").await;
        assert_eq!(is_directory.map(drop), Err(Failure::IsADirectory));
    });
    judged.unwrap();
}
