//! A worked example in three parts: what a key-value server is asked and does, and its content as a file system. The programs are in `main.rs`; the text that goes with them is
//! `docs/tutorial-key-value.md` and `docs/tutorial-file-system.md`.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod files;

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use anax_abi::Error;

/// Keys and values that the server keeps at most, and bytes of each.
pub const MOST: usize = 4096;
/// Bytes of a key, and of a value.
pub const LONGEST: usize = 1024;

/// Values by their keys, for all clients.
#[anax_proto::interface]
pub trait KeyValue {
    /// The value of a key. `BadArgument`: it has none.
    #[control]
    #[idempotent]
    fn get(&mut self, key: String) -> Result<String, Error>;

    /// Gives a key a value in place of the one that it had. `Quota`: there are too many; `BadArgument`: it is too long.
    #[control]
    #[idempotent]
    fn put(&mut self, key: String, value: String) -> Result<(), Error>;

    /// Takes a key and its value away. `BadArgument`: there is no such key.
    #[control]
    fn remove(&mut self, key: String) -> Result<(), Error>;

    /// Keys behind that one in their order, as many as fit into an answer.
    #[control]
    #[idempotent]
    fn keys(&mut self, after: String) -> Result<Vec<String>, Error>;
}

/// The server.
#[derive(Debug, Default)]
pub struct Server(BTreeMap<String, String>);

impl KeyValue for Server {
    fn get(&mut self, key: String) -> Result<String, Error> {
        self.0.get(&key).cloned().ok_or(Error::BadArgument)
    }

    fn put(&mut self, key: String, value: String) -> Result<(), Error> {
        if key.len() > LONGEST || value.len() > LONGEST {
            return Err(Error::BadArgument);
        }
        if self.0.len() >= MOST && !self.0.contains_key(&key) {
            return Err(Error::Quota);
        }
        self.0.insert(key, value);
        Ok(())
    }

    fn remove(&mut self, key: String) -> Result<(), Error> {
        self.0.remove(&key).map(drop).ok_or(Error::BadArgument)
    }

    fn keys(&mut self, after: String) -> Result<Vec<String>, Error> {
        let mut room = 3072;
        let fits = |key: &&String| {
            room -= (key.len() as i64 + 2).min(room);
            room > 0
        };
        let behind = self.0.keys().skip_while(|key| !after.is_empty() && **key <= after);
        Ok(behind.take_while(fits).cloned().collect())
    }
}

#[cfg(test)]
mod tests {
    use anax_proto::{Caller, Loopback, Mood};

    use super::key_value::Serve;
    use super::*;

    fn client() -> KeyValueClient<Loopback<Serve<Server>>> {
        KeyValueClient::over(Loopback::new(Serve(Server::default()), Caller(1)))
    }

    #[test]
    fn what_was_put_is_got() {
        let mut client = client();
        client.put("planet".into(), "Mars".into()).unwrap();
        client.put("planet".into(), "Venus".into()).unwrap();
        assert_eq!(client.get("planet".into()).as_deref(), Ok("Venus"));
        assert_eq!(client.get("star".into()), Err(Error::BadArgument));
        assert_eq!(client.remove("planet".into()), Ok(()));
        assert_eq!(client.remove("planet".into()), Err(Error::BadArgument));
    }

    #[test]
    fn limits_are_errors() {
        let mut client = client();
        let long = "x".repeat(LONGEST + 1);
        assert_eq!(client.put(long.clone(), "".into()), Err(Error::BadArgument));
        assert_eq!(client.put("".into(), long), Err(Error::BadArgument));
        for number in 0..MOST {
            client.put(alloc::format!("{number:05}"), "".into()).unwrap();
        }
        assert_eq!(client.put("one more".into(), "".into()), Err(Error::Quota));
        let (mut all, mut after) = (0, String::new());
        loop {
            let keys = client.keys(after).unwrap();
            let Some(last) = keys.last() else { break };
            all += keys.len();
            after = last.clone();
        }
        assert_eq!(all, MOST);
    }

    #[test]
    fn a_successor_is_asked_again() {
        let mut client = client();
        client.transport().set_mood(Mood::DiesBefore);
        assert_eq!(client.put("a".into(), "b".into()), Ok(()), "putting twice is as good as once");
        client.transport().set_mood(Mood::DiesAfter);
        assert_eq!(
            client.remove("a".into()),
            Err(Error::PeerDied),
            "only the caller knows whether to ask again"
        );
    }

    #[test]
    fn a_storm_of_requests() {
        anax_storm::storm(&mut Serve(Server::default()), 1, anax_storm::cases(), &["planet"], |_, _| {});
    }
}
