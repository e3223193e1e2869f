//! Anything in any order, by several programs with many files open, against the model.

use std::collections::BTreeSet;
use std::sync::Arc;

use anax_fs::{Failure, File, Kind, OpenOptions, Session};
use anax_storm::Dice;
use vfs::Limits;

use crate::disk::{Disk, Make};
use crate::model::{Model, Way};
use crate::world::{World, serve, tmpfs};

/// Steps of each of eight seeds: 100,000 in all with one thread of the server, and a fifth of that with more.
pub(crate) fn steps() -> u64 {
    let said = std::env::var("FILES_STEPS").ok().and_then(|text| text.parse().ok());
    said.unwrap_or(if crate::THREADS == 1 { 12_500 } else { 2_500 })
}

/// Most bytes of a file.
const LONGEST: u64 = 700_000;
const SECOND: u64 = 1_000_000_000;

struct Open {
    file: File,
    node: usize,
    way: Way,
}

struct Program {
    files: Arc<Session>,
    open: Vec<Open>,
}

/// A file system at `/d` below one in memory, the programs, and the model.
pub(crate) struct Random {
    pub(crate) world: World,
    dice: Dice,
    programs: Vec<Program>,
    model: Model,
    /// Programs there have been.
    begun: usize,
    most_open: u64,
    /// Other file systems in the tree, of which nobody knows what they do.
    pub(crate) has_neighbours: bool,
}

fn options(way: Way) -> OpenOptions {
    let Way { read, write, append, create, create_new, truncate } = way;
    let options = OpenOptions::new().read(read).write(write).append(append);
    options.create(create).create_new(create_new).truncate(truncate)
}

impl Random {
    pub(crate) fn new(
        seed: u64,
        limits: Limits,
        volume: impl FnOnce(crate::regions::Regions) -> crate::world::Volume + Send + 'static,
    ) -> (Self, usize) {
        let world = World::with_tmpfs(limits, seed);
        let files = world.session();
        files.create_dir("/d").unwrap();
        let regions = world.regions.count();
        world.mount("/d", volume).unwrap();
        let programs = vec![Program { files, open: Vec::new() }];
        let most_open = if seed.is_multiple_of(3) { 300 } else { 30 };
        (
            Self {
                world,
                dice: Dice::new(seed),
                programs,
                model: Model::new(),
                begun: 1,
                most_open,
                has_neighbours: false,
            },
            regions,
        )
    }

    fn path(&mut self) -> String {
        let mut path = String::new();
        for _ in 0..=self.dice.below(3) {
            path.push('/');
            path.push(char::from(b'a' + self.dice.below(5) as u8));
        }
        path
    }

    fn bytes(&mut self) -> Vec<u8> {
        let length = match self.dice.below(20) {
            0 => self.dice.below(150_000),
            1..=4 => self.dice.below(20_000),
            5 => 4096 * self.dice.below(5),
            _ => self.dice.below(300),
        };
        let seed = self.dice.roll();
        (0..length).map(|at| (seed >> (at % 7 * 8)) as u8 ^ (at >> 3) as u8).collect()
    }

    fn offset(&mut self) -> u64 {
        match self.dice.below(6) {
            0 => self.dice.below(LONGEST - 150_000),
            1 => 4096 * self.dice.below(100),
            2 => (4096 * self.dice.below(80)).saturating_sub(self.dice.below(10)),
            _ => self.dice.below(20_000),
        }
    }

    /// A program, and one of its open files.
    fn any(&mut self) -> (usize, Option<usize>) {
        let program = self.dice.below(self.programs.len() as u64) as usize;
        let open = self.programs[program].open.len() as u64;
        (program, (open > 0).then(|| self.dice.below(open) as usize))
    }

    pub(crate) fn step(&mut self) {
        let (program, open) = self.any();
        match self.dice.below(100) {
            0..=17 => self.open(program),
            18..=24 => {
                if let Some(open) = open {
                    self.programs[program].open.swap_remove(open);
                }
            }
            25..=44 => self.read(program, open),
            45..=64 => self.write(program, open),
            65..=70 => self.set_size(program, open),
            71..=75 => self.stat(program, open),
            76..=78 => {
                let path = self.path();
                let made = self.files(program).create_dir(&format!("/d{path}"));
                assert_eq!(made, self.model.mkdir(&path), "mkdir {path}");
            }
            79..=85 => {
                let path = self.path();
                let is_directory = self.dice.once_in(3);
                let (removed, kind) = if is_directory {
                    (self.files(program).remove_dir(&format!("/d{path}")), Kind::Directory)
                } else {
                    (self.files(program).remove_file(&format!("/d{path}")), Kind::File)
                };
                assert_eq!(removed, self.model.remove(&path, kind), "remove {path} {kind:?}");
            }
            86..=90 => {
                let (from, to) = (self.path(), self.path());
                let renamed = self.files(program).rename(&format!("/d{from}"), &format!("/d{to}"));
                assert_eq!(renamed, self.model.rename(&from, &to), "rename {from} {to}");
            }
            91..=92 => {
                let (from, to) = (self.path(), self.path());
                let linked = self.files(program).hard_link(&format!("/d{from}"), &format!("/d{to}"));
                assert_eq!(linked, self.model.link(&from, &to), "link {from} {to}");
            }
            93..=94 => {
                let path = if self.dice.once_in(4) { String::new() } else { self.path() };
                let listed = self.files(program).read_dir(&format!("/d{path}")).map(|entries| {
                    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().name).collect();
                    names.sort();
                    names
                });
                let wanted = self.model.list(&path);
                let is_full = self.programs[program].open.len() >= 256;
                assert!(
                    listed == wanted || is_full && listed == Err(Failure::TooMany),
                    "list {path}: {listed:?}, not {wanted:?}"
                );
            }
            95..=96 => {
                if let Some(open) = open {
                    self.programs[program].open[open].file.sync_all().unwrap();
                }
            }
            97 => {
                let synced = self.files(program).sync();
                assert!(synced == Ok(()) || self.has_neighbours, "sync: {synced:?}");
            }
            98 => {
                let nanoseconds = self.dice.below(2 * SECOND);
                self.world.pass(nanoseconds);
            }
            _ => self.comes_or_goes(program),
        }
    }

    fn files(&self, program: usize) -> Arc<Session> {
        self.programs[program].files.clone()
    }

    fn open(&mut self, program: usize) {
        let path = self.path();
        let bits = if self.dice.once_in(3) { self.dice.below(64) } else { 0b01011 };
        let bit = |place: u32| bits >> place & 1 != 0;
        let way = Way {
            read: bit(0),
            write: bit(1),
            append: bit(2),
            create: bit(3),
            create_new: bit(4),
            truncate: bit(5),
        };
        if self.programs[program].open.len() as u64 >= self.most_open {
            return;
        }
        let opened = options(way).open_in(&self.files(program), &format!("/d{path}"));
        if self.programs[program].open.len() >= 256 {
            // It may have been made all the same.
            assert!(opened.is_err());
            if opened.as_ref().err() == Some(&Failure::TooMany) && way.truncate {
                panic!("emptied, and not open");
            }
            if opened.err() == Some(Failure::TooMany) {
                let _made = self.model.open(&path, way);
            }
            return;
        }
        let wanted = self.model.open(&path, way);
        let outcome = opened.as_ref().map(drop).map_err(|failure| *failure);
        assert_eq!(outcome, wanted.map(drop), "open {path} {way:?}");
        if let (Ok(file), Ok(node)) = (opened, wanted) {
            self.programs[program].open.push(Open { file, node, way });
        }
    }

    fn read(&mut self, program: usize, open: Option<usize>) {
        let Some(open) = open else { return };
        let (offset, mut into) = (self.offset(), vec![0xaa; self.bytes().len()]);
        let Open { file, node, way } = &self.programs[program].open[open];
        let bytes = self.model.bytes(*node);
        assert_eq!(file.len(), bytes.len() as u64, "the size of {node}");
        let read = file.read_at(offset, &mut into);
        if !way.read {
            assert_eq!(read, Err(Failure::NotPermitted));
            return;
        }
        let from = (offset as usize).min(bytes.len());
        let wanted = &bytes[from..(from + into.len()).min(bytes.len())];
        assert_eq!(read, Ok(wanted.len()), "bytes of {node} at {offset}");
        let other = into.iter().zip(wanted).position(|(got, wanted)| got != wanted);
        assert_eq!(other, None, "bytes of {node} from {offset} on, of {}", bytes.len());
    }

    fn write(&mut self, program: usize, open: Option<usize>) {
        let Some(open) = open else { return };
        let (offset, bytes) = (self.offset(), self.bytes());
        let Open { file, node, way } = &mut self.programs[program].open[open];
        let there = self.model.bytes(*node);
        if !way.writes() {
            assert_eq!(file.write_at(offset, &bytes), Err(Failure::NotPermitted));
        } else if way.append {
            if there.len() as u64 > LONGEST {
                return;
            }
            file.write_all(&bytes).unwrap();
            there.extend_from_slice(&bytes);
        } else {
            file.write_at(offset, &bytes).unwrap();
            if bytes.is_empty() {
                return;
            }
            let (from, to) = (offset as usize, offset as usize + bytes.len());
            there.resize(there.len().max(to), 0);
            there[from..to].copy_from_slice(&bytes);
        }
    }

    fn set_size(&mut self, program: usize, open: Option<usize>) {
        let Some(open) = open else { return };
        let size = self.offset();
        let Open { file, node, way } = &self.programs[program].open[open];
        let set = file.set_len(size);
        if way.writes() {
            assert_eq!(set, Ok(()));
            self.model.bytes(*node).resize(size as usize, 0);
        } else {
            assert_eq!(set, Err(Failure::NotPermitted));
        }
    }

    fn stat(&mut self, program: usize, open: Option<usize>) {
        if self.dice.once_in(2)
            && let Some(open) = open
        {
            let Open { file, node, .. } = &self.programs[program].open[open];
            let known = file.metadata().unwrap();
            let (size, links) = (self.model.bytes(*node).len() as u64, self.model.links(*node));
            assert_eq!((known.kind, known.size, known.links), (Kind::File, size, links));
            return;
        }
        let path = self.path();
        let known = self.files(program).metadata(&format!("/d{path}"));
        let known = known.map(|known| (known.kind, known.size, known.links));
        assert_eq!(known, self.model.stat(&path), "stat {path}");
    }

    /// A program ends, whatever it has open, or another one begins.
    fn comes_or_goes(&mut self, program: usize) {
        if !self.dice.once_in(4) {
            return;
        }
        if self.programs.len() > 1 && self.dice.once_in(2) {
            self.programs.swap_remove(program);
        } else if self.programs.len() < 5 {
            self.programs.push(Program { files: self.world.session(), open: Vec::new() });
            self.begun += 1;
        }
    }

    /// All is closed, and what there is is what the model has; then the file system is taken from the tree, and nothing is left of it.
    pub(crate) fn end(mut self, regions: Option<usize>, disk: Option<&Disk>) {
        self.programs.clear();
        let files = self.world.session();
        self.begun += 1;
        files.sync().unwrap();
        let paths = self.model.paths();
        for (path, node) in &paths {
            if !self.model.is_file(*node) {
                continue;
            }
            let wanted = self.model.bytes(*node);
            let file = OpenOptions::new().read(true).open_in(&files, &format!("/d{path}")).unwrap();
            let mut bytes = vec![0; wanted.len() + 1];
            assert_eq!(file.read_at(0, &mut bytes), Ok(wanted.len()));
            assert!(bytes[..wanted.len()] == *wanted, "{path} is another one");
        }
        if let Some(disk) = disk {
            let state = disk.state();
            assert!(state.is_synced, "sync lasts");
            let names: Vec<_> = paths.iter().map(|(path, _)| path.clone()).collect();
            assert_eq!(state.paths(), names);
            for (path, node) in &paths {
                if self.model.is_file(*node) {
                    assert!(state.bytes(path).unwrap() == *self.model.bytes(*node), "{path} is not stored");
                }
            }
            let nodes: BTreeSet<_> = paths.iter().map(|(_, node)| *node).collect();
            assert_eq!(state.nodes.len(), nodes.len() + 1, "nodes are left over");
        }
        assert_eq!(self.world.quiet(), 0, "operations are left over");
        files.unmount("/d").unwrap();
        assert_eq!(self.world.quiet(), 0, "operations are left over");
        if let (Some(regions), true) = (regions, disk.is_some()) {
            // Of each program its arena and its table, of the file system its port and its arena.
            let own = regions + 2 * (self.begun - 1) + 2;
            // Those that have asked for something there have the same of its thread.
            let most = if crate::THREADS > 1 { own + 2 * self.begun } else { own };
            assert!((own..=most).contains(&self.world.regions.count()), "regions are left over");
        }
    }
}

fn on_a_disk(seed: u64, limits: Limits) {
    let disk = Disk::new(Make { bytes: 1 << 30, ..Make::default() });
    let own = disk.clone();
    let (mut random, regions) = Random::new(seed, limits, move |regions| serve(own, regions));
    (0..steps()).for_each(|_| random.step());
    random.end(Some(regions), Some(&disk));
}

pub(crate) const SMALL: Limits =
    Limits { cache: 256 << 10, names: 16, sessions: 8, mounts: 4, store_after: SECOND };

#[test]
fn disk_1() {
    on_a_disk(1, SMALL);
}

#[test]
fn disk_2() {
    on_a_disk(2, Limits { cache: 64 << 10, ..SMALL });
}

#[test]
fn disk_3() {
    on_a_disk(3, Limits { cache: 512 << 10, names: 64, ..SMALL });
}

#[test]
fn disk_4() {
    on_a_disk(4, Limits { cache: 1 << 20, names: 2, ..SMALL });
}

#[test]
fn disk_5() {
    on_a_disk(5, Limits { cache: 16 << 20, names: 4096, ..SMALL });
}

#[test]
fn disk_6() {
    on_a_disk(6, SMALL);
}

fn in_memory(seed: u64) {
    let (mut random, regions) = Random::new(seed, SMALL, |regions| tmpfs(regions, 1 << 30));
    (0..steps()).for_each(|_| random.step());
    random.end(Some(regions), None);
}

#[test]
fn memory_7() {
    in_memory(7);
}

#[test]
fn memory_9() {
    in_memory(9);
}
