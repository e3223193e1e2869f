//! What outlives this program: objects that init keeps, each under a number.

use anax::Service;
use anax_abi::{Error, Handle, Rights};
use anax_proto::Gift;
use anax_sys::object::Space;
use anax_system::ProcessesClient;

/// Objects in the order in which they are asked for. A successor asks for the same in the same order, and finds them.
pub(crate) struct Keep<'a> {
    init: &'a mut ProcessesClient<Service>,
    next: u64,
    /// Whether any was found.
    pub(crate) is_successor: bool,
}

impl<'a> Keep<'a> {
    /// From a number on.
    pub(crate) const fn new(init: &'a mut ProcessesClient<Service>, first: u64) -> Self {
        Self { init, next: first, is_successor: false }
    }

    /// The next object, which is made if there is none.
    ///
    /// # Errors
    /// What making it fails with; `Full`.
    pub(crate) fn object(&mut self, make: impl FnOnce() -> Result<Handle, Error>) -> Result<Handle, Error> {
        Ok(self.pair(|| make().map(|handle| [handle]))?[0])
    }

    /// The next ones, which are made together if there are none.
    ///
    /// # Errors
    /// What making them fails with; `Full`.
    pub(crate) fn pair<const N: usize>(
        &mut self,
        make: impl FnOnce() -> Result<[Handle; N], Error>,
    ) -> Result<[Handle; N], Error> {
        let first = self.next;
        self.next += N as u64;
        let mut found = [None; N];
        for (number, place) in (first..).zip(&mut found) {
            match self.init.kept(number) {
                Ok(gift) => *place = Some(gift.handle),
                Err(Error::WouldBlock) => break,
                Err(error) => return Err(error),
            }
        }
        if found.iter().all(Option::is_some) {
            self.is_successor = true;
            return Ok(found.map(|handle| handle.unwrap_or(Handle::from_word(0))));
        }
        // Half of them, from a predecessor that died over it, are of no use.
        found.into_iter().flatten().for_each(drop_handle);
        let made = make()?;
        for (number, handle) in (first..).zip(made) {
            self.init.keep(number, Gift::copy(handle, Rights::ALL))?;
        }
        Ok(made)
    }
}

fn drop_handle(handle: Handle) {
    let _ = Space::SELF.close(handle);
}
