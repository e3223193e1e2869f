//! What a thread of the server needs of the machine.

use alloc::sync::Arc;
use core::cell::Cell;
use core::time::Duration;

use anax::Mapping;
use anax::owned::Owned;
use anax_abi::{Error, Handle, Message, MessageNumber, Rights, WORDS};
use anax_calendar::WallClockClient;
use anax_proto::{Answered, Gift, Gifts};
use anax_ring::SharedBlock;
use anax_sys::object::{Channel, Region, RegionKind, Space, Thread};
use anax_sys::{Offer, Port, Target, offer, replymsg, withdraw_offers};
use vfs::{Crossbar, Host, Item, Memory};

/// What is sent to a program's hold, which never answers but by its end.
const HOLD: u32 = 0x2f00;
/// How often what can't be sent at the moment is sent again, and after how long.
const TRIES: u32 = 50;
const PAUSE: Duration = Duration::from_micros(100);
/// Nanoseconds.
const SECOND: u64 = 1_000_000_000;
/// Tokens of holds have this bit; those of questions to file systems do not.
const IS_HOLD: u64 = 1 << 63;
/// What thread 0 sends to each other thread has this token: it is answered by that thread's end alone.
pub(crate) const WATCH: u64 = 1 << 62;
/// Questions for successors of file systems have this bit and their number.
pub(crate) const SUCCESSOR: u64 = WATCH | 1 << 61;
/// The badge of the handles by which programs begin with another thread. No program has it.
const NOBODY: u64 = 1;

/// Memory that is mapped here.
#[derive(Debug)]
pub(crate) struct Mapped(Mapping);

impl Memory for Mapped {
    fn block(&self) -> SharedBlock<'_> {
        self.0.block()
    }
}

/// An answer in words, by the number of the message that it is to.
pub(crate) type Due = (MessageNumber, u64, [u64; WORDS]);

/// Wakes a thread at its port.
#[derive(Debug)]
pub(crate) struct Bell {
    ringing: Channel,
    _heard: Owned<Channel>,
}

impl Bell {
    pub(crate) fn new(port: Port) -> Result<Self, Error> {
        const BYTES: u64 = 4096;
        // The block has no use but that a channel has one.
        let block = Space::SELF.create_region(BYTES, RegionKind::Lazy)?;
        let (ringing, heard) = Space::SELF.create_channel(block, BYTES)?;
        heard.bind(port, NOBODY)?;
        Space::SELF.close(block.handle())?;
        Ok(Self { ringing, _heard: Owned::new(heard) })
    }
}

impl vfs::Bell for Bell {
    fn ring(&self) {
        // Both ends are this program's.
        let _ = self.ringing.ring();
    }
}

/// All threads of the server.
#[derive(Clone, Debug)]
pub(crate) struct Threads {
    pub(crate) ports: Arc<[Port]>,
    pub(crate) crossbar: Crossbar<Bell>,
}

/// The machine, by a thread's port.
#[derive(Debug)]
pub(crate) struct Machine {
    /// Which of the threads it is.
    own: u16,
    threads: Threads,
    port: Port,
    /// The last answer, if it is in words: sent when the server waits for the next request, by the same trap.
    due: Cell<Option<Due>>,
    /// When the machine began, in seconds since 1970 did; 0 if nobody knows.
    began: u64,
}

impl Machine {
    /// A thread's, of a machine that began then ([`began`]).
    pub(crate) fn new(own: u16, threads: Threads, port: Port, began: u64) -> Self {
        Self { own, threads, port, due: Cell::new(None), began }
    }

    /// The answer that is to be sent by whoever waits next.
    pub(crate) fn due(&self) -> Option<Due> {
        self.due.take()
    }

    /// Leaves an answer to whoever waits next, and sends the one that was left before.
    pub(crate) fn leave(&self, due: Due) {
        if let Some((number, result, words)) = self.due.replace(Some(due)) {
            // Whoever asked may have gone.
            let _gone = replymsg(number, Ok(result), words);
        }
    }
}

/// Whose reply that is: a program that has ended, or else a file system that has answered.
pub(crate) const fn program_of(token: u64) -> Option<u64> {
    if token & IS_HOLD != 0 { Some(token & !IS_HOLD) } else { None }
}

/// Whether that is the answer to a question for a file system's successor.
pub(crate) const fn is_successor(token: u64) -> bool {
    token & SUCCESSOR == SUCCESSOR
}

/// When the machine began, in seconds since 1970 did, by the clock that people set. It is asked once: this server has time of its own to count on.
pub(crate) fn began() -> Result<u64, Error> {
    let mut clock: WallClockClient<anax::Service> = anax::client(anax_calendar::SERVICE)?;
    let now = clock.now()?;
    Ok(now.saturating_sub(anax::time::now().nanoseconds()) / SECOND)
}

impl Host for Machine {
    type Memory = Mapped;

    fn send(
        &self,
        port: Handle,
        token: u64,
        command: u32,
        words: [u64; WORDS],
        gifts: &Gifts,
    ) -> Result<(), Error> {
        let message = Message { token, ..Message::new(command, words) };
        let mut left = TRIES;
        let sent = loop {
            for gift in gifts.iter() {
                if let Err(error) = offer(gift.handle, gift.rights, Offer::Copy) {
                    withdraw_offers()?;
                    return Err(error);
                }
            }
            let sent = Target::from_handle(port).beginmsg(&message, self.port);
            if sent.is_err() && gifts.count() > 0 {
                withdraw_offers()?;
            }
            match sent {
                // The way to another CPU is crowded, or its slots for handles are all taken, for a moment.
                Err(Error::Full | Error::NoSlot) if left > 0 => {
                    left -= 1;
                    Thread::sleep(Thread::time()?.after(PAUSE))?;
                }
                sent => break sent,
            }
        };
        // A port that is no more is a server that has died.
        sent.map(drop).map_err(|error| if error == Error::BadHandle { Error::PeerDied } else { error })
    }

    fn answer(&self, answered: Answered) {
        match anax_service::in_words(&answered) {
            Some((result, words)) => self.leave((MessageNumber::from_word(answered.ticket), result, words)),
            None => anax_service::send(answered),
        }
    }

    fn map(&self, memory: Gift) -> Result<Mapped, Error> {
        Mapping::new(Owned::new(Region::from_handle(memory.handle))).map(Mapped)
    }

    fn make(&self, bytes: u64) -> Result<Handle, Error> {
        Space::SELF.create_region(bytes, RegionKind::Lazy).map(Region::handle)
    }

    fn make_mapped(&self, bytes: u64) -> Result<(Mapped, Handle), Error> {
        let region = Space::SELF.create_region(bytes, RegionKind::Lazy)?;
        let own = Owned::new(region);
        let handle = Space::SELF.duplicate(region.handle(), Rights::ALL, 0)?;
        let mapping = Mapping::new(own).inspect_err(|_| self.close(handle))?;
        Ok((Mapped(mapping), handle))
    }

    fn end(&self, region: Handle) {
        let _gone = Space::SELF.destroy(region);
        self.close(region);
    }

    fn close(&self, handle: Handle) {
        // It may have ended with whoever made it.
        let _gone = Space::SELF.close(handle);
    }

    fn admit(&self, number: u64, hold: Gift) -> Result<Gift, Error> {
        let message = Message { token: IS_HOLD | number, ..Message::new(HOLD, [0; WORDS]) };
        let sent = Target::from_handle(hold.handle).beginmsg(&message, self.port);
        self.close(hold.handle);
        sent?;
        let rights = Rights::SEND.with(Rights::GRANT);
        Space::SELF.duplicate(self.port.handle(), rights, number).map(Gift::given)
    }

    fn own(&self) -> u16 {
        self.own
    }

    fn threads(&self) -> u16 {
        self.threads.ports.len() as u16
    }

    fn hand(&self, thread: u16, item: Item) {
        self.threads.crossbar.hand(thread, item);
    }

    fn handed(&self) -> Option<Item> {
        self.threads.crossbar.handed(self.own)
    }

    fn door(&self, thread: u16) -> Result<Gift, Error> {
        let port = self.threads.ports.get(usize::from(thread)).ok_or(Error::BadArgument)?;
        let rights = Rights::SEND.with(Rights::GRANT);
        Space::SELF.duplicate(port.handle(), rights, NOBODY).map(Gift::given)
    }

    fn now(&self) -> u64 {
        anax::time::now().nanoseconds()
    }

    fn seconds(&self) -> u64 {
        if self.began == 0 { 0 } else { self.began + self.now() / SECOND }
    }
}
