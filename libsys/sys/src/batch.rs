//! Many messages by one trap: system calls, and messages to servers' ports.
//!
//! They are put in a ring of slots, served in order by one trap, and taken out with their results. What would make the thread wait is
//! left to a call of its own: the batch ends before it, and goes on behind it the next time.

use anax_abi::{Error, Flags, Handle, Message, WORDS};

use crate::guard::reaches_memory;
use crate::port::Port;
use crate::target::Target;
use crate::trap;

/// A ring of messages for the kernel.
#[derive(Debug)]
pub struct Batch<'a> {
    slots: &'a mut [Message],
    /// Positions, which run freely: the next to push, the next to serve, the next to take out.
    pushed: u32,
    served: u32,
    taken: u32,
}

impl<'a> Batch<'a> {
    /// An empty one in these slots, which have to be a power of two of at most 65,536.
    ///
    /// # Errors
    /// `BadArgument` if they aren't.
    pub const fn new(slots: &'a mut [Message]) -> Result<Self, Error> {
        if !slots.len().is_power_of_two() || slots.len() > 1 << 16 {
            return Err(Error::BadArgument);
        }
        Ok(Self { slots, pushed: 0, served: 0, taken: 0 })
    }

    /// Puts a call of an object of the kernel's in, with as many words as its command takes; the others are what they were in that slot.
    ///
    /// # Errors
    /// `Full`: take results out first. `BadCommand` for those few of the kernel's commands that reach the caller's memory.
    #[inline(always)]
    pub fn push<const N: usize>(
        &mut self,
        target: Target,
        command: u32,
        words: [u64; N],
    ) -> Result<(), Error> {
        const { assert!(N <= WORDS) };
        if reaches_memory(command) {
            return Err(Error::BadCommand);
        }
        let slot = self.free()?;
        (slot.command, slot.flags, slot.handles, slot.reserved) = (command, Flags::NONE, 0, 0);
        slot.result = target.handle().to_word().cast_signed();
        slot.words[..N].copy_from_slice(&words);
        self.pushed = self.pushed.wrapping_add(1);
        Ok(())
    }

    /// Puts a message to a port in: command, flags, token and words.
    ///
    /// # Errors
    /// As [`Batch::push`].
    #[inline(always)]
    pub fn push_message(&mut self, target: Target, message: &Message) -> Result<(), Error> {
        if reaches_memory(message.command) {
            return Err(Error::BadCommand);
        }
        let result = target.handle().to_word().cast_signed();
        *self.free()? = Message { handles: 0, reserved: 0, result, ..*message };
        self.pushed = self.pushed.wrapping_add(1);
        Ok(())
    }

    /// The next slot to push.
    #[inline(always)]
    fn free(&mut self) -> Result<&mut Message, Error> {
        let place = self.pushed as usize & self.slots.len().wrapping_sub(1);
        let free = self.pushed.wrapping_sub(self.taken) as usize != self.slots.len();
        self.slots.get_mut(place).filter(|_| free).ok_or(Error::Full)
    }

    /// Has the messages served, by as few traps as it takes; how many are still to be: the first of these has to be called by itself
    /// ([`Batch::skip`]).
    ///
    /// # Errors
    /// None that correct use can have.
    #[inline]
    pub fn drain(&mut self) -> Result<u32, Error> {
        self.drain_for(Handle::from_word(0))
    }

    /// The same; replies to messages to ports come to `reply_port`. A port's slot gets the message's number as its result.
    ///
    /// # Errors
    /// As [`Batch::drain`].
    #[inline]
    pub fn drain_to(&mut self, reply_port: Port) -> Result<u32, Error> {
        self.drain_for(reply_port.handle())
    }

    #[inline]
    fn drain_for(&mut self, reply_port: Handle) -> Result<u32, Error> {
        loop {
            let left = self.pushed.wrapping_sub(self.served);
            let (slots, count) = (self.slots.as_mut_ptr(), self.slots.len());
            // SAFETY: the slots are this ring's alone, and no command in them touches memory.
            let served = unsafe { trap::drain(slots, count, self.served, left, reply_port) };
            if served < 0 {
                return Err(Error::from_code(served));
            }
            self.served = self.served.wrapping_add(served as u32);
            if served == 0 || self.served == self.pushed {
                return Ok(self.pushed.wrapping_sub(self.served));
            }
        }
    }

    /// The next message that was served, with its result and words.
    #[inline(always)]
    pub fn pop(&mut self) -> Option<&Message> {
        if self.taken == self.served {
            return None;
        }
        let place = self.taken as usize & self.slots.len().wrapping_sub(1);
        self.taken = self.taken.wrapping_add(1);
        self.slots.get(place)
    }

    /// Takes out all that were served, in order: those up to the end of the ring, and those from its beginning.
    #[inline]
    pub fn take(&mut self) -> (&[Message], &[Message]) {
        let mask = self.slots.len().wrapping_sub(1);
        let (from, count) = (self.taken as usize & mask, self.served.wrapping_sub(self.taken) as usize);
        self.taken = self.served;
        let first = count.min(self.slots.len() - from);
        let (head, tail) = self.slots.split_at(from);
        (tail.get(..first).unwrap_or_default(), head.get(..count - first).unwrap_or_default())
    }

    /// Takes out the first message that was not served, if all before it have been taken out: for a call of its own.
    pub fn skip(&mut self) -> Option<(Target, Message)> {
        if self.taken != self.served || self.served == self.pushed {
            return None;
        }
        self.served = self.served.wrapping_add(1);
        let message = *self.pop()?;
        let target = Target::from_handle(Handle::from_word(message.result.cast_unsigned()));
        Some((target, Message { result: 0, ..message }))
    }
}

#[cfg(test)]
mod tests {
    use anax_abi::Operation;
    use anax_abi::object::SpaceCommand;

    use super::*;
    use crate::letter::initmsg;
    use crate::trap::{Incoming, fake};

    const TARGET: Target = Target::from_handle(Handle::new(5, 3));

    fn kernel_serves(count: i64) {
        let envelope = anax_abi::Envelope(0);
        let words = [0; WORDS];
        fake::answer(Incoming { outcome: count, number: 0, words, badge: 0, envelope, result: 0, came: 0 });
    }

    #[test]
    fn a_ring_that_runs_round() {
        let mut slots = [initmsg(0, [0; WORDS]); 4];
        let mut batch = Batch::new(&mut slots).unwrap();
        for round in 0..10 {
            for number in 0..3 {
                assert_eq!(batch.push(TARGET, 7, [round, number, 0, 0, 0]), Ok(()));
            }
            kernel_serves(3);
            assert_eq!(batch.drain(), Ok(0));
            let trap = fake::only();
            assert_eq!(trap.operation, Operation::Drain);
            assert_eq!(trap.words[1..], [4, round * 3, 3, 0]);
            let (first, rest) = batch.take();
            assert_eq!(first.len() + rest.len(), 3);
            for (number, message) in first.iter().chain(rest).enumerate() {
                let number = number as u64;
                assert_eq!((message.command, message.words[0], message.words[1]), (7, round, number));
                assert_eq!(message.result.cast_unsigned(), TARGET.handle().to_word());
            }
            assert!(batch.pop().is_none());
        }
    }

    #[test]
    fn full_and_what_has_to_be_called_by_itself() {
        let mut slots = [initmsg(0, [0; WORDS]); 2];
        let mut batch = Batch::new(&mut slots).unwrap();
        assert_eq!(batch.push(TARGET, SpaceCommand::Unmap as u32, [0; WORDS]), Err(Error::BadCommand));
        assert_eq!(batch.push(TARGET, 8, [1; WORDS]), Ok(()));
        assert_eq!(batch.push(TARGET, 9, [2; WORDS]), Ok(()));
        assert_eq!(batch.push(TARGET, 9, [2; WORDS]), Err(Error::Full));
        kernel_serves(0);
        assert_eq!(batch.drain(), Ok(2));
        fake::only();
        assert_eq!(batch.skip(), Some((TARGET, initmsg(8, [1; WORDS]))));
        kernel_serves(1);
        assert_eq!(batch.drain(), Ok(0));
        assert_eq!(fake::only().words[2..4], [1, 1]);
        assert_eq!(batch.skip(), None);
        assert_eq!(batch.pop().map(|message| message.command), Some(9));
        assert!(Batch::new(&mut [initmsg(0, [0; WORDS]); 3]).is_err());
    }

    #[test]
    fn a_ring_that_makes_no_sense() {
        let mut slots = [initmsg(0, [0; WORDS]); 2];
        let mut batch = Batch::new(&mut slots).unwrap();
        assert_eq!(batch.push(TARGET, 8, [1; WORDS]), Ok(()));
        kernel_serves(Error::BadAddress.code());
        assert_eq!(batch.drain(), Err(Error::BadAddress));
    }
}
