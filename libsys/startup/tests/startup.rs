//! Start areas: what is written is read, within bounds, and nothing that is read can do harm.

use anax_abi::Handle;
use anax_startup::{
    Argument, HEAD, MAGIC, MOST_ARGUMENTS, MOST_BYTES, MOST_HANDLES, MOST_VARIABLES, NUMBERS, NamedHandle,
    Seed, Start, StartError, area_bytes, decode, encode, handles,
};
use proptest::prelude::*;

fn named() -> impl Strategy<Value = NamedHandle> {
    (".{0,12}", any::<u64>()).prop_map(|(name, word)| NamedHandle { name, handle: Handle::from_word(word) })
}

fn start() -> impl Strategy<Value = Start> {
    (
        any::<u64>(),
        ".{0,20}",
        proptest::collection::vec(".{0,30}", 0..40),
        proptest::collection::vec(".{0,30}", 0..40),
        any::<[u8; 32]>(),
        proptest::collection::vec(named(), 0..=MOST_HANDLES),
    )
        .prop_map(|(process, name, arguments, environment, seed, handles)| Start {
            process,
            name,
            arguments,
            environment,
            seed: Seed(seed),
            handles,
        })
}

proptest! {
    #[test]
    fn what_is_written_is_read(start in start(), padding in 0_usize..5000) {
        let mut area = encode(&start).unwrap();
        prop_assert_eq!(area_bytes(area.first_chunk().unwrap()), Ok(area.len()));
        // The rest of its last page.
        area.resize(area.len() + padding, 0);
        prop_assert_eq!(decode(&area), Ok(start));
    }

    #[test]
    fn any_bytes_are_an_error_or_a_start(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = decode(&bytes);
        let mut area = Vec::from(MAGIC.to_le_bytes());
        area.extend((bytes.len() as u64).to_le_bytes());
        area.extend(&bytes);
        let _ = decode(&area);
    }

    #[test]
    fn a_changed_byte_is_an_error_or_a_start(start in start(), place in any::<prop::sample::Index>(), value: u8) {
        let mut area = encode(&start).unwrap();
        let place = place.index(area.len());
        area[place] = value;
        let _ = decode(&area);
    }

    #[test]
    fn one_that_is_cut_short_is_an_error(start in start(), end in any::<prop::sample::Index>()) {
        let area = encode(&start).unwrap();
        prop_assert!(decode(&area[..end.index(area.len())]).is_err());
    }
}

fn with_arguments(count: usize, length: usize) -> Start {
    Start { arguments: vec!["x".repeat(length); count], ..Start::default() }
}

#[test]
fn bounds_are_kept() {
    assert!(encode(&with_arguments(MOST_ARGUMENTS, 1)).is_ok());
    assert_eq!(encode(&with_arguments(MOST_ARGUMENTS + 1, 1)), Err(StartError::TooManyArguments));
    let start = Start { environment: vec![String::new(); MOST_VARIABLES + 1], ..Start::default() };
    assert_eq!(encode(&start), Err(StartError::TooManyVariables));
    assert_eq!(encode(&with_arguments(2, MOST_BYTES / 2)), Err(StartError::TooLong));
    let handle = NamedHandle { name: "one".into(), handle: Handle::new(3, 1) };
    let start = Start { handles: vec![handle; MOST_HANDLES + 1], ..Start::default() };
    assert_eq!(encode(&start), Err(StartError::TooManyHandles));
}

#[test]
fn a_length_is_not_believed() {
    let mut head = [0; HEAD];
    assert_eq!(area_bytes(&head), Err(StartError::NotAnArea));
    head[..8].copy_from_slice(&MAGIC.to_le_bytes());
    for length in [MOST_BYTES as u64 - 15, u64::MAX - 15, u64::MAX] {
        head[8..].copy_from_slice(&length.to_le_bytes());
        assert_eq!(area_bytes(&head), Err(StartError::TooLong), "{length}");
    }
    head[8..].copy_from_slice(&(MOST_BYTES as u64 - 16).to_le_bytes());
    assert_eq!(area_bytes(&head), Ok(MOST_BYTES));
    assert_eq!(decode(&head), Err(StartError::CutShort));
}

/// The same bounds on the other side: of a writer that does not keep them, nothing is read.
#[test]
fn counts_are_not_believed() {
    let area = |content: &[u8]| {
        let mut area = Vec::from(MAGIC.to_le_bytes());
        area.extend((content.len() as u64).to_le_bytes());
        area.extend(content);
        area
    };
    // Process 0, no name, 257 arguments of no bytes, and as many bytes as it takes to be otherwise well-formed.
    let content = [&[0, 0, 0x81, 2][..], &[0; 257], &[0; 33]].concat();
    assert_eq!(decode(&area(&content)), Err(StartError::TooManyArguments));
    let content = [&[0, 0, 0][..], &[0x81, 2], &[0; 257], &[0; 33]].concat();
    assert_eq!(decode(&area(&content)), Err(StartError::TooManyVariables));
    let content = [&[0, 0, 0, 0][..], &[0; 32], &[65], &[0; 130]].concat();
    assert_eq!(decode(&area(&content)), Err(StartError::TooManyHandles));
    let content = [&[0, 0, 0, 0][..], &[0; 32], &[64], &[0; 128]].concat();
    assert_eq!(decode(&area(&content)).map(|start| start.handles.len()), Ok(MOST_HANDLES));
}

#[test]
fn what_follows_the_content_is_an_error() {
    let mut area = encode(&Start::default()).unwrap();
    area.push(0);
    area[8] += 1;
    assert_eq!(decode(&area), Err(StartError::Damaged));
}

#[test]
fn variables_go_by_name() {
    let environment = ["A=1", "B=x=y", "A=2", "AB=3", "C"].map(String::from).to_vec();
    let start = Start { environment, ..Start::default() };
    let all = ["A", "B", "C", "D", ""].map(|name| start.variable(name));
    assert_eq!(all, [Some("2"), Some("x=y"), None, None, None]);
}

#[test]
fn handles_go_by_name() {
    let (first, second) = (Handle::new(3, 1), Handle::new(4, 1));
    let start = Start::default().with_handle(handles::LOG, first).with_handle(handles::LOG, second);
    assert_eq!(start.handle(handles::LOG), Some(first));
    assert_eq!(start.handle(handles::NAMES), None);
}

#[test]
fn a_seed_does_not_show() {
    let start = Start { seed: Seed([0xab; 32]), ..Start::default() };
    let shown = format!("{start:?}");
    assert!(!shown.contains("171") && !shown.to_lowercase().contains("ab,"), "{shown}");
}

#[test]
fn numbers_end_where_memory_can_begin() {
    assert_eq!(Argument::of(0), Argument::Number(0));
    assert_eq!(Argument::of(NUMBERS - 1), Argument::Number(4095));
    assert_eq!(Argument::of(NUMBERS), Argument::Area(4096));
}
