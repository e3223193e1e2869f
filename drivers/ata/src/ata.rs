//! The disk: a [`Drive`] that does one command at a time and moves its data sector by sector.

use core::time::Duration;

use anax_blocks::{Disk, What};
use anax_device::{Broken, Ports};
use anax_disk::{Drive, Ended, Polled, Submitted};
use anax_driver::{CARD_WORDS, Name, NotSuspended, Refusal};
use anax_ring::SharedBytes;

use crate::channel::{Channel, SECTOR_BYTES};
use crate::identity::Identity;
use crate::starting::{LOOK_AGAIN, PATIENCE, RESET_PATIENCE, RESET_QUIET};
use crate::{SetupError, Starting};

/// What comes without an interrupt is looked for at once, then after so long, then after twice that, up to [`LOOK_AGAIN`].
const FIRST_PAUSE: Duration = Duration::from_micros(50);

/// A flush may have a whole cache to write.
const FLUSH_PATIENCE: Duration = Duration::from_secs(60);

/// A disk with at most one command under way, and a token of the caller's for it.
#[derive(Debug)]
pub struct Ata<'a, P, T> {
    channel: Channel<P>,
    identity: Identity,
    pool: SharedBytes<'a>,
    task: Option<Task<T>>,
    state: State,
    /// When to look, even if nothing happens, and how long after the last time that is.
    look: Duration,
    pause: Duration,
}

/// What is under way.
#[derive(Debug)]
struct Task<T> {
    what: What,
    token: T,
    /// Sectors that were moved.
    moved: u32,
}

/// What the device is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// The task, if there is one, which has until then for its next step.
    Running { until: Duration },
    /// A reset, after which the task is begun.
    Resetting { not_before: Duration, until: Duration },
    /// Nothing, and it is not to begin anything.
    Stopped,
    /// It did not take a command.
    Lost,
}

impl<'a, P: Ports, T> Ata<'a, P, T> {
    /// A disk that has said what it is; its data comes from and goes to `pool`.
    #[must_use]
    pub fn new(starting: Starting<P>, identity: Identity, pool: SharedBytes<'a>) -> Self {
        Self::idle(starting.channel, identity, pool)
    }

    /// Goes on where a driver was suspended, with the same pool: `words` are what that said of the disk. No reset; the device is looked at, and
    /// begins nothing.
    ///
    /// # Errors
    /// [`Refusal::Device`] if the words are no disk, or the device does not wait for a command.
    pub fn adopt(
        channel: Channel<P>,
        pool: SharedBytes<'a>,
        words: [u64; CARD_WORDS],
    ) -> Result<Self, Refusal> {
        let identity = Identity::from_words(words).ok_or(Refusal::Device)?;
        let status = channel.select().ok().flatten();
        status.filter(|status| status.ready && !status.wants_data).ok_or(Refusal::Device)?;
        Ok(Self::idle(channel, identity, pool))
    }

    fn idle(channel: Channel<P>, identity: Identity, pool: SharedBytes<'a>) -> Self {
        let state = State::Running { until: Duration::ZERO };
        Self { channel, identity, pool, task: None, state, look: Duration::ZERO, pause: LOOK_AGAIN }
    }

    /// Moves what can be moved, at most all sectors of the task.
    fn step(&mut self, now: Duration, until: Duration) -> Result<Option<Ended<T>>, Broken> {
        let Some(task) = &mut self.task else { return Ok(None) };
        let transfer = task.what.transfer();
        let (count, offset) = transfer.map_or((0, 0), |transfer| (transfer.sectors.count(), transfer.offset));
        for _ in 0..=count {
            let Some(status) = self.channel.status()? else {
                return if now < until { Ok(None) } else { Err(Broken) };
            };
            let all = task.moved >= count;
            match (status.failed, status.wants_data) {
                (true, in_the_middle) => {
                    if in_the_middle {
                        // Nothing else would be understood.
                        self.restart(now).map_err(|_| Broken)?;
                    }
                    return Ok(self.task.take().map(|task| Ended::Failed(task.token)));
                }
                (false, false) if all || cfg!(bite = "ata-short-transfer-believed") => {
                    return Ok(self.task.take().map(|task| Ended::Done(task.token)));
                }
                (false, true) if !all => {}
                _ => return Err(Broken),
            }
            let place = offset as usize + task.moved as usize * SECTOR_BYTES;
            let mut block = [0; SECTOR_BYTES];
            // The range was checked when the job was taken, for this pool.
            let moved = if matches!(task.what, What::Read(_)) {
                self.channel.read(&mut block);
                self.pool.copy_in(place, &block)
            } else {
                let copied = self.pool.copy_out(place, &mut block);
                self.channel.write(&block);
                copied
            };
            moved.map_err(|_| Broken)?;
            task.moved += 1;
            self.state = State::Running { until: now + PATIENCE };
            self.pause = LOOK_AGAIN;
            self.look = now + LOOK_AGAIN;
        }
        Ok(None)
    }

    /// Begins the task, from its beginning.
    fn begin(&mut self, now: Duration) {
        self.state = State::Running { until: now };
        let Some(task) = &mut self.task else { return };
        task.moved = 0;
        let patience = if task.what == What::Flush { FLUSH_PATIENCE } else { PATIENCE };
        let command = self.identity.command(task.what);
        let begun = command.map_or(Err(Broken), |command| self.channel.begin(command));
        // A disk that is to be written to asks for the first block without an interrupt (ATA/ATAPI-6, 9.6).
        let asks_silently = matches!(task.what, What::Write(_)) && !cfg!(bite = "ata-first-block-waits");
        self.pause = if asks_silently { Duration::ZERO } else { LOOK_AGAIN };
        self.look = now + self.pause;
        self.state = if begun.is_ok() { State::Running { until: now + patience } } else { State::Lost };
    }
}

impl<P: Ports, T> Drive<T> for Ata<'_, P, T> {
    const NAME: Name = Name::new("ata");

    type Error = SetupError;

    fn disk(&self) -> Disk {
        self.identity.disk
    }

    fn submit(&mut self, what: What, token: T, now: Duration) -> Submitted<T> {
        if self.task.is_some() || !matches!(self.state, State::Running { .. }) {
            return Submitted::NoRoom(token);
        }
        if self.identity.command(what).is_none() {
            // There is no cache to flush: what is written lasts.
            return Submitted::Done(token);
        }
        self.task = Some(Task { what, token, moved: 0 });
        self.begin(now);
        Submitted::Taken
    }

    fn poll(&mut self, now: Duration, _budget: u32, each: impl FnMut(Ended<T>)) -> Result<Polled, Broken> {
        self.pause = (self.pause * 2).clamp(FIRST_PAUSE, LOOK_AGAIN);
        self.look = now + self.pause;
        match self.state {
            State::Running { until } => {
                let ended = self.step(now, until)?;
                let polled = if ended.is_some() { Polled::More } else { Polled::Idle };
                ended.into_iter().for_each(each);
                return Ok(polled);
            }
            State::Resetting { not_before, until } => {
                if now >= not_before {
                    match self.channel.select()? {
                        Some(status) if status.ready => self.begin(now),
                        _ if now < until => {}
                        _ => return Err(Broken),
                    }
                }
            }
            State::Stopped => {}
            State::Lost => return Err(Broken),
        }
        Ok(Polled::Idle)
    }

    fn prepare_to_wait(&mut self) -> Result<Polled, Broken> {
        let is_due =
            self.task.is_some() && self.pause.is_zero() && matches!(self.state, State::Running { .. });
        Ok(if is_due { Polled::More } else { Polled::Idle })
    }

    /// Nothing of the device reaches the pool by itself anyway.
    fn quiesce(&mut self) -> Result<(), SetupError> {
        self.channel.silence();
        self.state = State::Stopped;
        Ok(())
    }

    fn restart(&mut self, now: Duration) -> Result<(), SetupError> {
        self.channel.reset();
        self.pause = FIRST_PAUSE;
        self.look = now + RESET_QUIET;
        self.state = State::Resetting { not_before: now + RESET_QUIET, until: now + RESET_PATIENCE };
        Ok(())
    }

    fn take_back(&mut self) -> Option<T> {
        if self.state == State::Stopped { self.task.take().map(|task| task.token) } else { None }
    }

    fn deadline(&self) -> Option<Duration> {
        let running = matches!(self.state, State::Running { .. });
        let waits = self.state != State::Stopped && (self.task.is_some() || !running);
        waits.then_some(self.look)
    }

    fn suspend(&mut self) -> Result<[u64; CARD_WORDS], NotSuspended> {
        match self.state {
            State::Running { .. } if self.task.is_none() => Ok(self.identity.to_words()),
            State::Running { .. } | State::Resetting { .. } => Err(NotSuspended::Unfinished),
            State::Stopped | State::Lost => Err(NotSuspended::Device),
        }
    }
}
