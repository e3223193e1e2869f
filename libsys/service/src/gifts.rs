//! Handles beside messages, as typed interfaces have them ([`Gifts`]) and as the kernel takes and gives them.

use anax_proto::{Gift, Gifts};
use anax_sys::object::Space;
use anax_sys::{Came, Error, Offer, Rights, offer, withdraw_offers};

/// They go along with this thread's next message.
pub(crate) fn offer_all(gifts: &Gifts) -> Result<(), Error> {
    for gift in gifts.iter() {
        let how = if gift.is_given { Offer::GiveAway } else { Offer::Copy };
        if let Err(error) = offer(gift.handle, gift.rights, how) {
            withdraw_offers()?;
            return Err(error);
        }
    }
    Ok(())
}

/// What came along; those that were revoked on the way are missing.
pub(crate) fn collected(came: Came) -> Gifts {
    let mut gifts = Gifts::NONE;
    if came.count() > 0 {
        let handles = came.all().unwrap_or_default();
        handles.into_iter().flatten().for_each(|handle| gifts.push(Gift::copy(handle, Rights::ALL)));
    }
    gifts
}

/// Gives them up.
pub(crate) fn close_all(gifts: &Gifts) {
    for gift in gifts.iter() {
        // One that is revoked is gone already.
        let _ = Space::SELF.close(gift.handle);
    }
}
