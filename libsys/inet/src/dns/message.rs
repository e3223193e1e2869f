//! Queries and what comes back.

use alloc::vec::Vec;
use core::time::Duration;

use smoltcp::wire::{
    DnsFlags, DnsOpcode, DnsPacket, DnsQueryType, DnsQuestion, DnsRcode, DnsRecord, DnsRecordData, DnsRepr,
    IpAddress,
};

use super::{ADDRESSES, ALIASES, Addresses, BadName, Name, NoAnswer};

/// Records of a reply that are looked at.
const RECORDS: usize = 64;
/// The longest time that anything is remembered; and how long that there is nothing, at most (RFC 2308).
const LONGEST: Duration = Duration::from_secs(86_400);
const NOTHING_LONGEST: Duration = Duration::from_secs(300);

/// Which kind of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// IPv4's: A.
    V4,
    /// IPv6's: AAAA.
    V6,
}

impl Kind {
    const fn wire(self) -> DnsQueryType {
        match self {
            Self::V4 => DnsQueryType::A,
            Self::V6 => DnsQueryType::Aaaa,
        }
    }
}

/// What a server says to a question.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) end: End,
    pub(super) aliases: usize,
    pub(super) lasts: Duration,
}

#[derive(Debug)]
pub(super) enum End {
    Addresses(Addresses),
    Alias(Name),
    Nothing(NoAnswer),
    /// It cannot say, or not in one datagram.
    Useless,
}

pub(super) fn query(id: u16, name: &Name, kind: Kind) -> Vec<u8> {
    let repr = DnsRepr {
        transaction_id: id,
        opcode: DnsOpcode::Query,
        flags: DnsFlags::RECURSION_DESIRED,
        question: DnsQuestion { name: name.as_bytes(), type_: kind.wire() },
    };
    let mut bytes = alloc::vec![0; repr.buffer_len()];
    repr.emit(&mut DnsPacket::new_unchecked(&mut bytes[..]));
    bytes
}

/// The reply to exactly this question, if it is one.
pub(super) fn parse(payload: &[u8], id: u16, asked: &Name, kind: Kind) -> Option<Reply> {
    let packet = DnsPacket::new_checked(payload).ok()?;
    let flags = packet.flags();
    let is_reply = flags.contains(DnsFlags::RESPONSE) && packet.opcode() == DnsOpcode::Query;
    if packet.transaction_id() != id || !is_reply || packet.question_count() != 1 {
        return None;
    }
    let (rest, question) = DnsQuestion::parse(packet.payload()).ok()?;
    if question.type_ != kind.wire() || name(&packet, question.name).ok()? != *asked {
        return None;
    }
    let useless = Reply { end: End::Useless, aliases: 0, lasts: Duration::ZERO };
    let is_missing = match packet.rcode() {
        DnsRcode::NoError => false,
        DnsRcode::NXDomain => true,
        _ => return Some(useless),
    };
    let Ok(records) = records(&packet, rest) else { return Some(useless) };
    let (answers, authority) = records.split_at(usize::from(packet.answer_record_count()).min(records.len()));
    let mut reply = follow(&packet, answers, asked, kind);
    // A reply that was cut off is of no use unless it has what was asked for.
    if flags.contains(DnsFlags::TRUNCATED) && !matches!(reply.end, End::Addresses(_)) {
        return Some(useless);
    }
    match reply.end {
        End::Nothing(NoAnswer::NoAddress) => nothing(&mut reply, authority, is_missing),
        End::Alias(_) if is_missing => nothing(&mut reply, authority, true),
        _ => {}
    }
    Some(reply)
}

/// That there is nothing is remembered as long as the zone says (RFC 2308, 5), else not at all.
fn nothing(reply: &mut Reply, authority: &[DnsRecord<'_>], is_missing: bool) {
    let why = if is_missing { NoAnswer::NoName } else { NoAnswer::NoAddress };
    reply.end = End::Nothing(why);
    let soa = authority.iter().find_map(|record| match record.data {
        DnsRecordData::Other(DnsQueryType::Soa, data) => Some((record.ttl, data.last_chunk::<4>()?)),
        _ => None,
    });
    let lasts = soa.map_or(Duration::ZERO, |(ttl, least)| time(ttl.min(u32::from_be_bytes(*least))));
    reply.lasts = reply.lasts.min(lasts).min(NOTHING_LONGEST);
}

/// Answer and authority records.
fn records<'a>(packet: &DnsPacket<&'a [u8]>, mut rest: &'a [u8]) -> Result<Vec<DnsRecord<'a>>, BadName> {
    let count = usize::from(packet.answer_record_count()) + usize::from(packet.authority_record_count());
    let mut records = Vec::new();
    for _ in 0..count.min(RECORDS) {
        let (after, record) = DnsRecord::parse(rest).map_err(|_| BadName)?;
        records.push(record);
        rest = after;
    }
    Ok(records)
}

/// From alias to alias to addresses, whichever order the records have.
fn follow(packet: &DnsPacket<&[u8]>, answers: &[DnsRecord<'_>], asked: &Name, kind: Kind) -> Reply {
    let (mut current, mut aliases, mut lasts) = (asked.clone(), 0, LONGEST);
    loop {
        let of_current =
            |record: &&DnsRecord<'_>| name(packet, record.name).is_ok_and(|name| name == current);
        let mut addresses = Addresses::new();
        let mut alias = None;
        for record in answers.iter().filter(of_current) {
            let address = match (&record.data, kind) {
                (DnsRecordData::A(address), Kind::V4) => IpAddress::Ipv4(*address),
                (DnsRecordData::Aaaa(address), Kind::V6) => IpAddress::Ipv6(*address),
                (DnsRecordData::Cname(target), _) => {
                    alias = alias.or_else(|| Some((name(packet, target).ok()?, time(record.ttl))));
                    continue;
                }
                _ => continue,
            };
            if addresses.len() < ADDRESSES {
                addresses.push(address);
            }
            lasts = lasts.min(time(record.ttl));
        }
        if !addresses.is_empty() {
            return Reply { end: End::Addresses(addresses), aliases, lasts };
        }
        let Some((target, ttl)) = alias else {
            let end = if aliases > 0 { End::Alias(current) } else { End::Nothing(NoAnswer::NoAddress) };
            return Reply { end, aliases, lasts };
        };
        lasts = lasts.min(ttl);
        aliases += 1;
        if aliases > ALIASES || target == *asked {
            return Reply { end: End::Nothing(NoAnswer::Aliases), aliases, lasts };
        }
        current = target;
    }
}

/// A time to live; one with the highest bit is none (RFC 2181, 8).
fn time(ttl: u32) -> Duration {
    let seconds = if ttl >> 31 == 0 { ttl } else { 0 };
    Duration::from_secs(seconds.into()).min(LONGEST)
}

/// A name of the message. Compression only leads backwards, so it ends.
fn name(packet: &DnsPacket<&[u8]>, bytes: &[u8]) -> Result<Name, BadName> {
    Name::from_labels(packet.parse_name(bytes).map(|label| label.map_err(|_| BadName)))
}
