//! What is written is read; what was damaged is refused or makes no difference.

use std::collections::BTreeMap;

use anax_archive::{Archive, ArchiveError, INDEX, WriteError, Writer};
use proptest::prelude::*;

type Members = BTreeMap<String, Vec<u8>>;

fn write(members: &Members) -> Vec<u8> {
    let mut writer = Writer::new();
    for (name, content) in members {
        writer.add(name, content.clone()).expect("valid name");
    }
    writer.finish()
}

/// Without the zeros that fill the last page.
fn write_plain(members: &Members) -> Vec<u8> {
    let mut bytes = write(members);
    let end = bytes.iter().rposition(|byte| *byte != 0).expect("not empty") + 1;
    // The last name's zero is its own.
    bytes.truncate((end + 1).next_multiple_of(4));
    bytes
}

fn read(archive: &Archive<'_>) -> Members {
    archive.iter().map(|(name, content)| (name.to_owned(), content.to_vec())).collect()
}

fn samples() -> Members {
    [
        ("bin/init", vec![0x7f, b'E', b'L', b'F', 0, 1, 2]),
        ("empty", vec![]),
        ("kernel.sym", (0..200).collect()),
        ("test/acpi", b"RSD PTR ".to_vec()),
    ]
    .into_iter()
    .map(|(name, content)| (name.to_owned(), content))
    .collect()
}

#[test]
fn members_come_back() {
    let bytes = write(&samples());
    let archive = Archive::open(&bytes).expect("whole");
    assert_eq!(read(&archive), samples());
    assert_eq!(archive.get("test/acpi"), Some(&b"RSD PTR "[..]));
    assert_eq!(archive.get("test"), None);
    assert_eq!(archive.get(INDEX), None);
    assert_eq!(read(&Archive::open(&write(&Members::new())).expect("empty is whole")), Members::new());
}

/// A program can be mapped where it lies.
#[test]
fn programs_begin_with_a_page() {
    let mut members = samples();
    for length in [0, 1, 4095, 4096, 4097, 20_000] {
        members.insert(format!("bin/{}", "p".repeat(1 + length % 7)), vec![1; length]);
    }
    let bytes = write(&members);
    let archive = Archive::open(&bytes).expect("whole");
    assert_eq!(read(&archive), members);
    for (name, content) in &members {
        let found = archive.get(name).expect("it is there");
        assert_eq!(found, content);
        let offset = found.as_ptr().addr() - bytes.as_ptr().addr();
        assert!(!name.starts_with("bin/") || offset.is_multiple_of(4096), "{name} at {offset}");
    }
}

#[test]
fn the_order_of_adding_makes_no_difference() {
    let mut writer = Writer::new();
    for (name, content) in samples().into_iter().rev() {
        writer.add(&name, content).expect("valid name");
    }
    assert_eq!(writer.finish(), write(&samples()));
}

#[test]
fn bad_names_are_refused() {
    let mut writer = Writer::new();
    for name in ["", ".index", "TRAILER!!!", "a b", "a\0", "ä", &"x".repeat(256)] {
        assert_eq!(writer.add(name, vec![]), Err(WriteError::BadName(name.to_owned())));
    }
    writer.add("a", vec![]).expect("the first");
    assert_eq!(writer.add("a", vec![1]), Err(WriteError::Duplicate("a".to_owned())));
}

#[test]
fn padding_is_allowed_and_other_trailing_bytes_are_not() {
    let mut bytes = write(&samples());
    assert!(bytes.len().is_multiple_of(4096));
    bytes.resize(bytes.len() + 4096, 0);
    assert!(Archive::open(&bytes).is_ok());
    *bytes.last_mut().expect("not empty") = 1;
    assert_eq!(Archive::open(&bytes).err(), Some(ArchiveError::TrailingBytes));
    let mut twice = write_plain(&samples());
    twice.extend(twice.clone());
    assert_eq!(Archive::open(&twice).err(), Some(ArchiveError::TrailingBytes));
}

#[test]
fn every_truncation_is_refused() {
    let bytes = write_plain(&samples());
    assert!(Archive::open(&bytes).is_ok());
    for length in 0..bytes.len() {
        assert!(Archive::open(&bytes[..length]).is_err(), "accepted the first {length} bytes");
    }
}

#[test]
fn every_single_bit_error_is_refused() {
    let bytes = write(&samples());
    for bit in 0..bytes.len() * 8 {
        let mut damaged = bytes.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        assert!(Archive::open(&damaged).is_err(), "bit {bit}");
    }
}

/// By a reader that knows nothing of ours.
#[test]
fn others_read_the_same() {
    let bytes = write(&samples());
    let files: Vec<_> = cpio_reader::iter_files(&bytes).collect();
    let content = |name: &str| {
        let is_it = |file: &&cpio_reader::Entry<'_>| file.name().split('\0').next() == Some(name);
        files.iter().find(is_it).map(|file| file.file().to_vec())
    };
    for (name, expected) in samples() {
        assert_eq!(content(&name), Some(expected), "{name}");
    }
    assert_eq!(files.len(), samples().len() + 1);
}

#[test]
fn the_errors_name_the_fault() {
    let bytes = write_plain(&samples());
    let place =
        |needle: &[u8]| bytes.windows(needle.len()).rposition(|window| window == needle).expect("there");
    let damage = |place: usize| {
        let mut damaged = bytes.clone();
        damaged[place] ^= 1;
        Archive::open(&damaged).err()
    };
    assert_eq!(damage(0), Some(ArchiveError::NoIndex));
    assert_eq!(damage(place(b"RSD PTR ")), Some(ArchiveError::DamagedMember));
    assert_eq!(damage(place(b"test/acpi")), Some(ArchiveError::MisplacedMember));
    assert_eq!(damage(130), Some(ArchiveError::DamagedIndex));
    assert_eq!(Archive::open(&bytes[..bytes.len() - 200]).err(), Some(ArchiveError::Truncated));
    assert_eq!(Archive::open(b"").err(), Some(ArchiveError::NoIndex));
}

/// Twenty thousand damaged archives from a fixed seed: bytes changed, lost, added and moved.
#[test]
fn mutations_never_change_the_contents() {
    let bytes = write(&samples());
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut below = |limit: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state >> 16).expect("64-bit host") % limit
    };
    for _ in 0..20_000 {
        let mut damaged = bytes.clone();
        for _ in 0..=below(3) {
            let (place, other) = (below(damaged.len()), below(damaged.len()));
            match below(5) {
                0 => damaged[place] = u8::try_from(below(256)).expect("a byte"),
                1 => drop(damaged.remove(place)),
                2 => damaged.insert(place, b'0'),
                3 => damaged.swap(place, other),
                _ => damaged.copy_within(place.min(other)..place.max(other), 0),
            }
        }
        let _ = Archive::checked_before(&damaged).get("test/acpi");
        if let Ok(archive) = Archive::open(&damaged) {
            assert_eq!(read(&archive), samples());
        }
    }
}

#[test]
fn gnu_cpio_lists_it() {
    let file = tempfile::tempfile().expect("a temporary file");
    std::io::Write::write_all(&mut &file, &write(&samples())).expect("written");
    std::io::Seek::rewind(&mut &file).expect("rewound");
    // Not part of every host; the build does not need it.
    let Ok(listing) = std::process::Command::new("cpio").args(["-t", "--quiet"]).stdin(file).output() else {
        return;
    };
    assert_eq!(String::from_utf8_lossy(&listing.stdout), ".index\nbin/init\nempty\nkernel.sym\ntest/acpi\n");
}

proptest! {
    #[test]
    fn any_members_come_back(members in proptest::collection::btree_map(
        "[a-z/._-]{1,40}", proptest::collection::vec(any::<u8>(), 0..200), 0..20,
    )) {
        prop_assume!(!members.contains_key(INDEX));
        let bytes = write(&members);
        prop_assert_eq!(&read(&Archive::open(&bytes).expect("whole")), &members);
        prop_assert_eq!(read(&Archive::checked_before(&bytes)), members);
    }

    #[test]
    fn hostile_bytes_do_not_panic(bytes in proptest::collection::vec(any::<u8>(), 0..500)) {
        prop_assert!(Archive::open(&bytes).is_err());
        let _ = Archive::checked_before(&bytes).get("bin/init");
    }

    /// A hostile index under a right checksum.
    #[test]
    fn hostile_indices_do_not_panic(content in proptest::collection::vec(any::<u8>(), 0..100)) {
        let mut index = content;
        index.extend((twox_hash::XxHash64::oneshot(0, &index) as u32).to_le_bytes());
        let fields = [1, 0o100_444, 0, 0, 1, 0, index.len(), 0, 0, 0, 0, 7, 0];
        let fields: String = fields.iter().map(|field| format!("{field:08X}")).collect();
        let mut bytes = format!("070701{fields}.index\0\0\0\0").into_bytes();
        bytes.extend(&index);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        let result = Archive::open(&bytes);
        prop_assert!(result.is_err() && result.err() != Some(ArchiveError::NoIndex));
    }
}

#[test]
fn another_name_leads_to_the_same_content() {
    let mut writer = Writer::new();
    writer.add("bin/ip", b"\x7fELF".to_vec()).unwrap();
    writer.link("bin/ping", "bin/ip").unwrap();
    writer.link("bin/nothing", "bin/gone").unwrap();
    writer.link("bin/twice", "bin/ping").unwrap();
    let bytes = writer.finish();
    let archive = Archive::open(&bytes).unwrap();
    assert_eq!(archive.get("bin/ping"), Some(&b"\x7fELF"[..]));
    assert_eq!(archive.get("bin/nothing"), None);
    // One step is gone, and no other.
    assert_eq!(archive.get("bin/twice"), Some(&b"anax-link:bin/ip"[..]));
}
