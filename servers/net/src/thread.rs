//! A protocol thread: a shard, and on thread 0 what is not shared out.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use anax_frames::{BUFFER_BYTES, Buffer};
use anax_inet::InterfaceId;
use anax_proto::{Caller, Gift, Later};
use anax_socket::{
    Address, Choice, End, Failure, InterfaceReport, Kind, Lost, NeighbourReport, Piece, Progress, Question,
    Rings, RouteReport, Socket, Sockets, Stretch,
};

use crate::cards::Cards;
use crate::item::{Departing, Item};
use crate::shard::{Host, MOST_CUT, Shard, Wire};
use crate::zero::{Zero, ZeroHost};

/// A protocol thread.
pub struct Thread<H: Host> {
    /// Its own connections and sockets.
    pub shard: Shard<H>,
    /// Thread 0's.
    pub zero: Option<Box<Zero<H::Arena>>>,
}

/// Buffers that a thread other than 0 was given to fill.
#[derive(Debug, Default)]
pub struct Stock {
    buffers: Vec<(InterfaceId, Buffer<'static>)>,
    departing: Vec<Departing>,
    /// Long ones that are being sent, and whose successors come by themselves.
    away: usize,
}

fn is_long(buffer: &Buffer<'static>) -> bool {
    buffer.bytes().len() > BUFFER_BYTES
}

/// What each of so many threads but 0 is given of each card, by its bytes: single buffers, and one for a long segment if the card cuts and there is enough for that.
pub fn stock(threads: u32, cuts: bool) -> impl Iterator<Item = usize> {
    let each = SHARED / (threads as usize).saturating_sub(1).max(1);
    let has_long = cuts && each >= LONG + LEAST_BESIDE;
    let single = if has_long { each - LONG } else { each };
    let long = has_long.then_some(LONG * BUFFER_BYTES);
    core::iter::repeat_n(BUFFER_BYTES, single.clamp(2, MOST_STOCK)).chain(long)
}

/// Buffers of a card that are given away, of those that are for sending; and single ones to one thread at most.
const SHARED: usize = 28;
const MOST_STOCK: usize = 16;
/// Buffers side by side for the longest segment, and single ones that whoever has them needs besides.
const LONG: usize = 16;
const LEAST_BESIDE: usize = 8;
const _: () = assert!(LONG * BUFFER_BYTES >= MOST_CUT as usize + 14 + 40 + 60);

impl Stock {
    /// One more.
    pub fn add(&mut self, interface: InterfaceId, buffer: Buffer<'static>) {
        if is_long(&buffer) {
            self.away = self.away.saturating_sub(1);
        }
        self.buffers.push((interface, buffer));
    }

    /// What is to be sent.
    pub fn departing(&mut self) -> impl Iterator<Item = Departing> {
        self.departing.drain(..)
    }
}

impl Wire for Stock {
    fn buffer(&mut self, interface: InterfaceId, bytes: usize) -> Option<Buffer<'static>> {
        // A long one is not for what a single one has room for.
        let fits = |buffer: &Buffer<'static>| {
            buffer.bytes().len() >= bytes && is_long(buffer) == (bytes > BUFFER_BYTES)
        };
        let place = self.buffers.iter().position(|(card, buffer)| *card == interface && fits(buffer))?;
        Some(self.buffers.swap_remove(place).1)
    }

    fn is_sending(&mut self, _: InterfaceId) -> bool {
        self.away > 0
    }

    fn send(&mut self, departing: Departing) {
        self.away += usize::from(is_long(&departing.buffer));
        self.departing.push(departing);
    }

    fn free(&mut self, interface: InterfaceId, buffer: Buffer<'static>) {
        self.buffers.push((interface, buffer));
    }
}

impl<H: ZeroHost> Thread<H> {
    /// When something is to be done, if nothing comes before.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Duration> {
        let zero = self.zero.as_ref().and_then(|zero| zero.next_deadline());
        [self.shard.next_deadline(), zero].into_iter().flatten().min()
    }

    /// Sees to what another thread has handed over, on a thread other than 0.
    pub fn item(&mut self, item: Item<H::Arena>, stock: &mut Stock) {
        match self.shard.item(item, stock) {
            Some(Item::Stock(interface, buffer)) => {
                if is_long(&buffer) {
                    self.shard.sends_long();
                }
                stock.add(interface, buffer);
            }
            Some(item @ Item::Unclaimed(_)) => self.shard.port().send(0, item),
            _ => {}
        }
    }

    /// Ends a cohort on a thread other than 0. Whether nothing is left to be done at once.
    pub fn roll_up(&mut self, stock: &mut Stock) -> bool {
        let mut is_all = self.shard.roll_up(stock);
        while let Some(frame) = self.shard.inside() {
            if let Some(arrived) = self.shard.look_inside(frame)
                && let Some(item) = self.shard.packet(arrived, stock)
            {
                self.shard.port().send(0, item);
            }
            is_all = false;
        }
        for departing in stock.departing() {
            let own = self.shard.port().own();
            self.shard.port().send(0, Item::Send(own, departing));
        }
        self.shard.port().flush() && is_all
    }

    /// Sees to what another thread has handed over, on thread 0.
    pub fn item_zero(&mut self, item: Item<H::Arena>, cards: &mut Cards) {
        if let Some(item) = self.shard.item(item, cards)
            && let Some(zero) = &mut self.zero
        {
            zero.item(item, &mut self.shard, cards);
        }
    }

    /// Ends a cohort on thread 0. Whether nothing is left to be done at once.
    pub fn roll_up_zero(&mut self, cards: &mut Cards) -> bool {
        let mut is_all = self.shard.roll_up(cards);
        while let Some(frame) = self.shard.inside() {
            if let Some(arrived) = self.shard.look_inside(frame)
                && let Some(zero) = &mut self.zero
            {
                zero.arrived(arrived, &mut self.shard, cards);
            }
            is_all = false;
        }
        if let Some(zero) = &mut self.zero {
            zero.roll_up(&mut self.shard, cards);
        }
        self.shard.port().flush() && is_all
    }

    fn zero(&mut self) -> Result<(&mut Zero<H::Arena>, &mut Shard<H>), Failure> {
        let zero = self.zero.as_deref_mut().ok_or(Failure::Elsewhere(0))?;
        Ok((zero, &mut self.shard))
    }
}

impl<H: ZeroHost> Sockets for Thread<H> {
    fn attach(&mut self, arena: Gift, hold: Gift, later: Later<(Gift, u32), Failure>) {
        match self.zero() {
            Ok((zero, shard)) => zero.attach(arena, hold, later, shard),
            Err(failure) => _ = self.shard.host().answer(&later.answer(Err(failure))),
        }
    }

    fn thread(&mut self, caller: Caller, number: u32) -> Result<Gift, Failure> {
        let (_, shard) = self.zero()?;
        if number >= shard.port().threads() {
            return Err(Failure::BadArgument);
        }
        shard.host().handle(number, caller.0)
    }

    fn open(&mut self, caller: Caller, kind: Kind, rings: Rings) -> Result<Socket, Failure> {
        self.shard.open(caller, kind, rings)
    }

    fn bind(&mut self, caller: Caller, socket: Socket, local: End) -> Result<(), Failure> {
        self.shard.bind(caller, socket, local)
    }

    fn connect(&mut self, caller: Caller, socket: Socket, remote: End, later: Later<(), Failure>) {
        self.shard.connect(caller, socket, remote, later);
    }

    fn listen(&mut self, caller: Caller, socket: Socket, backlog: u32, room: u32, later: Later<(), Failure>) {
        match self.zero() {
            Ok((zero, shard)) => zero.listen(caller, socket, (backlog, room), later, shard),
            Err(failure) => _ = self.shard.host().answer(&later.answer(Err(failure))),
        }
    }

    fn accept(
        &mut self,
        caller: Caller,
        listener: Socket,
        rings: Rings,
        later: Later<(Socket, End), Failure>,
    ) {
        self.shard.accept(caller, listener, rings, later);
    }

    fn exchange(
        &mut self,
        caller: Caller,
        question: Question,
        own: (u64, u64),
        known: (u64, u64),
        later: Later<Progress, Failure>,
    ) {
        self.shard.exchange(caller, question, own, known, later);
    }

    fn show_table(&mut self, caller: Caller, table: Gift) -> Result<(), Failure> {
        self.shard.show_table(caller, table)
    }

    fn show(&mut self, caller: Caller, place: u32, stretch: Stretch, memory: Gift) -> Result<(), Failure> {
        self.shard.show(caller, place, stretch, memory)
    }

    fn piece(&mut self, caller: Caller, socket: Socket, piece: Piece) -> Result<(), Failure> {
        self.shard.piece(caller, socket, piece)
    }

    fn lost(&mut self, caller: Caller, later: Later<Lost, Failure>) {
        self.shard.lost(caller, later);
    }

    fn filled(&mut self, caller: Caller, socket: Socket, from: u64) -> Result<(), Failure> {
        self.shard.filled(caller, socket, from)
    }

    fn shut_down(&mut self, caller: Caller, socket: Socket) -> Result<(), Failure> {
        self.shard.shut_down(caller, socket)
    }

    fn close(&mut self, caller: Caller, socket: Socket, later: Later<(), Failure>) {
        if let Some(zero) = &mut self.zero {
            zero.close(socket, &mut self.shard);
        }
        self.shard.close(caller, socket, later);
    }

    fn abort(&mut self, caller: Caller, socket: Socket) -> Result<(), Failure> {
        if let Some(zero) = &mut self.zero {
            zero.close(socket, &mut self.shard);
        }
        self.shard.abort(caller, socket)
    }

    fn choose(&mut self, caller: Caller, socket: Socket, choice: Choice, value: u64) -> Result<(), Failure> {
        self.shard.choose(caller, socket, choice, value)
    }

    fn local(&mut self, caller: Caller, socket: Socket) -> Result<End, Failure> {
        self.shard.local(caller, socket)
    }

    fn remote(&mut self, caller: Caller, socket: Socket) -> Result<End, Failure> {
        self.shard.remote(caller, socket)
    }

    fn echo(&mut self, caller: Caller, to: Address, length: u16, patience: u32, later: Later<u64, Failure>) {
        match self.zero() {
            Ok((zero, shard)) => zero.echo(caller, to, length, patience, later, shard),
            Err(failure) => _ = self.shard.host().answer(&later.answer(Err(failure))),
        }
    }

    fn look_up(&mut self, caller: Caller, name: &str, version: u8) -> Result<u64, Failure> {
        let (zero, shard) = self.zero()?;
        zero.look_up(caller, name, version, shard)
    }

    fn looked_up(&mut self, caller: Caller, number: u64, later: Later<u32, Failure>) {
        match self.zero() {
            Ok((zero, shard)) => zero.looked_up(caller, number, later, shard),
            Err(failure) => _ = self.shard.host().answer(&later.answer(Err(failure))),
        }
    }

    fn found(&mut self, caller: Caller, number: u64, which: u32) -> Result<Address, Failure> {
        self.zero()?.0.found(caller, number, which)
    }

    fn ready(&mut self, _: Caller, version: u8, later: Later<(), Failure>) {
        match self.zero() {
            Ok((zero, shard)) => zero.ready(version, later, shard),
            Err(failure) => _ = self.shard.host().answer(&later.answer(Err(failure))),
        }
    }

    fn interfaces(&mut self, first: u32) -> Result<Vec<InterfaceReport>, Failure> {
        Ok(self.zero()?.0.interfaces(first))
    }

    fn routes(&mut self, first: u32) -> Result<Vec<RouteReport>, Failure> {
        Ok(self.zero()?.0.routes(first))
    }

    fn neighbours(&mut self, first: u32) -> Result<Vec<NeighbourReport>, Failure> {
        Ok(self.zero()?.0.neighbours(first))
    }

    fn assign(
        &mut self,
        interface: u32,
        address: Address,
        prefix: u8,
        is_there: bool,
    ) -> Result<(), Failure> {
        let (zero, shard) = self.zero()?;
        zero.assign(interface, address, prefix, is_there, shard)
    }

    fn route(&mut self, network: Address, prefix: u8, via: Address, is_there: bool) -> Result<(), Failure> {
        let (zero, shard) = self.zero()?;
        zero.route(network, prefix, via, is_there, shard)
    }

    fn counter(&mut self, number: u32) -> Result<(String, u64), Failure> {
        let zero = self.zero.as_deref();
        let all = self.shard.named_counters().chain(zero.into_iter().flat_map(Zero::named_counters));
        let found = all.into_iter().nth(number as usize);
        found.map(|(name, value)| (name.into(), value)).ok_or(Failure::BadArgument)
    }
}
