//! The host's end of a serial line: a socket that the emulator connects to.
//!
//! The tool listens before it starts the emulator, so there is nothing to wait for and no port to guess.
//! A Unix socket where the emulator knows them (nobody else can connect), else a loopback TCP port.

use std::io::{self, PipeReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::os::fd::AsFd;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use rustix::event::{PollFd, PollFlags, poll};

/// Both directions of an accepted connection.
pub(crate) type Connection = (Box<dyn Read + Send>, Box<dyn Write + Send>);

/// A socket that waits for the emulator.
pub(crate) enum Endpoint {
    Unix(UnixListener),
    Tcp(TcpListener),
}

/// Where an [`Endpoint`] listens.
pub(crate) enum Address {
    Unix(PathBuf),
    Tcp(u16),
}

impl Endpoint {
    /// Listens on a new Unix socket at `path`.
    pub(crate) fn unix(path: &Path) -> io::Result<(Self, Address)> {
        Ok((Self::Unix(UnixListener::bind(path)?), Address::Unix(path.to_owned())))
    }

    /// Listens on a free loopback port.
    pub(crate) fn tcp() -> io::Result<(Self, Address)> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let port = listener.local_addr()?.port();
        Ok((Self::Tcp(listener), Address::Tcp(port)))
    }

    /// Waits for the emulator to connect; gives up when the other end of `stop` is closed.
    pub(crate) fn accept(self, stop: &PipeReader) -> io::Result<Connection> {
        let listener = match &self {
            Self::Unix(listener) => listener.as_fd(),
            Self::Tcp(listener) => listener.as_fd(),
        };
        let mut either =
            [PollFd::from_borrowed_fd(listener, PollFlags::IN), PollFd::new(stop, PollFlags::IN)];
        // A signal that the tool survives must not end the wait.
        while poll(&mut either, None) == Err(rustix::io::Errno::INTR) {}
        // What has connected is heard, even if its emulator is gone already.
        if !either[0].revents().contains(PollFlags::IN) {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        match self {
            Self::Unix(listener) => {
                let (stream, _) = listener.accept()?;
                Ok((Box::new(stream.try_clone()?), Box::new(stream)))
            }
            Self::Tcp(listener) => {
                let (stream, _) = listener.accept()?;
                stream.set_nodelay(true)?;
                Ok((Box::new(stream.try_clone()?), Box::new(stream)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpStream;

    use super::*;

    #[test]
    fn a_wait_can_be_called_off() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        for endpoint in [Endpoint::tcp(), Endpoint::unix(&folder.path().join("line"))] {
            let (endpoint, _) = endpoint.expect("an endpoint");
            let (stopped, stop) = io::pipe().expect("a pipe");
            drop(stop);
            assert!(endpoint.accept(&stopped).is_err());
        }
    }

    #[test]
    fn who_has_connected_is_heard_all_the_same() {
        let (endpoint, address) = Endpoint::tcp().expect("an endpoint");
        let Address::Tcp(port) = address else { panic!("not TCP") };
        let mut client = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).expect("connected");
        client.write_all(b"last words").expect("written");
        drop(client);
        let (stopped, stop) = io::pipe().expect("a pipe");
        drop(stop);
        let (mut reader, _writer) = endpoint.accept(&stopped).expect("accepted");
        let mut words = String::new();
        reader.read_to_string(&mut words).expect("read");
        assert_eq!(words, "last words");
    }
}
