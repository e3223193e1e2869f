//! The one who sends: by every way that a program has, with handles of every kind, and with no regard for answers.

use alloc::vec::Vec;

use anax::object::{RegionKind, Space, Thread};
use anax::time::{Duration, within};
use anax::{Error, Handle, Mapping, Rights};
use anax_abi::object::notice;
use anax_abi::{Flags, MAX_HANDLES, Message};
use anax_proto::{Format, SPACE};
use anax_service::{INLINE, pack};
use anax_storm::{BYTES, Dice, Wild};
use anax_sys::{Came, Offer, Port, Target, WORDS, offer, withdraw_offers};

use crate::servers::Server;
use crate::tally::Tally;

/// Messages that a reply port has under way at most.
const UNDER_WAY: u32 = 32;
/// Handles that answers bring.
const SLOTS: u32 = 8;

/// Somebody who sends to a server.
pub(crate) struct Sender {
    server: Server,
    target: Target,
    /// By what a server that has sessions has let it begin.
    session: Option<Handle>,
    dice: Dice,
    replies: Port,
    /// Sent by that port, and not answered.
    under_way: u32,
    page: Mapping,
    /// What goes along: a port, memory of two kinds, the server itself, a handle that is none.
    things: Vec<Handle>,
    slots: u32,
    /// The number of this program's thread.
    thread: u64,
    pub(crate) tally: Tally,
}

impl Sender {
    /// To a server, by the numbers that `seed` gives.
    pub(crate) fn new(server: Server, handle: Handle, seed: u64) -> Result<Self, Error> {
        let mut dice = Dice::new(seed);
        let replies = Port::initport(Thread::SELF, UNDER_WAY)?;
        let page = Mapping::of_bytes(SPACE as u64, RegionKind::Pinned)?;
        let lazy = Space::SELF.create_region(1 << 20, RegionKind::Lazy)?;
        let things =
            Vec::from([replies.handle(), page.region().handle(), lazy.handle(), handle, Handle::new(77, 7)]);
        // Some have no room for what answers bring.
        let slots = if dice.once_in(4) { 0 } else { SLOTS };
        Space::SELF.post_slots(slots)?;
        let thread = Thread::SELF.inspect()?.words[2];
        let (target, tally) = (Target::from_handle(handle), Tally::default());
        Ok(Self {
            server,
            target,
            session: None,
            dice,
            replies,
            under_way: 0,
            page,
            things,
            slots,
            thread,
            tally,
        })
    }

    /// Sends one.
    pub(crate) fn send(&mut self) -> Result<(), Error> {
        let wild = Wild::roll(&mut self.dice, self.server.methods, self.server.words);
        let words = self.offer(&wild)?;
        let flags = Flags(self.dice.below(16) as u16);
        let token = self.dice.roll();
        let message = Message { flags, token, ..Message::new(wild.command, words) };
        self.tally.sent += 1;
        if self.dice.once_in(3) {
            return self.begin(&message);
        }
        let patience = self.dice.one_of(&[
            Duration::from_micros(100),
            Duration::from_millis(1),
            Duration::from_millis(20),
        ]);
        let answered = self.target().domsg_until(&message, within(patience));
        match answered {
            Ok((answer, came)) => {
                self.came(came)?;
                *(if answer.result == 0 { &mut self.tally.done } else { &mut self.tally.refused }) += 1;
            }
            Err(Error::TimedOut) => self.tally.late += 1,
            Err(error) => self.failed(error),
        }
        withdraw_offers()
    }

    /// Whom it asks next.
    fn target(&mut self) -> Target {
        match self.session {
            Some(session) if !self.dice.once_in(4) => Target::from_handle(session),
            _ => self.target,
        }
    }

    /// Words and handles of a request.
    fn offer(&mut self, wild: &Wild) -> Result<[u64; WORDS], Error> {
        let mut words = wild.words;
        let mut left = match self.dice.below(8) {
            0..=4 => 0,
            5..=6 => 1,
            _ => 1 + self.dice.below(MAX_HANDLES as u64),
        };
        if wild.format == Format::Control {
            words = [wild.length as u64, 0, 0, 0, 0];
            if wild.length <= INLINE {
                words = pack(&wild.bytes[..wild.length])?;
            }
            let bytes: &[u8; BYTES] = &wild.bytes;
            self.page.bytes().copy_in(0, bytes).map_err(|_| Error::BadArgument)?;
            if !self.dice.once_in(4) {
                // As a client does.
                let rights = Rights::READ.with(Rights::WRITE).with(Rights::SEND);
                offer(self.page.region().handle(), rights, Offer::Copy)?;
                left = left.min(MAX_HANDLES as u64 - 1);
            }
        }
        for _ in 0..left {
            let thing = self.dice.one_of(&self.things);
            let rights = if self.dice.once_in(2) { Rights::ALL } else { Rights(self.dice.below(128) as u16) };
            // One that is given away is another handle to the same.
            let given = self
                .dice
                .once_in(2)
                .then(|| Space::SELF.duplicate(thing, Rights::ALL, self.dice.word()).ok());
            let offered = match given.flatten() {
                Some(handle) => {
                    offer(handle, rights, Offer::GiveAway).inspect_err(|_| _ = Space::SELF.close(handle))
                }
                None => offer(thing, rights, Offer::Copy),
            };
            // What can't be offered is not.
            let _ = offered;
        }
        if wild.command >= notice::TIMER {
            // Of the end of a thread, as the kernel tells its supervisor: one that is about as old as this one.
            words[1] = self.thread.saturating_sub(self.dice.below(64));
        }
        self.server.tame(wild.command, &mut words);
        Ok(words)
    }

    /// Sends without waiting. From time to time all that is under way is waited for, or left to nobody.
    fn begin(&mut self, message: &Message) -> Result<(), Error> {
        match self.target().beginmsg(message, self.replies) {
            Ok(number) => {
                self.under_way += 1;
                if self.dice.once_in(4) {
                    // One that can't be aborted, or was answered.
                    let _ = self.replies.abortmsg(number);
                }
            }
            Err(error) => self.failed(error),
        }
        withdraw_offers()?;
        if self.under_way == UNDER_WAY || self.dice.once_in(16) {
            self.reap()?;
        }
        if self.under_way == UNDER_WAY || self.dice.once_in(256) {
            // Whoever still answers finds nobody.
            self.tally.left += u64::from(self.under_way);
            Space::SELF.destroy(self.replies.handle())?;
            let _ = Space::SELF.close(self.replies.handle());
            self.replies = Port::initport(Thread::SELF, UNDER_WAY)?;
            self.things[0] = self.replies.handle();
            self.under_way = 0;
        }
        Ok(())
    }

    /// Takes the answers that come soon.
    pub(crate) fn reap(&mut self) -> Result<(), Error> {
        let deadline = within(Duration::from_millis(2));
        while self.under_way > 0 {
            match self.replies.waitport_until(deadline) {
                Ok(received) if received.is_reply() => {
                    self.came(received.came)?;
                    self.under_way -= 1;
                    match received.result {
                        0 => self.tally.done += 1,
                        1.. => self.tally.refused += 1,
                        error => self.failed(Error::from_code(error)),
                    }
                }
                // What came to a port that was given away.
                Ok(received) => {
                    _ = anax::message::replymsg(received.number, Err(Error::BadCommand), [0; WORDS])
                }
                Err(Error::TimedOut) => break,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn failed(&mut self, error: Error) {
        match error {
            Error::PeerDied => self.tally.died += 1,
            _ => self.tally.refused += 1,
        }
    }

    /// Closes what came, and makes room for as many.
    fn came(&mut self, came: Came) -> Result<(), Error> {
        let handles = if came.count() == 0 { [None; MAX_HANDLES] } else { came.all()? };
        let mut handles = handles.into_iter().flatten();
        if self.server.has_sessions
            && let Some(session) = handles.next()
            && let Some(before) = self.session.replace(session)
        {
            let _ = Space::SELF.close(before);
        }
        for handle in handles {
            let _ = Space::SELF.close(handle);
        }
        if self.slots > 0 && came.count() > 0 {
            Space::SELF.post_slots(came.count().into())?;
        }
        Ok(())
    }
}
