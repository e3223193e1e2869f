//! Writes and reads sectors of a disk as fast as it does, and verifies each: `disk-load blk0 CHANGES`. It overwrites the beginning of the disk.
#![no_std]
#![no_main]
#![forbid(unsafe_code)]

extern crate alloc;

use alloc::vec;
use alloc::vec::Vec;

use anax::{Error, println};
use anax_blocks::handover::{BUFFER_BYTES, BUFFERS, SLOTS};
use anax_blocks::{ClientSide, Event, Failure, Sectors};
use anax_ring::{SharedBytes, Sleep};
use device_load::{Load, Longest, Open, run};

/// Extents of a buffer's size that are used, from the disk's beginning; prime, so that a step of any length visits all.
const EXTENTS: u64 = 251;
const STEP: u64 = 97;
const SECTOR: usize = 512;
/// Requests under way.
const UNDER_WAY: usize = 16;

struct Disk {
    client: ClientSide<'static, BUFFERS>,
    open: Open,
    longest: Longest,
    is_known: bool,
    /// What each extent holds: the number of the write that was asked for last.
    holds: Vec<u64>,
    /// Of which extent each token's request is, and what a read is to find there.
    begun: Vec<Option<(u64, u64)>>,
    /// When the last one ended.
    since: u64,
    asked: u64,
    replaced: u64,
}

impl Disk {
    fn ended(&mut self, now: u64, token: u32) -> Result<(u64, u64), Error> {
        let ended = self.begun[token as usize].take().ok_or(Error::PeerMisbehaved)?;
        // From one to the next: what a client notices of a change is one that takes longer.
        self.longest.note(now - self.since);
        self.since = now;
        Ok(ended)
    }

    fn ask(&mut self, token: usize) -> Result<bool, Error> {
        let Some(buffer) = self.client.buffer() else { return Ok(false) };
        let extent = self.asked * STEP % EXTENTS;
        let per_extent = (BUFFER_BYTES / SECTOR) as u32;
        let sectors = Sectors::new(extent * u64::from(per_extent), per_extent).ok_or(Error::BadArgument)?;
        // A round of writes, a round of reads, in the same order.
        let is_write = (self.asked / EXTENTS).is_multiple_of(2);
        let refused = if is_write {
            self.holds[extent as usize] = self.asked + 1;
            pattern(extent, self.asked + 1, |at, word| buffer.bytes().write_u64(at, word).is_ok());
            self.client.write(buffer, sectors, token as u32)
        } else {
            self.client.read(buffer, sectors, token as u32)
        };
        if refused.is_err() {
            return Ok(false);
        }
        self.begun[token] = Some((extent, self.holds[extent as usize]));
        self.asked += 1;
        Ok(true)
    }
}

impl Load for Disk {
    fn work(&mut self, now: u64, finish: bool) -> Result<usize, Error> {
        loop {
            match self.client.event() {
                Ok(Event::Disk(_)) => self.is_known = true,
                Ok(Event::Written(done)) => {
                    let (extent, _) = self.ended(now, done.token)?;
                    succeeded("written", extent, done.outcome)?;
                    self.client.release(done.buffer);
                }
                Ok(Event::Read(done)) => {
                    let (extent, number) = self.ended(now, done.token)?;
                    succeeded("read", extent, done.outcome)?;
                    let bytes = done.buffer.bytes();
                    if !pattern(extent, number, |at, word| bytes.read_u64(at) == Ok(word)) {
                        println!("load: extent {extent} does not hold write {number}");
                        return Err(Error::BadAddress);
                    }
                    self.client.release(done.buffer);
                }
                Ok(Event::Flushed { .. }) => {}
                Ok(Event::Replaced(_)) => self.replaced += 1,
                Ok(Event::Nothing) => break,
                Err(_) => self.client.rebind(self.open.epoch()?),
            }
        }
        if self.asked == 0 {
            // What comes before the first one is the device's start.
            self.since = now;
        }
        while !finish
            && self.is_known
            && let Some(token) = self.begun.iter().position(Option::is_none)
            && self.ask(token)?
        {}
        Ok(self.begun.iter().flatten().count())
    }

    fn done(&self) -> u64 {
        self.longest.noted()
    }

    fn prepare_to_sleep(&mut self) -> Result<Sleep, Error> {
        Ok(self.client.prepare_to_sleep().unwrap_or(Sleep::MaySleep))
    }
}

fn succeeded(what: &str, extent: u64, outcome: Result<(), Failure>) -> Result<(), Error> {
    outcome.map_err(|failure| {
        println!("load: extent {extent} is not {what}: {failure:?}");
        Error::PeerMisbehaved
    })
}

/// Each eight bytes of an extent say where they are and by which write they came. Whether `each` held for all.
fn pattern(extent: u64, number: u64, mut each: impl FnMut(usize, u64) -> bool) -> bool {
    (0..BUFFER_BYTES).step_by(8).all(|at| each(at, (extent * BUFFER_BYTES as u64 + at as u64) << 32 | number))
}

#[anax::main]
fn main() -> Result<(), Error> {
    let open = Open::first_argument()?;
    let changes = anax::arguments().get(1).and_then(|text| text.parse().ok()).unwrap_or(1);
    let client = ClientSide::new(open.endpoint(SLOTS)?, SharedBytes::new(open.pool), BUFFER_BYTES);
    let mut disk = Disk {
        client: client.map_err(|_| Error::BadArgument)?,
        open,
        longest: Longest::new(changes),
        is_known: false,
        holds: vec![0; EXTENTS as usize],
        begun: vec![None; UNDER_WAY],
        since: anax::time::now().nanoseconds(),
        asked: 0,
        replaced: 0,
    };
    run(&open, &mut disk)?;
    let counted = disk.client.counters();
    println!(
        "load: {} done of {}, {} asked again, {} new epochs, {} failed, longest: median {} us, 99% {} us, most {} us",
        disk.longest.noted(),
        disk.asked,
        counted.asked_again,
        disk.replaced,
        counted.failed,
        disk.longest.percentile(50) / 1000,
        disk.longest.percentile(99) / 1000,
        disk.longest.percentile(100) / 1000
    );
    if counted.failed == 0 && disk.longest.noted() == disk.asked { Ok(()) } else { Err(Error::Dropped) }
}
