//! What the two programs of this package agree on: the server that is killed tells its own life from its predecessor's.
#![no_std]
#![forbid(unsafe_code)]

use anax_abi::Error;

/// A server that knows when it was started.
#[anax_proto::interface]
pub trait Alive {
    /// That time, in nanoseconds since boot. Asked again of a successor, which names a later one.
    #[idempotent]
    fn since(&mut self) -> Result<u64, Error>;
}

/// The server, with that time.
#[derive(Debug)]
pub struct Server(pub u64);

impl Alive for Server {
    fn since(&mut self) -> Result<u64, Error> {
        Ok(self.0)
    }
}

#[cfg(test)]
mod tests {
    use anax_proto::{Caller, Loopback, Mood};

    use super::*;

    #[test]
    fn it_is_asked_again_when_it_has_died() {
        let mut client = AliveClient::over(Loopback::new(alive::Serve(Server(7)), Caller(1)));
        client.transport().set_mood(Mood::DiesBefore);
        assert_eq!(client.since(), Ok(7));
        assert_eq!(client.transport().deaths(), 1);
    }
}
