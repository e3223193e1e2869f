//! What files do, as cases: each tries one thing in a fresh directory and says what was wrong.
//!
//! They know nothing of what is behind the interface of programs but what a [`Has`] says, so that every file system passes the same ones: in tests on the host, by loopback, and in the
//! running system by the program `conformance`.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod attributes;
mod bytes;
mod context;
mod directories;
mod edges;
mod handles;
mod links;
mod listing;
mod names;
mod open;
mod paths;
mod positions;
mod renaming;
mod sizes;
mod symlinks;
mod syncing;
mod unlinked;

use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;

use anax_fs::{Failure, Kind, Session};

pub use context::{Context, Outcome, Wrong};

/// What the file system under test has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Has {
    /// Several names for a file.
    pub links: bool,
    /// Symbolic links.
    pub symlinks: bool,
    /// One name in upper and lower case.
    pub folds_case: bool,
}

/// One case.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// Its name.
    pub name: &'static str,
    run: fn(&Context) -> Outcome,
}

/// Writes cases as functions, and the list of them.
macro_rules! cases {
    ($($name:ident($context:ident) $body:block)+) => {
        pub(crate) const CASES: &[$crate::Case] =
            &[$($crate::Case { name: stringify!($name), run: $name }),+];

        $(
            fn $name($context: &$crate::Context) -> $crate::Outcome {
                $body
                Ok(())
            }
        )+
    };
}

/// Says where two things differ that have to be the same.
macro_rules! is {
    ($got:expr, $wanted:expr) => {
        match (&$got, &$wanted) {
            (got, wanted) => {
                if *got != *wanted {
                    let (file, line) = (file!(), line!());
                    return Err($crate::Wrong(alloc::format!("{file}:{line}: {got:?}, not {wanted:?}")));
                }
            }
        }
    };
}

/// The same for bytes, of which there may be many.
macro_rules! same {
    ($got:expr, $wanted:expr) => {
        $crate::compare(&$got, &$wanted, (file!(), line!()))?;
    };
}

pub(crate) use {cases, is, same};

/// Bytes as they are and as they have to be, and where that is said.
pub(crate) fn compare(got: &[u8], wanted: &[u8], (file, line): (&str, u32)) -> Outcome {
    if got == wanted {
        return Ok(());
    }
    let place = got.iter().zip(wanted).position(|(got, wanted)| got != wanted);
    let lengths = format!("{} bytes, not {}", got.len(), wanted.len());
    Err(Wrong(format!("{file}:{line}: {lengths}; the first other one at {place:?}")))
}

/// All cases, those of links only for who has them.
pub fn all_cases(has: Has) -> impl Iterator<Item = Case> {
    let of_all: [&[Case]; 14] = [
        attributes::CASES,
        bytes::CASES,
        directories::CASES,
        edges::CASES,
        handles::CASES,
        listing::CASES,
        names::CASES,
        open::CASES,
        paths::CASES,
        positions::CASES,
        renaming::CASES,
        sizes::CASES,
        syncing::CASES,
        unlinked::CASES,
    ];
    let links = if has.links { links::CASES } else { links::WITHOUT };
    let symlinks = if has.symlinks { symlinks::CASES } else { symlinks::WITHOUT };
    of_all.into_iter().chain([links, symlinks]).flatten().copied()
}

/// How it went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Cases in all.
    pub cases: usize,
    /// Those that failed.
    pub failed: usize,
}

/// Runs all cases in a directory that is there, and tells `tell` of each how it went. `sessions`: of one program or of two.
pub fn run(
    sessions: (&Arc<Session>, &Arc<Session>),
    directory: &str,
    has: Has,
    mut tell: impl FnMut(&'static str, Result<(), &str>),
) -> Summary {
    let mut summary = Summary::default();
    for case in all_cases(has) {
        let outcome = run_one(sessions, directory, has, case);
        summary.cases += 1;
        summary.failed += usize::from(outcome.is_err());
        tell(
            case.name,
            match &outcome {
                Ok(()) => Ok(()),
                Err(Wrong(text)) => Err(text),
            },
        );
    }
    summary
}

/// How often somebody looks whether all nodes are gone.
const PATIENCE: u32 = 20;
/// Levels of directories that are removed.
const DEEPEST: usize = 100;

/// Runs one in a directory of its own, which is removed behind it: then the file system has as many nodes as before.
///
/// # Errors
/// What was wrong.
pub fn run_one(
    (session, other): (&Arc<Session>, &Arc<Session>),
    directory: &str,
    has: Has,
    case: Case,
) -> Outcome {
    let before = session.usage(directory)?;
    let own = format!("{}/{}", directory.trim_end_matches('/'), case.name);
    session.create_dir(&own)?;
    let context = Context { session: session.clone(), other: other.clone(), directory: own.clone(), has };
    let outcome = (case.run)(&context);
    drop(context);
    let removed = remove_all(session, &own, DEEPEST);
    outcome?;
    removed.map_err(|failure| Wrong(format!("its directory can't be removed: {failure}")))?;
    let mut after = session.usage(directory)?;
    // What was being stored ends a little later.
    for _ in 0..PATIENCE {
        if after.nodes == before.nodes {
            return Ok(());
        }
        session.sync()?;
        after = session.usage(directory)?;
    }
    Err(Wrong(format!("{} nodes, {} before", after.nodes, before.nodes)))
}

fn remove_all(session: &Arc<Session>, directory: &str, deepest: usize) -> Result<(), Failure> {
    let entries = session.read_dir(directory)?.collect::<Result<alloc::vec::Vec<_>, _>>()?;
    for entry in entries {
        let path: String = format!("{directory}/{}", entry.name);
        match entry.kind {
            Kind::Directory if deepest > 0 => remove_all(session, &path, deepest - 1)?,
            Kind::Directory => return Err(Failure::TooLong),
            _ => session.remove_file(&path)?,
        }
    }
    session.remove_dir(directory)
}
