//! A network card as its service sees it.

use core::fmt::Debug;

use anax_device::{Broken, DmaAddress};
use anax_driver::{CARD_WORDS, Flow, MAX_IN_FLIGHT, Name, Polled};
use anax_frames::{About, Arrival, Coalescing, Offload};
use arrayvec::ArrayVec;

/// What [`Card::poll`] finds.
#[derive(Debug)]
pub enum Event<T> {
    /// A frame of so many bytes, or a part of one, lies in the buffer that was posted with this, and the card said so of it. All parts of a frame
    /// come at one [`Card::poll`], in order.
    Received(T, u32, Arrival),
    /// The frame that was handed in with this is out of its buffer.
    Sent(T),
}

/// Why a buffer or a frame was not taken; the token comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused<T> {
    /// There is no room now.
    Full(T),
    /// It will never be: too short, too long, or not what it is said to be.
    Unfit(T),
}

/// What a predecessor left in a device that runs: to be gone on with, not to be handed in again.
#[derive(Debug)]
pub struct Handed<T> {
    /// What its [`Card::suspend`] said. Foreign.
    pub words: [u64; CARD_WORDS],
    /// What the device has, oldest first of each flow, as far as it was not taken out.
    parts: ArrayVec<Option<Part<T>>, MAX_IN_FLIGHT>,
}

/// A buffer or a frame that the device has, by the predecessor's word.
#[derive(Debug)]
pub struct Part<T> {
    /// Which way it goes: never [`Flow::Held`].
    pub flow: Flow,
    /// Its place, of a card that has places.
    pub place: u16,
    /// Where the device finds it.
    pub address: DmaAddress,
    /// Bytes.
    pub length: u32,
    /// What the device is to do with it.
    pub offload: Option<Offload>,
    /// What the caller knows it by.
    pub token: T,
}

impl<T> Handed<T> {
    /// Nothing yet.
    pub(crate) fn new(words: [u64; CARD_WORDS]) -> Self {
        Self { words, parts: ArrayVec::new() }
    }

    /// Puts in something younger than all there is; nothing if there is no room.
    pub(crate) fn put(&mut self, part: Part<T>) -> Option<()> {
        self.parts.try_push(Some(part)).ok()
    }

    /// Takes out all that goes one way, oldest first.
    pub fn take(&mut self, flow: Flow) -> impl Iterator<Item = Part<T>> {
        let same = move |slot: &&mut Option<Part<T>>| slot.as_ref().is_some_and(|part| part.flow == flow);
        self.parts.iter_mut().filter(same).filter_map(Option::take)
    }

    /// Takes out the token of what goes one way and lies there, of that length if one is known.
    pub fn find(&mut self, flow: Flow, address: DmaAddress, length: Option<u32>) -> Option<T> {
        let same = |part: &Part<T>| {
            let fits = length.is_none_or(|length| length == part.length);
            part.flow == flow && part.address == address && fits
        };
        let found = self.parts.iter_mut().find(|slot| slot.as_ref().is_some_and(same))?;
        found.take().map(|part| part.token)
    }

    /// Whether all was taken out.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.parts.iter().all(Option::is_none)
    }
}

/// A card, used by one thread, which owns it. No method waits for the device longer than a bounded number of register reads.
pub trait Card {
    /// Which structures a successor goes on with: drivers of one name take each other's place.
    const NAME: Name;

    /// Why a card does not come up, or does not stop.
    type Error: Copy + Debug + PartialEq + Eq;

    /// What the caller knows a frame or buffer by.
    type Token;

    /// What card it is. Asks the device for the state of the link.
    fn about(&self) -> About;

    /// Puts together from now on what [`Self::about`] offers of `what`, and nothing else. A card that has to be reset for it is, as by [`Self::restart`]; one
    /// that is stopped does so when it starts. Nothing by default: for cards that offer nothing.
    ///
    /// # Errors
    /// It does not come up again.
    fn coalesce(&mut self, what: Coalescing) -> Result<(), Self::Error> {
        let _ = what;
        Ok(())
    }

    /// Whether the card has said since the last call that its link may be another one.
    fn link_may_differ(&mut self) -> bool;

    /// Hands the device a buffer of `length` bytes to receive into, after [`Self::flush`].
    ///
    /// # Errors
    /// [`Refused`].
    fn post(
        &mut self,
        address: DmaAddress,
        length: u32,
        token: Self::Token,
    ) -> Result<(), Refused<Self::Token>>;

    /// Hands the device a frame of `length` bytes to transmit, as it is or with what is to be done with it, after [`Self::flush`].
    ///
    /// # Errors
    /// [`Refused`].
    fn transmit(
        &mut self,
        address: DmaAddress,
        length: u32,
        offload: Option<Offload>,
        token: Self::Token,
    ) -> Result<(), Refused<Self::Token>>;

    /// Shows the device all that was handed in.
    fn flush(&mut self);

    /// Takes what the device is done with, up to `budget` frames, 2 or more, half of it at most for those transmitted if there are others.
    /// Asks for no interrupts meanwhile.
    ///
    /// # Errors
    /// [`Broken`]: [`Self::restart`] is what helps.
    fn poll(&mut self, budget: u32, each: impl FnMut(Event<Self::Token>)) -> Result<Polled, Broken>;

    /// Asks for an interrupt at the next frame received, or when frames to transmit are out; the caller may wait if this is [`Polled::Idle`].
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
    fn take_back(&mut self) -> Option<Self::Token>;

    /// Frames to transmit that the device has.
    fn sending(&self) -> u16;

    /// Shows the device all that was handed in, asks for no interrupts, and says what a successor has to know: words of its own, and with `each` what
    /// the device has, oldest first of each flow, with its place. The device runs on; all is as before for a driver that goes on itself.
    ///
    /// # Errors
    /// [`Broken`]: there is nothing to go on with.
    fn suspend(&mut self, each: impl FnMut(Flow, u16, &Self::Token)) -> Result<[u64; CARD_WORDS], Broken>;
}
