//! The sending end: where a message goes.

use anax_abi::{Error, Handle, Message, MessageNumber, WORDS};

use crate::guard::reaches_memory;
use crate::handles::{Beside, Came};
use crate::port::Port;
use crate::time::Deadline;
use crate::trap;

/// Whatever answers messages: a server's port or an object of the kernel's. The sender can't tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(transparent)]
pub struct Target(Handle);

/// A reply that says yes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The result, not negative.
    pub result: u64,
    /// The words.
    pub words: [u64; WORDS],
}

impl Target {
    /// What the handle leads to.
    #[must_use]
    pub const fn from_handle(handle: Handle) -> Self {
        Self(handle)
    }

    /// Its handle.
    #[must_use]
    pub const fn handle(self) -> Handle {
        self.0
    }

    /// `domsg`: sends, waits for the reply, and returns it.
    ///
    /// # Errors
    /// What the reply says, `PeerDied` if nobody is left to reply, `BadHandle`, `NoRights`; `BadCommand` also for the kernel's
    /// few commands that reach the caller's memory, which have functions of their own (see [`object`](crate::object)).
    #[inline(always)]
    pub fn domsg(self, command: u32, words: [u64; WORDS]) -> Result<Answer, Error> {
        if reaches_memory(command) {
            return Err(Error::BadCommand);
        }
        // SAFETY: the command is none of those that touch memory.
        let (result, words) = unsafe { trap::call(self.0, command, words) };
        answer(result, words)
    }

    /// `domsg` with the message's flags, a deadline, and the handles offered before. Also tells what came back beside the reply.
    ///
    /// # Errors
    /// As [`Target::domsg`]; `TimedOut`, `Dropped`, and `NoSlot` if the receiver has no room for the handles.
    #[inline]
    pub fn domsg_until(self, message: &Message, deadline: Deadline) -> Result<(Answer, Came), Error> {
        if reaches_memory(message.command) {
            return Err(Error::BadCommand);
        }
        // SAFETY: the command is none of those that touch memory.
        let (result, words, arrived) =
            unsafe { trap::call_until(self.0, message.command, message.words, message.flags, deadline) };
        Ok((answer(result, words)?, Came::new(arrived.envelope, arrived.came)))
    }

    /// `domsg` with the message's flags and a handle beside it, in one trap. Also tells what came back beside the reply.
    ///
    /// # Errors
    /// As [`Target::domsg_until`]; `BadHandle` or `NoRights` also for the handle beside it.
    #[inline]
    pub fn domsg_with(self, message: &Message, beside: Beside) -> Result<(Answer, Came), Error> {
        if reaches_memory(message.command) {
            return Err(Error::BadCommand);
        }
        let along = beside.along(message.flags);
        // SAFETY: the command is none of those that touch memory.
        let (result, words, arrived) =
            unsafe { trap::call_with(self.0, message.command, message.words, along, beside.handle) };
        Ok((answer(result, words)?, Came::new(arrived.envelope, arrived.came)))
    }

    /// `beginmsg`: hands the message over and goes on, with the handles offered before. The reply comes to `reply_port`, which
    /// the calling thread owns, with the message's token.
    ///
    /// # Errors
    /// The message was not accepted, for that reason, and no reply will come. The errors are those of [`Target::domsg_until`],
    /// and `Quota` if `reply_port` has as many messages under way as it may.
    #[inline]
    pub fn beginmsg(self, message: &Message, reply_port: Port) -> Result<MessageNumber, Error> {
        if reaches_memory(message.command) {
            return Err(Error::BadCommand);
        }
        let Message { command, words, flags, token, .. } = *message;
        // SAFETY: the command is none of those that touch memory.
        let number = unsafe { trap::send(self.0, command, words, flags, token, reply_port.handle()) };
        if number >= 0 {
            Ok(MessageNumber::from_word(number.cast_unsigned()))
        } else {
            Err(Error::from_code(number))
        }
    }

    /// `forwardmsg`: passes on message `number`, which was received and not yet answered. Its sender and reply port stay.
    ///
    /// # Errors
    /// As [`Target::beginmsg`]; the message is then still the caller's to answer.
    #[inline]
    pub fn forwardmsg(self, number: MessageNumber, command: u32, words: [u64; WORDS]) -> Result<(), Error> {
        if reaches_memory(command) {
            return Err(Error::BadCommand);
        }
        // SAFETY: the command is none of those that touch memory.
        outcome(unsafe { trap::forward(self.0, number, command, words) })
    }
}

/// A result and words as a value.
#[inline(always)]
pub(crate) fn answer(result: i64, words: [u64; WORDS]) -> Result<Answer, Error> {
    if result >= 0 {
        Ok(Answer { result: result.cast_unsigned(), words })
    } else {
        Err(Error::from_code(result))
    }
}

/// A result that says nothing but yes or no.
#[inline(always)]
pub(crate) fn outcome(result: i64) -> Result<(), Error> {
    if result >= 0 { Ok(()) } else { Err(Error::from_code(result)) }
}

#[cfg(test)]
mod tests {
    use anax_abi::object::SpaceCommand;
    use anax_abi::{Envelope, Flags, Operation};

    use super::*;
    use crate::letter::initmsg;
    use crate::time::Instant;
    use crate::trap::{Incoming, fake};

    const TARGET: Target = Target::from_handle(Handle::new(5, 3));
    const PORT: Port = Port::from_handle(Handle::new(6, 1));
    const WORDS_IN: [u64; WORDS] = [1, 2, 3, 4, 5];
    const YES: Incoming = Incoming {
        outcome: 9,
        number: 0,
        words: [6; WORDS],
        badge: 0,
        envelope: Envelope(2 << 48),
        result: 0,
        came: 0,
    };

    #[test]
    fn a_plain_call() {
        fake::answer(YES);
        assert_eq!(TARGET.domsg(0x1234, WORDS_IN), Ok(Answer { result: 9, words: [6; WORDS] }));
        let trap = fake::only();
        assert_eq!((trap.operation, trap.command), (Operation::Call, 0x1234));
        assert_eq!((trap.handle, trap.words), (TARGET.handle().to_word(), WORDS_IN));
        fake::answer(Incoming { outcome: -14, ..YES });
        assert_eq!(TARGET.domsg(0x1234, WORDS_IN), Err(Error::PeerDied));
    }

    #[test]
    fn a_call_with_everything() {
        fake::answer(YES);
        let mut message = initmsg(7, WORDS_IN);
        message.flags = Flags::PRIORITY.with(Flags::ABORTABLE);
        let deadline = Deadline::at(Instant::from_nanoseconds(77));
        let (_, came) = TARGET.domsg_until(&message, deadline).unwrap();
        assert_eq!(came.count(), 2);
        let trap = fake::only();
        assert_eq!((trap.operation, trap.command, trap.words), (Operation::CallUntil, 7, WORDS_IN));
        assert_eq!((trap.r13, trap.r15), (5, 77));

        let beside = Beside::given(Handle::new(9, 4));
        assert!(TARGET.domsg_with(&message, beside).is_ok());
        let trap = fake::only();
        assert_eq!((trap.operation, trap.command, trap.words), (Operation::CallWith, 7, WORDS_IN));
        assert_eq!((trap.r13, trap.r15), (beside.along(message.flags).0, beside.handle.to_word()));
    }

    #[test]
    fn send_and_forward() {
        fake::answer(YES);
        let message = Message { token: 88, flags: Flags::DROPPABLE, ..initmsg(7, WORDS_IN) };
        assert_eq!(TARGET.beginmsg(&message, PORT), Ok(MessageNumber::from_word(9)));
        let trap = fake::only();
        assert_eq!((trap.operation, trap.command, trap.words), (Operation::Send, 7, WORDS_IN));
        assert_eq!((trap.r12, trap.r13, trap.r14), (88, 2, PORT.handle().to_word()));

        assert_eq!(TARGET.forwardmsg(MessageNumber::from_word(4), 8, WORDS_IN), Ok(()));
        let trap = fake::only();
        assert_eq!((trap.operation, trap.command, trap.r12), (Operation::Forward, 8, 4));
        assert_eq!(trap.handle, TARGET.handle().to_word());
    }

    #[test]
    fn memory_is_not_reached_by_the_way() {
        let unmap = SpaceCommand::Unmap as u32;
        let message = initmsg(unmap, WORDS_IN);
        assert_eq!(TARGET.domsg(unmap, WORDS_IN), Err(Error::BadCommand));
        assert_eq!(TARGET.domsg_until(&message, Deadline::NEVER), Err(Error::BadCommand));
        assert_eq!(TARGET.beginmsg(&message, PORT), Err(Error::BadCommand));
        assert_eq!(TARGET.forwardmsg(MessageNumber::from_word(4), unmap, WORDS_IN), Err(Error::BadCommand));
        fake::none();
    }
}
