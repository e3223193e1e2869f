//! One end of a channel: its doorbell and its epochs. The rings themselves are another library's.

use anax_abi::Error;
use anax_abi::object::ChannelCommand;

use super::{ask, ask_anything, done, number};
use crate::port::Port;
use crate::target::outcome;
use crate::trap;

object! {
    /// One end of a channel.
    Channel
}

impl Channel {
    /// Wakes the other end.
    ///
    /// # Errors
    /// `PeerDied`.
    #[inline]
    pub fn ring(self) -> Result<(), Error> {
        outcome(trap::ring(self.0))
    }

    /// Where this end hears the doorbell and of new epochs.
    ///
    /// # Errors
    /// None beside the usual.
    pub fn bind(self, port: Port, badge: u64) -> Result<(), Error> {
        done(ask(self.0, ChannelCommand::Bind as u32, [port.handle().to_word(), badge]))
    }

    /// Posts the next epoch; its number.
    ///
    /// # Errors
    /// None beside the usual.
    pub fn new_epoch(self) -> Result<u64, Error> {
        number(ask(self.0, ChannelCommand::NewEpoch as u32, []))
    }

    /// Maps the page with the epoch word, read-only, wherever there is room; its address.
    ///
    /// # Errors
    /// `NoMemory`.
    pub fn map_epoch(self) -> Result<u64, Error> {
        // SAFETY: the kernel chooses a place where nothing is.
        number(unsafe { ask_anything(self.0, ChannelCommand::MapEpoch as u32, [0]) })
    }
}
