//! `cat`, `head`, `tail`, `tee`, `wc`, `hexdump`.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use anax_fs::{File, OpenOptions};
use utilities::{COLUMNS, Count, Options, Tail, Unit, Wrong, dump};

use crate::data::{Data, Go, each};
use crate::{Done, Stop, complain, of, out};

/// Lines of `head` and `tail` if nobody says.
const LINES: u64 = 10;

pub(super) const CAT: &str = "\
Prints files, one behind the other; standard input if there are none, or for '-'.

  cat [-n] [FILE...]

-n numbers the lines.
";

pub(super) fn cat(words: &[String]) -> Done {
    let options = Options::of(words, "n")?;
    let mut number = 0_u64;
    each(&options.words, |_, data| {
        if !options.has('n') {
            return data.pieces(|piece| out(piece).and_then(|()| flushed()));
        }
        data.lines(|line| {
            number += 1;
            out(format!("{number:6}  ").as_bytes())?;
            out(line)?;
            out(b"\n").map(|()| Go::On)
        })
    })
}

/// What has come is seen before more is waited for.
fn flushed() -> Result<Go, Stop> {
    match anax::stdout().flush() {
        Err(anax::Error::PeerDied) => Err(Stop::Gone),
        _ => Ok(Go::On),
    }
}

/// How much `head` and `tail` show: lines by `-n 5` or `-5`, bytes by `-c 5`.
fn amount(options: &Options) -> Result<(u64, Unit), Wrong> {
    if let Some(bytes) = options.number('c')? {
        return Ok((bytes, Unit::Bytes));
    }
    let lines = match options.number('n')? {
        Some(lines) => Some(lines),
        None => options.number('#')?,
    };
    Ok((lines.unwrap_or(LINES), Unit::Lines))
}

/// Before a file if there are several.
fn heading(path: &str, files: &[String], is_first: &mut bool) -> Result<(), Stop> {
    if files.len() > 1 {
        let before = if core::mem::take(is_first) { "" } else { "\n" };
        out(format!("{before}==> {path} <==\n").as_bytes())?;
    }
    Ok(())
}

pub(super) const HEAD: &str = "\
Prints the beginning of files.

  head [-n LINES | -LINES | -c BYTES] [FILE...]

10 lines if nothing is said.
";

pub(super) fn head(words: &[String]) -> Done {
    let options = Options::of(words, "#n:c:")?;
    let (count, unit) = amount(&options)?;
    let mut is_first = true;
    each(&options.words, |path, data| {
        heading(path, &options.words, &mut is_first)?;
        let mut left = count;
        if left == 0 {
            return Ok(());
        }
        data.pieces(|piece| {
            let end = match unit {
                Unit::Bytes => {
                    let end = piece.len().min(usize::try_from(left).unwrap_or(usize::MAX));
                    left -= end as u64;
                    end
                }
                Unit::Lines => {
                    let ends = piece.iter().enumerate().filter(|(_, byte)| **byte == b'\n');
                    let mut end = piece.len();
                    for (place, _) in ends {
                        left -= 1;
                        if left == 0 {
                            end = place + 1;
                            break;
                        }
                    }
                    end
                }
            };
            out(&piece[..end])?;
            Ok(if left == 0 { Go::Stop } else { Go::On })
        })
    })
}

pub(super) const TAIL: &str = "\
Prints the end of files.

  tail [-n LINES | -LINES | -c BYTES] [FILE...]

10 lines if nothing is said; at most 8 MiB are kept.
";

pub(super) fn tail(words: &[String]) -> Done {
    let options = Options::of(words, "#n:c:")?;
    let (count, unit) = amount(&options)?;
    let mut is_first = true;
    each(&options.words, |path, data| {
        heading(path, &options.words, &mut is_first)?;
        let mut tail = Tail::new(usize::try_from(count).unwrap_or(usize::MAX), unit);
        data.pieces(|piece| {
            tail.add(piece);
            Ok(Go::On)
        })?;
        let (first, second) = tail.rest();
        out(first)?;
        out(second)
    })
}

pub(super) const TEE: &str = "\
Prints what it reads, and writes it to files.

  tee [-a] [FILE...]

-a writes at their ends.
";

pub(super) fn tee(words: &[String]) -> Done {
    let options = Options::of(words, "a")?;
    let (mut files, mut status) = (Vec::new(), 0);
    for path in &options.words {
        let opened = if options.has('a') {
            OpenOptions::new().append(true).create(true).open(path)
        } else {
            File::create(path)
        };
        match opened {
            Ok(file) => files.push((path, file)),
            Err(why) => {
                complain(path, why);
                status = 1;
            }
        }
    }
    Data::Input.pieces(|piece| {
        for (path, file) in &mut files {
            file.write_all(piece).map_err(of(path))?;
        }
        out(piece).and_then(|()| flushed())
    })?;
    Ok(status)
}

pub(super) const WC: &str = "\
Counts lines, words and bytes.

  wc [-l] [-w] [-c] [-m] [FILE...]

-l lines, -w words, -c bytes, -m characters; the first three if nothing is said.
";

pub(super) fn count(words: &[String]) -> Done {
    let options = Options::of(words, "lwcm")?;
    let wanted: Vec<char> = "lwmc".chars().filter(|letter| options.has(*letter)).collect();
    let wanted = if wanted.is_empty() { ['l', 'w', 'c'].to_vec() } else { wanted };
    let show = |count: &Count, name: &str| {
        let numbers = wanted.iter().map(|letter| match letter {
            'l' => count.lines,
            'w' => count.words,
            'm' => count.characters,
            _ => count.bytes,
        });
        let numbers: Vec<String> = numbers.map(|number| format!("{number:7}")).collect();
        let line = format!("{} {name}", numbers.join(" "));
        out(format!("{}\n", line.trim_end()).as_bytes())
    };
    let mut total = Count::default();
    let status = each(&options.words, |path, data| {
        let mut count = Count::default();
        data.pieces(|piece| {
            count.add(piece);
            Ok(Go::On)
        })?;
        total.sum(&count);
        show(&count, if options.words.is_empty() { "" } else { path })
    })?;
    if options.words.len() > 1 {
        show(&total, "total")?;
    }
    Ok(status)
}

pub(super) const HEXDUMP: &str = "\
Shows bytes as hexadecimal numbers, and as characters where they are ASCII.

  hexdump [-s OFFSET] [-n BYTES] [FILE...]

-s passes over the first ones, -n shows only so many. Rows that repeat are one '*'.
";

pub(super) fn hexdump(words: &[String]) -> Done {
    let options = Options::of(words, "s:n:")?;
    let (skip, most) = (options.number('s')?.unwrap_or(0_u64), options.number('n')?.unwrap_or(u64::MAX));
    each(&options.words, |_, data| {
        let mut rows = Rows { offset: 0, row: Vec::new(), last: None, repeats: false };
        let (mut at, mut left) = (0_u64, most);
        data.pieces(|piece| {
            let begin = skip.saturating_sub(at).min(piece.len() as u64) as usize;
            at += piece.len() as u64;
            if rows.offset == 0 && rows.row.is_empty() {
                rows.offset = skip;
            }
            let piece = &piece[begin..];
            let end = piece.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            left -= end as u64;
            for byte in &piece[..end] {
                rows.row.push(*byte);
                if rows.row.len() == COLUMNS {
                    rows.show()?;
                }
            }
            Ok(if left == 0 { Go::Stop } else { Go::On })
        })?;
        if !rows.row.is_empty() {
            rows.repeats = false;
            rows.last = None;
            rows.show()?;
        }
        out(format!("{:08x}\n", rows.offset).as_bytes())
    })
}

/// Rows of a dump.
struct Rows {
    offset: u64,
    row: Vec<u8>,
    last: Option<Vec<u8>>,
    repeats: bool,
}

impl Rows {
    fn show(&mut self) -> Result<(), Stop> {
        let row = core::mem::take(&mut self.row);
        let offset = self.offset;
        self.offset += row.len() as u64;
        if self.last.as_ref() == Some(&row) {
            return if core::mem::replace(&mut self.repeats, true) { Ok(()) } else { out(b"*\n") };
        }
        self.repeats = false;
        out(format!("{}\n", dump(offset, &row)).as_bytes())?;
        self.last = Some(row);
        Ok(())
    }
}
