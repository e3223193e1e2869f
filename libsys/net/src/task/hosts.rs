//! Names, echoes, and what can be seen of the network.

use alloc::string::String;
use alloc::vec::Vec;
use core::net::IpAddr;
use core::time::Duration;

use anax_abi::Error;
use anax_socket::{Address, Failure, InterfaceReport, NeighbourReport, RouteReport, sockets};

use super::session::Session;

/// Addresses of a name, and reports of a list, that are believed to be there at most.
const MOST_ADDRESSES: u32 = 64;
const MOST_REPORTS: usize = 65_536;

/// Which addresses are looked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Version {
    /// Of both versions.
    #[default]
    Any,
    /// Of version 4.
    V4,
    /// Of version 6.
    V6,
}

impl Version {
    const fn number(self) -> u8 {
        match self {
            Self::Any => 0,
            Self::V4 => 4,
            Self::V6 => 6,
        }
    }

    const fn has(self, address: IpAddr) -> bool {
        match self {
            Self::Any => true,
            Self::V4 => address.is_ipv4(),
            Self::V6 => address.is_ipv6(),
        }
    }
}

/// The addresses of a host, at least one; what is an address already is its own.
///
/// # Errors
/// `NoName`, `NoServer`, `TimedOut`; `BadArgument`: it is no name; `Full`; `Way`.
pub async fn lookup(session: &Session, name: &str, version: Version) -> Result<Vec<IpAddr>, Failure> {
    if let Ok(address) = name.parse::<IpAddr>() {
        return if version.has(address) { Ok(Vec::from([address])) } else { Err(Failure::NoName) };
    }
    match ask(session, name, version).await {
        Err(failure) if failure == Error::PeerDied.into() => ask(session, name, version).await,
        found => found,
    }
}

async fn ask(session: &Session, name: &str, version: Version) -> Result<Vec<IpAddr>, Failure> {
    let attachment = session.attachment()?;
    let number = attachment.ask(0, |server| server.look_up(name, version.number()))?;
    let count: u32 = attachment.ask_later(0, sockets::LOOKED_UP, number).await?;
    let found =
        (0..count.min(MOST_ADDRESSES)).map(|which| attachment.ask(0, |server| server.found(number, which)));
    let found: Vec<IpAddr> =
        found.map(|found| found.map(|Address(address)| address)).collect::<Result<_, _>>()?;
    if found.is_empty() { Err(Failure::NoName) } else { Ok(found) }
}

/// Sends an echo request with so many bytes, and waits for the reply: how long that took, as the server saw it.
///
/// # Errors
/// `TimedOut` after `patience`; `NoRoute`, `Unreachable`, `Way`.
pub async fn ping(
    session: &Session,
    to: IpAddr,
    length: u16,
    patience: Duration,
) -> Result<Duration, Failure> {
    let patience = u32::try_from(patience.as_millis()).unwrap_or(u32::MAX);
    // An address, a length and the patience are five words.
    let arguments = (Address(to), length, patience);
    let took: u64 = session.attachment()?.ask_later(0, sockets::ECHO, arguments).await?;
    Ok(Duration::from_nanos(took))
}

/// Waits until this host has an address by which others can be reached.
///
/// # Errors
/// `Way`.
pub async fn wait_until_ready(session: &Session, version: Version) -> Result<(), Failure> {
    session.attachment()?.ask_later(0, sockets::READY, version.number()).await
}

fn all<T>(mut some: impl FnMut(u32) -> Result<Vec<T>, Failure>) -> Result<Vec<T>, Failure> {
    let mut all = Vec::new();
    while all.len() < MOST_REPORTS {
        let more = some(all.len() as u32)?;
        if more.is_empty() {
            break;
        }
        all.extend(more);
    }
    Ok(all)
}

/// All interfaces.
///
/// # Errors
/// `Way`.
pub fn interfaces(session: &Session) -> Result<Vec<InterfaceReport>, Failure> {
    all(|first| session.ask(|attachment| attachment.ask(0, |server| server.interfaces(first))))
}

/// All routes.
///
/// # Errors
/// `Way`.
pub fn routes(session: &Session) -> Result<Vec<RouteReport>, Failure> {
    all(|first| session.ask(|attachment| attachment.ask(0, |server| server.routes(first))))
}

/// All neighbours.
///
/// # Errors
/// `Way`.
pub fn neighbours(session: &Session) -> Result<Vec<NeighbourReport>, Failure> {
    all(|first| session.ask(|attachment| attachment.ask(0, |server| server.neighbours(first))))
}

/// What a thread of the server's has counted: names and values.
///
/// # Errors
/// `BadArgument`: there is no such thread; `Way`.
pub fn counters(session: &Session, thread: u32) -> Result<Vec<(String, u64)>, Failure> {
    if thread >= session.threads()? {
        return Err(Failure::BadArgument);
    }
    all(|number| {
        let counter = session.ask(|attachment| attachment.ask(thread, |server| server.counter(number)));
        match counter {
            Ok(counter) => Ok(Vec::from([counter])),
            Err(Failure::BadArgument) => Ok(Vec::new()),
            Err(failure) => Err(failure),
        }
    })
}

/// What becomes of an address or a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It is there from now on.
    Add,
    /// It is not.
    Remove,
}

/// Gives an interface an address with so many bits of its network, or takes it away.
///
/// # Errors
/// `BadArgument`: there is no such interface; `Full`, `Way`.
pub fn assign(
    session: &Session,
    interface: u32,
    address: IpAddr,
    prefix: u8,
    change: Change,
) -> Result<(), Failure> {
    let attachment = session.attachment()?;
    attachment.ask(0, |server| server.assign(interface, Address(address), prefix, change == Change::Add))
}

/// Adds a route to a network by a router, or takes it away.
///
/// # Errors
/// `NoRoute`: the router is on no link; `Full`, `Way`.
pub fn route(session: &Session, network: (IpAddr, u8), via: IpAddr, change: Change) -> Result<(), Failure> {
    let (address, prefix) = network;
    let is_there = change == Change::Add;
    session.attachment()?.ask(0, |server| server.route(Address(address), prefix, Address(via), is_there))
}
