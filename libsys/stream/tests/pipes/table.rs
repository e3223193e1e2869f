//! A host, and a pipe's users.

use std::collections::{BTreeMap, BTreeSet};

use anax_abi::{Error, Handle, Rights};
use anax_proto::{Answered, Caller, Gift, Later};
use anax_stream::{ByteStream, Host, Piece, Pipes};

/// What was answered, lent memory, and who is dead.
#[derive(Debug, Default)]
pub(crate) struct Table {
    pub(crate) answered: Vec<Answered>,
    pub(crate) memory: BTreeMap<u64, Vec<u8>>,
    pub(crate) dead: BTreeSet<u64>,
    pub(crate) closed: Vec<Handle>,
}

impl Host for Table {
    fn answer(&mut self, answered: &Answered) -> bool {
        self.answered.push(*answered);
        !self.dead.contains(&answered.ticket)
    }

    fn copy_out(&mut self, memory: Handle, to: &mut [u8]) -> Result<(), Error> {
        let memory = self.memory.get(&memory.to_word()).ok_or(Error::BadArgument)?;
        to.copy_from_slice(memory.get(..to.len()).ok_or(Error::BadArgument)?);
        Ok(())
    }

    fn copy_in(&mut self, memory: Handle, from: &[u8]) -> Result<(), Error> {
        let memory = self.memory.get_mut(&memory.to_word()).ok_or(Error::BadArgument)?;
        memory.get_mut(..from.len()).ok_or(Error::BadArgument)?.copy_from_slice(from);
        Ok(())
    }

    fn close(&mut self, handle: Handle) {
        self.closed.push(handle);
    }
}

/// What somebody who asked has got.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Got {
    /// He still waits.
    Nothing,
    /// He was refused.
    Failed(Error),
    /// Bytes, or none.
    Bytes(Vec<u8>),
}

/// A pipe and its users, by their tickets.
pub(crate) struct Users {
    pub(crate) pipes: Pipes<Table>,
    pub(crate) reader: Caller,
    pub(crate) writer: Caller,
    tickets: u64,
}

/// The handle of what is lent.
pub(crate) const LENT: Handle = Handle::new(9, 1);

impl Users {
    pub(crate) fn new() -> Self {
        let mut pipes = Pipes::new(Table::default());
        let [reader, writer] = pipes.make().unwrap().map(Caller);
        Self { pipes, reader, writer, tickets: 0 }
    }

    fn ticket(&mut self) -> u64 {
        self.tickets += 1;
        self.tickets
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) -> u64 {
        let (ticket, (length, words)) = (self.ticket(), Piece::beginning(bytes).words());
        self.pipes.write(self.writer, length, words, Later::new(ticket));
        ticket
    }

    pub(crate) fn read(&mut self, most: u8) -> u64 {
        let ticket = self.ticket();
        self.pipes.read(self.reader, most, Later::new(ticket));
        ticket
    }

    pub(crate) fn ready(&mut self, end: Caller) -> u64 {
        let ticket = self.ticket();
        self.pipes.ready(end, Later::new(ticket));
        ticket
    }

    pub(crate) fn write_from(&mut self, bytes: &[u8]) -> Result<u64, Error> {
        self.pipes.host().memory.insert(LENT.to_word(), bytes.to_vec());
        self.pipes.write_from(self.writer, bytes.len() as u64, Gift::copy(LENT, Rights::ALL))
    }

    pub(crate) fn read_into(&mut self, most: usize) -> Result<Vec<u8>, Error> {
        self.pipes.host().memory.insert(LENT.to_word(), vec![0; most]);
        let count = self.pipes.read_into(self.reader, most as u64, Gift::copy(LENT, Rights::ALL))?;
        Ok(self.pipes.host().memory[&LENT.to_word()][..count as usize].to_vec())
    }

    /// What was answered to that one.
    pub(crate) fn got(&mut self, ticket: u64) -> Got {
        let all = &self.pipes.host().answered;
        let mut its = all.iter().filter(|answered| answered.ticket == ticket);
        let got = its.next().map_or(Got::Nothing, got);
        assert!(its.next().is_none(), "answered twice");
        got
    }
}

/// What an answer says.
pub(crate) fn got(answered: &Answered) -> Got {
    if answered.reply.code != 0 {
        return Got::Failed(Error::from_code(answered.reply.code));
    }
    let [length, words @ ..] = answered.reply.words;
    Got::Bytes(Piece::from_words(length as u8, words).expect("at most a piece").bytes().to_vec())
}
