//! A client served by a card: what the driver's program does at each wake-up, all but waiting.

use anax_abi::Error;
use anax_device::{DmaAddress, Registers};
use anax_frames::{Asked, DriverSide, Loan};
use anax_ring::{Doorbell, Epoch, Misbehaved, Sleep};
use anax_virtio::{Broken, SetupError};

use crate::{Event, Nic, Polled};

/// So many resets without a frame in between, and the device is given up.
const MAX_RESETS: u32 = 8;

/// A card and its client.
#[derive(Debug)]
pub struct Service<'a, R, const N: usize> {
    nic: Nic<'a, R, Loan, N>,
    client: DriverSide<'a>,
    /// Where the device finds the pool.
    pool: DmaAddress,
    /// A frame for which the device had no room. Nothing is taken from the client before it is gone.
    held: Option<Loan>,
    /// Since the last frame.
    resets: u32,
    /// What the client did so far doesn't count any more, until it is replaced.
    lied: bool,
}

/// What is to be done next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Call again: the budget was used up.
    Again,
    /// Wait for the channel's doorbell or the device's interrupt.
    Wait,
}

/// What [`Service::serve`] has for the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "the client may have to be rung"]
pub struct Served {
    /// Whether the client is to be rung first.
    pub doorbell: Doorbell,
    /// Then.
    pub next: Next,
}

/// Why the service has ended. The program ends with it, and is started again by its supervisor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServiceError {
    /// The device does not come up again.
    Setup(SetupError),
    /// It breaks each time.
    Broken,
}

impl From<SetupError> for ServiceError {
    fn from(error: SetupError) -> Self {
        Self::Setup(error)
    }
}

impl<'a, R: Registers, const N: usize> Service<'a, R, N> {
    /// Serves `client`, whose pool the device finds from `pool` on, with `nic`, in which nothing is in flight.
    #[must_use]
    pub const fn new(nic: Nic<'a, R, Loan, N>, client: DriverSide<'a>, pool: DmaAddress) -> Self {
        Self { nic, client, pool, held: None, resets: 0, lied: false }
    }

    /// Does up to `budget` of each: requests taken, frames given back.
    ///
    /// # Errors
    /// [`ServiceError`]. A client that lies is no error: it is ignored until there is another.
    pub fn serve(&mut self, budget: u32) -> Result<Served, ServiceError> {
        let requests = match self.take_requests(budget) {
            Ok(more) => more,
            Err(Stop::Lied) => self.ignore_client()?,
            Err(Stop::Failed(error)) => return Err(error),
        };
        let frames = match self.give_back(budget) {
            Ok(more) => more,
            Err(Broken) => self.recover()?,
        };
        self.nic.flush();
        let mut served = Served { doorbell: Doorbell::Quiet, next: Next::Again };
        if requests == Polled::Idle && frames == Polled::Idle {
            match self.nic.prepare_to_wait() {
                Ok(Polled::Idle) => served.next = Next::Wait,
                Ok(Polled::More) => {}
                Err(Broken) => {
                    self.recover()?;
                }
            }
        }
        if self.lied {
            return Ok(served);
        }
        match self.client.flush() {
            Ok(doorbell) => served.doorbell = doorbell,
            Err(Misbehaved) => {
                self.ignore_client()?;
            }
        }
        if served.next == Next::Wait && self.client.prepare_to_sleep() != Ok(Sleep::MaySleep) {
            served.next = Next::Again;
        }
        Ok(served)
    }

    /// The card.
    #[must_use]
    pub const fn nic(&self) -> &Nic<'a, R, Loan, N> {
        &self.nic
    }

    /// Goes on with another client in an epoch that the kernel named.
    ///
    /// # Errors
    /// [`ServiceError`].
    pub fn rebind(&mut self, epoch: Epoch) -> Result<(), ServiceError> {
        self.lied = false;
        self.client.rebind(epoch);
        self.drop_loans()
    }

    /// Stops the device and gives all loans back unused, for a planned end.
    ///
    /// # Errors
    /// [`ServiceError`] if the device does not stop: then the loans stay with it.
    pub fn stop(mut self) -> Result<Doorbell, ServiceError> {
        self.nic.quiesce()?;
        while let Some(loan) = self.held.take().or_else(|| self.nic.take_back()) {
            // The client is told as far as it listens.
            let _ = self.client.refuse(loan, Error::Aborted);
        }
        Ok(self.client.flush().unwrap_or(Doorbell::Quiet))
    }

    /// Requests to the device.
    fn take_requests(&mut self, budget: u32) -> Result<Polled, Stop> {
        if self.lied {
            return Ok(Polled::Idle);
        }
        for _ in 0..budget {
            if let Some(loan) = self.held.take()
                && let Some(loan) = self.transmit(loan)
            {
                self.held = Some(loan);
                // Frames that go out make room; there is an interrupt for them.
                return Ok(Polled::Idle);
            }
            match self.client.take()? {
                Asked::Transmit(loan) => self.held = self.transmit(loan),
                Asked::Receive(loan) => {
                    let Some(address) = self.pool.checked_add(loan.offset) else { continue };
                    let length = loan.length;
                    if let Err(loan) = self.nic.post(address, length, loan) {
                        self.client.refuse(loan, Error::Full)?;
                    }
                }
                Asked::About(question) => self.client.answer(question, self.nic.about())?,
                Asked::Refused => {}
                Asked::NewClient(_) => self.drop_loans().map_err(Stop::Failed)?,
                Asked::Nothing => return Ok(Polled::Idle),
            }
        }
        Ok(Polled::More)
    }

    fn transmit(&mut self, loan: Loan) -> Option<Loan> {
        // The pool lies in memory, so its offsets don't overflow.
        let address = self.pool.checked_add(loan.offset)?;
        let length = loan.length;
        self.nic.transmit(address, length, loan).err()
    }

    /// Frames to the client.
    fn give_back(&mut self, budget: u32) -> Result<Polled, Broken> {
        let Self { nic, client, resets, .. } = self;
        nic.poll(budget, |event| {
            *resets = 0;
            // A client that lied is noticed at the next request.
            let _ = match event {
                Event::Received(loan, length) => client.received(loan, length),
                Event::Sent(loan) => client.sent(loan),
            };
        })
    }

    /// Another client: the device has to let go of the old one's buffers first.
    fn drop_loans(&mut self) -> Result<(), ServiceError> {
        self.nic.quiesce()?;
        self.held = None;
        while self.nic.take_back().is_some() {}
        Ok(self.nic.restart()?)
    }

    fn ignore_client(&mut self) -> Result<Polled, ServiceError> {
        self.lied = true;
        self.drop_loans()?;
        Ok(Polled::Idle)
    }

    fn recover(&mut self) -> Result<Polled, ServiceError> {
        self.resets += 1;
        if self.resets > MAX_RESETS {
            self.nic.quiesce()?;
            return Err(ServiceError::Broken);
        }
        self.nic.restart()?;
        Ok(Polled::More)
    }
}

/// Why no more requests are taken.
enum Stop {
    Lied,
    Failed(ServiceError),
}

impl From<Misbehaved> for Stop {
    fn from(_: Misbehaved) -> Self {
        Self::Lied
    }
}
