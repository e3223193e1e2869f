//! The same as `mishap-sockets` by code that waits: `mishap-waits waits HOST`. A connection with data under way, a socket for datagrams, and a listener whose
//! `accept` is the pause between two exchanges.
//!
//! When one of them is told that its server has died, so are the other two when they are used next; then all three are begun anew.
#![no_std]
#![no_main]
#![forbid(unsafe_code)]

use core::net::{IpAddr, Ipv4Addr, SocketAddr};
use core::time::Duration;

use anax::message::{Port, Received, replymsg};
use anax::time::{Instant, after, now};
use anax::{Error, println};
use anax_net::{Failure, Listening, Session, Sizes, TcpListener, TcpStream, UdpSocket, Version};
use anax_pattern::{Direction, Pattern};
use mishaps::{COUNT, PATIENCE, PAUSE, STOP, Tally};

/// Rings of three sockets, with room for as many again.
const ARENA: u64 = 1 << 20;
/// Where the host echoes.
const STREAMS: u16 = 5004;
const DATAGRAMS: u16 = 5007;
/// Where this program waits.
const WAITS: u16 = 6002;
/// What is under way on the connection.
const BYTES: usize = 4000;
const SHORT: Duration = Duration::from_millis(1);
/// After which a datagram's echo is lost.
const LOST: Duration = Duration::from_millis(200);

struct Sockets {
    stream: TcpStream,
    datagrams: UdpSocket,
    listener: TcpListener,
    position: u64,
    /// The listener has told of the server's death.
    is_told: bool,
}

struct Load {
    session: Session,
    host: IpAddr,
    port: Port,
    tally: Tally,
    good: u64,
    stop: Option<Received>,
}

#[anax::main]
fn main() -> Result<u64, Error> {
    let [_, host] = anax::arguments() else { return Err(Error::BadArgument) };
    let host = host.parse().map_err(|_| Error::BadArgument)?;
    let (port, tally) = (anax::port()?, Tally::new("waits"));
    let done = Session::with(ARENA).and_then(|session| {
        let mut load = Load { session, host, port, tally, good: 0, stop: None };
        load.run()?;
        println!("{}", load.tally);
        Ok(load.stop)
    });
    match done {
        Ok(stop) => stop.map_or(Ok(0), |stop| replymsg(stop.number, Ok(0), [0; 5]).map(|()| 0)),
        Err(failure) => {
            println!("mishap-waits: {failure}");
            Ok(1)
        }
    }
}

impl Load {
    fn run(&mut self) -> Result<(), Failure> {
        let mut died: Option<Instant> = None;
        loop {
            let mut sockets = self.begin()?;
            if let Some(died) = died {
                self.tally.is_back(since(died));
            }
            let failure = match self.work(&mut sockets) {
                Ok(()) => return Ok(()),
                Err(failure) => failure,
            };
            died = Some(now());
            expect_death("one of them", Err(failure))?;
            let Sockets { stream, datagrams, listener, is_told, .. } = &mut sockets;
            // A few bytes have room, and are told to nobody before they are pushed.
            expect_death("stream", stream.write_all(&[0]).and_then(|()| stream.read(&mut [0])).map(drop))?;
            // An echo may have come before.
            let received = (0..4).find_map(|_| datagrams.recv(&mut [0; 8]).err());
            expect_death("datagrams", received.map_or(Ok(()), Err))?;
            // A listener says so once.
            if !*is_told {
                expect_death("accept", listener.accept().map(drop))?;
            }
            self.tally.died();
        }
    }

    fn at(&self, port: u16) -> SocketAddr {
        SocketAddr::new(self.host, port)
    }

    fn begin(&self) -> Result<Sockets, Failure> {
        let until = after(PATIENCE);
        if !self.host.is_loopback() {
            let version = if self.host.is_ipv4() { Version::V4 } else { Version::V6 };
            self.session.wait_until_ready(version, until)?;
        }
        let stream = loop {
            match TcpStream::connect_from(&self.session, None, self.at(STREAMS), Sizes::each(8192)) {
                // Who echoes on this host has to begin anew as well.
                Err(Failure::Refused) if now() < until => anax::time::sleep(SHORT),
                connected => break connected?,
            }
        };
        let at = |port| SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), port);
        let how = Listening { backlog: 4, sizes: Sizes::SMALL };
        Ok(Sockets {
            stream,
            datagrams: UdpSocket::bind_with(&self.session, at(0), Sizes::SMALL)?,
            listener: TcpListener::bind_with(&self.session, at(WAITS), how)?,
            position: 0,
            is_told: false,
        })
    }

    /// Until it is to stop, or fails.
    fn work(&mut self, sockets: &mut Sockets) -> Result<(), Failure> {
        loop {
            exchange(sockets)?;
            self.datagram(&mut sockets.datagrams)?;
            match sockets.listener.accept_until(after(SHORT)) {
                Err(failure) if failure == Error::TimedOut.into() => {}
                other => {
                    sockets.is_told = true;
                    return Err(other.err().unwrap_or(Error::PeerMisbehaved.into()));
                }
            }
            self.good += 1;
            while let Ok(received) = self.port.getport() {
                self.happened(&received)?;
            }
            if self.stop.is_some() {
                return Ok(());
            }
        }
    }

    /// Asks until there is the answer: the first ones may be lost, as somebody else has to begin anew.
    fn datagram(&mut self, socket: &mut UdpSocket) -> Result<(), Failure> {
        let until = after(PATIENCE);
        let number = self.good.to_le_bytes();
        while now() < until {
            socket.send_to(&number, self.at(DATAGRAMS))?;
            let mut came = [0; 8];
            match socket.recv_until(&mut came, after(LOST)) {
                Ok(8) if came == number => return Ok(()),
                // The echo of an earlier one.
                Ok(_) => {}
                Err(Failure::Refused) => anax::time::sleep(SHORT),
                Err(failure) if failure == Error::TimedOut.into() => {}
                Err(failure) => return Err(failure),
            }
        }
        Err(Failure::TimedOut)
    }

    fn happened(&mut self, received: &Received) -> Result<(), Error> {
        match received.command() {
            STOP => {
                self.stop = Some(*received);
                Ok(())
            }
            COUNT => replymsg(received.number, Ok(self.good), [self.tally.deaths(), 0, 0, 0, 0]),
            PAUSE => {
                replymsg(received.number, Ok(0), [0; 5])?;
                let next = self.port.waitport()?;
                self.happened(&next)
            }
            _ => replymsg(received.number, Err(Error::BadCommand), [0; 5]),
        }
    }
}

fn exchange(sockets: &mut Sockets) -> Result<(), Failure> {
    let pattern = Pattern::new(1, Direction::ToGuest);
    let (mut sent, mut came) = ([0; BYTES], [0; BYTES]);
    pattern.fill(sockets.position, &mut sent);
    sockets.stream.write_all(&sent)?;
    sockets.stream.read_exact(&mut came)?;
    if pattern.first_wrong(sockets.position, &came).is_some() {
        return Err(Error::PeerMisbehaved.into());
    }
    sockets.position += BYTES as u64;
    Ok(())
}

/// That it fails with `PeerDied`, and with nothing else.
fn expect_death(name: &str, outcome: Result<(), Failure>) -> Result<(), Failure> {
    match outcome {
        Err(failure) if failure == Error::PeerDied.into() => Ok(()),
        Err(failure) => {
            println!("mishap-waits: {name}: {failure}");
            Err(failure)
        }
        Ok(()) => {
            println!("mishap-waits: {name} goes on without its server");
            Err(Error::PeerMisbehaved.into())
        }
    }
}

fn since(begun: Instant) -> Duration {
    Duration::from_nanos(now().nanoseconds() - begun.nanoseconds())
}
