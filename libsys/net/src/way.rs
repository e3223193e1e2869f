//! Ways to a protocol thread.

use anax_abi::Error;
use anax_proto::{Beside, Reply, Request, Transport};
use anax_service::{Find, PortTransport};
use anax_sys::Target;

/// By a handle of the session's: no successor will be there.
pub(crate) fn found_at(target: Target) -> Result<PortTransport<impl Find>, Error> {
    PortTransport::unconnected(move || Ok(target))
}

/// A way of which nobody needs to know what it is.
pub(crate) struct At<'a>(pub(crate) &'a mut dyn Transport);

impl Transport for At<'_> {
    fn call(&mut self, request: &Request<'_>, beside: &mut Beside, space: &mut [u8]) -> Result<Reply, Error> {
        self.0.call(request, beside, space)
    }

    /// A successor knows nothing of this session.
    fn reconnect(&mut self, _: u64) -> Result<(), Error> {
        Err(Error::PeerDied)
    }
}
