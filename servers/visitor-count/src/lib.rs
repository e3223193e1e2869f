//! What clients can ask of visitor-count, and the server that answers. Nothing here needs the machine, so that it is tested on the host.
#![no_std]
#![forbid(unsafe_code)]

use anax_abi::Error;

/// A total that all clients add to.
#[anax_proto::interface]
pub trait VisitorCount {
    /// Adds to the total. `BadArgument` if it would become too large.
    fn add(&mut self, amount: u64) -> Result<(), Error>;

    /// The total. Asked again of the server's successor if the server dies over it.
    #[idempotent]
    fn total(&mut self) -> Result<u64, Error>;
}

/// The server and its state, which begins at nothing whenever it is started.
#[derive(Debug, Default)]
pub struct Server(u64);

impl VisitorCount for Server {
    fn add(&mut self, amount: u64) -> Result<(), Error> {
        self.0 = self.0.checked_add(amount).ok_or(Error::BadArgument)?;
        Ok(())
    }

    fn total(&mut self) -> Result<u64, Error> {
        Ok(self.0)
    }
}

#[cfg(test)]
mod tests {
    use anax_proto::{Caller, Loopback, Mood};
    use anax_storm::{cases, storm};

    use super::visitor_count::Serve;
    use super::*;

    fn client() -> VisitorCountClient<Loopback<Serve<Server>>> {
        VisitorCountClient::over(Loopback::new(Serve(Server::default()), Caller(1)))
    }

    #[test]
    fn it_adds_up() {
        let mut client = client();
        assert_eq!((client.add(3), client.add(4)), (Ok(()), Ok(())));
        assert_eq!(client.add(u64::MAX), Err(Error::BadArgument));
        assert_eq!(client.total(), Ok(7));
    }

    #[test]
    fn a_server_that_dies_is_a_value() {
        let mut client = client();
        client.transport().set_mood(Mood::DiesBefore);
        assert_eq!(client.add(3), Err(Error::PeerDied), "only the caller knows whether to ask again");
        client.transport().set_mood(Mood::DiesBefore);
        assert_eq!(client.total(), Ok(0), "the successor was asked");
        assert_eq!(client.transport().deaths(), 2);
    }

    #[test]
    fn a_storm_of_requests() {
        let mut before = 0;
        storm(&mut Serve(Server::default()), 1, cases(), &["visitor-count"], |Serve(server), _| {
            assert!(server.0 >= before, "nobody takes anything away");
            before = server.0;
        });
    }
}
