//! The kernel's command line.

use anax_boot::cmdline::{AcpiSource, Control, MAX_BYTES, MemoryMapSource, Options, unknown_words};
use log::LevelFilter;
use proptest::prelude::*;

#[test]
fn an_empty_line_gives_the_defaults() {
    assert_eq!(Options::parse(b""), Options::default());
    assert_eq!(Options::parse(b" \t\0log=trace"), Options::default());
    assert_eq!(Options::default().log, LevelFilter::Info);
}

#[test]
fn every_word_is_understood() {
    let line = b"log=warn control=com2 test.memmap=overlap\ttest.acpi=archive\0";
    let options = Options::parse(line);
    assert_eq!(options.log, LevelFilter::Warn);
    assert_eq!(options.control, Control::Com2);
    assert_eq!(options.memory_map, MemoryMapSource::Overlapping);
    assert_eq!(options.acpi, AcpiSource::Archive);
    assert_eq!(unknown_words(line).count(), 0);
    assert_eq!(Options::parse(b"control=both").control, Control::Both);
    for (word, level) in
        [("error", LevelFilter::Error), ("debug", LevelFilter::Debug), ("trace", LevelFilter::Trace)]
    {
        assert_eq!(Options::parse(format!("log=info log={word}").as_bytes()).log, level);
    }
}

#[test]
fn unknown_words_are_reported_and_harmless() {
    let line = b"quiet log=loud log=error control=com1 \xff\xfe log";
    assert_eq!(Options::parse(line).log, LevelFilter::Error);
    let unknown: Vec<_> = unknown_words(line).map(|word| word.escape_ascii().to_string()).collect();
    assert_eq!(unknown, ["quiet", "log=loud", "control=com1", "\\xff\\xfe", "log"]);
}

#[test]
fn the_line_is_bounded() {
    let mut line = vec![b'x'; MAX_BYTES];
    line.extend(b" log=trace");
    assert_eq!(Options::parse(&line), Options::default());
    assert_eq!(unknown_words(&line).count(), 1);
}

proptest! {
    #[test]
    fn any_bytes_are_a_command_line(line in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = Options::parse(&line);
        for word in unknown_words(&line) {
            prop_assert!(!word.is_empty());
        }
    }
}
