//! What comes of it when thread 0's part has done something.

use anax_inet::control::Output;
use anax_tcp::{Endpoint, Tuple, owner};
use smoltcp::wire::IpProtocol;

use super::{Zero, ZeroHost, broadcast, hand};
use crate::cards::Cards;
use crate::item::{Departing, Item};
use crate::session::Arena;
use crate::shard::{LOOPBACK, Shard, Wire as _};

/// Frames of thread 0's own that wait for buffers.
const MOST_FRAMES: usize = 64;

impl<A: Arena> Zero<A> {
    /// Carries what the control part has for others to them.
    pub(super) fn output<H: ZeroHost<Arena = A>>(&mut self, shard: &mut Shard<H>) {
        while let Some(output) = self.control.output() {
            match output {
                Output::Frame(LOOPBACK, frame) => shard.say_inside(frame),
                Output::Frame(interface, frame) => {
                    if self.frames.len() < MOST_FRAMES {
                        self.frames.push_back((interface, frame));
                    }
                }
                Output::Change(change) => {
                    broadcast(shard, || Item::Change(change));
                    self.look_at_readies(shard);
                    self.keep_leases();
                }
                Output::Ready(token, link) => {
                    if let Some((thread, hop)) = self.resolving.remove(&token.0) {
                        hand(shard, thread, Item::Ready(hop, link));
                    }
                }
                Output::Failed(token, hop) => {
                    if let Some((thread, _)) = self.resolving.remove(&token.0) {
                        hand(shard, thread, Item::Failed(hop));
                    }
                }
                Output::Freed(freed) => _ = self.fragments.remove(&freed.buffer),
                Output::Error(about) if about.protocol == IpProtocol::Tcp => {
                    let (local, remote) = about.ports;
                    let tuple = Tuple {
                        local: Endpoint::new(about.source, local),
                        remote: Endpoint::new(about.destination, remote),
                    };
                    let owner = owner(&tuple, shard.port().threads());
                    hand(shard, owner, Item::Error(about));
                }
                Output::Error(about) if about.protocol == IpProtocol::Udp => {
                    let owner = crate::dispatch::of_port(about.ports.0, shard.port().threads());
                    hand(shard, owner, Item::Error(about));
                }
                Output::Error(_) | Output::Conflict(..) => {}
                Output::Answered(echo, ..) => {
                    if let Some(asked) = self.echoes.remove(&(echo.identifier, echo.sequence)) {
                        let took = self.now.saturating_sub(asked.since).as_nanos() as u64;
                        let answered = asked.later.answer(Ok(took));
                        let _is_there = shard.host().answer(&answered);
                    }
                }
                Output::Resolved(id, answer) => self.resolved(id, answer, shard),
            }
        }
    }

    /// Writes down the leases, as they are now.
    fn keep_leases(&mut self) {
        let Some(leases) = &mut self.leases else { return };
        for (number, card) in self.cards.iter().enumerate() {
            leases.note(number, &self.control.kept(card.interface));
        }
    }

    /// Does what is due, and sends what there is to be sent.
    pub(crate) fn roll_up<H: ZeroHost<Arena = A>>(&mut self, shard: &mut Shard<H>, cards: &mut Cards) {
        if self.control.next_deadline().is_some_and(|due| due <= self.now) {
            self.control.poll(self.now);
            self.keep_leases();
        }
        self.expire_echoes(shard);
        self.output(shard);
        while let Some((interface, frame)) = self.frames.pop_front() {
            if cards.of(interface).is_none() {
                continue;
            }
            let Some(buffer) = cards.buffer(interface, frame.len()) else {
                self.frames.push_front((interface, frame));
                break;
            };
            // The buffer is that long.
            let _ = buffer.bytes().copy_in(0, &frame);
            cards.send(Departing { interface, buffer, length: frame.len(), offload: None });
        }
        self.owed.retain(|(thread, interface, bytes)| match cards.buffer(*interface, *bytes) {
            Some(buffer) => {
                shard.port().send(*thread, Item::Stock(*interface, buffer));
                false
            }
            None => true,
        });
    }
}
