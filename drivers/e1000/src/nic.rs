//! The device: its rings for receiving and transmitting, brought up, polled, stopped.
//!
//! While the driver polls there are no interrupts: they are masked at the first poll after a wait, and unmasked before the next.

use anax_device::{Broken, DmaAddress, DmaBlock, Registers};
use anax_frames::{About, Link, Loan, MAX_FRAME, Mac};
use anax_nic::{Card, Polled, intel};

use crate::descriptor::{self, BUFFER, Checked, Offload};
use crate::hardware::{self, SetupError, Statistics, Throttle};
use crate::registers::*;
use crate::ring::Ring;

/// What the driver wants to hear of.
const CAUSES: u32 = TXDW | LSC | RXSEQ | RXDMT0 | RXO | RXT0;

/// Bytes of the longest frame that is to be cut: what an internet header's length can say, behind a link header with a tag.
const MAX_CUT: u32 = 18 + 0xffff;

/// What [`Nic::poll`] finds.
#[derive(Debug)]
pub enum Event<T> {
    /// A frame of so many bytes lies in the buffer that was posted with this, and the device thought so of its checksums.
    Received(T, u32, Checked),
    /// The frame that was handed in with this is out of its buffer.
    Sent(T),
}

/// Why a frame or a buffer was not taken; the token comes back.
#[derive(Debug, PartialEq, Eq)]
pub enum Refused<T> {
    /// There is no room now.
    Full(T),
    /// It will never be: too short, too long, or not what the offload says.
    Unfit(T),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Stopped,
    Polling,
    /// Interrupts are unmasked.
    Waiting,
}

/// A card with rings of `D` descriptors, a multiple of 8, and a token of the caller's for each frame and buffer in flight. `D` - 1 buffers fit;
/// a frame takes a descriptor for each 4,096 bytes, and one for its offload. Used by one thread.
#[derive(Debug)]
pub struct Nic<'a, R, T, const D: usize> {
    registers: R,
    pub(crate) receive: Ring<'a, T, D>,
    pub(crate) transmit: Ring<'a, T, D>,
    throttle: Throttle,
    state: State,
    mac: Mac,
    statistics: Statistics,
}

impl<'a, R: Registers, T, const D: usize> Nic<'a, R, T, D> {
    /// Bytes of memory that both reach. It must be mapped nowhere else.
    pub const MEMORY_BYTES: usize = 2 * Ring::<'a, T, D>::WORDS * size_of::<u64>();

    /// Resets the device and brings it up, whatever state it was left in. Bus mastering and memory access are on.
    ///
    /// # Errors
    /// [`SetupError`].
    pub fn start(registers: R, memory: DmaBlock<'a>, throttle: Throttle) -> Result<Self, SetupError> {
        let mut nic = Self::stopped(registers, memory, throttle)?;
        nic.restart()?;
        Ok(nic)
    }

    /// Without a word to the device.
    pub(crate) fn stopped(
        registers: R,
        memory: DmaBlock<'a>,
        throttle: Throttle,
    ) -> Result<Self, SetupError> {
        let part = |memory: DmaBlock<'a>| memory.split(Ring::<'a, T, D>::WORDS).ok_or(SetupError::Memory);
        let (receive, memory) = part(memory)?;
        let (transmit, _) = part(memory)?;
        let (receive, transmit) = (Ring::new(receive), Ring::new(transmit));
        let (mac, statistics) = (Mac::default(), Statistics::default());
        Ok(Self { registers, receive, transmit, throttle, state: State::Stopped, mac, statistics })
    }

    /// Stops the device by a reset: when this returns, it neither reads nor writes any buffer.
    ///
    /// # Errors
    /// [`SetupError`]: it may still do so, and only taking bus mastering away will help.
    pub fn quiesce(&mut self) -> Result<(), SetupError> {
        self.statistics();
        self.state = State::Stopped;
        hardware::reset(&self.registers)
    }

    /// Stops transmitting, receiving and interrupting for a successor that is to [adopt](Self::adopt) the device: the link and the
    /// rings' registers stay as they are. Returns what was counted.
    ///
    /// # Errors
    /// [`Broken`], as for [`intel::fence`].
    pub fn hand_over(mut self) -> Result<Statistics, Broken> {
        let statistics = self.statistics();
        intel::fence(&self.registers).map(|()| statistics)
    }

    /// Resets the device and goes on: what was in flight is handed to it again, in order. A frame that it had sent by then is sent twice.
    ///
    /// # Errors
    /// [`SetupError`]; the device is stopped then, unless it is [`SetupError::Stuck`].
    pub fn restart(&mut self) -> Result<(), SetupError> {
        self.quiesce()?;
        self.mac = hardware::mac(&self.registers)?;
        hardware::configure(&self.registers, self.mac, self.throttle);
        for (ring, at) in [(&mut self.receive, RECEIVE_RING), (&mut self.transmit, TRANSMIT_RING)] {
            ring.rewrite();
            hardware::place(&self.registers, at, ring.place(), ring.first());
        }
        self.resume(self.mac);
        self.flush();
        Ok(())
    }

    /// Both directions run from here on.
    pub(crate) fn resume(&mut self, mac: Mac) {
        self.mac = mac;
        self.state = State::Polling;
        hardware::run(&self.registers);
    }

    pub(crate) const fn registers(&self) -> &R {
        &self.registers
    }

    /// What card it is. Asks the device for the state of the link.
    pub fn about(&self) -> About {
        let status = self.registers.read32(STATUS);
        let link = if status & STATUS_LU != 0 && status != u32::MAX { Link::Up } else { Link::Down };
        About { mac: self.mac, max_frame: MAX_FRAME as u16, link, receive_buffers: D as u16 - 1 }
    }

    /// Hands the device a buffer of at least 2,048 bytes to receive into, after [`Self::flush`]: it knows no buffer's length.
    ///
    /// # Errors
    /// [`Refused`].
    pub fn post(&mut self, address: DmaAddress, length: u32, token: T) -> Result<(), Refused<T>> {
        if length < BUFFER || address.checked_add(BUFFER.into()).is_none() {
            return Err(Refused::Unfit(token));
        }
        self.receive.push(core::iter::once([address.get(), 0]), token).map_err(Refused::Full)
    }

    /// Hands the device a frame to transmit, after [`Self::flush`].
    ///
    /// # Errors
    /// [`Refused`].
    pub fn transmit(
        &mut self,
        address: DmaAddress,
        length: u32,
        offload: Option<Offload>,
        token: T,
    ) -> Result<(), Refused<T>> {
        let cut = offload.is_some_and(|offload| offload.segmentation.is_some());
        let most = if cut { MAX_CUT } else { MAX_FRAME as u32 };
        let lengths = length > 0 && length <= most && address.checked_add(length.into()).is_some();
        if !lengths || offload.is_some_and(|offload| !offload.fits(length)) {
            return Err(Refused::Unfit(token));
        }
        self.transmit.push(descriptor::frame(address, length, offload), token).map_err(Refused::Full)
    }

    /// Buffers and frames that the device has.
    #[must_use]
    pub const fn in_flight(&self) -> (u16, u16) {
        (self.receive.in_flight(), self.transmit.in_flight())
    }

    /// Shows the device all that was handed in.
    pub fn flush(&mut self) {
        if self.state == State::Stopped {
            return;
        }
        for (ring, at) in [(&mut self.receive, RECEIVE_RING), (&mut self.transmit, TRANSMIT_RING)] {
            if let Some(tail) = ring.publish() {
                self.registers.write32(at + TAIL, tail.into());
            }
        }
    }

    /// Takes what the device is done with, up to `budget` frames, 2 or more, half of it at most for those transmitted if there are others.
    /// Asks for no interrupts meanwhile.
    ///
    /// # Errors
    /// [`Broken`]: [`Self::restart`] is what helps.
    pub fn poll(&mut self, budget: u32, mut each: impl FnMut(Event<T>)) -> Result<Polled, Broken> {
        match self.state {
            State::Stopped => return Ok(Polled::Idle),
            State::Waiting => self.registers.write32(IMC, u32::MAX),
            State::Polling => {}
        }
        self.state = State::Polling;
        let (mut left, mut sent_out) = (budget, false);
        while left > budget / 2 {
            let Some((token, _)) = self.transmit.take(|_| true)? else {
                sent_out = true;
                break;
            };
            each(Event::Sent(token));
            left -= 1;
        }
        while left > 0 {
            let Some((token, word)) = self.receive.take(|word| descriptor::received(word).is_some())? else {
                return Ok(if sent_out { Polled::Idle } else { Polled::More });
            };
            let (length, checked) = descriptor::received(word).unwrap_or_default();
            each(Event::Received(token, length, checked));
            left -= 1;
        }
        Ok(Polled::More)
    }

    /// Asks for an interrupt at the next frame received or sent; the caller may wait if this is [`Polled::Idle`].
    ///
    /// # Errors
    /// [`Broken`].
    pub fn prepare_to_wait(&mut self) -> Result<Polled, Broken> {
        if self.state == State::Stopped {
            return Ok(Polled::Idle);
        }
        // What is over by now shall not interrupt: it is looked for below.
        self.interrupt()?;
        self.registers.write32(IMS, CAUSES);
        self.state = State::Waiting;
        let more = self.receive.is_done() || self.transmit.is_done();
        let more = more && cfg!(not(bite = "e1000-not-rechecked"));
        Ok(if more { Polled::More } else { Polled::Idle })
    }

    /// An interrupt has come: takes it down, and looks whether the device works if the causes are unusual.
    ///
    /// # Errors
    /// [`Broken`].
    pub fn interrupt(&mut self) -> Result<(), Broken> {
        match self.registers.read32(ICR) {
            u32::MAX => Err(Broken),
            causes if causes & (LSC | RXSEQ | RXO) != 0 => self.check(),
            _ => Ok(()),
        }
    }

    /// Whether the device is there, and where it can be in its rings.
    ///
    /// # Errors
    /// [`Broken`] if it is not.
    pub fn check(&self) -> Result<(), Broken> {
        let head = |ring: usize| self.registers.read32(ring + HEAD);
        let possible =
            self.receive.may_be_at(head(RECEIVE_RING)) && self.transmit.may_be_at(head(TRANSMIT_RING));
        if possible || self.state == State::Stopped { Ok(()) } else { Err(Broken) }
    }

    /// Takes back what was handed in, oldest first, after [`Self::quiesce`].
    pub fn take_back(&mut self) -> Option<T> {
        if self.state != State::Stopped {
            return None;
        }
        self.transmit.take_lost().or_else(|| self.receive.take_lost())
    }

    /// What the device has counted.
    pub fn statistics(&mut self) -> Statistics {
        if self.state != State::Stopped {
            self.statistics.add(&self.registers);
        }
        self.statistics
    }
}

/// With a client's loans for tokens it is what [`anax_nic::Service`] serves.
impl<R: Registers, const D: usize> Card for Nic<'_, R, Loan, D> {
    type Error = SetupError;

    const RECEIVE_BYTES: u32 = BUFFER;

    fn about(&self) -> About {
        self.about()
    }

    fn post(&mut self, address: DmaAddress, length: u32, loan: Loan) -> Result<(), Loan> {
        self.post(address, length, loan).map_err(|(Refused::Full(loan) | Refused::Unfit(loan))| loan)
    }

    fn transmit(&mut self, address: DmaAddress, length: u32, loan: Loan) -> Result<(), Loan> {
        self.transmit(address, length, None, loan)
            .map_err(|(Refused::Full(loan) | Refused::Unfit(loan))| loan)
    }

    fn flush(&mut self) {
        self.flush();
    }

    fn poll(&mut self, budget: u32, mut each: impl FnMut(anax_nic::Event<Loan>)) -> Result<Polled, Broken> {
        self.poll(budget, |event| {
            each(match event {
                Event::Received(loan, length, _) => anax_nic::Event::Received(loan, length),
                Event::Sent(loan) => anax_nic::Event::Sent(loan),
            });
        })
    }

    fn prepare_to_wait(&mut self) -> Result<Polled, Broken> {
        self.prepare_to_wait()
    }

    fn line_interrupt(&mut self) -> Result<(), Broken> {
        self.interrupt()
    }

    fn check(&self) -> Result<(), Broken> {
        self.check()
    }

    fn quiesce(&mut self) -> Result<(), SetupError> {
        self.quiesce()
    }

    fn restart(&mut self) -> Result<(), SetupError> {
        self.restart()
    }

    fn take_back(&mut self) -> Option<Loan> {
        self.take_back()
    }
}
