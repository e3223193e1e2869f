//! Tasks with sockets whose server dies again and again: `mishap-sockets sockets HOST`. One has data under way on a connection to the host's echo, one sends it
//! datagrams, one waits in `accept`, one for datagrams that nobody sends.
//!
//! Each is told of each death by `PeerDied` and by nothing else, and has another socket as soon as the server's successor lets it. Anything else is a
//! failure, and ends this program.
#![no_std]
#![no_main]
#![forbid(unsafe_code)]

extern crate alloc;

use alloc::rc::Rc;
use alloc::vec::Vec;
use core::cell::{Cell, RefCell};
use core::net::{IpAddr, Ipv4Addr, SocketAddr};
use core::time::Duration;

use anax::time::{Instant, now};
use anax::{Error, println};
use anax_net::task::{Session, TcpListener, TcpStream, UdpSocket, wait_until_ready};
use anax_net::{Failure, Listening, Sizes, Version};
use anax_pattern::{Direction, Pattern};
use anax_task::{Executor, Limits, Request};
use mishaps::{COUNT, PATIENCE, PAUSE, STOP, Tally};

/// Rings of four sockets, with room for as many again that are still being closed.
const ARENA: u64 = 1 << 20;
const LIMITS: Limits = Limits { tasks: 64, calls: 128, requests: 8 };
/// Where the host echoes.
const STREAMS: u16 = 5004;
const DATAGRAMS: u16 = 5007;
/// Where this program waits.
const WAITS: u16 = 6001;
/// What is under way on the connection.
const BYTES: usize = 4000;
/// Between two exchanges, and between two tries.
const SHORT: Duration = Duration::from_millis(1);
/// After which a datagram's echo is lost, and how many in a row may be.
const LOST: Duration = Duration::from_millis(200);
const MOST_LOST: u32 = 20;

struct Load {
    session: Session,
    host: IpAddr,
    /// Of each task by its place: what it has seen, whether it has a socket, whether it rests.
    tallies: RefCell<Vec<Tally>>,
    is_there: [Cell<bool>; TASKS.len()],
    rests: [Cell<bool>; 2],
    /// Exchanges of the two that have some.
    good: [Cell<u64>; 2],
    is_paused: Cell<bool>,
    failed: Cell<Option<(&'static str, Failure)>>,
}

/// The tasks' names. The first two have exchanges, and rest while this program is to be idle.
const TASKS: [&str; 4] = ["stream", "datagrams", "accept", "receive"];
const STREAM: usize = 0;
const DATAGRAM: usize = 1;
const ACCEPT: usize = 2;
const RECEIVE: usize = 3;

#[anax::main]
fn main() -> Result<u64, Error> {
    let [_, host] = anax::arguments() else { return Err(Error::BadArgument) };
    let host: IpAddr = host.parse().map_err(|_| Error::BadArgument)?;
    let mut executor = Executor::new(anax::port()?, LIMITS);
    let events = executor.events();
    let load = Rc::new(Load {
        session: Session::new(events.clone(), ARENA),
        host,
        tallies: RefCell::new(TASKS.map(Tally::new).into()),
        is_there: Default::default(),
        rests: Default::default(),
        good: Default::default(),
        is_paused: Cell::new(false),
        failed: Cell::new(None),
    });
    events.spawn(work(load.clone(), STREAM, stream))?;
    events.spawn(work(load.clone(), DATAGRAM, datagrams))?;
    events.spawn(work(load.clone(), ACCEPT, accept))?;
    events.spawn(work(load.clone(), RECEIVE, receive))?;
    executor.block_on(answer(load))
}

/// Answers whoever causes the mishaps, until it has had enough.
async fn answer(load: Rc<Load>) -> u64 {
    let mut requests = load.session.events().requests();
    loop {
        let request = requests.next().await;
        let command = request.command;
        load.settle(command == PAUSE).await;
        if let Some((name, failure)) = load.failed.get() {
            println!("mishap-sockets: {name}: {failure}");
            // Not answered, so that whoever asks knows that, too.
            return 1;
        }
        let good = load.good[STREAM].get().min(load.good[DATAGRAM].get());
        reply(request, good, load.tallies.borrow().iter().map(Tally::deaths).min().unwrap_or_default());
        if command == STOP {
            load.tallies.borrow().iter().for_each(|tally| println!("{tally}"));
            return 0;
        }
    }
}

fn reply(request: Request, good: u64, died: u64) {
    let known = matches!(request.command, STOP | COUNT | PAUSE);
    // Whoever asked may have gone.
    let _ = request.reply(if known { Ok(good) } else { Err(Error::BadCommand) }, [died, 0, 0, 0, 0]);
}

impl Load {
    /// Until all tasks have sockets again, and rest if they are to; or one has failed.
    async fn settle(&self, is_paused: bool) {
        self.is_paused.set(is_paused);
        let is_settled = || {
            let is_there = self.is_there.iter().all(Cell::get);
            let rest = !is_paused || self.rests.iter().all(Cell::get);
            self.failed.get().is_some() || is_there && rest
        };
        let begun = now();
        while !is_settled() {
            if since(begun) > PATIENCE {
                self.failed.set(Some(("a task hangs", Error::TimedOut.into())));
            }
            self.session.events().sleep(SHORT).await;
        }
    }

    /// One exchange is done.
    async fn rest(&self, task: usize) {
        self.good[task].set(self.good[task].get() + 1);
        self.session.events().sleep(SHORT).await;
        while self.is_paused.get() {
            self.rests[task].set(true);
            self.session.events().sleep(SHORT).await;
        }
        self.rests[task].set(false);
    }

    /// Until the host can be reached: of itself this one always can.
    async fn ready(&self) -> Result<(), Failure> {
        match self.host {
            host if host.is_loopback() => self.session.reconnect(),
            IpAddr::V4(_) => wait_until_ready(&self.session, Version::V4).await,
            IpAddr::V6(_) => wait_until_ready(&self.session, Version::V6).await,
        }
    }

    fn at(&self, port: u16) -> SocketAddr {
        SocketAddr::new(self.host, port)
    }
}

/// Begins a task's socket again and again.
async fn work<F: Future<Output = Failure>>(load: Rc<Load>, task: usize, begin: impl Fn(Rc<Load>, Back) -> F) {
    let mut since = None;
    loop {
        let failure = begin(load.clone(), Back { task, since }).await;
        let was_there = load.is_there[task].replace(false);
        if failure != Error::PeerDied.into() || !was_there {
            load.failed.set(Some((TASKS[task], failure)));
            return;
        }
        load.tallies.borrow_mut()[task].died();
        since = Some(now());
    }
}

/// Whose socket it is, and since when it has none.
#[derive(Clone, Copy)]
struct Back {
    task: usize,
    since: Option<Instant>,
}

impl Back {
    fn is_there(self, load: &Load) {
        if let Some(begun) = self.since {
            load.tallies.borrow_mut()[self.task].is_back(since(begun));
        }
        load.is_there[self.task].set(true);
    }
}

fn since(begun: Instant) -> Duration {
    Duration::from_nanos(now().nanoseconds() - begun.nanoseconds())
}

async fn stream(load: Rc<Load>, back: Back) -> Failure {
    let failed = async {
        load.ready().await?;
        let sizes = Sizes::each(8192);
        let mut stream = loop {
            match TcpStream::connect_from(&load.session, None, load.at(STREAMS), sizes).await {
                // Who echoes on this host has to begin anew as well.
                Err(Failure::Refused) => load.session.events().sleep(SHORT).await,
                connected => break connected?,
            }
        };
        back.is_there(&load);
        let pattern = Pattern::new(0, Direction::ToGuest);
        let (mut sent, mut came) = (alloc::vec![0; BYTES], alloc::vec![0; BYTES]);
        for position in (0..).step_by(BYTES) {
            pattern.fill(position, &mut sent);
            stream.write_all(&sent).await?;
            stream.read_exact(&mut came).await?;
            if pattern.first_wrong(position, &came).is_some() {
                break;
            }
            load.rest(back.task).await;
        }
        Err::<(), _>(Error::PeerMisbehaved.into())
    };
    failed.await.err().unwrap_or(Failure::Gone)
}

async fn datagrams(load: Rc<Load>, back: Back) -> Failure {
    let failed = async {
        load.ready().await?;
        let any = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
        let mut socket = UdpSocket::bind_with(&load.session, SocketAddr::new(any, 0), Sizes::SMALL).await?;
        back.is_there(&load);
        let (mut number, mut lost) = (0u64, 0);
        while lost < MOST_LOST {
            number += 1;
            socket.send_to(&number.to_le_bytes(), load.at(DATAGRAMS)).await?;
            let mut came = [0; 8];
            match load.session.events().timeout(LOST, echoed(&mut socket, number, &mut came)).await {
                Ok(Ok(())) => {
                    lost = 0;
                    load.rest(back.task).await;
                }
                // As above: nobody is at that port yet.
                Ok(Err(Failure::Refused)) => load.session.events().sleep(SHORT).await,
                Ok(Err(failure)) => return Err(failure),
                Err(_) => lost += 1,
            }
        }
        Err::<(), _>(Failure::TimedOut)
    };
    failed.await.err().unwrap_or(Failure::Gone)
}

/// Until that number comes back: one that came late is not the one.
async fn echoed(socket: &mut UdpSocket, number: u64, came: &mut [u8; 8]) -> Result<(), Failure> {
    loop {
        let (length, _) = socket.recv_from(came).await?;
        if length != came.len() {
            return Err(Error::PeerMisbehaved.into());
        }
        if u64::from_le_bytes(*came) == number {
            return Ok(());
        }
    }
}

async fn accept(load: Rc<Load>, back: Back) -> Failure {
    let failed = async {
        let at = SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), WAITS);
        let how = Listening { backlog: 4, sizes: Sizes::SMALL };
        let mut listener = TcpListener::bind_with(&load.session, at, how).await?;
        back.is_there(&load);
        listener.accept().await.map(drop)
    };
    failed.await.err().unwrap_or(Failure::Gone)
}

async fn receive(load: Rc<Load>, back: Back) -> Failure {
    let failed = async {
        let at = SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), WAITS);
        let mut socket = UdpSocket::bind_with(&load.session, at, Sizes::SMALL).await?;
        back.is_there(&load);
        socket.recv_from(&mut [0; 8]).await.map(drop)
    };
    failed.await.err().unwrap_or(Failure::Gone)
}
