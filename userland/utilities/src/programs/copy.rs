//! `cp`, `mv`.

use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use anax_fs::{
    Failure, File, Kind, create_dir, metadata, read_dir, read_link, remove_dir, remove_file,
    rename as renamed, symlink, symlink_metadata,
};
use utilities::Options;

use crate::{Done, Stop, complain, usage};

pub(super) const COPY: &str = "\
Copies files.

  cp [-r] FILE NAME
  cp [-r] FILE... DIRECTORY

-r copies directories with all that is in them.
";

pub(super) const MV: &str = "\
Gives files other names, also in another file system.

  mv [-n] FILE NAME
  mv [-n] FILE... DIRECTORY

-n does not replace what is there.
";

/// Bytes that are copied at once.
const PIECE: usize = 64 << 10;
/// How deep directories may lie in each other.
const MAX_DEPTH: usize = 64;

/// What is copied or renamed to where.
fn pairs(words: &[String], how: &str) -> Result<Vec<(String, String)>, Stop> {
    let [sources @ .., target] = words else { return usage(how) };
    if sources.is_empty() {
        return usage(how);
    }
    let is_directory = metadata(target).is_ok_and(|found| found.kind == Kind::Directory);
    if sources.len() > 1 && !is_directory {
        return Err(Stop::Failed(format!("{target}: not a directory")));
    }
    let to = |source: &String| {
        let name = source.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
        if is_directory { format!("{}/{name}", target.trim_end_matches('/')) } else { target.clone() }
    };
    Ok(sources.iter().map(|source| (source.clone(), to(source))).collect())
}

fn all(words: &[String], how: &str, act: impl Fn(&str, &str) -> Result<(), Stop>) -> Done {
    let mut status = 0;
    for (from, to) in pairs(words, how)? {
        if let Err(why) = act(&from, &to) {
            complain(&from, why);
            status = 1;
        }
    }
    Ok(status)
}

pub(super) fn copy(words: &[String]) -> Done {
    let options = Options::of(words, "rRa")?;
    let is_deep = ['r', 'R', 'a'].into_iter().any(|letter| options.has(letter));
    all(&options.words, "[-r] FILE... NAME", |from, to| one(from, to, is_deep, 0))
}

fn is_same(from: &str, to: &str) -> Result<bool, Failure> {
    let (from, to) = (metadata(from)?, metadata(to));
    // Numbers mean something within one file system only; two that have one in common have sizes and times in common rarely.
    Ok(to.is_ok_and(|to| to == from))
}

fn one(from: &str, to: &str, is_deep: bool, depth: usize) -> Result<(), Stop> {
    let found = if depth == 0 { metadata(from)? } else { symlink_metadata(from)? };
    match found.kind {
        Kind::Directory if !is_deep => Err(Stop::Failed("it is a directory, which -r copies".into())),
        Kind::Directory if depth == MAX_DEPTH => {
            Err(Stop::Failed("directories are too deep in each other".into()))
        }
        Kind::Directory => {
            if is_within(from, to) {
                return Err(Stop::Failed("a directory is not copied into itself".into()));
            }
            let names =
                read_dir(from)?.map(|entry| entry.map(|entry| entry.name)).collect::<Result<Vec<_>, _>>()?;
            match create_dir(to) {
                Err(Failure::Exists) if metadata(to)?.kind == Kind::Directory => {}
                made => made.map_err(|why| Stop::Failed(format!("{to}: {why}")))?,
            }
            for name in names {
                let inner = |path: &str| format!("{}/{name}", path.trim_end_matches('/'));
                one(&inner(from), &inner(to), is_deep, depth + 1)?;
            }
            Ok(())
        }
        Kind::Link => {
            let path = read_link(from)?;
            symlink(&path, to).map_err(|why| Stop::Failed(format!("{to}: {why}")))
        }
        Kind::File | Kind::Device => {
            if is_same(from, to)? {
                return Err(Stop::Failed("that is the same file".into()));
            }
            bytes(from, to)
        }
    }
}

/// Whether a path lies below a directory, as far as the paths tell.
fn is_within(directory: &str, path: &str) -> bool {
    let plain = |path: &str| {
        let here = anax_fs::current_directory();
        let path = if path.starts_with('/') { String::from(path) } else { format!("{here}/{path}") };
        let mut names = Vec::new();
        for name in path.split('/') {
            match name {
                "" | "." => {}
                ".." => _ = names.pop(),
                name => names.push(String::from(name)),
            }
        }
        names
    };
    plain(path).starts_with(&plain(directory))
}

fn bytes(from: &str, to: &str) -> Result<(), Stop> {
    let mut source = File::open(from)?;
    let target = |why: Failure| Stop::Failed(format!("{to}: {why}"));
    let mut copy = File::create(to).map_err(target)?;
    let mut piece = vec![0; PIECE];
    loop {
        match source.read(&mut piece)? {
            0 => return Ok(()),
            count => copy.write_all(&piece[..count]).map_err(target)?,
        }
    }
}

pub(super) fn rename(words: &[String]) -> Done {
    let options = Options::of(words, "nf")?;
    all(&options.words, "[-n] FILE... NAME", |from, to| {
        if options.has('n') && symlink_metadata(to).is_ok() {
            return Ok(());
        }
        match renamed(from, to) {
            Err(Failure::OtherFileSystem) => {
                one(from, to, true, 0)?;
                Ok(gone(from, 0)?)
            }
            done => Ok(done?),
        }
    })
}

/// Removes what was copied.
fn gone(path: &str, depth: usize) -> Result<(), Failure> {
    if symlink_metadata(path)?.kind != Kind::Directory {
        return remove_file(path);
    }
    if depth == MAX_DEPTH {
        return Err(Failure::TooLong);
    }
    let names = read_dir(path)?.map(|entry| entry.map(|entry| entry.name)).collect::<Result<Vec<_>, _>>()?;
    for name in names {
        gone(&format!("{}/{name}", path.trim_end_matches('/')), depth + 1)?;
    }
    remove_dir(path)
}
