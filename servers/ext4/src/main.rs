//! The server of an ext4 on a disk, to be read. Argument: which, `blk0` or `blk0p1`.
#![no_std]
#![no_main]
#![forbid(unsafe_code)]

use anax::log;
use anax_block_disk::program::open_source;
use ext4::Ext4;

#[anax::main]
fn main() -> Result<(), anax::Error> {
    let source = anax::arguments().first().ok_or(anax::Error::BadArgument)?;
    let disk = open_source(source).inspect_err(|error| log::error!("{source} can't be opened: {error}"))?;
    let opened = Ext4::open(disk).inspect_err(|failure| log::error!("{source}: {failure}"));
    anax_volume::serve(opened?)
}
