//! Going on with a device that runs, in the place of a driver that was suspended: no reset, and so no lost frame.
//!
//! Registers say which features and queues there are, the queues' memory what the device has, and the record whose that is. All three have to
//! agree; until then nothing is written.

use anax_device::{DmaBlock, Reach, Registers};
use anax_driver::{CARD_WORDS, Flow, Refusal};
use anax_nic::{Handed, Part};
use anax_virtio::{Access, Features, Positions, Segment, Transport};
use arrayvec::ArrayVec;

use crate::header;
use crate::nic::{KNOWN, RECEIVE, TRANSMIT, coalescing};
use crate::{Interrupts, Nic};

/// Words of a record: the agreed features, and how far each queue is.
pub(crate) fn words(features: Features, positions: [Positions; 2]) -> [u64; CARD_WORDS] {
    let [receive, transmit] = positions.map(Positions::to_word);
    [features.bits(), receive, transmit, 0, 0, 0, 0, 0]
}

impl<'a, R: Registers, T, const N: usize> Nic<'a, R, T, N> {
    /// Goes on where a driver with the same `N` was suspended, with the same memory and interrupts, and all that it had handed in.
    ///
    /// # Errors
    /// [`Refusal::Device`] if registers, memory and record do not agree. Nothing was changed then.
    #[inline(never)]
    pub fn adopt(
        transport: Transport<R>,
        memory: DmaBlock<'a>,
        reach: &Reach,
        interrupts: Interrupts,
        mut handed: Handed<T>,
    ) -> Result<Self, Refusal> {
        let [features, receive, transmit, ..] = handed.words;
        let mut nic = Self::new(transport, memory, reach, interrupts).map_err(|_| Refusal::Device)?;
        nic.features = nic.transport.agreed().map_err(|_| Refusal::Device)?;
        // A driver of this kind agrees on nothing that this one does not know.
        let known = nic.features.common(KNOWN) == nic.features;
        if !known || nic.features.bits() != features || !nic.features.contains(Features::VERSION_1) {
            return Err(Refusal::Device);
        }
        (nic.offered, nic.coalescing) = (nic.transport.offered(), coalescing(nic.features));
        let suppression = nic.suppression();
        let part = |access| {
            move |Part { place, address, length, token, .. }| {
                (place, Segment { address, length, access }, token)
            }
        };
        let received = &nic.received;
        let fixed = |place, _| received.segment(place, Access::Write);
        let incoming = handed.take(Flow::In).map(part(Access::Write));
        nic.receive
            .adopt(suppression, Positions::from_word(receive), fixed, incoming)
            .ok_or(Refusal::Device)?;
        let mut outgoing: ArrayVec<_, N> = ArrayVec::new();
        for one in handed.take(Flow::Out) {
            // What the device is to do with it is what the record says.
            if !nic.sent.adopt(one.place, header::to_transmit(one.offload)) {
                return Err(Refusal::Device);
            }
            outgoing.try_push(one).map_err(|_| Refusal::Device)?;
        }
        let outgoing = outgoing.into_iter().map(part(Access::Read));
        let sent = &nic.sent;
        let fixed = |place, _| sent.segment(place, Access::Read);
        nic.transmit
            .adopt(suppression, Positions::from_word(transmit), fixed, outgoing)
            .ok_or(Refusal::Device)?;
        let doorbell = |queue, addresses: Option<_>| {
            nic.transport.adopt_queue(queue, addresses.ok_or(Refusal::Device)?).map_err(|_| Refusal::Device)
        };
        let receive = doorbell(RECEIVE, nic.receive.addresses())?;
        let transmit = doorbell(TRANSMIT, nic.transmit.addresses())?;
        nic.read_mac().map_err(|_| Refusal::Device)?;
        nic.doorbells = Some([receive, transmit]);
        Ok(nic)
    }
}
