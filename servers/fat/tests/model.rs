//! A hundred thousand random steps, against a model that is a tree in memory. Each failure names its seed and step.

mod common;

use std::collections::BTreeMap;

use anax_files::{Creation, Failure, FileSystem, Kind, Node};
use anax_sectors::MemoryDisk;
use common::{Random, formatted, name, names, sound};
use fat::{Fat, Width};

const STEPS: u64 = 10_000;
/// Nothing in the model is larger.
const LONGEST: u64 = 40_000;

struct Thing {
    kind: Kind,
    content: Vec<u8>,
    modified: u64,
    /// Folded name, spelling, which.
    children: BTreeMap<String, (String, usize)>,
    parent: Option<usize>,
    /// As the file system numbers it, and how often it was answered.
    known: Option<(Node, u64)>,
}

struct Model {
    fat: Option<Fat<MemoryDisk>>,
    things: BTreeMap<usize, Thing>,
    next: usize,
    random: Random,
    full: u64,
}

fn folded(text: &str) -> String {
    text.to_uppercase()
}

impl Model {
    fn new(width: Width, sectors: usize, seed: u64) -> Self {
        let root = Thing {
            kind: Kind::Directory,
            content: Vec::new(),
            modified: 0,
            children: BTreeMap::new(),
            parent: None,
            known: Some((Node(1), 1)),
        };
        let fat = Some(Fat::with_cache(formatted(width, sectors), 64 << 10).unwrap());
        Self { fat, things: BTreeMap::from([(0, root)]), next: 1, random: Random(seed), full: 0 }
    }

    fn fat(&mut self) -> &mut Fat<MemoryDisk> {
        self.fat.as_mut().unwrap()
    }

    fn name(&mut self) -> String {
        let number = self.random.below(12);
        match self.random.below(6) {
            0 => format!("FILE{number}.TXT"),
            1 => format!("file{number}.txt"),
            2 => format!("A long name, number {number}, which needs several slots"),
            3 => format!("a LONG name, number {number}, which needs several slots"),
            4 => format!("Ünï{number}"),
            _ => format!("x{number}"),
        }
    }

    fn pick(&mut self, kind: Kind) -> Option<usize> {
        let all: Vec<_> =
            self.things.iter().filter(|(_, thing)| thing.kind == kind).map(|(which, _)| *which).collect();
        let at = self.random.below(all.len().max(1) as u64) as usize;
        all.get(at).copied()
    }

    /// One with a name, and its directory with it.
    fn is_named(&self, which: usize) -> bool {
        which == 0 || self.things[&which].parent.is_some_and(|parent| self.is_named(parent))
    }

    /// As the file system numbers it: it is looked up if it is not known.
    fn node(&mut self, which: usize) -> Node {
        if let Some((node, _)) = self.things[&which].known {
            return node;
        }
        let parent = self.things[&which].parent.unwrap();
        let directory = self.node(parent);
        let children = &self.things[&parent].children;
        let (spelling, _) = children.values().find(|(_, child)| *child == which).unwrap().clone();
        let attributes = self.fat().lookup(directory, name(&spelling)).unwrap();
        let thing = self.things.get_mut(&which).unwrap();
        assert_eq!((attributes.kind, attributes.modified), (thing.kind, thing.modified));
        assert_eq!(attributes.size, thing.content.len() as u64);
        thing.known = Some((attributes.node, 1));
        attributes.node
    }

    fn forget(&mut self, which: usize) {
        let Some((node, count)) = self.things[&which].known.filter(|_| which != 0) else { return };
        self.fat().forget(node, count);
        self.things.get_mut(&which).unwrap().known = None;
        if self.things[&which].parent.is_none() {
            self.things.remove(&which);
        }
    }

    /// It has no name any more.
    fn unname(&mut self, which: usize) {
        let thing = self.things.get_mut(&which).unwrap();
        thing.parent = None;
        if thing.known.is_none() {
            self.things.remove(&which);
        }
    }

    fn create(&mut self) {
        let Some(directory) = self.pick(Kind::Directory) else { return };
        let text = self.name();
        let is_file = self.random.below(4) > 0;
        let what = if is_file { Creation::File } else { Creation::Directory };
        let now = 1_000_000_000 + self.random.below(1 << 30) * 2;
        let is_named = self.is_named(directory);
        let node = self.node(directory);
        let made = self.fat().create(node, name(&text), what, now);
        if !is_named {
            // Entries of a directory that was removed.
            return assert_eq!(made, Err(Failure::NotFound));
        }
        if self.things[&directory].children.contains_key(&folded(&text)) {
            return assert_eq!(made, Err(Failure::Exists));
        }
        let made = match made {
            Err(Failure::NoSpace) => return self.full += 1,
            made => made.unwrap(),
        };
        let kind = if is_file { Kind::File } else { Kind::Directory };
        assert_eq!((made.kind, made.size, made.modified), (kind, 0, now));
        let (which, children) = (self.next, BTreeMap::new());
        self.next += 1;
        let (content, known) = (Vec::new(), Some((made.node, 1)));
        self.things
            .insert(which, Thing { kind, content, modified: now, children, parent: Some(directory), known });
        let children = &mut self.things.get_mut(&directory).unwrap().children;
        children.insert(folded(&text), (text, which));
    }

    fn write(&mut self) {
        let Some(which) = self.pick(Kind::File) else { return };
        let size = self.things[&which].content.len() as u64;
        let offset = match self.random.below(4) {
            0 => size,
            1 => self.random.below(LONGEST / 2),
            _ => self.random.below(size + 1),
        };
        let length = match self.random.below(4) {
            0 => 512 * self.random.below(20),
            _ => self.random.below(3000),
        };
        let (length, value) = (length.min(LONGEST.saturating_sub(offset)), self.random.next());
        let bytes: Vec<u8> = (0..length).map(|at| (value >> (at % 57)) as u8).collect();
        let node = self.node(which);
        match self.fat().write(node, offset, &bytes) {
            Err(Failure::NoSpace) => return self.full += 1,
            outcome => outcome.unwrap(),
        }
        if bytes.is_empty() {
            return;
        }
        let content = &mut self.things.get_mut(&which).unwrap().content;
        let end = offset as usize + bytes.len();
        content.resize(content.len().max(end), 0);
        content[offset as usize..end].copy_from_slice(&bytes);
    }

    fn set_size(&mut self) {
        let Some(which) = self.pick(Kind::File) else { return };
        let size = match self.random.below(3) {
            0 => 0,
            1 => self.random.below(self.things[&which].content.len() as u64 + 1),
            _ => self.random.below(LONGEST),
        };
        let node = self.node(which);
        match self.fat().set_size(node, size) {
            Err(Failure::NoSpace) => return self.full += 1,
            outcome => outcome.unwrap(),
        }
        self.things.get_mut(&which).unwrap().content.resize(size as usize, 0);
    }

    fn read(&mut self, which: usize, offset: u64, length: usize) {
        let node = self.node(which);
        let mut bytes = vec![0xaa; length];
        let count = self.fat().read(node, offset, &mut bytes).unwrap();
        let content = &self.things[&which].content;
        let expected = content.get(offset as usize..).unwrap_or(&[]);
        let expected = &expected[..expected.len().min(length)];
        assert!(bytes[..count] == *expected, "{count} bytes read, {} expected", expected.len());
    }

    fn remove(&mut self) {
        let Some(directory) = self.pick(Kind::Directory) else { return };
        let text = self.name();
        let kind = if self.random.below(3) > 0 { Kind::File } else { Kind::Directory };
        let node = self.node(directory);
        let outcome = self.fat().remove(node, name(&text), kind);
        let Some((_, which)) = self.things[&directory].children.get(&folded(&text)).cloned() else {
            return assert_eq!(outcome, Err(Failure::NotFound));
        };
        let thing = &self.things[&which];
        let expected = match (kind, thing.kind) {
            (Kind::Directory, Kind::File) => Err(Failure::NotADirectory),
            (Kind::File, Kind::Directory) => Err(Failure::IsADirectory),
            (Kind::Directory, _) if !thing.children.is_empty() => Err(Failure::NotEmpty),
            _ => Ok(()),
        };
        assert_eq!(outcome, expected);
        if outcome.is_ok() {
            self.things.get_mut(&directory).unwrap().children.remove(&folded(&text));
            self.unname(which);
        }
    }

    fn is_below(&self, mut which: usize, above: usize) -> bool {
        loop {
            if which == above {
                return true;
            }
            match self.things[&which].parent {
                Some(parent) => which = parent,
                None => return false,
            }
        }
    }

    fn rename(&mut self) {
        let (Some(from), Some(to)) = (self.pick(Kind::Directory), self.pick(Kind::Directory)) else { return };
        let (old, new) = (self.name(), self.name());
        let nodes = [self.node(from), self.node(to)];
        let outcome = self.fat().rename((nodes[0], name(&old)), (nodes[1], name(&new)));
        let Some((spelling, moved)) = self.things[&from].children.get(&folded(&old)).cloned() else {
            return assert_eq!(outcome, Err(Failure::NotFound));
        };
        let target = self.things[&to].children.get(&folded(&new)).cloned();
        if !self.is_named(to) {
            return assert_eq!(outcome, Err(Failure::NotFound));
        }
        if self.things[&moved].kind == Kind::Directory && self.is_below(to, moved) {
            return assert_eq!(outcome, Err(Failure::BadArgument));
        }
        let mut spelled = new.clone();
        if let Some((there, target)) = target.filter(|(_, target)| *target != moved) {
            let expected = match (self.things[&moved].kind, self.things[&target].kind) {
                (Kind::Directory, Kind::File) => Err(Failure::NotADirectory),
                (Kind::File, Kind::Directory) => Err(Failure::IsADirectory),
                (Kind::Directory, _) if !self.things[&target].children.is_empty() => Err(Failure::NotEmpty),
                _ => Ok(()),
            };
            assert_eq!(outcome, expected);
            if outcome.is_err() {
                return;
            }
            self.unname(target);
            spelled = there;
        }
        match outcome {
            Err(Failure::NoSpace) => return self.full += 1,
            outcome => outcome.unwrap(),
        }
        assert!(!spelling.is_empty());
        self.things.get_mut(&from).unwrap().children.remove(&folded(&old));
        self.things.get_mut(&to).unwrap().children.insert(folded(&new), (spelled, moved));
        self.things.get_mut(&moved).unwrap().parent = Some(to);
    }

    fn set_modified(&mut self) {
        let kind = if self.random.below(2) == 0 { Kind::File } else { Kind::Directory };
        let Some(which) = self.pick(kind).filter(|which| *which != 0) else { return };
        let (node, seconds) = (self.node(which), 1_000_000_000 + 2 * self.random.below(1 << 30));
        self.fat().set_modified(node, seconds).unwrap();
        self.things.get_mut(&which).unwrap().modified = seconds;
    }

    /// All is as it should be, also when it is opened anew.
    fn remount(&mut self) {
        for which in self.things.keys().copied().collect::<Vec<_>>() {
            self.forget(which);
        }
        self.fat().sync(None).unwrap();
        let disk = self.fat.take().unwrap().into_disk();
        let report = sound(disk.clone());
        assert_eq!(report.lost_clusters, 0);
        assert_eq!(report.files + report.directories + 1, self.things.len() as u64);
        self.fat = Some(Fat::with_cache(disk, 64 << 10).unwrap());
        self.compare();
    }

    fn compare(&mut self) {
        for which in self.things.keys().copied().collect::<Vec<_>>() {
            if self.things[&which].kind == Kind::File {
                self.read(which, 0, LONGEST as usize + 1);
            } else {
                let node = self.node(which);
                let mut listed = names(self.fat(), node);
                listed.sort();
                let children = self.things[&which].children.values();
                let mut expected: Vec<_> = children.map(|(spelling, _)| spelling.clone()).collect();
                expected.sort();
                assert_eq!(listed, expected);
            }
        }
    }

    fn step(&mut self, step: u64) {
        match self.random.below(100) {
            0..10 => self.create(),
            10..34 => self.write(),
            34..44 => self.set_size(),
            44..55 => {
                if let Some(which) = self.pick(Kind::File) {
                    let (offset, length) = (self.random.below(LONGEST), self.random.below(9000));
                    self.read(which, offset, length as usize);
                }
            }
            55..75 => self.remove(),
            75..85 => self.rename(),
            85..93 => {
                let kind = if self.random.below(2) == 0 { Kind::File } else { Kind::Directory };
                if let Some(which) = self.pick(kind) {
                    self.forget(which);
                }
            }
            93..97 => self.set_modified(),
            97..99 => self.fat().sync(None).unwrap(),
            _ if step.is_multiple_of(3) => self.remount(),
            _ if step.is_multiple_of(2) => self.compare(),
            _ => {}
        }
    }
}

fn run(width: Width, sectors: usize, seeds: core::ops::Range<u64>) {
    for seed in seeds {
        let mut model = Model::new(width, sectors, 0x9e37_79b9_7f4a_7c15 ^ seed);
        for step in 0..STEPS {
            eprintln_last(seed, step);
            model.step(step);
        }
        model.remount();
        eprintln!("{width:?}, seed {seed}: {} things, {} times full", model.things.len(), model.full);
    }
}

/// The test's output is shown if it fails: its last such line is where.
fn eprintln_last(seed: u64, step: u64) {
    if step.is_multiple_of(100) {
        eprintln!("seed {seed}, step {step} and on");
    }
}

#[test]
fn fat12() {
    run(Width::Fat12, 1500, 0..4);
}

#[test]
fn fat16() {
    run(Width::Fat16, 5000, 10..13);
}

#[test]
fn fat32() {
    run(Width::Fat32, 2000, 20..23);
}
