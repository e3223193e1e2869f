//! A DNS server (RFC 1035) that knows a few names, over UDP.

use std::net::{IpAddr, Ipv6Addr, UdpSocket};
use std::os::fd::AsFd as _;

use anyhow::Context as _;

use crate::stop::{Woken, Workers};

const HEADER: usize = 12;
const A: u16 = 1;
const AAAA: u16 = 28;

/// What it knows.
#[derive(Clone, Debug, Default)]
pub struct Dns {
    /// Names without the last dot, and their addresses; a name may have several of both versions.
    pub names: Vec<(String, IpAddr)>,
}

/// It answers as long as this is there.
#[derive(Debug)]
pub struct DnsServer {
    _workers: Workers,
}

impl DnsServer {
    /// Answers in the calling thread's network, at all of the host's addresses.
    ///
    /// # Errors
    /// If its port is not free.
    pub fn start(dns: Dns) -> anyhow::Result<Self> {
        let socket = UdpSocket::bind((Ipv6Addr::UNSPECIFIED, 53)).context("UDP port 53")?;
        socket.set_nonblocking(true)?;
        let workers = Workers::new()?;
        workers.start(move |stop| {
            let mut buffer = [0; 2048];
            while stop.wait(&[socket.as_fd()], None) == Woken::Look {
                let Ok((length, from)) = socket.recv_from(&mut buffer) else { continue };
                if let Some(answer) = dns.answer(&buffer[..length]) {
                    let _ = socket.send_to(&answer, from);
                }
            }
        });
        Ok(Self { _workers: workers })
    }
}

impl Dns {
    /// To a query with one question; others are not answered.
    fn answer(&self, query: &[u8]) -> Option<Vec<u8>> {
        let header = query.get(..HEADER)?;
        let is_query = header[2] & 0xF8 == 0 && header[4..6] == [0, 1];
        if !is_query {
            return None;
        }
        let (name, length) = name(query.get(HEADER..)?)?;
        let end = HEADER + length + 4;
        let question = query.get(HEADER..end)?;
        let kind = u16::from_be_bytes([question[length], question[length + 1]]);
        let mut known = self.names.iter().filter(|(known, _)| known.eq_ignore_ascii_case(&name)).peekable();
        let is_known = known.peek().is_some();
        let records: Vec<Vec<u8>> = known
            .filter_map(|(_, address)| match (address, kind) {
                (IpAddr::V4(address), A) => Some(address.octets().to_vec()),
                (IpAddr::V6(address), AAAA) => Some(address.octets().to_vec()),
                _ => None,
            })
            .collect();
        // The same number; an answer of who knows, recursion as asked for; the code 3 says that there is no such name.
        let code = if is_known { 0 } else { 3 };
        let mut answer = vec![header[0], header[1], 0x84 | header[2] & 1, 0x80 | code, 0, 1];
        answer.extend((records.len() as u16).to_be_bytes());
        answer.extend([0; 4]);
        answer.extend(question);
        for record in &records {
            // The question's name, its kind, the internet, for a minute.
            answer.extend([0xC0, HEADER as u8]);
            answer.extend(kind.to_be_bytes());
            answer.extend([0, 1, 0, 0, 0, 60]);
            answer.extend((record.len() as u16).to_be_bytes());
            answer.extend(record);
        }
        Some(answer)
    }
}

/// A name that is written out, and how many bytes it takes.
fn name(bytes: &[u8]) -> Option<(String, usize)> {
    let mut labels = Vec::new();
    let mut at = 0;
    loop {
        let length = usize::from(*bytes.get(at)?);
        at += 1;
        if length == 0 {
            return Some((labels.join("."), at));
        }
        if length > 63 || at > 255 {
            return None;
        }
        labels.push(String::from_utf8_lossy(bytes.get(at..at + length)?).into_owned());
        at += length;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(name: &str, kind: u16) -> Vec<u8> {
        let mut bytes = vec![0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        for label in name.split('.') {
            bytes.push(label.len() as u8);
            bytes.extend(label.bytes());
        }
        bytes.push(0);
        bytes.extend(kind.to_be_bytes());
        bytes.extend([0, 1]);
        bytes
    }

    #[test]
    fn names_and_none() {
        let of = |text: &str| text.parse::<IpAddr>().expect("an address");
        let names = [
            ("host.test", "10.0.0.1"),
            ("host.test", "fd00::1"),
            ("two.test", "10.0.0.5"),
            ("two.test", "10.0.0.6"),
        ];
        let dns = Dns { names: names.map(|(name, address)| (name.to_owned(), of(address))).to_vec() };
        let answer = dns.answer(&query("Host.Test", A)).expect("an answer");
        assert_eq!(answer[..8], [0x12, 0x34, 0x85, 0x80, 0, 1, 0, 1]);
        assert!(answer.ends_with(&[0xC0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 10, 0, 0, 1]));
        let answer = dns.answer(&query("host.test", AAAA)).expect("an answer");
        assert_eq!((answer[7], answer[answer.len() - 1]), (1, 1));
        assert_eq!(dns.answer(&query("two.test", A)).expect("an answer")[7], 2);
        // A name that has no such record is no unknown name.
        assert_eq!(dns.answer(&query("two.test", AAAA)).expect("an answer")[3..8], [0x80, 0, 1, 0, 0]);
        assert_eq!(dns.answer(&query("three.test", A)).expect("an answer")[3..8], [0x83, 0, 1, 0, 0]);
        let whole = query("host.test", A);
        assert!((0..whole.len()).all(|length| dns.answer(&whole[..length]).is_none()));
    }
}
