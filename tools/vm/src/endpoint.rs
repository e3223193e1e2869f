//! The host's end of a serial line: a socket that the emulator connects to.
//!
//! The tool listens before it starts the emulator, so there is nothing to wait for and no port to guess.
//! A Unix socket where the emulator knows them (nobody else can connect), else a loopback TCP port.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

/// Both directions of an accepted connection.
pub(crate) type Connection = (Box<dyn Read + Send>, Box<dyn Write + Send>);

/// A socket that waits for the emulator.
pub(crate) enum Endpoint {
    Unix(UnixListener),
    Tcp(TcpListener),
}

/// Where an [`Endpoint`] listens.
#[derive(Clone)]
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

    /// Waits for the emulator. [`Address::wake`] ends the wait.
    pub(crate) fn accept(self) -> io::Result<Connection> {
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

impl Address {
    /// Connects and hangs up, so that an accept which no emulator will ever answer returns.
    pub(crate) fn wake(&self) {
        // If it fails, the listener is gone: the accept has long returned.
        match self {
            Self::Unix(path) => drop(UnixStream::connect(path)),
            Self::Tcp(port) => drop(TcpStream::connect((Ipv4Addr::LOCALHOST, *port))),
        }
    }
}
