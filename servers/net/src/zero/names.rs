//! Names, echoes, and whoever waits for an address.

use core::time::Duration;

use alloc::vec::Vec;

use anax_inet::Standing;
use anax_inet::control::Sending;
use anax_inet::dns::{Asked, Kind, Name, NoAnswer, QuestionId};
use anax_inet::egress::HOPS;
use anax_inet::icmp::{Echo as Number, echo_request};
use anax_inet::interface::{is_link_local, is_loopback};
use anax_proto::{Caller, Later};
use anax_socket::{Address, Failure};
use smoltcp::wire::{IpAddress, IpVersion};

use super::{Echo, Zero, ZeroHost};
use crate::convert::{address, inner};
use crate::session::Arena;
use crate::shard::Shard;

/// Look-ups that are kept.
pub const MOST_LOOKUPS: usize = 128;
/// Echoes that wait for their answers.
const MOST_ECHOES: usize = 256;
/// Bytes of the longest echo.
const MOST_ECHO: u16 = 8_192;
/// Who waits for an address.
const MOST_READIES: usize = 64;

/// A name that is looked for, or was.
#[derive(Debug)]
pub(super) struct Lookup {
    pub(super) session: u64,
    missing: Vec<QuestionId>,
    found: Vec<IpAddress>,
    failure: Option<Failure>,
    later: Option<Later<u32, Failure>>,
}

impl Lookup {
    fn outcome(&self) -> Result<u32, Failure> {
        match self.failure {
            Some(failure) if self.found.is_empty() => Err(failure),
            _ => Ok(self.found.len() as u32),
        }
    }

    fn take(&mut self, answer: Result<impl IntoIterator<Item = IpAddress>, NoAnswer>) {
        match answer {
            Ok(found) => self.found.extend(found),
            Err(no) => {
                let failure = match no {
                    NoAnswer::NoName | NoAnswer::NoAddress | NoAnswer::Aliases => Failure::NoName,
                    NoAnswer::NoServer => Failure::NoServer,
                    NoAnswer::Busy => Failure::Full,
                };
                self.failure.get_or_insert(failure);
            }
        }
    }
}

impl<A: Arena> Zero<A> {
    pub(crate) fn look_up<H: ZeroHost<Arena = A>>(
        &mut self,
        caller: Caller,
        name: &str,
        version: u8,
        shard: &mut Shard<H>,
    ) -> Result<u64, Failure> {
        let kinds: &[Kind] = match version {
            4 => &[Kind::V4],
            6 => &[Kind::V6],
            0 => &[Kind::V4, Kind::V6],
            _ => return Err(Failure::BadArgument),
        };
        if !self.sessions.contains(&caller.0) {
            return Err(Failure::Gone);
        }
        let (missing, found) = Default::default();
        let mut lookup = Lookup { session: caller.0, missing, found, failure: None, later: None };
        if let Ok(literal) = name.parse::<core::net::IpAddr>() {
            lookup.found.push(inner(Address(literal)));
        } else {
            let name = Name::new(name).map_err(|_| Failure::BadArgument)?;
            for kind in kinds {
                match self.control.ask(self.now, &name, *kind) {
                    Asked::Known(answer) => lookup.take(answer),
                    Asked::Asking(id) => lookup.missing.push(id),
                }
            }
        }
        if self.lookups.len() >= MOST_LOOKUPS {
            let oldest = self.lookups.iter().find(|(_, lookup)| lookup.later.is_none()).map(|(one, _)| *one);
            let oldest = oldest.ok_or(Failure::Full)?;
            self.lookups.remove(&oldest);
        }
        let number = self.next_lookup;
        self.next_lookup += 1;
        self.lookups.insert(number, lookup);
        self.output(shard);
        Ok(number)
    }

    fn lookup(&mut self, caller: Caller, number: u64) -> Result<&mut Lookup, Failure> {
        self.lookups.get_mut(&number).filter(|lookup| lookup.session == caller.0).ok_or(Failure::Gone)
    }

    pub(crate) fn looked_up<H: ZeroHost<Arena = A>>(
        &mut self,
        caller: Caller,
        number: u64,
        later: Later<u32, Failure>,
        shard: &mut Shard<H>,
    ) {
        let outcome = match self.lookup(caller, number) {
            Ok(lookup) if lookup.missing.is_empty() => lookup.outcome(),
            Ok(lookup) => {
                let before = lookup.later.replace(later);
                if let Some(before) = before {
                    let _is_there = shard.host().answer(&before.answer(Err(Failure::Aborted)));
                }
                return;
            }
            Err(failure) => Err(failure),
        };
        let _is_there = shard.host().answer(&later.answer(outcome));
    }

    pub(super) fn resolved<H: ZeroHost<Arena = A>>(
        &mut self,
        id: QuestionId,
        answer: Result<Vec<IpAddress>, NoAnswer>,
        shard: &mut Shard<H>,
    ) {
        let found = self.lookups.values_mut().find(|lookup| lookup.missing.contains(&id));
        let Some(lookup) = found else { return };
        lookup.missing.retain(|one| *one != id);
        lookup.take(answer);
        if lookup.missing.is_empty()
            && let Some(later) = lookup.later.take()
        {
            let answered = later.answer(lookup.outcome());
            let _is_there = shard.host().answer(&answered);
        }
    }

    pub(crate) fn found(&mut self, caller: Caller, number: u64, which: u32) -> Result<Address, Failure> {
        let lookup = self.lookup(caller, number)?;
        lookup.found.get(which as usize).copied().map(address).ok_or(Failure::BadArgument)
    }

    pub(crate) fn echo<H: ZeroHost<Arena = A>>(
        &mut self,
        caller: Caller,
        to: Address,
        length: u16,
        patience: u32,
        later: Later<u64, Failure>,
        shard: &mut Shard<H>,
    ) {
        let destination = inner(to);
        let asked = if !self.sessions.contains(&caller.0) {
            Err(Failure::Gone)
        } else if length > MOST_ECHO {
            Err(Failure::BadArgument)
        } else if self.echoes.len() >= MOST_ECHOES {
            Err(Failure::Full)
        } else {
            self.control.tables().route(destination, None).map_err(|_| Failure::NoRoute)
        };
        let (hop, source) = match asked {
            Ok(way) => way,
            Err(failure) => {
                let _is_there = shard.host().answer(&later.answer(Err(failure)));
                return;
            }
        };
        let draw = self.random.draw();
        let echo = Number { identifier: draw as u16, sequence: (draw >> 16) as u16 };
        let data: Vec<u8> = (0..length).map(|at| at as u8).collect();
        let said = echo_request(source, destination, echo, &data);
        let protocol = said.protocol();
        let until = self.now + Duration::from_millis(u64::from(patience.max(1)));
        let (session, since) = (caller.0, self.now);
        self.echoes.insert((echo.identifier, echo.sequence), Echo { session, since, until, later });
        let payload = said.message;
        self.control.send(self.now, Sending { hop, source, destination, protocol, hop_limit: HOPS, payload });
        self.output(shard);
    }

    pub(super) fn expire_echoes<H: ZeroHost<Arena = A>>(&mut self, shard: &mut Shard<H>) {
        while let Some(late) =
            self.echoes.iter().find(|(_, echo)| echo.until <= self.now).map(|(key, _)| *key)
        {
            let Some(echo) = self.echoes.remove(&late) else { return };
            let _is_there = shard.host().answer(&echo.later.answer(Err(Failure::TimedOut)));
        }
    }

    /// Whether others can be reached by an address of that version, or of any.
    fn is_ready(&self, version: u8) -> bool {
        let is_one = |own: &anax_inet::Assigned| {
            let address = own.address.address();
            let is_wanted = match address.version() {
                IpVersion::Ipv4 => version != 6,
                IpVersion::Ipv6 => version != 4 && !is_link_local(address),
            };
            is_wanted && own.standing == Standing::Preferred && !is_loopback(address)
        };
        self.control.tables().interfaces().iter().any(|interface| interface.addresses.iter().any(is_one))
    }

    pub(crate) fn ready<H: ZeroHost<Arena = A>>(
        &mut self,
        version: u8,
        later: Later<(), Failure>,
        shard: &mut Shard<H>,
    ) {
        if self.is_ready(version) {
            let _is_there = shard.host().answer(&later.answer(Ok(())));
        } else if self.readies.len() >= MOST_READIES {
            let _is_there = shard.host().answer(&later.answer(Err(Failure::Full)));
        } else {
            self.readies.push((version, later));
        }
    }

    pub(super) fn look_at_readies<H: ZeroHost<Arena = A>>(&mut self, shard: &mut Shard<H>) {
        let mut place = 0;
        while let Some((version, _)) = self.readies.get(place) {
            if self.is_ready(*version) {
                let (_, later) = self.readies.swap_remove(place);
                let _is_there = shard.host().answer(&later.answer(Ok(())));
            } else {
                place += 1;
            }
        }
    }
}
