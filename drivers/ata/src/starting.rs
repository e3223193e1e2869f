//! From a channel in whatever state to a disk that is known: a reset, then IDENTIFY DEVICE.

use core::time::Duration;

use anax_device::{Broken, Ports};

use crate::channel::{Channel, SECTOR_BYTES};
use crate::identity::{IDENTIFY, Identity};

/// A device that is at something is given so long before it is reset: what a predecessor has begun to write is whole then, or its reset is over. (QEMU 7.2 waits for itself, for ever, if a disk is
/// reset a second time before it has come to the first, with a request under way.)
const SETTLES: Duration = Duration::from_millis(100);
/// After a reset nothing counts for so long, and it may take so long.
pub(crate) const RESET_QUIET: Duration = Duration::from_millis(2);
pub(crate) const RESET_PATIENCE: Duration = Duration::from_secs(31);
/// Every command but a flush takes less than this for each of its sectors.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);
/// A busy device is looked at so often, even if no interrupt comes.
pub(crate) const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// Why there is no disk to drive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetupError {
    /// Nobody is there, or busy for ever.
    NoDevice,
    /// A packet device, one without block numbers, or one whose sectors are longer than 512 bytes.
    Unsupported,
    /// What it says of itself can't be.
    Garbled,
}

/// A channel that is coming up.
#[derive(Debug)]
pub struct Starting<P> {
    pub(crate) channel: Channel<P>,
    is_reset: bool,
    asked: bool,
    not_before: Duration,
    until: Duration,
}

impl<P: Ports> Starting<P> {
    /// Resets the channel, whatever it was at, when it is at nothing any more, or has had time enough. Times are since boot.
    pub fn new(channel: Channel<P>, now: Duration) -> Self {
        let mut starting =
            Self { channel, is_reset: false, asked: false, not_before: now, until: now + SETTLES };
        if !starting.channel.is_busy() {
            starting.reset(now);
        }
        starting
    }

    fn reset(&mut self, now: Duration) {
        self.channel.reset();
        self.is_reset = true;
        (self.not_before, self.until) = (now + RESET_QUIET, now + RESET_PATIENCE);
    }

    /// Goes on. Nothing yet: call it again at an interrupt, or [`LOOK_AGAIN`](Self::look_again) later.
    ///
    /// # Errors
    /// [`SetupError`].
    pub fn poll(&mut self, now: Duration) -> Result<Option<Identity>, SetupError> {
        if now < self.not_before {
            return Ok(None);
        }
        if !self.is_reset {
            if now >= self.until || !self.channel.is_busy() {
                self.reset(now);
            }
            return Ok(None);
        }
        let Some(status) = self.channel.select().map_err(|Broken| SetupError::NoDevice)? else {
            return if now < self.until { Ok(None) } else { Err(SetupError::NoDevice) };
        };
        if !self.asked {
            if self.channel.is_packet_device() {
                return Err(SetupError::Unsupported);
            }
            self.channel.begin(IDENTIFY).map_err(|Broken| SetupError::NoDevice)?;
            (self.asked, self.until) = (true, now + PATIENCE);
            return Ok(None);
        }
        if status.failed || !status.wants_data {
            return Err(SetupError::NoDevice);
        }
        let mut block = [0; SECTOR_BYTES];
        self.channel.read(&mut block);
        Identity::new(&block).map(Some)
    }

    /// When to call [`Self::poll`] again at the latest.
    #[must_use]
    pub fn look_again(&self, now: Duration) -> Duration {
        self.not_before.max(now + LOOK_AGAIN)
    }
}
