//! Between a guest and the host, or between any two: frames go both ways, and on their way they are lost, doubled, overtaken, damaged or delayed, as
//! often as was asked for and always the same way for one seed and one order of frames.
//!
//! A side is a TAP, behind which is the host's kernel, or a pair of UDP ports, behind which is an emulator (`--datagrams`).

mod mischief;
mod path;

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path as FilePath, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use rustix::net::sockopt;

pub use mischief::Mischief;
pub use path::Counts;

use crate::capture::{self, Writer};
use crate::network::Tap;
use crate::stop::{Stop, Woken, Workers};
use path::Path;

/// The longest frame, with some room.
const LONGEST: usize = 65_536 + 64;
/// How many frames of one side are taken before the other one has its turn.
const TURN: usize = 32;

/// Where frames come from and go to.
#[derive(Debug)]
pub enum Side {
    /// A TAP.
    Tap(Tap),
    /// A datagram is a frame.
    Datagrams {
        /// This end.
        socket: UdpSocket,
        /// The emulator's.
        peer: SocketAddr,
    },
}

impl Side {
    /// The emulator whose own UDP port of 127.0.0.1 is `guest`, and whose peer has the port `own`, or any free one for 0; in the calling thread's network.
    ///
    /// # Errors
    /// If the port is not free.
    pub fn datagrams(own: u16, guest: u16) -> anyhow::Result<Self> {
        let socket =
            UdpSocket::bind((Ipv4Addr::LOCALHOST, own)).with_context(|| format!("UDP port {own}"))?;
        socket.set_nonblocking(true)?;
        // A burst is to be lost on purpose only. Without the right to have more, there is what there is.
        let _ = sockopt::set_socket_recv_buffer_size_force(&socket, 8 << 20);
        Ok(Self::Datagrams { socket, peer: (Ipv4Addr::LOCALHOST, guest).into() })
    }

    /// Its UDP port, if it has one.
    #[must_use]
    pub fn port(&self) -> Option<u16> {
        match self {
            Self::Tap(_) => None,
            Self::Datagrams { socket, .. } => socket.local_addr().ok().map(|at| at.port()),
        }
    }

    fn receive<'a>(&self, buffer: &'a mut [u8]) -> Option<&'a [u8]> {
        match self {
            Self::Tap(tap) => tap.receive(buffer).ok().flatten(),
            Self::Datagrams { socket, peer } => match socket.recv_from(buffer) {
                Ok((length, from)) if from == *peer => Some(&buffer[..length]),
                _ => None,
            },
        }
    }

    fn send(&self, frame: &[u8]) -> bool {
        match self {
            Self::Tap(tap) => tap.send(frame).is_ok(),
            Self::Datagrams { socket, peer } => socket.send_to(frame, peer).is_ok(),
        }
    }
}

impl AsFd for Side {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Tap(tap) => tap.as_fd(),
            Self::Datagrams { socket, .. } => socket.as_fd(),
        }
    }
}

/// Frames go both ways as long as this is there.
#[derive(Debug)]
pub struct Relay {
    shared: Arc<Mutex<Shared>>,
    workers: Option<Workers>,
}

/// What the relay's thread and its owner both look at.
#[derive(Debug)]
struct Shared {
    mischief: Mischief,
    counts: [Counts; 2],
    failure: Option<anyhow::Error>,
}

impl Relay {
    /// Between two sides. With `capture`, all frames are kept in two files: as they came, in `CAPTURE.before.pcap`, and as they went on, in
    /// `CAPTURE.after.pcap`.
    ///
    /// # Errors
    /// If a file can't be written.
    pub fn start(sides: [Side; 2], mischief: Mischief, capture: Option<&FilePath>) -> anyhow::Result<Self> {
        let shared = Arc::new(Mutex::new(Shared { mischief, counts: Default::default(), failure: None }));
        let captures = capture
            .map(|path| -> anyhow::Result<_> {
                let [before, after] = files(path);
                Ok([Writer::create(&before)?, Writer::create(&after)?])
            })
            .transpose()?;
        let workers = Workers::new()?;
        let seen = Arc::clone(&shared);
        workers.start(move |stop| {
            let paths = [Path::new(mischief.seed), Path::new(!mischief.seed)];
            let mut running = Running { sides, paths, captures, shared: seen, begin: Instant::now() };
            if let Err(error) = running.go(&stop) {
                running.look().failure = Some(error);
            }
        });
        Ok(Self { shared, workers: Some(workers) })
    }

    /// From now on it is otherwise; the seed stays the first one.
    pub fn set(&self, mischief: Mischief) {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner).mischief = mischief;
    }

    /// What has been done to frames of the first side, and of the second one.
    #[must_use]
    pub fn counts(&self) -> [Counts; 2] {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner).counts
    }

    /// Ends it: all that was captured is in the files then.
    ///
    /// # Errors
    /// If a capture could not be written, in which case the relay has stopped at once.
    pub fn finish(mut self) -> anyhow::Result<[Counts; 2]> {
        self.workers = None;
        let mut shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        shared.failure.take().map_or(Ok(shared.counts), Err)
    }
}

/// The files of a capture.
#[must_use]
pub fn files(capture: &FilePath) -> [PathBuf; 2] {
    ["before", "after"].map(|part| {
        let mut name = capture.as_os_str().to_owned();
        name.push(format!(".{part}.pcap"));
        PathBuf::from(name)
    })
}

struct Running {
    sides: [Side; 2],
    paths: [Path; 2],
    captures: Option<[Writer; 2]>,
    shared: Arc<Mutex<Shared>>,
    begin: Instant,
}

impl Running {
    fn look(&self) -> std::sync::MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn go(&mut self, stop: &Stop) -> anyhow::Result<()> {
        let mut buffer = vec![0; LONGEST];
        loop {
            let due = self.paths.iter().filter_map(Path::due).min();
            let limit = due.map(|due| due.saturating_sub(self.begin.elapsed()));
            let sources: Vec<BorrowedFd<'_>> = self.sides.iter().map(AsFd::as_fd).collect();
            if stop.wait(&sources, limit) == Woken::Over {
                break;
            }
            let mischief = self.look().mischief;
            for from in 0..2 {
                self.take(from, &mischief, &mut buffer)?;
            }
            for from in 0..2 {
                self.pass_on(from)?;
            }
            let counts = [0, 1].map(|from: usize| self.paths[from].counts());
            self.look().counts = counts;
        }
        if let Some(captures) = &mut self.captures {
            captures.iter_mut().try_for_each(Writer::flush)?;
        }
        Ok(())
    }

    fn take(&mut self, from: usize, mischief: &Mischief, buffer: &mut [u8]) -> anyhow::Result<()> {
        for _ in 0..TURN {
            let Some(frame) = self.sides[from].receive(buffer) else { return Ok(()) };
            if let Some([before, _]) = &mut self.captures {
                before.write(capture::now(), frame)?;
            }
            self.paths[from].push(self.begin.elapsed(), frame.to_vec(), mischief);
        }
        Ok(())
    }

    fn pass_on(&mut self, from: usize) -> anyhow::Result<()> {
        let now: Duration = self.begin.elapsed();
        while let Some(frame) = self.paths[from].pop(now) {
            if let Some([_, after]) = &mut self.captures {
                after.write(capture::now(), &frame)?;
            }
            if !self.sides[1 - from].send(&frame) {
                self.paths[from].refused();
            }
        }
        Ok(())
    }
}
