//! Messages and ports: the paper's Table II.
//!
//! | file | what |
//! |---|---|
//! | `message` | a message on its way: whose it is, where it is, which use of it |
//! | `port` | a port: its owner, its queue |
//! | `transfer` | sending, receiving, replying, and all other ways in which a message can end |
//! | `trap` | the operations as user code asks for them by a trap, and the short way for the most common |
//! | `direct` | doorbells and interrupts that take the CPU from user code at once |
//! | `table2` | the same calls for threads of the kernel |
//!
//! **A message's home is the CPU of the port that it was sent to**, while it waits there or is being answered. Reply, abort, time-out
//! and death of either side all happen at the home, one after the other, so exactly one of them ends the message; whoever comes
//! too late finds another generation. Requests from other CPUs come by the crossbar. The sender's registers or its message
//! object hold the words, so nothing is allocated on the way.

mod direct;
mod message;
mod port;
pub(crate) mod table2;
mod transfer;
mod trap;

pub(crate) use direct::interrupted;
pub(crate) use message::{Message, Notice, Sender};
pub(crate) use port::Port;
pub(crate) use transfer::{Flow, abandon, notify, tell, withdraw};
pub(crate) use trap::{Registers, call, offered, prepare_registers, reply_wait, send};
