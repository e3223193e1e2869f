//! The device: its rings for receiving and transmitting, brought up, polled, stopped.
//!
//! While the driver polls there are no interrupts: they are masked at the first poll after a wait, and unmasked before the next.

use anax_device::{Broken, DmaAddress, DmaBlock, Reach, Registers};
use anax_driver::{CARD_WORDS, Flow, Name};
use anax_e1000::registers::*;
use anax_e1000::{BUFFER, Ring, fence};
use anax_frames::{About, Coalescing, Lengths, Link, MAX_FRAME, Mac, Offers, Offload};
use anax_nic::{Card, Event, Polled, Refused};

use crate::descriptor;
use crate::hardware::{self, SetupError, Statistics, Throttle};

/// What the driver wants to hear of.
const CAUSES: u32 = TXDW | LSC | RXSEQ | RXDMT0 | RXO | RXT0;

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
    pub(crate) registers: R,
    pub(crate) receive: Ring<'a, T, D>,
    pub(crate) transmit: Ring<'a, T, D>,
    throttle: Throttle,
    state: State,
    /// The card has said that its link has changed.
    link_changed: bool,
    mac: Mac,
    statistics: Statistics,
}

impl<'a, R: Registers, T, const D: usize> Nic<'a, R, T, D> {
    /// IPv6 it does not cut: QEMU's device (7.2) counts the internet header as payload then.
    const OFFERS: Offers =
        Offers { checksum: true, cut_v4: Some(Lengths::Zero), cut_v6: None, coalesced: Coalescing::NONE };

    /// Bytes of memory that both reach. It must be mapped nowhere else.
    pub const MEMORY_BYTES: usize = 2 * Ring::<'a, T, D>::WORDS * size_of::<u64>();

    /// Resets the device and brings it up, whatever state it was left in. It is told no address outside of `reach`. Bus mastering and memory access
    /// are on.
    ///
    /// # Errors
    /// [`SetupError`].
    pub fn start(
        registers: R,
        memory: DmaBlock<'a>,
        reach: &Reach,
        throttle: Throttle,
    ) -> Result<Self, SetupError> {
        let mut nic = Self::new(registers, memory, reach, throttle)?;
        nic.restart()?;
        Ok(nic)
    }

    /// Without a word to the device.
    pub(crate) fn new(
        registers: R,
        memory: DmaBlock<'a>,
        reach: &Reach,
        throttle: Throttle,
    ) -> Result<Self, SetupError> {
        let part = |memory: DmaBlock<'a>| memory.split(Ring::<'a, T, D>::WORDS).ok_or(SetupError::Memory);
        let (receive, memory) = part(memory)?;
        let (transmit, _) = part(memory)?;
        let (receive, transmit) = (Ring::new(receive, reach.clone()), Ring::new(transmit, reach.clone()));
        let (mac, statistics) = (Mac::default(), Statistics::default());
        Ok(Self {
            registers,
            receive,
            transmit,
            throttle,
            state: State::Stopped,
            link_changed: false,
            mac,
            statistics,
        })
    }

    /// Stops transmitting, receiving and interrupting for a successor that is to [adopt](Self::adopt) the device: the link and the
    /// rings' registers stay as they are. Returns what was counted.
    ///
    /// # Errors
    /// [`Broken`], as for [`fence`].
    pub fn hand_over(mut self) -> Result<Statistics, Broken> {
        let statistics = self.statistics();
        fence(&self.registers).map(|()| statistics)
    }

    /// Both directions run from here on.
    pub(crate) fn resume(&mut self, mac: Mac) {
        self.mac = mac;
        self.state = State::Polling;
        hardware::run(&self.registers);
    }

    /// Buffers and frames that the device has.
    #[must_use]
    pub const fn in_flight(&self) -> (u16, u16) {
        (self.receive.in_flight(), self.transmit.in_flight())
    }

    /// What the device has counted.
    pub fn statistics(&mut self) -> Statistics {
        if self.state != State::Stopped {
            self.statistics.add(&self.registers);
        }
        self.statistics
    }
}

impl<R: Registers, T, const D: usize> Card for Nic<'_, R, T, D> {
    const NAME: Name = Name::new("82540EM");

    type Error = SetupError;
    type Token = T;

    fn about(&self) -> About {
        let status = self.registers.read32(STATUS);
        let link = if status & STATUS_LU != 0 && status != u32::MAX { Link::Up } else { Link::Down };
        let offers = Self::OFFERS;
        About { mac: self.mac, max_frame: MAX_FRAME as u16, link, receive_buffers: D as u16 - 1, offers }
    }

    fn link_may_differ(&mut self) -> bool {
        core::mem::take(&mut self.link_changed)
    }

    fn post(&mut self, address: DmaAddress, length: u32, token: T) -> Result<(), Refused<T>> {
        if length < BUFFER || address.checked_add(BUFFER.into()).is_none() {
            return Err(Refused::Unfit(token));
        }
        self.receive.push(core::iter::once([address.get(), 0]), token).map_err(Refused::Full)
    }

    fn transmit(
        &mut self,
        address: DmaAddress,
        length: u32,
        offload: Option<Offload>,
        token: T,
    ) -> Result<(), Refused<T>> {
        // The card pads what is too short.
        let fits = length > 0 && length as usize <= *Offload::lengths(offload).end();
        let ends = address.checked_add(length.into()).is_some();
        let is_known = |offload: Offload| offload.fits(length) && Self::OFFERS.include(&offload);
        if !fits || !ends || !offload.is_none_or(is_known) {
            return Err(Refused::Unfit(token));
        }
        self.transmit.push(descriptor::frame(address, length, offload), token).map_err(Refused::Full)
    }

    fn flush(&mut self) {
        if self.state == State::Stopped {
            return;
        }
        for (ring, at) in [(&mut self.receive, RECEIVE_RING), (&mut self.transmit, TRANSMIT_RING)] {
            if let Some(tail) = ring.publish() {
                self.registers.write32(at + TAIL, tail.into());
            }
        }
    }

    fn poll(&mut self, budget: u32, mut each: impl FnMut(Event<T>)) -> Result<Polled, Broken> {
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
            each(Event::Received(token, length, checked.into()));
            left -= 1;
        }
        Ok(Polled::More)
    }

    fn prepare_to_wait(&mut self) -> Result<Polled, Broken> {
        if self.state == State::Stopped {
            return Ok(Polled::Idle);
        }
        // What is over by now shall not interrupt: it is looked for below.
        self.line_interrupt()?;
        self.registers.write32(IMS, CAUSES);
        self.state = State::Waiting;
        let more = self.receive.is_done() || self.transmit.is_done();
        let more = more && cfg!(not(bite = "e1000-not-rechecked"));
        Ok(if more { Polled::More } else { Polled::Idle })
    }

    fn line_interrupt(&mut self) -> Result<(), Broken> {
        match self.registers.read32(ICR) {
            u32::MAX => Err(Broken),
            causes if causes & (LSC | RXSEQ | RXO) != 0 => {
                self.link_changed |= causes & LSC != 0;
                self.check()
            }
            _ => Ok(()),
        }
    }

    fn check(&self) -> Result<(), Broken> {
        let head = |ring: usize| self.registers.read32(ring + HEAD);
        let possible =
            self.receive.may_be_at(head(RECEIVE_RING)) && self.transmit.may_be_at(head(TRANSMIT_RING));
        if possible || self.state == State::Stopped { Ok(()) } else { Err(Broken) }
    }

    fn quiesce(&mut self) -> Result<(), SetupError> {
        self.statistics();
        self.state = State::Stopped;
        hardware::reset(&self.registers)
    }

    fn restart(&mut self) -> Result<(), SetupError> {
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

    fn take_back(&mut self) -> Option<T> {
        if self.state != State::Stopped {
            return None;
        }
        self.transmit.take_lost().or_else(|| self.receive.take_lost())
    }

    fn sending(&self) -> u16 {
        self.transmit.in_flight()
    }

    fn suspend(&mut self, mut each: impl FnMut(Flow, u16, &T)) -> Result<[u64; CARD_WORDS], Broken> {
        if self.state == State::Stopped {
            return Err(Broken);
        }
        self.flush();
        // The line is the successor's, or this driver's again before it waits.
        self.registers.write32(IMC, u32::MAX);
        self.state = State::Polling;
        self.check()?;
        self.statistics();
        self.receive.each_in_flight(|place, token| each(Flow::In, place, token));
        self.transmit.each_in_flight(|place, token| each(Flow::Out, place, token));
        Ok([D as u64, 0, 0, 0, 0, 0, 0, 0])
    }
}
