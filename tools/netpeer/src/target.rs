//! Whom a client talks to, and how long it waits.

use std::net::{IpAddr, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};

/// Where each service is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ports {
    /// UDP: each datagram comes back.
    pub datagrams: u16,
    /// TCP: takes all until the end, then answers with the number of bytes, a little-endian `u64`, and closes.
    pub sink: u16,
    /// TCP: sends zeros until the client goes.
    pub source: u16,
    /// TCP: accepts and closes at once.
    pub close: u16,
    /// TCP: what comes goes back.
    pub echo: u16,
    /// TCP: [`anax_pattern`].
    pub pattern: u16,
}

impl Ports {
    /// Where `peerd` has them.
    pub const STANDARD: Self = Self {
        datagrams: 5007,
        sink: 5001,
        source: 5002,
        close: 5003,
        echo: 5004,
        pattern: anax_pattern::PORT,
    };

    /// For a server: any that are free.
    pub const ANY: Self = Self { datagrams: 0, sink: 0, source: 0, close: 0, echo: 0, pattern: 0 };

    /// All moved up by `by`, as when ports of the host lead to the guest's; none if that is past the last port.
    #[must_use]
    pub fn shifted(self, by: u16) -> Option<Self> {
        let up = |port: u16| port.checked_add(by);
        Some(Self {
            datagrams: up(self.datagrams)?,
            sink: up(self.sink)?,
            source: up(self.source)?,
            close: up(self.close)?,
            echo: up(self.echo)?,
            pattern: up(self.pattern)?,
        })
    }
}

/// A machine that offers the services.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Its address, of either version.
    pub address: IpAddr,
    /// Where its services are.
    pub ports: Ports,
    /// How long anything may take that makes no progress: to connect, to read, to write.
    pub patience: Duration,
}

impl Target {
    /// With the standard ports and 60 s of patience: guests are slow, and so are hosts.
    #[must_use]
    pub fn new(address: IpAddr) -> Self {
        Self { address, ports: Ports::STANDARD, patience: Duration::from_secs(60) }
    }

    pub(crate) fn at(&self, port: u16) -> SocketAddr {
        SocketAddr::new(self.address, port)
    }

    /// A connection that waits for nothing longer than the patience.
    pub(crate) fn connect(&self, port: u16) -> anyhow::Result<TcpStream> {
        let at = self.at(port);
        let stream = TcpStream::connect_timeout(&at, self.patience)
            .with_context(|| format!("no connection to {at}"))?;
        stream.set_read_timeout(Some(self.patience))?;
        stream.set_write_timeout(Some(self.patience))?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }

    /// Waits until the machine takes connections: it may have to boot first.
    ///
    /// # Errors
    /// If it has not within `limit`.
    pub fn wait_until_up(&self, limit: Duration) -> anyhow::Result<Duration> {
        let begin = Instant::now();
        let at = self.at(self.ports.close);
        loop {
            let left = limit.saturating_sub(begin.elapsed());
            if left.is_zero() {
                bail!("nobody takes connections at {at} within {limit:.0?}");
            }
            match TcpStream::connect_timeout(&at, left.min(Duration::from_secs(1))) {
                Ok(_) => return Ok(begin.elapsed()),
                // Refused at once, or no such network yet: not to be asked thousands of times.
                Err(_) => std::thread::sleep(Duration::from_millis(50).min(left)),
            }
        }
    }
}
