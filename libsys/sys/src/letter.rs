//! Messages that are sent and answered later, under the paper's names.
//!
//! A message of the kernel's is memory that changes hands; one of a program's is copied through registers, so what stays here is
//! only what it takes to wait for the reply: a reply port and a number.

use anax_abi::{Error, Message, MessageNumber, WORDS};

use crate::port::{Port, Received};
use crate::target::Target;
use crate::time::Deadline;

/// `initmsg`: a message without flags or token, for [`Target::domsg_until`].
#[must_use]
pub const fn initmsg(command: u32, words: [u64; WORDS]) -> Message {
    Message::new(command, words)
}

/// `initmsg_rp`: a message whose reply comes to `reply_port`.
#[must_use]
pub const fn initmsg_rp(reply_port: Port, command: u32, words: [u64; WORDS]) -> Letter {
    Letter { message: initmsg(command, words), reply_port, under_way: None }
}

/// A message with its reply port: sent at most once at a time.
#[derive(Clone, Debug)]
pub struct Letter {
    /// What is sent next.
    pub message: Message,
    reply_port: Port,
    under_way: Option<MessageNumber>,
}

impl Letter {
    /// `reinitmsg`: ready to be sent anew, with another reply port. Whatever is under way is no longer waited for.
    pub const fn reinitmsg(&mut self, reply_port: Port) {
        self.reply_port = reply_port;
        self.under_way = None;
    }

    /// Its number while it is under way.
    #[must_use]
    pub const fn number(&self) -> Option<MessageNumber> {
        self.under_way
    }

    /// `sendmsg`: sends it and goes on.
    ///
    /// # Errors
    /// `Exists` if it is under way already; else as [`Target::beginmsg`], and no reply will come.
    pub fn sendmsg(&mut self, target: Target) -> Result<MessageNumber, Error> {
        if self.under_way.is_some() {
            return Err(Error::Exists);
        }
        let number = target.beginmsg(&self.message, self.reply_port)?;
        self.under_way = Some(number);
        Ok(number)
    }

    /// `waitmsg`: waits for its reply. After a time-out it is still under way.
    ///
    /// # Errors
    /// `BadArgument` if it is not under way; else as [`Port::waitmsg`].
    pub fn waitmsg(&mut self, deadline: Deadline) -> Result<Received, Error> {
        let number = self.under_way.ok_or(Error::BadArgument)?;
        let reply = self.reply_port.waitmsg(number, deadline)?;
        self.under_way = None;
        Ok(reply)
    }

    /// `abortmsg`: asks for its early end; the reply is still to be waited for.
    ///
    /// # Errors
    /// `BadArgument` if it is not under way; else as [`Port::abortmsg`].
    pub fn abortmsg(&self) -> Result<(), Error> {
        self.reply_port.abortmsg(self.under_way.ok_or(Error::BadArgument)?)
    }
}

#[cfg(test)]
mod tests {
    use anax_abi::{Envelope, Handle, Operation};

    use super::*;
    use crate::trap::{Incoming, fake};

    #[test]
    fn sent_waited_for_and_sent_again() {
        let target = Target::from_handle(Handle::new(1, 1));
        let port = Port::from_handle(Handle::new(2, 1));
        let back = Incoming {
            outcome: 5,
            number: 0,
            words: [0; WORDS],
            badge: 0,
            envelope: Envelope(0),
            result: 0,
            came: 0,
        };
        fake::answer(back);
        let mut letter = initmsg_rp(port, 3, [0; WORDS]);
        assert_eq!(letter.waitmsg(Deadline::NEVER).err(), Some(Error::BadArgument));
        assert_eq!(letter.abortmsg(), Err(Error::BadArgument));
        assert_eq!(letter.sendmsg(target), Ok(MessageNumber::from_word(5)));
        assert_eq!(fake::only().operation, Operation::Send);
        assert_eq!(letter.sendmsg(target), Err(Error::Exists));
        fake::none();

        fake::answer(Incoming { outcome: Error::TimedOut.code(), ..back });
        assert_eq!(letter.waitmsg(Deadline::NEVER).err(), Some(Error::TimedOut));
        let trap = fake::only();
        assert_eq!((trap.operation, trap.handle, trap.r12), (Operation::WaitFor, port.handle().to_word(), 5));
        assert!(letter.number().is_some());

        fake::answer(back);
        assert!(letter.waitmsg(Deadline::NEVER).is_ok());
        assert_eq!(letter.number(), None);
    }
}
