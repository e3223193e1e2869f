//! A network card as its service sees it. The methods are what the cards have in common; what one has more, such as offloads, its
//! driver offers beside them.

use core::fmt::Debug;

use anax_device::{Broken, DmaAddress};
use anax_frames::{About, Loan};

/// What [`Card::poll`] finds.
#[derive(Debug)]
pub enum Event<T> {
    /// A frame of so many bytes lies in the buffer that was posted with this.
    Received(T, u32),
    /// The frame that was handed in with this is out of its buffer.
    Sent(T),
}

/// Whether there is more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Polled {
    /// All was taken.
    Idle,
    /// The budget was used up.
    More,
}

/// A card, used by one thread, which owns it. No method waits for the device longer than a bounded number of register reads.
pub trait Card {
    /// Why a card does not come up, or does not stop.
    type Error: Copy + Debug + PartialEq + Eq;

    /// Bytes that the device may write into a buffer, whatever length was posted: shorter ones are refused.
    const RECEIVE_BYTES: u32;

    /// What card it is. Asks the device for the state of the link.
    fn about(&self) -> About;

    /// Hands the device a buffer of `length` bytes, at least [`Self::RECEIVE_BYTES`], to receive into, after [`Self::flush`].
    ///
    /// # Errors
    /// The loan, if the device has no room.
    fn post(&mut self, address: DmaAddress, length: u32, loan: Loan) -> Result<(), Loan>;

    /// Hands the device a frame of `length` bytes to transmit as it is, after [`Self::flush`].
    ///
    /// # Errors
    /// The loan, if the device has no room.
    fn transmit(&mut self, address: DmaAddress, length: u32, loan: Loan) -> Result<(), Loan>;

    /// Shows the device all that was handed in.
    fn flush(&mut self);

    /// Takes what the device is done with, up to `budget` frames, 2 or more. Asks for no interrupts meanwhile.
    ///
    /// # Errors
    /// [`Broken`]: [`Self::restart`] is what helps.
    fn poll(&mut self, budget: u32, each: impl FnMut(Event<Loan>)) -> Result<Polled, Broken>;

    /// Asks for an interrupt; the caller may wait if this is [`Polled::Idle`].
    ///
    /// # Errors
    /// [`Broken`].
    fn prepare_to_wait(&mut self) -> Result<Polled, Broken>;

    /// An interrupt has come by the line: takes it down, and looks at what it says.
    ///
    /// # Errors
    /// [`Broken`].
    fn line_interrupt(&mut self) -> Result<(), Broken>;

    /// Whether the device works by its own account: to be asked when its configuration has changed.
    ///
    /// # Errors
    /// [`Broken`] if it does not.
    fn check(&self) -> Result<(), Broken>;

    /// Stops the device: when this returns, it neither reads nor writes any buffer.
    ///
    /// # Errors
    /// It may still do so, and only taking bus mastering away will help.
    fn quiesce(&mut self) -> Result<(), Self::Error>;

    /// Resets the device and goes on: what was in flight is handed to it again, in order. A frame that it had sent by then is sent twice.
    ///
    /// # Errors
    /// It does not come up again.
    fn restart(&mut self) -> Result<(), Self::Error>;

    /// Takes back what was handed in, oldest first, after [`Self::quiesce`].
    fn take_back(&mut self) -> Option<Loan>;
}
