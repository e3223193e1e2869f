//! The rest of the network: a peer on the host that sends numbered raw frames to the guest and judges what comes back.
//!
//! One UDP datagram on the loopback address is one Ethernet frame (QEMU's `-netdev dgram`). The guest is to send each frame back
//! as it came, but to where it came from: source and destination address swapped. At most a window of frames is under way, so that no queue of the
//! host or the guest has to drop any: what is missing was lost by the guest.

mod frame;
mod ledger;
mod packets;

use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::ops::RangeInclusive;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};

pub use frame::{ETHERTYPE, GUEST_MAC, LONGEST, PEER_MAC, SHORTEST};
pub use ledger::Report;
pub use packets::Seen;

use frame::{Kind, Pattern};
use ledger::Ledger;

/// How often a guest that has never answered is called.
const CALL: Duration = Duration::from_millis(100);
/// How long one look into the socket waits.
const LOOK: Duration = Duration::from_millis(10);

/// What to send.
#[derive(Clone, Debug)]
pub struct Plan {
    /// How many frames.
    pub frames: u64,
    /// Bytes of a frame, from [`SHORTEST`] to [`LONGEST`]; they vary over all of the range.
    pub sizes: RangeInclusive<usize>,
    /// How many are under way at most.
    pub window: usize,
    /// How long to wait for the guest's first word.
    pub first: Duration,
    /// A frame that has not come back after this is lost, and the next may go.
    pub patience: Duration,
    /// Tells this run's frames from those of others.
    pub run: u64,
}

impl Plan {
    /// So many frames of all sizes, 32 under way.
    #[must_use]
    pub fn new(frames: u64) -> Self {
        Self {
            frames,
            sizes: SHORTEST..=LONGEST,
            window: 32,
            first: Duration::from_secs(60),
            patience: Duration::from_secs(2),
            run: u64::from(std::process::id()) << 32 | u64::from(start_number()),
        }
    }

    fn check(&self) -> anyhow::Result<()> {
        let (least, most) = (*self.sizes.start(), *self.sizes.end());
        ensure!(
            (SHORTEST..=most).contains(&least) && most <= LONGEST,
            "sizes of frames are from {SHORTEST} to {LONGEST} bytes"
        );
        ensure!((1..=256).contains(&self.window), "a window is from 1 to 256 frames");
        Ok(())
    }
}

/// A number that is another one each time in this process.
fn start_number() -> u32 {
    static NEXT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
    NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed)
}

/// The peer, with its port on the loopback address.
#[derive(Debug)]
pub struct Peer {
    socket: UdpSocket,
    port: u16,
}

impl Peer {
    /// With this port, or any free one for 0.
    ///
    /// # Errors
    /// If it is not free.
    pub fn bind(port: u16) -> anyhow::Result<Self> {
        let socket =
            UdpSocket::bind((Ipv4Addr::LOCALHOST, port)).with_context(|| format!("UDP port {port}"))?;
        socket.set_read_timeout(Some(LOOK))?;
        let port = socket.local_addr()?.port();
        Ok(Self { socket, port })
    }

    /// Its port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Runs a plan against the guest behind port `guest`; `watch` sees the report as it grows, and ends the run early by returning
    /// [`Continue::Stop`].
    ///
    /// # Errors
    /// If the plan can't be run, the guest never answers, or the socket fails. What the guest does wrong is for the caller
    /// to judge, see [`Report::expect_perfect`].
    pub fn run(
        &self,
        guest: u16,
        plan: &Plan,
        mut watch: impl FnMut(&Report) -> Continue,
    ) -> anyhow::Result<Report> {
        plan.check()?;
        let guest = SocketAddr::from((Ipv4Addr::LOCALHOST, guest));
        let mut ledger = Ledger::new(plan.window, plan.patience);
        let pattern = Pattern::new(plan.run, plan.sizes.clone());
        if !self.call(guest, plan, &pattern, &mut watch)? {
            return Ok(ledger.report());
        }
        while ledger.report().sent < plan.frames || ledger.under_way() > 0 {
            while ledger.report().sent < plan.frames && ledger.has_room() {
                let number = ledger.report().sent;
                self.send(guest, &pattern.frame(Kind::Numbered, number))?;
                ledger.sent(number, Instant::now());
            }
            if let Some(bytes) = self.receive(guest)? {
                ledger.came(&pattern, &bytes, Instant::now());
            }
            ledger.give_up(Instant::now());
            if watch(&ledger.report()) == Continue::Stop {
                break;
            }
        }
        // Duplicates come late.
        while let Some(bytes) = self.receive(guest)? {
            ledger.came(&pattern, &bytes, Instant::now());
        }
        Ok(ledger.report())
    }

    /// Calls until the guest answers: before it does, it may not be there. Whether it did.
    fn call(
        &self,
        guest: SocketAddr,
        plan: &Plan,
        pattern: &Pattern,
        watch: &mut impl FnMut(&Report) -> Continue,
    ) -> anyhow::Result<bool> {
        let begin = Instant::now();
        let mut calls = 0;
        loop {
            let waited = begin.elapsed();
            ensure!(waited < plan.first, "the guest has not sent back one of {calls} frames in {waited:.0?}");
            if waited >= CALL * calls {
                self.send(guest, &pattern.frame(Kind::Call, calls.into()))?;
                calls += 1;
            }
            if watch(&Report::default()) == Continue::Stop {
                return Ok(false);
            }
            if let Some(bytes) = self.receive(guest)?
                && matches!(pattern.read(&bytes), Some((Kind::Call, _)))
            {
                return Ok(true);
            }
        }
    }

    fn send(&self, guest: SocketAddr, frame: &[u8]) -> anyhow::Result<()> {
        match self.socket.send_to(frame, guest) {
            Ok(_) => Ok(()),
            // Nobody has the guest's port yet, or any more.
            Err(error) if error.kind() == ErrorKind::ConnectionRefused => Ok(()),
            Err(error) => Err(error).context("cannot send to the guest"),
        }
    }

    /// A datagram from the guest, if one comes soon.
    fn receive(&self, guest: SocketAddr) -> anyhow::Result<Option<Vec<u8>>> {
        let mut bytes = [0; 2048];
        match self.socket.recv_from(&mut bytes) {
            Ok((length, from)) if from == guest => Ok(Some(bytes[..length].to_vec())),
            Ok(_) => Ok(None),
            Err(error) => match error.kind() {
                ErrorKind::WouldBlock
                | ErrorKind::TimedOut
                | ErrorKind::Interrupted
                | ErrorKind::ConnectionRefused => Ok(None),
                _ => Err(error).context("cannot receive from the guest"),
            },
        }
    }
}

/// Whether a run goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Continue {
    /// Yes.
    Go,
    /// No: what is under way is not waited for.
    Stop,
}

#[cfg(test)]
mod tests;
