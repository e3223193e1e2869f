//! Services to measure and test a network by, each connection a task. When the network server has died, all ports are bound anew at its successor.
#![no_std]
#![no_main]
#![forbid(unsafe_code)]

extern crate alloc;

use alloc::rc::Rc;
use core::net::{IpAddr, Ipv6Addr, SocketAddr};
use core::time::Duration;

use anax::{Error, eprintln, println};
use anax_net::task::{Session, TcpListener, UdpSocket};
use anax_net::{Failure, Listening, Sizes};
use anax_task::{Executor, Limits};
use peerd::{Bound, HELP, PORTS, Port, connection, datagrams};

/// For all rings: two thousand connections that say little, and a few dozen that say much.
const ARENA: u64 = 56 << 20;
/// Tasks, one for each connection; questions under way.
const LIMITS: Limits = Limits { tasks: 4000, calls: 6000, requests: 16 };
/// Connections that wait for a task.
const BACKLOG: u32 = 512;
/// How long it waits when there is no room for another connection, or no server.
const PAUSE: Duration = Duration::from_millis(10);
/// The same when something else does not go.
const LONG_PAUSE: Duration = Duration::from_secs(1);

const USAGE: u64 = 2;

/// What all tasks have.
struct Peer {
    session: Session,
    bound: Bound,
}

#[anax::main]
fn main() -> Result<u64, Error> {
    match anax::arguments() {
        [] => {}
        [help] if help == "--help" || help == "-h" => {
            anax::print!("{HELP}");
            return Ok(0);
        }
        [other, ..] => {
            eprintln!("peerd: what is '{other}'? peerd --help says how it is used");
            return Ok(USAGE);
        }
    }
    // The program's own port can have half of its messages under way.
    let mut executor = Executor::new(anax::port()?, LIMITS);
    let events = executor.events();
    let session = Session::new(events.clone(), ARENA);
    let peer = Rc::new(Peer { session, bound: Bound::new(PORTS.len() + 1) });
    // Of both versions.
    let at = |port| SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), port);
    for port in PORTS {
        events.spawn(streams(peer.clone(), at(port.number), port))?;
    }
    events.spawn(echo_datagrams(peer.clone(), at(peerd::DATAGRAMS)))?;
    executor.run()?;
    Ok(0)
}

impl Peer {
    fn is_bound(&self) {
        if self.bound.add() {
            println!("peerd: ready");
        }
    }

    /// A service has ended, or could not begin: it is begun again.
    async fn mourn(&self, at: SocketAddr, failure: Failure, said: &mut Option<Failure>) {
        let has_died = failure == Error::PeerDied.into();
        if !has_died && said.replace(failure) != Some(failure) {
            eprintln!("peerd: {at}: {failure}");
        }
        self.session.events().sleep(if has_died { PAUSE } else { LONG_PAUSE }).await;
    }
}

async fn streams(peer: Rc<Peer>, at: SocketAddr, port: Port) {
    let how = Listening { backlog: BACKLOG, sizes: port.sizes };
    let mut said = None;
    loop {
        let failure = match TcpListener::bind_with(&peer.session, at, how).await {
            Ok(listener) => {
                peer.is_bound();
                let failure = serve(&peer, listener, port).await;
                peer.bound.lose();
                failure
            }
            Err(failure) => failure,
        };
        peer.mourn(at, failure, &mut said).await;
    }
}

/// Accepts until that fails for good.
async fn serve(peer: &Peer, mut listener: TcpListener, port: Port) -> Failure {
    let events = peer.session.events();
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                // How a connection ends is its client's to judge. One for which there is no task is closed.
                let task = async move { _ = connection(stream, port).await };
                if events.spawn(task).is_err() {
                    events.sleep(PAUSE).await;
                }
            }
            Err(Failure::Full) => events.sleep(PAUSE).await,
            Err(failure) => return failure,
        }
    }
}

async fn echo_datagrams(peer: Rc<Peer>, at: SocketAddr) {
    let mut said = None;
    loop {
        let failure = match UdpSocket::bind_with(&peer.session, at, Sizes::default()).await {
            Ok(socket) => {
                peer.is_bound();
                let ended = datagrams(socket).await;
                peer.bound.lose();
                ended.err().unwrap_or(Failure::Gone)
            }
            Err(failure) => failure,
        };
        peer.mourn(at, failure, &mut said).await;
    }
}
