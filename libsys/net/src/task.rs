//! For tasks (`anax_task`): many connections by one thread.
//!
//! What a socket waits for is a question that the server has and answers when there is news. It belongs to the socket, so futures may be dropped at any
//! time: `race` and `timeout` lose nothing. A socket's rings go back to the arena when the server has answered that it is closed, or has died.

mod attachment;
mod datagram;
mod hosts;
mod lending;
mod listener;
mod open;
mod reaper;
mod session;
mod stream;

pub use datagram::{Broadcast, Datagram, Receiver, Sender, UdpSocket};
pub use hosts::{
    Change, Version, assign, counters, interfaces, lookup, neighbours, ping, route, routes, wait_until_ready,
};
pub use lending::{Loan, Lying, Reading, Source};
pub use listener::{Listening, TcpListener};
pub use session::Session;
pub use stream::{NoDelay, ReadHalf, TcpStream, WriteHalf};
