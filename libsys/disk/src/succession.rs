//! A drive's service that goes on in another program: with no job under way, for a write must not be half one driver's and half another's.

use core::time::Duration;

use anax_blocks::{DriverSide, Job};
use anax_driver::{
    CARD_WORDS, Counters, Kind, Link, NotSuspended, Record, Refusal, Serve, Served, ServiceError, Settled,
    Wake,
};
use anax_ring::{Doorbell, Endpoint};
use arrayvec::ArrayVec;

use crate::{Drive, Service};

impl<'a, D: Drive<Job>> Service<'a, D> {
    /// Goes on where `record` says that a predecessor stopped, in the epoch of `endpoint`, which has not arrived: with a pool of `pool_bytes` bytes, and
    /// the drive that `open` goes on with from its words. Believes nothing; has written nothing, if `open` has not, when it refuses.
    ///
    /// # Errors
    /// [`Refusal`], also `open`'s.
    #[inline(never)]
    pub fn adopt(
        record: &Record,
        endpoint: Endpoint<'a>,
        pool_bytes: u64,
        open: impl FnOnce([u64; CARD_WORDS]) -> Result<D, Refusal>,
    ) -> Result<Self, Refusal> {
        if record.kind != Kind::Blocks {
            return Err(Refusal::Kind);
        }
        if record.card != D::NAME {
            return Err(Refusal::Card);
        }
        if !record.in_flight.is_empty() {
            return Err(Refusal::InFlight);
        }
        let drive = open(record.words)?;
        let client = DriverSide::adopt(endpoint, pool_bytes, drive.disk(), record.channel)?;
        let mut service = Self::over(drive, client);
        service.counters = record.counters;
        Ok(service)
    }

    #[inline(never)]
    fn record(&mut self) -> Result<(Record, Doorbell), NotSuspended> {
        if self.lied {
            return Err(NotSuspended::Client);
        }
        if self.client.outstanding() > 0 && cfg!(not(bite = "disk-suspended-with-jobs")) {
            return Err(NotSuspended::Unfinished);
        }
        let words = self.drive.suspend()?;
        let (channel, doorbell) = self.client.suspend().map_err(|_| NotSuspended::Client)?;
        let (kind, card, counters, in_flight) = (Kind::Blocks, D::NAME, self.counters, ArrayVec::new());
        Ok((Record { kind, card, channel, counters, words, in_flight }, doorbell))
    }
}

impl<D: Drive<Job>> Serve for Service<'_, D> {
    type Error = ServiceError<D::Error>;

    /// What a disk is at takes longer than a frame, and a virtual one's host may be busy with something else. What has not ended by then goes on
    /// here. Less than what a supervisor takes for a hang.
    const PATIENCE: Duration = Duration::from_millis(400);

    fn serve(&mut self, now: Duration, budget: u32) -> Result<Served, Self::Error> {
        self.serve(now, budget)
    }

    fn woken(&mut self, wake: Wake, now: Duration) -> Result<(), Self::Error> {
        if wake == Wake::Configuration { self.configuration_changed(now) } else { Ok(()) }
    }

    fn settle(&mut self, now: Duration, budget: u32) -> Result<Settled, Self::Error> {
        self.settle(now, budget)
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
        Link::None
    }
}
