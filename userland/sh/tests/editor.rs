//! What a person types, against a terminal that shows it.

use proptest::prelude::*;
use sh::editor::{COLUMNS, Complete, Completion, Editor, Typed};
use unicode_width::UnicodeWidthChar as _;

/// A terminal: rows of characters, and where the cursor is. It knows the sequences that the editor sends.
struct Terminal {
    columns: usize,
    rows: Vec<Vec<char>>,
    row: usize,
    column: usize,
    saved: (usize, usize),
}

impl Terminal {
    fn new(columns: usize) -> Self {
        Self { columns, rows: vec![vec![]], row: 0, column: 0, saved: (0, 0) }
    }

    fn show(&mut self, text: &str) {
        let mut characters = text.chars().peekable();
        while let Some(character) = characters.next() {
            while self.rows.len() <= self.row {
                self.rows.push(vec![]);
            }
            match character {
                '\r' => self.column = 0,
                '\n' => self.row += 1,
                '\u{8}' => self.column = self.column.min(self.columns - 1).saturating_sub(1),
                '\u{1b}' if characters.peek() == Some(&'[') => {
                    characters.next();
                    let mut digits = String::new();
                    let letter = loop {
                        match characters.next().unwrap() {
                            digit @ '0'..='9' => digits.push(digit),
                            letter => break letter,
                        }
                    };
                    let count = digits.parse().unwrap_or(1);
                    match letter {
                        'A' => self.row = self.row.checked_sub(count).expect("above the screen"),
                        'B' => self.row += count,
                        'C' => self.column = (self.column + count).min(self.columns - 1),
                        'H' => (self.row, self.column) = (0, 0),
                        'J' => {
                            if count == 2 {
                                self.rows.iter_mut().for_each(Vec::clear);
                            }
                            self.rows.truncate(self.row + 1);
                            self.rows[self.row].truncate(self.column);
                        }
                        'n' => {}
                        other => panic!("sequence {other}"),
                    }
                }
                '\u{1b}' => match characters.next() {
                    Some('7') => self.saved = (self.row, self.column),
                    Some('8') => (self.row, self.column) = self.saved,
                    other => panic!("escape {other:?}"),
                },
                other => {
                    let width = other.width().unwrap_or(0);
                    if width == 0 {
                        continue;
                    }
                    // It wraps when the next character comes.
                    if self.column + width > self.columns {
                        (self.row, self.column) = (self.row + 1, 0);
                        if self.rows.len() <= self.row {
                            self.rows.push(vec![]);
                        }
                    }
                    let row = &mut self.rows[self.row];
                    row.resize(row.len().max(self.column + width), ' ');
                    row[self.column] = other;
                    self.column += width;
                }
            }
        }
    }

    fn text(&self) -> String {
        let row = |row: &Vec<char>| row.iter().collect::<String>().trim_end().to_string();
        self.rows.iter().map(row).collect::<Vec<_>>().join("\n").trim_end().into()
    }
}

struct Words;

impl Complete for Words {
    fn complete(&mut self, line: &str) -> Completion {
        let from = line.rfind(' ').map_or(0, |blank| blank + 1);
        let all = ["dir/one ", "dir/other ", "hello ", "help "];
        let words = all.iter().filter(|word| word.starts_with(&line[from..])).map(|word| word.to_string());
        Completion { from, words: words.collect() }
    }
}

struct Person {
    editor: Editor,
    terminal: Terminal,
    /// Bytes that were sent to the terminal.
    sent: String,
}

impl Person {
    fn new(columns: usize) -> Self {
        let mut person =
            Self { editor: Editor::default(), terminal: Terminal::new(columns), sent: String::new() };
        person.editor.set_columns(columns);
        person.prompt();
        person
    }

    fn prompt(&mut self) {
        let mut out = String::new();
        self.editor.begin("> ", &mut out);
        self.terminal.show(&out);
    }

    fn types(&mut self, keys: &str) -> Typed {
        self.bytes(keys.as_bytes())
    }

    fn bytes(&mut self, keys: &[u8]) -> Typed {
        let mut last = Typed::Nothing;
        self.sent.clear();
        for byte in keys {
            let mut out = String::new();
            last = self.editor.byte(*byte, &mut Words, &mut out);
            self.terminal.show(&out);
            self.sent.push_str(&out);
            if let Typed::Line(line) = &last {
                self.editor.remember(line);
            }
            if last != Typed::Nothing && last != Typed::End {
                self.prompt();
            }
        }
        last
    }

    fn line(&mut self, keys: &str) -> String {
        match self.types(keys) {
            Typed::Line(line) => line,
            other => panic!("{keys:?} is {other:?}"),
        }
    }
}

#[test]
fn a_line_is_edited() {
    for (keys, line) in [
        ("abc\r", "abc"),
        ("ac\x1b[Db\r", "abc"),
        ("abx\x7fc\n", "abc"),
        ("bc\x01a\x05d\r", "abcd"),
        ("one two\x17three\r", "one three"),
        ("one two\x15three\r", "three"),
        ("one two\x1bb\x0bx\r", "one x"),
        ("one two\x1bb\x1bb\x1bd\x05\x19\r", " twoone"),
        ("one two\x17\x19\x19\r", "one twotwo"),
        ("one two\x1b\x7fx\r", "one x"),
        ("abc\x1b[H\x1b[3~\r", "bc"),
        ("abc\x1b[1;5D\x04\r", "bc"),
        ("ba\x14\r", "ab"),
        ("ü€\x1b[D\x7fx\r", "x€"),
        ("a\x1bOHb\x1bOFc\r", "bac"),
        ("\x1b[D\x1b[C\x7f\x1b[3~a\r", "a"),
    ] {
        assert_eq!(Person::new(80).line(keys), line, "{keys:?}");
    }
    assert_eq!(Person::new(80).types("abc\x03"), Typed::GivenUp);
    assert_eq!(Person::new(80).types("\x04"), Typed::End);
    assert_eq!(Person::new(80).types("a\x7f\x04"), Typed::End);
}

#[test]
fn what_is_typed_at_the_end_is_sent_alone() {
    let mut person = Person::new(80);
    person.types("ab");
    assert_eq!(person.sent, "ab");
    person.types("\x7f");
    assert_eq!(person.sent, "\u{8} \u{8}");
    person.types("\r");
    assert_eq!(person.sent, "\r\n");
}

#[test]
fn history_and_search() {
    let mut person = Person::new(80);
    for line in ["first", "second", "second", " hidden", "third"] {
        person.line(&format!("{line}\r"));
    }
    let (up, down) = ("\x1b[A", "\x1b[B");
    assert_eq!(person.line(&format!("{up}{up}\r")), "second");
    assert_eq!(person.line(&format!("new{up}{up}{down}{down}er\r")), "newer");
    assert_eq!(person.line(&format!("{up}{up}{up}{up}{up}{up}{up}\r")), "first");
    assert_eq!(person.line("\x10\x10\x10!\r"), "second!");
    // Incremental, older ones by the same key; a motion goes on with the line that was found.
    assert_eq!(person.line("\x12ir\r"), "first");
    assert_eq!(person.line("\x12d\x12\x12\r"), "third");
    assert_eq!(person.line("\x12thi\x05!\r"), "third!");
    assert_eq!(person.line("typed\x12first\x07\r"), "typed");
    assert_eq!(person.line("\x12nowhere\x7f\x7f\x7f\x7f\x7f\x7f\x7fird\r"), "third!");
    person.types("\x12fir");
    assert!(person.terminal.text().ends_with("(search 'fir') first"), "{}", person.terminal.text());
}

#[test]
fn completion() {
    let mut person = Person::new(20);
    assert_eq!(person.line("hello\t\r"), "hello ");
    assert_eq!(person.line("x h\tl\to\r"), "x hello o");
    person.types("dir/\t");
    assert!(person.terminal.text().ends_with("> dir/o"));
    person.types("\t");
    person.types("\t");
    assert!(person.terminal.text().ends_with("> dir/o\none    other\n> dir/o"), "{}", person.terminal.text());
    assert_eq!(person.line("n\t!\r"), "dir/one !");
    assert_eq!(person.line("zzz\t\t\tx\r"), "zzzx");
}

#[test]
fn long_lines_wrap() {
    let mut person = Person::new(10);
    person.types("0123456789abcdefghij");
    assert_eq!(person.terminal.text(), "> 01234567\n89abcdefgh\nij");
    person.types("\x01X");
    assert_eq!(person.terminal.text(), "> X0123456\n789abcdefg\nhij");
    assert_eq!((person.terminal.row, person.terminal.column), (0, 3));
    person.types("\x05\x15");
    assert_eq!(person.terminal.text(), ">");
    // A line that ends with its row.
    person.types("01234567");
    assert_eq!((person.terminal.row, person.terminal.column), (1, 0));
    assert_eq!(person.line("\r"), "01234567");
    assert_eq!(person.terminal.text(), "> 01234567\n>");
    person.types("0123456789\x01\x03");
    assert_eq!(person.terminal.text(), "> 01234567\n> ^C234567\n89\n>");
}

#[test]
fn the_terminal_says_how_wide_it_is() {
    let mut person = Person::new(COLUMNS);
    person.terminal.show(Editor::ask_columns());
    assert_eq!((person.terminal.row, person.terminal.column), (0, 2));
    person.types("a\x1b[1;40Rb");
    assert_eq!(person.editor.columns(), 40);
    person.types("\x1b[1;2R");
    assert_eq!(person.editor.columns(), 40, "that can't be");
    assert_eq!(person.line("\r"), "ab");
}

proptest! {
    /// Whatever is typed: the terminal shows prompt and line, and nothing else below.
    #[test]
    fn the_screen_shows_the_line(
        columns in 8_usize..30,
        keys in proptest::collection::vec(prop::sample::select(vec![
            "a", "b ", "xyz", "\x1b[A", "\x1b[B", "\x1b[C", "\x1b[D", "\x01", "\x05", "\x0b", "\x15", "\x17", "\x19", "\x7f", "\x04", "\x14",
            "\x1bb", "\x1bf", "\x1bd", "\x12", "\x07", "\t", "\r", "0123456789",
        ]), 0..60),
    ) {
        let mut person = Person::new(columns);
        for key in keys {
            if person.types(key) == Typed::End {
                person.prompt();
            }
        }
        // Out of a search, at the end.
        person.types("\x07\x05");
        person.terminal.show("");
        let shown = person.terminal.text().replace('\n', "");
        let row = person.terminal.row;
        let line = person.line("\r");
        let expected = format!("> {line}");
        prop_assert!(shown.replace(' ', "").ends_with(&expected.replace(' ', "")), "{shown:?} {expected:?} {row}");
    }

    #[test]
    fn any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let mut person = Person::new(20);
        let _any = person.bytes(&bytes);
    }
}
