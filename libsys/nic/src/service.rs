//! A client served by a card: what a driver's program does at each wake-up, all but waiting.

use core::time::Duration;

use anax_abi::Error;
use anax_device::{Broken, DmaAddress};
use anax_driver::{Counters, Next, Pace, Polled, Served, ServiceError, Settled};
use anax_frames::{Arrival, Asked, Coalescing, DriverSide, Link, Loan, Question};
use anax_ring::{Doorbell, Epoch, Misbehaved, Sleep};

use crate::{Card, Event, Refused};

/// So many resets without a frame in between, and the device is given up.
const MAX_RESETS: u32 = 8;

/// A driver that looks by itself looks at the link so often.
const LINK_LOOK: Duration = Duration::from_millis(100);

/// A card and its client.
#[derive(Debug)]
pub struct Service<'a, C> {
    pub(crate) nic: C,
    pub(crate) client: DriverSide<'a>,
    /// Where the device finds the pool.
    pub(crate) pool: DmaAddress,
    /// A frame for which the device had no room. Nothing is taken from the client before it is gone.
    pub(crate) held: Option<Loan>,
    /// Since the last frame.
    resets: u32,
    /// What the client did so far doesn't count any more, until it is replaced.
    pub(crate) lied: bool,
    /// Looks at the device so often, instead of waiting for its interrupts.
    pace: Option<Pace>,
    /// Who is to be told of the link, and how it is as far as the client knows.
    pub(crate) watcher: Option<(Question, Option<Link>)>,
    /// The link is to be looked at: now, and then.
    look: bool,
    look_at: Duration,
    pub(crate) counters: Counters,
}

impl<'a, C: Card<Token = Loan>> Service<'a, C> {
    /// Serves `client`, whose pool the device finds from `pool` on, with `nic`, in which nothing is in flight. Nothing if a pool
    /// can't lie there.
    #[must_use]
    pub fn new(nic: C, client: DriverSide<'a>, pool: DmaAddress) -> Option<Self> {
        pool.checked_add(client.pool_bytes())?;
        Some(Self::over(nic, client, pool))
    }

    pub(crate) fn over(nic: C, client: DriverSide<'a>, pool: DmaAddress) -> Self {
        let counters = Counters::default();
        Self {
            nic,
            client,
            pool,
            held: None,
            resets: 0,
            lied: false,
            pace: None,
            watcher: None,
            look: true,
            look_at: Duration::ZERO,
            counters,
        }
    }

    /// Never asks for an interrupt, and looks at the device from time to time instead.
    #[must_use]
    pub fn paced(self, pace: Pace) -> Self {
        Self { pace: Some(pace), ..self }
    }

    /// Does up to `budget` of each, 2 or more: frames given back, requests taken. `now` is since boot.
    ///
    /// # Errors
    /// [`ServiceError`]. A client that lies is no error: it is ignored until there is another.
    pub fn serve(&mut self, now: Duration, budget: u32) -> Result<Served, ServiceError<C::Error>> {
        let before = (self.counters.received, self.counters.sent, self.client.outstanding());
        // In this order, so that a frame held back goes as soon as there is room.
        let frames = match self.give_back(budget) {
            Ok(more) => more,
            Err(Broken) => self.recover()?,
        };
        let requests = match self.take_requests(budget) {
            Ok(more) => more,
            Err(Stop::Lied) => self.ignore_client()?,
            Err(Stop::Failed(error)) => return Err(error),
        };
        self.nic.flush();
        let mut device = Polled::More;
        if requests == Polled::Idle && frames == Polled::Idle {
            device = match self.pace.map_or_else(|| self.nic.prepare_to_wait(), |_| Ok(Polled::Idle)) {
                Ok(more) => more,
                Err(Broken) => self.recover()?,
            };
        }
        // After the card was asked for interrupts, so that no change is missed.
        let flushed = self.tell_link(now).and_then(|()| self.flush_client(device));
        let (doorbell, sleep) = match flushed {
            Ok(flushed) => flushed,
            Err(Misbehaved) => {
                self.ignore_client()?;
                (Doorbell::Quiet, Sleep::MoreToDo)
            }
        };
        let after = (self.counters.received, self.counters.sent, self.client.outstanding());
        let look = self.pace.as_mut().map(|pace| {
            if before != after {
                pace.quicken();
            }
            now + pace.wait()
        });
        let next = if sleep == Sleep::MaySleep { Next::Wait(look) } else { Next::Again };
        Ok(Served { doorbell, next })
    }

    /// Gives back what is done, and takes nothing from the client.
    ///
    /// # Errors
    /// [`ServiceError`].
    pub fn settle(&mut self, budget: u32) -> Result<Settled, ServiceError<C::Error>> {
        if self.give_back(budget) == Err(Broken) {
            self.recover()?;
        }
        if let Some(loan) = self.held.take()
            && self.transmit(loan).is_err()
        {
            self.ignore_client()?;
        }
        self.nic.flush();
        let flushed = if self.lied { Ok(Doorbell::Quiet) } else { self.client.flush() };
        let Ok(doorbell) = flushed else {
            self.ignore_client()?;
            return Ok(Settled { doorbell: Doorbell::Quiet, pending: 0 });
        };
        Ok(Settled { doorbell, pending: u32::from(self.nic.sending()) + u32::from(self.held.is_some()) })
    }

    /// Shows the client its replies; if the device has nothing more, asks to be rung.
    fn flush_client(&mut self, device: Polled) -> Result<(Doorbell, Sleep), Misbehaved> {
        let doorbell = if self.lied { Doorbell::Quiet } else { self.client.flush()? };
        if device == Polled::More {
            return Ok((doorbell, Sleep::MoreToDo));
        }
        // Requests are not what is waited for then, but a new client, or room in the device's queue.
        if self.lied || self.held.is_some() {
            return Ok((doorbell, Sleep::MaySleep));
        }
        let sleep = self.client.prepare_to_sleep()?;
        let first = if sleep == Sleep::RingFirst { Doorbell::Ring } else { Doorbell::Quiet };
        Ok((doorbell.or(first), sleep))
    }

    /// An interrupt has come by the line: takes it down. Call [`Self::serve`] next.
    ///
    /// # Errors
    /// [`ServiceError`].
    pub fn line_interrupt(&mut self) -> Result<(), ServiceError<C::Error>> {
        if self.nic.line_interrupt() == Err(Broken) {
            self.recover()?;
        }
        Ok(())
    }

    /// The interrupt for changes of the configuration has come: the link has changed, or the device wants to be reset.
    ///
    /// # Errors
    /// [`ServiceError`].
    pub fn configuration_changed(&mut self) -> Result<(), ServiceError<C::Error>> {
        self.look = true;
        if self.nic.check() == Err(Broken) {
            self.recover()?;
        }
        Ok(())
    }

    /// Tells the client if the link is not what it knows; to be found out when the card has said something, or by looking from time to time.
    fn tell_link(&mut self, now: Duration) -> Result<(), Misbehaved> {
        let Some((_, known)) = &self.watcher else { return Ok(()) };
        let is_due = self.pace.is_some() && now >= self.look_at;
        self.look |= self.nic.link_may_differ() && cfg!(not(bite = "nic-link-untold"));
        if !self.look && !is_due {
            return Ok(());
        }
        (self.look, self.look_at) = (false, now + LINK_LOOK);
        if *known == Some(self.nic.about().link) { Ok(()) } else { self.answer_watcher() }
    }

    /// How the link is, for the one who waits for it to change.
    pub(crate) fn answer_watcher(&mut self) -> Result<(), Misbehaved> {
        let Some((question, _)) = self.watcher.take() else { return Ok(()) };
        self.client.answer_link(question, self.nic.about().link)
    }

    /// The card.
    #[must_use]
    pub const fn nic(&self) -> &C {
        &self.nic
    }

    /// Goes on with another client in an epoch that the kernel named.
    ///
    /// # Errors
    /// [`ServiceError`].
    pub fn rebind(&mut self, epoch: Epoch) -> Result<(), ServiceError<C::Error>> {
        if epoch == self.client.epoch() {
            return Ok(());
        }
        self.lied = false;
        self.client.rebind(epoch);
        self.drop_loans()
    }

    /// Stops the device and gives all loans back unused, for a planned end.
    ///
    /// # Errors
    /// [`ServiceError`] if the device does not stop: then the loans stay with it.
    pub fn stop(&mut self) -> Result<Doorbell, ServiceError<C::Error>> {
        self.nic.quiesce()?;
        // The client is told as far as it listens.
        let _ = self.answer_watcher();
        while let Some(loan) = self.held.take().or_else(|| self.nic.take_back()) {
            let _ = self.client.refuse(loan, Error::Aborted);
        }
        Ok(self.client.flush().unwrap_or(Doorbell::Quiet))
    }

    /// Requests to the device.
    fn take_requests(&mut self, budget: u32) -> Result<Polled, Stop<C::Error>> {
        if self.lied {
            return Ok(Polled::Idle);
        }
        for _ in 0..budget {
            if let Some(loan) = self.held.take() {
                self.transmit(loan)?;
            }
            if self.held.is_some() {
                // Frames that go out make room; there is an interrupt for them.
                return Ok(Polled::Idle);
            }
            match self.client.take()? {
                Asked::Transmit(loan) => self.transmit(loan)?,
                Asked::Receive(loan) => match self.nic.post(self.address(&loan), loan.length, loan) {
                    Ok(()) => {}
                    Err(Refused::Full(loan)) => self.client.refuse(loan, Error::Full)?,
                    Err(Refused::Unfit(loan)) => self.client.refuse(loan, Error::BadArgument)?,
                },
                Asked::About(question) => self.client.answer(question, self.nic.about())?,
                Asked::Accept(question, what) => {
                    let answer = self.accept(what).map_err(Stop::Failed)?;
                    self.client.answer_accept(question, answer)?;
                }
                Asked::Watch(question, known) => {
                    self.answer_watcher()?;
                    (self.watcher, self.look) = (Some((question, known)), true);
                }
                Asked::Refused => {}
                Asked::NewClient(_) => self.drop_loans().map_err(Stop::Failed)?,
                Asked::Nothing => return Ok(Polled::Idle),
            }
        }
        Ok(Polled::More)
    }

    /// Hands a frame to the device, or holds it if there is no room.
    fn transmit(&mut self, loan: Loan) -> Result<(), Misbehaved> {
        match self.nic.transmit(self.address(&loan), loan.length, loan.offload, loan) {
            Ok(()) => Ok(()),
            Err(Refused::Full(loan)) => {
                self.held = Some(loan);
                Ok(())
            }
            Err(Refused::Unfit(loan)) => self.client.refuse(loan, Error::BadArgument),
        }
    }

    /// The card puts frames together for the client, if it offers that.
    fn accept(&mut self, what: Coalescing) -> Result<Result<(), Error>, ServiceError<C::Error>> {
        if !self.nic.about().offers.coalesced.contains(what) {
            return Ok(Err(Error::BadArgument));
        }
        self.nic.coalesce(what)?;
        Ok(Ok(()))
    }

    fn address(&self, loan: &Loan) -> DmaAddress {
        // It never overflows: the whole pool has addresses, as `new` checked.
        self.pool.checked_add(loan.offset).unwrap_or(self.pool)
    }

    /// Frames to the client.
    fn give_back(&mut self, budget: u32) -> Result<Polled, Broken> {
        let Self { nic, client, resets, counters, .. } = self;
        nic.poll(budget, |event| {
            // A client that lied is noticed at the next request.
            let _ = match event {
                Event::Received(loan, length, arrival) => {
                    match arrival {
                        // What a device had no right to say comes as nothing.
                        Arrival::First { .. } if length == 0 => {}
                        Arrival::First { .. } => {
                            *resets = 0;
                            counters.count_received(length);
                        }
                        Arrival::Next(_) => counters.count_more(length),
                    }
                    client.received(loan, length, arrival)
                }
                Event::Sent(loan) => {
                    *resets = 0;
                    counters.count_sent(loan.length);
                    client.sent(loan)
                }
            };
        })
    }

    /// Another client: the device has to let go of the old one's buffers first.
    fn drop_loans(&mut self) -> Result<(), ServiceError<C::Error>> {
        self.nic.quiesce()?;
        (self.held, self.watcher) = (None, None);
        self.nic.coalesce(Coalescing::NONE)?;
        while cfg!(not(bite = "net-loans-outlive-client")) && self.nic.take_back().is_some() {}
        Ok(self.nic.restart()?)
    }

    fn ignore_client(&mut self) -> Result<Polled, ServiceError<C::Error>> {
        self.lied = true;
        self.drop_loans()?;
        Ok(Polled::Idle)
    }

    fn recover(&mut self) -> Result<Polled, ServiceError<C::Error>> {
        self.resets += 1;
        Counters::count(&mut self.counters.errors);
        Counters::count(&mut self.counters.resets);
        if self.resets > MAX_RESETS {
            self.nic.quiesce()?;
            return Err(ServiceError::Broken);
        }
        self.nic.restart()?;
        Ok(Polled::More)
    }
}

/// Why no more requests are taken.
enum Stop<E> {
    Lied,
    Failed(ServiceError<E>),
}

impl<E> From<Misbehaved> for Stop<E> {
    fn from(_: Misbehaved) -> Self {
        Self::Lied
    }
}
