//! Where text programs read: files, or what is piped to them.

use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use anax::stdin;
use anax_fs::{File, Kind, metadata};

use crate::{Stop, complain};

/// Bytes that are read at once, and of the longest line.
const PIECE: usize = 16 << 10;
const MAX_LINE: usize = 1 << 20;

/// Something that is read.
pub(crate) enum Data {
    Input,
    File(File),
}

impl Data {
    /// A file, or standard input if it is `-`.
    pub(crate) fn open(path: &str) -> Result<Self, Stop> {
        if path == "-" {
            return Ok(Self::Input);
        }
        let why = |why: &dyn core::fmt::Display| Stop::Failed(format!("{path}: {why}"));
        match metadata(path) {
            Ok(attributes) if attributes.kind == Kind::Directory => Err(why(&"it is a directory")),
            Ok(_) => File::open(path).map(Self::File).map_err(|failure| why(&failure)),
            Err(failure) => Err(why(&failure)),
        }
    }

    fn read(&mut self, to: &mut [u8]) -> Result<usize, Stop> {
        match self {
            Self::Input => stdin().read(to).map_err(Stop::from),
            Self::File(file) => file.read(to).map_err(Stop::from),
        }
    }

    /// Shows all of it in pieces, until there is no more, or `each` says that it is enough.
    pub(crate) fn pieces(&mut self, mut each: impl FnMut(&[u8]) -> Result<Go, Stop>) -> Result<(), Stop> {
        let mut piece = vec![0; PIECE];
        loop {
            let count = self.read(&mut piece)?;
            if count == 0 || each(&piece[..count])? == Go::Stop {
                return Ok(());
            }
        }
    }

    /// Shows its lines, without their ends.
    pub(crate) fn lines(&mut self, mut each: impl FnMut(&[u8]) -> Result<Go, Stop>) -> Result<(), Stop> {
        let mut rest = Vec::new();
        let mut is_over = false;
        self.pieces(|piece| {
            let mut lines = piece.split(|byte| *byte == b'\n');
            let last = lines.next_back().unwrap_or_default();
            for line in lines {
                rest.extend_from_slice(line);
                let go = each(&rest)?;
                rest.clear();
                if go == Go::Stop {
                    is_over = true;
                    return Ok(Go::Stop);
                }
            }
            if rest.len() + last.len() > MAX_LINE {
                return Err(Stop::Failed("a line has more than a mebibyte".into()));
            }
            rest.extend_from_slice(last);
            Ok(Go::On)
        })?;
        if !rest.is_empty() && !is_over {
            each(&rest)?;
        }
        Ok(())
    }
}

/// Whether more is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Go {
    On,
    Stop,
}

/// Opens each of these files, or standard input if there are none, and shows it with its name. Of what does not open is said so, and the exit status is 1.
pub(crate) fn each(
    paths: &[String],
    mut act: impl FnMut(&str, &mut Data) -> Result<(), Stop>,
) -> Result<u64, Stop> {
    if paths.is_empty() {
        act("-", &mut Data::Input)?;
        return Ok(0);
    }
    let mut status = 0;
    for path in paths {
        let done = Data::open(path).and_then(|mut data| {
            act(path, &mut data).map_err(|stop| match stop {
                Stop::Failed(why) => Stop::Failed(format!("{path}: {why}")),
                other => other,
            })
        });
        match done {
            Ok(()) => {}
            Err(Stop::Failed(why)) => {
                anax::eprintln!("{}: {why}", anax::name());
                status = 1;
            }
            Err(other) => return Err(other),
        }
    }
    Ok(status)
}

/// Does something with each path; of what does not go is said so, and the exit status is 1.
pub(crate) fn each_path<E: core::fmt::Display>(
    paths: &[String],
    mut act: impl FnMut(&str) -> Result<(), E>,
) -> u64 {
    let mut status = 0;
    for path in paths {
        if let Err(why) = act(path) {
            complain(path, why);
            status = 1;
        }
    }
    status
}
