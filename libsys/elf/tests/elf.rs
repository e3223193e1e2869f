//! The loader's policy: a good file loads, each broken rule is named, and no mutation of a file breaks a promise.

use anax_elf::{ElfError, Program, Protection};

const USER: std::ops::Range<u64> = 0x1000..0x7fff_ffff_f000;

/// A program header: type, flags, offset, address, bytes in the file and in memory.
type Load = (u32, u32, u64, u64, u64, u64);

fn file(entry: u64, loads: &[Load]) -> Vec<u8> {
    let mut out = vec![0x7f, b'E', b'L', b'F', 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    out.extend(2u16.to_le_bytes());
    out.extend(62u16.to_le_bytes());
    out.extend(1u32.to_le_bytes());
    for word in [entry, 64, 0] {
        out.extend(word.to_le_bytes());
    }
    out.extend(0u32.to_le_bytes());
    for half in [64u16, 56, loads.len() as u16, 64, 0, 0] {
        out.extend(half.to_le_bytes());
    }
    for (kind, flags, offset, address, in_file, in_memory) in loads {
        out.extend(kind.to_le_bytes());
        out.extend(flags.to_le_bytes());
        for word in [*offset, *address, *address, *in_file, *in_memory, 4096] {
            out.extend(word.to_le_bytes());
        }
    }
    out.resize(0x3000, 0xcc);
    out
}

const TEXT: Load = (1, 5, 0x1000, 0x40_0000, 0x800, 0x800);
const DATA: Load = (1, 6, 0x2000, 0x40_1000, 0x100, 0x2100);

#[test]
fn a_good_file_loads() {
    let program = Program::parse(&file(0x40_0010, &[TEXT, DATA]), USER).unwrap();
    assert_eq!(program.entry, 0x40_0010);
    let [text, data] = &program.segments[..] else { panic!("{program:?}") };
    assert_eq!((text.pages.clone(), text.protection), (0x40_0000..0x40_1000, Protection::ReadExecute));
    assert_eq!((data.pages.clone(), data.protection), (0x40_1000..0x40_4000, Protection::ReadWrite));
    assert_eq!((data.file.clone(), data.address), (0x2000..0x2100, 0x40_1000));
}

#[test]
fn each_rule_has_its_error() {
    let parse = |entry, loads: &[Load]| Program::parse(&file(entry, loads), USER).unwrap_err();
    assert_eq!(parse(0x40_0000, &[(1, 7, 0x1000, 0x40_0000, 1, 1)]), ElfError::Protection(0x40_0000));
    assert_eq!(parse(0x40_0000, &[(1, 1, 0x1000, 0x40_0000, 1, 1)]), ElfError::Protection(0x40_0000));
    assert_eq!(parse(0x40_0000, &[TEXT, (1, 6, 0x2000, 0x40_07ff, 1, 1)]), ElfError::Overlap(0x40_07ff));
    assert_eq!(parse(0x40_0000, &[DATA, TEXT]), ElfError::Overlap(0x40_0000));
    assert_eq!(parse(0x40_1000, &[TEXT, DATA]), ElfError::Entry(0x40_1000));
    assert_eq!(parse(0x10, &[TEXT]), ElfError::Entry(0x10));
    assert_eq!(parse(0, &[(1, 5, 0, 0, 1, 1)]), ElfError::Address(0));
    let kernel = 0xffff_ffff_8000_0000;
    assert_eq!(parse(kernel, &[(1, 5, 0, kernel, 1, 1)]), ElfError::Address(kernel));
    assert_eq!(parse(0x40_0000, &[(1, 5, 0, 0x40_0000, 1, u64::MAX)]), ElfError::Address(0x40_0000));
    assert_eq!(parse(0x40_0000, &[(1, 5, 0x2f00, 0x40_0000, 0x200, 0x200)]), ElfError::Truncated);
    assert_eq!(parse(0x40_0000, &[(1, 5, u64::MAX, 0x40_0000, 2, 2)]), ElfError::Truncated);
    assert_eq!(parse(0x40_0000, &[(1, 5, 0x1000, 0x40_0000, 2, 1)]), ElfError::Truncated);
    assert_eq!(parse(0x40_0000, &[TEXT, (3, 4, 0, 0, 1, 1)]), ElfError::Kind("not statically linked"));
    assert_eq!(parse(0x40_0000, &[TEXT, (7, 4, 0, 0, 1, 1)]), ElfError::Kind("uses thread-local storage"));
    let many: Vec<Load> = (0..17).map(|i| (1, 4, 0x1000, 0x50_0000 + i * 0x1000, 1, 1)).collect();
    assert_eq!(parse(0x50_0000, &many), ElfError::TooMany);
    for length in [0, 3, 63, 64, 119] {
        assert_eq!(Program::parse(&file(0x40_0000, &[TEXT])[..length], USER), Err(ElfError::Truncated));
    }
}

#[test]
fn no_mutation_breaks_a_promise() {
    let good = file(0x40_0010, &[TEXT, DATA]);
    let mut seed = 0x2545_f491_4f6c_dd1du64;
    let mut random = move || {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed
    };
    let mut loaded = 0;
    for _ in 0..200_000 {
        let mut bytes = good.clone();
        for _ in 0..=random() % 4 {
            let at = (random() % 176) as usize;
            bytes[at] =
                if random().is_multiple_of(2) { random() as u8 } else { bytes[at] ^ (1 << (random() % 8)) };
        }
        if let Ok(program) = Program::parse(&bytes, USER) {
            loaded += 1;
            let mut end = USER.start;
            for segment in &program.segments {
                assert!(segment.pages.start >= end && segment.pages.end <= USER.end, "{program:?}");
                assert!(
                    segment.pages.start <= segment.address && segment.file.end <= bytes.len(),
                    "{program:?}"
                );
                let in_file = segment.file.len() as u64;
                assert!(segment.address + in_file <= segment.pages.end, "{program:?}");
                end = segment.pages.end;
            }
        }
    }
    assert!(loaded > 1000, "the mutations must leave some files good: {loaded}");
}
