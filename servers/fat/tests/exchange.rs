//! What others make is read here, and what is made here others read: with `mtools`, `mkfs.vfat` and `fsck.vfat`, where the machine has them.

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anax_files::{Creation, FileSystem, Kind, Node};
use anax_sectors::{MemoryDisk, SectorSize};
use common::{name, names, sound};
use fat::{Fat, Format, Width, format};

/// Width, sectors, what tools call it, and files: 2,000 in all.
const WIDTHS: [(Width, usize, &str, usize); 3] =
    [(Width::Fat12, 8000, "12", 300), (Width::Fat16, 60_000, "16", 700), (Width::Fat32, 80_000, "32", 1000)];

/// Runs a tool: false if there is none, which is a failure where all has to be tested. In `C.UTF-8`, so that names beyond ASCII are those.
fn run(program: &str, arguments: &[&str]) -> bool {
    let output = Command::new(program)
        .args(arguments)
        .env("LC_ALL", "C.UTF-8")
        .env("TZ", "UTC")
        .env("MTOOLS_SKIP_CHECK", "1")
        .env("PATH", "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin")
        .stdin(Stdio::null())
        .output();
    let Ok(output) = output else {
        assert!(std::env::var_os("CI").is_none(), "there is no {program}");
        return false;
    };
    let text = String::from_utf8_lossy(&output.stdout);
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments:?}: {text}{complaint}");
    true
}

fn content(number: usize) -> Vec<u8> {
    let mut value = (number as u32).wrapping_mul(2_654_435_761);
    let next = |_| {
        value = value.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (value >> 24) as u8
    };
    (0..number * 37 % 5000).map(next).collect()
}

fn text(number: usize) -> String {
    match number % 4 {
        0 => format!("FILE{number}.TXT"),
        1 => format!("a rather long name of a file, number {number}.text"),
        2 => format!("ünï-{number}.dat"),
        _ => format!("mixed{number}.Txt"),
    }
}

fn image(folder: &Path) -> (PathBuf, String) {
    let image = folder.join("image");
    let text = image.to_str().unwrap().to_owned();
    (image, text)
}

fn read(path: &Path) -> MemoryDisk {
    MemoryDisk::new(fs::read(path).unwrap(), SectorSize::SMALLEST)
}

/// All of a file.
fn bytes(fat: &mut Fat<MemoryDisk>, directory: Node, text: &str) -> Vec<u8> {
    let file = fat.lookup(directory, name(text)).unwrap();
    let mut bytes = vec![0; file.size as usize + 1];
    assert_eq!(fat.read(file.node, 0, &mut bytes), Ok(file.size as usize));
    bytes.pop();
    bytes
}

#[test]
fn theirs_is_read_here() {
    let folder = tempfile::tempdir().unwrap();
    let (path, image) = image(folder.path());
    for (_, sectors, width, count) in WIDTHS {
        let files = folder.path().join(width);
        fs::create_dir(&files).unwrap();
        for number in 0..count {
            fs::write(files.join(text(number)), content(number)).unwrap();
        }
        fs::write(&path, []).unwrap();
        fs::File::options().write(true).open(&path).unwrap().set_len(sectors as u64 * 512).unwrap();
        if !run("mkfs.vfat", &["-F", width, "-n", "THEIRS", &image]) {
            return;
        }
        if !run("mcopy", &["-i", &image, "-s", files.to_str().unwrap(), "::A Folder"]) {
            return;
        }
        let mut fat = Fat::open(read(&path)).unwrap();
        let root = fat.root();
        assert_eq!(names(&mut fat, root), ["A Folder"]);
        let directory = fat.lookup(root, name("a folder")).unwrap();
        assert_eq!(directory.kind, Kind::Directory);
        assert_eq!(names(&mut fat, directory.node).len(), count);
        for number in 0..count {
            assert_eq!(bytes(&mut fat, directory.node, &text(number)), content(number), "{}", text(number));
        }
        sound(fat.into_disk());
    }
}

#[test]
fn ours_is_read_there() {
    let folder = tempfile::tempdir().unwrap();
    let (path, image) = image(folder.path());
    for (width, sectors, number_of, count) in WIDTHS {
        let mut disk = MemoryDisk::with_sectors(sectors);
        let wishes = Format { width: Some(width), label: "OURS", serial: 7, ..Format::default() };
        format(&mut disk, &wishes).unwrap();
        let mut fat = Fat::open(disk).unwrap();
        let root = fat.root();
        let directory = fat.create(root, name("A Folder"), Creation::Directory, 1_500_000_000).unwrap().node;
        let other = fat.create(directory, name("below"), Creation::Directory, 1_500_000_000).unwrap().node;
        for number in 0..count {
            let made = fat.create(directory, name(&text(number)), Creation::File, 1_500_000_000).unwrap();
            fat.write(made.node, 0, &content(number)).unwrap();
            if number % 3 == 0 {
                fat.rename((directory, name(&text(number))), (other, name(&text(number)))).unwrap();
            }
            if number % 7 == 0 {
                fat.set_size(made.node, content(number).len() as u64 / 2).unwrap();
            }
            fat.forget(made.node, 1);
        }
        fat.rename((directory, name("below")), (root, name("Above"))).unwrap();
        fat.sync(None).unwrap();
        let disk = fat.into_disk();
        fs::write(&path, disk.as_bytes()).unwrap();
        if !run("fsck.vfat", &["-n", &image]) {
            return;
        }
        let out = folder.path().join(number_of);
        fs::create_dir(&out).unwrap();
        if !run("mcopy", &["-i", &image, "-s", "-m", "::", out.to_str().unwrap()]) {
            return;
        }
        // The label, and a FAT32's, are none of the files.
        for number in 0..count {
            let directory = if number % 3 == 0 { "Above" } else { "A Folder" };
            let mut expected = content(number);
            if number % 7 == 0 {
                expected.truncate(expected.len() / 2);
            }
            let found = fs::read(out.join(directory).join(text(number)));
            let found = found.unwrap_or_else(|error| panic!("{directory}/{}: {error}", text(number)));
            assert!(found == expected, "{}", text(number));
        }
    }
}

/// Their file system, changed here, and looked through by them.
#[test]
fn theirs_is_changed_here() {
    let folder = tempfile::tempdir().unwrap();
    let (path, image) = image(folder.path());
    let one = folder.path().join("one");
    fs::write(&one, [5; 10_000]).unwrap();
    for (sector, bytes) in [("512", SectorSize::SMALLEST), ("4096", SectorSize::LARGEST)] {
        for (sectors, width) in [(3000, "12"), (6000, "16"), (70_000, "32")] {
            let length = sectors * u64::from(bytes.bytes());
            if length > 100 << 20 {
                continue;
            }
            fs::write(&path, []).unwrap();
            fs::File::options().write(true).open(&path).unwrap().set_len(length).unwrap();
            if !run("mkfs.vfat", &["-F", width, "-S", sector, "-s", "1", &image]) {
                return;
            }
            for number in 0..10 {
                let to = format!("::One {number}");
                if !run("mcopy", &["-i", &image, one.to_str().unwrap(), &to]) {
                    return;
                }
            }
            // Sectors of theirs that are several of the disk's, too.
            for size in [SectorSize::SMALLEST, bytes] {
                let mut fat = Fat::open(MemoryDisk::new(fs::read(&path).unwrap(), size)).unwrap();
                let root = fat.root();
                for found in names(&mut fat, root) {
                    let file = fat.lookup(root, name(&found)).unwrap().node;
                    fat.write(file, 9_990, &[6; 10_000]).unwrap();
                    fat.rename((root, name(&found)), (root, name(&format!("{found}x")))).unwrap();
                    fat.create(root, name(&found), Creation::File, 0).unwrap();
                }
                fat.sync(None).unwrap();
                let disk = fat.into_disk();
                fs::write(&path, disk.as_bytes()).unwrap();
                sound(disk);
                run("fsck.vfat", &["-n", &image]);
            }
        }
    }
}
