//! The bytes of `#[control]` methods that are too long for words: a page that the client passes along with each request.
//!
//! It is not kept: a server that kept it would have to notice that its client has ended. Mapping it costs some thousand instructions, and only
//! where the bytes are in fact long.

use anax_mapped::Mapping;
use anax_proto::SPACE;
use anax_sys::object::{Region, RegionKind, Space};
use anax_sys::{Error, Handle, Rights};

/// What a server may do with a client's page.
const LENT: Rights = Rights::READ.with(Rights::WRITE);

/// A client's page.
#[derive(Debug)]
pub(crate) struct Page {
    region: Region,
    mapping: Mapping,
}

impl Page {
    /// Charged to the calling program.
    pub(crate) fn new() -> Result<Self, Error> {
        let region = Space::SELF.create_region(SPACE as u64, RegionKind::Pinned)?;
        match Mapping::new(region, SPACE as u64) {
            Ok(mapping) => Ok(Self { region, mapping }),
            Err(error) => {
                let _ = Space::SELF.close(region.handle());
                Err(error)
            }
        }
    }

    /// Goes along with the next message, first of all handles.
    pub(crate) fn offer(&self) -> Result<(), Error> {
        anax_sys::offer(self.region.handle(), LENT.with(Rights::SEND), anax_sys::Offer::Copy)
    }

    pub(crate) fn write(&self, bytes: &[u8]) -> Result<(), Error> {
        self.mapping.bytes()?.copy_in(0, bytes).map_err(|_| Error::BadArgument)
    }

    pub(crate) fn read(&self, bytes: &mut [u8]) -> Result<(), Error> {
        self.mapping.bytes()?.copy_out(0, bytes).map_err(|_| Error::PeerMisbehaved)
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        let _ = Space::SELF.close(self.region.handle());
    }
}

/// A page that came along with a request; given up when it is dropped.
#[derive(Debug)]
pub(crate) struct Lent(pub(crate) Handle);

impl Lent {
    fn mapping(&self) -> Result<Mapping, Error> {
        Mapping::new(Region::from_handle(self.0), SPACE as u64)
    }

    /// Copies what it begins with.
    pub(crate) fn read(&self, bytes: &mut [u8]) -> Result<(), Error> {
        self.mapping()?.bytes()?.copy_out(0, bytes).map_err(|_| Error::PeerMisbehaved)
    }

    pub(crate) fn write(&self, bytes: &[u8]) -> Result<(), Error> {
        self.mapping()?.bytes()?.copy_in(0, bytes).map_err(|_| Error::PeerMisbehaved)
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let _ = Space::SELF.close(self.0);
    }
}
