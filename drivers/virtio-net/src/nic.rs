//! The device: its queues for receiving and transmitting, brought up, polled, stopped.
//!
//! Each frame is a chain of two descriptors: the header of 5.1.6, which lies in the driver's own memory, and the frame, which lies wherever the
//! caller says. So the driver maps no frame, and a client can't reach a header. There is a header for each place of a queue. Only a frame's first part
//! has one: where the next ones' would be, 12 bytes of the frame are.

use anax_device::{DmaAddress, DmaBlock, Reach, Registers};
use anax_driver::{CARD_WORDS, Flow, Name};
use anax_frames::{
    About, Arrival, Checked, Coalescing, Lengths, Link, MAX_FRAME, MAX_PARTS, Mac, Offers, Offload,
};
use anax_nic::{Card, Event, Polled, Refused};
use anax_virtio::{
    Access, Broken, Cause, Completed, Doorbell, Features, Kick, Queue, Segment, SetupError, Suppression,
    Transport,
};

use crate::adopt;
use crate::header::{self, HEADER_BYTES, Headers};

/// Feature bits of 5.1.3.
const CSUM: Features = Features::bit(0);
const GUEST_CSUM: Features = Features::bit(1);
const MAC: Features = Features::bit(5);
const GUEST_TSO4: Features = Features::bit(7);
const GUEST_TSO6: Features = Features::bit(8);
const GUEST_ECN: Features = Features::bit(9);
const HOST_TSO4: Features = Features::bit(11);
const HOST_TSO6: Features = Features::bit(12);
const MRG_RXBUF: Features = Features::bit(15);
const STATUS: Features = Features::bit(16);
const WANTED: Features = MAC
    .with(STATUS)
    .with(GUEST_CSUM)
    .with(CSUM)
    .with(HOST_TSO4)
    .with(HOST_TSO6)
    .with(Features::EVENT_IDX)
    .with(Features::ACCESS_PLATFORM)
    .with(Features::ORDER_PLATFORM);

/// For coalesced frames, which only some clients take: a device that may send one sends it.
const COALESCED: Features = MRG_RXBUF.with(GUEST_ECN);
/// All that a driver of this kind ever agrees on.
pub(crate) const KNOWN: Features =
    WANTED.with(COALESCED).with(GUEST_TSO4).with(GUEST_TSO6).with(Features::VERSION_1);

/// Which frames are coalesced with these features.
pub(crate) fn coalescing(features: Features) -> Coalescing {
    let has = |what: Features| features.contains(what.with(MRG_RXBUF).with(GUEST_CSUM));
    Coalescing { v4: has(GUEST_TSO4), v6: has(GUEST_TSO6) }
}

fn wanted(coalescing: Coalescing) -> Features {
    let when = |is: bool, what| if is { COALESCED.with(what) } else { Features::NONE };
    WANTED.with(when(coalescing.v4, GUEST_TSO4)).with(when(coalescing.v6, GUEST_TSO6))
}

/// Offset of `status` in `struct virtio_net_config` (5.1.4), behind the address, and its bit that says that the link is up.
const LINK_STATUS: usize = 6;
const LINK_UP: u16 = 1;

/// Queue numbers (5.1.2).
pub(crate) const RECEIVE: u16 = 0;
pub(crate) const TRANSMIT: u16 = 1;

/// How the device interrupts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interrupts {
    /// By its line; [`Nic::acknowledge`] takes it down.
    Line,
    /// By these entries of its MSI-X table, which may be the same one.
    MsiX {
        /// For both queues.
        queues: u16,
        /// For changes of the configuration.
        configuration: u16,
    },
}

/// A virtio network card with up to `N` frames in flight in each direction, and a token of the caller's for each.
#[derive(Debug)]
pub struct Nic<'a, R, T, const N: usize> {
    pub(crate) transport: Transport<R>,
    interrupts: Interrupts,
    pub(crate) receive: Queue<'a, T, N, 2>,
    pub(crate) transmit: Queue<'a, T, N, 2>,
    pub(crate) received: Headers<'a, N>,
    pub(crate) sent: Headers<'a, N>,
    /// Of both queues, while the device runs.
    pub(crate) doorbells: Option<[Doorbell; 2]>,
    pub(crate) mac: Mac,
    pub(crate) features: Features,
    /// What it offers, and what of it the client takes.
    pub(crate) offered: Features,
    pub(crate) coalescing: Coalescing,
    /// The device has said something of its configuration.
    reconfigured: bool,
}

impl<'a, R: Registers, T, const N: usize> Nic<'a, R, T, N> {
    /// Bytes of memory that both reach. It must be mapped nowhere else.
    pub const MEMORY_BYTES: usize = {
        let headers = Headers::<'a, N>::WORDS.next_multiple_of(DmaBlock::LINE / size_of::<u64>());
        2 * (Queue::<'a, T, N, 2>::WORDS + headers) * size_of::<u64>()
    };

    /// Resets the device and brings it up, whatever state it was left in. It is told no address outside of `reach`. Bus mastering and memory access
    /// are on.
    ///
    /// # Errors
    /// [`SetupError`].
    pub fn start(
        transport: Transport<R>,
        memory: DmaBlock<'a>,
        reach: &Reach,
        interrupts: Interrupts,
    ) -> Result<Self, SetupError> {
        transport.reset()?;
        let mut nic = Self::new(transport, memory, reach, interrupts)?;
        nic.restart()?;
        Ok(nic)
    }

    /// Without a word to the device but for its queues' sizes.
    pub(crate) fn new(
        transport: Transport<R>,
        memory: DmaBlock<'a>,
        reach: &Reach,
        interrupts: Interrupts,
    ) -> Result<Self, SetupError> {
        let sizes = [RECEIVE, TRANSMIT].map(|number| transport.queue_size(number));
        if sizes.contains(&0) {
            return Err(SetupError::Queue);
        }
        let words = Queue::<'a, T, N, 2>::WORDS;
        let part = |memory: DmaBlock<'a>, words| memory.split(words).ok_or(SetupError::Memory);
        let (receive, memory) = part(memory, words)?;
        let (transmit, memory) = part(memory, words)?;
        let (received, memory) = part(memory, Headers::<'a, N>::WORDS)?;
        let (sent, _) = part(memory, Headers::<'a, N>::WORDS)?;
        Ok(Self {
            transport,
            interrupts,
            receive: Queue::new(receive, sizes[0], reach.clone()).ok_or(SetupError::Queue)?,
            transmit: Queue::new(transmit, sizes[1], reach.clone()).ok_or(SetupError::Queue)?,
            received: Headers::new(received),
            sent: Headers::new(sent),
            doorbells: None,
            mac: Mac::default(),
            features: Features::NONE,
            offered: Features::NONE,
            coalescing: Coalescing::NONE,
            reconfigured: false,
        })
    }

    fn bring_up(&mut self) -> Result<(), SetupError> {
        self.offered = self.transport.offered();
        self.features = self.transport.negotiate(wanted(self.coalescing))?;
        let suppression = self.suppression();
        self.received.rewrite();
        self.sent.rewrite();
        self.receive.restart(suppression, |place, _| self.received.segment(place, Access::Write));
        self.transmit.restart(suppression, |place, _| self.sent.segment(place, Access::Read));
        let (queues, configuration) = match self.interrupts {
            Interrupts::Line => (None, None),
            Interrupts::MsiX { queues, configuration } => (Some(queues), Some(configuration)),
        };
        self.transport.set_configuration_vector(configuration)?;
        let receive = self.receive.addresses().ok_or(SetupError::Memory)?;
        let transmit = self.transmit.addresses().ok_or(SetupError::Memory)?;
        let receive = self.transport.enable_queue(RECEIVE, receive, queues)?;
        let transmit = self.transport.enable_queue(TRANSMIT, transmit, queues)?;
        self.read_mac()?;
        self.transport.run();
        self.doorbells = Some([receive, transmit]);
        self.flush();
        Ok(())
    }

    pub(crate) fn suppression(&self) -> Suppression {
        let has_index = self.features.contains(Features::EVENT_IDX);
        if has_index { Suppression::EventIndex } else { Suppression::Flags }
    }

    pub(crate) fn read_mac(&mut self) -> Result<(), SetupError> {
        if self.features.contains(MAC) {
            self.mac =
                self.transport.configuration(|device| Mac([0, 1, 2, 3, 4, 5].map(|at| device.read8(at))))?;
        }
        Ok(())
    }

    /// Whether a frame can be handed in.
    #[must_use]
    pub fn may_transmit(&self) -> bool {
        self.transmit.in_flight() < self.transmit.capacity()
    }

    /// Buffers and frames that the device has.
    #[must_use]
    pub const fn in_flight(&self) -> (u16, u16) {
        (self.receive.in_flight(), self.transmit.in_flight())
    }

    /// Takes an interrupt by the line down and says what it was for; by MSI-X there is nothing to do.
    pub fn acknowledge(&self) -> Option<Cause> {
        (self.interrupts == Interrupts::Line).then(|| self.transport.cause())
    }

    fn offers(&self) -> Offers {
        let has = |what: Features| self.features.contains(what);
        let cut = |what| (has(CSUM) && has(what)).then_some(Lengths::Whole);
        // A device waits until there is room for a whole frame: there has to be.
        let holds = usize::from(self.receive.capacity()) >= MAX_PARTS;
        let coalesced = if holds { coalescing(self.offered) } else { Coalescing::NONE };
        Offers { checksum: has(CSUM), cut_v4: cut(HOST_TSO4), cut_v6: cut(HOST_TSO6), coalesced }
    }

    /// Takes a frame out of the buffers that it lies in, and says how many these are; none if there is nothing yet.
    #[inline]
    fn take_frame(&mut self, each: &mut impl FnMut(Event<T>)) -> Result<u16, Broken> {
        let Some((place, Completed { token, written })) = self.receive.take_placed()? else { return Ok(0) };
        let header = self.received.get(place);
        let is_merged = self.features.contains(MRG_RXBUF);
        let parts = if is_merged { header::parts(header) } else { 1 };
        // A device is done with all of a frame's buffers at once.
        let is_lie = parts != 1 && (parts == 0 || self.receive.done()? < parts - 1);
        if is_lie && cfg!(not(bite = "virtio-parts-uncounted")) {
            each(Event::Received(token, 0, Arrival::default()));
            return Err(Broken);
        }
        let is_checked = self.features.contains(GUEST_CSUM);
        let checked = if is_checked { header::checked(header) } else { Checked::default() };
        let coalesced = if is_merged { header::coalesced(header) } else { None };
        // What is shorter than its header is a frame of nothing.
        let first = Arrival::First { checked, coalesced, follow: parts - 1 };
        each(Event::Received(token, written.saturating_sub(HEADER_BYTES), first));
        for _ in 1..parts {
            let (place, Completed { token, written }) = self.receive.take_placed()?.ok_or(Broken)?;
            each(Event::Received(token, written, header::head(self.received.get(place))));
        }
        Ok(parts)
    }

    /// What was agreed on with the device.
    #[must_use]
    pub const fn features(&self) -> Features {
        self.features
    }
}

impl<R: Registers, T, const N: usize> Card for Nic<'_, R, T, N> {
    const NAME: Name = Name::new("virtio-net");

    type Error = SetupError;
    type Token = T;

    fn about(&self) -> About {
        let status = if self.doorbells.is_some() && self.features.contains(STATUS) {
            // A link that is never the same twice is none.
            self.transport.configuration(|device| device.read16(LINK_STATUS)).unwrap_or(0)
        } else {
            LINK_UP
        };
        let link = if status & LINK_UP != 0 { Link::Up } else { Link::Down };
        let (max_frame, receive_buffers) = (MAX_FRAME as u16, self.receive.capacity());
        About { mac: self.mac, max_frame, link, receive_buffers, offers: self.offers() }
    }

    fn coalesce(&mut self, what: Coalescing) -> Result<(), SetupError> {
        let before = core::mem::replace(&mut self.coalescing, what);
        if before == what || self.doorbells.is_none() { Ok(()) } else { self.restart() }
    }

    fn link_may_differ(&mut self) -> bool {
        core::mem::take(&mut self.reconfigured)
    }

    #[inline]
    fn post(&mut self, address: DmaAddress, length: u32, token: T) -> Result<(), Refused<T>> {
        self.receive.submit(Segment { address, length, access: Access::Write }, token).map_err(Refused::Full)
    }

    #[inline]
    fn transmit(
        &mut self,
        address: DmaAddress,
        length: u32,
        offload: Option<Offload>,
        token: T,
    ) -> Result<(), Refused<T>> {
        if offload.is_some_and(|offload| !offload.fits(length) || !self.offers().include(&offload)) {
            return Err(Refused::Unfit(token));
        }
        let Some(place) = self.transmit.next_place() else { return Err(Refused::Full(token)) };
        self.sent.set(place, header::to_transmit(offload));
        self.transmit.submit(Segment { address, length, access: Access::Read }, token).map_err(Refused::Full)
    }

    #[inline]
    fn flush(&mut self) {
        let Some([receive, transmit]) = self.doorbells else { return };
        if self.receive.publish() == Kick::Needed {
            self.transport.notify(receive);
        }
        if self.transmit.publish() == Kick::Needed {
            self.transport.notify(transmit);
        }
    }

    fn poll(&mut self, budget: u32, mut each: impl FnMut(Event<T>)) -> Result<Polled, Broken> {
        if self.doorbells.is_none() {
            return Ok(Polled::Idle);
        }
        self.receive.disarm();
        self.transmit.disarm();
        let (mut left, mut sent_out) = (budget, false);
        while left > budget / 2 {
            let Some(Completed { token, .. }) = self.transmit.take()? else {
                sent_out = true;
                break;
            };
            each(Event::Sent(token));
            left -= 1;
        }
        while left > 0 {
            match self.take_frame(&mut each)? {
                0 => return Ok(if sent_out { Polled::Idle } else { Polled::More }),
                parts => left = left.saturating_sub(parts.into()),
            }
        }
        Ok(Polled::More)
    }

    fn prepare_to_wait(&mut self) -> Result<Polled, Broken> {
        if self.doorbells.is_none() {
            return Ok(Polled::Idle);
        }
        // At the next frame received, and when most of those to transmit are out.
        let most = self.transmit.in_flight() - self.transmit.in_flight() / 4;
        let more = self.transmit.arm(most)? | self.receive.arm(1)?;
        Ok(if more { Polled::More } else { Polled::Idle })
    }

    fn line_interrupt(&mut self) -> Result<(), Broken> {
        match self.acknowledge() {
            Some(cause) if cause.configuration() => {
                self.reconfigured = true;
                self.check()
            }
            _ => Ok(()),
        }
    }

    fn check(&self) -> Result<(), Broken> {
        if self.doorbells.is_some() { self.transport.check() } else { Ok(()) }
    }

    fn quiesce(&mut self) -> Result<(), SetupError> {
        self.doorbells = None;
        self.transport.reset()
    }

    fn restart(&mut self) -> Result<(), SetupError> {
        self.quiesce()?;
        let brought_up = self.bring_up();
        if brought_up.is_err() {
            self.transport.fail();
            self.quiesce()?;
        }
        brought_up
    }

    fn take_back(&mut self) -> Option<T> {
        if self.doorbells.is_some() {
            return None;
        }
        self.transmit.take_lost().or_else(|| self.receive.take_lost())
    }

    fn sending(&self) -> u16 {
        self.transmit.in_flight()
    }

    fn suspend(&mut self, mut each: impl FnMut(Flow, u16, &T)) -> Result<[u64; CARD_WORDS], Broken> {
        if self.doorbells.is_none() {
            return Err(Broken);
        }
        self.check()?;
        self.flush();
        self.receive.disarm();
        self.transmit.disarm();
        self.receive.each_in_flight(|place, token| each(Flow::In, place, token));
        self.transmit.each_in_flight(|place, token| each(Flow::Out, place, token));
        Ok(adopt::words(self.features, [self.receive.positions(), self.transmit.positions()]))
    }
}
