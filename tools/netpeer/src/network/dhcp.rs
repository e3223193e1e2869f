//! A DHCP server (RFC 2131) for guests on one TAP: each card has one address, and keeps it. It knows as little as such a server may.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::os::fd::AsFd as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::Context as _;

use crate::stop::{Woken, Workers};

const COOKIE: [u8; 4] = [99, 130, 83, 99];
/// Where options begin, behind the cookie.
const OPTIONS: usize = 240;
/// Some clients drop what is shorter.
const SHORTEST: usize = 300;

const DISCOVER: u8 = 1;
const OFFER: u8 = 2;
const REQUEST: u8 = 3;
const ACK: u8 = 5;
const NAK: u8 = 6;
const INFORM: u8 = 8;

/// What it tells guests.
#[derive(Clone, Copy, Debug)]
pub struct Dhcp {
    /// Who it is, and the way out.
    pub server: Ipv4Addr,
    /// Bits of the network's prefix.
    pub prefix: u8,
    /// The first guest's address; others follow.
    pub first: Ipv4Addr,
    /// Who knows names.
    pub names: Ipv4Addr,
    /// How long an address is lent. A guest asks again after half of it.
    pub lease: Duration,
}

impl Dhcp {
    /// The host of [`HOST`](super::HOST), and guests from 10.0.0.2 on, for an hour.
    #[must_use]
    pub fn of_host() -> Self {
        let server = Ipv4Addr::new(10, 0, 0, 1);
        let first = Ipv4Addr::new(10, 0, 0, 2);
        Self { server, prefix: 24, first, names: server, lease: Duration::from_secs(3600) }
    }
}

/// It answers as long as this is there.
#[derive(Debug)]
pub struct DhcpServer {
    granted: Arc<AtomicU64>,
    _workers: Workers,
}

impl DhcpServer {
    /// Answers in the calling thread's network.
    ///
    /// # Errors
    /// If its port is not free.
    pub fn start(dhcp: Dhcp) -> anyhow::Result<Self> {
        let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 67)).context("UDP port 67")?;
        socket.set_broadcast(true)?;
        socket.set_nonblocking(true)?;
        let (workers, granted) = (Workers::new()?, Arc::new(AtomicU64::new(0)));
        let counter = Arc::clone(&granted);
        workers.start(move |stop| {
            let mut leases = Leases { dhcp, cards: BTreeMap::new() };
            let mut buffer = [0; 2048];
            while stop.wait(&[socket.as_fd()], None) == Woken::Look {
                let Ok((length, _)) = socket.recv_from(&mut buffer) else { continue };
                let Some(answer) = leases.answer(&buffer[..length]) else { continue };
                if answer.kind == ACK {
                    counter.fetch_add(1, Ordering::Relaxed);
                }
                // A guest that hears nothing asks again.
                let _ = socket.send_to(&answer.bytes, answer.to);
            }
        });
        Ok(Self { granted, _workers: workers })
    }

    /// How often an address was granted, or granted again.
    #[must_use]
    pub fn granted(&self) -> u64 {
        self.granted.load(Ordering::Relaxed)
    }
}

struct Answer {
    kind: u8,
    to: SocketAddr,
    bytes: Vec<u8>,
}

struct Leases {
    dhcp: Dhcp,
    cards: BTreeMap<[u8; 6], Ipv4Addr>,
}

impl Leases {
    fn answer(&mut self, message: &[u8]) -> Option<Answer> {
        let is_request = message.get(..4)?.starts_with(&[1, 1, 6]) && message.get(236..OPTIONS)? == COOKIE;
        if !is_request {
            return None;
        }
        let card: [u8; 6] = message[28..34].try_into().ok()?;
        let address = |bytes: &[u8]| bytes.first_chunk::<4>().map(|bytes| Ipv4Addr::from(*bytes));
        let options = Options(&message[OPTIONS..]);
        let has = address(&message[12..16])?;
        let for_other = options.get(54).and_then(address).is_some_and(|server| server != self.dhcp.server);
        let lent = self.lend(card);
        let kind = match *options.get(53)?.first()? {
            DISCOVER => OFFER,
            REQUEST if for_other => return None,
            REQUEST => {
                let wanted = options.get(50).and_then(address).unwrap_or(has);
                if wanted == lent { ACK } else { NAK }
            }
            INFORM => INFORM,
            _ => return None,
        };
        // Only who has an address already can be reached by it.
        let to = if has.is_unspecified() || kind == NAK { Ipv4Addr::BROADCAST } else { has };
        let bytes = self.compose(message, kind, lent);
        let kind = if kind == INFORM { ACK } else { kind };
        Some(Answer { kind, to: (to, 68).into(), bytes })
    }

    fn lend(&mut self, card: [u8; 6]) -> Ipv4Addr {
        let next = Ipv4Addr::from(u32::from(self.dhcp.first).wrapping_add(self.cards.len() as u32));
        *self.cards.entry(card).or_insert(next)
    }

    fn compose(&self, request: &[u8], kind: u8, lent: Ipv4Addr) -> Vec<u8> {
        let mut bytes = vec![0; OPTIONS];
        // Transaction, flags and card are the client's.
        bytes[..4].copy_from_slice(&[2, 1, 6, 0]);
        bytes[4..8].copy_from_slice(&request[4..8]);
        bytes[10..12].copy_from_slice(&request[10..12]);
        bytes[28..44].copy_from_slice(&request[28..44]);
        bytes[236..].copy_from_slice(&COOKIE);
        let mut option = |code: u8, value: &[u8]| {
            bytes.extend([code, value.len() as u8]);
            bytes.extend(value);
        };
        option(53, &[if kind == INFORM { ACK } else { kind }]);
        option(54, &self.dhcp.server.octets());
        if kind != NAK {
            let mask = u32::MAX.checked_shl(32 - u32::from(self.dhcp.prefix.min(32))).unwrap_or(0);
            option(1, &mask.to_be_bytes());
            option(3, &self.dhcp.server.octets());
            option(6, &self.dhcp.names.octets());
        }
        if matches!(kind, OFFER | ACK) {
            option(51, &(self.dhcp.lease.as_secs() as u32).to_be_bytes());
            bytes[16..20].copy_from_slice(&lent.octets());
        } else if kind == INFORM {
            bytes[12..16].copy_from_slice(&request[12..16]);
        }
        bytes.push(255);
        bytes.resize(bytes.len().max(SHORTEST), 0);
        bytes
    }
}

/// The options of a message.
struct Options<'a>(&'a [u8]);

impl<'a> Options<'a> {
    fn get(&self, wanted: u8) -> Option<&'a [u8]> {
        let mut rest = self.0;
        loop {
            match rest {
                [0, after @ ..] => rest = after,
                [code, length, after @ ..] if *code != 255 => {
                    let (value, after) = after.split_at_checked(usize::from(*length))?;
                    if *code == wanted {
                        return Some(value);
                    }
                    rest = after;
                }
                _ => return None,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(card: u8, has: [u8; 4], options: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0; OPTIONS];
        bytes[..8].copy_from_slice(&[1, 1, 6, 0, 0xDE, 0xAD, 0xBE, 0xEF]);
        bytes[12..16].copy_from_slice(&has);
        bytes[28..34].copy_from_slice(&[2, 0, 0, 0, 0, card]);
        bytes[236..].copy_from_slice(&COOKIE);
        bytes.extend(options);
        bytes.push(255);
        bytes
    }

    #[test]
    fn from_a_question_to_an_address() {
        let mut leases = Leases { dhcp: Dhcp::of_host(), cards: BTreeMap::new() };
        let mut ask = |card, has, options: &[u8]| leases.answer(&message(card, has, options));
        let offer = ask(7, [0; 4], &[53, 1, DISCOVER]).expect("an offer");
        assert_eq!((offer.kind, offer.to.to_string()), (OFFER, "255.255.255.255:68".to_owned()));
        assert_eq!(
            (&offer.bytes[4..8], &offer.bytes[16..20]),
            (&[0xDE, 0xAD, 0xBE, 0xEF][..], &[10, 0, 0, 2][..])
        );
        let said = Options(&offer.bytes[OPTIONS..]);
        assert_eq!(said.get(1), Some(&[255, 255, 255, 0][..]));
        assert_eq!((said.get(3), said.get(6)), (Some(&[10, 0, 0, 1][..]), Some(&[10, 0, 0, 1][..])));
        assert_eq!(said.get(51), Some(&3600_u32.to_be_bytes()[..]));

        let granted =
            ask(7, [0; 4], &[53, 1, REQUEST, 50, 4, 10, 0, 0, 2, 54, 4, 10, 0, 0, 1]).expect("an answer");
        assert_eq!(granted.kind, ACK);
        let refused = ask(7, [0; 4], &[53, 1, REQUEST, 50, 4, 10, 0, 0, 9]).expect("an answer");
        assert_eq!((refused.kind, &refused.bytes[16..20]), (NAK, &[0; 4][..]));
        assert!(ask(7, [0; 4], &[53, 1, REQUEST, 50, 4, 10, 0, 0, 2, 54, 4, 10, 0, 0, 77]).is_none());
        let renewed = ask(7, [10, 0, 0, 2], &[53, 1, REQUEST]).expect("an answer");
        assert_eq!((renewed.kind, renewed.to.to_string()), (ACK, "10.0.0.2:68".to_owned()));
        let other = ask(8, [0; 4], &[0, 0, 53, 1, DISCOVER]).expect("an offer");
        assert_eq!(other.bytes[16..20], [10, 0, 0, 3]);
    }

    #[test]
    fn what_is_no_request_has_no_answer() {
        let mut leases = Leases { dhcp: Dhcp::of_host(), cards: BTreeMap::new() };
        let whole = message(1, [0; 4], &[53, 1, DISCOVER]);
        for length in 0..OPTIONS + 3 {
            assert!(leases.answer(&whole[..length]).is_none(), "{length}");
        }
        assert!(leases.answer(&message(1, [0; 4], &[53, 200, DISCOVER])).is_none());
    }
}
