//! The client: rounds of writing all extents in an order of its own, a flush, and reading them back.

use core::time::Duration;

use anax_blocks::handover::{BUFFER_BYTES, BUFFERS};
use anax_blocks::{ClientSide, Counters, Done, Event, Sectors};
use anax_ring::{Doorbell, Endpoint, SharedBlock, SharedBytes, Sleep};
use anax_sys::object::{Channel, Thread};
use anax_sys::{Deadline, Error, Port, log};

/// Extents of a buffer's size that are written, from the disk's beginning.
const EXTENTS: u64 = 512;
/// Each is written so many times.
const ROUNDS: u64 = 4;
/// Ends of requests that a driver lives for, unless it is the last one.
pub(crate) const LIFE: u64 = 300;
/// Prime to `EXTENTS`: the order in which a round visits them.
const STEP: u64 = 197;
const SECTOR: usize = 512;
/// Nothing comes back for so long: it is given up.
const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Write,
    Flush,
    Read,
}

pub(crate) struct Work<'a> {
    client: ClientSide<'a, BUFFERS>,
    /// The disk has been introduced.
    known: bool,
    round: u64,
    phase: Phase,
    /// Extents asked for and done in this phase.
    asked: u64,
    done: u64,
}

impl<'a> Work<'a> {
    pub(crate) fn new(endpoint: Endpoint<'a>, pool: SharedBlock<'a>) -> Result<Self, Error> {
        let client = ClientSide::new(endpoint, SharedBytes::new(pool), BUFFER_BYTES);
        let client = client.map_err(|_| Error::BadArgument)?;
        Ok(Self { client, known: false, round: 0, phase: Phase::Write, asked: 0, done: 0 })
    }

    pub(crate) fn counters(&self) -> Counters {
        self.client.counters()
    }

    /// Works until so many requests have ended, or all is done. `look` is asked whether the driver is well before each wait.
    pub(crate) fn run(
        &mut self,
        more: u64,
        channel: Channel,
        bell: Port,
        mut look: impl FnMut() -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut ends = 0;
        while ends < more && self.round < ROUNDS {
            match self.client.event().map_err(|_| Error::PeerMisbehaved)? {
                Event::Disk(disk) => {
                    log!("disk of {} sectors", disk.sectors);
                    self.known = true;
                }
                Event::Written(done) => {
                    ends += 1;
                    self.ended(&done)?;
                    self.client.release(done.buffer);
                }
                Event::Read(done) => {
                    ends += 1;
                    self.ended(&done)?;
                    self.verify(&done)?;
                    self.client.release(done.buffer);
                }
                Event::Flushed { outcome, .. } => {
                    ends += 1;
                    outcome.map_err(|_| Error::PeerMisbehaved)?;
                    self.done = EXTENTS;
                }
                Event::Replaced(_) => {}
                Event::Nothing => {
                    self.ask()?;
                    if self.client.flush().map_err(|_| Error::PeerMisbehaved)? == Doorbell::Ring {
                        channel.ring()?;
                    }
                    look()?;
                    match self.client.prepare_to_sleep().map_err(|_| Error::PeerMisbehaved)? {
                        Sleep::MaySleep => {
                            bell.waitport_until(Deadline::at(Thread::time()?.after(PATIENCE)))?;
                        }
                        Sleep::MoreToDo => {}
                        Sleep::RingFirst => channel.ring()?,
                    }
                }
            }
            self.step();
        }
        Ok(())
    }

    fn ended(&mut self, done: &Done<'_>) -> Result<(), Error> {
        self.done += 1;
        done.outcome.map_err(|_| Error::PeerMisbehaved)
    }

    /// On to the next phase when all extents are done.
    fn step(&mut self) {
        if self.done == EXTENTS {
            (self.asked, self.done) = (0, 0);
            self.phase = match self.phase {
                Phase::Write => Phase::Flush,
                Phase::Flush => Phase::Read,
                Phase::Read => {
                    self.round += 1;
                    Phase::Write
                }
            };
        }
    }

    /// Asks for as much as there are buffers for.
    fn ask(&mut self) -> Result<(), Error> {
        if self.phase == Phase::Flush {
            if self.asked == 0 {
                self.client.flush_disk(0)?;
                self.asked = EXTENTS;
            }
            return Ok(());
        }
        while self.known && self.asked < EXTENTS {
            let Some(buffer) = self.client.buffer() else { return Ok(()) };
            let extent = self.asked * STEP % EXTENTS;
            let per_extent = (BUFFER_BYTES / SECTOR) as u32;
            let sectors =
                Sectors::new(extent * u64::from(per_extent), per_extent).ok_or(Error::BadArgument)?;
            let refused = if self.phase == Phase::Write {
                pattern(extent, self.round, |at, bytes| buffer.bytes().copy_in(at, bytes).is_ok());
                self.client.write(buffer, sectors, extent as u32)
            } else {
                buffer.bytes().fill(0);
                self.client.read(buffer, sectors, extent as u32)
            };
            refused.map_err(|refused| refused.reason)?;
            self.asked += 1;
        }
        Ok(())
    }

    /// What was read is what was written last.
    fn verify(&self, done: &Done<'_>) -> Result<(), Error> {
        let is_right = |at: usize, bytes: &[u8; 8]| {
            let mut found = [0; 8];
            done.buffer.bytes().copy_out(at, &mut found).is_ok() && found == *bytes
        };
        if pattern(done.token.into(), self.round, is_right) {
            return Ok(());
        }
        log!("block-demo failed: extent {} of round {} is wrong", done.token, self.round);
        Err(Error::BadAddress)
    }
}

/// Each eight bytes of an extent say where they are and in which round they were written. Whether `each` held for all.
fn pattern(extent: u64, round: u64, mut each: impl FnMut(usize, &[u8; 8]) -> bool) -> bool {
    (0..BUFFER_BYTES).step_by(8).all(|at| {
        let word = (extent * BUFFER_BYTES as u64 + at as u64) << 8 | round;
        each(at, &word.to_le_bytes())
    })
}
