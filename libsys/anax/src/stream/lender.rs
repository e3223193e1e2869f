//! What a server of byte streams needs of the kernel.

use anax_abi::{Error, Handle};
use anax_mapped::Mapping;
use anax_proto::Answered;
use anax_stream::Host;
use anax_sys::object::{Region, Space};

/// Answers by the thread that received the questions, and reaches lent regions by mapping their beginning for as long as a copy takes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Lender;

/// Whole pages.
const PAGE: u64 = 4096;

impl Host for Lender {
    fn answer(&mut self, answered: &Answered) -> bool {
        anax_service::deliver(answered)
    }

    fn copy_out(&mut self, memory: Handle, to: &mut [u8]) -> Result<(), Error> {
        let memory = Mapping::to_read(Region::from_handle(memory), (to.len() as u64).next_multiple_of(PAGE))
            .map_err(|_| Error::BadArgument)?;
        memory.bytes()?.copy_out(0, to).map_err(|_| Error::BadArgument)
    }

    fn copy_in(&mut self, memory: Handle, from: &[u8]) -> Result<(), Error> {
        let memory = Mapping::new(Region::from_handle(memory), (from.len() as u64).next_multiple_of(PAGE))
            .map_err(|_| Error::BadArgument)?;
        memory.bytes()?.copy_in(0, from).map_err(|_| Error::BadArgument)
    }

    fn close(&mut self, handle: Handle) {
        // One that was revoked is gone already.
        let _ = Space::SELF.close(handle);
    }
}
