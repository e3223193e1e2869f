//! The server of a FAT on a disk. Argument: which, `blk0` or `blk0p1`.
//!
//! It ends with an error if there is no such disk, or no FAT on it. If it dies later, what was not synced is lost, and nothing else: see the library.
#![no_std]
#![no_main]
#![forbid(unsafe_code)]

use anax::log;
use anax_block_disk::program::open_source;
use fat::Fat;

#[anax::main]
fn main() -> Result<(), anax::Error> {
    let source = anax::arguments().first().ok_or(anax::Error::BadArgument)?;
    let disk = open_source(source).inspect_err(|error| log::error!("{source} can't be opened: {error}"))?;
    let opened = Fat::open(disk).inspect_err(|failure| log::error!("{source}: {failure}"));
    anax_volume::serve(opened?)
}
