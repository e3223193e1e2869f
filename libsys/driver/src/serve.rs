//! What a kind of driver does for its client, as the program around it sees it.

use core::time::Duration;

use anax_ring::Doorbell;

use crate::{Counters, Link, Record};

/// Whether there is more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Polled {
    /// All was taken.
    Idle,
    /// The budget was used up, or the device needs no interrupt to go on.
    More,
}

/// What is to be done next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Call again: the budget was used up.
    Again,
    /// Wait for the channel's doorbell or the device's interrupt, at most until then. Times are since boot.
    Wait(Option<Duration>),
}

/// What a service has for its caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "the client may have to be rung"]
pub struct Served {
    /// Whether the client is to be rung first.
    pub doorbell: Doorbell,
    /// Then.
    pub next: Next,
}

/// Why a service has ended. The program ends with it, and is started again by its supervisor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServiceError<E> {
    /// The device does not come up again.
    Setup(E),
    /// It breaks each time.
    Broken,
}

impl<E> From<E> for ServiceError<E> {
    fn from(error: E) -> Self {
        Self::Setup(error)
    }
}

/// What an interrupt is for. Also its badge at the port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wake {
    /// Queues, by a vector or a line that needs no answer to the device.
    Queues = 1,
    /// A change of the configuration, by a vector.
    Configuration = 2,
    /// Anything, by a line that the device holds until it is asked.
    Line = 3,
}

/// How near a service is to having nothing that ends by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "the client may have to be rung"]
pub struct Settled {
    /// Whether the client is to be rung.
    pub doorbell: Doorbell,
    /// Things under way that will end by themselves.
    pub pending: u32,
}

/// Why there is nothing that a successor could go on with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotSuspended {
    /// The client has lied, or there is another one.
    Client,
    /// The device is broken or stopped.
    Device,
    /// Something is under way that a successor can't take over.
    Unfinished,
}

/// A client served by a device, used by one thread. Times are since boot.
pub trait Serve {
    /// Why the service ends.
    type Error;

    /// How long it may take until nothing is under way that ends by itself.
    const PATIENCE: Duration;

    /// Does up to `budget` of each, 2 or more: things given back, requests taken.
    ///
    /// # Errors
    /// The device is past help.
    fn serve(&mut self, now: Duration, budget: u32) -> Result<Served, Self::Error>;

    /// An interrupt has come. [`Self::serve`] is next.
    ///
    /// # Errors
    /// The device is past help.
    fn woken(&mut self, wake: Wake, now: Duration) -> Result<(), Self::Error>;

    /// Gives back what is done and takes nothing from the client: to be called until nothing is pending, or patience is at its end.
    ///
    /// # Errors
    /// The device is past help.
    fn settle(&mut self, now: Duration, budget: u32) -> Result<Settled, Self::Error>;

    /// Says all that a successor has to know, and does nothing more: neither with the device nor with the channel, until
    /// [`Self::resume`]. The device itself is not stopped.
    ///
    /// # Errors
    /// [`NotSuspended`]: it goes on.
    fn suspend(&mut self) -> Result<(Record, Doorbell), NotSuspended>;

    /// Goes on after [`Self::suspend`]. Only if no successor has taken over.
    fn resume(&mut self);

    /// Stops the device and hands all back, for a planned end with a new epoch.
    ///
    /// # Errors
    /// The device does not stop, and keeps what it has.
    fn retire(&mut self) -> Result<Doorbell, Self::Error>;

    /// Things of the client's that the device or the service has.
    fn pending(&self) -> u32;

    /// What was counted.
    fn counters(&self) -> Counters;

    /// Whether there is anybody at the other end of the cable.
    fn link(&self) -> Link;
}
