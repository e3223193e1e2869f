//! `mkdir`, `rmdir`, `ln`, `touch`.

use alloc::format;
use alloc::string::String;

use anax_calendar::{SERVICE, WallClockClient};
use anax_fs::{
    Failure, Kind, OpenOptions, create_dir, hard_link, metadata, remove_dir, set_modified, symlink,
};
use utilities::Options;

use crate::data::each_path;
use crate::{Done, Stop, of, usage};

pub(super) const MKDIR: &str = "\
Makes directories.

  mkdir [-p] DIRECTORY...

-p makes those above them, too, and does not mind what is there.
";

pub(super) fn make_directory(words: &[String]) -> Done {
    let options = Options::of(words, "p")?;
    if options.words.is_empty() {
        return usage("[-p] DIRECTORY...");
    }
    Ok(each_path(&options.words, |path| if options.has('p') { make_all(path) } else { create_dir(path) }))
}

fn make_all(path: &str) -> Result<(), Failure> {
    let ends = path.match_indices('/').map(|(place, _)| place).chain([path.len()]);
    for end in ends.filter(|end| *end > 0) {
        match create_dir(&path[..end]) {
            Ok(()) => {}
            Err(Failure::Exists) if metadata(&path[..end])?.kind == Kind::Directory => {}
            Err(why) => return Err(why),
        }
    }
    Ok(())
}

pub(super) const RMDIR: &str = "\
Removes empty directories.

  rmdir DIRECTORY...
";

pub(super) fn remove_directory(words: &[String]) -> Done {
    let options = Options::of(words, "")?;
    if options.words.is_empty() {
        return usage("DIRECTORY...");
    }
    Ok(each_path(&options.words, remove_dir))
}

pub(super) const LN: &str = "\
Gives a file one more name, or makes a symbolic link.

  ln [-s] FILE NAME

-s makes a symbolic link, which is a path. A NAME that is a directory means the same name in it.
";

pub(super) fn link(words: &[String]) -> Done {
    let options = Options::of(words, "s")?;
    let [file, name] = &options.words[..] else { return usage("[-s] FILE NAME") };
    let is_directory = metadata(name).is_ok_and(|found| found.kind == Kind::Directory);
    let last = file.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    let name = if is_directory { format!("{}/{last}", name.trim_end_matches('/')) } else { name.clone() };
    let made = if options.has('s') { symlink(file, &name) } else { hard_link(file, &name) };
    made.map_err(of::<Failure>(&name)).map(|()| 0)
}

pub(super) const TOUCH: &str = "\
Makes empty files, or says that files were changed now.

  touch [-c] FILE...

-c makes none.
";

pub(super) fn touch(words: &[String]) -> Done {
    let options = Options::of(words, "c")?;
    if options.words.is_empty() {
        return usage("[-c] FILE...");
    }
    let now = anax::client::<WallClockClient<_>>(SERVICE).and_then(|mut clock| clock.now());
    // A machine without a clock has files without times.
    let now = now.map_or(0, |now| now / 1_000_000_000);
    Ok(each_path(&options.words, |path| -> Result<(), Stop> {
        match metadata(path) {
            Ok(_) => Ok(set_modified(path, now)?),
            Err(Failure::NotFound) if options.has('c') => Ok(()),
            Err(Failure::NotFound) => {
                OpenOptions::new().write(true).create(true).open(path)?;
                Ok(())
            }
            Err(why) => Err(why.into()),
        }
    }))
}

impl core::fmt::Display for Stop {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Usage(why) | Self::Failed(why) => f.write_str(why),
            Self::Gone => f.write_str("nobody reads what is printed"),
        }
    }
}
