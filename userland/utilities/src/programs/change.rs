//! `rm`.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use anax_fs::{Failure, Kind, read_dir, remove_dir, remove_file, symlink_metadata};
use utilities::Options;

use crate::data::each_path;
use crate::{Done, Stop, usage};

pub(super) const RM: &str = "\
Removes files.

  rm [-fr] PATH...

-r removes directories with all that is in them, -f does not mind what is not there.
";

/// How deep directories may lie in each other.
const MAX_DEPTH: usize = 64;

pub(super) fn remove(words: &[String]) -> Done {
    let options = Options::of(words, "frR")?;
    if options.words.is_empty() && !options.has('f') {
        return usage("[-fr] PATH...");
    }
    let is_deep = options.has('r') || options.has('R');
    Ok(each_path(&options.words, |path| {
        if path.split('/').all(|name| matches!(name, "" | "." | "..")) {
            return Err(Stop::Failed("that is not removed".into()));
        }
        match one(path, is_deep, 0) {
            Err(Failure::NotFound) if options.has('f') => Ok(()),
            done => done.map_err(Stop::from),
        }
    }))
}

fn one(path: &str, is_deep: bool, depth: usize) -> Result<(), Failure> {
    if symlink_metadata(path)?.kind != Kind::Directory || !is_deep {
        return remove_file(path);
    }
    if depth == MAX_DEPTH {
        return Err(Failure::TooLong);
    }
    // All names first: what is removed meanwhile changes the list.
    let names = read_dir(path)?.map(|entry| entry.map(|entry| entry.name)).collect::<Result<Vec<_>, _>>()?;
    for name in names {
        one(&format!("{}/{name}", path.trim_end_matches('/')), is_deep, depth + 1)?;
    }
    remove_dir(path)
}
