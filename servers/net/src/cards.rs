//! Network cards, as their client.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use anax_abi::Error;
use anax_frames::handover::BUFFERS;
use anax_frames::{
    About, BUFFER_BYTES, Buffer, ClientSide, Coalescing, Event, Link, MAX_PARTS, NotSent, Offers, Received,
};
use anax_inet::InterfaceId;

use crate::frame::Frame;
use crate::item::Departing;
use crate::shard::Wire;

/// Buffers that are lent for receiving: enough for the longest frame, and as much again. The rest is for sending.
pub const RECEIVE: usize = 72;
const _: () = assert!(RECEIVE >= 2 * MAX_PARTS && RECEIVE < BUFFERS);

/// The client's side of a card's channel.
pub type Client = ClientSide<'static, BUFFERS>;

/// What a card tells.
#[derive(Debug)]
pub enum Told {
    /// A frame.
    Frame(Frame),
    /// What it is.
    About(About),
    /// How its link is.
    Link(Link),
}

/// A card.
#[derive(Debug)]
pub struct Card {
    /// The interface that it is.
    pub interface: InterfaceId,
    /// Its client's side.
    pub client: Client,
    /// What it does with frames.
    pub offers: Offers,
    parts: Vec<Received<'static>>,
    /// What the driver could not be given yet: it has as much as it may have, or there is none just now. Nobody overtakes it.
    waiting: VecDeque<Departing>,
    /// Lies, until there is another driver.
    pub has_lied: bool,
}

impl Card {
    /// One of which nothing is known yet; what it is will be [told](Told::About).
    #[must_use]
    pub fn new(interface: InterfaceId, mut client: Client) -> Self {
        client.ask();
        client.watch();
        client.lend_together(RECEIVE / 4);
        let (offers, parts, waiting) = Default::default();
        Self { interface, client, offers, parts, waiting, has_lied: false }
    }

    /// Gives the driver what has waited for it, as much as goes.
    fn retry(&mut self) {
        while let Some(departing) = self.waiting.pop_front() {
            if let Some(again) = self.transmit(departing) {
                return self.waiting.push_front(again);
            }
        }
    }

    /// Gives the driver a frame; it comes back if it has to wait.
    fn transmit(&mut self, departing: Departing) -> Option<Departing> {
        let Departing { interface, buffer, length, offload } = departing;
        let NotSent { buffer, reason } = self.client.transmit_with(buffer, length, offload, 0).err()?;
        if reason == Error::BadArgument || cfg!(bite = "net-cards-drop") {
            // What no card takes is none.
            self.client.release(buffer);
            return None;
        }
        Some(Departing { interface, buffer, length, offload })
    }

    /// The next thing that it tells; nothing: none now.
    pub fn told(&mut self) -> Option<Told> {
        let told = self.next();
        if told.is_none() && !self.waiting.is_empty() {
            self.retry();
        }
        told
    }

    fn next(&mut self) -> Option<Told> {
        loop {
            match self.client.event() {
                Ok(Event::Received(part)) => {
                    let follow = part.follow;
                    if self.parts.is_empty() && follow == 0 {
                        return Some(Told::Frame(Frame::One(part)));
                    }
                    self.parts.push(part);
                    if follow == 0 {
                        return Some(Told::Frame(Frame::Many(core::mem::take(&mut self.parts))));
                    }
                }
                Ok(Event::About(about)) => {
                    self.offers = about.offers;
                    if about.offers.coalesced != Coalescing::NONE {
                        // There are enough buffers.
                        let _ = self.client.accept(about.offers.coalesced);
                    }
                    return Some(Told::About(about));
                }
                Ok(Event::Link(link)) => return Some(Told::Link(link)),
                Ok(Event::Replaced(_)) => {
                    self.has_lied = false;
                    self.client.ask();
                }
                Ok(Event::Sent { .. }) => {}
                Ok(Event::Nothing) => return None,
                Err(_) => {
                    self.has_lied = true;
                    return None;
                }
            }
        }
    }
}

/// All cards of this host.
#[derive(Debug, Default)]
pub struct Cards {
    /// They.
    pub all: Vec<Card>,
}

impl Cards {
    /// The card that an interface is.
    pub fn of(&mut self, interface: InterfaceId) -> Option<&mut Card> {
        self.all.iter_mut().find(|card| card.interface == interface)
    }
}

impl Wire for Cards {
    fn buffer(&mut self, interface: InterfaceId, bytes: usize) -> Option<Buffer<'static>> {
        let client = &mut self.of(interface)?.client;
        if bytes <= BUFFER_BYTES { client.buffer() } else { client.buffer_of(bytes) }
    }

    fn is_sending(&mut self, interface: InterfaceId) -> bool {
        self.of(interface).is_some_and(|card| card.client.is_sending() || !card.waiting.is_empty())
    }

    fn send(&mut self, departing: Departing) {
        let Some(card) = self.of(departing.interface) else { return };
        let waits = if card.waiting.is_empty() { card.transmit(departing) } else { Some(departing) };
        card.waiting.extend(waits);
    }

    fn free(&mut self, interface: InterfaceId, buffer: Buffer<'static>) {
        if let Some(card) = self.of(interface) {
            card.client.release(buffer);
        }
    }
}
