//! Writes and reads sectors of a disk and judges each, whatever its driver does: `disk-check blk0`. It overwrites the beginning of the disk.
#![no_std]
#![no_main]
#![forbid(unsafe_code)]

extern crate alloc;

use alloc::vec;
use alloc::vec::Vec;

use anax::{Error, println};
use anax_blocks::handover::{BUFFER_BYTES, BUFFERS, SLOTS};
use anax_blocks::{ClientSide, Done, Event, Sectors};
use anax_ring::{Epoch, SharedBytes, Sleep};
use device_load::{Check, Load, Open, Standing, Tally, watch};

/// Extents of a buffer's size that are used, from the disk's beginning; prime, so that a step of any length visits all.
const EXTENTS: u64 = 31;
const STEP: u64 = 12;
const SECTOR: usize = 512;
/// Requests under way.
const UNDER_WAY: usize = 8;

/// What a request was: of which extent, and the number of the write that it is, or that it is to find there.
type Asked = (u64, u64);

struct Disk {
    client: ClientSide<'static, BUFFERS>,
    open: Open,
    standing: Standing,
    is_known: bool,
    /// The write that each extent holds; 0 if nobody can say.
    holds: Vec<u64>,
    begun: Vec<Option<Asked>>,
    asked: u64,
    /// Writes of later numbers have to be there.
    trusted: u64,
    is_trusted: bool,
    tally: Tally,
}

impl Disk {
    fn ended(&mut self, done: &Done<'_>) -> Result<Asked, Error> {
        self.tally.done += 1;
        let asked = self.begun.get_mut(done.token as usize).and_then(Option::take);
        asked.ok_or(Error::PeerMisbehaved)
    }

    fn judge(&mut self, number: u64, is_right: bool) {
        let counts = self.is_trusted && number > self.trusted;
        match is_right {
            true if counts => self.tally.right += 1,
            true => {}
            false if counts => self.tally.broken += 1,
            false => self.tally.wrong += 1,
        }
    }

    fn written(&mut self, done: Done<'static>) -> Result<(), Error> {
        let (extent, number) = self.ended(&done)?;
        if done.outcome.is_err() {
            self.judge(number, false);
            self.holds[extent as usize] = 0;
        }
        self.client.release(done.buffer);
        Ok(())
    }

    fn read(&mut self, done: Done<'static>) -> Result<(), Error> {
        let (extent, number) = self.ended(&done)?;
        if number != 0 {
            let bytes = done.buffer.bytes();
            let holds = pattern(extent, number, |at, word| bytes.read_u64(at) == Ok(word));
            let is_right = done.outcome.is_ok() && holds;
            self.judge(number, is_right);
            if !is_right && self.is_trusted && number > self.trusted {
                println!("disk-check: extent {extent} does not hold write {number}: {:?}", done.outcome);
            }
            if !is_right {
                self.holds[extent as usize] = 0;
            }
        }
        self.client.release(done.buffer);
        Ok(())
    }

    fn ask(&mut self, token: usize) -> Result<bool, Error> {
        let Some(buffer) = self.client.buffer() else { return Ok(false) };
        let extent = self.asked * STEP % EXTENTS;
        let per_extent = (BUFFER_BYTES / SECTOR) as u32;
        let sectors = Sectors::new(extent * u64::from(per_extent), per_extent).ok_or(Error::BadArgument)?;
        // A round of writes, a round of reads, in the same order.
        let is_write = (self.asked / EXTENTS).is_multiple_of(2);
        let number = self.asked + 1;
        let refused = if is_write {
            pattern(extent, number, |at, word| buffer.bytes().write_u64(at, word).is_ok());
            self.client.write(buffer, sectors, token as u32)
        } else {
            self.client.read(buffer, sectors, token as u32)
        };
        if let Err(refused) = refused {
            self.client.release(refused.buffer);
            return Ok(false);
        }
        if is_write {
            self.holds[extent as usize] = number;
        }
        self.begun[token] = Some((extent, self.holds[extent as usize]));
        self.asked += 1;
        Ok(true)
    }
}

impl Load for Disk {
    fn work(&mut self, _: u64, finish: bool) -> Result<usize, Error> {
        loop {
            match self.client.event() {
                Ok(Event::Disk(_)) => self.is_known = true,
                Ok(Event::Written(done)) => self.written(done)?,
                Ok(Event::Read(done)) => self.read(done)?,
                Ok(Event::Flushed { .. }) => {}
                Ok(Event::Replaced(epoch)) => {
                    self.standing = Standing::new(epoch);
                    self.tally.epochs += 1;
                }
                Ok(Event::Nothing) => break,
                Err(_) => {
                    let epoch = self.open.epoch()?;
                    if epoch == self.standing.epoch {
                        self.standing.has_lied = true;
                        break;
                    }
                    self.client.rebind(epoch);
                    self.standing = Standing::new(epoch);
                    self.tally.epochs += 1;
                }
            }
        }
        while !finish
            && self.is_known
            && let Some(token) = self.begun.iter().position(Option::is_none)
            && self.ask(token)?
        {}
        Ok(self.begun.iter().flatten().count())
    }

    fn done(&self) -> u64 {
        self.tally.done
    }

    fn prepare_to_sleep(&mut self) -> Result<Sleep, Error> {
        Ok(self.client.prepare_to_sleep().unwrap_or(Sleep::MaySleep))
    }
}

impl Check for Disk {
    fn tally(&self) -> Tally {
        self.tally
    }

    fn trust(&mut self) {
        (self.trusted, self.is_trusted) = (self.asked, true);
        (self.tally.right, self.tally.broken) = (0, 0);
    }

    fn distrust(&mut self) {
        self.is_trusted = false;
    }

    fn standing(&self) -> (Epoch, bool) {
        (self.standing.epoch, self.standing.has_lied)
    }
}

/// Each eight bytes of an extent say where they are and by which write they came. Whether `each` held for all.
fn pattern(extent: u64, number: u64, mut each: impl FnMut(usize, u64) -> bool) -> bool {
    (0..BUFFER_BYTES).step_by(8).all(|at| each(at, (extent * BUFFER_BYTES as u64 + at as u64) << 32 | number))
}

#[anax::main]
fn main() -> Result<(), Error> {
    let open = Open::first_argument()?;
    let standing = Standing::new(open.epoch()?);
    let client = ClientSide::new(open.endpoint(SLOTS)?, SharedBytes::new(open.pool), BUFFER_BYTES);
    let mut disk = Disk {
        client: client.map_err(|_| Error::BadArgument)?,
        open,
        standing,
        is_known: false,
        holds: vec![0; EXTENTS as usize],
        begun: vec![None; UNDER_WAY],
        asked: 0,
        trusted: 0,
        is_trusted: false,
        tally: Tally::default(),
    };
    watch(&open, &mut disk)?;
    let Tally { done, wrong, epochs, .. } = disk.tally;
    println!(
        "check: {done} done, {wrong} wrong, {epochs} new epochs, {} asked again",
        disk.client.counters().asked_again
    );
    Ok(())
}
