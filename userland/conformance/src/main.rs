//! Tries all cases of the file interface in a directory: `conformance /tmp`.
//!
//! What the file system there has is found out first: links and case are tried, and nobody has to say it. Each failure is a line; the last line says how many there were.
#![no_std]
#![no_main]
#![forbid(unsafe_code)]

extern crate alloc;

use alloc::format;
use alloc::sync::Arc;

use anax::{Error, println};
use anax_conformance::{Has, Summary};
use anax_fs::{Failure, OpenOptions, Session};

#[anax::main]
fn main() -> Result<(), Error> {
    let directory = anax::arguments().first().map_or("/", |argument| &**argument);
    match run(directory) {
        Ok(Summary { failed: 0, .. }) => Ok(()),
        Ok(_) => Err(Error::BadArgument),
        Err(failure) => {
            println!("conformance: {directory}: {failure}");
            Err(failure.into())
        }
    }
}

fn run(directory: &str) -> Result<Summary, Failure> {
    let (files, other) = (Session::own()?, Session::another()?);
    let own = format!("{}/conformance", directory.trim_end_matches('/'));
    files.create_dir(&own)?;
    let has = find_out(&files, &own)?;
    let summary = anax_conformance::run((&files, &other), &own, has, |name, outcome| {
        if let Err(text) = outcome {
            println!("{name}: {text}");
        }
    });
    println!("{} cases, {} failed", summary.cases, summary.failed);
    files.remove_dir(&own)?;
    Ok(summary)
}

/// What the file system has in which that directory lies.
fn find_out(files: &Arc<Session>, directory: &str) -> Result<Has, Failure> {
    let [file, upper, link] = ["file", "FILE", "link"].map(|name| format!("{directory}/{name}"));
    drop(OpenOptions::new().write(true).create_new(true).open_in(files, &file)?);
    let folds_case = files.metadata(&upper).is_ok();
    let links = files.hard_link(&file, &link).is_ok();
    if links {
        files.remove_file(&link)?;
    }
    let symlinks = files.symlink("file", &link).is_ok();
    if symlinks {
        files.remove_file(&link)?;
    }
    files.remove_file(&file)?;
    Ok(Has { links, symlinks, folds_case })
}
