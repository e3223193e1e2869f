//! What an executor asks of the kernel, behind a trait: a program has a port of its own there, a test a script and virtual time.

use anax_abi::{Envelope, Error, Handle, MAX_HANDLES, Message, MessageNumber, WORDS};
use anax_sys::object::{Channel, Space, Thread};
use anax_sys::{Beside, Deadline, Instant, Port, Received, Target};

/// Handles that came along, each somebody's to keep or to close.
pub type Handles = [Option<Handle>; MAX_HANDLES];

/// What the port has received: a request, a notice, or the reply to a message of this executor's.
#[derive(Clone, Copy, Debug)]
pub struct Arrived {
    /// By this number it is answered, once. 0 for what needs no answer.
    pub number: MessageNumber,
    /// A request's or notice's badge, a reply's token.
    pub badge: u64,
    /// Command and flags.
    pub envelope: Envelope,
    /// A reply's result; of a notice, how many occurrences it tells of.
    pub result: i64,
    /// The words.
    pub words: [u64; WORDS],
    /// The handles.
    pub handles: Handles,
}

/// The kernel as one thread sees it by the one port that it owns. All functions are that thread's.
pub trait Kernel {
    /// Sends, with a handle beside it if there is one; the reply comes to the port, with the message's token.
    ///
    /// # Errors
    /// It was not accepted, and no reply will come.
    fn send(&self, target: Target, message: &Message, beside: Option<Beside>)
    -> Result<MessageNumber, Error>;

    /// What is there.
    ///
    /// # Errors
    /// `WouldBlock`.
    fn get(&self) -> Result<Arrived, Error>;

    /// Waits for what comes.
    ///
    /// # Errors
    /// `TimedOut`; anything else says that the port is gone.
    fn wait(&self, deadline: Deadline) -> Result<Arrived, Error>;

    /// Asks whoever has the message to end it early. Its reply comes all the same.
    ///
    /// # Errors
    /// `BadArgument`: it has ended.
    fn abort(&self, number: MessageNumber) -> Result<(), Error>;

    /// Answers, with a handle beside the answer if there is one.
    ///
    /// # Errors
    /// `BadHandle`: whoever asked has gone. `NoSlot`: he has no room for the handle, and it is still to be answered.
    fn reply(
        &self,
        number: MessageNumber,
        result: Result<u64, Error>,
        words: [u64; WORDS],
        beside: Option<Beside>,
    ) -> Result<(), Error>;

    /// Passes a request on; its sender and reply port stay.
    ///
    /// # Errors
    /// It is still to be answered.
    fn forward(
        &self,
        target: Target,
        number: MessageNumber,
        command: u32,
        words: [u64; WORDS],
    ) -> Result<(), Error>;

    /// Rings a channel's other end.
    ///
    /// # Errors
    /// `PeerDied`.
    fn ring(&self, channel: Channel) -> Result<(), Error>;

    /// Closes a handle that came along and that nobody took.
    fn close(&self, handle: Handle);

    /// What time it is.
    fn now(&self) -> Instant;
}

/// Anax's, by a port of the calling thread's.
#[derive(Clone, Copy, Debug)]
pub struct PortKernel(
    /// The port.
    pub Port,
);

fn arrived(received: Received) -> Arrived {
    let Received { number, badge, envelope, result, words, came } = received;
    // Collected at once: the next message received takes their place.
    Arrived { number, badge, envelope, result, words, handles: came.all().unwrap_or_default() }
}

fn offer(beside: Option<Beside>) -> Result<(), Error> {
    beside.map_or(Ok(()), |beside| anax_sys::offer(beside.handle, beside.rights, beside.offer))
}

/// A list of offers that its message did not take along goes with no other one.
fn withdraw<T>(outcome: Result<T, Error>, beside: Option<Beside>) -> Result<T, Error> {
    if outcome.is_err() && beside.is_some() {
        let _empty = anax_sys::withdraw_offers();
    }
    outcome
}

impl Kernel for PortKernel {
    fn send(
        &self,
        target: Target,
        message: &Message,
        beside: Option<Beside>,
    ) -> Result<MessageNumber, Error> {
        offer(beside)?;
        withdraw(target.beginmsg(message, self.0), beside)
    }

    fn get(&self) -> Result<Arrived, Error> {
        self.0.getport().map(arrived)
    }

    fn wait(&self, deadline: Deadline) -> Result<Arrived, Error> {
        self.0.waitport_until(deadline).map(arrived)
    }

    fn abort(&self, number: MessageNumber) -> Result<(), Error> {
        self.0.abortmsg(number)
    }

    fn reply(
        &self,
        number: MessageNumber,
        result: Result<u64, Error>,
        words: [u64; WORDS],
        beside: Option<Beside>,
    ) -> Result<(), Error> {
        offer(beside)?;
        withdraw(anax_sys::replymsg(number, result, words), beside)
    }

    fn forward(
        &self,
        target: Target,
        number: MessageNumber,
        command: u32,
        words: [u64; WORDS],
    ) -> Result<(), Error> {
        target.forwardmsg(number, command, words)
    }

    fn ring(&self, channel: Channel) -> Result<(), Error> {
        channel.ring()
    }

    fn close(&self, handle: Handle) {
        // It may have been revoked meanwhile.
        let _gone = Space::SELF.close(handle);
    }

    /// Asking one's own thread can't fail; should it, no deadline is taken to have come.
    fn now(&self) -> Instant {
        Thread::time().unwrap_or_default()
    }
}
