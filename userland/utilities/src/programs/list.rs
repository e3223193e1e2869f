//! `ls`.

use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use anax_calendar::Date;
use anax_fs::{Attributes, Failure, Kind, metadata, read_dir, read_link, symlink_metadata};
use utilities::{Options, human, table};

use crate::{Done, Stop, complain, out};

pub(super) const LS: &str = "\
Lists directories and files.

  ls [-1adhlrtS] [PATH...]

-l with kind, names, size and time of change (UTC), -h sizes in units, -a also names with a dot, -d directories
themselves, -1 one a line; -t the youngest first, -S the largest first, -r the other way round.
";

/// How wide a list is if the environment does not say.
const COLUMNS: usize = 80;

struct Found {
    name: String,
    path: String,
    attributes: Option<Attributes>,
}

fn attributes(path: &str) -> Option<Attributes> {
    symlink_metadata(path).ok()
}

pub(super) fn list(words: &[String]) -> Done {
    let options = Options::of(words, "1adhlrtS")?;
    let here = [String::from(".")];
    let paths = if options.words.is_empty() { &here[..] } else { &options.words };
    let (mut files, mut directories, mut status) = (Vec::new(), Vec::new(), 0);
    for path in paths {
        match metadata(path).or_else(|_| symlink_metadata(path)) {
            Ok(found) if found.kind == Kind::Directory && !options.has('d') => directories.push(path.clone()),
            Ok(_) => {
                files.push(Found { name: path.clone(), path: path.clone(), attributes: attributes(path) });
            }
            Err(why) => {
                complain(path, why);
                status = 1;
            }
        }
    }
    let is_alone = paths.len() == 1;
    let has_files = !files.is_empty();
    show(files, &options)?;
    for (place, path) in directories.iter().enumerate() {
        if !is_alone {
            let before = if place > 0 || has_files { "\n" } else { "" };
            out(format!("{before}{path}:\n").as_bytes())?;
        }
        match entries(path, &options) {
            Ok(found) => show(found, &options)?,
            Err(why) => {
                complain(path, why);
                status = 1;
            }
        }
    }
    Ok(status)
}

fn entries(directory: &str, options: &Options) -> Result<Vec<Found>, Failure> {
    let needs_all = "ltS".chars().any(|letter| options.has(letter));
    let mut all = Vec::new();
    for entry in read_dir(directory)? {
        let entry = entry?;
        if entry.name.starts_with('.') && !options.has('a') {
            continue;
        }
        let path = format!("{}/{}", directory.trim_end_matches('/'), entry.name);
        let attributes = if needs_all { attributes(&path) } else { None };
        all.push(Found { name: entry.name, path, attributes });
    }
    Ok(all)
}

fn show(mut found: Vec<Found>, options: &Options) -> Result<(), Stop> {
    let of = |found: &Found, what: fn(&Attributes) -> u64| found.attributes.as_ref().map_or(0, what);
    found.sort_by(|one, other| {
        if options.has('t') {
            of(other, |found| found.modified).cmp(&of(one, |found| found.modified))
        } else if options.has('S') {
            of(other, |found| found.size).cmp(&of(one, |found| found.size))
        } else {
            one.name.cmp(&other.name)
        }
    });
    if options.has('r') {
        found.reverse();
    }
    if options.has('l') {
        return long(&found, options);
    }
    let names: Vec<&str> = found.iter().map(|found| found.name.as_str()).collect();
    let columns = anax::variable("COLUMNS").filter(|_| !options.has('1')).and_then(|text| text.parse().ok());
    out(columned(&names, columns).as_bytes())
}

/// Names in columns, from above to below, if somebody looks at them; else one a line.
fn columned(names: &[&str], columns: Option<usize>) -> String {
    let width = names.iter().map(|name| name.chars().count()).max().unwrap_or(0) + 2;
    let per_row = columns.map_or(1, |columns| (columns.min(4 * COLUMNS) / width).max(1));
    let rows = names.len().div_ceil(per_row);
    let mut text = String::new();
    for row in 0..rows {
        let cells = names.iter().skip(row).step_by(rows.max(1));
        let line: String = cells.map(|name| format!("{name:width$}")).collect();
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

fn long(found: &[Found], options: &Options) -> Result<(), Stop> {
    let mut rows = Vec::new();
    for Found { name, path, attributes } in found {
        let Some(attributes) = attributes else {
            rows.push(["?", "", "", "", name].map(String::from).to_vec());
            continue;
        };
        let kind = match attributes.kind {
            Kind::File => "file",
            Kind::Directory => "directory",
            Kind::Link => "link",
            Kind::Device => "device",
        };
        let kind = if attributes.is_read_only { format!("{kind} (read-only)") } else { kind.to_string() };
        let size = if options.has('h') { human(attributes.size) } else { attributes.size.to_string() };
        let date = match attributes.modified {
            0 => "-".to_string(),
            seconds => Date::of(seconds).to_string(),
        };
        let name = match attributes.kind {
            Kind::Link => format!("{name} -> {}", read_link(path).unwrap_or_default()),
            Kind::Directory => format!("{name}/"),
            _ => name.clone(),
        };
        rows.push([kind, attributes.links.to_string(), size, date, name].to_vec());
    }
    // The headings only say what is aligned to the right.
    rows.insert(0, ["", "-n", "-s", "", ""].map(String::from).to_vec());
    let text = table(&rows);
    out(text.split_once('\n').map_or("", |(_, rows)| rows).as_bytes())
}
