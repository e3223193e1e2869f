//! `df`, `mount`, `umount`, `sync`.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use anax_fs::{Usage, mount as mounted, mounts, sync as synced, unmount as unmounted, usage};
use utilities::{Options, human, table};

use crate::data::each_path;
use crate::{Done, complain, of, out, usage as wrong};

pub(super) const DF: &str = "\
Shows how full file systems are.

  df [-h] [PATH...]

Those in which the paths lie; all if there are none. Sizes in KiB, with -h in units.
";

pub(super) fn free(words: &[String]) -> Done {
    let options = Options::of(words, "h")?;
    let size = |bytes: u64| if options.has('h') { human(bytes) } else { format!("{}", bytes >> 10) };
    let row = |path: &str, of: &str, usage: Usage| {
        let used = usage.bytes.saturating_sub(usage.free_bytes);
        let part = (used * 100).checked_div(usage.bytes).map_or("-".into(), |part| format!("{part}%"));
        [size(usage.bytes), size(used), size(usage.free_bytes), part, of.into(), path.into()].to_vec()
    };
    let mut rows: Vec<Vec<String>> =
        [["-size", "-used", "-free", "-full", "file system", "where"].map(String::from).to_vec()].into();
    let all = mounts()?;
    let mut status = 0;
    if options.words.is_empty() {
        for mount in &all {
            let of = if mount.source.is_empty() { &mount.kind } else { &mount.source };
            match usage(&mount.path) {
                Ok(found) => rows.push(row(&mount.path, of, found)),
                Err(why) => {
                    complain(&mount.path, why);
                    status = 1;
                }
            }
        }
    }
    status = status
        .max(each_path(&options.words, |path| usage(path).map(|found| rows.push(row(path, "", found)))));
    out(table(&rows).as_bytes())?;
    Ok(status)
}

pub(super) const MOUNT: &str = "\
Shows what is mounted, or mounts a file system at a directory.

  mount
  mount KIND [SOURCE] DIRECTORY

KIND is the program that serves it, such as tmpfs, SOURCE a disk. It is there until it is unmounted.
";

pub(super) fn mount(words: &[String]) -> Done {
    let options = Options::of(words, "t:")?;
    let mut words: Vec<&str> = options.words.iter().map(String::as_str).collect();
    if let Some(kind) = options.value('t') {
        words.insert(0, kind);
    }
    let (kind, source, path) = match words[..] {
        [] => {
            for mount in mounts()? {
                let of = if mount.source.is_empty() {
                    mount.kind.clone()
                } else {
                    format!("{} ({})", mount.source, mount.kind)
                };
                let how = if mount.is_read_only { ", read-only" } else { "" };
                out(format!("{} at {}{how}\n", of, mount.path).as_bytes())?;
            }
            return Ok(0);
        }
        [kind, path] => (kind, "", path),
        [kind, source, path] => (kind, source, path),
        _ => return wrong("[KIND [SOURCE] DIRECTORY]"),
    };
    let what = if source.is_empty() { kind } else { source };
    mounted(kind, source, path).map_err(of(&format!("{what} at {path}")))?;
    Ok(0)
}

pub(super) const UMOUNT: &str = "\
Takes a file system away, when all that was written to it will last.

  umount DIRECTORY...
";

pub(super) fn unmount(words: &[String]) -> Done {
    let options = Options::of(words, "")?;
    if options.words.is_empty() {
        return wrong("DIRECTORY...");
    }
    Ok(each_path(&options.words, unmounted))
}

pub(super) const SYNC: &str = "\
Returns when all that was written will last.

  sync
";

pub(super) fn sync(words: &[String]) -> Done {
    if !words.is_empty() {
        return wrong("");
    }
    synced()?;
    Ok(0)
}
