//! What programs link that speak to others over the network.
//!
//! ```text
//! let net = Session::open()?;
//! let mut stream = TcpStream::connect(&net, "10.0.2.2:80".parse()?)?;
//! stream.write_all(b"GET / HTTP/1.0\r\n\r\n")?;
//! let count = stream.read(&mut buffer)?;
//! ```
//!
//! A [`Session`] is one thread's: an arena of memory that it shares with the network server, where its sockets have their rings, and a way to each protocol thread.
//! Data is written to and read from those rings, and messages say only how far both sides are: reading what has come needs none, and a request and its
//! response are one, with its answer. [`TcpStream::readable`] and [`TcpStream::writable`] give the rings themselves.
//!
//! | module | about |
//! |---|---|
//! | `session`, `stream`, `listener`, `datagram` | for code that waits |
//! | [`task`] | the same for tasks, on which the others stand |
//! | [`attach`] | how a session begins |
//! | `arena`, `pages`, `flow` | shared memory, who has which of it, how far a socket is |
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod address;
mod arena;
pub mod attach;
mod datagram;
mod flow;
mod listener;
mod pages;
mod pieces;
mod session;
mod stream;
pub mod task;
mod way;

pub use anax_socket::{Failure, InterfaceReport, LONGEST_SHOWN, LinkKind, NeighbourReport, RouteReport};
pub use arena::{Memory, Sizes};
pub use datagram::UdpSocket;
pub use listener::TcpListener;
pub use pieces::copy;
pub use session::Session;
pub use stream::TcpStream;
pub use task::{Broadcast, Change, Listening, Loan, Lying, NoDelay, Reading, Source, Version};
