//! `grep`, `sort`.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use utilities::{Matcher, Options, Order, Syntax, sort};

use crate::data::{Data, Go, each};
use crate::{Done, Stop, complain, out, usage};

pub(super) const GREP: &str = "\
Prints the lines in which a pattern is found.

  grep [-cFhHilnqrvwx] PATTERN [FILE...]

-F takes the pattern as text, -i ignores case, -v takes the other lines, -w whole words, -x whole lines;
-c counts, -l names files, -q prints nothing; -n numbers lines, -H names the file before each, -h never;
-r takes directories with all that is in them. Status 0 if something is found, 1 if not, 2 if something does not go.

Patterns: . any character, [a-z], * + ? {2,3}, a|b, ( ), ^ and $ the ends of the line, \\b of a word,
\\d \\s \\w digits, blanks, letters.
";

/// Bytes of what `sort` takes.
const MAX_SORTED: usize = 48 << 20;
/// How deep directories may lie in each other.
const MAX_DEPTH: usize = 64;

pub(super) fn grep(words: &[String]) -> Done {
    let options = Options::of(words, "cFhHilnqrvwxe:E")?;
    let (pattern, paths) = match (options.value('e'), &options.words[..]) {
        (Some(pattern), paths) => (pattern, paths),
        (None, [pattern, paths @ ..]) => (pattern.as_str(), paths),
        (None, []) => return usage("[-cFhHilnqrvwx] PATTERN [FILE...]"),
    };
    let syntax = Syntax {
        is_text: options.has('F'),
        folds_case: options.has('i'),
        is_word: options.has('w'),
        is_line: options.has('x'),
    };
    let mut matcher = Matcher::new(pattern, syntax).map_err(Stop::Usage)?;
    let mut all = Vec::new();
    if options.has('r') {
        let here = [String::from(".")];
        for path in if paths.is_empty() { &here[..] } else { paths } {
            walk(path, &mut all, 0);
        }
        if all.is_empty() {
            return Ok(1);
        }
    } else {
        all.extend(paths.iter().cloned());
    }
    let names = options.has('H') || (all.len() > 1 || options.has('r')) && !options.has('h');
    let mut is_found = false;
    let status = each(&all, |path, data| {
        let before = if names { format!("{path}:") } else { String::new() };
        let (mut number, mut found) = (0_u64, 0_u64);
        data.lines(|line| {
            number += 1;
            if matcher.finds(line) == options.has('v') {
                return Ok(Go::On);
            }
            (found, is_found) = (found + 1, true);
            if options.has('q') || options.has('l') {
                return Ok(Go::Stop);
            }
            if !options.has('c') {
                out(before.as_bytes())?;
                if options.has('n') {
                    out(format!("{number}:").as_bytes())?;
                }
                out(line)?;
                out(b"\n")?;
            }
            Ok(Go::On)
        })?;
        if options.has('c') {
            out(format!("{before}{found}\n").as_bytes())?;
        } else if options.has('l') && found > 0 {
            out(format!("{path}\n").as_bytes())?;
        }
        Ok(())
    })?;
    Ok(match (status, is_found) {
        (0, false) => 1,
        (0, true) => 0,
        _ => 2,
    })
}

/// All files below a path.
fn walk(path: &str, all: &mut Vec<String>, depth: usize) {
    let is_directory =
        anax_fs::symlink_metadata(path).is_ok_and(|found| found.kind == anax_fs::Kind::Directory);
    if !is_directory {
        all.push(path.into());
        return;
    }
    if depth == MAX_DEPTH {
        return complain(path, "directories are too deep in each other");
    }
    let entries = match anax_fs::read_dir(path) {
        Ok(entries) => entries,
        Err(why) => return complain(path, why),
    };
    let mut names: Vec<String> = entries.filter_map(|entry| entry.ok().map(|entry| entry.name)).collect();
    names.sort();
    for name in names {
        walk(&format!("{}/{name}", path.trim_end_matches('/')), all, depth + 1);
    }
}

pub(super) const SORT: &str = "\
Prints lines in order.

  sort [-bfnru] [-k FIELD] [FILE...]

-n by the number that they begin with, -f without regard to case, -r the other way round, -u without what is equal,
-k by the field of that number, from 1 on, and what follows it. Up to 48 MiB.
";

pub(super) fn sorted(words: &[String]) -> Done {
    let options = Options::of(words, "bfnruk:")?;
    let field = options.number('k')?;
    if field == Some(0) {
        return usage("[-fnru] [-k FIELD] [FILE...], with fields from 1 on");
    }
    let order = Order {
        by_number: options.has('n'),
        folds_case: options.has('f'),
        is_reversed: options.has('r'),
        is_unique: options.has('u'),
        field: if options.has('b') { field.or(Some(1)) } else { field },
    };
    let mut text = Vec::new();
    let status = each(&options.words, |_, data: &mut Data| {
        data.pieces(|piece| {
            if text.len() + piece.len() > MAX_SORTED || text.try_reserve(piece.len()).is_err() {
                return Err(Stop::Failed("this is more than memory can take".into()));
            }
            text.extend_from_slice(piece);
            Ok(Go::On)
        })?;
        if text.last().is_some_and(|last| *last != b'\n') {
            text.push(b'\n');
        }
        Ok(())
    })?;
    let mut lines: Vec<&[u8]> =
        text.split_inclusive(|byte| *byte == b'\n').map(|line| &line[..line.len() - 1]).collect();
    sort(&mut lines, order);
    for line in lines {
        out(line)?;
        out(b"\n")?;
    }
    Ok(status)
}
