//! Keys.

use control::{Editor, Typed};

/// What a terminal shows, and the lines that came out.
fn typed(keys: &[u8]) -> (String, Vec<String>) {
    let (mut editor, mut shown, mut lines) = (Editor::default(), String::new(), Vec::new());
    for key in keys {
        match editor.key(*key) {
            Typed::Nothing => {}
            Typed::Echo(text) => shown.push_str(&text),
            Typed::Line(line) => lines.push(line),
            Typed::GivenUp => lines.push("^C".into()),
        }
    }
    (shown, lines)
}

#[test]
fn lines() {
    assert_eq!(typed(b"echo a\recho b\n").1, ["echo a", "echo b"]);
    assert_eq!(typed(b"ab").0, "ab");
}

#[test]
fn mistakes_are_taken_back() {
    assert_eq!(typed(b"ax\x7fb\x08c\r"), ("ax\u{8} \u{8}b\u{8} \u{8}c".into(), vec!["ac".into()]));
    assert_eq!(typed(b"\x7f\x08\x15"), (String::new(), vec![]), "nothing is there to be taken back");
    assert_eq!(typed(b"abc\x15d\r").1, ["d"]);
    assert_eq!(typed(b"abc\x03d\r").1, ["^C", "d"]);
}

#[test]
fn a_line_has_an_end_and_only_characters() {
    assert_eq!(typed(b"a\x1b[A\x00\xffb\r").1, ["a[Ab"]);
    let long = [b'x'; 5000];
    let (shown, lines) = typed(&[&long[..], b"\r"].concat());
    assert_eq!((shown.len(), lines[0].len()), (1024, 1024));
}

#[test]
fn the_end_of_input_switches_off() {
    assert_eq!(typed(b"\x04").1, ["power-off"]);
    assert_eq!(typed(b"a\x04\r").1, ["a"]);
}
