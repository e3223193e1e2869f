//! `netpeer`: the exercises by hand, and a network to do them in.
//!
//! The last line of an exercise is for programs: `netpeer: ok NAME NUMBER...` or `netpeer: failed COMPLAINTS NAME NUMBER...`; what was wrong stands
//! before it, on standard error. Exit statuses: 0 all was right, 1 something was not, 2 the command line or the host is at fault; of `net`, the command's.
#![forbid(unsafe_code)]

mod net;

use std::net::IpAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use clap::{Parser, Subcommand};
use netpeer::client::{self, Bulk, Datagrams, Load, Moved, Page, Reuse, Seen, Until};
use netpeer::serve::Server;
use netpeer::{Ports, Target, Verdict, capture};

const EXAMPLES: &str = "\
Against a guest behind a TAP, as root:
  netpeer net -- sh -c 'cargo xtask run --tap guest --with peerd --log /tmp/guest.log & netpeer tcp-both 10.0.0.2 64 1000000 --wait 60; kill $!'
Over a network that loses 1 % of all frames each way:
  netpeer net --datagrams 5001:5002 --loss 1 --capture /tmp/frames -- cargo xtask run --datagrams 5001:5002 --with peerd
  netpeer analyse /tmp/frames.before.pcap";

/// Talks to the services of `peerd` and verifies each byte.
#[derive(Parser)]
#[command(name = "netpeer", after_help = EXAMPLES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

/// Whom to talk to.
#[derive(clap::Args)]
struct To {
    /// Its address, of either version.
    address: IpAddr,
    /// Its ports are so much higher than the standard ones.
    #[arg(long, value_name = "PORTS", default_value_t = 0)]
    shift: u16,
    /// How many seconds anything may take that makes no progress.
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    patience: u64,
    /// Wait for so many seconds until it takes connections.
    #[arg(long, value_name = "SECONDS", default_value_t = 0)]
    wait: u64,
}

impl To {
    fn target(&self) -> anyhow::Result<Target> {
        let ports = ports(self.shift)?;
        let patience = Duration::from_secs(self.patience);
        let target = Target { ports, patience, ..Target::new(self.address) };
        if self.wait > 0 {
            target.wait_until_up(Duration::from_secs(self.wait))?;
        }
        Ok(target)
    }
}

fn ports(shift: u16) -> anyhow::Result<Ports> {
    Ports::STANDARD.shifted(shift).context("--shift: there are no such ports: use a smaller number")
}

#[derive(Subcommand)]
enum Command {
    /// Datagrams that come back.
    UdpEcho {
        #[command(flatten)]
        to: To,
        /// How many.
        count: u64,
        /// Bytes of each.
        size: usize,
        /// How many are under way at most.
        #[arg(long, value_name = "N", default_value_t = 16)]
        window: usize,
        /// The network may lose some.
        #[arg(long)]
        lossy: bool,
    },
    /// Pieces that go and come back on one connection, one after the other.
    TcpRoundTrip {
        #[command(flatten)]
        to: To,
        /// How many.
        count: u64,
        /// Bytes of each.
        size: usize,
    },
    /// Streams to the guest, with patterns.
    TcpSend(Streams),
    /// Streams from the guest, with patterns.
    TcpReceive(Streams),
    /// Streams with patterns, both ways at once.
    TcpBoth(Streams),
    /// Streams of zeros to the guest, which counts them.
    Sink(Streams),
    /// Streams of zeros from the guest.
    Source(Streams),
    /// Connections that the guest closes at once.
    OpenClose {
        #[command(flatten)]
        to: To,
        /// How many.
        count: u64,
        /// How many at a time.
        parallel: u64,
    },
    /// Connections that all stay open; at the end a byte comes back on each.
    Hold {
        #[command(flatten)]
        to: To,
        /// How many.
        count: u64,
        /// For how many seconds.
        #[arg(long, value_name = "SECONDS", default_value_t = 0)]
        time: u64,
    },
    /// Ask a web server for pages, again and again; each response is verified.
    HttpLoad(Http),
    /// Ask a web server for each page of a manifest, once.
    HttpFetchAll(Http),
    /// Echo requests of ICMP.
    Ping {
        #[command(flatten)]
        to: To,
        /// How many.
        count: u16,
        /// Bytes of each, behind the header.
        size: usize,
    },
    /// Offer the services, from this host, until the end.
    Serve {
        /// The ports are so much higher than the standard ones.
        #[arg(long, value_name = "PORTS", default_value_t = 0)]
        shift: u16,
    },
    /// Run a command in a network of its own, with a TAP for a guest.
    Net(net::Args),
    /// Count what was sent again in a capture.
    Analyse {
        /// It.
        file: PathBuf,
        /// Only what this address has sent.
        #[arg(long, value_name = "ADDRESS")]
        from: Option<IpAddr>,
    },
}

/// What to move.
#[derive(clap::Args)]
struct Streams {
    #[command(flatten)]
    to: To,
    /// How many at once.
    streams: u64,
    /// Bytes of each.
    bytes: u64,
    /// Take so many seconds at least (streams with patterns).
    #[arg(long, value_name = "SECONDS", default_value_t = 0)]
    at_least: u64,
}

/// What to ask a web server for.
#[derive(clap::Args)]
struct Http {
    #[command(flatten)]
    to: To,
    /// The server's port.
    #[arg(long, value_name = "PORT", default_value_t = 80)]
    port: u16,
    /// How many connections at a time.
    #[arg(long, short, value_name = "N", default_value_t = 16)]
    connections: usize,
    /// So many requests (of a load).
    #[arg(long, value_name = "N", conflicts_with = "seconds")]
    requests: Option<u64>,
    /// For so many seconds (of a load).
    #[arg(long, value_name = "SECONDS", default_value_t = 10)]
    seconds: u64,
    /// A connection for each request.
    #[arg(long)]
    close: bool,
    /// Pages that `httpd --memory` has, by their sizes.
    #[arg(long, value_name = "BYTES", value_delimiter = ',')]
    pattern: Vec<u32>,
    /// Lines `CRC-32 SIZE PATH`, the sum in hexadecimal digits.
    #[arg(long, value_name = "FILE")]
    manifest: Option<PathBuf>,
}

impl Http {
    fn load(&self) -> anyhow::Result<Load> {
        let mut pages: Vec<_> = self.pattern.iter().map(|size| Page::pattern(*size)).collect();
        if let Some(file) = &self.manifest {
            pages.extend(client::manifest(file)?);
        }
        anyhow::ensure!(!pages.is_empty(), "say what to ask for: --pattern or --manifest");
        let until = match self.requests {
            Some(count) => Until::Requests(count),
            None => Until::Time(Duration::from_secs(self.seconds)),
        };
        let reuse = if self.close { Reuse::Close } else { Reuse::Stay };
        Ok(Load { port: self.port, pages, connections: self.connections, reuse, until })
    }

    fn run(&self, change: impl FnOnce(&mut Load)) -> anyhow::Result<Verdict> {
        let mut load = self.load()?;
        change(&mut load);
        let to = &self.to;
        let target = Target { patience: Duration::from_secs(to.patience), ..Target::new(to.address) };
        if to.wait > 0 {
            let ports = Ports { close: self.port, ..Ports::STANDARD };
            Target { ports, ..target }.wait_until_up(Duration::from_secs(to.wait))?;
        }
        Ok(client::http(&target, &load, &Seen::default()))
    }
}

fn main() -> ExitCode {
    run(Cli::parse().command).unwrap_or_else(|error| {
        eprintln!("netpeer: {error:#}");
        ExitCode::from(2)
    })
}

fn run(command: Command) -> anyhow::Result<ExitCode> {
    let seen = match command {
        Command::UdpEcho { to, count, size, window, lossy } => {
            let plan = Datagrams { window, may_be_lost: lossy, ..Datagrams::new(count, size) };
            client::datagrams(&to.target()?, &plan)
        }
        Command::TcpRoundTrip { to, count, size } => client::round_trips(&to.target()?, count, size),
        Command::TcpSend(streams) => bulk(&streams, streams.bytes, 0)?,
        Command::TcpReceive(streams) => bulk(&streams, 0, streams.bytes)?,
        Command::TcpBoth(streams) => bulk(&streams, streams.bytes, streams.bytes)?,
        Command::Sink(Streams { to, streams, bytes, .. }) => client::sink(&to.target()?, streams, bytes),
        Command::Source(Streams { to, streams, bytes, .. }) => client::source(&to.target()?, streams, bytes),
        Command::OpenClose { to, count, parallel } => client::open_close(&to.target()?, count, parallel),
        Command::Hold { to, count, time } => {
            client::hold(&to.target()?, count, Duration::from_secs(time), || {
                eprintln!("netpeer: all are open")
            })
        }
        Command::HttpLoad(http) => http.run(|_| {})?,
        Command::HttpFetchAll(http) => {
            http.run(|load| load.until = Until::Requests(load.pages.len() as u64))?
        }
        Command::Ping { to, count, size } => {
            client::ping(&to.target()?, count, size, Duration::from_secs(to.patience.min(2)))
        }
        Command::Serve { shift } => {
            let _server = Server::start(ports(shift)?)?;
            eprintln!("netpeer: serves");
            loop {
                std::thread::park();
            }
        }
        Command::Net(args) => return net::run(&args),
        Command::Analyse { file, from } => {
            let seen = capture::analyse(&capture::read(&file)?);
            println!("{}", from.map_or(seen.clone(), |from| seen.sent_by(from)));
            return Ok(ExitCode::SUCCESS);
        }
    };
    Ok(conclude(&seen))
}

fn bulk(streams: &Streams, to_guest: u64, from_guest: u64) -> anyhow::Result<Verdict> {
    let at_least = Duration::from_secs(streams.at_least);
    let plan = Bulk { at_least, ..Bulk::new(streams.streams, to_guest, from_guest) };
    Ok(client::bulk(&streams.to.target()?, &plan, &Moved::default()))
}

fn conclude(seen: &Verdict) -> ExitCode {
    for complaint in seen.complaints() {
        eprintln!("netpeer: {complaint}");
    }
    println!("{seen}");
    if seen.is_good() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_fits_together() {
        Cli::command().debug_assert();
    }
}
