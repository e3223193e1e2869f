//! A client's way to a server's port.

use core::time::Duration;

use anax_abi::{Error, Message};
use anax_proto::{Beside, CONNECT, Format, Gifts, RETRIES, Reply, Request, Transport};
use anax_sys::object::{Space, Thread};
use anax_sys::{Answer, Came, Deadline, Target, withdraw_offers};

use crate::gifts::{close_all, collected, offer_all};
use crate::page::Page;
use crate::words::{INLINE, pack, unpack};

/// How often a message is sent again because its receiver had no slots for its handles at that moment, or the way to another CPU was crowded, and after how long.
const TRIES: u32 = 10;
const PAUSE: Duration = Duration::from_millis(1);

/// Finds a server, and its successor when it has died. A closure does.
pub trait Find {
    /// Waits until there is one.
    ///
    /// # Errors
    /// There will be none.
    fn find(&mut self) -> Result<Target, Error>;
}

impl<F: FnMut() -> Result<Target, Error>> Find for F {
    fn find(&mut self) -> Result<Target, Error> {
        self()
    }
}

/// Messages to a port, which `find` finds, and finds again when its server has died.
#[derive(Debug)]
pub struct PortTransport<F> {
    find: F,
    target: Target,
    /// How long an answer may take.
    patience: Option<Duration>,
    /// For what does not fit into words; made when it is needed.
    page: Option<Page>,
    /// Of the interface that it is connected to.
    fingerprint: Option<u64>,
    /// The last message found nobody: its server had died before.
    found_nobody: bool,
}

impl<F: Find> PortTransport<F> {
    /// Finds the server and connects to it.
    ///
    /// # Errors
    /// As `find`; `PeerMisbehaved` if what it finds does not serve the interface of that fingerprint; what a message there fails with.
    pub fn open(find: F, fingerprint: u64) -> Result<Self, Error> {
        let mut transport = Self::unconnected(find)?;
        transport.connect(fingerprint)?;
        Ok(transport)
    }

    /// The same by whoever made the server and so knows what it serves: nothing is asked, it may not even have started.
    ///
    /// # Errors
    /// As `find`.
    pub fn unconnected(mut find: F) -> Result<Self, Error> {
        let target = find.find()?;
        Ok(Self { find, target, patience: None, page: None, fingerprint: None, found_nobody: false })
    }

    /// No answer takes longer from now on, or it is `TimedOut`: for a supervisor, who must not wait for whom he looks after.
    #[must_use]
    pub fn within(mut self, patience: Duration) -> Self {
        self.patience = Some(patience);
        self
    }

    /// Where messages go.
    #[must_use]
    pub const fn target(&self) -> Target {
        self.target
    }

    /// Makes sure that it serves the interface. A server that dies over the question is as good as one that is not there yet.
    fn connect(&mut self, fingerprint: u64) -> Result<(), Error> {
        let asked = Request::fixed(CONNECT, [fingerprint, 0, 0, 0, 0]);
        let mut left = RETRIES;
        let answer = loop {
            match self.call_with(asked, Beside::default(), &mut []) {
                Err(Error::PeerDied) if left > 0 => {
                    left -= 1;
                    self.target = self.find.find()?;
                }
                answered => break answered?.0,
            }
        };
        if answer.code != 0 || answer.words[0] != fingerprint {
            return Err(Error::PeerMisbehaved);
        }
        (self.fingerprint, self.found_nobody) = (Some(fingerprint), false);
        Ok(())
    }

    /// A message that was not answered: a server that had died before it was asked has done nothing of it, so its successor is asked in its place,
    /// whatever it is. By value, so that a caller without handles has none in memory.
    #[cold]
    #[inline(never)]
    fn ask_successor(
        &mut self,
        error: Error,
        request: Request<'_>,
        beside: Beside,
        space: &mut [u8],
    ) -> Result<(Reply, Gifts), Error> {
        let had_died = core::mem::take(&mut self.found_nobody) && cfg!(not(bite = "service-asks-the-dead"));
        let Some(fingerprint) = self.fingerprint.filter(|_| error == Error::PeerDied && had_died) else {
            return Err(error);
        };
        self.reconnect(fingerprint)?;
        self.call_with(request, beside, space)
    }

    /// A port that is no more is a server that has died, before it was asked.
    #[cold]
    fn not_sent(&mut self, error: Error) -> Error {
        self.found_nobody = error == Error::BadHandle;
        if self.found_nobody { Error::PeerDied } else { error }
    }

    /// With a page for bytes, handles, or a limit. By value, so that a caller without handles has none in memory.
    #[inline(never)]
    fn call_with(
        &mut self,
        request: Request<'_>,
        beside: Beside,
        space: &mut [u8],
    ) -> Result<(Reply, Gifts), Error> {
        let words = match request.format {
            Format::Fixed => request.words,
            Format::Control => {
                let page = match &mut self.page {
                    Some(page) => page,
                    none => none.insert(Page::new()?),
                };
                if request.bytes.len() > INLINE {
                    page.write(request.bytes)?;
                    [request.bytes.len() as u64, 0, 0, 0, 0]
                } else {
                    pack(request.bytes)?
                }
            }
        };
        let room = u32::try_from(beside.room).unwrap_or(0);
        if room > 0 {
            Space::SELF.post_slots(room)?;
        }
        let message = Message::new(request.command, words);
        let answered = self.send(&message, request.format, &beside.sent);
        let came = answered.as_ref().map_or(Gifts::NONE, |(_, came)| collected(*came));
        if came.count() < beside.room {
            Space::SELF.withdraw_slots(room - came.count() as u32)?;
        }
        let (answer, sent) = answered?;
        let expected = if answer.result == 0 { beside.room } else { 0 };
        if came.count() != expected {
            close_all(&came);
            // What was sent may have died on the way: a port whose owner did. That is nobody's fault.
            let has_died =
                usize::from(sent.count()) == expected && cfg!(not(bite = "service-blames-the-sender"));
            return Err(if has_died { Error::BadHandle } else { Error::PeerMisbehaved });
        }
        if answer.result != 0 {
            return Ok((Reply::failed(-answer.result.cast_signed()), came));
        }
        let mut reply = Reply { code: 0, words: answer.words, length: 0 };
        if request.format == Format::Control {
            reply.length = usize::try_from(answer.words[0]).unwrap_or(usize::MAX);
            let to = space.get_mut(..reply.length).ok_or(Error::PeerMisbehaved)?;
            match &self.page {
                Some(page) if reply.length > INLINE => page.read(to)?,
                _ => to.copy_from_slice(&unpack(answer.words).0[..reply.length]),
            }
        }
        Ok((reply, came))
    }

    /// Sends it, and again while there are no slots for its handles.
    fn send(&mut self, message: &Message, format: Format, gifts: &Gifts) -> Result<(Answer, Came), Error> {
        let deadline = match self.patience {
            None => Deadline::NEVER,
            Some(patience) => Deadline::at(Thread::time()?.after(patience)),
        };
        let mut left = TRIES;
        loop {
            if let Some(page) = self.page.as_ref().filter(|_| format == Format::Control) {
                page.offer()?;
            }
            offer_all(gifts)?;
            match self.target.domsg_until(message, deadline) {
                Err(error @ (Error::NoSlot | Error::Full)) if left > 0 => {
                    if error == Error::Full {
                        withdraw_offers()?;
                    }
                    left -= 1;
                    Thread::sleep(Thread::time()?.after(PAUSE))?;
                }
                Err(error) => {
                    // What was not sent would go along with the next message, to somebody else.
                    if cfg!(not(bite = "service-offers-stay")) {
                        withdraw_offers()?;
                    }
                    return Err(self.not_sent(error));
                }
                answered => return answered,
            }
        }
    }
}

impl<F: Find> Transport for PortTransport<F> {
    #[inline(always)]
    fn call(&mut self, request: &Request<'_>, beside: &mut Beside, space: &mut [u8]) -> Result<Reply, Error> {
        let is_plain = request.format == Format::Fixed && beside.sent.count() == 0 && beside.room == 0;
        let error = 'asked: {
            if is_plain && self.patience.is_none() {
                match self.target.domsg(request.command, request.words) {
                    Ok(answer) if answer.result == 0 => {
                        return Ok(Reply { code: 0, words: answer.words, length: 0 });
                    }
                    Ok(answer) => return Ok(Reply::failed(-answer.result.cast_signed())),
                    // The way to another CPU is crowded: the longer road tries again.
                    Err(Error::Full) => {}
                    Err(error) => break 'asked self.not_sent(error),
                }
            }
            match self.call_with(*request, *beside, space) {
                Ok((reply, back)) => {
                    beside.back = back;
                    return Ok(reply);
                }
                Err(error) => error,
            }
        };
        let (reply, back) = self.ask_successor(error, *request, *beside, space)?;
        beside.back = back;
        Ok(reply)
    }

    fn reconnect(&mut self, fingerprint: u64) -> Result<(), Error> {
        self.target = self.find.find()?;
        self.connect(fingerprint)
    }
}
