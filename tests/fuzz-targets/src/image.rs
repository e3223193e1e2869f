//! What the targets about FAT share: a good image, and everything that can be done to one.

use anax_files::{Creation, FileSystem, Kind, Listing, Name, Node};
use anax_sectors::{MemoryDisk, SectorSize};
use fat::{Fat, Format, Width, check, format};

/// A small tree, on one of the three widths.
pub(crate) fn image(which: u8) -> Vec<u8> {
    let (width, sectors) =
        [(Width::Fat12, 200), (Width::Fat16, 4600), (Width::Fat32, 200)][usize::from(which % 3)];
    let mut disk = MemoryDisk::with_sectors(sectors);
    format(&mut disk, &Format { width: Some(width), ..Format::default() }).expect("it has a size");
    let mut fat = Fat::open(disk).expect("it was made just now");
    let root = fat.root();
    let directory = fat.create(root, name("a directory"), Creation::Directory, 0).expect("room").node;
    for (place, text) in [(root, "one file"), (directory, "TWO"), (directory, "three.txt")] {
        let file = fat.create(place, name(text), Creation::File, 0).expect("room").node;
        fat.write(file, 0, &[7; 2000]).expect("room");
    }
    fat.sync(None).expect("memory");
    fat.into_disk().into_bytes()
}

/// The first sector behind the tables: the root directory, and then the clusters.
pub(crate) fn root(bytes: &[u8]) -> usize {
    let half = |place: usize| usize::from(u16::from_le_bytes([bytes[place], bytes[place + 1]]));
    let table = if half(22) > 0 { half(22) } else { half(36) };
    (half(14) + usize::from(bytes[16]) * table) * 512
}

fn name(text: &str) -> Name<'_> {
    Name::new(text).expect("a name")
}

/// Does everything to it, a limited number of times.
pub(crate) fn everything(bytes: Vec<u8>) {
    let mut disk = MemoryDisk::new(bytes, SectorSize::SMALLEST);
    let _ = check(&mut disk);
    let Ok(mut fat) = Fat::with_cache(disk, 16 << 10) else { return };
    let mut known: Vec<(Node, Kind)> = vec![(fat.root(), Kind::Directory)];
    let mut buffer = vec![0; 5000];
    let mut at = 0;
    while at < known.len() && at < 50 {
        let (node, _) = known[at];
        let _ = fat.read(node, 100, &mut buffer);
        let mut listing = Listing::with_room(2000);
        if fat.list(node, 0, &mut listing).is_ok() {
            for entry in Listing::parse(listing.as_bytes()).expect("its own").iter().take(20) {
                if let Ok(found) = fat.lookup(node, name(&entry.name)) {
                    known.push((found.node, found.kind));
                }
            }
        }
        at += 1;
    }
    for (number, (node, _)) in known.iter().copied().enumerate().take(20) {
        let (other, _) = known[number * 7 % known.len()];
        let _ = fat.create(node, name("new name"), Creation::File, 0);
        let _ = fat.create(node, name("n"), Creation::Directory, 0);
        let _ = fat.rename((node, name("two")), (other, name("four")));
        let _ = fat.write(node, 1500, &[1; 700]);
        let _ = fat.rename((node, name("a directory")), (other, name("another")));
        let _ = fat.set_size(node, 700);
        let _ = fat.remove(node, name("one file"), Kind::File);
        let _ = fat.remove(node, name("n"), Kind::Directory);
        let _ = fat.sync(None);
    }
    known.into_iter().for_each(|(node, _)| fat.forget(node, 1));
    let _ = fat.sync(None);
    let _ = fat.usage();
    let _ = check(&mut fat.into_disk());
}
