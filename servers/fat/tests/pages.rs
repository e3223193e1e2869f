//! Files are read into pages that somebody lent, by a disk that copies there from a pool of its own: what was read is right, wherever clusters lie, and what was not read begins a page.

mod common;

use std::cell::RefCell;
use std::rc::Rc;

use anax_abi::Handle;
use anax_files::{Creation, Failure, FileSystem, Node, Pages};
use anax_sectors::{Disk, DiskError, MemoryDisk, Shape};
use common::{Random, formatted, name};
use fat::{Fat, Width};

const PAGE: usize = 4096;
/// The pool, by a handle.
const POOL: Handle = Handle::new(7, 1);

type Pool = Rc<RefCell<Vec<u8>>>;

/// A disk with a pool.
struct Pooled(MemoryDisk, Pool);

impl Disk for Pooled {
    fn shape(&self) -> Shape {
        self.0.shape()
    }

    fn read(&mut self, first: u64, into: &mut [u8]) -> Result<(), DiskError> {
        self.0.read(first, into)
    }

    fn read_pages(
        &mut self,
        first: u64,
        bytes: usize,
        into: &dyn Pages,
        at: usize,
    ) -> Result<bool, DiskError> {
        let mut sectors = vec![0; bytes.next_multiple_of(512)];
        self.0.read(first, &mut sectors)?;
        sectors.truncate(bytes);
        sectors.resize(bytes.next_multiple_of(PAGE), 0);
        let pages = sectors.len();
        *self.1.borrow_mut() = sectors;
        into.copy(at, (POOL, 0), pages).map(|()| true).map_err(|_| DiskError::Failed)
    }

    fn write(&mut self, first: u64, bytes: &[u8]) -> Result<(), DiskError> {
        self.0.write(first, bytes)
    }

    fn flush(&mut self) -> Result<(), DiskError> {
        Ok(())
    }
}

/// Pages that are filled from the pool.
struct Lent(Pool, RefCell<Vec<u8>>);

impl Pages for Lent {
    fn copy(&self, at: usize, from: (Handle, u64), bytes: usize) -> Result<(), Failure> {
        assert_eq!(from, (POOL, 0));
        assert!((at | bytes).is_multiple_of(PAGE), "whole pages are copied");
        let mut into = self.1.borrow_mut();
        let into = into.get_mut(at..at + bytes).ok_or(Failure::BadArgument)?;
        into.copy_from_slice(&self.0.borrow()[..bytes]);
        Ok(())
    }
}

/// Reads so: how many bytes.
fn read(
    fat: &mut Fat<Pooled>,
    pool: &Pool,
    file: Node,
    content: &[u8],
    offset: usize,
    pages: usize,
) -> usize {
    let lent = Lent(pool.clone(), RefCell::new(vec![0xff; pages * PAGE]));
    let count = fat.read_pages(file, offset as u64, pages * PAGE, &lent).unwrap();
    let there = content.get(offset..).unwrap_or_default();
    let there = &there[..there.len().min(pages * PAGE)];
    let into = lent.1.into_inner();
    assert!(into[..count] == there[..count], "{count} bytes from {offset} on");
    assert!(count == there.len() || count.is_multiple_of(PAGE), "{count} bytes are no pages");
    let end = count.next_multiple_of(PAGE);
    assert!(into[count..end].iter().all(|byte| *byte == 0), "what is behind the file's end");
    assert!(into[end..].iter().all(|byte| *byte == 0xff), "more was filled than was said");
    count
}

#[test]
fn what_is_read_is_right() {
    // Clusters of one sector, and of several pages.
    for (width, sectors) in [(Width::Fat12, 2000), (Width::Fat16, 8400), (Width::Fat16, 400_000)] {
        let pool = Pool::default();
        let mut fat = Fat::open(Pooled(formatted(width, sectors), pool.clone())).unwrap();
        let root = fat.root();
        let mut make = |text: &str| fat.create(root, name(text), Creation::File, 0).unwrap().node;
        let files = [make("first"), make("second")];
        let mut contents = [Vec::new(), Vec::new()];
        let mut random = Random(5);
        // By turns, so that their clusters lie among each other's.
        for step in 0..60 {
            let which = step % 2;
            let bytes: Vec<_> = (0..random.below(12_000)).map(|_| random.next() as u8).collect();
            fat.write(files[which], contents[which].len() as u64, &bytes).unwrap();
            contents[which].extend_from_slice(&bytes);
        }
        let mut all = 0;
        for _ in 0..400 {
            let which = random.below(2) as usize;
            let offset = random.below(contents[which].len() as u64 / PAGE as u64 + 2) as usize * PAGE;
            let pages = 1 + random.below(40) as usize;
            all += read(&mut fat, &pool, files[which], &contents[which], offset, pages);
        }
        assert!(all > 0, "nothing was read into pages");
    }
}

#[test]
fn a_file_in_a_row_is_read_at_once() {
    let pool = Pool::default();
    let mut fat = Fat::open(Pooled(formatted(Width::Fat16, 8400), pool.clone())).unwrap();
    let root = fat.root();
    let file = fat.create(root, name("file"), Creation::File, 0).unwrap().node;
    let content: Vec<u8> = (0..100_001_u32).map(|at| (at * 7 / 3) as u8).collect();
    fat.write(file, 0, &content).unwrap();
    assert_eq!(read(&mut fat, &pool, file, &content, 0, 64), content.len());
    assert_eq!(read(&mut fat, &pool, file, &content, 8 * PAGE, 4), 4 * PAGE);
    assert_eq!(read(&mut fat, &pool, file, &content, 24 * PAGE, 4), content.len() - 24 * PAGE);
    assert_eq!(read(&mut fat, &pool, file, &content, 25 * PAGE, 1), 0);
}
