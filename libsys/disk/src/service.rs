//! A client served by a drive: what the driver's program does at each wake-up, all but waiting.

use core::time::Duration;

use anax_blocks::{Asked, DriverSide, Job, What};
use anax_device::Broken;
use anax_driver::{Counters, Next, Polled, Served, ServiceError, Settled};
use anax_ring::{Doorbell, Endpoint, Epoch, Misbehaved, Sleep};

use crate::{Drive, Ended, Submitted};

/// So many resets without a job that ends in between, and the device is given up.
const MAX_RESETS: u32 = 8;

/// A drive and its client.
#[derive(Debug)]
pub struct Service<'a, D> {
    pub(crate) drive: D,
    pub(crate) client: DriverSide<'a>,
    /// A job for which the drive had no room. Nothing is taken from the client before it is gone.
    held: Option<Job>,
    /// Since a job has ended.
    resets: u32,
    /// What the client does doesn't count any more, until it is replaced.
    pub(crate) lied: bool,
    pub(crate) counters: Counters,
}

impl<'a, D: Drive<Job>> Service<'a, D> {
    /// Serves the client behind `endpoint`, from which nothing was sent, with a pool of `pool_bytes` bytes, by a drive that has
    /// the same pool and no job.
    #[must_use]
    pub fn new(drive: D, endpoint: Endpoint<'a>, pool_bytes: u64) -> Self {
        let client = DriverSide::new(endpoint, pool_bytes, drive.disk());
        Self::over(drive, client)
    }

    pub(crate) fn over(drive: D, client: DriverSide<'a>) -> Self {
        Self { drive, client, held: None, resets: 0, lied: false, counters: Counters::default() }
    }

    /// Does up to `budget` of each, 1 or more: jobs given back, requests taken. `now` is since boot.
    ///
    /// # Errors
    /// [`ServiceError`]. A client that lies is no error: it is ignored until there is another.
    pub fn serve(&mut self, now: Duration, budget: u32) -> Result<Served, ServiceError<D::Error>> {
        // In this order, so that a job held back goes as soon as there is room.
        let jobs = match self.give_back(now, budget) {
            Ok(more) => more,
            Err(Broken) => self.recover(now)?,
        };
        let requests = match self.take_requests(now, budget) {
            Ok(more) => more,
            Err(Stop::Lied) => self.ignore_client(now)?,
            Err(Stop::Failed(error)) => return Err(ServiceError::Setup(error)),
        };
        self.drive.flush();
        let mut device = Polled::More;
        if requests == Polled::Idle && jobs == Polled::Idle {
            device = match self.drive.prepare_to_wait() {
                Ok(more) => more,
                Err(Broken) => self.recover(now)?,
            };
        }
        let (doorbell, sleep) = match self.flush_client(device) {
            Ok(flushed) => flushed,
            Err(Misbehaved) => {
                self.ignore_client(now)?;
                (Doorbell::Quiet, Sleep::MoreToDo)
            }
        };
        let waits = sleep == Sleep::MaySleep;
        let next = if waits { Next::Wait(self.drive.deadline()) } else { Next::Again };
        Ok(Served { doorbell, next })
    }

    /// Gives back what has ended, and takes nothing from the client.
    ///
    /// # Errors
    /// [`ServiceError`].
    pub fn settle(&mut self, now: Duration, budget: u32) -> Result<Settled, ServiceError<D::Error>> {
        if self.give_back(now, budget) == Err(Broken) {
            self.recover(now)?;
        }
        if let Some(job) = self.held.take()
            && self.submit(job, now).is_err()
        {
            self.ignore_client(now)?;
        }
        self.drive.flush();
        let flushed = if self.lied { Ok(Doorbell::Quiet) } else { self.client.flush() };
        let Ok(doorbell) = flushed else {
            self.ignore_client(now)?;
            return Ok(Settled { doorbell: Doorbell::Quiet, pending: 0 });
        };
        Ok(Settled { doorbell, pending: self.client.outstanding() })
    }

    /// The interrupt for changes of the configuration has come: perhaps the device wants to be reset.
    ///
    /// # Errors
    /// [`ServiceError`].
    pub fn configuration_changed(&mut self, now: Duration) -> Result<(), ServiceError<D::Error>> {
        if self.drive.check() == Err(Broken) {
            self.recover(now)?;
        }
        Ok(())
    }

    /// The drive.
    #[must_use]
    pub const fn drive(&self) -> &D {
        &self.drive
    }

    /// Goes on with another client in an epoch that the kernel named.
    ///
    /// # Errors
    /// [`ServiceError`].
    pub fn rebind(&mut self, epoch: Epoch, now: Duration) -> Result<(), ServiceError<D::Error>> {
        if epoch == self.client.epoch() {
            return Ok(());
        }
        self.lied = false;
        self.client.rebind(epoch);
        Ok(self.drop_jobs(now)?)
    }

    /// Stops the device and hands all jobs back for a successor: a planned end.
    ///
    /// # Errors
    /// [`ServiceError`] if the device does not stop: then the jobs stay with it.
    pub fn stop(&mut self) -> Result<Doorbell, ServiceError<D::Error>> {
        self.drive.quiesce()?;
        while let Some(job) = self.drive.take_back().or_else(|| self.held.take()) {
            // The client is told as far as it listens.
            let _ = self.client.hand_back(job);
        }
        Ok(self.client.flush().unwrap_or(Doorbell::Quiet))
    }

    /// Shows the client its replies; if the device has nothing more, asks to be rung.
    fn flush_client(&mut self, device: Polled) -> Result<(Doorbell, Sleep), Misbehaved> {
        let doorbell = if self.lied { Doorbell::Quiet } else { self.client.flush()? };
        if device == Polled::More {
            return Ok((doorbell, Sleep::MoreToDo));
        }
        // Requests are not what is waited for then, but a new client, or room in the drive.
        if self.lied || self.held.is_some() {
            return Ok((doorbell, Sleep::MaySleep));
        }
        let sleep = self.client.prepare_to_sleep()?;
        let first = if sleep == Sleep::RingFirst { Doorbell::Ring } else { Doorbell::Quiet };
        Ok((doorbell.or(first), sleep))
    }

    /// Requests to the drive.
    fn take_requests(&mut self, now: Duration, budget: u32) -> Result<Polled, Stop<D::Error>> {
        if self.lied {
            return Ok(Polled::Idle);
        }
        for _ in 0..budget {
            if let Some(job) = self.held.take() {
                self.submit(job, now)?;
                if self.held.is_some() {
                    // What ends makes room; there is an interrupt for it.
                    return Ok(Polled::Idle);
                }
            }
            match self.client.take()? {
                Asked::Job(job) => self.submit(job, now)?,
                Asked::About(question) => self.client.answer(question)?,
                Asked::Refused => {}
                Asked::NewClient(_) => self.drop_jobs(now).map_err(Stop::Failed)?,
                Asked::Nothing => return Ok(Polled::Idle),
            }
        }
        Ok(Polled::More)
    }

    fn submit(&mut self, job: Job, now: Duration) -> Result<(), Misbehaved> {
        match self.drive.submit(job.what, job, now) {
            Submitted::Taken => Ok(()),
            Submitted::Done(job) => {
                count(&mut self.counters, job.what);
                self.client.done(job)
            }
            Submitted::NoRoom(job) => {
                self.held = Some(job);
                Ok(())
            }
        }
    }

    /// Jobs to the client.
    fn give_back(&mut self, now: Duration, budget: u32) -> Result<Polled, Broken> {
        let Self { drive, client, resets, counters, .. } = self;
        drive.poll(now, budget, |ended| {
            *resets = 0;
            // A client that lied is noticed at the next request.
            let _ = match ended {
                Ended::Done(job) => {
                    count(counters, job.what);
                    client.done(job)
                }
                Ended::Failed(job) => {
                    Counters::count(&mut counters.errors);
                    client.failed(job)
                }
            };
        })
    }

    /// Another client: the device has to let go of the old one's buffers first.
    fn drop_jobs(&mut self, now: Duration) -> Result<(), D::Error> {
        self.drive.quiesce()?;
        self.held = None;
        while cfg!(not(bite = "disk-jobs-outlive-client")) && self.drive.take_back().is_some() {}
        self.drive.restart(now)
    }

    fn ignore_client(&mut self, now: Duration) -> Result<Polled, ServiceError<D::Error>> {
        self.lied = true;
        self.drop_jobs(now)?;
        Ok(Polled::Idle)
    }

    fn recover(&mut self, now: Duration) -> Result<Polled, ServiceError<D::Error>> {
        self.resets += 1;
        Counters::count(&mut self.counters.errors);
        Counters::count(&mut self.counters.resets);
        if self.resets > MAX_RESETS {
            self.drive.quiesce()?;
            return Err(ServiceError::Broken);
        }
        self.drive.restart(now)?;
        Ok(Polled::More)
    }
}

fn count(counters: &mut Counters, done: What) {
    match done {
        What::Read(transfer) => counters.count_received(transfer.length),
        What::Write(transfer) => counters.count_sent(transfer.length),
        What::Flush => Counters::count(&mut counters.flushed),
    }
}

/// Why no more requests are taken.
enum Stop<E> {
    Lied,
    Failed(E),
}

impl<E> From<Misbehaved> for Stop<E> {
    fn from(_: Misbehaved) -> Self {
        Self::Lied
    }
}
