//! The rules of the command line, one by one, and then over arbitrary input.

use anax_command::{Connector, MAX_BYTES, MAX_STEPS, MAX_WORDS, ParseErrorKind, Step, parse};
use proptest::prelude::*;

fn words(line: &str) -> Vec<String> {
    let steps = parse(line).expect("a good line");
    assert_eq!(steps.len(), 1, "{line:?}");
    steps.into_iter().next().map(|step| step.words).unwrap_or_default()
}

fn refused(line: &str) -> (usize, ParseErrorKind) {
    let error = parse(line).expect_err("a bad line");
    (error.position, error.kind)
}

#[test]
fn words_are_split_at_blanks() {
    assert_eq!(words("  echo\ta  b "), ["echo", "a", "b"]);
    assert_eq!(parse("").expect("empty"), []);
    assert_eq!(parse(" \n\t ").expect("blank"), []);
}

#[test]
fn quotes_and_backslashes() {
    assert_eq!(words(r#"echo 'a;b && c' "d 'e'""#), ["echo", "a;b && c", "d 'e'"]);
    assert_eq!(words(r#"a"b c"'d e'f"#), ["ab cd ef"]);
    assert_eq!(words(r#"'' """#), ["", ""]);
    assert_eq!(words(r#"a\ b \; \& \' \" \\"#), ["a b", ";", "&", "'", "\"", "\\"]);
    assert_eq!(words(r#""\"\\\n$""#), [r#""\\n$"#]);
    assert_eq!(words("echo # | $x >y"), ["echo", "#", "|", "$x", ">y"]);
    assert_eq!(words("écho 'ü ß'"), ["écho", "ü ß"]);
}

#[test]
fn connectors() {
    let steps = parse("a; b&&c ;\n\nd &&\n e;").expect("a good line");
    let seen: Vec<_> = steps.iter().map(|step| (step.connector, step.words[0].as_str())).collect();
    use Connector::{AndThen, First, OrElse, Then};
    assert_eq!(seen, [(First, "a"), (Then, "b"), (AndThen, "c"), (Then, "d"), (AndThen, "e")]);
    let steps = parse("a|b||c | d && e ||\n f").expect("a good line");
    let seen: Vec<_> = steps.iter().map(|step| (step.connector, step.words.join(" "))).collect();
    let words = |connector, words: &str| (connector, words.to_string());
    assert_eq!(seen, [words(First, "a|b"), words(OrElse, "c | d"), words(AndThen, "e"), words(OrElse, "f")]);
}

#[test]
fn what_runs() {
    use Connector::{AndThen, First, OrElse, Then};
    let runs = |status| [First, Then, AndThen, OrElse].map(|connector| connector.runs_after(status));
    assert_eq!(runs(0), [true, true, true, false]);
    assert_eq!(runs(9), [true, true, false, true]);
}

#[test]
fn mistakes_are_located() {
    assert_eq!(refused("echo 'a"), (5, ParseErrorKind::OpenQuote));
    assert_eq!(refused("echo \"a\\\""), (5, ParseErrorKind::OpenQuote));
    assert_eq!(refused("a\\"), (1, ParseErrorKind::LoneBackslash));
    assert_eq!(refused("a & b"), (2, ParseErrorKind::LoneAmpersand));
    assert_eq!(refused("a ||"), (4, ParseErrorKind::MissingCommand));
    assert_eq!(refused("|| a"), (0, ParseErrorKind::MissingCommand));
    assert_eq!(refused("a &&"), (4, ParseErrorKind::MissingCommand));
    assert_eq!(refused("&& a"), (0, ParseErrorKind::MissingCommand));
    assert_eq!(refused("a ;; b"), (3, ParseErrorKind::MissingCommand));
    assert_eq!(parse("a &").expect_err("bad").to_string(), "at byte 2: a single '&' is not supported");
}

#[test]
fn limits() {
    assert_eq!(parse(&"a;".repeat(MAX_STEPS)).expect("just fits").len(), MAX_STEPS);
    assert_eq!(refused(&"a;".repeat(MAX_STEPS + 1)).1, ParseErrorKind::TooManySteps);
    assert_eq!(words(&"a ".repeat(MAX_WORDS)).len(), MAX_WORDS);
    assert_eq!(refused(&"a ".repeat(MAX_WORDS + 1)).1, ParseErrorKind::TooManyWords);
    assert_eq!(parse(&"a b c d;".repeat(MAX_STEPS)).expect("just fits").len(), MAX_STEPS);
    assert_eq!(refused(&"a b c d e;".repeat(MAX_STEPS)).1, ParseErrorKind::TooManyWords);
    assert_eq!(words(&"a".repeat(MAX_BYTES))[0].len(), MAX_BYTES);
    assert_eq!(refused(&"a".repeat(MAX_BYTES + 1)), (MAX_BYTES, ParseErrorKind::TooLong));
}

fn quote(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

fn write_line(steps: &[Step]) -> String {
    let mut line = String::new();
    for step in steps {
        line += match step.connector {
            Connector::First => "",
            Connector::Then => " ; ",
            Connector::AndThen => " && ",
            Connector::OrElse => " || ",
        };
        line += &step.words.iter().map(|word| quote(word)).collect::<Vec<_>>().join(" ");
    }
    line
}

proptest! {
    #[test]
    fn quoted_lines_come_back(
        lines in prop::collection::vec((0..3u8, prop::collection::vec("\\PC{0,6}", 1..5)), 0..8),
    ) {
        let steps: Vec<Step> = lines
            .into_iter()
            .enumerate()
            .map(|(index, (tie, words))| Step {
                connector: match (index, tie) {
                    (0, _) => Connector::First,
                    (_, 0) => Connector::AndThen,
                    (_, 1) => Connector::OrElse,
                    _ => Connector::Then,
                },
                words,
            })
            .collect();
        prop_assert_eq!(parse(&write_line(&steps)), Ok(steps));
    }

    #[test]
    fn any_text_is_parsed_or_refused_within_the_line(line in "[a&|;'\" \\\\\n\u{e9}]{0,80}") {
        match parse(&line) {
            Ok(steps) => prop_assert!(steps.iter().all(|step| !step.words.is_empty())),
            Err(error) => prop_assert!(error.position <= line.len() && line.is_char_boundary(error.position)),
        }
    }
}
