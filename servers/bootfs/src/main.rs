//! The server of the boot archive.
#![no_std]
#![no_main]
#![forbid(unsafe_code)]

use anax::{Error, handles};
use bootfs::Bootfs;

#[anax::main]
fn main() -> Result<(), Error> {
    let (archive, region) = (anax::archive()?, anax::handle(handles::ARCHIVE).ok_or(Error::BadHandle)?);
    anax_volume::serve(Bootfs::new(&archive, region))
}
