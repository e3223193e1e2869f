//! Transmits frames as fast as a card takes them: `net-load net0 CHANGES`.
#![no_std]
#![no_main]
#![forbid(unsafe_code)]

use anax::{Error, println};
use anax_frames::handover::BUFFERS;
use anax_frames::{ClientSide, Event};
use anax_ring::{SharedBytes, Sleep};
use device_load::{Load, Longest, Open, run};

/// Frames under way, and bytes of each.
const UNDER_WAY: usize = 16;
const FRAME: usize = 512;
/// Buffers lent for receiving.
const RECEIVE: usize = 64;

struct Net {
    client: ClientSide<'static, BUFFERS>,
    open: Open,
    longest: Longest,
    /// The number of each token's frame.
    begun: [u64; UNDER_WAY],
    /// When the last one came back, and how many did.
    since: u64,
    done: u64,
    free: [bool; UNDER_WAY],
    next: u64,
    replaced: u64,
    disordered: u64,
    last: u64,
}

impl Load for Net {
    fn work(&mut self, now: u64, finish: bool) -> Result<usize, Error> {
        loop {
            match self.client.event() {
                Ok(Event::Sent { token, outcome }) => {
                    outcome?;
                    let number = self.begun[token as usize];
                    // From one to the next: what a client notices of a change is one that takes longer.
                    self.longest.note(now - self.since);
                    self.since = now;
                    self.done += 1;
                    self.free[token as usize] = true;
                    // They come back in the order in which they went.
                    self.disordered += u64::from(number < self.last);
                    self.last = number;
                }
                Ok(Event::Received(received)) => self.client.release(received.buffer),
                Ok(Event::Replaced(_)) => self.replaced += 1,
                Ok(Event::About(_) | Event::Link(_)) => {}
                Ok(Event::Nothing) => break,
                Err(_) => self.client.rebind(self.open.epoch()?),
            }
        }
        if self.next == 1 {
            // What comes before the first one is the device's start.
            self.since = now;
        }
        while !finish && let Some(token) = self.free.iter().position(|is_free| *is_free) {
            let Some(buffer) = self.client.buffer() else { break };
            let bytes = buffer.bytes();
            // To everybody, of a kind that nobody answers (IEEE 802, local experimental).
            let head = [255, 255, 255, 255, 255, 255, 2, 0, 0, 0, 0, 1, 0x88, 0xb5];
            bytes
                .copy_in(0, &head)
                .and_then(|()| bytes.write_u64(16, self.next))
                .map_err(|_| Error::BadAddress)?;
            if self.client.transmit(buffer, FRAME, token as u32).is_err() {
                break;
            }
            (self.begun[token], self.free[token]) = (self.next, false);
            self.next += 1;
        }
        Ok(self.free.iter().filter(|is_free| !**is_free).count())
    }

    fn done(&self) -> u64 {
        self.done
    }

    fn prepare_to_sleep(&mut self) -> Result<Sleep, Error> {
        Ok(self.client.prepare_to_sleep().unwrap_or(Sleep::MaySleep))
    }
}

#[anax::main]
fn main() -> Result<(), Error> {
    let open = Open::first_argument()?;
    let changes = anax::arguments().get(1).and_then(|text| text.parse().ok()).unwrap_or(1);
    let pool = SharedBytes::new(open.pool);
    let client = ClientSide::new(open.endpoint(BUFFERS as u32)?, pool, RECEIVE);
    let mut net = Net {
        client: client.map_err(|_| Error::BadArgument)?,
        open,
        longest: Longest::new(changes),
        begun: [0; UNDER_WAY],
        since: anax::time::now().nanoseconds(),
        done: 0,
        free: [true; UNDER_WAY],
        next: 1,
        replaced: 0,
        disordered: 0,
        last: 0,
    };
    run(&open, &mut net)?;
    let counted = net.client.counters();
    println!(
        "load: {} done of {}, {} resent, {} new epochs, {} disordered, {} bad replies, longest: median {} us, 99% {} us, most {} us",
        net.done,
        net.next - 1,
        counted.resent,
        net.replaced,
        net.disordered,
        counted.bad_replies,
        net.longest.percentile(50) / 1000,
        net.longest.percentile(99) / 1000,
        net.longest.percentile(100) / 1000
    );
    let is_whole = net.done == net.next - 1 && counted.bad_replies == 0 && net.disordered == 0;
    if is_whole { Ok(()) } else { Err(Error::Dropped) }
}
