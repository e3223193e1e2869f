//! Sockets as messages: what programs ask the network server, and the memory that both share.
//!
//! A program attaches with a region of its own, its *arena*. Each socket has two rings in there, one for what comes and one for what goes, of which both sides say how
//! far they are: positions count bytes from 0 on and never go back, so a message may be said twice. One method carries the data of all kinds of sockets,
//! [`exchange`](Sockets::exchange): "written up to here, room up to there; answer when there is more than I know of". No byte of a stream is in a message,
//! and the server copies each once, between arena and frame.
//!
//! | ring | written by | its position | the other side's |
//! |---|---|---|---|
//! | receive | the server | received: complete up to there | room: may be written up to there |
//! | send | the program | written | taken: will not be looked at again up to there |
//!
//! A stream's ring holds its bytes, but for [pieces](Piece) that lie elsewhere; a datagram socket's holds records ([`datagram`]). The server believes nothing that it reads there: headers are copied out
//! first, and what is wrong ends the socket.
//!
//! Each protocol thread of the server has a port of its own, and a socket lives with one of them: by a thread's port its sockets are asked.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod datagram;
mod end;
mod failure;
mod network;
mod piece;
mod progress;
pub mod ring;
mod rings;
mod socket;

pub use end::{Address, End};
pub use failure::Failure;
pub use network::{AddressReport, InterfaceReport, LinkKind, NeighbourReport, RouteReport};
pub use piece::{LONGEST_SHOWN, Lost, MOST_PIECES, MOST_SHOWN, Piece, Stretch};
pub use progress::{Progress, Standing};
pub use rings::Rings;
pub use socket::{Choice, Kind, Question, Socket};

use alloc::vec::Vec;

use anax_proto::{Caller, Gift, Later};

/// The name of the service.
pub const SERVICE: &str = "net";
/// Questions about one socket that wait at most: the one that has waited longest is answered with what there is.
pub const MOST_WAITING: usize = 4;

/// What the network server is asked. All but [`attach`](Self::attach) by the handles that attaching has given.
#[anax_proto::interface]
pub trait Sockets {
    /// Begins: with a region (READ, WRITE) for the rings of all sockets, and a port to which nobody else has a handle, by whose end the server knows that the program is gone.
    /// A handle for the session's requests to thread 0, and how many threads there are.
    ///
    /// `Full`: too many programs. `BadArgument`: it is no such region.
    fn attach(&mut self, arena: Gift, hold: Gift, later: Later<(Gift, u32), Failure>);

    /// A handle for the session's requests to the thread of that number.
    ///
    /// `BadArgument`: there is none.
    fn thread(&mut self, caller: Caller, number: u32) -> Result<Gift, Failure>;

    /// A socket of this thread's, with those rings.
    ///
    /// `BadArgument`: they are not within the arena, or no rings. `Full`.
    fn open(&mut self, caller: Caller, kind: Kind, rings: Rings) -> Result<Socket, Failure>;

    /// Gives it an address (or none in particular) and a port (0: any) of this host.
    ///
    /// `InUse`; `NoAddress`: it is not this host's; `Elsewhere` with the thread whose port that is; `BadState` if it has one.
    fn bind(&mut self, caller: Caller, socket: Socket, local: End) -> Result<(), Failure>;

    /// Connects a stream, answered when it is open; of a datagram socket it says with whom alone it speaks.
    ///
    /// `Refused`, `Reset`, `TimedOut`, `Unreachable`, `NoRoute`, `Elsewhere`, `InUse`, `BadState`.
    fn connect(&mut self, caller: Caller, socket: Socket, remote: End, later: Later<(), Failure>);

    /// Waits for connections to the port that it is bound to, on every thread: the port is told at once to all of them. To be asked of thread 0, and closed there. `backlog`:
    /// connections that wait to be accepted, at most, on each thread; `room`: bytes of room that each begins with, no more than the rings that it is accepted with have.
    ///
    /// `InUse`, `BadState`.
    fn listen(&mut self, caller: Caller, socket: Socket, backlog: u32, room: u32, later: Later<(), Failure>);

    /// The next connection of this thread's to a listening socket, with rings for it, and with whom.
    ///
    /// `BadArgument` for the rings; `Gone` when the socket does not listen any more.
    fn accept(
        &mut self,
        caller: Caller,
        listener: Socket,
        rings: Rings,
        later: Later<(Socket, End), Failure>,
    );

    /// Tells how far the program is with its two rings (written, room), and is answered when the server is further than the program knows (received, taken),
    /// each of which may be `u64::MAX` for "never mind", and more than is so far for "not before it is beyond that"; or when the socket's [`Standing`] is
    /// another than it knows of. Positions may be told again, and never less than before.
    ///
    /// `BadArgument` for positions that can't be; `Gone`; after its end, what ended it.
    fn exchange(
        &mut self,
        caller: Caller,
        question: Question,
        own: (u64, u64),
        known: (u64, u64),
        later: Later<Progress, Failure>,
    );

    /// Shows this thread a table (as many words as a VFS server's; READ) by which pieces are seen to be there. What was shown before is forgotten.
    ///
    /// `BadArgument`: it is no such region. `BadState`: pieces lie in what was shown before. `Full`.
    fn show_table(&mut self, caller: Caller, table: Gift) -> Result<(), Failure>;

    /// Shows this thread memory (READ) in which pieces may lie, at that place, instead of what was shown there before.
    ///
    /// `BadArgument`: there is no such place, or it does not lie in the region. `BadState`: pieces lie in what was shown there before, or no table was shown. `Full`: too much of all
    /// programs is shown.
    fn show(&mut self, caller: Caller, place: u32, stretch: Stretch, memory: Gift) -> Result<(), Failure>;

    /// Bytes of a stream that are not written yet lie elsewhere than in its ring: in memory that was shown, as long as its table says so. `exchange` tells how much of it is written, as of all bytes.
    ///
    /// `BadArgument`: it does not lie in memory that was shown, or not behind what is written and behind other pieces, or begins beyond the ring. `Full`: [`MOST_PIECES`]. `BadState`: it is no stream, or has ended.
    fn piece(&mut self, caller: Caller, socket: Socket, piece: Piece) -> Result<(), Failure>;

    /// Waits until a piece of this program's on this thread can't be sent, since its bytes are not there any more. Its stream waits until it was [`filled`](Self::filled). Of each piece it is told once.
    ///
    /// `BadState`: no table was shown. `Way(Aborted)`: it is asked once more. `Gone`: with the session.
    fn lost(&mut self, caller: Caller, later: Later<Lost, Failure>);

    /// The bytes of the piece that begins there lie in the ring now, as far as they are written.
    ///
    /// `BadArgument`: there is none, or not any more.
    fn filled(&mut self, caller: Caller, socket: Socket, from: u64) -> Result<(), Failure>;

    /// Nothing more is written: what was goes out, and the other end is told.
    fn shut_down(&mut self, caller: Caller, socket: Socket) -> Result<(), Failure>;

    /// The program has no use for it any more. What was written still goes out, from rings that may be used again when this is answered.
    fn close(&mut self, caller: Caller, socket: Socket, later: Later<(), Failure>);

    /// Ends it at once; the other end is told so. Its rings are free.
    fn abort(&mut self, caller: Caller, socket: Socket) -> Result<(), Failure>;

    /// Chooses an option.
    ///
    /// `BadArgument`: it has no such value, or the socket's kind has no such option.
    fn choose(&mut self, caller: Caller, socket: Socket, choice: Choice, value: u64) -> Result<(), Failure>;

    /// Its own end.
    fn local(&mut self, caller: Caller, socket: Socket) -> Result<End, Failure>;

    /// The other end; `BadState` if there is none.
    fn remote(&mut self, caller: Caller, socket: Socket) -> Result<End, Failure>;

    /// Sends an echo request of `length` bytes to a host, and is answered with the nanoseconds until its reply. Thread 0's.
    ///
    /// `TimedOut` after `patience` milliseconds; `NoRoute`, `Unreachable`.
    fn echo(&mut self, caller: Caller, to: Address, length: u16, patience: u32, later: Later<u64, Failure>);

    /// Begins to look for a name's addresses, of one version or (0) of both. What asking about it is done by. Thread 0's.
    ///
    /// `BadArgument`: it is no name. `Full`.
    #[control]
    fn look_up(&mut self, caller: Caller, name: &str, version: u8) -> Result<u64, Failure>;

    /// Waits until a look-up has ended: how many addresses it found.
    ///
    /// `NoName`, `NoServer`, `TimedOut`; `Gone` for another's.
    fn looked_up(&mut self, caller: Caller, number: u64, later: Later<u32, Failure>);

    /// One of the addresses that were found.
    fn found(&mut self, caller: Caller, number: u64, which: u32) -> Result<Address, Failure>;

    /// Waits until this host has an address by which others can be reached, by version or (0) any.
    fn ready(&mut self, caller: Caller, version: u8, later: Later<(), Failure>);

    /// Interfaces from that number on, some of them.
    #[control]
    #[idempotent]
    fn interfaces(&mut self, first: u32) -> Result<Vec<InterfaceReport>, Failure>;

    /// Routes from that number on, some of them.
    #[control]
    #[idempotent]
    fn routes(&mut self, first: u32) -> Result<Vec<RouteReport>, Failure>;

    /// Neighbours from that number on, some of them.
    #[control]
    #[idempotent]
    fn neighbours(&mut self, first: u32) -> Result<Vec<NeighbourReport>, Failure>;

    /// Gives an interface an address of this host, with so many bits of its network; or takes it away.
    ///
    /// `BadArgument`: there is no such interface; `Full`.
    #[control]
    fn assign(&mut self, interface: u32, address: Address, prefix: u8, is_there: bool)
    -> Result<(), Failure>;

    /// Adds a route to a network, by a router; or takes it away.
    ///
    /// `NoRoute`: the router is on no link; `Full`.
    #[control]
    fn route(&mut self, network: Address, prefix: u8, via: Address, is_there: bool) -> Result<(), Failure>;

    /// What was counted, by its number: name and value; `BadArgument` behind the last one. Each thread has its own.
    #[control]
    #[idempotent]
    fn counter(&mut self, number: u32) -> Result<(alloc::string::String, u64), Failure>;
}
