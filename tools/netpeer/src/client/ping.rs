//! Echo requests of ICMP. The program `ping` is not on every machine, and a socket of the kernel's for it is all that is needed.

use std::io::ErrorKind;
use std::net::{IpAddr, UdpSocket};
use std::time::{Duration, Instant};

use anax_pattern::{Direction, Pattern};
use anyhow::{Context as _, bail};
use rustix::net::{AddressFamily, SocketType, ipproto, socket};

use crate::{Target, Verdict};

/// Type, code, checksum, identifier, number: the kernel fills in checksum and identifier.
const HEADER: usize = 8;

/// So many echo requests with so many bytes each, one after the other. One that has no reply after `lost_after` is lost.
pub fn ping(target: &Target, count: u16, size: usize, lost_after: Duration) -> Verdict {
    let begin = Instant::now();
    let mut verdict = Verdict::default();
    let mut times = Vec::new();
    if let Err(error) = run(target, count, size, lost_after, &mut times, &mut verdict) {
        verdict.complain(format!("{error:#}"));
    }
    let lost = u64::from(count) - times.len() as u64;
    if times.is_empty() {
        verdict.complain(format!("no reply to {count} echo requests"));
    }
    verdict.count("pings", count.into()).count("lost", lost).seconds(begin.elapsed()).times(&mut times)
}

fn run(
    target: &Target,
    count: u16,
    size: usize,
    lost_after: Duration,
    times: &mut Vec<Duration>,
    verdict: &mut Verdict,
) -> anyhow::Result<()> {
    let (family, protocol, request, reply) = match target.address {
        IpAddr::V4(_) => (AddressFamily::INET, ipproto::ICMP, 8, 0),
        IpAddr::V6(_) => (AddressFamily::INET6, ipproto::ICMPV6, 128, 129),
    };
    let socket = socket(family, SocketType::DGRAM, Some(protocol))
        .context("no socket for ICMP: see the host's net.ipv4.ping_group_range")?;
    let socket = UdpSocket::from(socket);
    socket.connect(target.at(0))?;
    let mut buffer = vec![0; 65_536];
    for number in 0..count {
        let mut echo = vec![0; HEADER + size];
        echo[0] = request;
        echo[6..HEADER].copy_from_slice(&number.to_be_bytes());
        Pattern::new(number.into(), Direction::ToGuest).fill(0, &mut echo[HEADER..]);
        let sent = Instant::now();
        // What a neighbour says of itself too late counts as lost.
        let _ = socket.send(&echo);
        while let left = lost_after.saturating_sub(sent.elapsed())
            && !left.is_zero()
        {
            socket.set_read_timeout(Some(left))?;
            let came = match socket.recv(&mut buffer) {
                Ok(length) => &buffer[..length],
                Err(error) => match error.kind() {
                    ErrorKind::WouldBlock
                    | ErrorKind::TimedOut
                    | ErrorKind::HostUnreachable
                    | ErrorKind::Interrupted => continue,
                    _ => bail!("cannot receive: {error}"),
                },
            };
            if came.len() < HEADER || came[0] != reply || came[6..HEADER] != number.to_be_bytes() {
                continue;
            }
            times.push(sent.elapsed());
            if came[HEADER..] != echo[HEADER..] {
                verdict.complain(format!("echo {number} came back with other bytes"));
            }
            break;
        }
    }
    Ok(())
}
