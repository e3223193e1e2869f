//! The receiving end: messages to this program, and replies to its own.

use anax_abi::{Envelope, Error, Flags, Handle, Message, MessageNumber, WORDS};

use crate::handles::{Beside, Came};
use crate::object::{Space, Thread};
use crate::target::outcome;
use crate::time::Deadline;
use crate::trap::{self, Incoming};

/// Where messages are received. Only the thread that owns the port may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(transparent)]
pub struct Port(Handle);

/// A message that has come in: somebody's request, a notice of the kernel's, or the reply to a message of one's own.
#[derive(Clone, Copy, Debug)]
pub struct Received {
    /// By this number a request is answered, once. 0 for what needs no answer: replies and most notices.
    pub number: MessageNumber,
    /// A request's: the badge of the handle that it was sent by. A reply's: the token that the message was sent with.
    pub badge: u64,
    /// Command, flags, and how many handles came along.
    pub envelope: Envelope,
    /// A reply's result; of a timer's, interrupt's or doorbell's notice, how many occurrences it tells of.
    pub result: i64,
    /// The words.
    pub words: [u64; WORDS],
    /// The handles.
    pub came: Came,
}

impl Received {
    /// What is asked.
    #[inline]
    #[must_use]
    pub const fn command(&self) -> u32 {
        self.envelope.command()
    }

    /// Whether this is a reply.
    #[inline]
    #[must_use]
    pub const fn is_reply(&self) -> bool {
        self.envelope.flags().contains(Flags::REPLY)
    }

    /// As it would lie in memory.
    #[must_use]
    pub const fn message(&self) -> Message {
        Message {
            command: self.envelope.command(),
            flags: self.envelope.flags(),
            handles: self.envelope.handles(),
            reserved: 0,
            result: self.result,
            token: if self.is_reply() { self.badge } else { 0 },
            words: self.words,
        }
    }
}

/// `replymsg`: answers message `number` with a result of at most `i64::MAX`, or an error, the words, and the handles offered
/// before.
///
/// # Errors
/// `BadArgument` or `BadHandle` if that is no message of the caller's to answer; `NoSlot` if the handles find no room, and the
/// message is still to be answered.
#[inline]
pub fn replymsg(number: MessageNumber, result: Result<u64, Error>, words: [u64; WORDS]) -> Result<(), Error> {
    outcome(trap::reply(number, code(result), words))
}

impl Port {
    /// The port behind the handle.
    #[must_use]
    pub const fn from_handle(handle: Handle) -> Self {
        Self(handle)
    }

    /// `initport`: a port owned by `owner`, a thread of this space. As a reply port it can have `replies` messages under way.
    ///
    /// # Errors
    /// `Quota` or `NoMemory`.
    pub fn initport(owner: Thread, replies: u32) -> Result<Self, Error> {
        Space::SELF.create_port(owner, replies)
    }

    /// Its handle.
    #[must_use]
    pub const fn handle(self) -> Handle {
        self.0
    }

    /// `getport`: the next message, priority ones first.
    ///
    /// # Errors
    /// `WouldBlock` if there is none.
    #[inline]
    pub fn getport(self) -> Result<Received, Error> {
        received(trap::get(self.0))
    }

    /// `waitport`: waits for the next message, priority ones first.
    ///
    /// # Errors
    /// `BadHandle`, `NoRights` if the port is not the calling thread's.
    #[inline]
    pub fn waitport(self) -> Result<Received, Error> {
        received(trap::wait(self.0, Deadline::NEVER))
    }

    /// `waitport` with a time-out.
    ///
    /// # Errors
    /// Also `TimedOut`.
    #[inline]
    pub fn waitport_until(self, deadline: Deadline) -> Result<Received, Error> {
        received(trap::wait(self.0, deadline))
    }

    /// `waitmsg`: waits for the reply to message `number`, sent with this reply port, and leaves all others in the queue.
    ///
    /// # Errors
    /// `TimedOut`; the reply may still come.
    #[inline]
    pub fn waitmsg(self, number: MessageNumber, deadline: Deadline) -> Result<Received, Error> {
        received(trap::wait_for(self.0, number, deadline))
    }

    /// `abortmsg`: asks whoever has message `number`, sent with this reply port and `Flags::ABORTABLE`, to end it early. It may
    /// ignore that: the reply is still to be waited for.
    ///
    /// # Errors
    /// `BadArgument` if there is nothing under way by that number.
    #[inline]
    pub fn abortmsg(self, number: MessageNumber) -> Result<(), Error> {
        outcome(trap::abort(self.0, number))
    }

    /// [`replymsg`] and [`Port::waitport`] in one trap: a server's loop.
    ///
    /// # Errors
    /// Those of both.
    #[inline(always)]
    pub fn replymsg_waitport(
        self,
        number: MessageNumber,
        result: Result<u64, Error>,
        words: [u64; WORDS],
    ) -> Result<Received, Error> {
        self.replymsg_waitport_until(number, result, words, Deadline::NEVER)
    }

    /// The same with a time-out.
    ///
    /// # Errors
    /// Also `TimedOut`; the reply was sent.
    #[inline(always)]
    pub fn replymsg_waitport_until(
        self,
        number: MessageNumber,
        result: Result<u64, Error>,
        words: [u64; WORDS],
        deadline: Deadline,
    ) -> Result<Received, Error> {
        received(trap::reply_wait(self.0, number, code(result), words, deadline))
    }

    /// [`Port::replymsg_waitport`] with a handle beside the reply.
    ///
    /// # Errors
    /// Those of both; then the message is still to be answered, unless the error is the wait's.
    #[inline(always)]
    pub fn replymsg_waitport_with(
        self,
        number: MessageNumber,
        result: Result<u64, Error>,
        words: [u64; WORDS],
        beside: Beside,
    ) -> Result<Received, Error> {
        let along = beside.along(Flags::NONE);
        received(trap::reply_wait_with(self.0, number, code(result), words, along, beside.handle))
    }
}

/// As a reply's register carries it.
#[inline(always)]
const fn code(result: Result<u64, Error>) -> i64 {
    match result {
        Ok(value) => value.cast_signed(),
        Err(error) => error.code(),
    }
}

#[inline(always)]
fn received(incoming: Incoming) -> Result<Received, Error> {
    let Incoming { outcome, number, words, badge, envelope, result, came } = incoming;
    if outcome < 0 {
        return Err(Error::from_code(outcome));
    }
    let (number, came) = (MessageNumber::from_word(number), Came::new(envelope, came));
    Ok(Received { number, badge, envelope, result, words, came })
}

#[cfg(test)]
mod tests {
    use anax_abi::Operation;

    use super::*;
    use crate::time::Instant;
    use crate::trap::fake;

    const PORT: Port = Port::from_handle(Handle::new(6, 1));
    const SEVEN: Deadline = Deadline::at(Instant::from_nanoseconds(7));
    const NUMBER: MessageNumber = MessageNumber::new(3, 2);

    fn request() -> Incoming {
        let envelope = Envelope::new(0x77, Flags::PRIORITY, 1);
        Incoming { outcome: 0, number: 44, words: [1, 2, 3, 4, 5], badge: 99, envelope, result: 0, came: 0 }
    }

    #[test]
    fn every_way_to_receive() {
        fake::answer(request());
        type Receive = fn() -> Result<Received, Error>;
        let cases: [(Receive, Operation, u64, u64); 4] = [
            (|| PORT.getport(), Operation::Get, 0, 0),
            (|| PORT.waitport(), Operation::Wait, 0, 0),
            (|| PORT.waitport_until(SEVEN), Operation::Wait, 0, 7),
            (|| PORT.waitmsg(NUMBER, SEVEN), Operation::WaitFor, NUMBER.to_word(), 7),
        ];
        for (receive, operation, r12, r15) in cases {
            let received = receive().unwrap();
            assert_eq!((received.number.to_word(), received.badge, received.command()), (44, 99, 0x77));
            assert_eq!(received.words, [1, 2, 3, 4, 5]);
            let trap = fake::only();
            assert_eq!((trap.operation, trap.handle), (operation, PORT.handle().to_word()));
            assert_eq!((trap.r12, trap.r15), (r12, r15));
        }
    }

    #[test]
    fn errors_are_values() {
        fake::answer(Incoming { outcome: Error::WouldBlock.code(), ..request() });
        assert_eq!(PORT.getport().err(), Some(Error::WouldBlock));
    }

    #[test]
    fn answers() {
        fake::answer(request());
        assert_eq!(replymsg(NUMBER, Err(Error::Full), [9; WORDS]), Ok(()));
        let trap = fake::only();
        assert_eq!((trap.operation, trap.words), (Operation::Reply, [9; WORDS]));
        assert_eq!((trap.r12, trap.r14.cast_signed()), (NUMBER.to_word(), -9));

        assert!(PORT.replymsg_waitport_until(NUMBER, Ok(12), [9; WORDS], SEVEN).is_ok());
        let trap = fake::only();
        assert_eq!((trap.operation, trap.handle), (Operation::ReplyWait, PORT.handle().to_word()));
        assert_eq!((trap.r12, trap.r13, trap.r14, trap.r15), (NUMBER.to_word(), 0, 12, 7));

        let given = Beside::given(Handle::new(8, 1));
        assert!(PORT.replymsg_waitport_with(NUMBER, Ok(12), [9; WORDS], given).is_ok());
        let trap = fake::only();
        assert_eq!((trap.operation, trap.handle), (Operation::ReplyWaitWith, PORT.handle().to_word()));
        assert_eq!((trap.r12, trap.r14, trap.r15), (NUMBER.to_word(), 12, given.handle.to_word()));
        assert_eq!(trap.r13, given.along(Flags::NONE).0);

        assert_eq!(PORT.abortmsg(NUMBER), Ok(()));
        let trap = fake::only();
        assert_eq!((trap.operation, trap.r12), (Operation::Abort, NUMBER.to_word()));
    }

    #[test]
    fn in_memory_a_token_is_a_replys_alone() {
        let request = received(request()).unwrap();
        assert_eq!((request.message().token, request.message().handles), (0, 1));
        let reply = Received { envelope: Envelope::new(0, Flags::REPLY, 0), result: -14, ..request };
        assert!(reply.is_reply());
        assert_eq!((reply.message().token, reply.message().outcome()), (99, Err(Error::PeerDied)));
    }
}
