//! `netperf`: how much goes to and from `peerd`, and how fast a question is answered.

use alloc::vec;
use core::net::SocketAddr;
use core::time::Duration;

use anax::{eprintln, println};
use anax_net::{Failure, NoDelay, Session, TcpStream};
use net_tools::Milliseconds;

use crate::FAILED;

/// The ports of `peerd`: takes all, sends zeros, sends back.
const TAKES: u16 = 5001;
const SENDS: u16 = 5002;
const ECHO: u16 = 5004;
/// Bytes at once.
const PIECE: usize = 64 << 10;

pub(crate) fn perf(net: &Session, host: &str, time: Duration) -> Result<u64, Failure> {
    let stream = TcpStream::connect_any(net, &net.resolve(&alloc::format!("{host}:{TAKES}"))?)?;
    let at = stream.peer_addr()?.ip();
    let with = |port| SocketAddr::new(at, port);
    let mut status = to(stream, time)?;
    from(net, with(SENDS), time)?;
    status = status.max(there_and_back(net, with(ECHO), time)?);
    Ok(status)
}

fn rate(what: &str, bytes: u64, took: Duration) {
    let mebibytes_tenths = bytes * 10 / (1 << 20);
    let per_second = (u128::from(bytes) * 1000 / took.as_millis().max(1)) as u64 / 1024;
    println!("{what}: {}.{} MiB, {per_second} KiB a second", mebibytes_tenths / 10, mebibytes_tenths % 10);
}

/// What the other end has taken counts, not what was sent.
fn to(mut stream: TcpStream, time: Duration) -> Result<u64, Failure> {
    let (piece, mut sent, begin) = (vec![0; PIECE], 0_u64, anax::time::now());
    let end = begin.after(time);
    while anax::time::now() < end {
        stream.write_all(&piece)?;
        sent += piece.len() as u64;
    }
    stream.shutdown()?;
    let mut count = [0; 8];
    stream.read_exact(&mut count)?;
    let took = Duration::from_nanos(anax::time::now().nanoseconds() - begin.nanoseconds());
    let taken = u64::from_le_bytes(count);
    rate("sent", taken, took);
    if taken != sent {
        eprintln!("netperf: {sent} bytes were sent, and {taken} taken");
        return Ok(FAILED);
    }
    Ok(0)
}

fn from(net: &Session, at: SocketAddr, time: Duration) -> Result<(), Failure> {
    let mut stream = TcpStream::connect(net, at)?;
    let (mut piece, mut came, begin) = (vec![0; PIECE], 0_u64, anax::time::now());
    let end = begin.after(time);
    while anax::time::now() < end {
        let count = stream.read(&mut piece)?;
        if count == 0 {
            break;
        }
        came += count as u64;
    }
    let took = Duration::from_nanos(anax::time::now().nanoseconds() - begin.nanoseconds());
    rate("received", came, took);
    stream.abort();
    Ok(())
}

fn there_and_back(net: &Session, at: SocketAddr, time: Duration) -> Result<u64, Failure> {
    let mut stream = TcpStream::connect(net, at)?;
    stream.set_nodelay(NoDelay::On)?;
    let (mut rounds, begin) = (0_u64, anax::time::now());
    let end = begin.after(time);
    while anax::time::now() < end {
        let question = rounds.to_le_bytes();
        stream.write_all(&question)?;
        stream.flush()?;
        let mut answer = [0; 8];
        stream.read_exact(&mut answer)?;
        if answer != question {
            eprintln!("netperf: {rounds} came back as {}", u64::from_le_bytes(answer));
            return Ok(FAILED);
        }
        rounds += 1;
    }
    let took = anax::time::now().nanoseconds() - begin.nanoseconds();
    let each = Duration::from_nanos(took / rounds.max(1));
    println!("there and back: {rounds} times, each {}", Milliseconds(each));
    stream.close()?;
    Ok(0)
}
