//! Has the gateway send frames back and judges each, whatever the card's driver does: `net-check net0`. The gateway is the emulator's own, which answers ICMP echo
//! requests (RFC 792) at 10.0.2.2 by itself.
#![no_std]
#![no_main]
#![forbid(unsafe_code)]

extern crate alloc;

use alloc::vec;
use alloc::vec::Vec;

use anax::{Error, println};
use anax_frames::handover::BUFFERS;
use anax_frames::{ClientSide, Event, Mac, Received};
use anax_ring::{Epoch, SharedBytes, Sleep};
use device_load::echo::{REQUEST, Reply, arp, frame, reply};
use device_load::{Check, Load, Open, Standing, Tally, watch};

/// Echoes under way, and buffers lent for receiving.
const UNDER_WAY: usize = 16;
const RECEIVE: usize = 64;
/// After so many nanoseconds a request is sent again: frames may be lost.
const AGAIN: u64 = 30_000_000;

/// An echo that is waited for.
#[derive(Clone, Copy)]
struct Echo {
    number: u64,
    /// When it was sent last; none if it is to be.
    sent: Option<u64>,
    /// Its buffer is not back.
    is_lent: bool,
}

struct Net {
    client: ClientSide<'static, BUFFERS>,
    open: Open,
    standing: Standing,
    mac: Option<Mac>,
    /// Whether the gateway is to be told where this is.
    introduces: bool,
    echoes: Vec<Echo>,
    next: u64,
    trusted: u64,
    is_trusted: bool,
    again: u64,
    tally: Tally,
}

impl Net {
    fn received(&mut self, received: Received<'static>) {
        let mut bytes = [0; REQUEST];
        let length = received.length.min(REQUEST);
        let copied = received.frame().copy_out(0, &mut bytes[..length]);
        self.client.release(received.buffer);
        let Ok(()) = copied else { return };
        match reply(&bytes[..length]) {
            Reply::Other => {}
            Reply::Right(number) => {
                let Some(echo) = self.echoes.iter_mut().find(|echo| echo.number == number) else { return };
                // Else it has come twice, as it may.
                (echo.number, echo.sent) = (self.next, None);
                self.next += 1;
                self.tally.done += 1;
                self.tally.right += u64::from(self.is_trusted && number > self.trusted);
            }
            Reply::Wrong(number) => {
                self.tally.done += 1;
                if self.is_trusted && number > self.trusted {
                    println!("net-check: echo {number} is not what was sent");
                    self.tally.broken += 1;
                } else {
                    self.tally.wrong += 1;
                }
            }
        }
    }

    /// Whether there was a buffer for it.
    fn transmit(&mut self, bytes: &[u8], token: u32) -> bool {
        let Some(buffer) = self.client.buffer() else { return false };
        // It fits: a buffer is longer than all that is sent here.
        let _ = buffer.bytes().copy_in(0, bytes);
        match self.client.transmit(buffer, bytes.len(), token) {
            Ok(()) => true,
            Err(refused) => {
                self.client.release(refused.buffer);
                false
            }
        }
    }

    fn send(&mut self, now: u64, mac: Mac, finish: bool) {
        if self.introduces {
            self.introduces = !self.transmit(&arp(mac.0), UNDER_WAY as u32);
        }
        for place in 0..self.echoes.len() {
            let Echo { number, sent, is_lent } = self.echoes[place];
            let is_late = sent.is_some_and(|sent| now > sent + AGAIN);
            if is_lent || finish || sent.is_some() && !is_late {
                continue;
            }
            if !self.transmit(&frame(mac.0, number), place as u32) {
                return;
            }
            if is_late {
                self.again += 1;
                self.introduces = true;
            }
            self.echoes[place] = Echo { number, sent: Some(now), is_lent: true };
        }
    }
}

impl Load for Net {
    fn work(&mut self, now: u64, finish: bool) -> Result<usize, Error> {
        loop {
            match self.client.event() {
                Ok(Event::Sent { token, .. }) => {
                    if let Some(echo) = self.echoes.get_mut(token as usize) {
                        echo.is_lent = false;
                    }
                }
                Ok(Event::Received(received)) => self.received(received),
                Ok(Event::About(about)) => self.mac = Some(self.mac.unwrap_or(about.mac)),
                Ok(Event::Replaced(epoch)) => {
                    self.standing = Standing::new(epoch);
                    self.tally.epochs += 1;
                }
                Ok(Event::Link(_)) => {}
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
        if let Some(mac) = self.mac {
            self.send(now, mac, finish);
        }
        let waited_for = |echo: &&Echo| echo.is_lent || !finish;
        Ok(self.echoes.iter().filter(waited_for).count())
    }

    fn done(&self) -> u64 {
        self.tally.done
    }

    fn prepare_to_sleep(&mut self) -> Result<Sleep, Error> {
        Ok(self.client.prepare_to_sleep().unwrap_or(Sleep::MaySleep))
    }
}

impl Check for Net {
    fn tally(&self) -> Tally {
        self.tally
    }

    fn trust(&mut self) {
        (self.trusted, self.is_trusted) = (self.next - 1, true);
        (self.tally.right, self.tally.broken) = (0, 0);
    }

    fn distrust(&mut self) {
        self.is_trusted = false;
    }

    fn standing(&self) -> (Epoch, bool) {
        (self.standing.epoch, self.standing.has_lied)
    }
}

#[anax::main]
fn main() -> Result<(), Error> {
    let open = Open::first_argument()?;
    let standing = Standing::new(open.epoch()?);
    let client = ClientSide::new(open.endpoint(BUFFERS as u32)?, SharedBytes::new(open.pool), RECEIVE);
    let mut client = client.map_err(|_| Error::BadArgument)?;
    client.ask();
    let mut echoes = vec![Echo { number: 0, sent: None, is_lent: false }; UNDER_WAY];
    (1..).zip(&mut echoes).for_each(|(number, echo)| echo.number = number);
    let mut net = Net {
        client,
        open,
        standing,
        mac: None,
        introduces: true,
        echoes,
        next: UNDER_WAY as u64 + 1,
        trusted: 0,
        is_trusted: false,
        again: 0,
        tally: Tally::default(),
    };
    watch(&open, &mut net)?;
    let Tally { done, wrong, epochs, .. } = net.tally;
    println!("check: {done} echoed, {wrong} wrong, {epochs} new epochs, {} sent again", net.again);
    Ok(())
}
