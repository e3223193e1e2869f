//! A card's service that goes on in another program, with frames in flight: said by the one that stops, checked by the one that goes on.

use core::time::Duration;

use anax_device::{Broken, DmaAddress};
use anax_driver::{
    Counters, Flow, InFlight, Kind, Link, NotSuspended, Record, Refusal, Serve, Served, ServiceError,
    Settled, Wake,
};
use anax_frames::{DriverSide, Inherited, Loan, Offload, Use};
use anax_ring::{Doorbell, Endpoint};
use arrayvec::ArrayVec;

use crate::{Card, Handed, Part, Service};

impl<'a, C: Card<Token = Loan>> Service<'a, C> {
    /// Goes on where `record` says that a predecessor stopped, in the epoch of `endpoint`, which has not arrived: with a pool of so many buffers, which
    /// the device finds from `pool` on, and the card that `open` goes on with. Believes nothing; has written nothing, if `open`
    /// has not, when it refuses.
    ///
    /// # Errors
    /// [`Refusal`], also `open`'s.
    #[inline(never)]
    pub fn adopt(
        record: &Record,
        endpoint: Endpoint<'a>,
        buffers: u32,
        pool: DmaAddress,
        open: impl FnOnce(Handed<Loan>) -> Result<C, Refusal>,
    ) -> Result<Self, Refusal> {
        if record.kind != Kind::Frames {
            return Err(Refusal::Kind);
        }
        if record.card != C::NAME {
            return Err(Refusal::Card);
        }
        if !record.is_disjoint() && cfg!(not(bite = "nic-buffer-adopted-twice")) {
            return Err(Refusal::InFlight);
        }
        if record.in_flight.iter().any(|one| Offload::from_word(one.detail).is_err()) {
            return Err(Refusal::InFlight);
        }
        let inherited = record.in_flight.iter().map(inherited);
        let (client, loans) = DriverSide::adopt(endpoint, buffers, record.channel, inherited)?;
        pool.checked_add(client.pool_bytes()).ok_or(Refusal::InFlight)?;
        let (mut handed, mut held) = (Handed::new(record.words), None);
        for (one, token) in record.in_flight.iter().zip(loans) {
            let InFlight { flow, place, length, .. } = *one;
            // Within the pool, all of which has addresses.
            let address = pool.checked_add(token.offset).ok_or(Refusal::InFlight)?;
            if flow != Flow::Held {
                handed
                    .put(Part { flow, place, address, length, offload: token.offload, token })
                    .ok_or(Refusal::InFlight)?;
            } else if held.replace(token).is_some() {
                return Err(Refusal::InFlight);
            }
        }
        let nic = open(handed)?;
        let mut service = Self::over(nic, client, pool);
        (service.held, service.counters) = (held, record.counters);
        Ok(service)
    }

    #[inline(never)]
    fn record(&mut self) -> Result<(Record, Doorbell), NotSuspended> {
        if self.lied {
            return Err(NotSuspended::Client);
        }
        // A successor is asked anew, by who knows the link as it is now.
        self.answer_watcher().map_err(|_| NotSuspended::Client)?;
        let (mut in_flight, mut all) = (ArrayVec::new(), true);
        let mut put = |flow, place, loan: &Loan| {
            let (ticket, offset, length) = (loan.ticket(), loan.offset, loan.length);
            let detail = loan.offload.map_or(0, Offload::to_word);
            all &= in_flight.try_push(InFlight { ticket, flow, place, offset, length, detail }).is_ok();
        };
        let words = self.nic.suspend(&mut put).map_err(|Broken| NotSuspended::Device)?;
        if let Some(held) = &self.held {
            put(Flow::Held, 0, held);
        }
        if !all || in_flight.len() != self.client.outstanding() as usize {
            return Err(NotSuspended::Unfinished);
        }
        let (channel, doorbell) = self.client.suspend().map_err(|_| NotSuspended::Client)?;
        let (kind, card, counters) = (Kind::Frames, C::NAME, self.counters);
        Ok((Record { kind, card, channel, counters, words, in_flight }, doorbell))
    }
}

fn inherited(one: &InFlight) -> Inherited {
    let InFlight { ticket, flow, offset, length, detail, .. } = *one;
    let purpose = if flow == Flow::In { Use::Receive } else { Use::Transmit };
    // One that says what none is was refused before.
    Inherited { ticket, offset, length, offload: Offload::from_word(detail).unwrap_or(None), purpose }
}

impl<C: Card<Token = Loan>> Serve for Service<'_, C> {
    type Error = ServiceError<C::Error>;

    /// What is still on its way out by then is handed over as it is.
    const PATIENCE: Duration = Duration::from_millis(3);

    fn serve(&mut self, now: Duration, budget: u32) -> Result<Served, Self::Error> {
        self.serve(now, budget)
    }

    fn woken(&mut self, wake: Wake, _now: Duration) -> Result<(), Self::Error> {
        match wake {
            Wake::Line => self.line_interrupt(),
            Wake::Configuration => self.configuration_changed(),
            Wake::Queues => Ok(()),
        }
    }

    fn settle(&mut self, _now: Duration, budget: u32) -> Result<Settled, Self::Error> {
        self.settle(budget)
    }

    fn suspend(&mut self) -> Result<(Record, Doorbell), NotSuspended> {
        self.record()
    }

    fn resume(&mut self) {
        self.client.resume();
    }

    fn retire(&mut self) -> Result<Doorbell, Self::Error> {
        self.stop()
    }

    fn pending(&self) -> u32 {
        self.client.outstanding()
    }

    fn counters(&self) -> Counters {
        self.counters
    }

    fn link(&self) -> Link {
        match self.nic.about().link {
            anax_frames::Link::Up => Link::Up,
            anax_frames::Link::Down => Link::Down,
        }
    }
}
