//! `dmesg`.

use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use anax::object::Machine;
use anax::{Error, handle};
use utilities::Options;

use crate::{Done, out};

pub(super) const DMESG: &str = "\
Prints the kernel's log: of all CPUs, in the order of time, as far as it is still there.

  dmesg
";

/// Bytes of a record: number, time, line.
const RECORD: usize = 400;
/// Records of one CPU that are taken.
const MAX_RECORDS: usize = 16_384;

pub(super) fn dmesg(words: &[String]) -> Done {
    let options = Options::of(words, "")?;
    if !options.words.is_empty() {
        return crate::usage("");
    }
    let machine = Machine::from_handle(handle("machine").ok_or(Error::BadHandle)?);
    let mut all: Vec<(u64, Vec<u8>)> = Vec::new();
    for cpu in 0..machine.cpus()? {
        let mut next = 0;
        for _ in 0..MAX_RECORDS {
            let mut record = vec![0; RECORD];
            let count = machine.read_log(cpu, next, &mut record)?;
            let ([number, time], line) = match record[..count].split_first_chunk::<16>() {
                Some((head, line)) => (
                    [0, 8].map(|at| u64::from_le_bytes(core::array::from_fn(|index| head[at + index]))),
                    line,
                ),
                None => break,
            };
            next = number + 1;
            all.push((time, line.to_vec()));
        }
    }
    all.sort_by_key(|(time, _)| *time);
    for (_, line) in all {
        out(&line)?;
        out(b"\n")?;
    }
    Ok(0)
}
