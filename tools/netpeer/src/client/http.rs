//! A web server's load: many connections at a time on one thread, each asking for one page after the other. Of every response status, length and sum are
//! verified.
//!
//! One thread and the kernel's list of what can be read: thousands of threads would measure the host.

mod exchange;
mod pages;

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use rustix::event::{Timespec, epoll};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, connect, ipproto, socket_with, sockopt};

use crate::files::allow_files;
use crate::{Target, Verdict};
use exchange::{Exchange, Progress};
pub use pages::{Page, manifest};

/// Bytes that are read at once.
const PIECE: usize = 256 << 10;
/// Events that are looked at together.
const EVENTS: usize = 512;
/// How often is looked for what is stuck.
const ROUND: Duration = Duration::from_millis(100);
/// How long a connection that failed waits until it is tried anew.
const PAUSE: Duration = Duration::from_millis(20);

/// Whether a connection has more than one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reuse {
    /// As many as the server likes.
    Stay,
    /// One.
    Close,
}

/// When it is enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// So many requests have begun.
    Requests(u64),
    /// So much time has passed.
    Time(Duration),
}

/// What to do.
#[derive(Clone, Debug)]
pub struct Load {
    /// The server's port.
    pub port: u16,
    /// What is asked for, in turn.
    pub pages: Vec<Page>,
    /// How many connections there are at a time.
    pub connections: usize,
    /// Whether they stay.
    pub reuse: Reuse,
    /// When it is enough.
    pub until: Until,
}

/// What has been seen so far, for others to look at; and whether they want it to end.
#[derive(Debug, Default)]
pub struct Seen {
    /// Responses that were right.
    pub requests: AtomicU64,
    /// Bytes of their bodies.
    pub bytes: AtomicU64,
    /// Requests that failed, or whose response was wrong.
    pub failures: AtomicU64,
    /// Nothing more is to be begun.
    pub stop: AtomicBool,
}

/// Does it.
pub fn http(target: &Target, load: &Load, seen: &Seen) -> Verdict {
    let mut verdict = Verdict::default();
    if load.pages.is_empty() || load.connections == 0 {
        verdict.complain("there is nothing to ask for");
        return verdict;
    }
    allow_files(load.connections as u64);
    match Run::new(target, load, seen) {
        Ok(run) => run.run(verdict),
        Err(error) => {
            verdict.complain(format!("{error:#}"));
            verdict
        }
    }
}

/// One place among all connections.
struct Slot {
    socket: Option<OwnedFd>,
    exchange: Exchange,
    page: usize,
    /// When the request, and its connection if it is its first, began.
    begin: Instant,
    /// When anything moved last.
    moved: Instant,
    /// When it is tried anew.
    again: Option<Instant>,
    is_idle: bool,
}

struct Run<'a> {
    target: &'a Target,
    load: &'a Load,
    seen: &'a Seen,
    at: SocketAddr,
    epoll: OwnedFd,
    slots: Vec<Slot>,
    begun: u64,
    begin: Instant,
    times: Vec<Duration>,
    /// What went wrong, and how often.
    troubles: BTreeMap<String, u64>,
    connections: u64,
}

impl<'a> Run<'a> {
    fn new(target: &'a Target, load: &'a Load, seen: &'a Seen) -> anyhow::Result<Self> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC).context("no epoll")?;
        let now = Instant::now();
        let slot = |_| Slot {
            socket: None,
            exchange: Exchange::default(),
            page: 0,
            begin: now,
            moved: now,
            again: None,
            is_idle: false,
        };
        Ok(Self {
            target,
            load,
            seen,
            at: SocketAddr::new(target.address, load.port),
            epoll,
            slots: (0..load.connections).map(slot).collect(),
            begun: 0,
            begin: now,
            times: Vec::new(),
            troubles: BTreeMap::new(),
            connections: 0,
        })
    }

    fn run(mut self, mut verdict: Verdict) -> Verdict {
        for slot in 0..self.slots.len() {
            self.next(slot);
        }
        let mut buffer = vec![0; PIECE];
        let mut events = Vec::with_capacity(EVENTS);
        let mut looked = Instant::now();
        while self.slots.iter().any(|slot| !slot.is_idle) {
            events.clear();
            let wait = Timespec::try_from(PAUSE).ok();
            match epoll::wait(&self.epoll, rustix::buffer::spare_capacity(&mut events), wait.as_ref()) {
                Ok(_) | Err(Errno::INTR) => {}
                Err(error) => {
                    self.troubles.insert(format!("epoll: {error}"), 1);
                    break;
                }
            }
            for event in &events {
                self.event(event.data.u64() as usize, event.flags, &mut buffer);
            }
            let now = Instant::now();
            for slot in 0..self.slots.len() {
                if self.slots[slot].again.is_some_and(|again| again <= now) {
                    self.next(slot);
                }
            }
            if now - looked >= ROUND {
                looked = now;
                self.look_for_stuck(now);
            }
        }
        let seconds = self.begin.elapsed();
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let (requests, bytes) = (count(&self.seen.requests), count(&self.seen.bytes));
        let figures = [("failed", count(&self.seen.failures)), ("connections", self.connections)];
        for (what, times) in self.troubles {
            verdict.complain(format!("{what}: {times} times"));
        }
        verdict = verdict.count("requests", requests);
        for (name, figure) in figures {
            verdict = verdict.count(name, figure);
        }
        let per_second = |amount: f64| amount / seconds.as_secs_f64().max(1e-9);
        verdict
            .count("bytes", bytes)
            .seconds(seconds)
            .with("per_s", per_second(requests as f64))
            .with("mb_per_s", per_second(bytes as f64 / 1e6))
            .times(&mut self.times)
    }

    fn is_enough(&self) -> bool {
        let is_over = match self.load.until {
            Until::Requests(count) => self.begun >= count,
            Until::Time(time) => self.begin.elapsed() >= time,
        };
        is_over || self.seen.stop.load(Ordering::Relaxed)
    }

    /// Begins the next request of a place, on its connection if it has one.
    fn next(&mut self, slot: usize) {
        let is_enough = self.is_enough();
        let now = Instant::now();
        let place = &mut self.slots[slot];
        place.again = None;
        if is_enough {
            (place.socket, place.is_idle) = (None, true);
            return;
        }
        place.page = (self.begun % self.load.pages.len() as u64) as usize;
        self.begun += 1;
        (place.begin, place.moved) = (now, now);
        place.exchange.begin(&self.load.pages[place.page], self.target.address, self.load.reuse);
        if place.socket.is_some() {
            return self.write(slot);
        }
        match connecting(self.at) {
            Ok(socket) => {
                self.connections += 1;
                let data = epoll::EventData::new_u64(slot as u64);
                let added = epoll::add(&self.epoll, &socket, data, epoll::EventFlags::OUT);
                self.slots[slot].socket = Some(socket);
                if let Err(error) = added {
                    self.fail(slot, &format!("epoll: {error}"));
                }
            }
            Err(error) => self.fail(slot, &format!("no socket: {error}")),
        }
    }

    fn event(&mut self, slot: usize, flags: epoll::EventFlags, buffer: &mut [u8]) {
        let Some(place) = self.slots.get_mut(slot) else { return };
        let Some(socket) = &place.socket else { return };
        place.moved = Instant::now();
        if place.exchange.is_unsent() && flags.contains(epoll::EventFlags::OUT) {
            if let Ok(Err(error)) | Err(error) = sockopt::socket_error(socket) {
                return self.fail(slot, &format!("no connection: {error}"));
            }
            return self.write(slot);
        }
        match rustix::io::read(socket, &mut *buffer) {
            Ok(count) => self.came(slot, &buffer[..count]),
            Err(Errno::AGAIN | Errno::INTR) => {}
            Err(error) => self.fail(slot, &format!("reading: {error}")),
        }
    }

    fn write(&mut self, slot: usize) {
        let place = &mut self.slots[slot];
        let Some(socket) = &place.socket else { return };
        let written = rustix::net::send(socket, place.exchange.unsent(), rustix::net::SendFlags::NOSIGNAL);
        let flags = match written {
            Ok(count) if place.exchange.sent(count) => epoll::EventFlags::IN,
            Ok(_) | Err(Errno::AGAIN | Errno::INTR) => epoll::EventFlags::OUT,
            Err(error) => return self.fail(slot, &format!("writing: {error}")),
        };
        if flags == place.exchange.watched {
            return;
        }
        place.exchange.watched = flags;
        let changed = epoll::modify(&self.epoll, socket, epoll::EventData::new_u64(slot as u64), flags);
        if let Err(error) = changed {
            self.fail(slot, &format!("epoll: {error}"));
        }
    }

    fn came(&mut self, slot: usize, bytes: &[u8]) {
        let place = &mut self.slots[slot];
        let page = &self.load.pages[place.page];
        match place.exchange.take(bytes, page) {
            Progress::Going => {}
            Progress::Wrong(what) => self.fail(slot, &what),
            Progress::Done { stays } => {
                self.times.push(place.begin.elapsed());
                self.seen.requests.fetch_add(1, Ordering::Relaxed);
                self.seen.bytes.fetch_add(page.size, Ordering::Relaxed);
                if !stays {
                    place.socket = None;
                    place.exchange.watched = epoll::EventFlags::empty();
                }
                self.next(slot);
            }
        }
    }

    /// Counts it, and tries anew a little later.
    fn fail(&mut self, slot: usize, what: &str) {
        self.seen.failures.fetch_add(1, Ordering::Relaxed);
        *self.troubles.entry(what.to_owned()).or_default() += 1;
        let place = &mut self.slots[slot];
        place.socket = None;
        place.exchange.watched = epoll::EventFlags::empty();
        place.again = Some(Instant::now() + PAUSE);
    }

    fn look_for_stuck(&mut self, now: Instant) {
        for slot in 0..self.slots.len() {
            let place = &self.slots[slot];
            if place.socket.is_some() && !place.is_idle && now - place.moved > self.target.patience {
                self.fail(slot, "nothing moves any more");
            }
        }
    }
}

fn connecting(at: SocketAddr) -> rustix::io::Result<OwnedFd> {
    let family = if at.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    let socket = socket_with(family, SocketType::STREAM, flags, Some(ipproto::TCP))?;
    sockopt::set_tcp_nodelay(&socket, true)?;
    match connect(&socket, &at) {
        Ok(()) | Err(Errno::INPROGRESS) => Ok(socket),
        Err(error) => Err(error),
    }
}

/// As it stands in a `Host` field.
pub(super) fn host(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("[{address}]"),
    }
}
