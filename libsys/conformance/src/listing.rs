//! What is in a directory, also while that changes.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use anax_fs::{Failure, Kind};

use crate::context::Context;
use crate::{cases, is};

/// Makes so many files.
fn fill(c: &Context, directory: &str, count: u32) -> Result<(), Failure> {
    c.mkdir(directory)?;
    for number in 0..count {
        c.put(&format!("{directory}/file number {number}"), b"")?;
    }
    Ok(())
}

/// How often each of the first `count` files came.
fn counts(names: &[String], count: u32) -> Vec<usize> {
    (0..count)
        .map(|number| {
            let name = format!("file number {number}");
            names.iter().filter(|other| **other == name).count()
        })
        .collect()
}

cases! {
    nothing_is_listed(c) {
        is!(c.names("")?.len(), 0);
        c.mkdir("d")?;
        is!(c.names("d")?.len(), 0);
    }
    kinds_are_listed(c) {
        c.put("a", b"text")?;
        c.mkdir("d")?;
        c.put("d/inner", b"text")?;
        let entries = c.session.read_dir(&c.directory)?.collect::<Result<Vec<_>, _>>()?;
        let mut kinds: Vec<_> = entries.into_iter().map(|entry| (entry.name, entry.kind)).collect();
        kinds.sort_by(|first, second| first.0.cmp(&second.0));
        is!(kinds, [(String::from("a"), Kind::File), (String::from("d"), Kind::Directory)]);
    }
    a_thousand_are_listed_once_each(c) {
        fill(c, "d", 1000)?;
        let names = c.names("d")?;
        is!(names.len(), 1000);
        is!(counts(&names, 1000), alloc::vec![1; 1000]);
        is!(c.rmdir("d"), Err(Failure::NotEmpty));
    }
    removed_ones_are_not_listed(c) {
        fill(c, "d", 100)?;
        for number in (0..100).step_by(3) {
            c.remove(&format!("d/file number {number}"))?;
        }
        let wanted: Vec<usize> = (0..100).map(|number| usize::from(number % 3 != 0)).collect();
        is!(counts(&c.names("d")?, 100), wanted);
    }
    listed_while_others_are_made(c) {
        fill(c, "d", 300)?;
        let mut listing = c.session.read_dir(&c.path("d"))?;
        let mut names = Vec::new();
        for number in 300..400 {
            names.extend(listing.next().transpose()?.map(|entry| entry.name));
            c.put(&format!("d/file number {number}"), b"")?;
        }
        for entry in listing {
            names.push(entry?.name);
        }
        is!(counts(&names, 300), alloc::vec![1; 300]);
        is!(counts(&names, 400).into_iter().all(|count| count <= 1), true);
    }
    listed_while_they_are_removed(c) {
        fill(c, "d", 300)?;
        let mut listing = c.session.read_dir(&c.path("d"))?;
        let mut names = Vec::new();
        for number in (0..300).step_by(2) {
            names.extend(listing.next().transpose()?.map(|entry| entry.name));
            c.remove(&format!("d/file number {number}"))?;
        }
        for entry in listing {
            names.push(entry?.name);
        }
        let counted = counts(&names, 300);
        is!(counted.iter().skip(1).step_by(2).all(|count| *count == 1), true);
        is!(counted.iter().all(|count| *count <= 1), true);
    }
    listed_while_each_is_removed_that_comes(c) {
        fill(c, "d", 300)?;
        let mut count = 0;
        for entry in c.session.read_dir(&c.path("d"))? {
            c.remove(&format!("d/{}", entry?.name))?;
            count += 1;
        }
        is!((count, c.names("d")?.len()), (300, 0));
    }
    listed_while_others_change_names(c) {
        fill(c, "d", 200)?;
        let mut listing = c.session.read_dir(&c.path("d"))?;
        let mut names = Vec::new();
        for number in 0..100 {
            names.extend(listing.next().transpose()?.map(|entry| entry.name));
            c.rename(&format!("d/file number {number}"), &format!("d/other {number}"))?;
        }
        for entry in listing {
            names.push(entry?.name);
        }
        is!(counts(&names, 200)[100..], [1; 100]);
    }
    two_list_at_once(c) {
        fill(c, "d", 200)?;
        let (first, second) = (c.session.read_dir(&c.path("d"))?, c.other.read_dir(&c.path("d"))?);
        let mut both = Vec::new();
        for (one, other) in first.zip(second) {
            let (one, other) = (one?.name, other?.name);
            is!(one, other);
            both.push(one);
        }
        is!(counts(&both, 200), alloc::vec![1; 200]);
    }
    listed_though_it_is_a_file(c) {
        c.put("a", b"text")?;
        is!(c.names("a"), Err(Failure::NotADirectory));
    }
    listed_though_it_is_missing(c) {
        is!(c.names("d"), Err(Failure::NotFound));
        c.put("a", b"text")?;
        is!(c.names("a/d"), Err(Failure::NotADirectory));
    }
    listed_though_it_was_removed(c) {
        c.mkdir("d")?;
        let listing = c.session.read_dir(&c.path("d"))?;
        c.rmdir("d")?;
        is!(listing.filter_map(Result::ok).count(), 0);
    }
    listed_and_left_off(c) {
        fill(c, "d", 100)?;
        for _ in 0..300 {
            let mut listing = c.session.read_dir(&c.path("d"))?;
            is!(listing.next().is_some(), true);
        }
    }
    long_names_are_listed(c) {
        c.mkdir("d")?;
        for number in 0..40 {
            c.put(&format!("d/{number:0>255}"), b"")?;
        }
        let names = c.names("d")?;
        is!(names.len(), 40);
        is!(names.iter().enumerate().all(|(number, name)| *name == format!("{number:0>255}")), true);
    }
    the_root_is_listed(c) {
        let first = c.directory.trim_start_matches('/').split('/').next().unwrap_or_default();
        let mut names = c.session.read_dir("/")?.collect::<Result<Vec<_>, _>>()?.into_iter();
        is!(names.any(|entry| entry.name == first), true);
    }
    filled_and_emptied(c) {
        for _ in 0..3 {
            fill(c, "d", 100)?;
            is!(c.names("d")?.len(), 100);
            for number in 0..100 {
                c.remove(&format!("d/file number {number}"))?;
            }
            is!(c.names("d")?.len(), 0);
            c.rmdir("d")?;
        }
    }
}
