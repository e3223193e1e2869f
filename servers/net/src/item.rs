//! What threads hand each other.

use alloc::boxed::Box;

use anax_frames::{Buffer, Offers, Offload};
use anax_inet::icmp::About;
use anax_inet::{Change, Hop, Ingress, InterfaceId};
use anax_socket::Socket;
use smoltcp::wire::{EthernetAddress, IpAddress};

use crate::frame::Frame;
use crate::session::Held;

/// A packet that has come in and was looked at.
#[derive(Debug)]
pub struct Arrived {
    /// What is in it.
    pub ingress: Ingress,
    /// Where it lies.
    pub frame: Frame,
}

/// A frame that is to be sent.
#[derive(Debug)]
pub struct Departing {
    /// By which card.
    pub interface: InterfaceId,
    /// It.
    pub buffer: Buffer<'static>,
    /// Its bytes.
    pub length: usize,
    /// What the card does with it.
    pub offload: Option<Offload>,
}

/// A listening socket, as thread 0 tells of it.
#[derive(Clone, Copy, Debug)]
pub struct Listening {
    /// Its name, on all threads.
    pub socket: Socket,
    /// Whose it is.
    pub session: u64,
    /// Its address, if it is not all.
    pub address: Option<IpAddress>,
    /// Its port.
    pub port: u16,
    /// Connections that may wait.
    pub backlog: u32,
    /// The room that each begins with.
    pub room: u32,
}

/// What one thread hands another.
#[derive(Debug)]
pub enum Item<A> {
    /// A packet, for the thread that it belongs to.
    Packet(Box<Arrived>),
    /// To thread 0: a packet that nobody here takes.
    Unclaimed(Box<Arrived>),
    /// To thread 0: a frame of that thread's to be sent.
    Send(u32, Departing),
    /// To thread 0: a buffer that is free.
    Free(InterfaceId, Buffer<'static>),
    /// From thread 0: a buffer to fill.
    Stock(InterfaceId, Buffer<'static>),
    /// From thread 0: what a card does with frames.
    Card(InterfaceId, Offers),
    /// From thread 0: the tables have changed.
    Change(Change),
    /// From thread 0: a program has attached. To be [confirmed](Item::Confirm).
    Attached(Held<A>, u64),
    /// From thread 0: it is gone.
    Detached(u64),
    /// From thread 0: a socket listens. To be confirmed.
    Listen(Listening, u64),
    /// From thread 0: it does not any more.
    Unlisten(Socket),
    /// To thread 0: that has been done.
    Confirm(u64),
    /// To thread 0: that thread asks where a neighbour is.
    Resolve(u32, Hop),
    /// From thread 0: there.
    Ready(Hop, EthernetAddress),
    /// From thread 0: nowhere.
    Failed(Hop),
    /// To thread 0: a neighbour that was perhaps gone was sent to.
    Used(Hop),
    /// From thread 0: what somebody says about a packet of this thread's.
    Error(About),
}
