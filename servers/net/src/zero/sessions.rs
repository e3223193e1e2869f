//! Programs that attach and end, and sockets that listen on all threads.

use anax_proto::{Caller, Gift, Later};
use anax_socket::{Failure, Socket};

use super::{Round, Then, Zero, ZeroHost, broadcast};
use crate::item::{Item, Listening};
use crate::session::{Arena, Held, Session};
use crate::shard::Shard;

/// Programs at once.
const MOST_SESSIONS: usize = 256;
/// Badges have 32 bits.
const LAST_SESSION: u64 = u32::MAX as u64;

impl<A: Arena> Zero<A> {
    pub(crate) fn attach<H: ZeroHost<Arena = A>>(
        &mut self,
        arena: Gift,
        hold: Gift,
        later: Later<(Gift, u32), Failure>,
        shard: &mut Shard<H>,
    ) {
        let is_full = self.sessions.len() >= MOST_SESSIONS || self.last_session >= LAST_SESSION;
        let number = self.last_session + 1;
        let attached = if is_full { Err(Failure::Full) } else { shard.host().attach(number, arena, hold) };
        match attached {
            Ok(arena) => {
                self.last_session = number;
                self.sessions.push(number);
                let session: Held<A> = Held::new(Session { number, arena });
                let ticket = self.round(shard, Then::Attached(number, later));
                broadcast(shard, || Item::Attached(session.clone(), ticket));
            }
            Err(failure) => _ = shard.host().answer(&later.answer(Err(failure))),
        }
    }

    /// A program is gone.
    pub fn detach<H: ZeroHost<Arena = A>>(&mut self, number: u64, shard: &mut Shard<H>) {
        self.sessions.retain(|one| *one != number);
        self.lookups.retain(|_, lookup| lookup.session != number);
        self.echoes.retain(|_, echo| echo.session != number);
        broadcast(shard, || Item::Detached(number));
    }

    fn round<H: ZeroHost<Arena = A>>(&mut self, shard: &mut Shard<H>, then: Then) -> u64 {
        let ticket = self.next_round;
        self.next_round += 1;
        self.rounds.insert(ticket, Round { missing: shard.port().threads(), then });
        ticket
    }

    /// A thread has done something.
    pub(super) fn confirmed<H: ZeroHost<Arena = A>>(&mut self, ticket: u64, shard: &mut Shard<H>) {
        let Some(round) = self.rounds.get_mut(&ticket) else { return };
        round.missing -= 1;
        if round.missing > 0 {
            return;
        }
        let Some(round) = self.rounds.remove(&ticket) else { return };
        let answered = match round.then {
            Then::Attached(number, later) => {
                let threads = shard.port().threads();
                let handle = shard.host().handle(0, number);
                later.answer(handle.map(|handle| (handle, threads)))
            }
            Then::Listens(later) => later.answer(Ok(())),
        };
        let _is_there = shard.host().answer(&answered);
    }

    pub(crate) fn listen<H: ZeroHost<Arena = A>>(
        &mut self,
        caller: Caller,
        socket: Socket,
        (backlog, room): (u32, u32),
        later: Later<(), Failure>,
        shard: &mut Shard<H>,
    ) {
        let listening = shard.listens(caller, socket).and_then(|local| {
            if self.listening.contains(&socket) {
                return Err(Failure::BadState);
            }
            let address = (!local.address.is_unspecified()).then_some(local.address);
            let (session, port) = (caller.0, local.port);
            let listening = Listening { socket, session, address, port, backlog, room };
            // This thread's table is like all others'.
            shard.listen_here(&listening).map(|()| listening)
        });
        match listening {
            Ok(listening) => {
                self.listening.push(socket);
                let ticket = self.round(shard, Then::Listens(later));
                // Here it does already.
                self.confirmed(ticket, shard);
                let threads = shard.port().threads();
                (1..threads).for_each(|thread| shard.port().send(thread, Item::Listen(listening, ticket)));
            }
            Err(failure) => _ = shard.host().answer(&later.answer(Err(failure))),
        }
    }

    /// A socket is closed: if it listens, it does so nowhere any more.
    pub(crate) fn close<H: ZeroHost<Arena = A>>(&mut self, socket: Socket, shard: &mut Shard<H>) {
        let Some(place) = self.listening.iter().position(|one| *one == socket) else { return };
        self.listening.swap_remove(place);
        let threads = shard.port().threads();
        (1..threads).for_each(|thread| shard.port().send(thread, Item::Unlisten(socket)));
    }
}
