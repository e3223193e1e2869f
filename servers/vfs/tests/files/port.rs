//! The kernel as a program of tasks has it: what is sent goes to the server's thread, answers come to one port.

use std::cell::Cell;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use anax_abi::{Envelope, Error, Flags, Handle, Message, MessageNumber, WORDS};
use anax_proto::Gifts;
use anax_sys::object::Channel;
use anax_sys::{Deadline, Target};
use anax_task::{Arrived, Kernel};

use crate::world::{Answer, Event, To, behind};

/// Longer than any answer takes here.
const PATIENCE: Duration = Duration::from_secs(60);

/// The kernel as a program of tasks has it.
pub(crate) struct Port {
    /// Those of the server's threads.
    events: Vec<Sender<Event>>,
    to: Sender<(u64, Answer)>,
    came: Receiver<(u64, Answer)>,
    begin: Instant,
    sent: Cell<u64>,
}

impl Port {
    pub(crate) fn new(events: Vec<Sender<Event>>) -> Self {
        let (to, came) = channel();
        Self { events, to, came, begin: Instant::now(), sent: Cell::new(0) }
    }
}

fn arrived((token, (reply, _)): (u64, Answer)) -> Arrived {
    Arrived {
        number: MessageNumber::from_word(0),
        badge: token,
        envelope: Envelope::new(0, Flags::REPLY, 0),
        result: -reply.code.min(0),
        words: reply.words,
        handles: [None; 4],
    }
}

impl Kernel for Port {
    fn send(
        &self,
        target: Target,
        message: &Message,
        _: Option<anax_sys::Beside>,
    ) -> Result<MessageNumber, Error> {
        let to = To::Port(message.token, self.to.clone());
        let (thread, caller) = behind(target.handle());
        let (command, words) = (message.command, message.words);
        let event = Event::Request { caller, command, words, gifts: Gifts::NONE, to };
        self.events[thread].send(event).map_err(|_| Error::BadHandle)?;
        self.sent.set(self.sent.get() + 1);
        Ok(MessageNumber::from_word(self.sent.get()))
    }

    fn get(&self) -> Result<Arrived, Error> {
        self.came.try_recv().map(arrived).map_err(|_| Error::WouldBlock)
    }

    fn wait(&self, deadline: Deadline) -> Result<Arrived, Error> {
        let is_never = deadline == Deadline::NEVER;
        let at = if is_never { PATIENCE } else { Duration::from_nanos(deadline.to_word()) };
        let left = if is_never { at } else { at.saturating_sub(self.begin.elapsed()) };
        let came = self.came.recv_timeout(left).map(arrived);
        assert!(came.is_ok() || !is_never, "somebody waits for what never comes");
        came.map_err(|_| Error::TimedOut)
    }

    /// The server does not know of that, and answers.
    fn abort(&self, _: MessageNumber) -> Result<(), Error> {
        Ok(())
    }

    fn reply(
        &self,
        _: MessageNumber,
        _: Result<u64, Error>,
        _: [u64; WORDS],
        _: Option<anax_sys::Beside>,
    ) -> Result<(), Error> {
        unreachable!("nobody asks a client")
    }

    fn forward(&self, _: Target, _: MessageNumber, _: u32, _: [u64; WORDS]) -> Result<(), Error> {
        unreachable!("nobody asks a client")
    }

    fn ring(&self, _: Channel) -> Result<(), Error> {
        unreachable!("there are no channels")
    }

    fn close(&self, _: Handle) {}

    fn now(&self) -> anax_sys::Instant {
        anax_sys::Instant::from_nanoseconds(self.begin.elapsed().as_nanos() as u64)
    }
}
